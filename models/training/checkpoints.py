"""Weights to disk and back, as tf.train checkpoints of plain variables, with errors that people can read."""

from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from utils.errors import UserError


class Trainable(Protocol):
    """What is trained: a decoder, or a classifier."""

    def parts(self) -> dict[str, keras.Model]:
        """The networks in it, by the names under which a checkpoint holds them."""


def raw_variables(variables: list[keras.Variable]) -> list[tf.Variable]:
    """The TensorFlow variables under Keras' own. A model's list holds its random generators' states as well, which
    `tf.train.Checkpoint(model)` would leave out, making a resumed run differ where there is dropout."""
    return [variable.value for variable in variables]


def restore(checkpoint: tf.train.Checkpoint, path: str, *, whole: bool) -> None:
    """Read `path` into the variables of `checkpoint`; with `whole`, every stored value must find its place."""
    try:
        status = checkpoint.restore(path)
        if whole:
            status.assert_consumed()
        else:
            status.assert_existing_objects_matched().expect_partial()
    except (tf.errors.OpError, ValueError, AssertionError, IndexError) as error:
        reason = str(error).splitlines()[0][:160]
        raise UserError(
            f"checkpoint {path} is cut short, damaged, or of another model or version ({reason}); restore it from "
            "a copy, or train again"
        ) from None


def list_checkpoints(folder: Path) -> list[str]:
    """The checkpoints that lie in a folder, the newest first, whatever TensorFlow's own list there says."""
    found = {
        int(file.stem.removeprefix("ckpt-")): str(file.with_suffix(""))
        for file in folder.glob("ckpt-*.index")
    }
    return [found[number] for number in sorted(found, reverse=True)]


def read_text(path: str, name: str) -> str | None:
    """The text that a checkpoint holds under a name, empty where it holds none; None where it cannot be read."""
    key = f"{name}/.ATTRIBUTES/VARIABLE_VALUE"
    try:
        held = tf.train.load_checkpoint(path)
        return held.get_tensor(key).decode() if held.has_tensor(key) else ""
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError):
        return None


def open_manager(
    checkpoint: tf.train.Checkpoint, folder: Path, *, keep: int
) -> tf.train.CheckpointManager:
    """A manager of the folder; a list of checkpoints that was damaged there is begun anew."""
    try:
        return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)
    except ValueError:  # of which UnicodeDecodeError is one
        (folder / "checkpoint").unlink()
        return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)


def load_weights(decoder: Trainable, folder: Path) -> None:
    """Give a decoder, or a classifier, the weights of the newest checkpoint in `folder` (a run's best or last)."""
    found = list_checkpoints(folder)
    if not found and folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"the checkpoint in {folder} is damaged: its .index file is gone; restore it from a copy, or train "
            "again"
        )
    if not found:
        raise UserError(
            f"{folder.parent} has no {folder.name} checkpoint: its training was stopped before its first "
            "epoch ended; go on with --resume"
        )
    restore(make_checkpoint(decoder), found[0], whole=False)


def make_checkpoint(decoder: Trainable, **more: Any) -> tf.train.Checkpoint:
    """A checkpoint that holds the decoder, the encoder if it is trained too, and what else is named."""
    return tf.train.Checkpoint(
        **{name: raw_variables(part.variables) for name, part in decoder.parts().items()}, **more
    )


def load_encoder_weights(network: keras.Model, folder: Path) -> None:
    """Give an encoder's network the weights that were trained with the decoder of the newest checkpoint in `folder`."""
    found = list_checkpoints(folder)
    if not found:
        raise UserError(
            f"no checkpoint in {folder}, from which the encoder was to come; give a .weights.h5 file, or a run "
            "that was trained with --finetune-encoder or as a classifier"
        )
    if read_text(found[0], "way") is not None and not any(
        name.startswith("encoder/") for name, _ in tf.train.list_variables(found[0])
    ):
        raise UserError(
            f"{folder.parent} has no encoder of its own: it was not trained with --finetune-encoder; give what it "
            "took its own from"
        )
    restore(tf.train.Checkpoint(encoder=raw_variables(network.variables)), found[0], whole=False)
