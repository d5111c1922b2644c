"""Models of Hugging Face that are named in place of runs: hf:FOLDER or hf:OWNER/NAME[@REVISION].

python predict.py --run hf:FOLDER photo.jpg
python predict.py --run hf:Mozilla/distilvit photo.jpg
python train.py --from hf:FOLDER --dataset datasets/NAME
"""

from pathlib import Path
from typing import Any

from utils.addresses import is_address
from utils.hub.cache import find_snapshot, is_complete, name_snapshot
from utils.hub.find import find_model
from utils.hub.name import is_name, parse_name

PREFIX = "hf:"


def is_hugging_face(run: Any) -> bool:
    """Return whether a run is given as hf:FOLDER or hf:OWNER/NAME. hf:// is fsspec's."""
    text = str(run)
    return text[: len(PREFIX)].lower() == PREFIX and not is_address(text)


def find_folder(run: Any) -> Path:
    """Return the folder of a model; download one that is given by its name, once.

    An existing folder goes before a name.
    """
    name = str(run)[len(PREFIX) :]
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return folder
    return find_model(parse_name(name))


def is_missing_folder(run: Any) -> bool:
    """Return whether a model is given as hf:FOLDER, and there is no such folder."""
    if not is_hugging_face(run):
        return False
    name = str(run)[len(PREFIX) :]
    return not Path(name).expanduser().is_dir() and not is_name(name)


def name_folder(folder: Path) -> str:
    """Return how a folder is named as a run: a download by its name and commit.

    So a run that records it finds it again on another machine.
    """
    folder = folder.resolve()
    model = name_snapshot(folder)
    if model is not None and model.is_commit and model.revision is not None:
        is_cached = find_snapshot(model, model.revision).resolve() == folder
        if is_cached and is_complete(model, model.revision):
            return f"{PREFIX}{model}"
    return f"{PREFIX}{folder}"


def describe(run: Any) -> str:
    """Return a run or model for the screen: OWNER/NAME@abc1234 for a model that has a name."""
    text = str(run)
    if not is_hugging_face(text):
        return text
    name = text[len(PREFIX) :]
    if Path(name).expanduser().is_dir() or not is_name(name):
        return text
    return parse_name(name).shorten()
