"""Optimization of the pixels of an image, and checkpoints of its state.

L-BFGS is SciPy's `L-BFGS-B`, which wraps the code of Zhu, Byrd, Lu and Nocedal
(1997). It has a line search that satisfies the strong Wolfe conditions, and its
memory lasts from the first iteration to the last. The loss and its gradient,
which take most of the time, are one compiled TensorFlow graph.
"""

import contextlib
import io
import json
import logging
import os
import time
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.extras import describe_installation
from kcv.storage import write_whole

_LOG = logging.getLogger(__name__)
METHODS = ("lbfgs", "adam")

#: Function from an image (1, H, W, 3), RGB in [0, 255], to named terms, whose
#: sum is minimized.
Losses = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


class Optimized(NamedTuple):
    """Result of an optimization.

    Attributes:
        image: Image with the minimum loss, (1, H, W, 3) float32.
        history: Dict of lists with the losses at every evaluation, by name, and
            "total_loss".
        seconds: Duration of every evaluation in seconds, including the work of
            the solver before it.
    """

    image: np.ndarray
    history: dict[str, list[float]]
    seconds: list[float]


class NotFinite(FloatingPointError):
    """Error that is raised if the loss or its gradient is NaN or infinite.

    Attributes:
        message: Text of the error.
        best: Best result before the error, `Optimized`. It is an attribute,
            too.
    """

    def __init__(self, message: str, best: Optimized):
        super().__init__(message)
        self.best = best


class Checkpoint(NamedTuple):
    """File and interval of the checkpoints of an optimization.

    Attributes:
        file: Path of the state, .npz.
        settings: All settings that the losses depend on. A file with other
            settings is not resumed.
        every: Number of evaluations between two writes. Defaults to 25.
    """

    file: Path
    settings: dict
    every: int = 25


def optimize_image(
    losses: Losses,
    start: ArrayLike,
    iterations: int,
    *,
    method: str = "lbfgs",
    learning_rate: float = 10.0,
    memory: int = 10,
    checkpoint: Checkpoint | None = None,
    watch: Callable[[int, np.ndarray], None] | None = None,
    verbose: bool = True,
) -> Optimized:
    """Change the pixels of an image until its losses are low.

    Args:
        losses: Function to minimize, see `Losses`. It is compiled.
        start: Image that the optimization starts from, (1, H, W, 3).
        iterations: Number of evaluations of the losses and their gradient,
            including those of line searches, as neural-style counts.
        method: "lbfgs" or "adam". Defaults to "lbfgs".
        learning_rate: Learning rate of Adam, in gray levels. Defaults to 10.
        memory: Number of steps that L-BFGS stores. Defaults to 10.
        checkpoint: File and interval of checkpoints. If the file exists, the
            optimization resumes from it. Adam restores its full state. L-BFGS
            restarts from the best image, because SciPy does not expose its
            memory. If the disk is full, checkpoints are skipped and the
            optimization continues. If None, nothing is written. Defaults to
            None.
        watch: Function of the number of evaluations and the best image (1, H,
            W, 3). It is called after each checkpoint, or after each evaluation
            if there are no checkpoints. If None, nothing is called. Defaults to
            None.
        verbose: Whether to show a progress bar. Defaults to True.

    Returns:
        `Optimized`: the best image, neither clipped nor rounded, and the
        losses.

    Raises:
        ValueError: If `method` is unknown, `iterations` or `every` is below 1,
            or the checkpoint has other settings.
        NotFinite: If a loss is NaN or infinite. The best image is in the
            checkpoint, and Adam resumes from it when it is called again.
        ImportError: If `method` is "lbfgs" and SciPy is not installed.

    Example:

    ```python
    found = optimize_image(losses, content, iterations=300)
    ```
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {METHODS}. Received: method={method!r}"
        )
    every = checkpoint.every if checkpoint else 1
    if iterations < 1 or every < 1:
        raise ValueError(
            "`iterations` and `every` must be at least 1. Received: "
            f"iterations={iterations}, every={every}"
        )
    run = _Run(losses, np.asarray(start), iterations, checkpoint, watch)
    if verbose:
        run.bar = keras.utils.Progbar(iterations, unit_name="iteration")
    try:
        if method == "lbfgs":
            _lbfgs(run, memory)
        else:
            _adam(run, learning_rate)
    except _Done:
        pass
    run.keep()
    return run.found


class _Done(Exception):
    """Exception that ends the solver after the last evaluation."""


class _Run:
    """Evaluate losses one after another, and keep the results."""

    def __init__(self, losses, start, iterations, checkpoint, watch):
        self.iterations = iterations
        self.checkpoint = checkpoint
        self.watch = watch
        self.bar = None
        self.best, self.least = start.astype("float32"), np.inf
        self.history, self.seconds = {}, []
        self.solver = dict  # function that returns arrays, the state of Adam
        self.resumed = {}  # the state of Adam from the checkpoint
        self._resume()

        @tf.function
        def evaluate(image):
            with tf.GradientTape() as tape:
                tape.watch(image)
                terms = losses(image)
                terms = {k: tf.reduce_sum(x) for k, x in terms.items()}
                total = tf.add_n([*terms.values()])
            return terms, total, tape.gradient(total, image)

        self._evaluate = evaluate
        self._before = time.perf_counter()

    @property
    def count(self):
        return len(self.seconds)

    @property
    def found(self):
        return Optimized(self.best, self.history, self.seconds)

    def __call__(self, image):
        """Evaluate the losses of an image (1, H, W, 3)."""
        if self.count >= self.iterations:
            raise _Done
        image = np.asarray(image, "float32")
        terms, total, gradient = self._evaluate(tf.constant(image))
        total, gradient = float(total), gradient.numpy()
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            self.solver = dict  # Adam's state would lead to NaN again
            self.keep()
            best = f"the best image so far has loss {self.least:.4g}"
            raise NotFinite(
                f"the loss or its gradient is not finite (loss {total}) at "
                f"evaluation {self.count + 1}; "
                f"{best if self.count else 'there is no image before it'}. "
                "Lower the weights or the learning rate",
                self.found,
            )
        values = {name: float(term) for name, term in terms.items()}
        values["total_loss"] = total
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        if total < self.least:
            self.best, self.least = image, total
        now = time.perf_counter()
        self.seconds.append(now - self._before)
        self._before = now
        if self.bar is not None:
            self.bar.stateful_metrics = set(values)  # not averaged
            self.bar.update(self.count, [*values.items()])
        return total, gradient

    def pause(self):
        """Write a checkpoint and call `watch`, if it is time to."""
        if self.checkpoint is None:
            self.show()
        elif self.count % self.checkpoint.every == 0:
            self.keep()

    def keep(self):
        """Write a checkpoint, and call `watch`."""
        if self.checkpoint is None or not self.count:
            return
        settings = json.dumps(self.checkpoint.settings, sort_keys=True)
        arrays = {f"history/{k}": v for k, v in self.history.items()}
        arrays |= {f"solver/{k}": v for k, v in self.solver().items()}
        buffer = io.BytesIO()
        np.savez(
            buffer,
            settings=settings,
            best=self.best,
            seconds=self.seconds,
            **arrays,
        )
        with _disk_may_be_full("the state"):
            write_whole(self.checkpoint.file, buffer.getvalue())
        self.show()

    def show(self):
        """Call `watch` with the best image."""
        if self.watch is not None:
            with _disk_may_be_full("a picture"):
                self.watch(self.count, self.best)

    def _resume(self):
        if self.checkpoint is None or not self.checkpoint.file.exists():
            return
        arrays = _read_state(self.checkpoint.file)
        settings = json.loads(str(arrays["settings"]))
        if settings != json.loads(json.dumps(self.checkpoint.settings)):
            raise ValueError(
                f"{os.fspath(self.checkpoint.file)} is of other settings: "
                f"{settings}, not {self.checkpoint.settings}. Choose "
                "another folder, or remove it"
            )
        for key, array in arrays.items():
            kind, _, name = key.partition("/")
            if kind == "history":
                self.history[name] = array.tolist()
            elif kind == "solver":
                self.resumed[name] = array
        self.best = arrays["best"]
        self.seconds = arrays["seconds"].tolist()
        self.least = min(self.history["total_loss"])


def _read_state(file):
    """Read all arrays of a checkpoint."""
    try:
        # NumPy does not close a file that it cannot read.
        with open(file, "rb") as content, np.load(content) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # NumPy and zipfile raise many types
        raise ValueError(
            f"{os.fspath(file)} is damaged: {error}. Remove it, and the "
            "optimization begins again"
        ) from error


@contextlib.contextmanager
def _disk_may_be_full(what):
    """Continue if a file cannot be written: the optimization is worth more."""
    try:
        yield
    except OSError as error:
        _LOG.warning("%s was not written: %s", what, error)


def _lbfgs(run, memory):
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError(
            f"L-BFGS needs SciPy. {describe_installation('style')}"
        ) from error
    shape = run.best.shape

    def evaluate(x):
        total, gradient = run(x.reshape(shape))
        run.pause()
        return total, gradient.astype("float64").ravel()

    limits = {"maxfun": np.inf, "maxiter": np.inf, "ftol": 0, "gtol": 0}
    while True:
        before = run.least
        minimize(
            evaluate,
            run.best.astype("float64").ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxcor": memory, **limits},
        )
        # A line search may end because float32 rounds. Then L-BFGS restarts,
        # unless the image has not improved since the last start.
        if not run.least < before:
            return


def _adam(run, learning_rate):
    image = keras.Variable(run.best, trainable=True)
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build([image])
    state = [image, *optimizer.variables]
    for number, array in run.resumed.items():
        state[int(number)].assign(array)
    optimizer.learning_rate = learning_rate  # it may differ from the checkpoint
    run.solver = lambda: {str(n): x.numpy() for n, x in enumerate(state)}
    step = tf.function(lambda gradient: optimizer.apply([gradient]))
    while True:
        _, gradient = run(image.numpy())
        step(tf.constant(gradient))
        run.pause()
