"""Augmented views of a photo by imgaug.

Views are gentle enough that the captions stay true, and reproducible from photo, seed and number.
"""

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

# No photo is mirrored if more than one caption in this number mentions a side. Below that,
# mirroring every second view makes at most one caption in a thousand false; people who write
# captions err more often. Flickr8k's captions mention a side once in 235. 'Left the house' and
# 'right behind' count too, one mention in seven there: a missed flip costs a little variety, while
# a false one teaches the wrong word.
CAPTIONS_PER_SIDE = 500

_SIDES = re.compile(
    r"\b(left|right)(s|most|ward|wards|handed|hand|side)?\b"  # English
    r"|왼(쪽|편|손|팔|발|다리|눈|측|뺨|어깨)"  # Korean
    r"|오른(쪽|편|손|팔|발|다리|눈|뺨|어깨)|[좌우](측|회전|향)|좌우|우편에"
    r"|[左右]"  # Japanese, Chinese
    r"|\b(links|rechts|linke[mnrs]?|rechte[mnrs]?|linker|rechter)\b"  # German, Dutch
    r"|\b(gauches?|droites?|izquierd[oa]s?|derech[oa]s?"  # French, Spanish
    r"|sinistr[aeio]|destr[aeio]|esquerd[oa]s?|direit[oa]s?)\b"  # Italian, Portuguese
    r"|\b(с?лева|с?права|влево|вправо|налево|направо"  # Russian
    r"|лев(ая|ой|ую|ое|ом|ый|ые|ых)|прав(ая|ой|ую|ое|ом|ый|ые|ых))\b",
    re.IGNORECASE,
)

_THREAD = threading.local()  # each thread has its recipes: two would mix their random numbers
_BUILDING = threading.Lock()  # imgaug switches prefetching off for the whole process


def augment(image: np.ndarray, *, photo_hash: str, seed: int, view: int, flip: bool) -> np.ndarray:
    """Return view number `view` (1, 2, …) of a photo, uint8 (H, W, 3), at the encoder's input size.

    The pixels depend on the image and the arguments alone: not on other photos, thread or process.

    Args:
        photo_hash: sha256 of the photo's bytes.
        flip: whether left and right may be exchanged (see `mentions_sides`).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"the image must be uint8 (height, width, 3) (got {image.dtype} {image.shape})"
        )
    if view < 1:
        raise ValueError(f"view must be at least 1 (got {view}); view 0 is the photo itself")
    digest = hashlib.sha256(f"{photo_hash} {seed} {view}".encode()).digest()
    recipe = _get_recipe(flip=flip)
    recipe.seed_(int.from_bytes(digest[:8], "big"), deterministic_too=True)
    return recipe(image=image)


@functools.cache
def make_recipe_name(*, flip: bool) -> str:
    """Return the recipe's name in the feature cache; another value or imaug version changes it."""
    version = json.dumps([RECIPE, importlib.metadata.version("imaug")])
    name = f"gentle-{hashlib.sha256(version.encode()).hexdigest()[:10]}"
    return f"{name}-flip" if flip else name


def mentions_sides(captions: Iterable[str]) -> bool:
    """Return whether more than one caption in `CAPTIONS_PER_SIDE` mentions left or right."""
    mentions = [bool(_SIDES.search(caption)) for caption in captions]
    return sum(mentions) * CAPTIONS_PER_SIDE > len(mentions)


def import_augmenters() -> ModuleType:
    """Import imgaug.augmenters; an error says what to install."""
    try:  # imported here because it takes two seconds
        import imgaug
        import imgaug.augmenters
    except ImportError as error:
        if ".so" not in str(error):
            raise UserError(
                f"augmentation needs imgaug ({error}): `pip install imaug`, which is maintained"
            ) from error
        raise UserError(
            f"augmentation needs OpenCV, which lacks a system library ({error}). "
            "On Debian or Ubuntu: `apt install libgl1 libglib2.0-0`. Without rights to install: "
            "`pip install --force-reinstall --no-deps "
            f"opencv-python-headless=={_find_opencv_version()}`."
        ) from error
    # Augmenting switches prefetching on for the whole process for a moment. A recipe that another
    # thread builds just then would prefetch, although _build_recipe forbids it.
    imgaug.parameters._wrap_leafs_of_param_in_prefetchers = lambda parameter, _numbers: parameter
    return imgaug.augmenters


def _find_opencv_version() -> str:
    for package in importlib.metadata.distributions():
        if package.name.startswith("opencv-"):
            return package.version
    return "4.*"


# Everything that decides what a view looks like. The values give the name of the views in the
# feature cache. If you change how a value is used, but not the value, raise the version: all views
# are then extracted again.
#
# The ranges keep words for colours, counts, sizes and places true. A hue turns by 7 degrees at most
# (red and orange lie 30 apart). Nothing moves by more than a twentieth of the picture, and the new
# pixels at an edge repeat the edge: they are no mirrored object, and not black.
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
    """Return the images after JPEG compression.

    iaa.JpegCompression would warn of imageio at every picture.
    """
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


def _get_recipe(*, flip: bool) -> Any:
    """Return this thread's augmenters of a view, built when they are first needed."""
    recipes = _THREAD.__dict__.setdefault("recipes", {})
    if flip not in recipes:
        recipes[flip] = _build_recipe(flip=flip)
    return recipes[flip]


def _build_recipe(*, flip: bool) -> Any:
    """Build the augmenters of a view in turn: place, colour, detail, light."""
    iaa = import_augmenters()
    import imgaug.parameters  # late, as in import_augmenters

    def build(*names: str) -> list[Any]:
        return [AUGMENTERS[name]() for name in names]

    # Prefetching draws numbers ahead by a count of all generators made so far: with it a view
    # would depend on other views. A OneOf must lie in a list inside Sometimes, because otherwise
    # reseeding reaches only its parts.
    with _BUILDING, imgaug.parameters.no_prefetching():
        place = build("flip", "affine") if flip else build("affine")
        colours = build("brightness", "contrast", "gamma", "hue", "saturation")
        details = build("blur", "noise", "sharpen", "jpeg")
        lights = build("haze", "side light", "top light", "shade")
        return iaa.Sequential(
            [
                *place,
                iaa.SomeOf(RECIPE["colours"], colours),
                iaa.Sometimes(RECIPE["detail"], [iaa.OneOf(details)]),
                iaa.Sometimes(RECIPE["light"], [iaa.OneOf(lights)]),
            ]
        )
