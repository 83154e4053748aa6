"""Drawing of confusion matrices."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kcv.visualize.figure import new_figure

MOST_COUNTS = 20  # maximum number of classes with legible counts


def confusion_figure(
    matrix: np.ndarray, class_names: Sequence[str] | None = None
) -> Figure:
    """Draw a confusion matrix, with each row as shares of its true class.

    Args:
        matrix: Counts (classes, classes) with a row for each true class, such
            as the result of `tf.math.confusion_matrix`.
        class_names: Names of the classes. If None, they are numbered. Defaults
            to None.

    Returns:
        Matplotlib figure. Counts and names are written for up to 20 classes.

    Raises:
        ValueError: If the matrix is not square, or the number of names is
            wrong.

    Example:

    ```python
    labels, scores = kcv.metrics.collect_scores(model, test)
    confusion_figure(tf.math.confusion_matrix(labels, scores.argmax(-1)))
    ```
    """
    matrix = np.asarray(matrix)
    classes = len(matrix)
    if matrix.shape != (classes, classes):
        raise ValueError(
            f"`matrix` must be square. Received: shape {matrix.shape}"
        )
    names = range(classes) if class_names is None else class_names
    if len(names) != classes:
        raise ValueError(
            f"`class_names` must have {classes} names, one for each class. "
            f"Received: {len(names)} names"
        )
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = min(2.8 + 0.35 * classes, 5.4)
    figure = new_figure(side + 0.6, side)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    if classes <= MOST_COUNTS:
        labels = [str(name).replace("$", r"\$") for name in names]
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=8)
        axes.set_yticks(range(classes), labels, fontsize=8)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                axes.text(
                    column,
                    row,
                    f"{count}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if shares[row, column] > 0.5 else "black",
                )
    return figure
