"""A ViT with GPT-2 as the folder of a Hugging Face `VisionEncoderDecoderModel`.

`models/pretrained/vit_gpt2.py` reads such folders; this is the way back. What `transformers` has no
place for is rejected.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors.numpy import save_file

from data.photos.reading import Reading
from data.text.gpt2 import END_OF_TEXT, GPT2Tokenizer
from data.text.tokenizer import END, START
from models.decoders.transformer import TransformerDecoder
from models.pretrained.folder import PREPROCESSING, RESAMPLING
from models.pretrained.generation import EARLY_STOPPING, SEARCH_NAMES
from models.pretrained.source import Source
from models.pretrained.vit import DISTILLED
from models.pretrained.vit_gpt2 import GPT2_NAMES, WORD_VECTORS, ViTGPT2
from models.trained_captioner import TrainedCaptioner
from utils.errors import UserError
from utils.files import write_json, write_text

POSITIONS = f"{GPT2_NAMES['position_embedding']}.weight"
_MODEL = {
    "architectures": ["VisionEncoderDecoderModel"],
    "model_type": "vision-encoder-decoder",
    "is_encoder_decoder": True,
    "tie_word_embeddings": False,
    "dtype": "float32",
}
_DIGITS = 9  # of means and deviations, which were divided by others


def write_model(captioner: TrainedCaptioner, config: dict[str, Any], folder: Path) -> None:
    """Write a captioner with the `config` of its run into a folder, which is made if need be."""
    check_can_be_written(captioner, config)
    sizes = captioner.encoder.construction["sizes"]
    mark = captioner.tokenizer.end_of_text_id
    marks = {f"{name}_token_id": mark for name in ("bos", "eos", "pad", "decoder_start")}
    encoder = _describe_encoder(sizes)
    decoder = _describe_decoder(captioner, config["dropout"]) | marks
    generation = _describe_generation(captioner.settings, captioner.tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    weights = _collect_weights(captioner)
    file = folder / "model.safetensors"
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # it is made for its owner alone
    write_json(folder / "config.json", _MODEL | marks | {"encoder": encoder, "decoder": decoder})
    write_json(folder / "generation_config.json", marks | generation)
    write_json(folder / PREPROCESSING, _describe_preprocessing(captioner, sizes))
    _write_tokenizer(captioner.tokenizer, captioner.decoder.positions, folder)


# What is rejected.


def check_can_be_written(captioner: TrainedCaptioner, config: dict[str, Any]) -> None:
    """Reject a run that transformers could not caption with as it does here."""
    for reason in _find_obstacles(captioner, config):
        raise UserError(
            f"--to huggingface writes runs of ViT and GPT-2 as transformers has them; {reason}"
        )


def _find_obstacles(captioner: TrainedCaptioner, config: dict[str, Any]) -> Iterable[str]:
    """Yield reasons against a run, each with a remedy where there is one."""
    decoder, tokenizer = captioner.decoder, captioner.tokenizer
    if config["encoder"] != "vit_b16":
        yield f"the encoder must be vit_b16 (got {config['encoder']})"
    if not isinstance(decoder, TransformerDecoder):
        yield f"the decoder must be transformer (got {config['decoder']})"
    if not isinstance(tokenizer, GPT2Tokenizer):
        yield f"the tokenizer must be gpt2 (got {tokenizer.kind})"
    for name in ("layer", "grid"):
        if config.get(name) is not None:
            yield f"the decoder must see all of the ViT (got --{name} {config[name]})"
    if decoder.place.numpy().any() or decoder.bias.numpy()[END:].any():
        yield (
            "this one learned place vectors and an output bias, which GPT-2 lacks; "
            "train with --extra-weights none"
        )
    if not captioner.encoder.construction["sizes"].get("use_class_token", True):
        yield "the ViT must have a class token"
    if captioner.settings["crops"] > 1:
        yield f"it captions a photo as a whole, with --crops 1 (got {captioner.settings['crops']})"
    if captioner.settings["prompt"]:
        yield "it has no prompt; omit --prompt"


# Weights.


def _collect_weights(captioner: TrainedCaptioner) -> dict[str, np.ndarray]:
    """Return the weights by their names in transformers 4, which version 5 reads, too."""
    family, decoder = ViTGPT2(), captioner.decoder
    network = captioner.encoder.network
    weights = _gather(network.weights, family.find_encoder_source)
    prefix = f"{decoder.name}/"
    weights |= _gather(
        decoder.weights, lambda path: family.find_decoder_source(path.removeprefix(prefix))
    )
    vectors, places = weights[WORD_VECTORS], weights[POSITIONS].copy()
    # GPT-2's one mark starts captions and ends them. The start is always at the first place, and
    # nothing else is, so what training made of its vector can be added there.
    places[0] += vectors[START] - vectors[END]
    weights |= {
        WORD_VECTORS: _order_word_vectors(vectors, captioner.tokenizer),
        POSITIONS: places,
    }
    return {name: np.ascontiguousarray(value) for name, value in weights.items()}


def _gather(
    variables: Iterable[keras.Variable], find_source: Callable[[str], Source | None]
) -> dict[str, np.ndarray]:
    """Return the weights that variables make, parts of one weight joined."""
    parts: dict[str, dict[int, np.ndarray]] = {}
    axes = {}
    for variable in variables:
        source = find_source(variable.path)
        if source is None:
            continue
        value = _flatten(variable.numpy(), variable.path)
        parts.setdefault(source.name, {})[source.part] = _add_axes(source.write(value), source.name)
        axes[source.name] = source.axis
    return {
        name: np.concatenate([each for _, each in sorted(values.items())], axis=axes[name])
        for name, values in parts.items()
    }


def _flatten(value: np.ndarray, path: str) -> np.ndarray:
    """Return a layer's matrix or bias without the axis of heads that Keras' attention has."""
    parameter = path.rpartition("/")[2]
    if parameter == "bias":
        return value.reshape(-1)
    if parameter == "kernel" and value.ndim == 3:
        is_output = "attention_output" in path  # (H, U/H, U); the others are (U, H, U/H)
        width = value.shape[-1] if is_output else value.shape[0]
        return value.reshape(-1, width) if is_output else value.reshape(width, -1)
    return value


def _add_axes(value: np.ndarray, name: str) -> np.ndarray:
    """Return a ViT's tokens and positions with PyTorch's axis of photos."""
    if name.endswith(("_token", ".position_embeddings")):
        return value.reshape(1, -1, value.shape[-1])
    return value


def _order_word_vectors(vectors: np.ndarray, tokenizer: GPT2Tokenizer) -> np.ndarray:
    """Return vectors (V, U) in GPT-2's order; the end's is that of its one mark."""
    rows = np.asarray(tokenizer.pretrained_ids[END:])
    ordered = np.empty((len(rows), vectors.shape[1]), np.float32)
    ordered[rows] = vectors[END:]
    return ordered


# Settings.


def _describe_encoder(sizes: dict[str, Any]) -> dict[str, Any]:
    is_distilled = sizes.get("use_distillation_token", False)
    return {
        "model_type": DISTILLED if is_distilled else "vit",
        "hidden_size": sizes["hidden_dim"],
        "num_hidden_layers": sizes["num_layers"],
        "num_attention_heads": sizes["num_heads"],
        "intermediate_size": sizes["mlp_dim"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": sizes.get("layer_norm_epsilon", 1e-6),
        "image_size": sizes["image_shape"][0],
        "patch_size": _read_side(sizes["patch_size"]),
        "num_channels": 3,
        "qkv_bias": sizes.get("use_mha_bias", True),
    }


def _describe_decoder(captioner: TrainedCaptioner, dropout: float) -> dict[str, Any]:
    decoder: TransformerDecoder = captioner.decoder
    return {
        "model_type": "gpt2",
        "vocab_size": len(captioner.tokenizer.vocabulary),
        "n_positions": decoder.positions,
        "n_embd": decoder.embed.output_dim,
        "n_layer": len(decoder.blocks),
        "n_head": decoder.blocks[0].heads,
        "n_inner": decoder.blocks[0].widen.units,
        "layer_norm_epsilon": decoder.norm.epsilon,
        "activation_function": "gelu_new",
        "resid_pdrop": dropout,
        "embd_pdrop": dropout,
        "attn_pdrop": dropout,
        "add_cross_attention": True,
        "is_decoder": True,
        "tie_word_embeddings": True,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
    }


def _read_side(size: int | list[int]) -> int:
    """Return the side of a square, which KerasHub writes as one number or as two."""
    return size if isinstance(size, int) else size[0]


def _describe_generation(settings: dict[str, Any], tokenizer: GPT2Tokenizer) -> dict[str, Any]:
    """Return the settings of a search as transformers has them; its lengths count the start."""
    names = {value: name for name, value in EARLY_STOPPING.items()}
    generation = {theirs: settings[ours] for ours, theirs in SEARCH_NAMES.items()}
    generation |= {
        "early_stopping": names[settings["early_stopping"]],
        "min_length": settings["min_length"] + 1,
        "max_new_tokens": settings["max_length"],
    }
    if not settings["allow_cut"]:  # then the end comes after the last word, at the latest
        generation["max_new_tokens"] += 1
        generation["forced_eos_token_id"] = tokenizer.end_of_text_id
    if settings["sample"]:
        chosen = {name: settings[name] for name in ("temperature", "top_p")}
        generation |= chosen | {"do_sample": True, "top_k": settings["top_k"] or 0}
    if settings["forbidden"]:
        ids = tokenizer.pretrained_ids
        sequences = [[ids[token] for token in tokens] for tokens in settings["forbidden"]]
        generation["bad_words_ids"] = sequences
    return generation


def _describe_preprocessing(captioner: TrainedCaptioner, sizes: dict[str, Any]) -> dict[str, Any]:
    """Return how photos become pixels. A photo is resized by the filter alone."""
    reading: Reading = captioner.reading
    side = captioner.image_size
    square = {"height": side, "width": side}
    scale, offset = np.asarray(sizes["scale"]), np.asarray(sizes["offset"])
    numbers = {name: number for number, name in RESAMPLING.items()}
    settings = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": square,
        "resample": numbers[reading.resample],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": (-offset / scale / 255).round(_DIGITS).tolist(),
        "image_std": (1 / (255 * scale)).round(_DIGITS).tolist(),
    }
    if reading.fit == "squeeze":
        return settings
    edge = reading.shortest_edge or side
    size = {"height": edge, "width": edge}
    processor = "DeiTImageProcessor"
    if reading.fit == "crop":
        size = {"shortest_edge": edge}
        processor = "CLIPImageProcessor"
    cropping = {"do_center_crop": True, "crop_size": square}
    return settings | cropping | {"image_processor_type": processor, "size": size}


def _write_tokenizer(tokenizer: GPT2Tokenizer, positions: int, folder: Path) -> None:
    special = dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), END_OF_TEXT)
    write_text(folder / "vocab.json", json.dumps(tokenizer.vocabulary, ensure_ascii=False))
    write_text(folder / "merges.txt", "\n".join(["#version: 0.2", *tokenizer.merges, ""]))
    write_json(folder / "special_tokens_map.json", special)
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": positions}
    write_json(folder / "tokenizer_config.json", settings | special)
