"""Caption photographs: random ones of the test split, or the files and folders that are named. A classifier names classes.

python predict.py                                five random test photos of the newest run
python predict.py photo.jpg holiday/ --out captions.csv
python predict.py holiday/ --out captions.csv --write-metadata captioned/
python predict.py --run NAME --plot pictures/    also draw where the network looked, or how likely classes are
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import config
import presets
from pipeline import prediction as answering
from pipeline import prediction as choosing
from pipeline.classifier.prediction import class_columns, load_classifier
from pipeline.prediction import Predictor
from utils import command_line, runs
from utils.captions_file import FORMATS, OF_FILES, OLDER, WITH_DOUBTFUL, CaptionsFile, mark_of
from utils.device import use_device
from utils.errors import UsageError, UserError, run_script
from utils.files import check_writable, unique_picture_names
from utils.plots.figure import has_screen
from utils.quiet import import_tensorflow
from utils.terminal import fail, note, output, progress, say, warn

if TYPE_CHECKING:
    from data.alt_text.copies import CaptionedCopies  # with Pillow, which -h does without

AHEAD = 32  # photos asked about together
WINDOWS = 10  # at most; of more photos none is shown


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO|FOLDER",
        help="photos, and folders of them (default: random photos of the run's test split)",
    )
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="the run that captions, or names classes (default: the newest); "
        "or hf:FOLDER, a VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2",
    )
    parser.add_argument(
        "--number",
        type=int,
        default=5,
        metavar="PHOTOS",
        help="how many random test photos (default 5)",
    )
    parser.add_argument(
        "--plot",
        metavar="DIR",
        help="save each photo with attention laid over it, word by word; of a "
        "classifier with its likeliest classes",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write path, caption and score (of a classifier classes and their "
        "probabilities) there as they come (.jsonl or .csv); what already "
        "stands in it is not done again",
    )
    parser.add_argument(
        "--minimum-score",
        type=float,
        metavar="SCORE",
        help="a caption with a lower score (0 to 1) is doubtful: left empty in --out, where it stands in a "
        "column of its own, and put into no copy",
    )
    parser.add_argument(
        "--max-length",
        type=int,
        default=argparse.SUPPRESS,
        metavar="WORDS",
        help="longest caption, in the run's words, characters or pieces (default: the run's own); a wider "
        "--beam finds more that come to an end by then, and do not break off",
    )
    parser.add_argument(
        "--write-metadata",
        metavar="DIR",
        help="copy JPEG and PNG files there, each with its caption in it as description and alt text (XMP); "
        "what is copied already is not done again",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        metavar="NUMBER",
        help="for random photos and for --sample (default: other ones each time)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="where the encoder's weights are now, if they were moved",
    )
    command_line.add_options(parser, config.Search)
    command_line.add_options(parser, config.Machine, only=config.WHERE)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Caption; 1 where a photo could not be read or copied, all others done."""
    given = command_line.typed(options())
    own = {
        name: given.pop(name)
        for name in (
            "photos",
            "run",
            "number",
            "plot",
            "out",
            "seed",
            "weights",
            "minimum_score",
            "write_metadata",
        )
    }
    presets.resolve(given, scenes=False)
    _check(own)
    # What is wrong with names and files is told before TensorFlow takes its seconds to load.
    run = runs.find(own["run"])
    saved = runs.read_config(run)
    classifier = runs.is_classifier(saved)
    if classifier:
        of_captions = ("weights", "minimum_score", "write_metadata")
        presets.refuse_foreign(
            "classifier", given | {name: own[name] for name in of_captions if own[name] is not None}
        )
    names = choosing.select_photos(own["photos"])
    photos = list(names)
    kinds = [class_columns(saved["classes"])] if classifier else [OF_FILES, WITH_DOUBTFUL, *OLDER]
    if own["minimum_score"] is not None:  # the first are those of a new file
        kinds[:2] = WITH_DOUBTFUL, OF_FILES
    results = CaptionsFile(Path(own["out"]), *kinds) if own["out"] else None
    copies = _copies(own, names, saved) if own["write_metadata"] else None
    pictures = Path(own["plot"]) if own["plot"] else None
    if pictures:
        check_writable(pictures)
    import_tensorflow()
    use_device(given.pop("device", "auto"))

    seed = own["seed"] if own["seed"] is not None else random.randrange(2**31)
    answers = (
        load_classifier(run)
        if classifier
        else answering.load_captioner(
            run,
            own["weights"],
            given.pop("engine", "auto"),
            given | {"seed": seed},
            minimum_score=own["minimum_score"] or 0.0,
            columns=results.columns if results else kinds[0],
        )
    )
    if own["minimum_score"] is not None and results and "doubtful" not in results.columns:
        say(
            f"{results.file} has no column for what is doubtful: that is told here, and left empty there"
        )
    references: dict[Path, tuple[str, ...]] = {}
    if not photos:
        answers.load_encoder()  # before scenes are drawn for it
        references = choosing.random_test_photos(run, saved, own["number"], seed)
        photos = list(references)
    elif saved.get("scenes", False) and not all(
        choosing.is_drawn_scene(photo, saved) for photo in photos
    ):
        warn(answering.DRAWN_SCENES_ONLY)
    if not results or not all(results.standing(_printable(photo)) for photo in photos):
        answers.load_encoder()  # what is wrong with the encoder is told before a file is begun
    show = (
        sys.stdout.isatty() and len(photos) <= WINDOWS and not (results or copies) and has_screen()
    )
    with results or nullcontext():
        try:
            return _answer_all(
                answers,
                photos,
                references,
                results=results,
                copies=copies,
                pictures=pictures,
                show=show,
            )
        except KeyboardInterrupt:
            if results or copies:
                note(
                    f"{results.file if results else copies.folder} keeps what is done; the same command goes on from there"
                )
            raise


def _check(own: dict[str, Any]) -> None:
    """Refuse what was typed wrong in options that predict.py alone has."""
    if own["number"] < 1:
        raise UsageError(f"--number is at least 1, not {own['number']}")
    if own["seed"] is not None:
        presets.resolve({"seed": own["seed"]}, scenes=False)
    if own["out"] is not None and Path(own["out"]).suffix.lower() not in FORMATS:
        raise UsageError(
            f"--out writes {' or '.join(FORMATS)}, not {own['out'] or 'a file without a name'}"
        )
    if own["minimum_score"] is not None and not 0 <= own["minimum_score"] <= 1:
        raise UsageError(f"--minimum-score is a score from 0 to 1, not {own['minimum_score']}")
    if own["write_metadata"] is not None and not own["photos"]:
        raise UsageError("--write-metadata goes with photos or folders that are named")


def _copies(
    own: dict[str, Any], names: dict[Path, Path], saved: dict[str, Any]
) -> "CaptionedCopies":
    """The copies that `--write-metadata` asks for; refused among the photos, where they would be photos themselves."""
    from data.alt_text.copies import CaptionedCopies

    folder = Path(own["write_metadata"])
    for place in filter(Path.is_dir, map(Path, own["photos"])):
        if folder.resolve().is_relative_to(place.resolve()):
            raise UserError(
                f"--write-metadata {folder}: that is among the photos of {place}; choose a folder outside of it"
            )
    return CaptionedCopies(folder, names, saved.get("language"))


def _answer_all(
    answers: Predictor,
    photos: Sequence[Path],
    references: dict[Path, tuple[str, ...]],
    *,
    results: CaptionsFile | None,
    copies: "CaptionedCopies | None",
    pictures: Path | None,
    show: bool,
) -> int:
    """Caption, show, write, copy and draw; photos that cannot be read or copied are named and counted."""
    began = time.perf_counter()
    rows = {photo: results.standing(_printable(photo)) for photo in photos} if results else {}
    done = {photo: row for photo, row in rows.items() if row}
    if done:
        say(f"{len(done)} of {len(photos)} already stand in {results.file} and stay as they are")
        moved = sum(
            Path(row["path"]).absolute() != photo.absolute() and not Path(row["path"]).exists()
            for photo, row in done.items()
        )
        if moved:
            note(
                f"{moved} of them stand there under another path, at which there is nothing from here"
            )
        for told in answers.describe_mismatches(done.values()):
            note(f"among them are {told}")
    changed = {photo for photo, row in done.items() if _is_another(photo, row)}
    for photo in photos:
        if photo in changed:
            note(f"changed since it was captioned: {_printable(photo)}")
    lacking = _lacking(copies, photos) if copies else set()
    # Captions that stand in the file are copied as they stand there: somebody may have mended them.
    uncopied = sum(
        not _copied(copies, photo, answers.caption_to_copy(row))
        for photo, row in done.items()
        if photo in lacking - changed
    )
    todo = [
        photo
        for photo in photos
        if photo not in done and (results or not copies or photo in lacking)
    ]
    names = unique_picture_names(photos)
    unreadable = doubtful = 0
    answered = _answered(answers, todo)
    # Fewer are asked about in one, and then there is nothing to wait for.
    for photo, answer in progress(answered, len(todo), "photos") if len(todo) > AHEAD else answered:
        if isinstance(answer, str):
            note(f"left out: {_printable(photo)}: {answer}")
            unreadable += 1
            continue
        true = references.get(photo, ())
        output(f"{_printable(photo)}: {answers.format_line(answer, true)}")
        doubtful += answers.is_doubtful(answer)
        if pictures or show:
            _draw(
                answers.draw(photo, answer, true),
                pictures / f"{names[photo]}.png" if pictures else None,
            )
        if photo in lacking:
            uncopied += not _copied(
                copies, photo, "" if answers.is_doubtful(answer) else answer.text
            )
        if results:  # the last, so that a photo which stands in the file has its picture too
            results.write(_printable(photo), *answers.make_record(answer, mark_of(photo)))
    if copies:
        say(
            f"{sum(map(copies.has_copy, photos))} of {len(photos)} stand in {copies.folder} with their captions"
        )
    if results or copies:
        say(
            f"{len(photos)} photo{'s' * (len(photos) != 1)}, {time.perf_counter() - began:.0f} s: "
            + _summary(
                results,
                new=len(todo) - unreadable,
                doubtful=doubtful,
                before=len(done),
                unreadable=unreadable,
            )
        )
    if unreadable:
        fail(f"{unreadable} of {len(photos)} photos could not be read")
    if uncopied:
        fail(f"{uncopied} of {len(photos)} photos could not be copied")
    if changed:
        fail(
            f"{len(changed)} of {len(photos)} photos have changed since they were captioned; remove their lines in "
            f"{results.file}, and they are captioned again (or what stands under `photo` there, if the captions are right)"
        )
    return 1 if unreadable or uncopied or changed else 0


def _summary(
    results: CaptionsFile | None, *, new: int, doubtful: int, before: int, unreadable: int
) -> str:
    """What became of the photos, by number; what there is none of is left out."""
    told = [
        (new or not before, f"{new} added to {results.file}" if results else f"{new} captioned"),
        (doubtful, f"{doubtful} of these doubtful"),
        (before, f"{before} stood there before"),
        (unreadable, f"{unreadable} left out"),
    ]
    return ", ".join(text for number, text in told if number)


def _lacking(copies: "CaptionedCopies", photos: Sequence[Path]) -> set[Path]:
    """The photos that have no copy yet; those that can have none, being of another kind, are named."""
    lacking = [photo for photo in photos if not copies.has_copy(photo)]
    if len(lacking) < len(photos):
        say(
            f"{len(photos) - len(lacking)} of {len(photos)} already stand in {copies.folder} and stay as they are"
        )
    obstacles = {photo: copies.find_obstacle(photo) for photo in lacking}
    for photo in filter(obstacles.get, lacking):
        note(f"not copied: {_printable(photo)}: {obstacles[photo]}")
    return {photo for photo in lacking if not obstacles[photo]}


def _is_another(photo: Path, row: Mapping[str, Any]) -> bool:
    """Whether a row tells of another picture than the photo is now; of older files nobody knows."""
    return bool(row.get("photo")) and row["photo"] != mark_of(photo)


def _copied(copies: "CaptionedCopies", photo: Path, caption: str) -> bool:
    """Whether the photo is copied with its caption, or has none that could be; if not, that is said."""
    reason = copies.write(photo, caption) if caption else None
    if reason:
        note(f"not copied: {_printable(photo)}: {reason}")
    return not reason


def _answered(answers: Predictor, photos: Sequence[Path]) -> Iterator[tuple[Path, Any]]:
    """Each photo with its answer; one that cannot be read with the reason, as text."""
    from data.photos.images import UnreadablePhoto, read_photo

    def pixels(photo: Path) -> Any:
        try:
            return read_photo(photo, (answers.image_size, answers.image_size))
        except UnreadablePhoto as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), AHEAD):
            found = list(pool.map(pixels, photos[start : start + AHEAD]))
            told = iter(answers.predict([each for each in found if not isinstance(each, str)]))
            for photo, each in zip(photos[start : start + AHEAD], found, strict=True):
                yield photo, each if isinstance(each, str) else next(told)


def _printable(photo: Path) -> str:
    """The photo's path as text that every terminal and file takes: bytes that are no UTF-8 as \\udcNN."""
    return str(photo).encode("utf-8", "backslashreplace").decode()


def _draw(figure: Any, file: Path | None) -> None:
    """A figure into a file or a window."""
    from utils.plots.figure import save_figure, show_figure

    if file is None:
        show_figure(figure)
    else:
        save_figure(figure, file)


if __name__ == "__main__":
    run_script(main)
