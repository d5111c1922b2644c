"""Hugging Face's `VisionEncoderDecoderModel` of a ViT or a DeiT and GPT-2.

Such are nlpconnect/vit-gpt2-image-captioning and, with DistilGPT-2, Mozilla/distilvit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.pretrained.family import CaptionerFamily
from models.pretrained.folder import (
    check_multiple,
    check_supported,
    read_half,
    read_size,
)
from models.pretrained.generation import convert_generation, read_generation
from models.pretrained.names import find_by_name
from models.pretrained.source import Source
from models.pretrained.vit import ViT
from models.training.teacher_forced_scores import END
from utils.errors import UserError

# The usual search of such captioners, unless the folder says otherwise.
SEARCH: dict[str, Any] = {
    "beam": 4,
    "length_penalty": 2.0,
    "no_repeat": 3,
    "early_stopping": "always",
}
MAX_LENGTH = 37  # tokens with the start, unless the folder says otherwise
END_OF_TEXT = 50256  # GPT-2's <|endoftext|>

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED_DECODER = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "add_cross_attention": (True,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
}

# Names of layers in our decoder → names in Hugging Face's.
_BLOCK, _THEIR_BLOCK = "transformer_layer_{0}", "decoder.transformer.h.{0}"
GPT2_NAMES = {
    "position_embedding": "decoder.transformer.wpe",
    "projection": "enc_to_dec_proj",
    f"{_BLOCK}/self_attention/query": f"{_THEIR_BLOCK}.attn.c_attn[0/3]",
    f"{_BLOCK}/self_attention/key": f"{_THEIR_BLOCK}.attn.c_attn[1/3]",
    f"{_BLOCK}/self_attention/value": f"{_THEIR_BLOCK}.attn.c_attn[2/3]",
    f"{_BLOCK}/self_attention/attention_output": f"{_THEIR_BLOCK}.attn.c_proj",
    f"{_BLOCK}/self_attention_layer_norm": f"{_THEIR_BLOCK}.ln_1",
    f"{_BLOCK}/cross_attention/query": f"{_THEIR_BLOCK}.crossattention.q_attn",
    f"{_BLOCK}/cross_attention/key": f"{_THEIR_BLOCK}.crossattention.c_attn[0/2]",
    f"{_BLOCK}/cross_attention/value": f"{_THEIR_BLOCK}.crossattention.c_attn[1/2]",
    f"{_BLOCK}/cross_attention/attention_output": f"{_THEIR_BLOCK}.crossattention.c_proj",
    f"{_BLOCK}/cross_attention_layer_norm": f"{_THEIR_BLOCK}.ln_cross_attn",
    f"{_BLOCK}/feedforward_layer_norm": f"{_THEIR_BLOCK}.ln_2",
    f"{_BLOCK}/feedforward_intermediate_dense": f"{_THEIR_BLOCK}.mlp.c_fc",
    f"{_BLOCK}/feedforward_output_dense": f"{_THEIR_BLOCK}.mlp.c_proj",
    "layer_norm": "decoder.transformer.ln_f",
}
WORD_VECTORS, OUTPUT_LAYER = "decoder.transformer.wte.weight", "decoder.lm_head.weight"
ENCODER = "encoder."  # with which names of the encoder's weights begin


class _Encoder(ViT):
    """The encoder of such a folder."""

    def read_settings(self, folder: Path) -> Mapping[str, Any]:
        return read_half(folder, "encoder")


class ViTGPT2(CaptionerFamily):
    """A ViT or a DeiT with GPT-2."""

    description = "ViT with GPT-2"
    encoder = "vit_b16"
    decoder = "transformer"
    preset = "vit-gpt2"
    tokenizer = "gpt2"
    _encoder = _Encoder()

    def check(self, folder: Path) -> None:
        self._encoder.check(folder)
        check_supported(folder, "decoder", read_half(folder, "decoder"), SUPPORTED_DECODER)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        return self._encoder.read_encoder_sizes(folder)

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
        search = convert_generation(
            folder, generation, SEARCH, max_length=MAX_LENGTH, positions=gpt2["positions"]
        )
        return {
            **self.describe(folder),
            **gpt2,
            "extra_weights": "none",
            "dropout": generation["decoder"].get("resid_pdrop", 0.1),
            **search,
        }

    def rename(self, name: str) -> str:
        """Return the name that a weight of the encoder had before transformers 5."""
        if not name.startswith(ENCODER):
            return name
        return ENCODER + self._encoder.rename(name.removeprefix(ENCODER))

    def find_encoder_source(self, path: str) -> Source:
        source = self._encoder.find_encoder_source(path)
        return replace(source, name=ENCODER + source.name)

    def find_decoder_source(self, path: str) -> Source | None:
        """Return the source of a decoder's variable; GPT-2 has no places and no output bias.

        GPT-2's layers, unlike PyTorch's, have matrices as Keras' are, with parts side by side.
        """
        if path in ("place", "bias"):
            return None
        if path == "token_embedding/embeddings":  # the output layer too, so it may have either name
            return Source(WORD_VECTORS, other_name=OUTPUT_LAYER)
        source = find_by_name(path, GPT2_NAMES)
        if path.startswith("projection/"):
            return source
        return replace(source, axis=-1, is_transposed=False)

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
