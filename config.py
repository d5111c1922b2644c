"""Every setting, once: what it means, its unit, its default. Command lines are made from this file."""

import math
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from utils.command_line import setting
from utils.errors import require, unknown_name_error

ENCODER_RATE = 0.00001
# How each decoder may see the photo, its usual way first.
ATTENTIONS: dict[str, tuple[str, ...]] = {
    "gru": ("soft",),
    "lstm": ("soft", "hard", "none"),
    "luong": ("dot", "additive"),
    "transformer": ("soft",),
}
CROPS = (1, 2, 4)
BEST_BY = ("CIDEr", "BLEU-4", "BLEU-2", "NIST-4", "NIST-2", "ROUGE-L", "loss")


@dataclass(frozen=True)
class Data:
    """captions and photos"""

    dataset: str | None = setting(
        None,
        "captions file or folder, or `scenes`; left out: what lies in datasets/, else "
        "the built-in scenes (of a classifier: a folder of classes, or `cifar10`)",
        unit="DIR|FILE|scenes|cifar10",
    )
    format: str | None = setting(
        None,
        "how the dataset is kept: csv (and tsv), jsonl, karpathy, aihub, coco, flickr8k, "
        "flickr30k or texts; left out: what it looks like",
        unit="NAME",
    )
    language: str | None = setting(
        None,
        "language of the captions (en, ko, ja, zh …): reads captions.<language>.csv "
        "where there is one; left out: by their letters",
        unit="CODE",
    )
    outside_photos: bool = setting(
        False, "allow captions of photos that lie outside the dataset's folder"
    )
    test_size: float = setting(
        0.1,
        "share of the photos for val, and again for test, where no split is given",
        unit="FRACTION",
    )
    limit: int | None = setting(
        None, "use only so many photos of the training split", unit="PHOTOS"
    )
    strict: bool = setting(
        False, "refuse a dataset with anything wrong in it, instead of leaving that out"
    )

    def __post_init__(self) -> None:
        require(
            0 < self.test_size < 0.5,
            f"--test-size is a share between 0 and 0.5, not {self.test_size}",
        )
        require(
            self.limit is None or self.limit > 0,
            f"--limit is a number of photos from 1, not {self.limit}",
        )
        require(
            self.language is None
            or re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*", self.language) is not None,
            f"--language is a code such as en, ko or zh, not {self.language!r}",
        )


@dataclass(frozen=True)
class Vision:
    """encoder and features"""

    encoder: str | None = setting(
        None,
        "pretrained network that looks at the photo: inception_v3, resnet101, "
        "inception_resnet_v2, efficientnet_v2_s, mobilenet_v3_large, vit_b16, or convnet "
        "(small, trained here); left out: convnet on the built-in scenes, else the preset's",
        unit="NAME",
    )
    weights: str = setting(
        "imagenet",
        "the encoder's weights: imagenet (Keras' download), none (random), a "
        ".weights.h5 file, or a run in which it was trained (convnet: also as a "
        "classifier); of vit_b16 also a KerasHub preset's name or "
        "folder, or hf:FOLDER; convnet trains its own",
        unit="imagenet|none|FILE|RUN|PRESET|hf:FOLDER",
    )
    layer: str | None = setting(
        None, "layer whose output are the features; left out: the encoder's last", unit="NAME"
    )
    image_size: int | None = setting(
        None,
        "side to which photos are squeezed; left out: the encoder's own (of a "
        "classifier: 32, 64 or 128, by the pictures)",
        unit="PIXELS",
    )
    grid: int | None = setting(
        None,
        "the features' rows and columns are averaged (or, where there are fewer, repeated) to "
        "so many; left out: as the layer gives them",
        unit="SIDE",
    )
    finetune_encoder: bool = setting(
        False,
        "train the encoder too: nothing is cached, and altered views are fresh in every epoch",
    )
    finetune_from: str | None = setting(
        None,
        "block of the encoder from which on it is trained (conv4_block1, mixed7 …); "
        "left out: its last blocks",
        unit="BLOCK",
    )
    encoder_rate: float = setting(
        ENCODER_RATE, "the encoder's learning rate, when it is trained too", unit="RATE"
    )
    augment: int | None = setting(
        1,
        "further, randomly altered views of each training photo; left out: of photographs with "
        "--preset inception-gru as many as make 64,000 pictures, from 1 to 7; else 1",
        unit="VIEWS",
    )
    save_augmented: bool = setting(
        False, "also write the altered views as pictures into the run folder"
    )
    convnet_epochs: int = setting(
        12, "passes over the training photos when the convnet is trained", unit="EPOCHS"
    )
    cache: str = setting("datasets/cache", "where features are kept between runs", unit="DIR")

    def __post_init__(self) -> None:
        require(
            self.augment is None or self.augment >= 0,
            f"--augment is a number of views from 0, not {self.augment}",
        )
        least = 16 if self.encoder == "convnet" else 75
        require(
            self.image_size is None or self.image_size >= least,
            f"--image-size is at least {least} pixels, not {self.image_size}",
        )
        require(
            self.grid is None or self.grid > 0,
            f"--grid is a number of rows and columns from 1, not {self.grid}",
        )
        require(
            self.finetune_encoder or self.finetune_from is None,
            "--finetune-from goes with --finetune-encoder",
        )
        require(
            0 <= self.encoder_rate < math.inf,
            f"--encoder-rate is a learning rate from 0, not {self.encoder_rate}",
        )
        require(
            self.finetune_encoder or self.encoder_rate == ENCODER_RATE,
            "--encoder-rate goes with --finetune-encoder",
        )
        require(
            self.convnet_epochs > 0, f"--convnet-epochs is at least 1, not {self.convnet_epochs}"
        )


@dataclass(frozen=True)
class Words:
    """vocabulary"""

    tokenizer: str | None = setting(
        None,
        "what captions are made of: words, characters (of Chinese and Japanese), bpe "
        "(pieces of words, learned from the captions), or GPT-2's pieces, by a folder "
        "with its vocabulary; left out: what suits the language, or --decoder-weights",
        unit="words|characters|bpe|FOLDER",
    )
    vocabulary: int = setting(
        5000, "how many words (characters, pieces) at most, the commonest first", unit="WORDS"
    )
    minimum_count: int = setting(
        3, "words seen fewer times in the training captions are unknown", unit="TIMES"
    )
    max_length: int | None = setting(
        None,
        "longest caption; longer training captions are cut there (default 24 words, "
        "48 characters or 36 pieces)",
        unit="WORDS",
    )

    def __post_init__(self) -> None:
        require(self.vocabulary > 0, f"--vocabulary is at least 1 word, not {self.vocabulary}")
        require(self.minimum_count > 0, f"--minimum-count is at least 1, not {self.minimum_count}")
        require(
            self.max_length is None or self.max_length > 0,
            f"--max-length is at least 1 word, not {self.max_length}",
        )


@dataclass(frozen=True)
class Decoding:
    """decoder"""

    decoder: str = setting(
        "gru",
        "network that writes the caption: gru, lstm (Show, Attend and Tell's, with a gate before "
        "what it sees), luong (a GRU that sees the photo after it), or transformer (GPT-2 with "
        "cross-attention)",
        unit="NAME",
    )
    decoder_weights: str | None = setting(
        None,
        "what --decoder transformer begins from: a KerasHub preset of GPT-2 or the "
        "folder of one, hf:FOLDER, or none (random); left out: none",
        unit="NAME|FOLDER|hf:FOLDER|none",
    )
    attention: str | None = setting(
        None,
        "how the decoder sees the photo: gru and transformer soft (all locations by their "
        "weight); lstm soft, hard (one drawn location before each word) or none (the "
        "photo once, at the start); luong dot or additive (all locations, compared by dot "
        "product or by a small network); left out: the first of these",
        unit="NAME",
    )
    features: str | None = setting(
        None,
        "how the decoder gets the features: normalised at each location (gru, which learns "
        "more of them so), or raw; left out: normalised by gru, raw by the others",
        unit="normalised|raw",
    )
    layers: int = setting(
        1,
        "LSTMs one upon the other, with --decoder lstm; blocks of --decoder transformer",
        unit="LAYERS",
        also="--decoder-layers",
    )
    units: int = setting(
        512,
        "width of the recurrent state and of the projected features; of the transformer's words",
        unit="UNITS",
        also="--decoder-units",
    )
    heads: int = setting(
        8,
        "places that each block of --decoder transformer looks at side by side",
        unit="HEADS",
        also="--decoder-heads",
    )
    embedding: int = setting(256, "width of a word's vector", unit="UNITS")
    attention_units: int = setting(
        256, "width in which attention, but for dot, compares words and locations", unit="UNITS"
    )
    dropout: float = setting(
        0.4, "share of word vectors' and outputs' values dropped in training", unit="FRACTION"
    )

    def __post_init__(self) -> None:
        for name in ("units", "embedding", "attention_units", "layers", "heads"):
            require(
                getattr(self, name) > 0,
                f"--{name.replace('_', '-')} is at least 1, not {getattr(self, name)}",
            )
        known = ATTENTIONS.get(
            self.decoder
        )  # a decoder that there is not is refused by name, later
        if known and self.attention is None:
            object.__setattr__(self, "attention", known[0])  # the fields are frozen
        require(
            known is None or self.attention in known,
            f"--attention {self.attention} does not go with --decoder {self.decoder}; that has "
            f"{' or '.join(known or ())}",
        )
        if self.features is None:
            object.__setattr__(self, "features", "normalised" if self.decoder == "gru" else "raw")
        require(
            self.features in ("normalised", "raw"),
            f"--features is normalised or raw, not {self.features}",
        )
        require(
            self.features == "raw" or self.decoder == "gru",
            "--features normalised goes with --decoder gru",
        )
        require(
            self.layers == 1 or self.decoder in ("lstm", "transformer"),
            f"--layers {self.layers} goes with --decoder lstm or transformer",
        )
        transformer = self.decoder == "transformer"
        require(
            transformer or self.heads == 8, f"--heads {self.heads} goes with --decoder transformer"
        )
        require(
            transformer or not self.pretrained,
            f"--decoder-weights {self.decoder_weights} goes with --decoder transformer",
        )
        require(
            not transformer
            or self.pretrained
            or self.units % self.heads == 0,  # pretrained weights have their own
            f"--units {self.units} cannot be shared among --heads {self.heads}; use a multiple of it",
        )
        require(
            0 <= self.dropout < 1, f"--dropout is a share from 0 to below 1, not {self.dropout}"
        )

    @property
    def pretrained(self) -> bool:
        """Whether the decoder begins from weights that come with a vocabulary."""
        return self.decoder_weights not in (None, "none")


@dataclass(frozen=True)
class Training:
    """training"""

    batch: int = setting(
        64,
        "captions a step; the captions of a photo share it (of a classifier: pictures)",
        unit="CAPTIONS",
    )
    epochs: int = setting(12, "passes over the training photos in all", unit="EPOCHS")
    learning_rate: float = setting(
        0.001, "the highest learning rate, of Adam (of a classifier: Muon, or SGD)", unit="RATE"
    )
    weight_decay: float = setting(
        0.0,
        "share of themselves that kernels and word vectors lose at each step, times the "
        "learning rate: AdamW; 0: Adam",
        unit="FRACTION",
    )
    warmup: int = setting(
        200, "steps in which the learning rate rises to its highest", unit="STEPS"
    )
    schedule: str = setting(
        "cosine",
        "the learning rate after that: falling to a hundredth of it, or constant",
        choices=("cosine", "constant"),
    )
    clip: float = setting(5.0, "largest norm of all gradients together", unit="NORM")
    penalty: float = setting(
        0.0,
        "weight of the doubly stochastic penalty, on attention that leaves places of the photo "
        "out over a whole caption",
        unit="WEIGHT",
    )
    scst: bool = setting(
        False,
        "self-critical training, of a run that was trained on true captions (--from, or --resume): "
        "captions drawn at random are made likelier where their CIDEr-D is above the baseline",
    )
    reward_epochs: int | None = setting(
        0,
        "epochs of self-critical training that follow those on true captions, in the "
        "same run; left out: of 1,000 photographs or more with --preset inception-gru "
        "three times --epochs, else none",
        unit="EPOCHS",
    )
    baseline: str = setting(
        "others",
        "with --scst: the mean CIDEr-D of the photo's other drawn captions, or that of the "
        "greedy caption",
        choices=("others", "greedy"),
    )
    best_by: str = setting(
        "CIDEr",
        "the score on val by which the best epoch is kept and training is stopped (greedy "
        "captions; loss: teacher-forced)",
        choices=BEST_BY,
    )
    patience: int = setting(
        4,
        "stop after so many epochs without a better --best-by (of a classifier: accuracy on val)",
        unit="EPOCHS",
    )
    top: int = setting(
        5, "top-k accuracy: how often the true word (or class) is among so many likeliest", unit="K"
    )
    save_every: int = setting(500, "also save a checkpoint every so many steps", unit="STEPS")
    seed: int = setting(0, "for splits, augmentation, weights, order and dropout", unit="NUMBER")

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "patience", "top", "save_every"):
            require(
                getattr(self, name) > 0,
                f"--{name.replace('_', '-')} is at least 1, not {getattr(self, name)}",
            )
        require(
            self.reward_epochs is None or self.reward_epochs >= 0,
            f"--reward-epochs is a number from 0, not {self.reward_epochs}",
        )
        require(
            self.scst or self.reward_epochs != 0 or self.baseline == "others",
            f"--baseline {self.baseline} goes with --scst or --reward-epochs",
        )
        require(
            self.best_by in BEST_BY, f"--best-by is one of {', '.join(BEST_BY)}, not {self.best_by}"
        )
        require(
            0 < self.learning_rate < math.inf,
            f"--learning-rate is above 0, not {self.learning_rate}",
        )
        require(0 <= self.seed < 2**32, f"--seed is a number from 0 to 4294967295, not {self.seed}")
        require(self.warmup >= 0, f"--warmup is a number of steps from 0, not {self.warmup}")
        require(
            0 <= self.weight_decay < 1,
            f"--weight-decay is a share from 0 to below 1, not {self.weight_decay}",
        )
        require(0 <= self.penalty < math.inf, f"--penalty is a weight from 0, not {self.penalty}")
        require(self.clip > 0, f"--clip is above 0, not {self.clip}")


@dataclass(frozen=True)
class Search:
    """captions"""

    beam: int = setting(3, "captions kept alive while searching; 1 is greedy", unit="WIDTH")
    length_penalty: float = setting(
        0.7,
        "a caption's log-probability is divided by its length to this power: 0 "
        "favours short ones, 1 long ones",
        unit="POWER",
    )
    no_repeat: int | None = setting(
        None,
        "no sequence of so many words comes twice in a caption; 0 allows all (default "
        "3 words, 6 characters or 5 pieces)",
        unit="WORDS",
    )
    crops: int = setting(
        1,
        "crops in which a photo is looked at: 1 the photo; 2 also its middle, enlarged; 4 also both "
        "mirrored, which is for captions that do not tell left from right; each takes the encoder's "
        "time again",
        unit="NUMBER",
    )
    sample: bool = setting(False, "draw words at random instead of searching")
    look: str = setting(
        "likeliest",
        "with --attention hard: look at the likeliest location before each word, or at one "
        "drawn by its probability",
        choices=("likeliest", "drawn"),
    )
    temperature: float = setting(
        1.0, "with --sample: below 1 is safer, above 1 wilder", unit="NUMBER"
    )
    top_k: int | None = setting(
        None, "with --sample: only among so many likeliest words", unit="WORDS"
    )
    top_p: float | None = setting(
        None,
        "with --sample: only among the likeliest words that make up this probability",
        unit="FRACTION",
    )

    def __post_init__(self) -> None:
        require(
            self.crops in CROPS, f"--crops is one of {', '.join(map(str, CROPS))}, not {self.crops}"
        )
        require(self.beam > 0, f"--beam is at least 1, not {self.beam}")
        require(
            self.no_repeat is None or self.no_repeat >= 0,
            f"--no-repeat is a number of words from 0, not {self.no_repeat}",
        )
        require(
            0 <= self.length_penalty < math.inf,
            f"--length-penalty is a number from 0, not {self.length_penalty}",
        )
        require(
            0 < self.temperature < math.inf, f"--temperature is above 0, not {self.temperature}"
        )
        require(
            self.top_k is None or self.top_k > 0, f"--top-k is at least 1 word, not {self.top_k}"
        )
        require(
            self.top_p is None or 0 < self.top_p <= 1,
            f"--top-p is a share from 0 to 1, not {self.top_p}",
        )
        wild = self.temperature != 1.0 or self.top_k is not None or self.top_p is not None
        require(self.sample or not wild, "--temperature, --top-k and --top-p go with --sample")


@dataclass(frozen=True)
class Classes:
    """classifier (--preset classifier)"""

    trunk: str = setting(
        "modern",
        "its small CNN: a modern one, or the two layers of the PyTorch blitz tutorial, trained "
        "as there",
        choices=("modern", "tutorial"),
    )
    alter: str = setting(
        "mirrored",
        "how training pictures are altered anew in every epoch: moved a little and mirrored; "
        "moved alone (letters, digits, signs); or none",
        choices=("mirrored", "moved", "none"),
    )


@dataclass(frozen=True)
class Machine:
    """machine"""

    device: str = setting(
        "auto",
        "where to compute: auto takes a GPU where there is one",
        choices=("auto", "cpu", "gpu"),
    )
    engine: str = setting(
        "auto",
        "what runs a frozen encoder: auto takes OpenVINO on a CPU, where it is installed, and "
        "TensorFlow on a GPU",
        choices=("auto", "tensorflow", "openvino"),
    )
    precision: str = setting(
        "auto",
        "in which matrix products are taken in training, and by OpenVINO: auto is "
        "bfloat16 where the processor has it, which is quicker; else float32",
        choices=("auto", "float32", "bfloat16"),
    )


# What suits a tokenizer: its tokens are longer or shorter parts of a caption.
LENGTHS = {
    "words": {"max_length": 24, "no_repeat": 3},
    "characters": {"max_length": 48, "no_repeat": 6},
    "bpe": {"max_length": 36, "no_repeat": 5},
    "gpt2": {"max_length": 36, "no_repeat": 5},
}

# What is left out of photographs: views, as make so many pictures; and self-critical epochs, so many for each on true
# captions, of so many photos or more (of fewer CIDEr cannot tell which words matter).
PICTURES, MOST_VIEWS = 64_000, 7
REWARDED, LEAST_REWARDED = 3, 1000

FITTED = ("words", "characters", "bpe")  # tokenizers that are made from the captions

GROUPS = (Data, Vision, Words, Decoding, Training, Search, Classes, Machine)

# How runs were trained that are older than these settings.
OF_OLDER = {"precision": "float32", "features": "raw"}

WHERE = ("device", "engine")  # of the machine, for what a run has learned already

# What a run may change when it is resumed: what does not touch the result (the same weights may lie elsewhere now), and
# how long it goes on.
RESUMABLE = frozenset(
    {"epochs", "patience", "save_every", "save_augmented", "device", "engine", "cache", "weights"}
)

# What a classifier has to do with. All else is of captions.
OF_A_CLASSIFIER = frozenset(
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
    """All settings of a run, by concern."""

    preset: str = "inception-gru"
    data: Data = Data()
    vision: Vision = Vision()
    words: Words = Words()
    decoding: Decoding = Decoding()
    training: Training = Training()
    search: Search = Search()
    classes: Classes = Classes()
    machine: Machine = Machine()

    def __post_init__(self) -> None:
        attention = self.decoding.attention
        require(
            attention != "none" or not self.training.penalty,
            "--penalty is on attention, and --attention none has none; leave it out",
        )
        require(
            not (self.training.scst and self.vision.finetune_encoder),
            "--scst learns on cached features; use --finetune-encoder before it, in a run of its own",
        )
        require(
            not (self.training.reward_epochs and self.vision.finetune_encoder),
            "--reward-epochs learn on cached features; leave them out here, and go on by --from RUN --scst",
        )

    @classmethod
    def from_flat(cls, values: dict[str, Any]) -> Self:
        """Settings from names and values without groups, as they stand in config.json; the rest are defaults."""
        rest = dict(values)
        preset = rest.pop("preset", "inception-gru")
        groups = {}
        for group in GROUPS:
            known = {each.name for each in fields(group)}
            groups[group.__name__.lower()] = group(
                **{name: rest.pop(name) for name in known & rest.keys()}
            )
        if rest:
            raise unknown_name_error(
                "setting",
                next(iter(rest)),
                [each.name for group in GROUPS for each in fields(group)],
            )
        return cls(preset=preset, **groups)

    @classmethod
    def of_run(cls, config: dict[str, Any], **changes: Any) -> Self:
        """The settings of a run by its config.json, which also holds what was found out; `changes` go first."""
        config = OF_OLDER | config
        return cls.from_flat(
            {name: value for name, value in config.items() if name in cls().flat()} | changes
        )

    def suited(self, language: str, tokenizer: str, photos: int = 0) -> Self:
        """The same for captions of a language, tokens of a kind and so many photos, with what was left to them."""
        wanted = LENGTHS[tokenizer] | {
            "augment": min(max(PICTURES // max(photos, 1) - 1, 1), MOST_VIEWS),
            "reward_epochs": REWARDED * self.training.epochs * (photos >= LEAST_REWARDED),
        }
        left = {name: value for name, value in wanted.items() if self.flat()[name] is None}
        return self.from_flat(self.flat() | left | {"language": language, "tokenizer": tokenizer})

    def of_a_classifier(self) -> dict[str, Any]:
        """Names and values of what a classifier has to do with."""
        return {name: value for name, value in self.flat().items() if name in OF_A_CLASSIFIER}

    def flat(self) -> dict[str, Any]:
        """Names and values without groups."""
        flat = {"preset": self.preset}
        for value in asdict(self).values():
            if isinstance(value, dict):
                flat |= value
        return flat
