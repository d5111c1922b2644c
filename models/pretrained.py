"""Weights that others have trained: KerasHub's presets of ViT and of GPT-2, and Hugging Face's models of both together."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np

from models.decoders.transformer import TransformerDecoder
from models.search.rules import LOG_ZERO
from models.training.teacher_forcing import END
from utils import hugging_face
from utils.errors import UserError, unknown_name_error

# By the name of a variable in KerasHub's networks, that of the same weights in Hugging Face's; {0} is the block, from 0 on.
_VIT = {
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
_GPT2 = {
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
# What transformers 5 may call the layers of a ViT's block, and the older names.
_NEWER = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
_ENDS = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "bias": "bias",
    "beta": "bias",
}


def load_preset(kind: str, name: str) -> tuple[keras.Model, Any]:
    """KerasHub's backbone of ViT or GPT2 by a preset's name or folder, with its image converter (None where it has none) or
    its tokenizer."""
    backbone = getattr(keras_hub.models, f"{kind}Backbone")
    known, folder = list(backbone.presets), Path(name).is_dir()
    if not folder and "://" not in name and ("/" in name or "." in name):
        raise UserError(
            f"no file or folder {name}, from which weights of {kind} were to come; say where it is now"
        )
    if not folder and "://" not in name and name not in known:
        raise unknown_name_error(f"preset of {kind}", name, known)
    try:
        if kind == "GPT2":
            return backbone.from_preset(name), keras_hub.models.GPT2Tokenizer.from_preset(name)
        return backbone.from_preset(name), _converter(name)
    except Exception as error:  # of several libraries: a download's, or that of files
        reason = str(error).splitlines()[0][:160]
        if folder:
            raise UserError(
                f"{name} holds no KerasHub preset of {kind} ({reason}); save_to_preset writes one"
            ) from None
        option, other = (
            ("--decoder-weights", "a small decoder from random weights by --decoder-weights none")
            if (kind == "GPT2")
            else ("--weights", "another --encoder")
        )
        raise UserError(
            f"the preset {name} could not be downloaded ({reason}); use {option} FOLDER with a preset's folder or "
            f"hf:FOLDER with a VisionEncoderDecoderModel that you have, {other}, or --dataset scenes, which needs "
            "neither"
        ) from None


def _converter(name: str) -> Any:
    """How a preset wants its pictures; None where it does not say."""
    try:
        return keras_hub.layers.ImageConverter.from_preset(name)
    except FileNotFoundError:
        return None


@functools.lru_cache(1)
def _gpt2(weights: str) -> tuple[keras.Model, Any]:
    """The preset's backbone and tokenizer, in memory until its weights are given on."""
    return load_preset("GPT2", weights)


def find_decoder_sizes(weights: str) -> dict[str, Any]:
    """What a transformer must be made with to take these weights."""
    if hugging_face.is_hugging_face(weights):
        return hugging_face.read_decoder_sizes(weights)
    backbone, _ = _gpt2(weights)
    return {
        "units": backbone.hidden_dim,
        "layers": backbone.num_layers,
        "heads": backbone.num_heads,
        "inner": backbone.intermediate_dim,
        "positions": backbone.max_sequence_length,
        "epsilon": 1e-5,
    }


def load_vocabulary(weights: str) -> tuple[dict[str, int], list[str]]:
    """GPT-2's pieces and merges that a preset's weights were learned with."""
    _, tokenizer = _gpt2(weights)
    return dict(tokenizer.vocabulary), list(tokenizer.merges)


def load_decoder_weights(decoder: TransformerDecoder, weights: str, rows: Sequence[int]) -> None:
    """Put pretrained weights into a decoder; `rows` says for each of its tokens which row of GPT-2's word vectors it has.

    Of GPT-2 alone all that it has: cross-attention, the projection and the places keep what they began with. The first
    three special tokens, which GPT-2 does not know, are never said.
    """
    if hugging_face.is_hugging_face(weights):
        arrays = hugging_face.read_weights(weights)
        vectors = _word_vectors(arrays, weights)
        _refuse_other_words(weights, rows, len(vectors))
        for variable in decoder.weights:
            path = variable.path.removeprefix(f"{decoder.name}/")
            if path not in ("token_embedding/embeddings", "place", "bias"):
                _assign(variable, _looked_up(arrays, path, _GPT2, weights), weights)
    else:
        backbone, _ = _gpt2(weights)
        learned = {variable.path: variable.numpy() for variable in backbone.weights}
        vectors = learned.pop("token_embedding/embeddings")
        own = {
            variable.path.removeprefix(f"{decoder.name}/"): variable for variable in decoder.weights
        }
        for path, value in learned.items():
            _assign(own[path], value, weights)
        _gpt2.cache_clear()
    decoder.embed.embeddings.assign(vectors[np.asarray(rows)])
    decoder.bias.assign([LOG_ZERO if token < END else 0.0 for token in range(len(rows))])


def load_vit_weights(backbone: keras.Model, weights: str) -> None:
    """Put the ViT of hf:FOLDER into a backbone of its sizes."""
    arrays = {_older(name): value for name, value in hugging_face.read_weights(weights).items()}
    for variable in backbone.weights:
        path = re.sub(r"^vit_(patching_and_embedding|encoder)/", "", variable.path)
        _assign(variable, _looked_up(arrays, path, _VIT, weights, half="encoder."), weights)


def _older(name: str) -> str:
    """The name that a weight of a ViT had before transformers 5."""
    found = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if found is None:
        return name
    return f"encoder.encoder.layer.{found[1]}.{_NEWER.get(found[2], found[2])}.{found[3]}"


def _looked_up(
    arrays: dict[str, np.ndarray], path: str, names: dict[str, str], source: str, half: str = ""
) -> np.ndarray:
    """The weights that a variable of this path has in Hugging Face's model, in its orientation but not yet its shape."""
    block, layer = re.fullmatch(r"(?:transformer_(?:layer|block)_(\d+)/)?(.+)", path).groups()
    layer, _, end = layer.rpartition("/") if layer not in names else (layer, "", "")
    number = int(block or 0) - (names is _VIT)  # KerasHub counts a ViT's blocks from 1
    name, part = re.fullmatch(r"(.+?)(?:\[(\d/\d)\])?", names[layer].format(number)).groups()
    vector = name.endswith(("cls_token", "position_embeddings"))
    name = half + name + ("" if vector else f".{_ENDS[end]}")
    if name not in arrays:
        raise UserError(
            f"{source} has no weights {name}; it is damaged, or of another kind than ViT and GPT-2"
        )
    value = arrays[name]
    if part:  # queries, keys and values side by side
        place, parts = map(int, part.split("/"))
        value = np.split(value, parts, axis=-1)[place]
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    # PyTorch's layers have their matrices the other way round; GPT-2's own, Conv1D, and word vectors do not.
    turned = value.ndim == 2 and end == "kernel" and not name.startswith("decoder.")
    return value.T if turned else value


def _assign(variable: keras.Variable, value: np.ndarray, source: str) -> None:
    """Give a variable its value, refused where that has another number of values."""
    if value.size != np.prod(variable.shape):
        raise UserError(
            f"{source} does not fit: {variable.path} is {tuple(variable.shape)} by its description, and its "
            f"weights are {value.shape}"
        )
    variable.assign(value.reshape(variable.shape))


def _refuse_other_words(weights: str, rows: Sequence[int], known: int) -> None:
    """Refuse a vocabulary that is not that of the weights."""
    if max(rows) >= known:
        raise UserError(
            f"GPT-2's vocabulary has {max(rows) + 1} pieces here, and {weights} has vectors for {known}; use the "
            "vocabulary that lies with the weights"
        )
    marks = hugging_face.read_boundary_tokens(weights)
    if marks != {rows[END]}:
        raise UserError(
            f"captions of {weights} begin and end with the tokens {sorted(marks)}; what is read is GPT-2's way, "
            f"<|endoftext|>, {rows[END]}, for both"
        )


def _word_vectors(arrays: dict[str, np.ndarray], source: str) -> np.ndarray:
    """The word vectors, which are the output layer too and may be there under either name; refused where the two differ."""
    names = ("decoder.transformer.wte.weight", "decoder.lm_head.weight")
    found = [arrays[name] for name in names if name in arrays]
    if not found:
        raise UserError(f"{source} has no weights {names[0]}; it is damaged, or not of GPT-2")
    if len(found) > 1 and not np.array_equal(*found):
        raise UserError(
            f"{source} has an output layer of its own, decoder.lm_head; what is read is GPT-2, whose word vectors "
            "are its output layer"
        )
    return found[0]
