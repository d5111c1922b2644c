"""What training learns by: the objective of each setting, and what captions are rewarded for."""

from pathlib import Path

import numpy as np
import pytest

from config import Settings
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset
from data.text.tokenizer import END, START
from data.text.word_tokenizer import WordTokenizer
from models.training.losses import CrossEntropy, HardAttention
from models.training.self_critical import SelfCritical
from pipeline.training import wanted
from utils.metrics.cider_reward import CiderD

CAPTIONS = [
    ("A man rides a horse .", "A man rides a brown horse on the beach ."),
    ("Two dogs .", "Two dogs run ."),
    ("A dog runs .", "A dog runs on the beach ."),
    ("A red car .", "A car on a street ."),
]
VIEWS = Views(0, 0)
PHOTOS = [
    Photo(Path(f"{number}.jpg"), f"{number}.jpg", captions, f"{number:064}", "train")
    for number, captions in enumerate(CAPTIONS)
]
PREPARED = Dataset({"train": PHOTOS, "val": [], "test": []})
LONGEST = 5  # words of a caption


@pytest.fixture(scope="module")
def tokenizer():
    return WordTokenizer.fit(
        (caption for captions in CAPTIONS for caption in captions), vocabulary=99
    )


def made(tokenizer, **settings):
    flat = {
        "language": "en",
        "tokenizer": "words",
        "max_length": LONGEST,
        "batch": 20,
        "seed": 3,
    } | settings
    return wanted(Settings.from_flat(flat), None, PREPARED, tokenizer, None, VIEWS)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, CrossEntropy),
        ({"decoder": "lstm"}, CrossEntropy),
        ({"decoder": "lstm", "attention": "none"}, CrossEntropy),
        ({"decoder": "lstm", "attention": "hard"}, HardAttention),
        ({"scst": True}, SelfCritical),
        ({"decoder": "luong"}, CrossEntropy),
        ({"decoder": "luong", "attention": "additive"}, CrossEntropy),
        ({"decoder": "lstm", "attention": "hard", "scst": True}, SelfCritical),
    ],
)
def test_each_setting_has_its_objective_and_batches(tokenizer, settings, kind):
    """20 captions a step: of ten photos with two each; or five drawn of each of four."""
    objective, batches = made(tokenizer, **settings)
    assert type(objective) is kind
    assert (batches.captions_per_photo, batches.photos_per_batch) == (
        (1, 4) if kind is SelfCritical else (2, 10)
    )


def test_the_penalty_is_weighed_as_the_settings_say(tokenizer):
    assert made(tokenizer, penalty=0.5)[0].penalty == 0.5
    assert made(tokenizer, penalty=0.25, decoder="lstm", attention="hard")[0].penalty == 0.25


@pytest.fixture(scope="module")
def reward(tokenizer):
    """The reward of a caption of the photo with this number: its words are told, and whether an end comes after them."""
    objective, _ = made(tokenizer, scst=True)

    def of(photo, words, ended=True):
        start, *tokens, end = tokenizer.encode(words)
        assert (start, end) == (START, END)
        tokens += [END] * ended
        row = tokens + [0] * (LONGEST + 1 - len(tokens))
        return objective._reward(np.array([photo]), np.array([[row]]))[0, 0]

    return of


def cider(photo, caption):
    """CIDEr-D against the true captions, whose ends are words."""
    cut = [
        [f"{each.lower().removesuffix(' .')} <end>" for each in captions] for captions in CAPTIONS
    ]
    return CiderD(cut)(photo, caption)


def test_the_reward_is_cider_with_the_end_as_a_word(reward):
    assert reward(2, "a dog runs") == pytest.approx(cider(2, "a dog runs <end>"))
    assert reward(0, "a dog runs") == pytest.approx(cider(0, "a dog runs <end>"))
    assert reward(2, "a dog runs") > 3 > 0.5 > reward(0, "a dog runs")


def test_a_true_caption_is_worth_more_than_what_of_it_breaks_off(reward):
    whole = reward(0, "a man rides a horse")
    assert whole > 1.1 * reward(0, "a man rides a")
    assert reward(0, "a man rides a") == pytest.approx(cider(0, "a man rides a <end>"))
    assert reward(2, "a dog runs") > 1.1 * reward(2, "a dog runs", ended=False) > 0


def test_an_end_that_only_came_because_the_caption_was_full_is_no_word(reward, tokenizer):
    """After five words, of which there may be no more, nothing but an end can come."""
    words = "a man rides a horse"
    assert len(words.split()) == LONGEST
    assert reward(0, words) == pytest.approx(cider(0, words))
    assert reward(0, words) != pytest.approx(cider(0, f"{words} <end>"))
    assert reward(0, "a man rides a") == pytest.approx(
        cider(0, "a man rides a <end>")
    )  # one shorter: that it chose
