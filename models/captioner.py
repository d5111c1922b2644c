"""Photos to captions: encoder, decoder, tokenizer and photo reader in one.

from models.captioner import Captioner
caption = Captioner.load("checkpoints/RUN")("photo.jpg")
caption.text, caption.score, caption.words, caption.attention
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf

from data.photos.crops import Crops, project_to_photo
from data.photos.images import load_pixels, read_photo
from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from data.text.loading import load_tokenizer
from data.text.tokenizer import END, PAD, START, UNKNOWN, Word
from models.decoders import DECODERS, build_decoder
from models.decoders.base import Decoder, check_max_length
from models.encoders import ENCODERS
from models.encoders.encoder import Encoder
from models.encoders.engines import choose_engine, choose_precision, describe_precision
from models.search.compiled import compile_search
from models.search.rules import Captions, Rules
from models.search.sampling import Sampling
from models.training.checkpoints import load_weights
from utils import hugging_face
from utils.errors import UserError, unknown_name_error
from utils.runs import find, read_config, refuse_classifier

Photo = Path | str | bytes | np.ndarray
BATCH = 64  # photos at a time


@dataclass(frozen=True)
class Caption:
    """What was said of a photo."""

    text: str
    score: float  # 0 to 1: the geometric mean of the words' probabilities
    words: list[str]
    attention: (
        np.ndarray
    )  # (words, L): where the network looked before saying each word; rows sum to 1
    grid: tuple[int, int]  # rows and columns of the L locations
    candidates: list[
        tuple[str, float]
    ]  # all captions that the search ended with and their scores, the best first


class Tokenizer(Protocol):
    """What the captioner needs of a tokenizer."""

    def decode(self, numbers: Iterable[int]) -> list[Word]: ...

    def encode(self, caption: str) -> list[int]: ...

    def join_words(self, words: Sequence[str]) -> str: ...


class Captioner:
    """Captions photos; `Captioner.load` makes one from a run folder."""

    def __init__(
        self,
        *,
        encoder: Callable[[], Encoder],
        decoder: Decoder,
        tokenizer: Tokenizer,
        grid: tuple[int, int],
        image_size: int,
        settings: dict[str, Any],
        read_photo: Callable[..., np.ndarray] = read_photo,
        fingerprint: dict[str, Any] | None = None,
    ) -> None:
        """`encoder` makes the encoder when it is first needed, also for its `fingerprint` where that is not given;
        `settings` are the search's, by name."""
        self._make_encoder = encoder
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.grid = grid
        self.image_size = image_size
        self.settings = {"look": "likeliest", "crops": 1} | settings
        self._read = read_photo
        self._fingerprint = fingerprint
        self._searches: dict[tuple[int, Rules, Sampling | None, bool], Callable[..., Captions]] = {}

    @classmethod
    def load(
        cls, run: str | Path | None = None, *, weights: str | None = None, engine: str = "auto"
    ) -> Self:
        """The captioner of a run folder (the newest where none is named), with the weights of its best epoch; or that of a
        Hugging Face model, hf:FOLDER.

        `weights` says where the encoder's weights file is now, if it was moved; `engine` what is to run the encoder.
        """
        folder = find(None if run is None else str(run))
        config = read_config(folder)
        refuse_classifier(folder, config)
        fingerprint = _as_made_here(config["fingerprint"], engine)
        rows, columns = fingerprint["grid"]
        elsewhere = hugging_face.is_hugging_face(folder)
        if elsewhere:
            tokenizer = GPT2Tokenizer(*read_vocabulary(hugging_face.find_folder(folder)))
        else:
            tokenizer = load_tokenizer(folder / "vocabulary.json")
        decoder = build_decoder_for(config, len(tokenizer))
        if elsewhere:
            from models.pretrained import load_decoder_weights  # which imports KerasHub

            load_decoder_weights(decoder, str(folder), tokenizer.gpt2_ids)
        else:
            load_weights(decoder, folder / "best")
        names = (
            "beam",
            "length_penalty",
            "no_repeat",
            "max_length",
            "sample",
            "temperature",
            "top_k",
            "top_p",
            "look",
            "crops",
            "seed",
        )
        return cls(
            encoder=lambda: _encoder_of(folder, config, weights, engine),
            decoder=decoder,
            tokenizer=tokenizer,
            grid=(rows, columns),
            image_size=fingerprint["image_size"],
            fingerprint=None if config.get("finetune_encoder") or elsewhere else fingerprint,
            settings={name: config[name] for name in names if name in config},
        )  # an older run knows fewer

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for: captions from cached features do without it."""
        return self._make_encoder()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What makes the encoder's features these and no others."""
        return self._fingerprint or self.encoder.fingerprint()

    def __call__(self, photos: Photo | Sequence[Photo], **changes: Any) -> Caption | list[Caption]:
        """The caption of a photo (path, bytes or uint8 pixels), or a list of them for a list of photos.

        `changes` are settings of the search: beam, length_penalty, no_repeat, max_length, sample, temperature, top_k,
        top_p, look, crops, seed.
        """
        if isinstance(photos, Path | str | bytes | np.ndarray):
            return self([photos], **changes)[0]
        captions, settings = [], self._settings(changes)
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(photos), BATCH):
                pictures = list(pool.map(self._pixels, photos[start : start + BATCH]))
                features = self._features(pictures, Crops(settings["crops"]))
                # The encoder's last bits depend on how many photos it is given: seeds come from the pixels.
                captions += self._captions(features, pictures, settings)
        return captions

    def _features(self, pictures: Sequence[np.ndarray], crops: Crops) -> np.ndarray:
        """Features of all crops of each photo (N, L, D), one crop's locations after the other's."""
        every = np.stack([crop for picture in pictures for crop in crops.cut(picture)])
        parts = [
            self.encoder(every[start : start + BATCH]) for start in range(0, len(every), BATCH)
        ]
        return np.concatenate(parts).reshape(len(pictures), -1, parts[0].shape[-1])

    def _pixels(self, photo: Photo) -> np.ndarray:
        """The photo (S, S, 3) uint8 as the encoder wants it; pixels are resized just as a file's are."""
        return load_pixels(photo, (self.image_size, self.image_size), read=self._read)

    def count_tokens(self, text: str) -> int:
        """How many words, characters or pieces a caption has, as `max_length` counts them."""
        return len(self.tokenizer.encode(text)) - 2  # the start and the end

    def from_features(self, features: np.ndarray, **changes: Any) -> list[Caption]:
        """Captions of photos by their features (N, L, D), the locations of one or several crops."""
        captions, settings = [], self._settings(changes)
        for start in range(0, len(features), BATCH):
            rows = np.asarray(features[start : start + BATCH])
            captions += self._captions(rows, rows, settings)
        return captions

    def _settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The search's settings with these changes."""
        for name in changes:
            if name not in self.settings:
                raise unknown_name_error("setting", name, list(self.settings))
        settings = self.settings | changes
        if not settings["sample"] and changes.keys() & {"temperature", "top_k", "top_p"}:
            raise ValueError("temperature, top_k and top_p go with sample=True")
        check_max_length(settings["max_length"], self.decoder.positions)
        if settings["look"] == "drawn" and not self.decoder.can_draw:
            raise UserError(
                "--look drawn is for runs with --attention hard: this one looks at all locations at once"
            )
        return settings

    def _captions(
        self, features: np.ndarray, seen: Iterable[np.ndarray], settings: dict[str, Any]
    ) -> list[Caption]:
        rules = Rules(
            START,
            END,
            (PAD, UNKNOWN, START),
            settings["max_length"],
            settings["beam"],
            settings["length_penalty"],
            settings["no_repeat"],
        )
        chance = (
            Sampling(settings["temperature"], settings["top_k"], settings["top_p"])
            if settings["sample"]
            else None
        )
        drawn = settings["look"] == "drawn"
        seeds = np.zeros(len(features), np.int32)
        if chance is not None or drawn:
            # A photo's own seed, from what is seen in it: its samples do not depend on the photos that come with it.
            seeds[:] = [zlib.crc32(each.tobytes(), settings["seed"]) & 0x7FFFFFFF for each in seen]
        found = self._search(features.shape[1], rules, chance, drawn)(
            tf.constant(features), tf.constant(seeds)
        )
        tokens, logs, attention = (tensor.numpy() for tensor in found)
        return [self._caption(*each) for each in zip(tokens, logs, attention, strict=True)]

    def _search(self, locations: int, *how: Any) -> Callable[..., Captions]:
        """The compiled search over so many locations for these rules, chance, and whether locations are drawn."""
        if (locations, *how) not in self._searches:
            rules, sampling, drawn = how
            self._searches[locations, *how] = compile_search(
                self.decoder, rules, sampling, samples_locations=drawn
            )
        return self._searches[locations, *how]

    def _caption(self, tokens: np.ndarray, logs: np.ndarray, attention: np.ndarray) -> Caption:
        """The caption of one photo from its K rows of tokens (K, T), log-probabilities (K,), attention (K, T, L)."""
        words = [self.tokenizer.decode(row) for row in tokens]
        scores = [
            float(np.exp(log / max(1, np.count_nonzero(row))))
            for log, row in zip(logs, tokens, strict=True)
        ]
        texts = [
            self.tokenizer.join_words([word.text for word in each if word.text]) for each in words
        ]
        candidates = [pair for pair in zip(texts, scores, strict=True) if pair[0]]
        crops = np.split(attention[0], attention.shape[-1] // self.decoder.locations, axis=1)
        looked = _by_word(words[0], _in_places(crops, self.grid))
        return Caption(
            texts[0],
            scores[0],
            [word.text for word in words[0] if word.text],
            looked,
            self.grid,
            candidates,
        )


def _in_places(crops: Sequence[np.ndarray], grid: tuple[int, int]) -> np.ndarray:
    """Attention (T, L) to the L places of the photo's grid, of that to each crop (T, n + L), without what went to a crop as
    a whole; rows sum to 1."""
    whole = crops[0].shape[1] - grid[0] * grid[1]
    places = project_to_photo([attention[:, whole:] for attention in crops], grid)
    if not whole:
        return places
    return places / np.maximum(places.sum(axis=1, keepdims=True), 1e-12)


def _by_word(words: Sequence[Word], attention: np.ndarray) -> np.ndarray:
    """Attention (words, L) of attention (T, L): of a word of several tokens the mean; a word without letters is left out."""
    ends = np.cumsum([word.tokens for word in words], dtype=int)
    rows = [
        attention[end - word.tokens : end].mean(axis=0)
        for word, end in zip(words, ends, strict=True)
        if word.text
    ]
    return np.stack(rows) if rows else attention[:0]


def build_decoder_for(config: dict[str, Any], vocabulary: int) -> Decoder:
    """The decoder that a run's settings describe, with random weights."""
    fingerprint = config["fingerprint"]
    rows, columns = fingerprint["grid"]
    kind = config["decoder"]
    if kind not in DECODERS:
        raise unknown_name_error("decoder", kind, list(DECODERS))
    options = {
        name: config[name] for name in DECODERS[kind].OPTIONS if name in config
    }  # an older run knows fewer
    return build_decoder(
        kind,
        seed=config["seed"],
        vocabulary=vocabulary,
        locations=fingerprint.get("whole", 0) + rows * columns,
        depth=fingerprint["depth"],
        **options,
    )


def _as_made_here(fingerprint: dict[str, Any], engine: str) -> dict[str, Any]:
    """The fingerprint of a run's features as its encoder makes them with this engine, on this machine."""
    wanted = fingerprint.get("precision", "float32")
    return {
        name: value for name, value in fingerprint.items() if name != "precision"
    } | describe_precision(choose_precision(choose_engine(engine), wanted))


def _encoder_of(run: Path, config: dict[str, Any], weights: str | None, engine: str) -> Encoder:
    """The encoder that a run was trained on, refused where its weights are now others; or the one that it trained."""
    options = {
        name: config.get(name) for name in ("layer", "image_size", "grid")
    }  # an older run knows fewer
    options |= {"engine": engine, "precision": config["fingerprint"].get("precision", "float32")}
    if config.get("finetune_encoder"):
        if weights is not None:
            raise UserError(
                f"--weights {weights}: the encoder of {run} was trained in it and lies there; leave --weights out"
            )
        return Encoder(config["encoder"], weights=str(run), **options)
    by_name = ENCODERS[
        config["encoder"]
    ].accepts_presets  # weights need be no file, and are told apart where they are loaded
    if weights is not None and not by_name and not Path(weights).exists():
        raise UserError(
            f"no weights file {weights}; --weights says where the run's encoder weights are now"
        )
    weights = weights or config["encoder_weights"]
    if (
        hugging_face.is_hugging_face(weights)
        and not Path(weights[len(hugging_face.PREFIX) :]).is_dir()
    ):
        raise UserError(
            f"the run's encoder weights were at {weights}, and are not there now; say where with --weights "
            "hf:FOLDER"
        )
    if weights not in ("imagenet", "none") and not by_name and not Path(weights).exists():
        raise UserError(
            f"the run's encoder weights were at {weights}, and are not there now; say where with --weights FILE"
        )
    encoder = Encoder(config["encoder"], weights=weights, **options)
    found, wanted = encoder.fingerprint(), config["fingerprint"]
    if found["weights"] != wanted.get(
        "weights", found["weights"]
    ):  # a model of elsewhere does not say
        raise UserError(
            f"{weights} holds other weights than those that the run was trained with; give the right file with "
            "--weights FILE, or train again"
        )
    return encoder
