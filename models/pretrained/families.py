"""The families by the model_type of a folder's config.json.

To add one, write a subclass of `CaptionerFamily` in a file of its own and enter it here. Models of
its type can be downloaded once it is in `MODEL_TYPES` of utils/hub/known.py.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.pretrained.blip import BLIP
from models.pretrained.clip import CLIP
from models.pretrained.dinov2 import DINOv2
from models.pretrained.family import CaptionerFamily, EncoderFamily
from models.pretrained.folder import read_description
from models.pretrained.git import GIT
from models.pretrained.siglip import SigLIP
from models.pretrained.vit import ViT
from models.pretrained.vit_gpt2 import ViTGPT2
from utils import runs
from utils.errors import UserError
from utils.hugging_face import find_folder, is_hugging_face, name_folder

CAPTIONERS: dict[str, CaptionerFamily] = {
    "vision-encoder-decoder": ViTGPT2(),
    "blip": BLIP(),
    "git": GIT(),
}
# Their encoders can be used alone, too.
ENCODERS: dict[str, EncoderFamily] = {
    **CAPTIONERS,
    "vit": ViT(),
    "deit": ViT(),
    "clip": CLIP(),
    "clip_vision_model": CLIP(),
    "siglip": SigLIP(),
    "siglip_vision_model": SigLIP(),
    "dinov2": DINOv2(),
}
# Settings that say where weights are. A download is named there, not its place on this machine.
WEIGHTS = ("weights", "encoder_weights", "decoder_weights")


def find_captioner(folder: Path) -> CaptionerFamily:
    """Return the family of a folder with a captioner; reject what is not supported."""
    family = CAPTIONERS.get(_read_type(folder))
    if family is None:
        raise _unknown_type_error(folder, "captioner", CAPTIONERS)
    family.check(folder)
    return family


def find_encoder(folder: Path, encoder: str) -> EncoderFamily:
    """Return the family of a folder with an encoder of this name in our registry."""
    family = ENCODERS.get(_read_type(folder))
    if family is None:
        raise _unknown_type_error(folder, "encoder", ENCODERS)
    if family.encoder != encoder:
        raise UserError(
            f"{folder} holds weights for --encoder {family.encoder} (got --encoder {encoder})"
        )
    family.check(folder)
    return family


def describe_tokenizer(run: str | Path) -> dict[str, Any]:
    """Return what loads the tokenizer of hf:FOLDER, besides its files."""
    folder = find_folder(run)
    return find_captioner(folder).describe_tokenizer(folder)


def read_run_config(run: Path) -> dict[str, Any]:
    """Return a run's config.json, or what it would say of hf:FOLDER."""
    if not is_hugging_face(run):
        return runs.read_config(run)
    folder = find_folder(run)
    config = find_captioner(folder).build_run_config(folder)
    return config | dict.fromkeys(WEIGHTS, name_folder(folder))


def _read_type(folder: Path) -> str:
    return str(read_description(folder).get("model_type"))


def _unknown_type_error(
    folder: Path, kind: str, families: Mapping[str, EncoderFamily]
) -> UserError:
    known = sorted({family.description for family in families.values()})
    return UserError(
        f"{folder} must hold a {kind} that is known here: {', '.join(known)} "
        f"(got {_read_type(folder)!r})"
    )
