"""The contract of a family: how a folder of others becomes settings and weights of ours."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models.pretrained.source import Source
from utils.hugging_face import PREFIX


class EncoderFamily(ABC):
    """Folders with an encoder that we can run.

    `encoder` is its name in ENCODERS.
    """

    description: ClassVar[str]  # for errors: "ViT with GPT-2"
    encoder: ClassVar[str]

    @abstractmethod
    def check(self, folder: Path) -> None:
        """Reject a folder whose config.json asks for what is not supported."""

    @abstractmethod
    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        """Return what builds its encoder: sizes, scale and offset of pixels, and the reading."""

    @abstractmethod
    def find_encoder_source(self, path: str) -> Source | None:
        """Return the source of a variable of our encoder; None if it keeps its initial value."""

    def rename(self, name: str) -> str:
        """Return the name here of a weight that other versions of the format name otherwise."""
        return name


class CaptionerFamily(EncoderFamily):
    """Folders with a whole captioner.

    `decoder` is its decoder's name in DECODERS, `preset` the preset it is trained further by, and
    `tokenizer` the kind of its vocabulary.
    """

    decoder: ClassVar[str]
    preset: ClassVar[str]
    tokenizer: ClassVar[str]

    @abstractmethod
    def build_run_config(self, folder: Path) -> dict[str, Any]:
        """Return the settings that a run's config.json would hold."""

    def describe(self, folder: Path) -> dict[str, Any]:
        """Return the part of `build_run_config` that is alike for all families with a ViT."""
        sizes = self.read_encoder_sizes(folder)
        image_size = sizes["image_shape"][0]
        side = image_size // sizes["patch_size"]
        name = f"{PREFIX}{folder}"
        fingerprint = {
            "grid": [side, side],
            "depth": sizes["hidden_dim"],
            "whole": 1 + sizes.get("use_distillation_token", False),  # after the class token
            "image_size": image_size,
        }
        if "reading" in sizes:
            fingerprint["reading"] = sizes["reading"]
        return {
            "preset": self.preset,
            "encoder": self.encoder,
            "weights": name,
            "encoder_weights": name,
            "layer": None,
            "image_size": None,
            "grid": None,
            "decoder": self.decoder,
            "decoder_weights": name,
            "attention": "soft",
            "tokenizer": self.tokenizer,
            "language": "en",
            "seed": 0,
            "dataset": None,
            "fingerprint": fingerprint,
        }

    @abstractmethod
    def read_decoder_sizes(self, folder: Path) -> dict[str, Any]:
        """Return the sizes of its decoder, by the names of our settings."""

    @abstractmethod
    def find_decoder_source(self, path: str) -> Source | None:
        """Return the source of a variable of our decoder; None if it keeps its initial value."""

    def describe_tokenizer(self, folder: Path) -> dict[str, Any]:
        """Return what loads its tokenizer, besides the files of the folder."""
        return {}

    def check_weights(
        self, arrays: Mapping[str, np.ndarray], folder: Path, rows: Sequence[int]
    ) -> None:
        """Reject weights that do not belong to the vocabulary whose tokens have these `rows`."""
