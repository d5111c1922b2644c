"""Save and load weights as tf.train checkpoints, with errors that people can read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from utils.errors import UserError

_READ_ERRORS = (tf.errors.OpError, ValueError, RuntimeError, IndexError)  # of damaged files


class Trainable(Protocol):
    """A decoder or a classifier."""

    def parts(self) -> dict[str, keras.Model]:
        """Return its networks by the names under which a checkpoint holds them."""


def raw_variables(variables: Sequence[keras.Variable]) -> list[tf.Variable]:
    """Return the TensorFlow variables under Keras' own.

    A model's list includes the states of its random generators. `tf.train.Checkpoint(model)`
    would omit them, and a resumed run with dropout would differ.
    """
    return [variable.value for variable in variables]


def make_checkpoint(network: Trainable, **more: Any) -> tf.train.Checkpoint:
    """Make a checkpoint of all parts of a decoder or classifier, and of `more` by name."""
    parts = {name: raw_variables(part.variables) for name, part in network.parts().items()}
    return tf.train.Checkpoint(**parts, **more)


def open_manager(
    checkpoint: tf.train.Checkpoint, folder: Path, *, keep: int
) -> tf.train.CheckpointManager:
    """Open a manager of a folder; a damaged list of its checkpoints is deleted first."""
    try:
        return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)
    except ValueError:  # includes UnicodeDecodeError
        (folder / "checkpoint").unlink()
        return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)


def list_checkpoints(folder: Path) -> list[str]:
    """Return the checkpoints that lie in a folder, the newest first.

    TensorFlow's own list there is not read: it may be damaged.
    """
    found = {
        int(file.stem.removeprefix("ckpt-")): str(file.with_suffix(""))
        for file in folder.glob("ckpt-*.index")
    }
    return [found[number] for number in sorted(found, reverse=True)]


def restore(checkpoint: tf.train.Checkpoint, path: str, *, whole: bool) -> None:
    """Read a file into the variables of `checkpoint`.

    With `whole`, every value in the file must belong to one of them.
    """
    try:
        status = checkpoint.restore(path)
        if whole:
            status.assert_consumed()
        else:
            status.assert_existing_objects_matched().expect_partial()
    except (*_READ_ERRORS, AssertionError) as error:
        reason = str(error).splitlines()[0][:160]
        raise UserError(
            f"checkpoint {path} is damaged, or of another model or version ({reason}); "
            "restore it from a copy, or train again"
        ) from None


def read_text(path: str, name: str) -> str | None:
    """Return the text variable of this name in a checkpoint; None where it cannot be read."""
    try:
        reader = tf.train.load_checkpoint(path)
        return reader.get_tensor(f"{name}/.ATTRIBUTES/VARIABLE_VALUE").decode()
    except _READ_ERRORS:
        return None


def load_weights(network: Trainable, folder: Path) -> None:
    """Give a decoder or classifier the weights of the newest checkpoint in `folder`."""
    found = list_checkpoints(folder)
    if not found and folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"the checkpoint in {folder} is damaged: it has no .index file; "
            "restore it from a copy, or train again"
        )
    if not found:
        raise UserError(
            f"{folder.parent} has no {folder.name} checkpoint: its training was stopped before "
            "the first epoch ended; continue it with --resume"
        )
    restore(make_checkpoint(network), found[0], whole=False)


def save_encoder_weights(network: keras.Model, folder: Path) -> None:
    """Write an encoder's weights as the checkpoint that `load_encoder_weights` reads."""
    checkpoint = tf.train.Checkpoint(encoder=raw_variables(network.variables))
    checkpoint.save(str(folder / "ckpt"))


def load_encoder_weights(network: keras.Model, folder: Path) -> None:
    """Give an encoder's network the weights that were trained in the run of `folder`."""
    found = list_checkpoints(folder)
    if not found:
        raise UserError(
            f"no checkpoint with an encoder in {folder}; give a .weights.h5 file, or a run that "
            "was trained with --finetune-encoder or as a classifier"
        )
    if _has_no_encoder(found[0]):
        raise UserError(
            f"{folder.parent} has no encoder of its own: it was not trained with "
            "--finetune-encoder; give the weights that it used"
        )
    restore(tf.train.Checkpoint(encoder=raw_variables(network.variables)), found[0], whole=False)


def _has_no_encoder(path: str) -> bool:
    """Return whether a checkpoint can be read and holds no encoder."""
    try:
        names = [name for name, _ in tf.train.list_variables(path)]
    except _READ_ERRORS:
        return False
    return not any(name.startswith("encoder/") for name in names)
