"""Photos to captions: photo reader, encoder, decoder and tokenizer in one.

from models.captioner import Captioner
caption = Captioner.load("checkpoints/RUN")("photo.jpg")
caption.text, caption.score, caption.words, caption.attention
"""

import itertools
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf

from data.photos.crops import Crops, project_to_photo, project_window
from data.photos.images import AnyPhoto, load_pixels, read_photo, read_size
from data.photos.reading import DEFAULT, WHOLE, Reading, Window
from data.text.loading import load_pretrained_tokenizer, load_tokenizer
from data.text.tokenizer import END, PAD, START, UNKNOWN, Word
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

BATCH = 64  # photos at a time
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


class Tokenizer(Protocol):
    """The part of a tokenizer that the captioner needs."""

    def decode(self, numbers: Iterable[int]) -> list[Word]: ...

    def encode(self, caption: str) -> list[int]: ...

    def encode_prompt(self, text: str) -> list[int]: ...

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
        reading: Reading = DEFAULT,
        fingerprint: dict[str, Any] | None = None,
    ) -> None:
        """`encoder` makes the encoder when it is first needed.

        Without a `fingerprint`, the encoder's own is used. `settings` has `SEARCH_SETTINGS`.
        """
        self._make_encoder = encoder
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.grid = grid
        self.image_size = image_size
        self.settings = _DEFAULTS | settings
        self.reading = reading
        self._read_photo = read_photo
        self._fingerprint = fingerprint
        self._searches: dict[tuple[int, Rules, Sampling | None, bool], Callable[..., Captions]] = {}

    @classmethod
    def load(
        cls,
        run: str | Path | None = None,
        *,
        weights: str | None = None,
        engine: str = "auto",
        precision: str | None = None,
    ) -> Self:
        """Load a run folder (default: the newest) with the weights of its best epoch.

        `run` may also be a Hugging Face model, hf:FOLDER, or at an address, s3://BUCKET/RUN, from
        which it is fetched once. `weights` is the present place of the encoder's weights, if they
        were moved; it may be an address too. `engine` is auto, tensorflow or openvino.
        `precision`, float32 or bfloat16, replaces the run's. Captioners of others have bfloat16
        where the processor has it.
        """
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
        return cls(
            encoder=lambda: load_encoder(folder, config, weights, engine),
            decoder=decoder,
            tokenizer=tokenizer,
            grid=(rows, columns),
            image_size=fingerprint["image_size"],
            reading=Reading(**fingerprint.get("reading", {})),
            fingerprint=None if is_own else fingerprint,
            settings=search | {"forbidden": forbidden},
        )

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, loaded at first use: captions from cached features need none."""
        return self._make_encoder()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the values of the encoder's features depend on."""
        return self._fingerprint or self.encoder.fingerprint()

    def __call__(
        self,
        photos: AnyPhoto | Sequence[AnyPhoto],
        *,
        originals: Sequence[AnyPhoto] | None = None,
        **changes: Any,
    ) -> Caption | list[Caption]:
        """Return the caption of a photo, or those of a list.

        A photo is a path, the bytes of a file, uint8 pixels, or a Pillow image. The first one that
        cannot be read is named by an UnreadablePhoto, a ValueError.

        `originals` are the photos themselves where `photos` are pixels at the network's size.
        `changes` are search settings: beam, length_penalty, no_repeat, max_length, min_length,
        sample, temperature, top_k, top_p, look, crops, seed, and prompt, with which captions
        begin.
        """
        if isinstance(photos, AnyPhoto):
            return self([photos], **changes)[0]
        settings = self._change_settings(changes)
        captions = []
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(photos), BATCH):
                part = photos[start : start + BATCH]
                pictures = list(pool.map(self._load_pixels, part, itertools.count(start + 1)))
                features = self._encode(pictures, Crops(settings["crops"]))
                whole = part if originals is None else originals[start : start + BATCH]
                windows = [self._find_window(photo) for photo in whole]
                # Features depend a little on the size of their batch, so seeds come from pixels.
                captions += self._caption_batch(features, pictures, settings, windows)
        return captions

    def from_features(
        self, features: np.ndarray, photos: Sequence[AnyPhoto] | None = None, **changes: Any
    ) -> list[Caption]:
        """Return captions by features (N, L, D), the locations of one or several crops.

        Some networks see only the middle of a photo. Without the `photos`, their attention is laid
        on that part alone.
        """
        settings = self._change_settings(changes)
        captions = []
        for start in range(0, len(features), BATCH):
            rows = np.asarray(features[start : start + BATCH])
            windows = [WHOLE] * len(rows)
            if photos is not None:
                windows = [self._find_window(photo) for photo in photos[start : start + BATCH]]
            captions += self._caption_batch(rows, rows, settings, windows)
        return captions

    def _find_window(self, photo: AnyPhoto) -> Window:
        """Return the part of a photo that the network sees."""
        if self.reading.fit == "squeeze":
            return WHOLE
        return self.reading.find_window(read_size(photo), (self.image_size, self.image_size))

    def _load_pixels(self, photo: AnyPhoto, number: int = 1) -> np.ndarray:
        """Load a photo as uint8 (S, S, 3); given pixels are resized as those of a file are."""
        size = (self.image_size, self.image_size)
        read, reading = self._read_photo, self.reading
        return load_pixels(photo, size, number=number, read=read, reading=reading)

    def _encode(self, pictures: Sequence[np.ndarray], crops: Crops) -> np.ndarray:
        """Return features (N, L, D) of pictures, the locations of their crops one after another."""
        cut = [crop for picture in pictures for crop in crops.cut(picture)]
        stacked = np.stack(cut)
        parts = [
            self.encoder(stacked[start : start + BATCH]) for start in range(0, len(cut), BATCH)
        ]
        return np.concatenate(parts).reshape(len(pictures), -1, parts[0].shape[-1])

    def _change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
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
        self._encode_prompt(settings)
        if settings["look"] == "drawn" and not self.decoder.draws:
            raise UserError(
                "--look drawn needs a run with --attention hard; this one has soft attention"
            )
        return settings

    def _encode_prompt(self, settings: dict[str, Any]) -> list[int]:
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
        rules = Rules(
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
        )
        prompt = self._encode_prompt(settings)
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
        rows = zip(tokens, logs, attention, windows, strict=True)
        return [self._make_caption(*row, prompt_length=len(prompt)) for row in rows]

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

    def _make_caption(
        self,
        tokens: np.ndarray,
        logs: np.ndarray,
        attention: np.ndarray,
        window: Window,
        *,
        prompt_length: int,
    ) -> Caption:
        """Make a photo's caption of tokens (K, T), log-probabilities (K,), attention (K, T, L)."""
        decoded = [self.tokenizer.decode(row) for row in tokens]
        found = []
        for words, row, log in zip(decoded, tokens, logs, strict=True):
            text = self.tokenizer.join_words([word.text for word in words if word.text])
            length = np.count_nonzero(row) - prompt_length  # a prompt has no score
            found.append((text, float(np.exp(log / max(1, length)))))

        words = decoded[0]
        crops = np.split(attention[0], attention.shape[-1] // self.decoder.locations, axis=1)
        places = project_window(_project_to_grid(crops, self.grid), self.grid, window)
        return Caption(
            text=found[0][0],
            score=found[0][1],
            words=[word.text for word in words if word.text],
            attention=_average_by_word(words, places),
            grid=self.grid,
            candidates=[candidate for candidate in found if candidate[0]],
        )


def _make_seed(values: np.ndarray, seed: int) -> int:
    """Return a seed from 0 to 2³¹ − 1 that depends on an array and on `seed`."""
    return zlib.crc32(values.tobytes(), seed) & 0x7FFFFFFF


def _project_to_grid(crops: Sequence[np.ndarray], grid: tuple[int, int]) -> np.ndarray:
    """Return attention (T, L) on the photo's grid by that to each crop (T, n + L).

    The first n columns are attention to a crop as a whole; they are dropped, and rows sum to 1.
    """
    whole = crops[0].shape[1] - grid[0] * grid[1]
    places = project_to_photo([attention[:, whole:] for attention in crops], grid)
    if not whole:
        return places
    return places / np.maximum(places.sum(axis=1, keepdims=True), 1e-12)


def _average_by_word(words: Sequence[Word], attention: np.ndarray) -> np.ndarray:
    """Return attention (words, L) by attention (T, L): a word's mean over its tokens.

    A word without letters has no row.
    """
    rows = []
    start = 0
    for word in words:
        end = start + word.tokens
        if word.text:
            rows.append(attention[start:end].mean(axis=0))
        start = end
    if not rows:
        return attention[:0]
    return np.stack(rows)
