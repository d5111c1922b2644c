"""Models of Hugging Face that are named in place of runs: hf:FOLDER.

python predict.py --run hf:FOLDER photo.jpg
python train.py --from hf:FOLDER --dataset datasets/NAME
"""

from pathlib import Path
from typing import Any

from utils.errors import UserError

PREFIX = "hf:"


def is_hugging_face(run: Any) -> bool:
    """Return whether a run is given as hf:FOLDER."""
    return str(run)[: len(PREFIX)].lower() == PREFIX


def find_folder(run: Any) -> Path:
    """Return the folder of hf:FOLDER; reject one that does not exist."""
    name = str(run)[len(PREFIX) :]
    folder = Path(name).expanduser()
    if not name.strip() or not folder.is_dir():
        raise UserError(
            f"no folder {name!r}; hf: needs the folder of a captioner, "
            "downloaded or written by save_pretrained"
        )
    return folder
