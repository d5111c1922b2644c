"""Hugging Face's `GitForCausalLM`: CLIP's vision tower, and BERT's layers over photo and words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.pretrained.bert import read_bert_sizes, read_token_numbers
from models.pretrained.clip import CLIP
from models.pretrained.family import CaptionerFamily
from models.pretrained.folder import (
    check_supported,
    read_description,
    read_half,
    read_reading,
)
from models.pretrained.generation import convert_generation, read_generation
from models.pretrained.names import find_by_name
from models.pretrained.source import Source
from utils.errors import UserError

# The published folders say nothing of the search. This is that of Wang et al. 2022.
SEARCH: dict[str, Any] = {
    "beam": 4,
    "length_penalty": 0.6,
    "no_repeat": 0,
    "early_stopping": "usually",
}
BICUBIC = 3  # Pillow's number
MAX_LENGTH = 50  # tokens with the start, unless the folder says otherwise

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
    "hidden_act": ("gelu",),
    "num_image_with_embedding": (None,),  # more pictures: videos
}

# Special tokens by the names of data.text.wordpiece → their settings and usual numbers.
SPECIAL_TOKENS = {
    "pad": ("pad_token_id", 0),
    "start": ("bos_token_id", 101),  # [CLS]
    "end": ("eos_token_id", 102),  # [SEP]
}

_LAYER, _THEIR_LAYER = "transformer_layer_{0}", "git.encoder.layer.{0}"
# Names of layers in our decoder → names in Hugging Face's.
NAMES = {
    "projection": "git.visual_projection.visual_projection.0",
    "projection_layer_norm": "git.visual_projection.visual_projection.1",
    "token_embedding": "git.embeddings.word_embeddings",
    "position_embedding": "git.embeddings.position_embeddings",
    "embedding_layer_norm": "git.embeddings.LayerNorm",
    f"{_LAYER}/query": f"{_THEIR_LAYER}.attention.self.query",
    f"{_LAYER}/key": f"{_THEIR_LAYER}.attention.self.key",
    f"{_LAYER}/value": f"{_THEIR_LAYER}.attention.self.value",
    f"{_LAYER}/attention_output": f"{_THEIR_LAYER}.attention.output.dense",
    f"{_LAYER}/attention_layer_norm": f"{_THEIR_LAYER}.attention.output.LayerNorm",
    f"{_LAYER}/feedforward_intermediate_dense": f"{_THEIR_LAYER}.intermediate.dense",
    f"{_LAYER}/feedforward_output_dense": f"{_THEIR_LAYER}.output.dense",
    f"{_LAYER}/feedforward_layer_norm": f"{_THEIR_LAYER}.output.LayerNorm",
}
WORD_VECTORS, OUTPUT_LAYER = "git.embeddings.word_embeddings.weight", "output.weight"


class _VisionTower(CLIP):
    """The encoder of such a folder: CLIP's, with patches of 16 pixels by default."""

    patch_size = 16


class GIT(CaptionerFamily):
    """GIT (Wang et al. 2022)."""

    description = "GIT"
    encoder = "clip_vit_b16"
    decoder = "git"
    preset = "git"
    tokenizer = "wordpiece"
    _tower = _VisionTower()

    def check(self, folder: Path) -> None:
        self._tower.check(folder)
        check_supported(folder, "model", read_description(folder), SUPPORTED)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        sizes = self._tower.read_encoder_sizes(folder)
        image_size = sizes["image_shape"][0]
        return sizes | {"reading": read_reading(folder, image_size, resample=BICUBIC, fit="crop")}

    def read_decoder_sizes(self, folder: Path) -> dict[str, Any]:
        # Our projection has the same epsilon as CLIP's vision tower.
        vision = read_half(folder, "vision_config")
        check_supported(folder, "vision_config", vision, {"layer_norm_eps": (1e-5,)})
        settings = read_description(folder)
        return read_bert_sizes(folder, settings, layers=6, heads=12, positions=1024)

    def build_run_config(self, folder: Path) -> dict[str, Any]:
        sizes = self.read_decoder_sizes(folder)
        generation = read_generation(folder)
        search = convert_generation(
            folder, generation, SEARCH, max_length=MAX_LENGTH, positions=sizes["positions"]
        )
        return {
            **self.describe(folder),
            **sizes,
            "dropout": generation.get("hidden_dropout_prob", 0.1),
            **search,
        }

    def describe_tokenizer(self, folder: Path) -> dict[str, Any]:
        settings = read_description(folder)
        return read_token_numbers(folder, settings, SPECIAL_TOKENS, rows=30522)

    def rename(self, name: str) -> str:
        return name.removeprefix("git.image_encoder.vision_model.")

    def find_encoder_source(self, path: str) -> Source | None:
        return self._tower.find_encoder_source(path)

    def find_decoder_source(self, path: str) -> Source | None:
        """Return the source of a decoder's variable; GIT's encoder knows places."""
        if path == "place":
            return None
        if path == "output":  # a model whose output layer is the word vectors has these alone
            return Source(OUTPUT_LAYER, other_name=WORD_VECTORS)
        if path == "bias":
            return Source("output.bias")
        return find_by_name(path, NAMES)

    def check_weights(
        self, arrays: Mapping[str, np.ndarray], folder: Path, rows: Sequence[int]
    ) -> None:
        """Reject an output layer of its own, if config.json says that it is the word vectors."""
        if not read_description(folder).get("tie_word_embeddings", False):
            return
        has_both = WORD_VECTORS in arrays and OUTPUT_LAYER in arrays
        if has_both and not np.array_equal(arrays[WORD_VECTORS], arrays[OUTPUT_LAYER]):
            raise UserError(
                f"{folder} has an output layer of its own, {OUTPUT_LAYER}, but its config.json "
                "says tie_word_embeddings; correct it"
            )
