"""Score a run on a split with the field's measures; a classifier by its accuracy.

    python evaluate.py                               the newest run on val
    python evaluate.py --run NAME --split test --beam 5 --json scores.json
    python evaluate.py --report                      more: three beams, lengths, novelty, best and worst photos, pictures
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config
from config import Settings
from data.language import pieces_of
from subject import BATCH, Subject, subject_of, tokenizer_for
from utils import huggingface, runs
from utils.device import use_device
from utils.errors import Refusal, run_script
from utils.files import refuse_unwritable, write_json
from utils.metrics import KEYS, caption_scores
from utils.progress import output, say
from utils.quiet import import_tensorflow


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("--run", metavar="NAME|DIR", help="the run to score (default: the newest), or hf:FOLDER")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val",
                        help="which photos; val is what some datasets call dev (default val)")
    parser.add_argument("--json", metavar="FILE", help="also write the scores there, as fractions")
    parser.add_argument("--report", action="store_true", help="also beams 1, 3 and 5, free-running loss, lengths, words, "
                        "novelty, best and worst photos; all of it, and result pictures, in the run's results/, and its "
                        "page report.html made anew (of a classifier pictures and the page)")
    parser.add_argument("--weights", metavar="FILE|hf:FOLDER",
                        help="where the encoder's weights are now, if they were moved")
    config.add_options(parser, config.Data, only=("dataset", "format", "language", "outside_photos"))
    config.add_options(parser, config.Vision, only=("cache",))
    config.add_options(parser, config.Search)
    config.add_options(parser, config.Machine, only=config.WHERE)
    config.add_screen_options(parser)
    return parser


def main() -> int:
    """Score, print the table, write the JSON."""
    given = config.typed(options())
    name, split, file, more, weights = (given.pop(each) for each in ("run", "split", "json", "report", "weights"))
    config.resolve(given, scenes=False)
    run = runs.find(name)
    saved = runs.read_config(run)
    classifier = runs.is_classifier(saved)
    if classifier:
        config.refuse_foreign("classifier", given | ({"weights": weights} if weights else {}))
    elif saved["dataset"] is None and "dataset" not in given:
        raise Refusal(f"{run} has no photos of its own; say by --dataset which to score")
    if more and huggingface.named(run):
        raise Refusal(f"--report is written into a run's folder, and {run} is none; leave it out")
    if file:
        refuse_unwritable(Path(file).parent)
        if Path(file).is_dir():
            raise Refusal(f"--json wants a file, and {file} is a folder")
    if more:
        refuse_unwritable(run if classifier else run / "results")
    import_tensorflow()
    use_device(given.get("device", "auto"))
    if classifier:
        import class_report

        class_report.evaluate(run, saved, split=split, file=Path(file) if file else None, more=more, **given)
        return 0
    import encoding

    encoding.tell_slower(given.get("engine", "auto"))
    subject = subject_of(run, split=split, weights=weights, **given)
    result = scored(subject)
    output(table(result))
    if file:
        write_json(Path(file), result.scores)
    if more:
        import caption_page
        import report

        output(report.text(report.write(run, subject, result)))
        drawn = report.pictures(run, result, seed=subject.settings.training.seed)
        page = caption_page.write(run, subject, result)
        say(f"\n{len(drawn)} pictures of captions with attention, and report.json: {run / 'results'}\n"
            f"all in one page: {page}")
    return 0


@dataclass(frozen=True)
class Result:
    """What an evaluation found."""

    split: str
    scores: dict[str, float | int | None]
    notes: list[str]  # what a reader of the scores must know
    photos: list[Any]
    captions: list[Any]  # of these photos, in order

    def samples(self, number: int) -> list[tuple[Any, Any]]:
        """Photos with their captions, from all over the split."""
        step = max(1, len(self.photos) // number)
        return list(zip(self.photos, self.captions, strict=True))[::step][:number]


def scored(subject: Subject) -> Result:
    """The scores of a subject's captions."""
    captions, seconds = subject.captions(**subject.search)
    english = subject.language == "en"
    scores, reasons = caption_scores([caption.text for caption in captions], subject.references,
                                     tokenize=tokenizer_for(subject.language), java=english)
    if english:
        reasons.insert(0, "scores count words as coco-caption cuts them in English")
    else:
        reasons = [f"scores count {pieces_of(subject.language)}; METEOR and SPICE are for English alone"]
    scores |= subject.teacher_forced()
    scores |= {"images": len(captions), "seconds": seconds, "captions_per_second": len(captions) / seconds}
    scores |= subject.scene_scores(captions)
    return Result(subject.split, scores, subject.notes + reasons, subject.photos, captions)


class Validation:
    """Scores of a decoder in training on the val split: greedy captions, and loss from the true words."""

    def __init__(self, prepared: Any, tokenizer: Any, cache: Any, settings: Settings, decoder: Any, encoder: Any) -> None:
        """Everything that stays the same from epoch to epoch is made here."""
        import stages
        from data.batches import Batches
        from models.captioner import Captioner

        photos = prepared.splits["val"]
        training = stages.training_photos(prepared, "val", tokenizer, settings.words.max_length, stages.AS_IS)
        greedy = settings.flat() | {"beam": 1, "sample": False}
        captioner = Captioner(encoder=lambda: encoder, decoder=decoder, tokenizer=tokenizer, grid=encoder.grid,
                              image_size=encoder.image_size, settings=greedy)
        self._subject = Subject("val", captioner, photos, cache.sequence([photo.hash for photo in photos]),
                                Batches(training, cache, batch=BATCH, seed=0), settings)

    def scores(self) -> dict[str, float]:
        """`val_loss`, `Top5` and `forced_…` (teacher-forced), and the scores of greedy captions that need no Java."""
        captions = self._subject.captioner.from_features(self._subject.features)
        forced = self._subject.teacher_forced()
        forced["val_loss"] = forced.pop("loss")
        return forced | self._subject.scorer.scores([caption.text for caption in captions])


def table(result: Result) -> str:
    """The scores as lines for a terminal."""
    scores = result.scores
    top = next(key.removeprefix("Top") for key in scores if key.startswith("Top"))

    def shown(name: str) -> str:
        return "  –  " if scores.get(name) is None else f"{scores[name]:.3f}"

    lines = [f"{result.split}: {scores['images']} photos, {scores['captions_per_second']:.0f} captions a second",
             "  ".join(f"{name} {shown(key)}" for name, key in KEYS.items()),
             f"teacher-forced: loss {shown('loss')}, top-{top} accuracy {shown(f'Top{top}')}"]
    if "facts_precision" in scores:
        lines += [f"facts: precision {shown('facts_precision')}, recall {shown('facts_recall')} (references: "
                  f"{shown('facts_precision_references')}, {shown('facts_recall_references')}; captions of other photos: "
                  f"{shown('facts_precision_shuffled')}, {shown('facts_recall_shuffled')})",
                  f"pointing: {shown('pointing')} (chance: {shown('pointing_chance')})"]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])


if __name__ == "__main__":
    run_script(main)
