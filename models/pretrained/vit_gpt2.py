"""Hugging Face's `VisionEncoderDecoderModel` of a ViT and GPT-2, such as nlpconnect's captioner."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.pretrained.family import CaptionerFamily
from models.pretrained.folder import (
    check_multiple,
    check_supported,
    convert_sampling,
    convert_search,
    read_generation,
    read_half,
    read_max_length,
    read_pixel_scaling,
    read_size,
)
from models.pretrained.source import Source
from models.training.teacher_forced_scores import END
from utils.errors import UserError

# The usual search of such captioners, unless the folder says otherwise.
SEARCH: dict[str, Any] = {"beam": 4, "length_penalty": 2.0, "no_repeat": 3}
MAX_LENGTH = 37  # tokens with the start, unless the folder says otherwise
END_OF_TEXT = 50256  # GPT-2's <|endoftext|>

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED_ENCODER = {"model_type": ("vit",), "hidden_act": ("gelu",)}
SUPPORTED_DECODER = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "add_cross_attention": (True,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
}

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
WORD_VECTORS, OUTPUT_LAYER = "decoder.transformer.wte.weight", "decoder.lm_head.weight"
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


class ViTGPT2(CaptionerFamily):
    """A ViT with GPT-2."""

    description = "ViT with GPT-2"
    encoder = "vit_b16"
    decoder = "transformer"
    preset = "vit-gpt2"
    tokenizer = "gpt2"

    def check(self, folder: Path) -> None:
        check_supported(folder, "encoder", read_half(folder, "encoder"), SUPPORTED_ENCODER)
        check_supported(folder, "decoder", read_half(folder, "decoder"), SUPPORTED_DECODER)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = read_half(folder, "encoder")
        image_size = read_size(folder, settings, "image_size", 224)
        width = read_size(folder, settings, "hidden_size", 768)
        patch_size = read_size(folder, settings, "patch_size", 16)
        heads = read_size(folder, settings, "num_attention_heads", 12)
        check_multiple(folder, ("image_size", image_size), ("patch_size", patch_size))
        check_multiple(folder, ("hidden_size", width), ("num_attention_heads", heads))
        scale, offset = read_pixel_scaling(folder, mean=[0.5] * 3, deviation=[0.5] * 3)
        return {
            "image_shape": [image_size, image_size, 3],
            "patch_size": patch_size,
            "num_heads": heads,
            "hidden_dim": width,
            "num_layers": read_size(folder, settings, "num_hidden_layers", 12),
            "mlp_dim": read_size(folder, settings, "intermediate_size", 4 * width),
            "layer_norm_epsilon": settings.get("layer_norm_eps", 1e-12),
            "use_mha_bias": settings.get("qkv_bias", True),
            "scale": scale,
            "offset": offset,
        }

    def read_decoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = read_half(folder, "decoder")
        units = read_size(folder, settings, "n_embd", 768)
        heads = read_size(folder, settings, "n_head", 12)
        check_multiple(folder, ("n_embd", units), ("n_head", heads))
        inner = 4 * units
        if settings.get("n_inner") is not None:
            inner = read_size(folder, settings, "n_inner", 0)
        return {
            "units": units,
            "layers": read_size(folder, settings, "n_layer", 12),
            "heads": heads,
            "inner": inner,
            "positions": read_size(folder, settings, "n_positions", 1024),
            "epsilon": settings.get("layer_norm_epsilon", 1e-5),
        }

    def build_run_config(self, folder: Path) -> dict[str, Any]:
        gpt2 = self.read_decoder_sizes(folder)
        generation = read_generation(folder)
        max_length = read_max_length(generation, MAX_LENGTH)
        return {
            **self.describe(folder),
            **gpt2,
            "dropout": generation["decoder"].get("resid_pdrop", 0.1),
            "max_length": min(max_length, gpt2["positions"] - 1),
            **convert_search(generation, SEARCH),
            **convert_sampling(generation),
        }

    def rename(self, name: str) -> str:
        """Return the name that a weight of a ViT had before transformers 5."""
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if match is None:
            return name
        block, layer, parameter = match.groups()
        layer = OLDER_VIT_NAMES.get(layer, layer)
        return f"encoder.encoder.layer.{block}.{layer}.{parameter}"

    def find_encoder_source(self, path: str) -> Source:
        """Return the source of a ViT's variable; PyTorch's layers have transposed matrices."""
        path = re.sub(r"^vit_(patching_and_embedding|encoder)/", "", path)
        block, layer, parameter = _split_path(path, VIT_NAMES)
        # KerasHub numbers the blocks from 1 on. Names of embeddings have no parameter.
        name = "encoder." + VIT_NAMES[layer].format(block - 1)
        if not name.endswith(("cls_token", "position_embeddings")):
            name += f".{PARAMETER_NAMES[parameter]}"
        return Source(name, is_transposed=parameter == "kernel")

    def find_decoder_source(self, path: str) -> Source | None:
        """Return the source of a decoder's variable.

        GPT-2 has no places and no output bias. Of its layers only the projection is a PyTorch
        layer with a transposed matrix.
        """
        if path in ("place", "bias"):
            return None
        block, layer, parameter = _split_path(path, GPT2_NAMES)
        if layer == "token_embedding":  # the output layer too, so it may have either name
            return Source(WORD_VECTORS, other_name=OUTPUT_LAYER)
        name = GPT2_NAMES[layer].format(block)
        part, parts = 0, 1
        match = re.fullmatch(r"(.+)\[(\d)/(\d)\]", name)
        if match is not None:
            name, part, parts = match[1], int(match[2]), int(match[3])
        is_transposed = parameter == "kernel" and not name.startswith("decoder.")
        return Source(
            f"{name}.{PARAMETER_NAMES[parameter]}",
            part=part,
            parts=parts,
            is_transposed=is_transposed,
        )

    def check_weights(
        self, arrays: Mapping[str, np.ndarray], folder: Path, rows: Sequence[int]
    ) -> None:
        """Reject an output layer other than the word vectors, and a vocabulary that differs."""
        has_both = WORD_VECTORS in arrays and OUTPUT_LAYER in arrays
        if has_both and not np.array_equal(arrays[WORD_VECTORS], arrays[OUTPUT_LAYER]):
            raise UserError(
                f"{folder} has an output layer of its own, decoder.lm_head; "
                "in GPT-2 the word vectors must be the output layer"
            )
        tokens = read_boundary_tokens(folder)
        if tokens != {rows[END]}:
            raise UserError(
                f"captions of {folder} must start and end with GPT-2's <|endoftext|>, "
                f"{rows[END]} (got {sorted(tokens)})"
            )


def read_boundary_tokens(folder: Path) -> set[int]:
    """Return the tokens that start and end the captions of a folder."""
    settings = read_generation(folder)
    decoder = settings["decoder"]
    start = decoder.get("bos_token_id", END_OF_TEXT)
    for name in ("bos_token_id", "decoder_start_token_id"):
        start = settings.get(name, start)
    end = settings.get("eos_token_id", decoder.get("eos_token_id", END_OF_TEXT))
    ends = end if isinstance(end, list) else [end]
    return {start, *ends} - {None}


def _split_path(path: str, names: Mapping[str, str]) -> tuple[int, str, str]:
    """Return the block (0 if there is none), the layer and the parameter of a variable's path."""
    match = re.fullmatch(r"(?:transformer_(?:layer|block)_(\d+)/)?(.+)", path)
    block = int(match[1] or 0)
    layer = match[2]
    if layer in names:
        return block, layer, ""
    layer, _, parameter = layer.rpartition("/")
    return block, layer, parameter
