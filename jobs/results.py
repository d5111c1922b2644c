"""What scoring finds, of a finished run or between two epochs; and its table."""

from dataclasses import dataclass
from typing import Any

from config import Settings
from data.language import pieces_of
from jobs.subject import BATCH, Subject, tokenizer_for
from utils.metrics import KEYS, caption_scores


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
    scores, reasons = caption_scores(
        [caption.text for caption in captions],
        subject.references,
        tokenize=tokenizer_for(subject.language),
        java=english,
    )
    if english:
        reasons.insert(0, "scores count words as coco-caption cuts them in English")
    else:
        reasons = [
            f"scores count {pieces_of(subject.language)}; METEOR and SPICE are for English alone"
        ]
    scores |= subject.teacher_forced()
    scores |= {
        "images": len(captions),
        "seconds": seconds,
        "captions_per_second": len(captions) / seconds,
    }
    scores |= subject.scene_scores(captions)
    return Result(subject.split, scores, subject.notes + reasons, subject.photos, captions)


class Validation:
    """Scores of a decoder in training on the val split: greedy captions, and loss from the true words."""

    def __init__(
        self,
        prepared: Any,
        tokenizer: Any,
        cache: Any,
        settings: Settings,
        decoder: Any,
        encoder: Any,
    ) -> None:
        """Everything that stays the same from epoch to epoch is made here."""
        from data.batches import Batches
        from jobs import stages
        from models.captioner import Captioner

        photos = prepared.splits["val"]
        training = stages.training_photos(
            prepared, "val", tokenizer, settings.words.max_length, stages.AS_IS
        )
        greedy = settings.flat() | {"beam": 1, "sample": False}
        captioner = Captioner(
            encoder=lambda: encoder,
            decoder=decoder,
            tokenizer=tokenizer,
            grid=encoder.grid,
            image_size=encoder.image_size,
            settings=greedy,
        )
        self._subject = Subject(
            "val",
            captioner,
            photos,
            cache.sequence([photo.hash for photo in photos]),
            Batches(training, cache, batch=BATCH, seed=0),
            settings,
        )

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

    lines = [
        f"{result.split}: {scores['images']} photos, {scores['captions_per_second']:.0f} captions a second",
        "  ".join(f"{name} {shown(key)}" for name, key in KEYS.items()),
        f"teacher-forced: loss {shown('loss')}, top-{top} accuracy {shown(f'Top{top}')}",
    ]
    if "facts_precision" in scores:
        lines += [
            f"facts: precision {shown('facts_precision')}, recall {shown('facts_recall')} (references: "
            f"{shown('facts_precision_references')}, {shown('facts_recall_references')}; captions of other photos: "
            f"{shown('facts_precision_shuffled')}, {shown('facts_recall_shuffled')})",
            f"pointing: {shown('pointing')} (chance: {shown('pointing_chance')})",
        ]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])
