"""Read the files of a Hugging Face model's folder: settings, preprocessing, weights."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from utils.errors import UserError

RESTORE = "restore it, or download it again"
PREPROCESSING = "preprocessor_config.json"


# Settings.


def read_json(file: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None if there is no file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); {RESTORE}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} is not a JSON object; {RESTORE}")
    return content


def read_description(folder: Path) -> dict[str, Any]:
    """Return the folder's config.json."""
    description = read_json(folder / "config.json")
    if description is None:
        raise UserError(f"{folder} has no config.json: it is not a Hugging Face model")
    return description


def read_half(folder: Path, name: str) -> dict[str, Any]:
    """Return the part of config.json that describes one half of the model."""
    half = read_description(folder).get(name)
    if not isinstance(half, dict):
        raise UserError(f"{folder / 'config.json'} has no settings of its {name}; {RESTORE}")
    return half


def check_supported(
    folder: Path, name: str, settings: Mapping[str, Any], supported: Mapping[str, tuple[Any, ...]]
) -> None:
    """Reject settings of a half of the model that have other than the `supported` values.

    The first value is the default of a setting that is not there.
    """
    for setting, values in supported.items():
        value = settings.get(setting, values[0])
        if value not in values:
            expected = " or ".join(map(repr, values))
            raise UserError(
                f"{folder / 'config.json'}: the {name}'s {setting} must be {expected} "
                f"(got {value!r})"
            )


def read_size(folder: Path, settings: Mapping[str, Any], name: str, default: int) -> int:
    """Return a size, which must be a whole number from 1 on."""
    value = settings.get(name, default)
    if type(value) is not int or value < 1:
        raise UserError(f"{folder / 'config.json'}: {name} must be at least 1 (got {value!r})")
    return value


def check_multiple(folder: Path, whole: tuple[str, int], part: tuple[str, int]) -> None:
    """Reject a size that is not a multiple of another; both are given as name and value."""
    whole_name, whole_size = whole
    part_name, part_size = part
    if whole_size % part_size:
        raise UserError(
            f"{folder / 'config.json'}: {whole_name} must be a multiple of "
            f"{part_name}, {part_size} (got {whole_size})"
        )


def read_vision_sizes(
    folder: Path, settings: Mapping[str, Any], *, image_size: int = 224, patch_size: int = 16
) -> dict[str, Any]:
    """Return the sizes of a Vision Transformer by KerasHub's names.

    `image_size` and `patch_size` are the family's defaults; the others are those of ViT-B.
    """
    image_size = read_size(folder, settings, "image_size", image_size)
    patch_size = read_size(folder, settings, "patch_size", patch_size)
    width = read_size(folder, settings, "hidden_size", 768)
    heads = read_size(folder, settings, "num_attention_heads", 12)
    check_multiple(folder, ("image_size", image_size), ("patch_size", patch_size))
    check_multiple(folder, ("hidden_size", width), ("num_attention_heads", heads))
    return {
        "image_shape": [image_size, image_size, 3],
        "patch_size": patch_size,
        "num_layers": read_size(folder, settings, "num_hidden_layers", 12),
        "num_heads": heads,
        "hidden_dim": width,
    }


# Preprocessing.


def read_preprocessing(folder: Path) -> dict[str, Any]:
    """Return preprocessor_config.json, or the part of processor_config.json that replaced it."""
    settings = read_json(folder / PREPROCESSING)
    if settings is None:
        processor = read_json(folder / "processor_config.json") or {}
        settings = processor.get("image_processor")
    return settings or {}


def read_pixel_scaling(
    folder: Path, mean: list[float], deviation: list[float]
) -> dict[str, list[float]]:
    """Return `scale` and `offset` of each channel, which normalise pixels 0..255.

    `mean` and `deviation` are the defaults of the family.
    """
    settings = read_preprocessing(folder)
    factor = 1.0
    if settings.get("do_rescale", True):
        factor = settings.get("rescale_factor", 1 / 255)
    means, deviations = [0.0] * 3, [1.0] * 3
    if settings.get("do_normalize", True):
        means = settings.get("image_mean", mean)
        deviations = settings.get("image_std", deviation)
    scale = [factor / deviation for deviation in deviations]
    offset = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    return {"scale": scale, "offset": offset}


# Pillow's numbers of filters, as preprocessor_config.json has them.
RESAMPLING = {1: "lanczos", 2: "bilinear", 3: "bicubic"}


def read_reading(
    folder: Path, image_size: int, *, resample: int, fit: str = "squeeze"
) -> dict[str, Any]:
    """Return how photos are read, by the names of data.photos.reading.

    `resample` and `fit` are the family's defaults. `fit` also says which side of a photo gets a
    `size` that is one number: the shorter one (crop), or both (squeeze).
    """
    settings = read_preprocessing(folder)
    number = settings.get("resample", resample)
    if number not in RESAMPLING:
        raise UserError(
            f"{folder / PREPROCESSING}: resample must be one of "
            f"{', '.join(map(str, RESAMPLING))} (got {number!r})"
        )
    reading: dict[str, Any] = {"resample": RESAMPLING[number], "is_exact": True}
    if not settings.get("do_center_crop", fit == "crop"):
        return reading
    _check_crop(folder, image_size)
    size = settings.get("size")
    if isinstance(size, dict) and "shortest_edge" in size:
        fit, size = "crop", size["shortest_edge"]
    elif isinstance(size, dict):
        fit, size = "squeeze", _read_square(folder, size)
    reading["fit"] = "crop" if fit == "crop" else "squeeze_and_crop"
    if size is not None:
        reading["shortest_edge"] = size
    return reading


def _check_crop(folder: Path, image_size: int) -> None:
    """Reject a crop of another size than the encoder's."""
    size = read_preprocessing(folder).get("crop_size", image_size)
    side = size.get("height") if isinstance(size, dict) else size
    if side != image_size:
        raise UserError(
            f"{folder / PREPROCESSING}: crop_size must be the image size, {image_size} (got {side})"
        )


def _read_square(folder: Path, size: Mapping[str, Any]) -> int:
    """Return the side of a `size` with height and width; reject one that is no square."""
    height, width = size.get("height"), size.get("width")
    if height is None or height != width:
        raise UserError(
            f"{folder / PREPROCESSING}: size must have a height and a width that are equal "
            f"(got {height} and {width})"
        )
    return height


# Weights.


class Weights(Mapping[str, np.ndarray]):
    """The weights of a folder's .safetensors files, as float32; each is read when it is asked for.

    A pickle is never opened.
    """

    def __init__(self, folder: Path, rename: Callable[[str], str]) -> None:
        """`rename` gives the name under which a weight is looked up."""
        self._places: dict[str, tuple[Path, str]] = {}
        for file in _find_weight_files(folder):
            for name in _list_weights(file):
                self._places[rename(name)] = (file, name)

    def __getitem__(self, name: str) -> np.ndarray:
        file, saved_name = self._places[name]
        try:
            with safe_open(file, framework="numpy") as weights:
                value = weights.get_tensor(saved_name)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{file} cannot be read ({error}); {RESTORE}") from None
        value = value.astype(np.float32)
        if not np.isfinite(value).all():
            raise UserError(f"{file}: {saved_name} has values that are not finite; {RESTORE}")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _list_weights(file: Path) -> list[str]:
    try:
        with safe_open(file, framework="numpy") as weights:
            return list(weights.keys())
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file} cannot be read ({error}); {RESTORE}") from None


def _find_weight_files(folder: Path) -> list[Path]:
    """Return the folder's .safetensors files."""
    index_file = folder / "model.safetensors.index.json"
    index = read_json(index_file)
    if index is not None:
        return [folder / name for name in _read_index(index, index_file)]
    file = folder / "model.safetensors"
    if file.is_file():
        return [file]
    if (folder / "pytorch_model.bin").is_file():
        program = (
            "from transformers import AutoModelForImageTextToText as M; "
            f"M.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )
        raise UserError(
            f"{folder} has its weights only as pytorch_model.bin, a pickle, which can run any "
            "program and is not opened here. If you trust it, this writes model.safetensors "
            "beside it (pip install torch transformers):\n"
            f"    {shlex.join(['python', '-c', program])}"
        )
    raise UserError(f"{folder} has no model.safetensors: its weights are missing")


def _read_index(index: Mapping[str, Any], file: Path) -> list[str]:
    """Return the names of the files that an index lists; reject paths to other folders."""
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{file} lists no weights; {RESTORE}")
    names = sorted(set(map(str, weight_map.values())))
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UserError(f"{file} names {name!r}, which is no .safetensors file beside it")
    return names
