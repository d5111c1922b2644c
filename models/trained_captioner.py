"""A run's captioner: encoder, decoder and search in TensorFlow."""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)

# isort: split
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from data.photos.crops import Crops, project_to_photo
from data.photos.images import AnyPhoto
from data.photos.reading import WHOLE, Reading, Window
from data.text.loading import load_pretrained_tokenizer, load_tokenizer
from data.text.tokenizer import END, PAD, START, UNKNOWN
from models.base_captioner import BATCH, BaseCaptioner
from models.decoders.base import Decoder, check_max_length
from models.encoders.encoder import Encoder
from models.pretrained.families import describe_tokenizer, read_run_config
from models.pretrained.generation import translate_forbidden
from models.saved_networks import (
    adapt_fingerprint,
    build_decoder_for,
    has_own_encoder,
    load_encoder,
)
from models.search.compiled import compile_search
from models.search.rules import Captions, Rules
from models.search.sampling import Sampling
from models.training.checkpoints import load_weights
from utils import hugging_face
from utils.device import choose_auto_precision, has_bfloat16
from utils.errors import UserError, unknown_name_error
from utils.predictions import Caption
from utils.runs import check_writes_captions, find_trained_run, read_forbidden

SEARCH_SETTINGS = (
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
    "prompt",
    "min_length",
    "allow_cut",
    "early_stopping",
    "forbidden",
)
# For settings without them.
_DEFAULTS: dict[str, Any] = {
    "look": "likeliest",
    "crops": 1,
    "prompt": None,
    "min_length": 1,
    "allow_cut": False,
    "early_stopping": "always",
    "forbidden": (),
}


class TrainedCaptioner(BaseCaptioner):
    """Captions photos with the networks of a run."""

    def __init__(
        self,
        *,
        encoder: Callable[[], Encoder],
        decoder: Decoder,
        settings: dict[str, Any],
        fingerprint: dict[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """`encoder` makes the encoder when it is first needed.

        Without a `fingerprint`, the encoder's own is used. `settings` has `SEARCH_SETTINGS`.
        """
        super().__init__(settings=_DEFAULTS | settings, **others)
        self._make_encoder = encoder
        self.decoder = decoder
        self._fingerprint = fingerprint
        self._searches: dict[tuple[int, Rules, Sampling | None, bool], Callable[..., Captions]] = {}

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, loaded at first use: captions from cached features need none."""
        return self._make_encoder()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the values of the encoder's features depend on."""
        return self._fingerprint or self.encoder.fingerprint()

    def warm_up(self) -> None:
        _ = self.encoder

    def _caption_pictures(
        self, pictures: list[np.ndarray], settings: dict[str, Any], windows: Sequence[Window]
    ) -> list[Caption]:
        features = self._encode(pictures, Crops(settings["crops"]))
        # Features depend a little on the size of their batch, so seeds come from pixels.
        return self._caption_batch(features, pictures, settings, windows)

    def from_features(
        self, features: np.ndarray, photos: Sequence[AnyPhoto] | None = None, **changes: Any
    ) -> list[Caption]:
        """Return captions by features (N, L, D), the locations of one or several crops.

        Some networks see only the middle of a photo. Without the `photos`, their attention is laid
        on that part alone.
        """
        settings = self.change_settings(changes)
        captions = []
        for start in range(0, len(features), BATCH):
            rows = np.asarray(features[start : start + BATCH])
            windows = [WHOLE] * len(rows)
            if photos is not None:
                windows = [self._find_window(photo) for photo in photos[start : start + BATCH]]
            captions += self._caption_batch(rows, rows, settings, windows)
        return captions

    def _encode(self, pictures: Sequence[np.ndarray], crops: Crops) -> np.ndarray:
        """Return features (N, L, D) of pictures, the locations of their crops one after another."""
        cut = [crop for picture in pictures for crop in crops.cut(picture)]
        stacked = np.stack(cut)
        parts = [
            self.encoder(stacked[start : start + BATCH]) for start in range(0, len(cut), BATCH)
        ]
        return np.concatenate(parts).reshape(len(pictures), -1, parts[0].shape[-1])

    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the search settings with these changes, checked."""
        for name in changes:
            if name not in self.settings:
                raise unknown_name_error("setting", name, list(self.settings))
        settings = self.settings | changes
        if not settings["sample"] and changes.keys() & {"temperature", "top_k", "top_p"}:
            raise ValueError("temperature, top_k and top_p need sample=True")
        check_max_length(settings["max_length"], self.decoder.positions)
        if settings["min_length"] > settings["max_length"]:
            raise UserError(
                f"--max-length must be at least --min-length, {settings['min_length']} "
                f"(got {settings['max_length']})"
            )
        self.encode_prompt(settings)
        if settings["look"] == "drawn" and not self.decoder.can_draw:
            raise UserError(
                "--look drawn needs a run with --attention hard; this one has soft attention"
            )
        return settings

    @staticmethod
    def make_rules(settings: dict[str, Any], *, is_portable: bool = False) -> Rules:
        """Return the rules of a search with these settings."""
        return Rules(
            start=START,
            end=END,
            forbidden_tokens=(PAD, UNKNOWN, START),
            max_length=settings["max_length"],
            beam=settings["beam"],
            length_penalty=settings["length_penalty"],
            no_repeat=settings["no_repeat"],
            min_length=settings["min_length"],
            allow_cut=settings["allow_cut"],
            early_stopping=settings["early_stopping"],
            forbidden_sequences=settings["forbidden"],
            is_portable=is_portable,
        )

    def encode_prompt(self, settings: dict[str, Any]) -> list[int]:
        """Return the tokens of the prompt; reject unknown words, and more than fit a caption."""
        prompt = (settings["prompt"] or "").strip()
        if not prompt:
            return []
        if not self._knows(prompt):
            unknown = [repr(word) for word in prompt.split() if not self._knows(word)]
            raise UserError(
                f"--prompt must have words that the network knows (got {', '.join(unknown)}); "
                "use others"
            )
        tokens = self.tokenizer.encode_prompt(prompt)
        most = settings["max_length"] - 1
        if len(tokens) > most:
            raise UserError(
                f"--prompt must have at most {most} words or pieces, one less than --max-length "
                f"(got {len(tokens)})"
            )
        return tokens

    def _knows(self, text: str) -> bool:
        """Return whether a text has tokens, and none of them is special, such as unknown."""
        tokens = self.tokenizer.encode_prompt(text)
        return min(tokens, default=UNKNOWN) > END

    def _caption_batch(
        self,
        features: np.ndarray,
        inputs: Sequence[np.ndarray],
        settings: dict[str, Any],
        windows: Sequence[Window],
    ) -> list[Caption]:
        """Return captions by features (N, L, D); a photo's seed comes from its `inputs`."""
        rules = self.make_rules(settings)
        prompt = self.encode_prompt(settings)
        sampling = None
        if settings["sample"]:
            sampling = Sampling(settings["temperature"], settings["top_k"], settings["top_p"])
        samples_locations = settings["look"] == "drawn"
        seeds = np.zeros(len(features), np.int32)
        if sampling is not None or samples_locations:
            # A seed of the photo's own: its samples do not depend on the rest of the batch.
            seeds[:] = [_make_seed(each, settings["seed"]) for each in inputs]

        search = self._get_search(features.shape[1], rules, sampling, samples_locations)
        arguments = [tf.constant(features), tf.constant(seeds)]
        if prompt:
            arguments.append(tf.constant(prompt))
        found = search(*arguments)
        tokens, logs, attention = (tensor.numpy() for tensor in found)
        lengths = np.count_nonzero(tokens, axis=-1) - len(prompt)  # a prompt has no score
        scores = np.exp(logs / np.maximum(lengths, 1).astype(np.float32))
        captions = []
        for row, window in enumerate(windows):
            places = self._project_to_grid(attention[row, 0])
            captions.append(self._make_caption(tokens[row], scores[row], places, window))
        return captions

    def _get_search(
        self, locations: int, rules: Rules, sampling: Sampling | None, samples_locations: bool
    ) -> Callable[..., Captions]:
        """Return the compiled search, compiled at its first use."""
        key = (locations, rules, sampling, samples_locations)
        if key not in self._searches:
            self._searches[key] = compile_search(
                self.decoder, rules, sampling, samples_locations=samples_locations
            )
        return self._searches[key]

    def _project_to_grid(self, attention: np.ndarray) -> np.ndarray:
        """Return attention (T, places) on the photo's grid by that to all crops (T, L).

        The first columns of a crop may be attention to it as a whole; they are dropped, and rows
        sum to 1.
        """
        crops = np.split(attention, attention.shape[1] // self.decoder.locations, axis=1)
        whole = self.decoder.locations - self.grid[0] * self.grid[1]
        places = project_to_photo([each[:, whole:] for each in crops], self.grid)
        if not whole:
            return places
        return places / np.maximum(places.sum(axis=1, keepdims=True), 1e-12)


def load_run(
    run: str | Path | None, *, weights: str | None, engine: str, precision: str | None
) -> TrainedCaptioner:
    """Load a run; the arguments are those of `Captioner.load`."""
    folder = find_trained_run(None if run is None else str(run))
    config = read_run_config(folder)
    check_writes_captions(folder, config)
    is_hugging_face = hugging_face.is_hugging_face(folder)
    if is_hugging_face and precision is None:
        precision = choose_auto_precision(has_bfloat16=has_bfloat16())
    if precision is not None:
        config["fingerprint"] = config["fingerprint"] | {"precision": precision}
    if is_hugging_face:
        place = hugging_face.find_folder(folder)
        facts = describe_tokenizer(folder)
        tokenizer = load_pretrained_tokenizer(config["tokenizer"], place, **facts)
        forbidden = translate_forbidden(config["forbidden"], tokenizer.pretrained_ids)
    else:
        tokenizer = load_tokenizer(folder / "vocabulary.json")
        forbidden = read_forbidden(folder)
    decoder = build_decoder_for(config, len(tokenizer))
    if is_hugging_face:
        # Imported here because it imports KerasHub, which takes seconds.
        from models.pretrained.loading import load_decoder_weights

        load_decoder_weights(decoder, str(folder), tokenizer.pretrained_ids)
    else:
        load_weights(decoder, folder / "best")

    fingerprint = adapt_fingerprint(config["fingerprint"], engine)
    rows, columns = fingerprint["grid"]
    search = {name: config[name] for name in SEARCH_SETTINGS if name in config}
    is_own = has_own_encoder(config) or is_hugging_face
    return TrainedCaptioner(
        encoder=lambda: load_encoder(folder, config, weights, engine),
        decoder=decoder,
        tokenizer=tokenizer,
        grid=(rows, columns),
        image_size=fingerprint["image_size"],
        reading=Reading(**fingerprint.get("reading", {})),
        fingerprint=None if is_own else fingerprint,
        settings=search | {"forbidden": forbidden},
    )


def _make_seed(values: np.ndarray, seed: int) -> int:
    """Return a seed from 0 to 2³¹ − 1 that depends on an array and on `seed`."""
    return zlib.crc32(values.tobytes(), seed) & 0x7FFFFFFF
