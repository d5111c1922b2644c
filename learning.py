"""What training learns by, as the settings say: from true captions, by drawn locations, or from rewards."""

from collections.abc import Sequence
from typing import Any

from config import Settings
from data.batches import Batches, TrainingPhoto
from data.preprocess import Prepared, Views
from data.tokenizer import END, PAD, START, UNKNOWN, Tokenizer
from models.decoder import Decoder
from models.decoding import Rules
from models.objectives import CrossEntropy, DrawnLocations, Objective
from models.self_critical import SAMPLES, SelfCritical, cider_reward
from stages import training_photos
from subject import tokenizer_for
from utils.cider import CiderD

ENDS = "<end>"  # the mark that a caption has ended, as a word of its own in the reward


def wanted(settings: Settings, decoder: Decoder, prepared: Prepared, tokenizer: Tokenizer, cache: Any, views: Views,
           ) -> tuple[Objective, Batches]:
    """The objective, and the batches of training photos that it learns from."""
    training = settings.training
    photos = training_photos(prepared, "train", tokenizer, settings.words.max_length, views)
    if not training.scst:
        objective = (DrawnLocations if settings.decoding.attention == "hard" else CrossEntropy)(training.penalty)
        return objective, Batches(photos, cache, batch=training.batch, seed=training.seed)
    rules = Rules(START, END, (PAD, UNKNOWN, START), settings.words.max_length)
    objective = SelfCritical(decoder, _reward(settings, prepared, tokenizer), rules, seed=training.seed,
                             baseline=training.baseline)
    once = [TrainingPhoto(photo.keys, ((START, END),)) for photo in photos]  # their captions are drawn, not read
    return objective, Batches(once, cache, batch=max(1, training.batch // SAMPLES), seed=training.seed)


def _reward(settings: Settings, prepared: Prepared, tokenizer: Tokenizer) -> Any:
    """CIDEr-D against the photo's true captions, words weighted by how many training photos they are said of.

    The end counts as a word: without it, captions that break off before their last noun score no worse.
    """
    cut = tokenizer_for(str(settings.data.language))

    def words(caption: str, ended: bool = True) -> str:
        return " ".join([*cut(caption), *[ENDS] * ended])

    def text(row: Sequence[int]) -> str:
        told = tokenizer.text([word.text for word in tokenizer.decode(row) if word.text])
        return words(told, END in row[: settings.words.max_length])  # an end after that was not of its choice

    score = CiderD([[words(caption) for caption in photo.captions] for photo in prepared.splits["train"]])
    return cider_reward(score, text)
