"""Load pretrained weights: KerasHub's ViT and GPT-2, and Hugging Face's models of both."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from models.decoders.transformer import TransformerDecoder
from models.search.rules import LOG_ZERO
from models.training.teacher_forced_scores import END
from utils import hugging_face
from utils.errors import UserError, unknown_name_error

Weights = Mapping[str, np.ndarray]

# Names of variables in KerasHub's networks → names of the same weights in Hugging Face's. {0} is
# the block, from 0 on; [1/3] is the second of three parts side by side.
VIT_NAMES = {
    "class_token": "embeddings.cls_token",
    "patch_embedding": "embeddings.patch_embeddings.projection",
    "position_embedding": "embeddings.position_embeddings",
    "ln": "layernorm",
    "ln_1": "encoder.layer.{0}.layernorm_before",
    "mha/query": "encoder.layer.{0}.attention.attention.query",
    "mha/key": "encoder.layer.{0}.attention.attention.key",
    "mha/value": "encoder.layer.{0}.attention.attention.value",
    "mha/attention_output": "encoder.layer.{0}.attention.output.dense",
    "ln_2": "encoder.layer.{0}.layernorm_after",
    "mlp/dense_1": "encoder.layer.{0}.intermediate.dense",
    "mlp/dense_2": "encoder.layer.{0}.output.dense",
}
GPT2_NAMES = {
    "position_embedding": "decoder.transformer.wpe",
    "projection": "enc_to_dec_proj",
    "self_attention/query": "decoder.transformer.h.{0}.attn.c_attn[0/3]",
    "self_attention/key": "decoder.transformer.h.{0}.attn.c_attn[1/3]",
    "self_attention/value": "decoder.transformer.h.{0}.attn.c_attn[2/3]",
    "self_attention/attention_output": "decoder.transformer.h.{0}.attn.c_proj",
    "self_attention_layer_norm": "decoder.transformer.h.{0}.ln_1",
    "cross_attention/query": "decoder.transformer.h.{0}.crossattention.q_attn",
    "cross_attention/key": "decoder.transformer.h.{0}.crossattention.c_attn[0/2]",
    "cross_attention/value": "decoder.transformer.h.{0}.crossattention.c_attn[1/2]",
    "cross_attention/attention_output": "decoder.transformer.h.{0}.crossattention.c_proj",
    "cross_attention_layer_norm": "decoder.transformer.h.{0}.ln_cross_attn",
    "feedforward_layer_norm": "decoder.transformer.h.{0}.ln_2",
    "feedforward_intermediate_dense": "decoder.transformer.h.{0}.mlp.c_fc",
    "feedforward_output_dense": "decoder.transformer.h.{0}.mlp.c_proj",
    "layer_norm": "decoder.transformer.ln_f",
}
# Names of layers in a ViT's block in transformers 5 → the older names.
OLDER_VIT_NAMES = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
PARAMETER_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "bias": "bias",
    "beta": "bias",
}


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
    """Load a preset's backbone and tokenizer once, until `load_decoder_weights` frees them."""
    return load_preset("GPT2", weights)


def find_decoder_sizes(weights: str) -> dict[str, Any]:
    """Return the sizes of a transformer decoder that can take these weights."""
    if hugging_face.is_hugging_face(weights):
        return hugging_face.read_decoder_sizes(weights)
    backbone, _ = _load_gpt2(weights)
    return {
        "units": backbone.hidden_dim,
        "layers": backbone.num_layers,
        "heads": backbone.num_heads,
        "inner": backbone.intermediate_dim,
        "positions": backbone.max_sequence_length,
        "epsilon": 1e-5,
    }


def load_vocabulary(weights: str) -> tuple[dict[str, int], list[str]]:
    """Return the pieces and merges of a preset's GPT-2."""
    _, tokenizer = _load_gpt2(weights)
    return dict(tokenizer.vocabulary), list(tokenizer.merges)


def load_decoder_weights(decoder: TransformerDecoder, weights: str, rows: Sequence[int]) -> None:
    """Load pretrained weights into a decoder.

    `rows` gives for each of its tokens the row of GPT-2's word vectors. GPT-2 alone has no
    cross-attention, projection and places: these keep their initial weights. The first three
    special tokens are unknown to GPT-2, so the bias makes them impossible.
    """
    if hugging_face.is_hugging_face(weights):
        vectors = _load_hugging_face_decoder(decoder, weights, rows)
    else:
        vectors = _load_preset_decoder(decoder, weights)
    decoder.embed.embeddings.assign(vectors[np.asarray(rows)])
    bias = np.zeros(len(rows), np.float32)
    bias[:END] = LOG_ZERO
    decoder.bias.assign(bias)


def _load_hugging_face_decoder(
    decoder: TransformerDecoder, weights: str, rows: Sequence[int]
) -> np.ndarray:
    """Load all but word vectors and bias, and return GPT-2's word vectors."""
    arrays = hugging_face.read_weights(weights)
    vectors = _find_word_vectors(arrays, weights)
    _check_vocabulary(weights, rows, len(vectors))
    for variable in decoder.weights:
        path = variable.path.removeprefix(f"{decoder.name}/")
        if path not in ("token_embedding/embeddings", "place", "bias"):
            source = _find_gpt2_source(path)
            _assign(variable, source.read(arrays, weights), weights)
    return vectors


def _load_preset_decoder(decoder: TransformerDecoder, weights: str) -> np.ndarray:
    """Load the weights that GPT-2 has, and return its word vectors."""
    backbone, _ = _load_gpt2(weights)
    pretrained = {variable.path: variable.numpy() for variable in backbone.weights}
    vectors = pretrained.pop("token_embedding/embeddings")
    variables = {}
    for variable in decoder.weights:
        variables[variable.path.removeprefix(f"{decoder.name}/")] = variable
    for path, value in pretrained.items():
        _assign(variables[path], value, weights)
    _load_gpt2.cache_clear()
    return vectors


def load_vit_weights(backbone: keras.Model, weights: str) -> None:
    """Load the ViT of hf:FOLDER into a backbone of its sizes."""
    arrays = {}
    for name, value in hugging_face.read_weights(weights).items():
        arrays[_convert_to_older_name(name)] = value
    for variable in backbone.weights:
        path = re.sub(r"^vit_(patching_and_embedding|encoder)/", "", variable.path)
        source = _find_vit_source(path)
        _assign(variable, source.read(arrays, weights), weights)


def _convert_to_older_name(name: str) -> str:
    """Return the name that a weight of a ViT had before transformers 5."""
    match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if match is None:
        return name
    block, layer, parameter = match.groups()
    layer = OLDER_VIT_NAMES.get(layer, layer)
    return f"encoder.encoder.layer.{block}.{layer}.{parameter}"


@dataclass(frozen=True)
class _Source:
    """The place of a variable's value among Hugging Face's weights."""

    name: str
    part: int = 0  # number of the part, where `parts` lie side by side
    parts: int = 1
    is_transposed: bool = False

    def read(self, arrays: Weights, folder: str) -> np.ndarray:
        """Return the value in KerasHub's orientation, but not yet in the variable's shape."""
        if self.name not in arrays:
            raise UserError(
                f"{folder} has no weights {self.name}; it is damaged, or not a ViT with GPT-2"
            )
        value = arrays[self.name]
        if self.parts > 1:
            value = np.split(value, self.parts, axis=-1)[self.part]
        if value.ndim == 4:  # a convolution: (out, in, H, W) → (H, W, in, out)
            return value.transpose(2, 3, 1, 0)
        if self.is_transposed and value.ndim == 2:
            return value.T
        return value


def _find_vit_source(path: str) -> _Source:
    """Return the source of a ViT's variable; PyTorch's layers have transposed matrices."""
    block, layer, parameter = _split_path(path, VIT_NAMES)
    # KerasHub numbers the blocks from 1 on. Names of embeddings have no parameter.
    name = "encoder." + VIT_NAMES[layer].format(block - 1)
    if not name.endswith(("cls_token", "position_embeddings")):
        name += f".{PARAMETER_NAMES[parameter]}"
    return _Source(name, is_transposed=parameter == "kernel")


def _find_gpt2_source(path: str) -> _Source:
    """Return the source of a decoder's variable; of its layers only the projection is PyTorch's."""
    block, layer, parameter = _split_path(path, GPT2_NAMES)
    name = GPT2_NAMES[layer].format(block)
    part, parts = 0, 1
    match = re.fullmatch(r"(.+)\[(\d)/(\d)\]", name)
    if match is not None:
        name, part, parts = match[1], int(match[2]), int(match[3])
    is_transposed = parameter == "kernel" and not name.startswith("decoder.")
    return _Source(f"{name}.{PARAMETER_NAMES[parameter]}", part, parts, is_transposed)


def _split_path(path: str, names: Mapping[str, str]) -> tuple[int, str, str]:
    """Return the block (0 if there is none), the layer and the parameter of a variable's path."""
    match = re.fullmatch(r"(?:transformer_(?:layer|block)_(\d+)/)?(.+)", path)
    block = int(match[1] or 0)
    layer = match[2]
    if layer in names:
        return block, layer, ""
    layer, _, parameter = layer.rpartition("/")
    return block, layer, parameter


def _assign(variable: keras.Variable, value: np.ndarray, weights: str) -> None:
    """Assign a value in the variable's shape; reject one of another size."""
    if value.size != np.prod(variable.shape):
        raise UserError(
            f"{weights} does not fit its description: {variable.path} must have the shape "
            f"{tuple(variable.shape)} (got {value.shape})"
        )
    variable.assign(value.reshape(variable.shape))


def _check_vocabulary(weights: str, rows: Sequence[int], vector_count: int) -> None:
    """Reject a vocabulary that does not belong to the weights."""
    pieces = max(rows) + 1
    if pieces > vector_count:
        raise UserError(
            f"{weights} must have word vectors for the {pieces} pieces of the vocabulary "
            f"(got {vector_count}); use the vocabulary from the folder of the weights"
        )
    tokens = hugging_face.read_boundary_tokens(weights)
    if tokens != {rows[END]}:
        raise UserError(
            f"captions of {weights} must start and end with GPT-2's <|endoftext|>, {rows[END]} "
            f"(got {sorted(tokens)})"
        )


def _find_word_vectors(arrays: Weights, weights: str) -> np.ndarray:
    """Return the word vectors, which are the output layer too and may have either name."""
    names = ("decoder.transformer.wte.weight", "decoder.lm_head.weight")
    found = [arrays[name] for name in names if name in arrays]
    if not found:
        raise UserError(f"{weights} has no weights {names[0]}; it is damaged, or not of GPT-2")
    if len(found) > 1 and not np.array_equal(*found):
        raise UserError(
            f"{weights} has an output layer of its own, decoder.lm_head; "
            "in GPT-2 the word vectors must be the output layer"
        )
    return found[0]
