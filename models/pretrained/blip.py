"""Hugging Face's `BlipForConditionalGeneration`: a ViT and BERT's blocks as a decoder.

Such a folder says in its config.json, not in generation_config.json alone, how captions are
searched. BLIP itself was scored with beam 3 (Li et al. 2022); its folders ask for a greedy search.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.pretrained.bert import read_bert_sizes, read_token_numbers
from models.pretrained.clip import DEVIATION, MEAN
from models.pretrained.family import CaptionerFamily
from models.pretrained.folder import (
    check_supported,
    read_description,
    read_half,
    read_pixel_scaling,
    read_reading,
    read_size,
    read_vision_sizes,
)
from models.pretrained.generation import convert_generation, read_generation
from models.pretrained.names import find_by_name, simplify_vit_path
from models.pretrained.source import Source
from utils.errors import UserError

ARCHITECTURE = "BlipForConditionalGeneration"  # others have the same model_type
# The search of a folder that says nothing, as in Hugging Face's library.
SEARCH: dict[str, Any] = {
    "beam": 1,
    "length_penalty": 1.0,
    "no_repeat": 0,
    "early_stopping": "usually",
}
MAX_LENGTH = 20  # tokens with the start, unless the folder says otherwise
BICUBIC = 3  # Pillow's number

# Special tokens by the names of data.text.wordpiece → their settings and usual numbers.
SPECIAL_TOKENS = {
    "pad": ("pad_token_id", 0),
    "start": ("bos_token_id", 30522),  # behind the pieces
    "end": ("sep_token_id", 102),  # [SEP]
}

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED_VISION = {"model_type": ("blip_vision_model",), "hidden_act": ("gelu",)}
SUPPORTED_TEXT = {
    "model_type": ("blip_text_model",),
    "hidden_act": ("gelu",),
    "is_decoder": (True,),
    "tie_word_embeddings": (True,),
}

# Names of layers in KerasHub's ViT → names in Hugging Face's.
VISION_NAMES = {
    "class_token": "vision_model.embeddings.class_embedding",
    "patch_embedding": "vision_model.embeddings.patch_embedding",
    "position_embedding/embeddings": "vision_model.embeddings.position_embedding",
    "ln": "vision_model.post_layernorm",
    "transformer_block_{0}/ln_1": "vision_model.encoder.layers.{0}.layer_norm1",
    "transformer_block_{0}/mha/query": "vision_model.encoder.layers.{0}.self_attn.qkv[0/3]",
    "transformer_block_{0}/mha/key": "vision_model.encoder.layers.{0}.self_attn.qkv[1/3]",
    "transformer_block_{0}/mha/value": "vision_model.encoder.layers.{0}.self_attn.qkv[2/3]",
    "transformer_block_{0}/mha/attention_output": (
        "vision_model.encoder.layers.{0}.self_attn.projection"
    ),
    "transformer_block_{0}/ln_2": "vision_model.encoder.layers.{0}.layer_norm2",
    "transformer_block_{0}/mlp/dense_1": "vision_model.encoder.layers.{0}.mlp.fc1",
    "transformer_block_{0}/mlp/dense_2": "vision_model.encoder.layers.{0}.mlp.fc2",
}
_BLOCK, _THEIR_BLOCK = "bert_layer_{0}", "text_decoder.bert.encoder.layer.{0}"
TEXT_NAMES = {
    "position_embedding": "text_decoder.bert.embeddings.position_embeddings",
    "embedding_layer_norm": "text_decoder.bert.embeddings.LayerNorm",
    f"{_BLOCK}/self_attention/query": f"{_THEIR_BLOCK}.attention.self.query",
    f"{_BLOCK}/self_attention/key": f"{_THEIR_BLOCK}.attention.self.key",
    f"{_BLOCK}/self_attention/value": f"{_THEIR_BLOCK}.attention.self.value",
    f"{_BLOCK}/self_attention/attention_output": f"{_THEIR_BLOCK}.attention.output.dense",
    f"{_BLOCK}/self_attention_layer_norm": f"{_THEIR_BLOCK}.attention.output.LayerNorm",
    f"{_BLOCK}/cross_attention/query": f"{_THEIR_BLOCK}.crossattention.self.query",
    f"{_BLOCK}/cross_attention/key": f"{_THEIR_BLOCK}.crossattention.self.key",
    f"{_BLOCK}/cross_attention/value": f"{_THEIR_BLOCK}.crossattention.self.value",
    f"{_BLOCK}/cross_attention/attention_output": f"{_THEIR_BLOCK}.crossattention.output.dense",
    f"{_BLOCK}/cross_attention_layer_norm": f"{_THEIR_BLOCK}.crossattention.output.LayerNorm",
    f"{_BLOCK}/feedforward_intermediate_dense": f"{_THEIR_BLOCK}.intermediate.dense",
    f"{_BLOCK}/feedforward_output_dense": f"{_THEIR_BLOCK}.output.dense",
    f"{_BLOCK}/feedforward_layer_norm": f"{_THEIR_BLOCK}.output.LayerNorm",
    "head_dense": "text_decoder.cls.predictions.transform.dense",
    "head_layer_norm": "text_decoder.cls.predictions.transform.LayerNorm",
}
# The word vectors are the output layer, too, so older folders have both names.
WORD_VECTORS = "text_decoder.bert.embeddings.word_embeddings.weight"
OUTPUT_LAYER = "text_decoder.cls.predictions.decoder.weight"
OUTPUT_BIAS, OTHER_BIAS = (
    "text_decoder.cls.predictions.bias",
    "text_decoder.cls.predictions.decoder.bias",
)


class BLIP(CaptionerFamily):
    """BLIP (Li et al. 2022)."""

    description = "BLIP"
    encoder = "vit_b16"
    decoder = "bert"
    preset = "blip"
    tokenizer = "wordpiece"

    def check(self, folder: Path) -> None:
        architectures = read_description(folder).get("architectures") or [ARCHITECTURE]
        if ARCHITECTURE not in architectures:
            raise UserError(
                f"{folder} must hold a BLIP that writes captions, {ARCHITECTURE} "
                f"(got {', '.join(map(str, architectures))})"
            )
        check_supported(
            folder, "vision_config", read_half(folder, "vision_config"), SUPPORTED_VISION
        )
        check_supported(folder, "text_config", read_half(folder, "text_config"), SUPPORTED_TEXT)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = read_half(folder, "vision_config")
        sizes = read_vision_sizes(folder, settings, image_size=384)
        image_size = sizes["image_shape"][0]
        return {
            **sizes,
            **read_pixel_scaling(folder, MEAN, DEVIATION),
            "mlp_dim": read_size(folder, settings, "intermediate_size", 3072),
            "layer_norm_epsilon": settings.get("layer_norm_eps", 1e-5),
            "use_mha_bias": True,
            "reading": read_reading(folder, image_size, resample=BICUBIC, fit="squeeze"),
        }

    def read_decoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = read_half(folder, "text_config")
        return read_bert_sizes(folder, settings, layers=12, heads=8, positions=512)

    def build_run_config(self, folder: Path) -> dict[str, Any]:
        bert = self.read_decoder_sizes(folder)
        # The search is described with the decoder, unless there is a file of its own.
        generation = read_half(folder, "text_config") | read_generation(folder)
        search = convert_generation(
            folder, generation, SEARCH, max_length=MAX_LENGTH, positions=bert["positions"]
        )
        return {
            **self.describe(folder),
            **bert,
            "dropout": generation.get("hidden_dropout_prob", 0.0),
            **search,
        }

    def describe_tokenizer(self, folder: Path) -> dict[str, Any]:
        """Return the numbers of tokens; BLIP's captions end with the separator."""
        settings = read_half(folder, "text_config")
        return read_token_numbers(folder, settings, SPECIAL_TOKENS, rows=30524)

    def find_encoder_source(self, path: str) -> Source:
        return find_by_name(simplify_vit_path(path), VISION_NAMES)

    def find_decoder_source(self, path: str) -> Source | None:
        """Return the source of a decoder's variable; BLIP's encoder knows places."""
        if path == "place":
            return None
        if path == "token_embedding/embeddings":
            return Source(WORD_VECTORS, other_name=OUTPUT_LAYER)
        if path == "bias":
            return Source(OUTPUT_BIAS, other_name=OTHER_BIAS)
        return find_by_name(path, TEXT_NAMES)

    def check_weights(
        self, arrays: Mapping[str, np.ndarray], folder: Path, rows: Sequence[int]
    ) -> None:
        """Reject an output layer other than the word vectors."""
        for name, other_name in ((WORD_VECTORS, OUTPUT_LAYER), (OUTPUT_BIAS, OTHER_BIAS)):
            has_both = name in arrays and other_name in arrays
            if has_both and not np.array_equal(arrays[name], arrays[other_name]):
                raise UserError(
                    f"{folder} has two different weights {name} and {other_name}; in BLIP the word "
                    "vectors must be the output layer"
                )
