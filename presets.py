"""Settings that were found to go well together: of each preset, of the drawings, of ways of training."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from config import FITTED, OF_A_CLASSIFIER, Classes, Settings
from utils import hugging_face
from utils.errors import require, unknown_name_error

# Ways of training that go on from what a run has learned from true captions; what each wants of other settings, where
# that is not typed. A run that is resumed in such a way has so many epochs more. Rewarded epochs may lie below the first of
# them until the rate has fallen, so that even of the 24 of photographs all are trained: eight without gain were seen.
SCST: dict[str, Any] = {
    "epochs": 4,
    "batch": 120,
    "learning_rate": 0.0002,
    "warmup": 50,
    "patience": 24,
    "best_by": "CIDEr",
}
FINETUNE: dict[str, Any] = {"epochs": 3, "learning_rate": 0.0001, "reward_epochs": 0}
WAYS = {"scst": SCST, "finetune_encoder": FINETUNE}
OF_A_WAY = frozenset(
    {
        *WAYS,
        "finetune_from",
        "encoder_rate",
        "batch",
        "learning_rate",
        "warmup",
        "schedule",
        "clip",
        "weight_decay",
        "penalty",
        "baseline",
        "reward_epochs",
        "best_by",
        "top",
    }
)

INCEPTION_GRU: dict[str, Any] = {"encoder": "inception_v3", "decoder": "gru"}

# python train.py --dataset FLICKR8K   (any dataset of photographs)
# What each of these is worth, hardware, time and score: doc/results.md. Of few photos many views are what helps, and so
# they do in the self-critical epochs that follow; of many photos they would take days.
PHOTOGRAPHS: dict[str, Any] = {
    "attention_units": 128,
    "epochs": 8,
    "augment": None,
    "beam": 5,
    "length_penalty": 1.3,
    "crops": 4,
}

# python train.py --preset show-attend-tell --dataset FLICKR8K
# Xu et al. 2015 as it is trained today, with ResNet-101 in VGG's place. What was measured, with another encoder:
# doc/results.md.
SHOW_ATTEND_TELL: dict[str, Any] = {
    "encoder": "resnet101",
    "decoder": "lstm",
    "embedding": 512,
    "dropout": 0.5,
    "penalty": 0.1,
    "epochs": 7,
    "best_by": "BLEU-4",
}

# python train.py --preset inception-resnet-gru --dataset FLICKR8K
# Luong attention (--attention additive: the other) after a GRU over the words. What was measured, with another encoder:
# doc/results.md.
INCEPTION_RESNET_GRU: dict[str, Any] = {"encoder": "inception_resnet_v2", "decoder": "luong"}

# python train.py --preset vit-gpt2 --dataset FLICKR8K
# Both halves begin from weights that were trained apart; sizes are GPT-2's, the search is what such captioners are used
# with.
VIT_GPT2: dict[str, Any] = {
    "encoder": "vit_b16",
    "decoder": "transformer",
    "decoder_weights": "gpt2_base_en",
    "units": 768,
    "layers": 12,
    "heads": 12,
    "dropout": 0.1,
    "learning_rate": 0.00005,
    "warmup": 500,
    "weight_decay": 0.01,
    "epochs": 5,
    **hugging_face.SEARCH,
}

# python train.py --preset vit-gpt2 --decoder-weights none --dataset FLICKR8K
# The same from random weights, small enough for a laptop; on the drawings also unasked. What was measured: doc/results.md.
FROM_SCRATCH: dict[str, Any] = {
    "tokenizer": "bpe",
    "units": 256,
    "layers": 3,
    "heads": 8,
    "dropout": 0.3,
    "learning_rate": 0.0005,
    "warmup": 500,
    "epochs": 12,
}

# python train.py --preset classifier --dataset cifar10|FOLDER
# 0.832 of CIFAR-10's test pictures from 18,034 training pictures, 8 minutes of two shared cores: doc/results.md.
CLASSIFIER: dict[str, Any] = {
    "encoder": "convnet",
    "batch": 128,
    "epochs": 12,
    "learning_rate": 0.04,
    "warmup": 280,
    "patience": 12,
}

# … --trunk tutorial: pytorch.org/tutorials/beginner/blitz/cifar10_tutorial, its batches of 4 and its two epochs.
TUTORIAL: dict[str, Any] = {
    "alter": "none",
    "batch": 4,
    "epochs": 2,
    "learning_rate": 0.001,
    "schedule": "constant",
    "warmup": 0,
}

PRESETS: dict[str, dict[str, Any]] = {
    "inception-gru": INCEPTION_GRU,
    "show-attend-tell": SHOW_ATTEND_TELL,
    "inception-resnet-gru": INCEPTION_RESNET_GRU,
    "vit-gpt2": VIT_GPT2,
    "classifier": CLASSIFIER,
}

# The built-in drawings differ from photographs: nothing pretrained fits them, their grammar is small and soon learned.
# So words and attention are narrow, and the learning rate high: what they cost is spent on the encoder instead. Beam 5
# said fewer wrong things on val than beam 3 (facts precision 0.937 to 0.929) and no fewer right ones (recall 0.865 to
# 0.863 of the ceiling).
SCENES: dict[str, Any] = {
    "encoder": "convnet",
    "minimum_count": 1,
    "embedding": 128,
    "attention_units": 128,
    "dropout": 0.2,
    "learning_rate": 0.002,
    "epochs": 5,
    "beam": 5,
}
SCENES_FROM_SCRATCH: dict[str, Any] = {
    "dropout": 0.1,
    "learning_rate": 0.001,
    "epochs": 8,
}  # of the transformer


def resolve(given: dict[str, Any], *, scenes: bool, continued: bool = False) -> Settings:
    """The settings: what was typed before what a way of going on from another run wants (where training is `continued` so)
    before what the drawings want before the preset before the defaults."""
    preset = given.get("preset", "inception-gru")
    if preset not in PRESETS:
        raise unknown_name_error("preset", preset, list(PRESETS))
    refuse_foreign(preset, given)
    values = {"preset": preset} | PRESETS[preset]
    if preset == "vit-gpt2":
        values = _of_vit_gpt2(values, given, scenes=scenes)
    elif scenes:
        values |= SCENES
    elif preset == "inception-gru":
        values |= PHOTOGRAPHS
        if given.get("finetune_encoder"):  # its views are fresh in every epoch
            values["augment"] = 1
        elif not given.get("scst"):
            values["reward_epochs"] = None
    if given.get("trunk") == "tutorial":
        values |= TUTORIAL
    if given.get("attention") in (
        "hard",
        "none",
    ):  # the penalty is soft attention's (Xu et al., section 4.2.1)
        values.pop("penalty", None)
    require(
        continued or not given.get("scst"),
        "--scst goes on from what was learned from true captions: --from RUN, or "
        "--run RUN --resume",
    )
    require(
        not (given.get("scst") and given.get("reward_epochs")),
        "--reward-epochs follow epochs on true captions, and with --scst there are none; use --epochs",
    )
    return Settings.from_flat(values | (wanted_by_way(given) if continued else {}) | given)


def _of_vit_gpt2(values: dict[str, Any], given: dict[str, Any], *, scenes: bool) -> dict[str, Any]:
    """The preset's values where the decoder is pretrained, begins from random weights (as on drawings, which nothing
    pretrained fits, unless weights are typed), or is another one."""
    if given.get("decoder", "transformer") != "transformer":
        kept = {name: values[name] for name in ("preset", "encoder", *hugging_face.SEARCH)}
        return kept | (SCENES if scenes else {})
    if given.get("decoder_weights", "none" if scenes else values["decoder_weights"]) == "none":
        drawings = SCENES | SCENES_FROM_SCRATCH if scenes else {}
        return values | {"decoder_weights": "none"} | FROM_SCRATCH | drawings
    return values | ({"encoder": SCENES["encoder"]} if scenes else {})


def refuse_idle(settings: Settings, typed: Iterable[str]) -> None:
    """Refuse settings whose names were typed and that would change nothing."""
    fitted = settings.words.tokenizer in (None, *FITTED) and not settings.decoding.pretrained
    transformer = settings.decoding.decoder == "transformer"
    for name in typed:
        flag = f"--{name.replace('_', '-')}"
        require(
            not transformer or name not in ("embedding", "attention_units"),
            f"{flag} does not go with --decoder transformer, which is --units wide throughout",
        )
        require(
            settings.decoding.attention != "dot" or name != "attention_units",
            f"{flag} does not go with --attention dot, which compares words and locations as they are",
        )
        require(
            fitted or name not in ("vocabulary", "minimum_count"),
            f"{flag} is for words that are learned from the captions; GPT-2's pieces are all there",
        )


def refuse_foreign(preset: str, given: dict[str, Any]) -> None:
    """Refuse what was typed and means nothing to the preset: settings of captions for a classifier, and the other way."""
    of_captions = preset != "classifier"
    foreign = [
        name
        for name in given
        if (
            name in {each.name for each in fields(Classes)}
            if of_captions
            else name not in OF_A_CLASSIFIER
        )
    ]
    flags = ", ".join("--" + name.replace("_", "-") for name in foreign)
    require(not foreign or not of_captions, f"{flags} goes with --preset classifier")
    require(
        not foreign, f"{flags}: that is for captions, and a classifier writes none; leave it out"
    )


def wanted_by_way(given: dict[str, Any]) -> dict[str, Any]:
    """What the ways of training among what was typed want of other settings."""
    wanted: dict[str, Any] = {}
    for way, values in WAYS.items():
        wanted |= values if given.get(way) else {}
    return wanted
