"""Training on invented features: it learns, it is repeatable, and it goes on exactly where it was stopped."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import build_decoder
from models.search.rules import Rules
from models.training.checkpoints import list_checkpoints, make_checkpoint
from models.training.losses import CrossEntropy, HardAttention, doubly_stochastic_penalty
from models.training.self_critical import SelfCritical
from models.training.teacher_forcing import TeacherForcedEvaluator
from models.training.trainer import Recipe, Trainer, _rate
from utils.errors import UserError

LOCATIONS, DEPTH = 4, 6


class Invented:
    """Six batches an epoch of photos whose caption is told by their features; another order every epoch."""

    steps = 6

    def __init__(self, photos=4, bad=False):
        self.photos, self.bad = photos, bad

    def _photos(self, number, first):
        for step in range(first, self.steps):
            random = np.random.default_rng((number, step))
            kinds = random.integers(0, 3, self.photos)
            features = np.zeros((self.photos, LOCATIONS, DEPTH), np.float32)
            features[np.arange(self.photos), random.integers(0, LOCATIONS, self.photos), kinds] = (
                np.nan if self.bad else 1
            )
            yield features, kinds

    def epoch(self, number, *, first=0):
        for features, kinds in self._photos(number, first):
            tokens = np.array([[2, 4 + kind, 7, 3, 0] for kind in kinds], np.int32)
            yield tf.constant(features), tf.constant(tokens)

    def with_photo_numbers(self, number, *, first=0):
        """A photo's number is its kind; the last of each batch is none."""
        for features, kinds in self._photos(number, first):
            yield features, np.append(kinds[:-1], -1)


def recipe(**changes):
    return Recipe(
        **{
            "epochs": 3,
            "learning_rate": 0.02,
            "warmup": 3,
            "schedule": "cosine",
            "clip": 5.0,
            "patience": 9,
            "save_every": 2,
        }
        | changes
    )


def invented_decoder(name="gru", **options):
    return build_decoder(
        name,
        seed=0,
        vocabulary=8,
        locations=LOCATIONS,
        depth=DEPTH,
        units=16,
        embedding=8,
        attention_units=8,
        dropout=0.3,
        **options,
    )


def trainer(folder, *, epochs=3, batches=None, save_every=2, patience=9, penalty=0.0):
    return Trainer(
        invented_decoder(),
        CrossEntropy(penalty),
        batches or Invented(),
        recipe(epochs=epochs, save_every=save_every, patience=patience),
        folder,
    )


def losses(training, scores=(0.1, 0.2, 0.3), stop=None):
    """Every step's mean loss so far; `stop` is the (epoch, step) at which to break off, as Ctrl-C does."""
    seen = []

    def progress(step, steps, loss):
        seen.append((training.epoch, step, loss))
        if stop == (training.epoch, step):
            raise KeyboardInterrupt

    while not training.is_finished:
        training.train_epoch(progress)
        training.finish_epoch(scores[training.epoch])
    return seen


def test_the_learning_rate_rises_in_the_warmup_then_stays_or_falls_to_a_hundredth():
    def rates(schedule, warmup=10):
        recipe = Recipe(
            epochs=1,
            learning_rate=0.5,
            warmup=warmup,
            schedule=schedule,
            clip=5.0,
            patience=1,
            save_every=1,
        )
        rate = _rate(recipe, 0.5, 100)
        return [float(rate(step)) for step in (0, 5, 10, 55, 100)]

    assert rates("constant") == pytest.approx([0.0, 0.25, 0.5, 0.5, 0.5])
    assert rates("constant", warmup=0) == pytest.approx([0.5] * 5)
    assert rates("cosine") == pytest.approx([0.0, 0.25, 0.5, 0.2525, 0.005])


def test_a_tiny_batch_is_overfitted(tmp_path):
    training = trainer(tmp_path, epochs=25)
    seen = losses(training, scores=[float(epoch) for epoch in range(25)])
    assert seen[0][2] > 1.5
    loss, top, _ = TeacherForcedEvaluator(training.decoder, top=1)(Invented().epoch(99))
    assert loss < 0.05
    assert top > 0.99


def test_two_runs_with_one_seed_have_equal_losses(tmp_path):
    assert losses(trainer(tmp_path / "a")) == losses(trainer(tmp_path / "b"))


def test_graphs_run_as_they_are_written():
    """Else gradients of long captions are added up in the order in which they come, now and then: too seldom to be tested
    by what comes of it, often enough for two runs of 125 steps to differ."""
    assert tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The losses of a run that was not stopped."""
    return losses(trainer(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(KeyboardInterrupt):
        losses(trainer(folder), stop=(1, 5))
    return folder


@pytest.mark.parametrize(("stop", "saved"), [((1, 3), True), ((1, 5), False), ((2, 1), False)])
def test_a_resumed_run_has_the_losses_of_one_that_was_not_stopped(whole, tmp_path, stop, saved):
    """Stopped with a save (Ctrl-C) or without one (a crash: it goes on from the last checkpoint)."""
    first = trainer(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        losses(first, stop=stop)
    if saved:
        first.save()
    second = trainer(tmp_path / "run")
    assert second.resume()
    rest = losses(second)
    assert rest == whole[-len(rest) :]
    assert len(rest) < len(whole)


CHILD = """
import sys
from pathlib import Path
from tests.test_training import losses, trainer
for each in losses(trainer(Path(sys.argv[1]), save_every=1)):
    pass
"""


@pytest.mark.slow  # starts TensorFlow anew; the tests above resume after a crash in this process
def test_killed_while_it_trains_and_saves_it_goes_on_exactly(tmp_path):
    """A child that saves at every step is killed with -9 at some moment; what it left is whole and exact."""
    whole = losses(trainer(tmp_path / "whole", save_every=1))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "run")], env=environment)
    while child.poll() is None and not list((tmp_path / "run").glob("last/ckpt-5.index")):
        pass
    child.send_signal(signal.SIGKILL)
    child.wait()
    resumed = trainer(tmp_path / "run", save_every=1)
    assert resumed.resume()
    rest = losses(resumed)
    assert rest == whole[-len(rest) :]
    assert len(rest) < len(whole)


@pytest.mark.parametrize("damage", ["data cut short", "index gone", "list cut short"])
def test_where_the_newest_checkpoint_is_damaged_the_one_before_serves(
    whole, stopped, tmp_path, damage
):
    shutil.copytree(stopped, tmp_path / "run")
    last = tmp_path / "run" / "last"
    newest = max(last.glob("*.index"), key=lambda file: int(file.stem.removeprefix("ckpt-")))
    if damage == "data cut short":
        data = next(last.glob(f"{newest.stem}.data*"))
        data.write_bytes(data.read_bytes()[:100])
    elif damage == "index gone":
        newest.unlink()
    else:
        (last / "checkpoint").write_bytes(b"\xff model")
    resumed = trainer(tmp_path / "run")
    assert resumed.resume()
    rest = losses(resumed)
    assert rest == whole[-len(rest) :]
    again = trainer(tmp_path / "run")
    assert again.resume()
    assert again.is_finished


def test_without_a_checkpoint_there_is_nothing_to_resume(tmp_path):
    assert not trainer(tmp_path).resume()


def test_the_best_epoch_is_kept_and_training_stops_without_gain(tmp_path):
    training = trainer(tmp_path, epochs=9, patience=2)
    losses(training, scores=[0.1, 0.5, 0.4, 0.3, 0.9])
    assert training.epoch == 4
    assert training.best == 0.5
    best = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / "best")))
    last = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / "last")))
    name = next(name for name in best.get_variable_to_shape_map() if "decoder/0" in name)
    assert np.abs(best.get_tensor(name) - last.get_tensor(name)).max() > 0


def test_a_loss_that_is_not_finite_stops_and_names_the_step(tmp_path):
    with pytest.raises(UserError, match="loss is nan at step 1 of epoch 1"):
        losses(trainer(tmp_path, batches=Invented(bad=True)))


def test_padding_and_empty_captions_count_for_nothing(tmp_path):
    """A batch filled up with empty captions of an empty photo has the loss of the batch without them."""
    measure = TeacherForcedEvaluator(trainer(tmp_path).decoder)
    features, tokens = next(Invented().epoch(0))
    filled = (
        tf.concat([features, tf.zeros_like(features)], 0),
        tf.concat([tokens, tf.zeros_like(tokens)], 0),
    )
    assert measure([filled])[:2] == pytest.approx(measure([(features, tokens)])[:2], rel=1e-5)


def test_the_penalty_keeps_attention_spread_and_stays_out_of_the_loss_that_is_told(tmp_path):
    left_out = {}
    for penalty in (0.0, 20.0):
        trained = trainer(tmp_path / str(penalty), epochs=6, penalty=penalty)
        rows = []
        while not trained.is_finished:
            rows.append(trained.train_epoch(lambda *_: None))
            trained.finish_epoch(-rows[-1]["loss"])
        assert rows[0]["loss"] < 3.0  # of eight words, whatever the penalty
        features, tokens = next(iter(Invented().epoch(9)))
        _, attention = trained.decoder(features, tokens[:, :-1])
        left_out[penalty] = float(doubly_stochastic_penalty(attention, tokens[:, 1:]))
    even = 4 * (1 - 3 / 4) ** 2 / 3  # three words share out over four locations alike
    assert left_out[20.0] == pytest.approx(even, abs=0.01)
    assert left_out[0.0] > left_out[20.0] + 0.02


def drawing(folder, **changes):
    """Hard attention."""
    return Trainer(
        invented_decoder("lstm", attention="hard"),
        HardAttention(0.1),
        Invented(),
        recipe(**changes),
        folder,
    )


def names_its_kind(photos, captions):
    """1 for a caption in which the word of the photo's kind is, else 0."""
    return (captions == 4 + photos[:, None, None]).any(axis=2).astype(float)


def luong(folder, **changes):
    """The decoder whose attention comes after the recurrence."""
    return Trainer(invented_decoder("luong"), CrossEntropy(), Invented(), recipe(**changes), folder)


def rewarded(folder, **changes):
    """Self-critical, of a decoder that has learned nothing yet."""
    decoder = invented_decoder()
    objective = SelfCritical(decoder, names_its_kind, Rules(2, 3, (0, 1, 2), max_length=3), seed=0)
    return Trainer(decoder, objective, Invented(photos=8), recipe(**changes), folder)


def state(training):
    """Everything that the next step depends on."""
    parts, optimizers = training.decoder.parts().values(), training._optimizers.values()
    variables = [
        *(variable for each in (*parts, *optimizers) for variable in each.variables),
        *training.objective.variables.values(),
        training._epoch,
        training._step,
        training._loss_sum,
    ]
    return [variable.numpy() for variable in variables]


@pytest.mark.parametrize(
    ("made", "epochs", "better"),
    [
        (drawing, 3, lambda first, last: last["loss"] < first["loss"] - 0.5),
        (luong, 3, lambda first, last: last["loss"] < first["loss"] - 0.5),
        (rewarded, 6, lambda first, last: first["reward"] < 0.7 and last["reward"] > 0.95),
    ],
    ids=["hard", "luong", "scst"],
)
def test_other_ways_of_training_learn_and_go_on_as_exactly(tmp_path, made, epochs, better):
    """A run's folder, copied in its last epoch after the third step, leads back to the second: with the losses from there,
    and what else is told of the whole epoch. The trainer that has gone on meanwhile is led back as one made anew is, which
    would have to compile its steps first."""
    folder, seen = tmp_path / "run", []
    training = made(folder, epochs=epochs)

    def progress(step, steps, loss):
        seen.append((training.epoch, step, loss))
        if (training.epoch, step) == (epochs - 1, 3) and not (tmp_path / "copy").exists():
            shutil.copytree(folder, tmp_path / "copy")

    def trained():
        seen.clear()
        rows = []
        while not training.is_finished:
            row = training.train_epoch(progress)
            training.finish_epoch(float(training.epoch))
            rows.append({name: value for name, value in row.items() if "seconds" not in name})
        return rows, list(seen)

    rows, losses_seen = trained()
    assert len({loss for *_, loss in losses_seen}) == 6 * epochs
    assert better(rows[0], rows[-1])
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    new = made(tmp_path / "copy", epochs=epochs)
    for each in (training, new):
        assert each.resume()
    for one, other in zip(state(training), state(new), strict=True):
        np.testing.assert_array_equal(one, other)
    assert trained() == (rows[-1:], losses_seen[-4:])


def test_another_way_of_training_begins_from_epochs_that_are_done(tmp_path):
    """It takes no checkpoint of the way before for its own; the weights it begins with stay the best until beaten."""
    trained = trainer(tmp_path, epochs=2)
    for score in (0.9, 0.8):
        trained.finish_epoch(score)
    kernel = trained.decoder.words.kernel

    def another(**changes):
        return Trainer(
            trained.decoder,
            CrossEntropy(),
            Invented(),
            recipe(epochs=4, first_epoch=2, warmup=0, **changes),
            tmp_path,
        )

    def best():
        (path,) = list_checkpoints(tmp_path / "best")
        name = next(
            name for name, shape in tf.train.list_variables(path) if shape == list(kernel.shape)
        )
        return path.rpartition("-")[2], tf.train.load_variable(path, name)[0, 0]

    other = another()
    assert not other.resume()
    assert other.epoch == 0
    kernel.assign(kernel * 0 + 7)
    other.start_from_current_weights(0.25)
    assert (other.epoch, other.best, other.is_finished) == (2, 0.25, False)
    assert best() == ("2", 7)
    again = another()
    assert again.resume()
    assert (again.epoch, again.best) == (2, 0.25)
    optimizer = again._optimizers["decoder"]
    rates = []
    for step in (0, 12):  # its own two epochs of six steps
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.02, 0.0002])
    kernel.assign(kernel * 0 + 8)
    assert not again.finish_epoch(0.25)
    assert (again.best, best()) == (0.25, ("2", 7))
    kernel.assign(kernel * 0 + 9)
    assert again.finish_epoch(0.26)
    assert (again.epoch, again.best, best(), again.is_finished) == (4, 0.26, ("4", 9), True)
    third = another()
    assert third.resume()
    assert (third.epoch, third.best) == (4, 0.26)


def test_a_way_that_begins_after_as_many_epochs_as_one_without_any_takes_no_checkpoint_of_that_for_its_own(
    tmp_path,
):
    rewarded(tmp_path, first_epoch=2).start_from_current_weights(
        0.5
    )  # and stopped in its first epoch
    assert not Trainer(
        invented_decoder(), CrossEntropy(), Invented(), recipe(first_epoch=2), tmp_path
    ).resume()


def test_a_run_from_before_there_were_ways_goes_on_in_another_and_does_not_start_over(tmp_path):
    """Its checkpoints say nothing of a way: they are not of the new one, and of the old one they cannot be read."""
    decoder = invented_decoder()
    older = make_checkpoint(
        decoder, optimizer=[tf.Variable(1.0)], epoch=tf.Variable(2, dtype=tf.int64)
    )
    tf.train.CheckpointManager(older, str(tmp_path / "last"), 2).save()
    assert not Trainer(
        decoder, CrossEntropy(), Invented(), recipe(first_epoch=2), tmp_path
    ).resume()
    with pytest.raises(
        UserError, match="last/ckpt-1 is cut short, damaged, or of another model or version"
    ):
        Trainer(decoder, CrossEntropy(), Invented(), recipe(), tmp_path).resume()


@pytest.mark.parametrize("begun", [0, 2])
def test_where_all_checkpoints_are_damaged_nothing_starts_over_unasked(tmp_path, begun):
    def made():
        return Trainer(
            invented_decoder(), CrossEntropy(), Invented(), recipe(first_epoch=begun), tmp_path
        )

    made().start_from_current_weights(0.5)
    for data in (tmp_path / "last").glob("*.data*"):
        data.write_bytes(b"")
    with pytest.raises(UserError, match="last/ckpt-1 is cut short, damaged"):
        made().resume()
