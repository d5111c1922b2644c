"""Training on invented features learns, repeats with a seed, and resumes exactly."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from models.search.rules import Rules
from models.training.checkpoints import list_checkpoints, load_weights, make_checkpoint
from models.training.losses import CrossEntropy, HardAttention, doubly_stochastic_penalty
from models.training.self_critical import SelfCritical
from models.training.teacher_forced_scores import TeacherForcedEvaluator
from tests.helpers.training import (
    InventedBatches,
    invented_decoder,
    make_trainer,
    read_state,
    train,
)
from utils.errors import UserError

DAMAGED = "last/ckpt-1 is damaged, or of another model or version"


def test_a_tiny_batch_is_overfitted(tmp_path):
    trainer = make_trainer(tmp_path, epochs=25)
    losses = train(trainer, scores=[float(epoch) for epoch in range(25)])
    assert losses[0][2] > 1.5
    evaluate = TeacherForcedEvaluator(trainer.decoder, top=1)
    loss, accuracy, _ = evaluate(InventedBatches().epoch(99))
    assert loss < 0.05
    assert accuracy > 0.99


def test_two_runs_with_one_seed_have_equal_losses(tmp_path):
    assert train(make_trainer(tmp_path / "a")) == train(make_trainer(tmp_path / "b"))


def test_graph_rewriting_is_off():
    """It would now and then change the order in which gradients of long captions are summed.

    That is too rare for a test of losses, but common enough for two runs of 125 steps to differ.
    """
    assert tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]


@pytest.fixture(scope="module")
def whole_losses(tmp_path_factory):
    """The losses of a run that was not stopped."""
    return train(make_trainer(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory):
    """The folder of a run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(KeyboardInterrupt):
        train(make_trainer(folder), stop=(1, 5))
    return folder


def assert_is_end_of(rest, whole):
    assert rest == whole[-len(rest) :]
    assert len(rest) < len(whole)


@pytest.mark.parametrize(("stop", "is_saved"), [((1, 3), True), ((1, 5), False), ((2, 1), False)])
def test_a_resumed_run_has_the_losses_of_a_whole_one(whole_losses, tmp_path, stop, is_saved):
    """Stopped with a save (Ctrl-C), or without one (a crash), from its last checkpoint."""
    first = make_trainer(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(first, stop=stop)
    if is_saved:
        first.save()
    second = make_trainer(tmp_path / "run")
    assert second.resume()
    assert_is_end_of(train(second), whole_losses)


CHILD = """
import sys
from pathlib import Path
from tests.helpers.training import make_trainer, train
train(make_trainer(Path(sys.argv[1]), save_every=1))
"""


@pytest.mark.slow  # starts a second TensorFlow; the tests above resume after a crash without it
def test_a_run_that_was_killed_resumes_exactly(tmp_path):
    """A process that saves at every step is killed with -9; what it left is whole and exact."""
    whole = train(make_trainer(tmp_path / "whole", save_every=1))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "run")], env=environment)
    while child.poll() is None and not list((tmp_path / "run").glob("last/ckpt-5.index")):
        pass
    child.send_signal(signal.SIGKILL)
    child.wait()
    resumed = make_trainer(tmp_path / "run", save_every=1)
    assert resumed.resume()
    assert_is_end_of(train(resumed), whole)


@pytest.mark.parametrize("damage", ["data cut short", "index gone", "list cut short"])
def test_the_checkpoint_before_a_damaged_one_is_used(whole_losses, stopped_run, tmp_path, damage):
    shutil.copytree(stopped_run, tmp_path / "run")
    last = tmp_path / "run" / "last"
    newest = max(last.glob("*.index"), key=lambda file: int(file.stem.removeprefix("ckpt-")))
    if damage == "data cut short":
        data = next(last.glob(f"{newest.stem}.data*"))
        data.write_bytes(data.read_bytes()[:100])
    elif damage == "index gone":
        newest.unlink()
    else:
        (last / "checkpoint").write_bytes(b"\xff model")
    resumed = make_trainer(tmp_path / "run")
    assert resumed.resume()
    assert_is_end_of(train(resumed), whole_losses)
    again = make_trainer(tmp_path / "run")
    assert again.resume()
    assert again.is_finished


def test_without_a_checkpoint_there_is_nothing_to_resume(tmp_path):
    assert not make_trainer(tmp_path).resume()


def test_the_best_epoch_is_saved_and_patience_ends_training(tmp_path):
    trainer = make_trainer(tmp_path, epochs=9, patience=2)
    assert trainer.best_epoch == 0
    train(trainer, scores=[0.1, 0.5, 0.4, 0.3, 0.9])
    assert trainer.epoch == 4
    assert trainer.best == 0.5
    assert trainer.best_epoch == 2
    best = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / "best")))
    last = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / "last")))
    name = next(name for name in best.get_variable_to_shape_map() if "decoder/0" in name)
    assert np.abs(best.get_tensor(name) - last.get_tensor(name)).max() > 0


def test_a_loss_that_is_not_finite_stops_training(tmp_path):
    trainer = make_trainer(tmp_path, batches=InventedBatches(is_bad=True))
    with pytest.raises(UserError, match="loss is nan at step 1 of epoch 1") as error:
        train(trainer)
    assert "--learning-rate than 0.02 or --clip than 5.0" in str(error.value)


def test_padding_and_empty_captions_do_not_count():
    """A batch with empty captions of an empty photo has the loss of the batch without them."""
    evaluate = TeacherForcedEvaluator(invented_decoder())
    features, tokens = next(InventedBatches().epoch(0))
    filled_features = tf.concat([features, tf.zeros_like(features)], 0)
    filled_tokens = tf.concat([tokens, tf.zeros_like(tokens)], 0)
    filled = evaluate([(filled_features, filled_tokens)])
    assert filled[:2] == pytest.approx(evaluate([(features, tokens)])[:2], rel=1e-5)


def test_the_penalty_spreads_attention_and_is_not_reported(tmp_path):
    penalties = {}
    for weight in (0.0, 20.0):
        trainer = make_trainer(tmp_path / str(weight), objective=CrossEntropy(weight), epochs=6)
        rows = []
        while not trainer.is_finished:
            rows.append(trainer.train_epoch(lambda *_: None))
            trainer.finish_epoch(-rows[-1]["loss"])
        assert rows[0]["loss"] < 3.0  # of eight words, whatever the penalty
        features, tokens = next(iter(InventedBatches().epoch(9)))
        _, attention = trainer.decoder(features, tokens[:, :-1])
        penalties[weight] = float(doubly_stochastic_penalty(attention, tokens[:, 1:]))
    equal_shares = 4 * (1 - 3 / 4) ** 2 / 3  # three words look at four locations alike
    assert penalties[20.0] == pytest.approx(equal_shares, abs=0.01)
    assert penalties[0.0] > penalties[20.0] + 0.02


def make_hard_trainer(folder, **changes):
    decoder = invented_decoder("lstm", attention="hard")
    return make_trainer(folder, decoder=decoder, objective=HardAttention(0.1), **changes)


def make_luong_trainer(folder, **changes):
    return make_trainer(folder, decoder=invented_decoder("luong"), **changes)


def reward_the_kind(photos, captions):
    """Return 1 for a caption with the word of the photo's kind, 0 otherwise."""
    return (captions == 4 + photos[:, None, None]).any(axis=2).astype(float)


def make_self_critical_trainer(folder, **changes):
    """Self-critical training of a decoder with random weights."""
    decoder = invented_decoder()
    rules = Rules(2, 3, (0, 1, 2), max_length=3)
    objective = SelfCritical(decoder, reward_the_kind, rules, seed=0)
    batches = InventedBatches(photos=8)
    return make_trainer(folder, decoder=decoder, objective=objective, batches=batches, **changes)


def has_lower_loss(first, last):
    return last["loss"] < first["loss"] - 0.5


def has_higher_reward(first, last):
    return first["reward"] < 0.7 and last["reward"] > 0.95


@pytest.mark.parametrize(
    ("make", "epochs", "is_better"),
    [
        (make_hard_trainer, 3, has_lower_loss),
        (make_luong_trainer, 3, has_lower_loss),
        (make_self_critical_trainer, 6, has_higher_reward),
    ],
    ids=["hard", "luong", "scst"],
)
def test_other_objectives_learn_and_resume_exactly(tmp_path, make, epochs, is_better):
    """The run's folder, copied in its last epoch after the third step, holds the second step.

    From there come the same losses and the same figures of the whole epoch. The trainer that went
    on restores the copy as a new one does; a new one would have to compile its steps first.
    """
    folder, losses = tmp_path / "run", []
    trainer = make(folder, epochs=epochs)

    def progress(step, steps, loss):
        losses.append((trainer.epoch, step, loss))
        is_last = (trainer.epoch, step) == (epochs - 1, 3)
        if is_last and not (tmp_path / "copy").exists():
            shutil.copytree(folder, tmp_path / "copy")

    def train_to_the_end():
        losses.clear()
        rows = []
        while not trainer.is_finished:
            row = trainer.train_epoch(progress)
            trainer.finish_epoch(float(trainer.epoch))
            rows.append({name: value for name, value in row.items() if "seconds" not in name})
        return rows, list(losses)

    rows, all_losses = train_to_the_end()
    assert len({loss for *_, loss in all_losses}) == 6 * epochs
    assert is_better(rows[0], rows[-1])
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    new = make(tmp_path / "copy", epochs=epochs)
    for each in (trainer, new):
        assert each.resume()
    for one, other in zip(read_state(trainer), read_state(new), strict=True):
        np.testing.assert_array_equal(one, other)
    assert train_to_the_end() == (rows[-1:], all_losses[-4:])


def test_a_second_phase_starts_from_the_current_weights(tmp_path):
    """It resumes no checkpoint of the first phase; its first weights are the best until beaten."""
    first = make_trainer(tmp_path, epochs=2)
    for score in (0.9, 0.8):
        first.finish_epoch(score)
    kernel = first.decoder.words.kernel

    def make_second():
        return make_trainer(tmp_path, decoder=first.decoder, epochs=4, first_epoch=2, warmup=0)

    def read_best():
        (path,) = list_checkpoints(tmp_path / "best")
        shapes = tf.train.list_variables(path)
        name = next(name for name, shape in shapes if shape == list(kernel.shape))
        return path.rpartition("-")[2], tf.train.load_variable(path, name)[0, 0]

    second = make_second()
    assert not second.resume()
    assert second.epoch == 0
    kernel.assign(kernel * 0 + 7)
    second.start_from_current_weights(0.25)
    assert (second.epoch, second.best, second.is_finished) == (2, 0.25, False)
    assert read_best() == ("2", 7)

    resumed = make_second()
    assert resumed.resume()
    assert (resumed.epoch, resumed.best) == (2, 0.25)
    optimizer = resumed.optimizers["decoder"]
    rates = []
    for step in (0, 12):  # its own two epochs of six steps
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.02, 0.0002])

    kernel.assign(kernel * 0 + 8)
    assert not resumed.finish_epoch(0.25)
    assert (resumed.best, read_best()) == (0.25, ("2", 7))
    kernel.assign(kernel * 0 + 9)
    assert resumed.finish_epoch(0.26)
    assert (resumed.epoch, resumed.best, resumed.is_finished) == (4, 0.26, True)
    assert read_best() == ("4", 9)
    again = make_second()
    assert again.resume()
    assert (again.epoch, again.best) == (4, 0.26)


def test_a_phase_resumes_none_with_another_objective(tmp_path):
    rewarded = make_self_critical_trainer(tmp_path, first_epoch=2)
    rewarded.start_from_current_weights(0.5)
    assert not make_trainer(tmp_path, first_epoch=2).resume()


@pytest.mark.parametrize("first_epoch", [0, 2])
def test_a_checkpoint_without_a_phase_is_rejected(tmp_path, first_epoch):
    """It is of another version: to start over would lose what it has learned."""
    decoder = invented_decoder()
    epoch = tf.Variable(2, dtype=tf.int64)
    older = make_checkpoint(decoder, optimizer=[tf.Variable(1.0)], epoch=epoch)
    tf.train.CheckpointManager(older, str(tmp_path / "last"), 2).save()
    with pytest.raises(UserError, match=DAMAGED):
        make_trainer(tmp_path, decoder=decoder, first_epoch=first_epoch).resume()


@pytest.mark.parametrize("first_epoch", [0, 2])
def test_a_run_with_only_damaged_checkpoints_is_rejected(tmp_path, first_epoch):
    """It does not start over."""
    make_trainer(tmp_path, first_epoch=first_epoch).start_from_current_weights(0.5)
    for data in (tmp_path / "last").glob("*.data*"):
        data.write_bytes(b"")
    with pytest.raises(UserError, match=DAMAGED):
        make_trainer(tmp_path, first_epoch=first_epoch).resume()


def read_weights(decoder):
    return [weight.numpy() for weight in decoder.weights]


def load_best(folder):
    """Return the weights of the best epoch."""
    decoder = invented_decoder()
    load_weights(decoder, folder / "best")
    return read_weights(decoder)


def test_the_kept_weights_are_a_mean_of_the_first_and_the_trained_ones(tmp_path):
    trainer = make_trainer(tmp_path, keep=0.25)
    first = read_weights(trainer.decoder)
    trainer.train_epoch(lambda *_: None)
    trained = read_weights(trainer.decoder)
    mean = [0.25 * one + 0.75 * other for one, other in zip(first, trained, strict=True)]
    with trainer.use_kept_weights():
        np.testing.assert_allclose(read_weights(trainer.decoder)[0], mean[0], rtol=1e-6)
    assert trainer.finish_epoch(0.5)
    for found, expected in zip(load_best(tmp_path), mean, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    for found, expected in zip(read_weights(trainer.decoder), trained, strict=True):
        np.testing.assert_array_equal(found, expected)  # training goes on from these


def test_without_a_share_to_keep_the_trained_weights_are_kept(tmp_path):
    trainer = make_trainer(tmp_path)
    trainer.train_epoch(lambda *_: None)
    trained = read_weights(trainer.decoder)
    trainer.finish_epoch(0.5)
    for found, expected in zip(load_best(tmp_path), trained, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_first_weights_are_those_that_training_starts_from(tmp_path):
    """A phase loads its weights after its trainer is made."""
    trainer = make_trainer(tmp_path, keep=0.5)
    bias = trainer.decoder.words.bias
    bias.assign(bias + 3)
    trainer.start_from_current_weights(0.1)
    with trainer.use_kept_weights():
        np.testing.assert_allclose(bias.numpy(), 3, rtol=1e-6)


def test_a_resumed_run_keeps_its_share_of_the_first_weights(whole_losses, tmp_path):
    whole = make_trainer(tmp_path / "whole", keep=0.5)
    assert train(whole) == whole_losses  # what is kept does not change what is trained
    with pytest.raises(KeyboardInterrupt):
        train(make_trainer(tmp_path / "run", keep=0.5), stop=(1, 5))
    decoder = invented_decoder()
    decoder.words.bias.assign(decoder.words.bias + 1)  # a resumed run is built with other weights
    resumed = make_trainer(tmp_path / "run", decoder=decoder, keep=0.5)
    assert resumed.resume()
    train(resumed)
    for one, other in zip(load_best(tmp_path / "run"), load_best(tmp_path / "whole"), strict=True):
        np.testing.assert_array_equal(one, other)
