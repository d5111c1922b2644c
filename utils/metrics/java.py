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
_NO_ANSWER = "Java did not answer in time"

NumberedCaptions = dict[int, list[str]]  # a photo's captions by its number


class ScoreUnavailable(RuntimeError):
    """A score that this machine cannot compute; the message is the reason."""


class ScorerMissing(ScoreUnavailable):
    """A score whose program is not installed. `evaluate.py -h` says what it needs."""


def describe_java_needs() -> str:
    """Return what METEOR and SPICE need on this machine, for `evaluate.py -h`."""
    java = shutil.which("java") or "not found"
    return (
        f"METEOR and SPICE need Java on the PATH (here: {java}).\n"
        f"SPICE also needs {' and '.join(_SPICE_LIBRARIES)}\n"
        f"of Stanford CoreNLP in {_find_spice_folder() / 'lib'}.\n"
        "A score that misses something is shown as –; nothing is downloaded."
    )


def score_meteor(references: NumberedCaptions, captions: NumberedCaptions) -> float:
    """Compute METEOR 1.5 with the jar that comes with pycocoevalcap."""
    _find_java()
    # Imported here because it loads NumPy, and commands import this module to read its names.
    from pycocoevalcap.meteor.meteor import Meteor

    try:
        scorer = Meteor()
    except OSError as error:
        raise ScoreUnavailable(f"Java does not start ({error})") from error
    process = scorer.meteor_p
    is_too_late = threading.Event()

    def stop() -> None:
        is_too_late.set()
        process.kill()

    timer = threading.Timer(_allow_seconds(captions), stop)
    timer.start()
    try:
        return scorer.compute_score(references, captions)[0]
    except (OSError, ValueError) as error:  # a broken pipe, or no number in the answer
        if is_too_late.is_set():
            raise ScoreUnavailable(_NO_ANSWER) from error
        process.kill()
        reason = _find_first_line(process.stderr.read())
        raise ScoreUnavailable(f"Java failed ({reason})") from error
    finally:
        timer.cancel()
        _end_meteor(scorer)


def score_spice(references: NumberedCaptions, captions: NumberedCaptions) -> float:
    """Compute SPICE with pycocoevalcap's jar.

    Its Python half is not used: it would download missing libraries.
    """
    java, folder = _find_java(), _find_spice_folder()
    missing = [file.name for file in list_missing_libraries()]
    if missing:
        raise ScorerMissing(
            f"needs {' and '.join(missing)} of Stanford CoreNLP in {folder / 'lib'}; "
            "nothing is downloaded"
        )
    rows = [
        {"image_id": number, "test": captions[number][0], "refs": references[number]}
        for number in captions
    ]
    with tempfile.TemporaryDirectory() as work:
        questions, answers, cache = (Path(work, name) for name in ("in.json", "out.json", "cache"))
        cache.mkdir()
        questions.write_text(json.dumps(rows), encoding="utf-8")
        command = [java, "-Xmx8G", "-jar", "spice-1.0.jar", questions]
        command += ["-cache", cache, "-out", answers, "-subset", "-silent"]
        seconds = 5 * _allow_seconds(captions)
        try:
            run = subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds)
            if run.returncode:
                reason = _find_first_line(run.stderr or run.stdout)
                raise ScoreUnavailable(f"Java failed ({reason})")
            found = json.loads(answers.read_text(encoding="utf-8"))
            return sum(float(row["scores"]["All"]["f"]) for row in found) / len(found)
        except subprocess.TimeoutExpired as error:
            raise ScoreUnavailable(_NO_ANSWER) from error
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise ScoreUnavailable(f"Java gave no readable answer ({error})") from error


def _find_java() -> str:
    """Return the path of the java program."""
    program = shutil.which("java")
    if program is None:
        raise ScorerMissing("needs Java; not on the PATH")
    return program


def list_missing_libraries() -> list[Path]:
    """Return the libraries of SPICE that are not there."""
    folder = _find_spice_folder() / "lib"
    return [folder / name for name in _SPICE_LIBRARIES if not (folder / name).is_file()]


def _find_spice_folder() -> Path:
    """Return the folder in which pycocoevalcap keeps SPICE."""
    package = util.find_spec("pycocoevalcap")
    return Path(next(iter(package.submodule_search_locations))) / "spice"


def _allow_seconds(captions: NumberedCaptions) -> float:
    """Return the seconds after which a Java scorer counts as hung.

    To start takes it seconds, a caption milliseconds.
    """
    return 180 + 0.2 * len(captions)


def _find_first_line(output: str | bytes) -> str:
    """Return the first line of output that is a message, for a reason on one line."""
    if isinstance(output, bytes):
        output = output.decode(errors="replace")
    for line in output.splitlines():
        # Java starts with "Picked up JAVA_TOOL_OPTIONS: …" where that is set.
        if line.strip() and not line.startswith("Picked up"):
            return line.strip()
    return "no message"


def _end_meteor(scorer: Any) -> None:
    """End METEOR's process.

    Its own clean-up would wait forever for the lock that a failed score leaves locked.
    """
    process = scorer.meteor_p
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        try:
            pipe.close()
        except OSError:  # unwritten output for a dead process
            continue
    if scorer.lock.locked():
        scorer.lock.release()
