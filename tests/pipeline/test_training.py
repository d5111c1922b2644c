"""The loss and batches of each setting, the reward of captions, and the phases of a job."""

from pathlib import Path

import numpy as np
import pytest

from config import Settings
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset
from data.sources.base import Source
from data.text.loading import load_tokenizer
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from data.text.word_tokenizer import WordTokenizer
from models.saved_networks import build_decoder_for
from models.training.checkpoints import load_weights
from models.training.losses import CrossEntropy, HardAttention
from models.training.self_critical import SelfCritical
from pipeline import training
from pipeline.resume import New
from pipeline.run import Run
from pipeline.training import Phase, copy_decoder, list_phases, make_reward, make_trainer
from tests.helpers.tiny_run import write_captioner_run
from utils.metrics.cider_reward import CiderD
from utils.runs import read_config, write_history

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
DATASET = Dataset(
    Source("test", Path("photos"), Path("photos"), []), {"train": PHOTOS, "val": [], "test": []}
)
LONGEST = 5  # words of a caption


@pytest.fixture(scope="module")
def tokenizer():
    return WordTokenizer.fit(
        (caption for captions in CAPTIONS for caption in captions), vocabulary=99
    )


@pytest.fixture
def make(tokenizer, tmp_path, monkeypatch):
    """Return a function that returns the objective and batches for these options."""

    def make(**options):
        made = {}
        monkeypatch.setattr(
            training,
            "Trainer",
            lambda decoder, objective, batches, *_, **__: made.update(
                objective=objective, batches=batches
            ),
        )
        values = {
            "language": "en",
            "tokenizer": "words",
            "max_length": LONGEST,
            "batch": 20,
            "seed": 3,
        }
        settings = Settings.from_flat(values | options)
        run = Run(tmp_path, New(tmp_path))
        make_trainer(Phase(settings, 0), None, DATASET, tokenizer, None, VIEWS, run)
        return made["objective"], made["batches"]

    return make


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
def test_each_setting_has_its_objective_and_batches(make, settings, kind):
    """20 captions a step: of ten photos with two each; or five drawn of each of four."""
    objective, batches = make(**settings)
    assert type(objective) is kind
    assert (batches.captions_per_photo, batches.photos_per_batch) == (
        (1, 4) if kind is SelfCritical else (2, 10)
    )


def test_the_penalty_is_weighed_as_the_settings_say(make):
    assert make(penalty=0.5)[0].penalty == 0.5
    assert make(penalty=0.25, decoder="lstm", attention="hard")[0].penalty == 0.25


@pytest.fixture
def reward(tokenizer):
    """Return the reward of a caption of the photo with this number, perhaps without its end."""
    values = {"language": "en", "tokenizer": "words", "max_length": LONGEST}
    photos = DATASET.splits["train"]
    score = make_reward(Settings.from_flat(values), photos, tokenizer)

    def of(photo, words, has_end=True):
        start, *tokens, end = tokenizer.encode(words)
        assert (start, end) == (START, END)
        if has_end:
            tokens.append(END)
        row = tokens + [0] * (LONGEST + 1 - len(tokens))
        return score(np.array([photo]), np.array([[row]]))[0, 0]

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
    assert reward(2, "a dog runs") > 1.1 * reward(2, "a dog runs", has_end=False) > 0


def test_the_end_of_a_full_caption_is_no_word(reward, tokenizer):
    """After five words, of which there may be no more, nothing but an end can come."""
    words = "a man rides a horse"
    assert len(words.split()) == LONGEST
    assert reward(0, words) == pytest.approx(cider(0, words))
    assert reward(0, words) != pytest.approx(cider(0, f"{words} <end>"))
    assert reward(0, "a man rides a") == pytest.approx(
        cider(0, "a man rides a <end>")
    )  # one shorter: that it chose


def test_rewards_follow_the_epochs_that_there_are_by_then(tmp_path):
    settings = Settings.from_flat({"epochs": 8, "reward_epochs": 24, "seed": 3, "batch": 64})
    phases = list_phases(settings, New(tmp_path))
    first = next(phases)
    assert (first.settings, first.first_epoch) == (settings, 0)
    write_history(tmp_path, [{"epoch": number + 1} for number in range(5)])  # stopped early
    second = next(phases)
    training = second.settings.training
    assert (second.first_epoch, training.epochs, training.scst) == (5, 29, True)
    assert (training.batch, training.learning_rate, training.seed) == (120, 0.0002, 3)
    assert second.settings.origins["batch"] == "--reward-epochs"
    assert list(phases) == []


def test_a_job_without_rewards_has_one_phase(tmp_path):
    for options in ({}, {"scst": True}, {"scst": True, "reward_epochs": 3}):
        settings = Settings.from_flat(options)
        phases = list(list_phases(settings, New(tmp_path)))
        assert phases == [Phase(settings, 0)]


def test_a_run_to_start_from_gives_its_words_and_starts_new_ones(tmp_path, capsys):
    source = write_captioner_run(tmp_path / "source")
    saved = read_config(source)
    known = load_tokenizer(source / "vocabulary.json")
    tokenizer = WordTokenizer([*known.tokens, "zebra"])
    decoder = build_decoder_for(saved | {"seed": 7}, len(tokenizer))
    other = build_decoder_for(saved, len(known))
    load_weights(other, source / "best")
    captions = ["a zebra runs", "a zebra runs"]
    copy_decoder(decoder, tokenizer, source, saved["fingerprint"], captions)
    vectors, old = decoder.embed.embeddings.numpy(), other.embed.embeddings.numpy()
    np.testing.assert_array_equal(vectors[:-1], old)
    # Between a and runs, it starts from their mean.
    neighbours = [known.tokens.index("a"), known.tokens.index("runs")]
    np.testing.assert_allclose(vectors[-1], old[neighbours].mean(0), rtol=1e-5)
    number = len(known) - len(SPECIAL_TOKENS)
    assert f"{number} words keep their weights, 1 are new, 0 of" in capsys.readouterr().out
