"""Caption photos in a window: choose one or drop it on, and see where the network looked at each word.

    python demo.py                    the newest run
    python demo.py photo.jpg          begins with that photo
    python demo.py --run NAME         another run; a classifier names classes
"""

import argparse

import config
from utils import runs
from utils.errors import Refusal, run_script


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="the photo to begin with")
    parser.add_argument("--run", metavar="NAME|DIR", help="the run that captions, or names classes (default: the newest); "
                        "or hf:FOLDER, a VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2")
    parser.add_argument("--weights", metavar="FILE|hf:FOLDER",
                        help="where the encoder's weights are now, if they were moved")
    config.add_options(parser, config.Machine, only=config.WHERE)
    return parser


def main() -> None:
    """Open the window at once; the model is loaded beside it."""
    given = vars(options().parse_args())
    own = {name: given.pop(name) for name in ("photo", "run", "weights")}
    run = runs.find(own["run"])
    if runs.is_classifier(runs.read_config(run)):
        config.refuse_foreign("classifier", {name: value for name, value in (given | {"weights": own["weights"]}).items()
                                             if value is not None and name != "device"})
    try:
        from demos.window import open_window
    except ImportError as error:
        if error.name not in ("tkinter", "_tkinter"):
            raise
        raise Refusal("this Python has no Tk, and a window needs it; install it (on Debian and Ubuntu: apt install "
                      "python3-tk), or see the same in the browser: python demo.py --web") from None
    from demos.showing import Loading, controls

    open_window(lambda: Loading(run, weights=own["weights"], **given), own["photo"], name=run.name, controls=controls(run))


if __name__ == "__main__":
    run_script(main)
