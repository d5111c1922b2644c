"""A folder of Hugging Face's `VisionEncoderDecoderModel`, ViT and GPT-2, in a run's place: what it says of itself.

    python predict.py --run hf:FOLDER photo.jpg
    python train.py --from hf:FOLDER --dataset datasets/NAME
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import Refusal

if TYPE_CHECKING:
    import numpy as np

PREFIX = "hf:"
# What such captioners are used with, where the folder does not say otherwise.
SEARCH: dict[str, Any] = {"beam": 4, "length_penalty": 2.0, "no_repeat": 3}
# What is particular to a ViT and a GPT-2 here; of the first known value each means what it says.
_KNOWN = {"encoder": {"model_type": ("vit",), "hidden_act": ("gelu",)},
          "decoder": {"model_type": ("gpt2",), "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
                      "add_cross_attention": (True,), "scale_attn_weights": (True,),
                      "scale_attn_by_inverse_layer_idx": (False,), "tie_word_embeddings": (True,)}}


def named(run: Any) -> bool:
    """Whether `hf:FOLDER` stands where a run is named."""
    return str(run).startswith(PREFIX)


def folder_of(run: Any) -> Path:
    """The folder of `hf:FOLDER`, refused where it is not there."""
    folder = Path(str(run).removeprefix(PREFIX)).expanduser()
    if not folder.is_dir():
        raise Refusal(f"no folder {folder}; after hf: comes the folder of a VisionEncoderDecoderModel, as save_pretrained "
                      "writes it or as it is downloaded")
    return folder


def description(run: Any) -> dict[str, Any]:
    """Its config.json, of a ViT and a GPT-2 that are understood here."""
    folder = folder_of(run)
    found = _json(folder / "config.json")
    if found is None:
        raise Refusal(f"{folder} has no config.json: it is no Hugging Face model")
    if found.get("model_type") != "vision-encoder-decoder":
        raise Refusal(f"{folder} holds a {found.get('model_type')!r}; what is read is a vision-encoder-decoder, of ViT and "
                      "GPT-2")
    for half, wanted in _KNOWN.items():
        for name, values in wanted.items():
            value = found.get(half, {}).get(name, values[0])
            if value not in values:
                raise Refusal(f"{folder / 'config.json'}: the {half}'s {name} is {value!r}; what is read is "
                              f"{' or '.join(map(repr, values))}")
    return found


def sizes_of_encoder(run: Any) -> dict[str, Any]:
    """What its ViT is made with, by KerasHub's names, and how it wants pixels 0..255: scale and offset."""
    said = description(run)["encoder"]
    pixels = _json(folder_of(run) / "preprocessor_config.json") or {}
    size = said.get("image_size", 224)
    mean, deviation = pixels.get("image_mean", [0.5] * 3), pixels.get("image_std", [0.5] * 3)
    factor = pixels.get("rescale_factor", 1 / 255)
    width = said.get("hidden_size", 768)
    return {"image_shape": [size, size, 3], "patch_size": said.get("patch_size", 16),
            "num_layers": said.get("num_hidden_layers", 12), "num_heads": said.get("num_attention_heads", 12),
            "hidden_dim": width, "mlp_dim": said.get("intermediate_size", 4 * width),
            "layer_norm_epsilon": said.get("layer_norm_eps", 1e-12), "use_mha_bias": said.get("qkv_bias", True),
            "scale": [factor / each for each in deviation],
            "offset": [-one / each for one, each in zip(mean, deviation, strict=True)]}


def sizes_of_decoder(run: Any) -> dict[str, Any]:
    """What its GPT-2 is made with, by the names of settings here."""
    said = description(run)["decoder"]
    units = said.get("n_embd", 768)
    return {"units": units, "layers": said.get("n_layer", 12), "heads": said.get("n_head", 12),
            "inner": said.get("n_inner") or 4 * units, "positions": said.get("n_positions", 1024),
            "epsilon": said.get("layer_norm_epsilon", 1e-5)}


def config_of(run: Any) -> dict[str, Any]:
    """What a run's config.json would say of it."""
    vit, gpt2 = sizes_of_encoder(run), sizes_of_decoder(run)
    side = vit["image_shape"][0] // vit["patch_size"]
    said = description(run)
    said |= _json(folder_of(run) / "generation_config.json") or {}
    name = f"{PREFIX}{folder_of(run)}"
    names = {"beam": "num_beams", "length_penalty": "length_penalty", "no_repeat": "no_repeat_ngram_size"}
    search = {ours: said[theirs] for ours, theirs in names.items() if said.get(theirs)}
    longest = said.get("max_new_tokens") or said.get("max_length", 37) - 1  # their length counts the start
    return {"preset": "vit-gpt2", "encoder": "vit_b16", "weights": name, "encoder_weights": name, "layer": None,
            "image_size": None, "grid": None, "decoder": "transformer", "decoder_weights": name, **gpt2,
            "dropout": said["decoder"].get("resid_pdrop", 0.1), "attention": "soft", "tokenizer": "gpt2", "language": "en",
            "max_length": min(longest, gpt2["positions"] - 1), **SEARCH, **search, "sample": False,
            "temperature": 1.0, "top_k": None, "top_p": None, "seed": 0, "dataset": None,
            "fingerprint": {"grid": [side, side], "depth": vit["hidden_dim"], "whole": 1,
                            "image_size": vit["image_shape"][0]}}


def arrays(run: Any) -> "dict[str, np.ndarray]":
    """Its weights by their names there, from .safetensors; a pickle is never opened."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = folder_of(run)
    index = _json(folder / "model.safetensors.index.json")
    files = sorted(set(index["weight_map"].values())) if index else ["model.safetensors"]
    if not index and not (folder / files[0]).is_file():
        if (folder / "pytorch_model.bin").is_file():
            raise Refusal(f"{folder} has its weights as pytorch_model.bin alone, a pickle, which can run any program and is "
                          "not opened here. Where you trust it, this writes model.safetensors beside it (pip install torch "
                          "transformers):\n    python -c \"from transformers import VisionEncoderDecoderModel as M; "
                          f"M.from_pretrained('{folder}').save_pretrained('{folder}')\"")
        raise Refusal(f"{folder} has no model.safetensors: its weights are missing")
    found: dict[str, np.ndarray] = {}
    for file in files:
        try:
            found |= load_file(folder / file)
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise Refusal(f"{folder / file} cannot be read ({error}); restore it, or download it again") from None
    return found


def _json(file: Path) -> dict[str, Any] | None:
    """What a file of JSON says; None where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Refusal(f"{file} cannot be read ({error}); restore it, or download it again") from None
    if not isinstance(found, dict):
        raise Refusal(f"{file} is no description of a model; restore it, or download it again")
    return found
