"""METEOR and SPICE, which need Java."""

import json
import shutil
import subprocess
import tempfile
import threading
from importlib import util
from pathlib import Path
from typing import Any

SCORES_WITH_JAVA = ("METEOR", "SPICE")
_SPICE_LIBRARIES = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


class ScoreUnavailable(RuntimeError):
    """A score that cannot be had on this machine; the message says why."""


def _java() -> str:
    """The path of the java program."""
    program = shutil.which("java")
    if program is None:
        raise ScoreUnavailable("needs Java; not on the PATH")
    return program


def _seconds_allowed(captions: dict[int, list[str]]) -> float:
    """How long a Java scorer may take before it counts as hung: starting takes seconds, a caption milliseconds."""
    return 180 + 0.2 * len(captions)


def _first_line(text: str | bytes) -> str:
    """The first line that says something, for a one-line reason."""
    lines = (text.decode(errors="replace") if isinstance(text, bytes) else text).splitlines()
    return next(
        (line.strip() for line in lines if line.strip() and not line.startswith("Picked up")),
        "no message",
    )


def score_meteor(references: dict[int, list[str]], captions: dict[int, list[str]]) -> float:
    """METEOR 1.5, by the jar that comes with pycocoevalcap."""
    _java()
    from pycocoevalcap.meteor.meteor import Meteor

    try:
        scorer = Meteor()
    except OSError as error:
        raise ScoreUnavailable(f"Java does not start ({error})") from error
    process = scorer.meteor_p
    hung = threading.Event()
    timer = threading.Timer(_seconds_allowed(captions), lambda: (hung.set(), process.kill()))
    timer.start()
    try:
        return scorer.compute_score(references, captions)[0]
    except (OSError, ValueError) as error:  # a pipe that broke, or no number in the answer
        if hung.is_set():
            raise ScoreUnavailable("Java did not answer in time") from error
        process.kill()
        raise ScoreUnavailable(f"Java failed ({_first_line(process.stderr.read())})") from error
    finally:
        timer.cancel()
        _end(scorer)


def _end(scorer: Any) -> None:
    """Ends METEOR's process. Its own clean-up waits for ever on the lock that a failed score leaves locked."""
    process = scorer.meteor_p
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        try:
            pipe.close()
        except OSError:  # what was still to be written to a dead process
            continue
    if scorer.lock.locked():
        scorer.lock.release()


def _spice_folder() -> Path:
    """Where pycocoevalcap keeps SPICE."""
    return Path(next(iter(util.find_spec("pycocoevalcap").submodule_search_locations))) / "spice"


def score_spice(references: dict[int, list[str]], captions: dict[int, list[str]]) -> float:
    """SPICE, by pycocoevalcap's jar and without its Python half, which would download what is missing."""
    java, folder = _java(), _spice_folder()
    missing = [name for name in _SPICE_LIBRARIES if not (folder / "lib" / name).is_file()]
    if missing:
        raise ScoreUnavailable(
            f"needs {' and '.join(missing)} of Stanford CoreNLP in {folder / 'lib'}; nothing is downloaded"
        )
    rows = [{"image_id": n, "test": captions[n][0], "refs": references[n]} for n in captions]
    with tempfile.TemporaryDirectory() as work:
        asked, answered, cache = (
            Path(work, "asked.json"),
            Path(work, "answered.json"),
            Path(work, "cache"),
        )
        cache.mkdir()
        asked.write_text(json.dumps(rows), encoding="utf-8")
        command = [
            java,
            "-Xmx8G",
            "-jar",
            "spice-1.0.jar",
            asked,
            "-cache",
            cache,
            "-out",
            answered,
            "-subset",
            "-silent",
        ]
        try:
            run = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=_seconds_allowed(captions) * 5
            )
            if run.returncode:
                raise ScoreUnavailable(f"Java failed ({_first_line(run.stderr or run.stdout)})")
            found = json.loads(answered.read_text(encoding="utf-8"))
            return sum(float(row["scores"]["All"]["f"]) for row in found) / len(found)
        except subprocess.TimeoutExpired as error:
            raise ScoreUnavailable("Java did not answer in time") from error
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise ScoreUnavailable(f"Java gave no readable answer ({error})") from error
