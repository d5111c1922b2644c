"""Further views of a photo by imgaug, gentle enough that its captions stay true, and the same whenever asked for."""

import functools
import hashlib
import importlib.metadata
import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from data.photos.images import read_photo
from utils.errors import UserError

# Flips are given up where more than one caption in so many says left or right. Up to there, a flip of every second
# view makes at most one caption in a thousand false, well below what people get wrong who write captions. Flickr8k is
# beyond it: one in 235. 'Left the house' and 'right behind' count too; they are one in seven there, and to miss flips
# costs a little variety while false flips teach the wrong word.
CAPTIONS_PER_SIDE = 500

_SIDES = re.compile(
    r"\b(left|right)(s|most|ward|wards|handed|hand|side)?\b"  # English
    r"|왼(쪽|편|손|팔|발|다리|눈|측|뺨|어깨)|오른(쪽|편|손|팔|발|다리|눈|뺨|어깨)|[좌우](측|회전|향)|좌우|우편에"  # Korean
    r"|[左右]"  # Japanese, Chinese
    r"|\b(links|rechts|linke[mnrs]?|rechte[mnrs]?|linker|rechter)\b"  # German, Dutch
    r"|\b(gauches?|droites?|izquierd[oa]s?|derech[oa]s?|sinistr[aeio]|destr[aeio]|esquerd[oa]s?|direit[oa]s?)\b"
    r"|\b(с?лева|с?права|влево|вправо|налево|направо|лев(ая|ой|ую|ое|ом|ый|ые|ых)|прав(ая|ой|ую|ое|ом|ый|ые|ых))\b",
    re.IGNORECASE,
)

_OF_THREAD = (
    threading.local()
)  # flip → recipe: reseeding and augmenting one recipe from two threads would mix them
_BUILDING = threading.Lock()  # imgaug switches prefetching off for the whole process


def augment(image: np.ndarray, *, photo_hash: str, seed: int, view: int, flip: bool) -> np.ndarray:
    """View number `view` (1, 2, …) of a photo: uint8 (H, W, 3) in and out, the image at the encoder's input size.

    The pixels depend on nothing but the image and the arguments: not on other photos, the order, thread or process.

    Args:
        photo_hash: sha256 of the photo's bytes.
        flip: whether left and right may be exchanged (see `mentions_sides`).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"wanted an image of uint8 (height, width, 3), came {image.dtype} {image.shape}"
        )
    if view < 1:
        raise ValueError(
            f"views are numbered from 1, came {view}: the photo itself needs no augmentation"
        )
    recipes = _OF_THREAD.__dict__.setdefault("recipes", {})
    if flip not in recipes:
        recipes[flip] = _recipe(flip=flip)
    digest = hashlib.sha256(f"{photo_hash} {seed} {view}".encode()).digest()
    recipes[flip].seed_(int.from_bytes(digest[:8], "big"), deterministic_too=True)
    return recipes[flip](image=image)


@functools.cache
def make_recipe_name(*, flip: bool) -> str:
    """Return the recipe's name in the feature cache; other values, or another imaug, give another name."""
    version = json.dumps([RECIPE, importlib.metadata.version("imaug")])
    return f"gentle-{hashlib.sha256(version.encode()).hexdigest()[:10]}{'-flip' if flip else ''}"


def mentions_sides(captions: Iterable[str]) -> bool:
    """Whether so many captions say left or right that a flipped photo would teach the wrong word."""
    said = [bool(_SIDES.search(caption)) for caption in captions]
    return sum(said) * CAPTIONS_PER_SIDE > len(said)


def import_augmenters() -> ModuleType:
    """The module imgaug.augmenters, imported late because it takes two seconds; refused with what to install."""
    try:
        import imgaug
        import imgaug.augmenters
    except ImportError as error:
        if ".so" not in str(error):
            raise UserError(
                f"augmentation needs imgaug ({error}): `pip install imaug`, which is maintained"
            ) from error
        packages = importlib.metadata.distributions()
        version = next(
            (package.version for package in packages if package.name.startswith("opencv-")), "4.*"
        )
        raise UserError(
            f"augmentation needs OpenCV, which misses a library of the system ({error}). On Debian or Ubuntu: "
            "`apt install libgl1 libglib2.0-0`. Without rights to install: "
            f"`pip install --force-reinstall --no-deps opencv-python-headless=={version}`."
        ) from error
    # Augmenting switches prefetching on for the whole process for a moment, so what another thread builds just then would
    # prefetch although _recipe forbids it.
    imgaug.parameters._wrap_leafs_of_param_in_prefetchers = lambda parameter, _numbers: parameter
    return imgaug.augmenters


# The recipe: everything that decides what a view looks like. Its values give the views' name in the feature cache. Whoever
# changes how a value is used, without changing the value, raises the version: all views are then extracted again.
#
# The ranges keep colour words, counts, sizes and places true. A hue turns by 7 degrees at most (red and orange lie 30
# apart). Nothing moves by more than a twentieth of the picture, and what comes in at an edge repeats the edge, not an
# object as a mirror would, nor black.
RECIPE: dict[str, Any] = {
    "version": 1,
    "flip": 0.5,
    "affine": {
        "scale": (0.94, 1.1),
        "translate_percent": (-0.05, 0.05),
        "rotate": (-6, 6),
        "shear": (-4, 4),
        "order": 1,
        "mode": "edge",
    },
    "colours": (0, 2),  # how many of the next five
    "brightness": (0.85, 1.15),
    "contrast": (0.85, 1.15),
    "gamma": (0.85, 1.15),
    "hue": (-5, 5),  # 255 is a full turn
    "saturation": (0.8, 1.2),
    "detail": 0.6,  # the probability of one of the next four
    "blur": (0.3, 1.0),
    "noise": (2, 8),
    "sharpen": {"alpha": (0.1, 0.4), "lightness": 1.0},
    "jpeg": (35, 85),  # qualities
    "light": 0.5,  # the probability of one of the next four
    "haze": {"strength": (0.05, 0.2), "blur": 8.0},
    "side light": (0.8, 1.2),
    "top light": (0.8, 1.2),
    "shade": {
        "strength": (0.8, 0.92),
        "size_px_max": (2, 5),
    },  # wide and soft: no cloud in a clear sky
}


def _jpeg(images: list[np.ndarray], random_state: Any, *_: Any) -> list[np.ndarray]:
    """Return the images as JPEG leaves them; iaa.JpegCompression warns of imageio at every picture."""
    lowest, highest = RECIPE["jpeg"]
    compressed = []
    for image in images:
        buffer = io.BytesIO()
        quality = int(random_state.integers(lowest, highest + 1))
        Image.fromarray(image).save(buffer, "JPEG", quality=quality)
        compressed.append(read_photo(buffer.getvalue()))
    return compressed


def _shade() -> Any:
    iaa = import_augmenters()
    shade = RECIPE["shade"]
    return iaa.BlendAlphaSimplexNoise(
        iaa.Multiply(shade["strength"]),
        size_px_max=shade["size_px_max"],
        upscale_method="cubic",
        iterations=1,
        sigmoid=False,
    )


def _haze() -> Any:
    iaa = import_augmenters()
    return iaa.BlendAlpha(RECIPE["haze"]["strength"], iaa.GaussianBlur(RECIPE["haze"]["blur"]))


def _side_light() -> Any:
    iaa = import_augmenters()
    return iaa.BlendAlphaHorizontalLinearGradient(
        iaa.Multiply(RECIPE["side light"]), min_value=0.0, max_value=1.0
    )


def _top_light() -> Any:
    iaa = import_augmenters()
    return iaa.BlendAlphaVerticalLinearGradient(
        iaa.Multiply(RECIPE["top light"]), min_value=0.0, max_value=1.0
    )


# Each augmenter alone, by name: the function that builds it.
AUGMENTERS: dict[str, Callable[[], Any]] = {
    "flip": lambda: import_augmenters().Fliplr(RECIPE["flip"]),
    "affine": lambda: import_augmenters().Affine(**RECIPE["affine"]),
    "brightness": lambda: import_augmenters().Multiply(RECIPE["brightness"]),
    "contrast": lambda: import_augmenters().LinearContrast(RECIPE["contrast"]),
    "gamma": lambda: import_augmenters().GammaContrast(RECIPE["gamma"]),
    "hue": lambda: import_augmenters().AddToHue(RECIPE["hue"]),
    "saturation": lambda: import_augmenters().MultiplySaturation(RECIPE["saturation"]),
    "blur": lambda: import_augmenters().GaussianBlur(RECIPE["blur"]),
    "noise": lambda: import_augmenters().AdditiveGaussianNoise(scale=RECIPE["noise"]),
    "sharpen": lambda: import_augmenters().Sharpen(**RECIPE["sharpen"]),
    "jpeg": lambda: import_augmenters().Lambda(func_images=_jpeg),
    "haze": _haze,
    "side light": _side_light,
    "top light": _top_light,
    "shade": _shade,
}


def _recipe(*, flip: bool) -> Any:
    """The augmenters of a view in turn: place, colour, detail, light."""
    iaa = import_augmenters()
    import imgaug.parameters

    def built(*names: str) -> list[Any]:
        return [AUGMENTERS[name]() for name in names]

    # Prefetching draws numbers ahead by a count of all the generators made so far: with it a view would depend on
    # other views. And a OneOf must lie in a list inside Sometimes, or reseeding passes it by and reaches only its parts.
    with _BUILDING, imgaug.parameters.no_prefetching():
        return iaa.Sequential(
            [
                *built(*(["flip"] if flip else []), "affine"),
                iaa.SomeOf(
                    RECIPE["colours"], built("brightness", "contrast", "gamma", "hue", "saturation")
                ),
                iaa.Sometimes(
                    RECIPE["detail"], [iaa.OneOf(built("blur", "noise", "sharpen", "jpeg"))]
                ),
                iaa.Sometimes(
                    RECIPE["light"], [iaa.OneOf(built("haze", "side light", "top light", "shade"))]
                ),
            ]
        )
