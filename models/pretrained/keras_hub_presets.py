"""KerasHub's presets of ViT and GPT-2."""

import functools
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from utils.errors import UserError, unknown_name_error


def load_preset(kind: str, name: str) -> tuple[keras.Model, Any]:
    """Load KerasHub's backbone of ViT or GPT2, by a preset's name or folder.

    Return it with its image converter (None if the preset has none) or its tokenizer.
    """
    backbone_class = getattr(keras_hub.models, f"{kind}Backbone")
    is_folder = Path(name).is_dir()
    _check_preset_name(kind, name, list(backbone_class.presets))
    try:
        backbone = backbone_class.from_preset(name)
        if kind == "GPT2":
            return backbone, keras_hub.models.GPT2Tokenizer.from_preset(name)
        return backbone, _load_converter(name)
    except Exception as error:  # of several libraries, for downloads and for files
        reason = str(error).splitlines()[0][:160]
        if is_folder:
            raise UserError(
                f"{name} holds no KerasHub preset of {kind} ({reason}); save_to_preset writes one"
            ) from None
        raise _download_error(kind, name, reason) from None


def _check_preset_name(kind: str, name: str, known: list[str]) -> None:
    """Reject names that are neither a folder, an address nor a known preset."""
    if name.lower().startswith("hf://"):
        raise UserError(f"models of Hugging Face are named hf:OWNER/NAME (got {name})")
    if Path(name).is_dir() or "://" in name:
        return
    if "/" in name or "." in name:
        raise UserError(f"no file or folder {name} with weights of {kind}; give another path")
    if name not in known:
        raise unknown_name_error(f"preset of {kind}", name, known)


def _download_error(kind: str, name: str, reason: str) -> UserError:
    if kind == "GPT2":
        option = "--decoder-weights"
        alternative = "--decoder-weights none for a small decoder from random weights"
    else:
        option = "--weights"
        alternative = "another --encoder"
    return UserError(
        f"the preset {name} could not be downloaded ({reason}); use {option} FOLDER with a "
        "preset's folder or hf:FOLDER with a VisionEncoderDecoderModel that you have, "
        f"{alternative}, or --dataset scenes, which needs neither"
    )


def _load_converter(name: str) -> Any:
    """Load a preset's converter of images, or return None if it has none."""
    try:
        return keras_hub.layers.ImageConverter.from_preset(name)
    except FileNotFoundError:
        return None


@functools.lru_cache(1)
def _load_gpt2(weights: str) -> tuple[keras.Model, Any]:
    """Load a preset's backbone and tokenizer once, until `take_weights` frees them."""
    return load_preset("GPT2", weights)


def read_decoder_sizes(preset: str) -> dict[str, Any]:
    """Return the sizes of a transformer decoder that can take a preset's weights."""
    backbone, _ = _load_gpt2(preset)
    return {
        "units": backbone.hidden_dim,
        "layers": backbone.num_layers,
        "heads": backbone.num_heads,
        "inner": backbone.intermediate_dim,
        "positions": backbone.max_sequence_length,
        "epsilon": 1e-5,
    }


def load_vocabulary(preset: str) -> tuple[dict[str, int], list[str]]:
    """Return the pieces and merges of a preset's GPT-2."""
    _, tokenizer = _load_gpt2(preset)
    return dict(tokenizer.vocabulary), list(tokenizer.merges)


def take_weights(preset: str) -> dict[str, np.ndarray]:
    """Return the weights of a preset's GPT-2 by their paths, and free the preset."""
    backbone, _ = _load_gpt2(preset)
    weights = {variable.path: variable.numpy() for variable in backbone.weights}
    _load_gpt2.cache_clear()
    return weights
