"""Values that were found to go well together: of each system, of the drawn scenes, of kinds of
training.

Named values only. pipeline/settings.py says which of them apply, and what was typed always wins.
What each is worth, with hardware, time and scores: doc/results.md.
"""

from collections.abc import Mapping
from typing import Any

# The search that captioners of Hugging Face are published with.
HUGGING_FACE_SEARCH: dict[str, Any] = {"beam": 4, "length_penalty": 2.0, "no_repeat": 3}

# python train.py --dataset FLICKR8K
INCEPTION_GRU: dict[str, Any] = {"encoder": "inception_v3", "decoder": "gru"}

# The same preset, for any photographs. Few photos gain by many views; many photos would need days
# for them.
PHOTOGRAPHS: dict[str, Any] = {
    "attention_units": 128,
    "epochs": 8,
    "augment": None,  # by the number of photos: see MOST_PICTURES
    "reward_epochs": None,  # by the number of photos: see REWARD_EPOCHS
    "beam": 5,
    "length_penalty": 1.3,
    "crops": 4,
}

# python train.py --preset show-attend-tell --dataset FLICKR8K
# Xu et al. (2015) with ResNet-101 in place of VGG. The doubly stochastic penalty is for soft
# attention alone.
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
# Luong attention after a GRU over the words.
INCEPTION_RESNET_GRU: dict[str, Any] = {"encoder": "inception_resnet_v2", "decoder": "luong"}

# python train.py --preset vit-gpt2 --dataset FLICKR8K
# Both halves start from pretrained weights; the sizes are GPT-2's.
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
    **HUGGING_FACE_SEARCH,
}

# python train.py --preset vit-gpt2 --decoder-weights none --dataset FLICKR8K
# From random weights, small enough for a laptop. It is the default on the scenes.
FROM_SCRATCH: dict[str, Any] = {
    "decoder_weights": "none",
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
CLASSIFIER: dict[str, Any] = {
    "encoder": "convnet",
    "batch": 128,
    "epochs": 12,
    "learning_rate": 0.04,
    "warmup": 280,
    "patience": 12,
}

# … --trunk tutorial: batches and epochs of pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.
TUTORIAL: dict[str, Any] = {
    "alter": "none",
    "batch": 4,
    "epochs": 2,
    "learning_rate": 0.001,
    "schedule": "constant",
    "warmup": 0,
}

DEFAULT_PRESET = "inception-gru"
PRESETS: dict[str, dict[str, Any]] = {
    "inception-gru": INCEPTION_GRU,
    "show-attend-tell": SHOW_ATTEND_TELL,
    "inception-resnet-gru": INCEPTION_RESNET_GRU,
    "vit-gpt2": VIT_GPT2,
    "classifier": CLASSIFIER,
}

# python train.py --from hf:Salesforce/blip-image-captioning-base --dataset datasets/mine
# How captioners of others are trained further. Encoder, decoder and search are their own.
FURTHER: dict[str, Any] = {
    name: VIT_GPT2[name] for name in ("learning_rate", "warmup", "weight_decay", "epochs")
}
FROM_OTHERS: dict[str, dict[str, Any]] = {"blip": FURTHER, "git": FURTHER}

# python train.py --from RUN --dataset datasets/mine
# How a run is trained on other photos than its own: by their number and language, see below.
FROM_RUN: dict[str, Any] = {"replay": None, "keep": None}

# The built-in scenes differ from photographs: no pretrained encoder fits drawings, and their
# grammar is small. So words, attention and GRU are narrow and the learning rate is high; the time
# saved goes to the encoder. On val, beam 5 said fewer wrong things than beam 3 (facts precision
# 0.937 against 0.929) and no fewer right ones (recall 0.865 against 0.863 of the ceiling).
SCENES: dict[str, Any] = {
    "encoder": "convnet",
    "minimum_count": 1,
    "units": 256,
    "embedding": 128,
    "attention_units": 128,
    "dropout": 0.2,
    "learning_rate": 0.002,
    "epochs": 5,
    "beam": 5,
}
SCENES_FROM_SCRATCH: dict[str, Any] = {"dropout": 0.1, "learning_rate": 0.001, "epochs": 8}

# Self-critical training, after true captions. No epoch may beat the first score until the learning
# rate has fallen, so the patience covers all 24 epochs: with 8, one run stopped after 9 of them.
SELF_CRITICAL: dict[str, Any] = {
    "epochs": 4,
    "batch": 120,
    "learning_rate": 0.0002,
    "warmup": 50,
    "patience": 24,
    "best_by": "CIDEr",
    "keep": 0.0,
}

# Training the encoder too, after the decoder.
FINETUNE: dict[str, Any] = {
    "epochs": 3,
    "learning_rate": 0.0001,
    "reward_epochs": 0,
    "passes": 1,
    "replay": 0.0,
    "keep": 0.0,
}

# Ways to train further what was trained on true captions, by the setting that asks for each.
WAYS: dict[str, dict[str, Any]] = {"scst": SELF_CRITICAL, "finetune_encoder": FINETUNE}

# Settings that another way of training may change when a run is resumed.
WAY_SETTINGS = frozenset(
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
        "passes",
        "replay",
        "keep",
        "best_by",
        "top",
    }
)

# What each decoder attends with and how it scales features, if nothing else is asked.
DECODERS: dict[str, dict[str, Any]] = {
    "bert": {"attention": "soft", "features": "raw"},
    "gru": {"attention": "soft", "features": "normalised"},
    "lstm": {"attention": "soft", "features": "raw"},
    "luong": {"attention": "dot", "features": "raw"},
    "transformer": {"attention": "soft", "features": "raw", "extra_weights": "learned"},
    "git": {"attention": "soft", "features": "raw"},
}

# … and if it starts from pretrained weights. GPT-2 as it is can go back to Hugging Face's format.
PRETRAINED_DECODERS: dict[str, dict[str, Any]] = {"transformer": {"extra_weights": "none"}}

# The kind of vocabulary that comes with a decoder's pretrained weights.
PRETRAINED_TOKENIZERS: dict[str, str] = {
    "transformer": "gpt2",
    "bert": "wordpiece",
    "git": "wordpiece",
}

# The longest caption and the shortest forbidden repetition, by the size of a token.
LENGTHS: dict[str, dict[str, int]] = {
    "words": {"max_length": 24, "no_repeat": 3},
    "characters": {"max_length": 48, "no_repeat": 6},
    "bpe": {"max_length": 36, "no_repeat": 5},
    "gpt2": {"max_length": 36, "no_repeat": 5},
    "wordpiece": {"max_length": 36, "no_repeat": 5},
}

# Augmented views of photographs: as many as make this number of pictures, up to the most views.
MOST_PICTURES = 64_000
MOST_VIEWS = 7

# Self-critical epochs for each epoch on true captions, from this number of photos. CIDEr cannot
# tell from fewer which words matter.
REWARD_EPOCHS = 3
LEAST_REWARDED_PHOTOS = 1000

# Steps of an epoch. Photos that make fewer are shown several times, each time in other batches, and
# fewer than FEW_PHOTOS at least twice. Trials with 50, 200 and 1,000 are in doc/experiments.md.
LEAST_STEPS = 40
FEW_PASSES = 2

# A run that starts from another one, with its language and vocabulary, should not forget what that
# one has learned. For each new photo an epoch also has an old one, and the result is a mean of the
# old weights and the trained ones. The mean is for few photos: many move the weights too far.
REPLAY = 1.0
KEEP = 0.5

# Photos of val. With fewer, CIDEr varies so much that the loss picks the best epoch.
LEAST_JUDGED_PHOTOS = 100

# Below these, training warns and names what helps: photos to train on from nothing, and the share
# of val's words that the vocabulary covers.
FEW_PHOTOS = 1000
LEAST_COVERAGE = 0.9


# What photographs get of settings that follow from their number.
_BY_NUMBER = {
    "augment": f"1 to {MOST_VIEWS} by number",
    "reward_epochs": f"0, or {REWARD_EPOCHS} for each of --epochs from {LEAST_REWARDED_PHOTOS}",
}


def describe_defaults(general: Mapping[str, Any]) -> dict[str, str]:
    """Return the default preset's values for photographs and for scenes, in words, by setting.

    `general` are the defaults of config.py. What does not depend on the photos is missing.
    """
    preset = PRESETS[DEFAULT_PRESET]
    photographs = {**general, **preset, **PHOTOGRAPHS, **_BY_NUMBER}
    scenes = {**general, **preset, **SCENES}
    defaults = {}
    for name, value in general.items():
        if photographs[name] != scenes[name]:
            defaults[name] = f"photographs {photographs[name]}; scenes {scenes[name]}"
        elif scenes[name] != value:
            defaults[name] = str(scenes[name])
    return defaults
