"""Train one network with several workers: processes, each with its own GPU or machine.

Every worker has all weights. In each step it computes the gradients of its share of the batch. An
all-reduce adds them up, and every worker makes the same update. TensorFlow's strategy is used for
this all-reduce alone: its variables, its datasets and its loops are not.

Collective operations wait until all workers are there. So all workers must call them in the same
order. A worker that ends makes the others' operations fail; one that hangs is given up by a timer.
"""

import json
import os
import re
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from utils.errors import UserError
from utils.terminal import fail
from utils.workers import ALONE as ALONE_WORKER
from utils.workers import Worker, meet

# What TensorFlow raises if another worker ends, or cannot be reached. One that is cut off hears
# nothing for some seconds, and its deadline is exceeded.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)

Nest = Any  # a tensor, or dicts, lists and tuples of tensors


class Strategy:
    """The exchange among the workers of a training job. One that is alone waits for nobody.

    `advice` says what to do after a worker was lost.
    """

    def __init__(self, worker: Worker = ALONE_WORKER, timeout: float = 600.0) -> None:
        """`timeout` is how many seconds others are waited for."""
        self.worker = worker
        self.advice = "start all workers again with the same command"
        self._timeout = timeout
        self._asks_to_stop = False  # this worker, from the next step on
        self._is_stopping = False  # all workers, since the last step
        self._temporary: tempfile.TemporaryDirectory | None = None
        self._reduction: tf.distribute.Strategy | None = None
        self._add_up_now = tf.function(self._add_up, autograph=False)

    @property
    def is_alone(self) -> bool:
        return self.worker.number == 1

    @property
    def is_first(self) -> bool:
        """Return whether this worker scores, writes and prints."""
        return self.worker.index == 0

    def connect(self) -> None:
        """Connect with all other workers, who do the same.

        This comes before TensorFlow computes anything: its server starts with its first operation.
        """
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(self.worker.addresses)}),
            task_type="worker",
            task_id=self.worker.index,
            rpc_layer="grpc",
        )
        with self._watch("the start"):
            self._reduction = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)

    # Training.

    def make_step(self, compute: Callable[..., Any], update: Callable[[Nest], None]) -> Callable:
        """Return a training step, which takes a share of a batch and returns the loss.

        Args:
            compute: returns of its share the words, the mean loss and its gradients.
            update: changes the weights by the gradients of the whole batch.
        """

        def combine(
            words: tf.Tensor, loss: tf.Tensor, gradients: Nest, stops: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            sums = tf.nest.map_structure(lambda mean: mean * words, (loss, gradients))
            sums, all_words, all_stops = self._add_up((sums, words, stops))
            all_words = tf.maximum(all_words, 1.0)
            loss, gradients = tf.nest.map_structure(lambda total: total / all_words, sums)
            update(gradients)  # clips by the norm of all gradients
            return loss, all_stops

        # Two graphs. The first is compiled for each length of captions; the second, which has the
        # collective operation, only once.
        compute_graph = tf.function(compute, autograph=False)
        combine_graph = tf.function(combine, autograph=False)

        def step(*batch: tf.Tensor) -> tf.Tensor:
            with self._watch("a training step"):
                words, loss, gradients = compute_graph(*batch)
                stops = tf.constant(float(self._asks_to_stop))
                loss, all_stops = combine_graph(words, loss, gradients, stops)
                self._is_stopping = bool(all_stops > 0)
                return loss

        return step

    def average(self, mean: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Return the mean over all workers' words of a mean over this worker's; runs in the graph.

        All workers compile the same shapes in the same order, so this operation has the same place
        in each of them.
        """
        if self.is_alone:
            return mean
        total, all_words = self._add_up((tf.stop_gradient(mean) * words, words))
        return total / tf.maximum(all_words, 1.0)

    def _add_up(self, tensors: Nest) -> Nest:
        """Return the sums of float32 or float64 tensors over all workers; runs in the graph."""

        def reduce(own: Nest) -> Nest:
            # Copies, since a strategy reduces only what was made on its own device.
            copies = tf.nest.map_structure(tf.identity, own)
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, copies)

        return self._reduction.run(reduce, args=(tensors,))

    # Agreements between steps.

    def agree_to_stop(self, is_asked: bool, *, is_last: bool) -> bool:
        """Return whether all workers stop after this step, because one of them is asked to.

        The others learn it by the next step, or at once after the last step of an epoch.
        """
        if self.is_alone:
            return is_asked
        self._asks_to_stop = is_asked
        if is_last:
            return bool(self.gather(float(is_asked)).any())
        return self._is_stopping

    def gather(self, values: Any, *, is_patient: bool = False) -> np.ndarray:
        """Return each worker's numbers (W, …), of the same shape; all workers wait for each other.

        Where others may have much to do first, a patient worker sets no timer.
        """
        own = np.asarray(values, np.float64)
        if self.is_alone:
            return own[None]
        rows = np.zeros((self.worker.number, *own.shape))
        rows[self.worker.index] = own
        with self._watch("an agreement", is_patient=is_patient):
            return self._add_up_now(tf.constant(rows)).numpy()

    def ask_first(self, find: Callable[[], Any]) -> Any:
        """Return, on all workers, what `find` returns on worker 0: anything that JSON holds."""
        if self.is_alone:
            return find()
        found = b""
        if self.is_first:
            found = json.dumps(find()).encode()
        length = int(self.gather(len(found), is_patient=not self.is_first)[0])
        room = 1 << length.bit_length()  # a power of two, so few shapes need compiling
        characters = np.zeros(room)
        characters[: len(found)] = list(found)
        sent = self.gather(characters)[0].astype(np.uint8)
        return json.loads(sent.tobytes()[:length])

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let worker 0 run the block, and then the others, who find its files."""
        if not self.is_first:
            self.wait_for_all()
        yield
        if self.is_first:
            self.wait_for_all()

    def wait_for_all(self) -> None:
        """Wait until all workers are here, however long they take."""
        self.gather(0, is_patient=True)

    def is_equal(self, value: Any) -> bool:
        """Return whether all workers have the same value, which JSON holds."""
        return not len(self._find_different(value))

    def check_equal(self, what: str, value: Any) -> None:
        """Raise a UserError on all workers if they have different values, which JSON holds."""
        others = self._find_different(value)
        if len(others):
            raise UserError(
                f"{what} of worker {others[0]} differ from those of worker 0; "
                "give all workers the same files and versions"
            )

    def _find_different(self, value: Any) -> np.ndarray:
        """Return the workers whose value is not that of worker 0."""
        checksum = zlib.crc32(json.dumps(value, sort_keys=True).encode())
        checksums = self.gather(checksum, is_patient=True)
        return np.flatnonzero(checksums != checksums[0])

    def make_folder(self, name: str) -> Path:
        """Return a temporary folder of this name, which is removed when the process ends."""
        self._temporary = tempfile.TemporaryDirectory(prefix="worker-", ignore_cleanup_errors=True)
        return Path(self._temporary.name) / name

    def copy_from_first(self, variables: list[tf.Variable]) -> None:
        """Give all workers the values of worker 0."""
        if self.is_alone:
            return
        own = [variable * float(self.is_first) for variable in variables]
        with self._watch("the first weights"):
            for variable, value in zip(variables, self._add_up_now(own), strict=True):
                variable.assign(value)

    # Workers that are lost.

    @contextmanager
    def _watch(self, what: str, *, is_patient: bool = False) -> Iterator[None]:
        """Turn the end of another worker into a UserError, and end if all wait for too long."""
        timer = threading.Timer(self._timeout, self._give_up, [what])
        timer.daemon = True
        if not is_patient:
            timer.start()
        try:
            yield
        except _LOST as error:
            raise UserError(
                f"{_name_lost(error)} ended or cannot be reached; {self.advice}"
            ) from None
        finally:
            timer.cancel()

    def _give_up(self, what: str) -> None:
        """End this process, whose main thread waits for others and hears no exception."""
        fail(
            f"worker {self.worker.index} waited {self._timeout:g} s for the others at {what}; "
            f"{self.advice}"
        )
        if self._temporary is not None:
            self._temporary.cleanup()
        os._exit(1)


def _name_lost(error: Exception) -> str:
    """Return which worker was lost, as far as TensorFlow says."""
    found = re.search(r"/task:(\d+)", str(error))
    if found is None:
        return "another worker"
    return f"worker {found[1]}"


ALONE = Strategy()


def join(worker: Worker, *, timeout: float) -> Strategy:
    """Wait until all workers are there, and connect them."""
    if worker.number == 1:
        return ALONE
    meet(worker, timeout=timeout)
    _use_one_gpu(worker)
    strategy = Strategy(worker, timeout)
    strategy.connect()
    return strategy


def _use_one_gpu(worker: Worker) -> None:
    """Hide all GPUs but one: each worker on a machine takes the next."""
    gpus = tf.config.get_visible_devices("GPU")
    if len(gpus) < 2:
        return
    if worker.place_on_machine >= len(gpus):
        raise UserError(
            f"this machine has {len(gpus)} GPUs for more workers than that; start a worker for "
            "each GPU, or use --device cpu"
        )
    tf.config.set_visible_devices(gpus[worker.place_on_machine], "GPU")
