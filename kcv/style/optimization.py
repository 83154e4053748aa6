"""A picture that is optimized, pixel by pixel, and the state that is kept.

L-BFGS is SciPy's `L-BFGS-B`, which wraps the code of Zhu, Byrd, Lu and Nocedal
(1997): with a line search that holds the strong Wolfe conditions, and with one
memory from the first iteration to the last. What costs time, the loss and its
gradient, is one compiled TensorFlow graph.
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

from kcv.extras import describe_installation
from kcv.storage import write_whole

_LOG = logging.getLogger(__name__)
METHODS = ("lbfgs", "adam")

#: Of a picture (1, H, W, 3), RGB 0..255: named terms, whose sum is minimized.
Losses = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


class Optimized(NamedTuple):
    """What an optimization has found.

    Attributes:
        image: (1, H, W, 3) float32, the one with the least loss.
        history: of every evaluation of the losses, by name, and "total_loss".
        seconds: of every evaluation, with what the solver did before it.
    """

    image: np.ndarray
    history: dict[str, list[float]]
    seconds: list[float]


class NotFinite(FloatingPointError):
    """The loss or its gradient became NaN or infinite.

    Attributes:
        best: what had been found before, `Optimized`.
    """

    def __init__(self, message: str, best: Optimized):
        super().__init__(message)
        self.best = best


class Checkpoint(NamedTuple):
    """Where and how often the state of an optimization is kept.

    Attributes:
        file: of the state, .npz.
        settings: all that the losses hang on; a file of others is not resumed.
        every: evaluations between two writings.
    """

    file: Path
    settings: dict
    every: int = 25


def optimize_image(
    losses: Losses,
    start,
    iterations: int,
    *,
    method: str = "lbfgs",
    learning_rate: float = 10.0,
    memory: int = 10,
    checkpoint: Checkpoint | None = None,
    watch: Callable[[int, np.ndarray], None] | None = None,
    verbose: bool = True,
) -> Optimized:
    """Change a picture until its losses are low.

    Args:
        losses: function to minimize; it is compiled.
        start: (1, H, W, 3), the picture to begin with.
        iterations: evaluations of the losses and their gradient, those of line
            searches included, as neural-style counts.
        method: "lbfgs" or "adam".
        learning_rate: of Adam, in gray levels.
        memory: steps that L-BFGS remembers.
        checkpoint: where the state is kept; a state that is there is gone on
            from. Of Adam it is the whole state; L-BFGS goes on from its best
            picture and gathers its memory anew, which SciPy keeps to itself.
            A disk that is full costs what is kept, not the optimization.
        watch: function of the number of evaluations and the best picture,
            called whenever the state is kept, or else after each evaluation.
        verbose: whether to show a progress bar.

    Returns:
        The best picture, neither clipped nor rounded, and the losses.

    Raises:
        ValueError: if `method` is neither, `iterations` or `every` below 1, or
            the checkpoint of other settings.
        NotFinite: if a loss is NaN or infinite; the best picture has been
            kept, and Adam, called again, goes on from there.
        ImportError: for L-BFGS without `kcv[style]`.

    Example:

    ```python
    found = optimize_image(losses, content, iterations=300)
    ```
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}. Received: {method}")
    every = checkpoint.every if checkpoint else 1
    if iterations < 1 or every < 1:
        raise ValueError(
            "iterations and every must be 1 or more. Received: "
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
    """All evaluations have been made."""


class _Run:
    """Evaluations one after another, and what they have found."""

    def __init__(self, losses, start, iterations, checkpoint, watch):
        self.iterations = iterations
        self.checkpoint = checkpoint
        self.watch = watch
        self.bar = None
        self.best, self.least = start.astype("float32"), np.inf
        self.history, self.seconds = {}, []
        self.solver = dict  # gives arrays, the state of Adam
        self.resumed = {}  # the state of Adam before
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
        """Evaluate the losses of a picture (1, H, W, 3)."""
        if self.count >= self.iterations:
            raise _Done
        image = np.asarray(image, "float32")
        terms, total, gradient = self._evaluate(tf.constant(image))
        total, gradient = float(total), gradient.numpy()
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            self.solver = dict  # it would lead here again
            self.keep()
            best = f"the best picture so far has loss {self.least:.4g}"
            raise NotFinite(
                f"the loss or its gradient is not finite (loss {total}) at "
                f"evaluation {self.count + 1}; "
                f"{best if self.count else 'no picture came before'}. Lower "
                "the weights or the learning rate",
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
        """Keep the state and show the best picture, if it is time to."""
        if self.checkpoint is None:
            self.show()
        elif self.count % self.checkpoint.every == 0:
            self.keep()

    def keep(self):
        """Write the state, and show the best picture to whoever watches."""
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
        """Show the best picture to whoever watches."""
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
    """Read all arrays of a state."""
    try:
        # NumPy leaves a file open that it cannot read.
        with open(file, "rb") as content, np.load(content) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # NumPy and zipfile raise a dozen kinds
        raise ValueError(
            f"{os.fspath(file)} is damaged: {error}. Remove it, and the "
            "optimization begins again"
        ) from error


@contextlib.contextmanager
def _disk_may_be_full(what):
    """Go on without: the optimization is worth more than what it leaves."""
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
        # A line search may end where float32 rounds; then all begins anew,
        # unless the picture is as good as it gets.
        if not run.least < before:
            return


def _adam(run, learning_rate):
    image = keras.Variable(run.best, trainable=True)
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build([image])
    state = [image, *optimizer.variables]
    for number, array in run.resumed.items():
        state[int(number)].assign(array)
    optimizer.learning_rate = learning_rate  # another, perhaps, than before
    run.solver = lambda: {str(n): x.numpy() for n, x in enumerate(state)}
    step = tf.function(lambda gradient: optimizer.apply([gradient]))
    while True:
        _, gradient = run(image.numpy())
        step(tf.constant(gradient))
        run.pause()
