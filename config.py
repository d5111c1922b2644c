"""Every setting once: its default, the values it may have, and one line of help.

Command lines are made from this file. Values that suit a system or a kind of data are in
presets.py.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from utils.command_line import check_values, require, setting
from utils.errors import unknown_name_error
from utils.places import find_places

ENCODERS = (
    "inception_v3",
    "resnet101",
    "inception_resnet_v2",
    "efficientnet_v2_s",
    "mobilenet_v3_large",
    "vit_b16",
    "clip_vit_b16",
    "siglip_base",
    "dinov2_base",
    "convnet",
)

# The ways in which each decoder can attend to the photo. The first is its default.
ATTENTIONS: dict[str, tuple[str, ...]] = {
    "bert": ("soft",),
    "gru": ("soft",),
    "lstm": ("soft", "hard", "none"),
    "luong": ("dot", "additive"),
    "transformer": ("soft",),
    "git": ("soft",),
}
TRANSFORMERS = ("transformer", "bert", "git")  # decoders of transformer blocks
BEST_BY = ("CIDEr", "BLEU-4", "BLEU-2", "NIST-4", "NIST-2", "ROUGE-L", "loss")
ENCODER_RATE = 0.00001
HEADS = 8


class Group:
    """A group of settings; values outside their choices or bounds are rejected."""

    def __post_init__(self) -> None:
        check_values(self)


def _find_cache() -> str:
    return str(find_places().cache)


@dataclass(frozen=True)
class Data(Group):
    """captions and photos"""

    dataset: str | None = setting(
        None,
        "captions file or folder (default: what lies in datasets/, else the built-in scenes)",
        unit="DIR|FILE|scenes|cifar10",
    )
    format: str | None = setting(
        None,
        "results, csv, jsonl, karpathy, aihub, coco, flickr8k … or texts (default: recognised)",
        unit="NAME",
    )
    language: str | None = setting(
        None, "language of the captions: en, ko, ja, zh … (default: by their letters)", unit="CODE"
    )
    outside_photos: bool = setting(False, "allow photos outside the dataset's folder")
    all_rows: bool = setting(
        False, "of a file of predict.py --out, also the rows that nobody has changed"
    )
    test_size: float = setting(
        0.1,
        "share of the photos for val, and again for test, if no split is given",
        unit="FRACTION",
        above=0,
        below=0.5,
    )
    limit: int | None = setting(
        None, "train on at most this many photos", unit="PHOTOS", at_least=1
    )
    strict: bool = setting(False, "reject a dataset with any fault instead of skipping the fault")

    def __post_init__(self) -> None:
        super().__post_init__()
        is_code = self.language is None or re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*", self.language)
        require(
            bool(is_code), f"--language must be a code such as en, ko or zh (got {self.language})"
        )


@dataclass(frozen=True)
class Vision(Group):
    """encoder and features"""

    encoder: str | None = setting(
        None,
        "network that encodes the photo, one of those above (default: the preset's)",
        unit="NAME",
    )
    weights: str = setting(
        "imagenet",
        "the encoder's weights; none is random",
        unit="imagenet|none|FILE|RUN|PRESET|hf:FOLDER",
    )
    layer: str | None = setting(
        None, "layer whose output is the features (default: the encoder's last)", unit="NAME"
    )
    image_size: int | None = setting(
        None, "side to which photos are resized (default: the encoder's)", unit="PIXELS", at_least=1
    )
    grid: int | None = setting(
        None,
        "pool the features to this many rows and columns (default: as they are)",
        unit="SIDE",
        at_least=1,
    )
    finetune_encoder: bool = setting(
        False, "train the encoder too; features are not cached, views are new in every epoch"
    )
    finetune_from: str | None = setting(
        None, "first block of the encoder to train (default: its last blocks)", unit="BLOCK"
    )
    encoder_rate: float = setting(
        ENCODER_RATE, "learning rate of an encoder that is trained too", unit="RATE", at_least=0
    )
    augment: int | None = setting(
        1, "augmented views of each training photo, besides the photo", unit="VIEWS", at_least=0
    )
    save_augmented: bool = setting(
        False, "also write the augmented views as pictures into the run folder"
    )
    convnet_epochs: int = setting(
        12, "epochs of training for the convnet encoder", unit="EPOCHS", at_least=1
    )
    cache: str = setting(
        None,
        "folder of cached features (default: datasets/cache)",
        make_default=_find_cache,
        unit="DIR",
    )


@dataclass(frozen=True)
class Words(Group):
    """vocabulary"""

    tokenizer: str | None = setting(
        None,
        "words, characters, bpe or a folder with GPT-2's vocabulary (default: by language)",
        unit="words|characters|bpe|FOLDER",
    )
    vocabulary: int = setting(
        5000, "largest vocabulary; the most frequent words stay", unit="WORDS", at_least=1
    )
    minimum_count: int = setting(
        3, "rarer words of the training captions count as unknown", unit="TIMES", at_least=1
    )
    vocabulary_from: str = setting(
        "union",
        "with --from, the words of both, of the new captions, or of the old run",
        unit="union|new|old",
        choices=("union", "new", "old"),
    )
    max_length: int | None = setting(
        None,
        "longest caption (default 24 words, 48 characters or 36 pieces)",
        unit="WORDS",
        at_least=1,
    )


@dataclass(frozen=True)
class Decoding(Group):
    """decoder"""

    decoder: str = setting(
        "gru",
        "network that writes the caption: gru, lstm, luong, transformer, bert or git",
        unit="NAME",
    )
    decoder_weights: str | None = setting(
        None,
        "pretrained GPT-2 for --decoder transformer (default none: random)",
        unit="NAME|FOLDER|hf:FOLDER|none",
    )
    extra_weights: str | None = setting(
        None,
        "place vectors and output bias, which GPT-2 lacks (default: none if it is pretrained)",
        unit="learned|none",
        choices=("learned", "none"),
    )
    attention: str | None = setting(
        None,
        "soft; with lstm also hard or none; with luong dot or additive (default: the first)",
        unit="NAME",
    )
    features: str | None = setting(
        None,
        "scale of the features in the decoder (default: normalised for gru, else raw)",
        unit="normalised|raw",
        choices=("normalised", "raw"),
    )
    layers: int = setting(
        1, "number of LSTM layers or transformer blocks", unit="LAYERS", at_least=1
    )
    units: int = setting(512, "width of the decoder's state", unit="UNITS", at_least=1)
    heads: int = setting(
        HEADS, "attention heads of each transformer block", unit="HEADS", at_least=1
    )
    embedding: int = setting(256, "width of a word's vector", unit="UNITS", at_least=1)
    attention_units: int = setting(
        256, "width in which attention compares words and locations", unit="UNITS", at_least=1
    )
    dropout: float = setting(
        0.4, "share of values dropped in training", unit="FRACTION", at_least=0, below=1
    )

    @property
    def is_pretrained(self) -> bool:
        """Return whether the decoder starts from weights that come with a vocabulary."""
        return self.decoder_weights not in (None, "none")


@dataclass(frozen=True)
class Training(Group):
    """training"""

    batch: int = setting(64, "captions (or pictures) in a step", unit="CAPTIONS", at_least=1)
    epochs: int = setting(12, "epochs in all", unit="EPOCHS", at_least=1)
    learning_rate: float = setting(0.001, "highest learning rate", unit="RATE", above=0)
    weight_decay: float = setting(
        0.0, "weight decay of AdamW; 0 is Adam", unit="FRACTION", at_least=0, below=1
    )
    warmup: int = setting(200, "steps of rising learning rate", unit="STEPS", at_least=0)
    schedule: str = setting(
        "cosine",
        "learning rate after the warmup: falling to a hundredth, or constant",
        choices=("cosine", "constant"),
    )
    clip: float = setting(5.0, "largest norm of all gradients together", unit="NORM", above=0)
    penalty: float = setting(
        0.0,
        "weight of the doubly stochastic penalty, for attention to all of the photo",
        unit="WEIGHT",
        at_least=0,
    )
    scst: bool = setting(
        False, "self-critical training on CIDEr-D, after true captions (--from or --resume)"
    )
    reward_epochs: int | None = setting(
        0, "self-critical epochs that follow in the same run", unit="EPOCHS", at_least=0
    )
    baseline: str = setting(
        "others",
        "self-critical baseline: the photo's other samples, or the greedy caption",
        choices=("others", "greedy"),
    )
    passes: int | None = setting(
        None,
        "times that an epoch shows each photo (default: by their number)",
        unit="TIMES",
        at_least=1,
    )
    replay: float | None = setting(
        0.0,
        "with --from, old photos to learn again in each epoch, for each new one (default 1)",
        unit="NUMBER",
        at_least=0,
    )
    keep: float | None = setting(
        0.0,
        "with --from, share of that run's weights in the result (default 0.5 for few photos)",
        unit="FRACTION",
        at_least=0,
        below=1,
    )
    best_by: str | None = setting(
        None,
        "score on val that picks the best epoch (default: CIDEr; loss for a small val)",
        choices=BEST_BY,
        unit="SCORE",
    )
    patience: int = setting(
        4, "stop after this many epochs without a better score", unit="EPOCHS", at_least=1
    )
    top: int = setting(5, "k of the top-k accuracy", unit="K", at_least=1)
    save_every: int = setting(
        500, "also save a checkpoint after this many steps", unit="STEPS", at_least=1
    )
    seed: int = setting(
        0,
        "seed of splits, augmentation, weights, order and dropout",
        unit="NUMBER",
        at_least=0,
        at_most=2**32 - 1,
    )


@dataclass(frozen=True)
class Search(Group):
    """captions"""

    beam: int = setting(3, "width of the beam search; 1 is greedy", unit="WIDTH", at_least=1)
    length_penalty: float = setting(
        0.7, "0 favours short captions, 1 long ones", unit="POWER", at_least=0
    )
    no_repeat: int | None = setting(
        None,
        "reject repeated sequences of this many words; 0 allows all (default 3)",
        unit="WORDS",
        at_least=0,
    )
    min_length: int = setting(1, "shortest caption; its prompt counts", unit="WORDS", at_least=1)
    allow_cut: bool = setting(
        False, "let a caption of --max-length words count as finished without an end"
    )
    early_stopping: str = setting(
        "always",
        "stop at --beam captions: always, usually (if no open one leads), never",
        choices=("always", "usually", "never"),
    )
    prompt: str | None = setting(
        None, "words with which every caption begins (default: none)", unit="TEXT"
    )
    crops: int = setting(
        1,
        "crops of a photo: 1 whole, 2 also its middle, 4 also mirrored",
        unit="NUMBER",
        choices=(1, 2, 4),
    )
    sample: bool = setting(False, "sample words at random instead of searching")
    look: str = setting(
        "likeliest",
        "with --attention hard: the likeliest location, or one that is drawn",
        choices=("likeliest", "drawn"),
    )
    temperature: float = setting(
        1.0, "with --sample: below 1 is safer, above 1 wilder", unit="NUMBER", above=0
    )
    top_k: int | None = setting(
        None, "with --sample: only among this many likeliest words", unit="WORDS", at_least=1
    )
    top_p: float | None = setting(
        None,
        "with --sample: only among the likeliest words of this total probability",
        unit="FRACTION",
        above=0,
        at_most=1,
    )


@dataclass(frozen=True)
class Classes(Group):
    """classifier (--preset classifier)"""

    trunk: str = setting(
        "modern",
        "its CNN: modern, or the one of PyTorch's CIFAR-10 tutorial",
        choices=("modern", "tutorial"),
    )
    alter: str = setting(
        "mirrored",
        "augmentation: moved and mirrored; moved alone (letters); or none",
        choices=("mirrored", "moved", "none"),
    )


@dataclass(frozen=True)
class Machine(Group):
    """machine"""

    device: str = setting(
        "auto", "auto takes a GPU if there is one", choices=("auto", "cpu", "gpu")
    )
    engine: str = setting(
        "auto",
        "engine of a frozen encoder; auto takes OpenVINO on a CPU",
        choices=("auto", "tensorflow", "openvino"),
    )
    precision: str = setting(
        "auto",
        "of matrix products; auto takes bfloat16 if the processor has it",
        choices=("auto", "float32", "bfloat16"),
    )
    worker_timeout: int = setting(
        600, "give up other workers of the same training after", unit="SECONDS", at_least=1
    )


GROUPS = (Data, Vision, Words, Decoding, Training, Search, Classes, Machine)

FITTED_TOKENIZERS = ("words", "characters", "bpe")

# The machine's settings that matter to a run that is trained already.
DEVICE_SETTINGS = ("device", "engine")

# Settings that may change when a run is resumed: they do not change the result, or only how long
# training lasts.
RESUMABLE = frozenset(
    {
        "epochs",
        "patience",
        "save_every",
        "save_augmented",
        "device",
        "engine",
        "cache",
        "weights",
        "worker_timeout",
    }
)

# The only settings that a classifier uses.
CLASSIFIER_SETTINGS = frozenset(
    {
        "preset",
        "dataset",
        "test_size",
        "limit",
        "strict",
        "image_size",
        "cache",
        "trunk",
        "alter",
        "batch",
        "epochs",
        "learning_rate",
        "warmup",
        "schedule",
        "patience",
        "top",
        "save_every",
        "seed",
        "device",
    }
)


@dataclass(frozen=True)
class Settings:
    """All settings of a run, by concern, and where each value came from."""

    preset: str = "inception-gru"
    data: Data = field(default_factory=Data)
    vision: Vision = field(default_factory=Vision)
    words: Words = field(default_factory=Words)
    decoding: Decoding = field(default_factory=Decoding)
    training: Training = field(default_factory=Training)
    search: Search = field(default_factory=Search)
    classes: Classes = field(default_factory=Classes)
    machine: Machine = field(default_factory=Machine)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        _check_encoder_rules(self)
        _check_decoder_rules(self)
        _check_training_rules(self)
        _check_search_rules(self)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> Self:
        """Make settings from names and values without groups; the rest are defaults."""
        rest = dict(values)
        preset = rest.pop("preset", "inception-gru")
        groups = {}
        for group in GROUPS:
            names = {each.name for each in fields(group)} & rest.keys()
            groups[group.__name__.lower()] = group(**{name: rest.pop(name) for name in names})
        if rest:
            raise unknown_name_error("setting", next(iter(rest)), sorted(SETTING_NAMES))
        return cls(preset=preset, origins=origins or {}, **groups)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], **changes: Any) -> Self:
        """Make settings from a run's config.json, which holds more than settings; `changes` win."""
        values = {name: config[name] for name in SETTING_NAMES if name in config}
        return cls.from_flat(values | changes, config.get("origins"))

    def flat(self) -> dict[str, Any]:
        """Return names and values without groups, as config.json has them."""
        values = {"preset": self.preset}
        for group in GROUPS:
            values |= asdict(getattr(self, group.__name__.lower()))
        return values

    def replace(self, origin: str, **changes: Any) -> Self:
        """Return the settings with some changed; `origin` says where the new values come from."""
        origins = {**self.origins, **dict.fromkeys(changes, origin)}
        return self.from_flat(self.flat() | changes, origins)

    def for_classifier(self) -> dict[str, Any]:
        """Return the names and values that a classifier uses."""
        return {name: value for name, value in self.flat().items() if name in CLASSIFIER_SETTINGS}


SETTING_NAMES = frozenset(
    {"preset"}.union(*({each.name for each in fields(group)} for group in GROUPS))
)


# Rules that join two settings.


def _check_encoder_rules(settings: Settings) -> None:
    vision = settings.vision
    tuned = vision.finetune_encoder
    smallest = 16 if vision.encoder == "convnet" else 75
    require(
        vision.image_size is None or vision.image_size >= smallest,
        f"--image-size must be at least {smallest} (got {vision.image_size})",
    )
    require(tuned or vision.finetune_from is None, "--finetune-from needs --finetune-encoder")
    require(tuned or vision.encoder_rate == ENCODER_RATE, "--encoder-rate needs --finetune-encoder")


def _check_decoder_rules(settings: Settings) -> None:
    decoding = settings.decoding
    name = decoding.decoder
    attentions = ATTENTIONS.get(name)  # an unknown decoder is rejected by its name, later
    if attentions and decoding.attention is not None:
        require(
            decoding.attention in attentions,
            f"--attention {decoding.attention} does not go with --decoder {name}; "
            f"use {' or '.join(attentions)}",
        )
    require(
        decoding.features != "normalised" or name == "gru",
        "--features normalised needs --decoder gru",
    )
    require(
        decoding.extra_weights is None or name == "transformer",
        f"--extra-weights {decoding.extra_weights} needs --decoder transformer",
    )
    require(
        decoding.layers == 1 or name in ("lstm", *TRANSFORMERS),
        f"--layers {decoding.layers} needs --decoder lstm or {' or '.join(TRANSFORMERS)}",
    )
    if name in TRANSFORMERS:
        require(
            decoding.is_pretrained or decoding.units % decoding.heads == 0,
            f"--units must be a multiple of --heads (got {decoding.units} and {decoding.heads})",
        )
        return
    needed = f"--decoder {' or '.join(TRANSFORMERS)}"
    require(decoding.heads == HEADS, f"--heads {decoding.heads} needs {needed}")
    require(
        not decoding.is_pretrained,
        f"--decoder-weights {decoding.decoder_weights} needs {needed}",
    )


def _check_training_rules(settings: Settings) -> None:
    training, tuned = settings.training, settings.vision.finetune_encoder
    rewards = training.scst or training.reward_epochs != 0
    require(
        rewards or training.baseline == "others",
        f"--baseline {training.baseline} needs --scst or --reward-epochs",
    )
    require(
        settings.decoding.attention != "none" or not training.penalty,
        "--penalty needs attention, and --attention none has none; omit --penalty",
    )
    require(
        not (training.scst and tuned),
        "--scst does not go with --finetune-encoder; fine-tune first, in a run of its own",
    )
    require(
        not (training.reward_epochs and tuned),
        "--reward-epochs do not go with --finetune-encoder; train on with --from RUN --scst",
    )


def _check_search_rules(settings: Settings) -> None:
    search, longest = settings.search, settings.words.max_length
    require(
        longest is None or search.min_length <= longest,
        f"--min-length must be at most --max-length, {longest} (got {search.min_length})",
    )
    if search.sample:
        return
    for name, default in (("temperature", 1.0), ("top_k", None), ("top_p", None)):
        require(getattr(search, name) == default, f"--{name.replace('_', '-')} needs --sample")
