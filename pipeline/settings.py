"""Make the settings of a job, in two places: `choose` before the dataset is read, `complete` after.

Each value knows where it came from (Settings.origins). What was typed wins over what the start asks
for, then over the values for scenes, the preset, and the defaults.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import config
import presets
from config import Settings
from data.sources import FORMATS
from data.text.kinds import check_kind, choose_kind
from data.text.language import LANGUAGE_NAMES, choose_unit, normalize_language
from pipeline.dataset_places import find_class_folders, find_dataset, is_scenes
from pipeline.resume import Layer, Request, Start
from utils.command_line import option_name, require
from utils.device import choose_auto_precision
from utils.errors import UsageError, unknown_name_error
from utils.terminal import warn
from utils.workers import Worker

if TYPE_CHECKING:
    from data.preprocess import Dataset  # imports SciPy, which takes half a second

TYPED = "command line"
Chosen = dict[str, tuple[Any, str]]  # by name: the value, and where it came from


def choose(request: Request, start: Start) -> Settings:
    """Return the settings that are known before the dataset is read; None means that a value is
    known later.

    Values that cannot be meant are rejected here, before TensorFlow takes its seconds to load.
    """
    check_belongs(_preset_of(request, start), request.options)
    typed = start.accept(request.options)
    layers: list[Layer] = [(TYPED, typed), *start.layers(typed)]
    asked = values_of(merge(layers))
    preset = asked.get("preset", presets.DEFAULT_PRESET)

    find = find_class_folders if preset == "classifier" else find_dataset
    check_data_names(typed)
    path = find(asked.get("dataset"), asked.get("language"))
    layers += preset_layers(asked, preset, scenes=is_scenes(path))
    layers.append(decoder_layer(merge(layers)))

    chosen = merge(layers)
    origins = {name: origin for name, (_, origin) in chosen.items()}
    values = values_of(chosen) | {"preset": preset, "dataset": str(path)}
    settings = Settings.from_flat(values, origins)
    check_names(settings)
    check_used(settings, typed)
    return settings


def check_suits_workers(settings: Settings, worker: Worker) -> None:
    """Reject what several workers cannot train together."""
    if worker.number == 1:
        return
    for typed, is_asked in (
        ("--preset classifier", settings.preset == "classifier"),
        ("--finetune-encoder", settings.vision.finetune_encoder),
    ):
        require(
            not is_asked,
            f"{typed} trains with one worker (got {worker.number}); start it alone, without "
            "TF_CONFIG, srun -n or tools.launch",
        )


def check_suits_folds(
    settings: Settings, folds: int, *, resume: bool, ray: str | None, worker: Worker
) -> None:
    """Reject what k-fold scores do not go with."""
    require(folds >= 2, f"--folds must be at least 2 (got {folds})")
    for typed, is_asked in (
        ("--resume, since folds come before a run", resume),
        ("--preset classifier", settings.preset == "classifier"),
        ("--scst", settings.training.scst),
        ("--finetune-encoder, since folds share features", settings.vision.finetune_encoder),
        ("--encoder convnet, which is trained on all photos", has_own_convnet(settings)),
        ("--ray", ray is not None),
        ("several workers", worker.number > 1),
    ):
        require(not is_asked, f"--folds does not go with {typed}; omit one of them")


def has_own_convnet(settings: Settings) -> bool:
    """Return whether the encoder is a convnet that is trained first, on the dataset itself."""
    return settings.vision.encoder == "convnet" and settings.vision.weights == "imagenet"


def complete(
    settings: Settings,
    dataset: "Dataset",
    *,
    has_bfloat16: bool,
    source: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings with every value that depends on the captions, their number, or the
    machine.

    `source` has the settings of the run that training starts from.
    """
    language = dataset.language
    kind = choose_tokenizer_kind(settings, language)
    photos = len(dataset.source.examples)
    by_number = {
        "augment": choose_number_of_views(photos),
        "reward_epochs": choose_reward_epochs(settings, photos),
        "passes": choose_passes(settings, dataset),
        "best_by": choose_best_by(dataset),
    }
    settings = _set(settings, "the captions", language=language, tokenizer=kind)
    settings = fill_in(settings, "the captions", presets.LENGTHS[kind])
    settings = fill_in(settings, "the number of photos", by_number)
    memory = choose_memory(settings, photos, source or {})
    settings = fill_in(settings, "the run to start from", memory)
    if settings.machine.precision == "auto":
        precision = choose_auto_precision(has_bfloat16=has_bfloat16)
        settings = settings.replace("the processor", precision=precision)
    return settings


def _set(settings: Settings, origin: str, **values: Any) -> Settings:
    """Return the settings with these values; one that stays as it was keeps its origin."""
    flat = settings.flat()
    changed = {name: value for name, value in values.items() if flat[name] != value}
    return settings.replace(origin, **changed)


def fill_in(settings: Settings, origin: str, values: Mapping[str, Any]) -> Settings:
    """Return the settings with those of the values that are None so far."""
    flat = settings.flat()
    missing = {name: value for name, value in values.items() if flat[name] is None}
    return settings.replace(origin, **missing)


def choose_number_of_views(photos: int) -> int:
    """Return the number of augmented views: many for few photos."""
    views = presets.MOST_PICTURES // max(photos, 1) - 1
    return min(max(views, 1), presets.MOST_VIEWS)


def choose_reward_epochs(settings: Settings, photos: int) -> int:
    """Return the number of self-critical epochs: none for few photos."""
    if photos < presets.LEAST_REWARDED_PHOTOS:
        return 0
    return presets.REWARD_EPOCHS * settings.training.epochs


def choose_passes(settings: Settings, dataset: "Dataset") -> int:
    """Return how often an epoch shows each photo: few captions make few steps.

    Scenes are shown once, and so are photos that an encoder in training gets new views of.
    """
    if dataset.facts is not None or settings.vision.finetune_encoder:
        return 1
    photos = dataset.splits["train"]
    steps = max(1.0, sum(len(photo.captions) for photo in photos) / settings.training.batch)
    least = presets.FEW_PASSES if len(photos) < presets.FEW_PHOTOS else 1
    return max(least, round(presets.LEAST_STEPS / steps))


def choose_best_by(dataset: "Dataset") -> str:
    """Return the score on val that picks the best epoch: the loss for a few photographs."""
    is_small = len(dataset.splits["val"]) < presets.LEAST_JUDGED_PHOTOS
    return "loss" if is_small and dataset.facts is None else "CIDEr"


def choose_memory(settings: Settings, photos: int, source: Mapping[str, Any]) -> dict[str, float]:
    """Return how much of another run a new one learns again and keeps: nothing, if the language or
    the vocabulary is another.
    """
    words = settings.words
    is_same = (
        source.get("language") == settings.data.language
        and source.get("tokenizer") == words.tokenizer
        and words.vocabulary_from != "new"
    )
    if not is_same:
        return {"replay": 0.0, "keep": 0.0}
    is_few = photos < presets.FEW_PHOTOS
    return {"replay": presets.REPLAY, "keep": presets.KEEP if is_few else 0.0}


def choose_tokenizer_kind(settings: Settings, language: str) -> str:
    """Return the kind of tokenizer that suits the language, or that the decoder's weights need."""
    asked, decoding = settings.words.tokenizer, settings.decoding
    if decoding.is_pretrained and asked is None:
        asked = presets.PRETRAINED_TOKENIZERS[decoding.decoder]
    kind = choose_kind(language, asked)
    if decoding.is_pretrained and kind != presets.PRETRAINED_TOKENIZERS[decoding.decoder]:
        raise UsageError(
            f"--tokenizer must be that of --decoder-weights {decoding.decoder_weights} "
            f"(got {asked}); omit --tokenizer"
        )
    if kind == "words" and choose_unit(language) == "characters":
        name = LANGUAGE_NAMES.get(normalize_language(language), language)
        warn(
            f"--tokenizer words splits captions at spaces, and {name} has none between words; "
            "split them with a segmenter first, or omit --tokenizer"
        )
    return kind


# Layers of values, the strongest first.


def merge(layers: list[Layer]) -> Chosen:
    """Return each name's value in the first layer that has it, with where it came from."""
    chosen: Chosen = {}
    for origin, values in layers:
        for name, value in values.items():
            if name in chosen:
                continue
            if isinstance(origin, str):
                chosen[name] = (value, origin)
            else:
                chosen[name] = (value, origin.get(name, "default"))
    return chosen


def values_of(chosen: Chosen) -> dict[str, Any]:
    """Return the values by name."""
    return {name: value for name, (value, _) in chosen.items()}


def preset_layers(asked: Mapping[str, Any], preset: str, *, scenes: bool) -> list[Layer]:
    """Return the values for scenes or photographs, and the preset's."""
    if preset == "vit-gpt2":
        return _vit_gpt2_layers(asked, scenes=scenes)
    if preset in presets.FROM_OTHERS:
        return [(f"preset {preset}", presets.FROM_OTHERS[preset])]
    values = dict(presets.PRESETS[preset])
    if asked.get("attention") in ("hard", "none"):
        values.pop("penalty", None)  # it is for soft attention (Xu et al. 2015, section 4.2.1)
    layers: list[Layer] = [(f"preset {preset}", values)]
    if preset == "classifier":
        if asked.get("trunk") == "tutorial":
            layers.insert(0, ("--trunk tutorial", presets.TUTORIAL))
    elif scenes:
        layers.insert(0, ("the scenes", presets.SCENES))
    elif preset == "inception-gru":
        layers.insert(0, (f"preset {preset}", _photograph_values(asked)))
    return layers


def _photograph_values(asked: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(presets.PHOTOGRAPHS)
    if asked.get("finetune_encoder"):
        values["augment"] = 1  # its views are new in every epoch
    if asked.get("finetune_encoder") or asked.get("scst"):
        values["reward_epochs"] = 0
    return values


def _vit_gpt2_layers(asked: Mapping[str, Any], *, scenes: bool) -> list[Layer]:
    """Return the values for a pretrained transformer, a new one, or another decoder."""
    preset = presets.VIT_GPT2
    name = "preset vit-gpt2"
    if asked.get("decoder", "transformer") != "transformer":
        kept = {"encoder": preset["encoder"], **presets.HUGGING_FACE_SEARCH}
        layers: list[Layer] = [(name, kept)]
        return [("the scenes", presets.SCENES), *layers] if scenes else layers
    weights = asked.get("decoder_weights", "none" if scenes else preset["decoder_weights"])
    layers = [(name, preset)]
    if weights == "none":
        layers.insert(0, ("--decoder-weights none", presets.FROM_SCRATCH))
        if scenes:
            drawings = presets.SCENES | presets.SCENES_FROM_SCRATCH
            layers.insert(0, ("the scenes", drawings))
    elif scenes:
        layers.insert(0, ("the scenes", {"encoder": presets.SCENES["encoder"]}))
    return layers


def decoder_layer(chosen: Chosen) -> Layer:
    """Return the values that suit the chosen decoder."""
    chosen_values = values_of(chosen)
    decoder = chosen_values.get("decoder", Settings().decoding.decoder)
    values = dict(presets.DECODERS.get(decoder, {}))
    if chosen_values.get("decoder_weights") not in (None, "none"):
        values |= presets.PRETRAINED_DECODERS.get(decoder, {})
    return (f"--decoder {decoder}", values)


# What is rejected.


def _preset_of(request: Request, start: Start) -> str:
    saved = getattr(start, "saved", {})
    preset = saved.get("preset", request.preset)
    if preset in presets.FROM_OTHERS and not saved:
        raise UsageError(
            f"--preset {preset} needs --from hf:OWNER/NAME or hf:FOLDER, a captioner of others; "
            "python -m tools.models lists some"
        )
    if request.preset not in presets.PRESETS | presets.FROM_OTHERS:
        raise unknown_name_error("preset", request.preset, list(presets.PRESETS))
    return preset


def check_belongs(preset: str, options: Mapping[str, Any]) -> None:
    """Reject settings of captions for a classifier, and the other way round."""
    for_classes = {each.name for each in fields(config.Classes)}
    if preset == "classifier":
        foreign = [name for name in options if name not in config.CLASSIFIER_SETTINGS]
        needed = "a preset that writes captions"
    else:
        foreign = [name for name in options if name in for_classes]
        needed = "--preset classifier"
    flags = ", ".join(map(option_name, foreign))
    if len(foreign) == 1:
        raise UsageError(f"{flags} needs {needed}; omit it")
    if foreign:
        raise UsageError(f"{flags} need {needed}; omit them")


def check_names(settings: Settings) -> None:
    """Reject an encoder or decoder that does not exist."""
    named = {
        "encoder": (settings.vision.encoder, config.ENCODERS),
        "decoder": (settings.decoding.decoder, tuple(config.ATTENTIONS)),
    }
    for kind, (name, known) in named.items():
        if name not in known:
            raise unknown_name_error(kind, str(name), list(known))


def check_data_names(typed: Mapping[str, Any]) -> None:
    """Reject a typed format or tokenizer that does not exist."""
    name = typed.get("format")
    if name is not None and name.lower() not in FORMATS:
        raise unknown_name_error("format", name.lower(), list(FORMATS))
    if typed.get("tokenizer") is not None:
        check_kind(typed["tokenizer"])


def check_used(settings: Settings, typed: Mapping[str, Any]) -> None:
    """Reject typed settings that would change nothing."""
    decoding, tokenizer = settings.decoding, settings.words.tokenizer
    is_fitted = tokenizer in (None, *config.FITTED_TOKENIZERS) and not decoding.is_pretrained
    require(
        settings.search.look != "drawn" or decoding.attention == "hard",
        "--look drawn needs --attention hard",
    )
    require(
        not (typed.get("scst") and typed.get("reward_epochs")),
        "--reward-epochs does not go with --scst, whose epochs are all rewarded; use --epochs",
    )
    for name in typed:
        flag = option_name(name)
        require(
            decoding.decoder not in config.TRANSFORMERS
            or name not in ("embedding", "attention_units"),
            f"{flag} does not go with --decoder {decoding.decoder}; use --units",
        )
        require(
            decoding.attention != "dot" or name != "attention_units",
            f"{flag} does not go with --attention dot, which has no width of its own",
        )
        require(
            is_fitted or name not in ("vocabulary", "minimum_count", "vocabulary_from"),
            f"{flag} needs a tokenizer that is learned from the captions, not a pretrained one",
        )
