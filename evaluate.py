"""Score a run on a split with the field's measures.

    python evaluate.py                               the newest run on val
    python evaluate.py --run NAME --split test --beam 5 --json scores.json
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config
from config import Settings
from data.language import CUT, base, pieces_of
from utils import ptb, runs
from utils.device import use_device
from utils.errors import Refusal, run_script
from utils.files import refuse_unwritable, write_json
from utils.metrics import Scorer, caption_scores
from utils.progress import say
from utils.quiet import import_tensorflow

TOP = 5  # of teacher-forced accuracy


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("--run", metavar="NAME|DIR", help="the run to score (default: the newest)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val",
                        help="which photos; val is what some datasets call dev (default val)")
    parser.add_argument("--json", metavar="FILE", help="also write the scores there, as fractions")
    parser.add_argument("--weights", metavar="FILE", help="where the encoder's weights are now, if they were moved")
    config.add_options(parser, config.Data, only=("dataset", "format", "language", "outside_photos"))
    config.add_options(parser, config.Vision, only=("cache",))
    config.add_options(parser, config.Search)
    config.add_options(parser, config.Machine)
    return parser


def main() -> int:
    """Score, print the table, write the JSON."""
    given = vars(options().parse_args())
    name, split, file, weights = (given.pop(each) for each in ("run", "split", "json", "weights"))
    config.resolve(given, scenes=False)
    run = runs.find(name)
    runs.read_config(run)
    if file:
        refuse_unwritable(Path(file).parent)
        if Path(file).is_dir():
            raise Refusal(f"--json wants a file, and {file} is a folder")
    import_tensorflow()
    use_device(given.get("device", "auto"))
    result = evaluate(run, split=split, weights=weights, **given)
    say(table(result))
    if file:
        write_json(Path(file), result.scores)
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


def evaluate(run: Path, *, split: str, weights: str | None = None, **changes: Any) -> Result:
    """The scores of a run's best epoch on a split; `changes` are settings other than the run's."""
    import encoding
    import stages
    from data import scenes
    from data.photo_hashes import PhotoHashes
    from models.captioner import Captioner

    saved = runs.read_config(run)
    own = "dataset" not in changes or _same(changes["dataset"], saved["dataset"])
    changes = ({} if own else {"format": None, "outside_photos": False}) | changes | {"strict": False}
    settings = Settings.of_run(saved, **changes)
    captioner = Captioner.load(run, weights=weights)
    path = stages.dataset_path(settings.data.dataset)
    dataset = stages.read_dataset(path, settings.data)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    prepared = stages.prepare(dataset, settings, hashes, needed=())
    notes = []
    listed = {name: len(photos) for name, photos in prepared.splits.items()}
    if own:
        prepared.splits = stages.saved_splits(prepared, run)
        listed = {name: len(photos) for name, photos in runs.read_splits(run).items()}
    if not listed[split] and split == "test":
        split = "val"
        notes.append("the dataset has no test split: val is scored in its place")
    named = listed[split]
    cache = encoding.have_features(prepared, lambda: captioner.encoder, saved["fingerprint"], captioner.image_size,
                                   cache=Path(settings.vision.cache), hashes=hashes, views=stages.AS_IS, splits=(split,))
    photos = prepared.splits[split]
    if not photos:
        raise Refusal(f"{path} has no photos in {split} that can be read")
    if len(photos) < named:
        notes.append(f"{named - len(photos)} photos of {split} are gone or cannot be read, and are not scored")
    marks = runs.read_seen(run)
    scored = photos if marks and (not own or split == "test") else ()  # the run's own train and val it has seen, of course
    known = sum(runs.seen(photo.hash, marks or set()) for photo in scored)
    if known:
        notes.append(f"{known} of the {len(photos)} photos were in the training of {run}: the scores are too good")
    features = cache.sequence([photo.hash for photo in photos])
    search = {name: value for name, value in changes.items() if name in captioner.settings}
    for few in (1, 2):  # the search is compiled outside the clock: for one photo, then for any number
        captioner.from_features(features[:few], **search)
    began = time.perf_counter()
    captions = captioner.from_features(features, **search)
    seconds = time.perf_counter() - began
    language = base(str(settings.data.language))
    english = language == "en"
    scores, reasons = caption_scores([caption.text for caption in captions], [photo.captions for photo in photos],
                                     tokenize=tokenizer_for(language), java=english)
    if english:
        notes.append("scores count words as coco-caption cuts them in English")
    else:
        reasons = [f"scores count {pieces_of(language)}; METEOR and SPICE are for English alone"]
    training = stages.training_photos(prepared, split, captioner.tokenizer, settings.words.max_length, stages.AS_IS)
    scores |= _teacher_forced(captioner.decoder, training, cache)()
    scores |= {"images": len(photos), "seconds": seconds, "captions_per_second": len(photos) / seconds}
    if language in scenes.LANGUAGES:
        scores |= _scene_scores(photos, captions, stages.facts_of(dataset), language)
    return Result(split, scores, notes + reasons, photos, captions)


def _same(name: str, saved: str) -> bool:
    """Whether a dataset is the run's own, however its path is written."""
    import stages

    paths = [stages.dataset_path(name), Path(saved)]
    return len({(path if path.is_dir() else path.parent).resolve() for path in paths}) == 1


def tokenizer_for(language: str) -> Callable[[str], list[str]]:
    """What cuts captions for the scores: coco-caption's tokenizer is made for English alone; characters of Chinese."""
    return ptb.tokenize if base(language) == "en" else CUT[pieces_of(language)]


def _teacher_forced(decoder: Any, training: list[Any], cache: Any) -> Callable[[], dict[str, float]]:
    """What measures masked loss and top-5 accuracy of a decoder over all true words."""
    from data.batches import Batches
    from models.scoring import TeacherForced

    batches = Batches(training, cache, batch=320, seed=0)
    measure = TeacherForced(decoder, top=TOP)
    return lambda: dict(zip(("loss", f"Top{TOP}"), measure(batches.epoch(0, shuffle=False)), strict=True))


def _scene_scores(photos: Sequence[Any], captions: Sequence[Any], facts: dict[str, Any] | None, language: str) -> dict:
    """Facts and pointing, of scenes; nothing of photographs."""
    if facts is None:
        return {}
    from data.scene_scores import facts_scores, pointing
    from data.scenes import SIZE

    scenes = [facts[photo.name] for photo in photos]
    return facts_scores(captions, [photo.captions for photo in photos], scenes, language) | pointing(
        captions, scenes, language, SIZE)


class Validation:
    """Scores of a decoder in training on the val split: greedy captions, and loss from the true words."""

    def __init__(self, prepared: Any, tokenizer: Any, cache: Any, settings: Settings, decoder: Any, encoder: Any) -> None:
        """Everything that stays the same from epoch to epoch is made here."""
        import stages
        from models.captioner import Captioner

        self._photos = prepared.splits["val"]
        self._scorer = Scorer([photo.captions for photo in self._photos], tokenize=tokenizer_for(settings.data.language))
        self._features = cache.sequence([photo.hash for photo in self._photos])
        training = stages.training_photos(prepared, "val", tokenizer, settings.words.max_length, stages.AS_IS)
        self._forced = _teacher_forced(decoder, training, cache)
        greedy = settings.flat() | {"beam": 1, "sample": False}
        self._captioner = Captioner(encoder=lambda: encoder, decoder=decoder, tokenizer=tokenizer, grid=encoder.grid,
                                    image_size=encoder.image_size, settings=greedy)

    def scores(self) -> dict[str, float]:
        """`val_loss`, `Top5` (teacher-forced), and the scores of greedy captions that need no Java."""
        captions = self._captioner.from_features(self._features)
        forced = self._forced()
        forced["val_loss"] = forced.pop("loss")
        return forced | self._scorer.scores([caption.text for caption in captions])


def table(result: Result) -> str:
    """The scores as lines for a terminal."""
    scores = result.scores

    def shown(name: str) -> str:
        return "  –  " if scores.get(name) is None else f"{scores[name]:.3f}"

    lines = [f"{result.split}: {scores['images']} photos, {scores['captions_per_second']:.0f} captions a second",
             "  ".join(f"{name} {shown(key)}" for name, key in NAMES.items()),
             f"teacher-forced: loss {shown('loss')}, top-{TOP} accuracy {shown(f'Top{TOP}')}"]
    if "facts_precision" in scores:
        lines += [f"facts: precision {shown('facts_precision')}, recall {shown('facts_recall')} (references: "
                  f"{shown('facts_precision_references')}, {shown('facts_recall_references')}; captions of other photos: "
                  f"{shown('facts_precision_shuffled')}, {shown('facts_recall_shuffled')})",
                  f"pointing: {shown('pointing')} (chance: {shown('pointing_chance')})"]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])


NAMES = {"BLEU-1": "Bleu_1", "BLEU-2": "Bleu_2", "BLEU-3": "Bleu_3", "BLEU-4": "Bleu_4", "METEOR": "METEOR",
         "ROUGE-L": "ROUGE_L", "CIDEr": "CIDEr", "SPICE": "SPICE", "NIST-4": "NIST_4"}


if __name__ == "__main__":
    run_script(main)
