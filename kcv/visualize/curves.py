"""Curves of training and of precision over recall."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kcv.visualize.figure import new_figure

if TYPE_CHECKING:  # `kcv.metrics` imports Keras; drawing need not
    from kcv.metrics.face_detection import FalsePositiveCurve
    from kcv.metrics.voc import PrecisionRecall


def precision_recall_figure(
    curves: Mapping[int, "PrecisionRecall"],
    class_names: Sequence[str] | None = None,
    average_precision: Mapping[int, float] | None = None,
) -> Figure:
    """Draw precision over recall, one line per class.

    Args:
        curves: Curves of each class, as `kcv.metrics.precision_recall` returns
            them. Classes without positives are left out.
        class_names: Names of the labels. If None, the labels are written as
            numbers. Defaults to None.
        average_precision: Average precision of each label, `{label: float}`,
            which is written into the legend. Defaults to None.

    Returns:
        Matplotlib figure.

    Example:

    ```python
    curves = kcv.metrics.precision_recall(ground_truth, detections)
    precision_recall_figure(curves).savefig("precision_recall.png")
    ```
    """
    figure = new_figure(7, 4.2)
    axes = figure.add_subplot()
    shown = [label for label, curve in curves.items() if curve.positives]
    for label in shown:
        curve = curves[label]
        name = str(label) if class_names is None else str(class_names[label])
        if average_precision is not None:
            name = f"{name}  {average_precision[label]:.3f}"
        # Begin at recall 0; a class that nothing was found of stays there.
        recall = np.concatenate([[0], curve.recall])
        precision = np.concatenate([curve.precision[:1], curve.precision])
        axes.plot(
            recall if len(precision) else [0],
            precision if len(precision) else [0],
            label=name.replace("$", r"\$"),
            linewidth=1.3,
            linestyle=("-", "--", ":")[shown.index(label) // 10 % 3],
        )
    axes.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1.005), ylim=(0, 1.01)
    )
    _tidy(axes)
    if shown:
        figure.legend(
            loc="outside right upper",
            fontsize=8,
            frameon=False,
            title="class" if average_precision is None else "class  AP",
            title_fontsize=8,
        )
    return figure


def false_positives_figure(
    curves: Mapping[str, "FalsePositiveCurve"], limit: float = 0.01
) -> Figure:
    """Draw recall over false positives per image, one line per detector.

    Args:
        curves: Curves by name, as `kcv.metrics.recall_over_false_positives`
            returns them.
        limit: Lowest number of false positives per image that is drawn. The
            axis is logarithmic. Defaults to 0.01.

    Returns:
        A figure.

    Example:

    ```python
    curve = kcv.metrics.recall_over_false_positives(ground_truth, detections)
    false_positives_figure({"cascade": curve}).savefig("roc.png")
    ```
    """
    figure = new_figure(7, 4.2)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        axes.step(
            np.maximum(np.append(curve.false_positives, 1e3), limit),
            np.append(curve.recall, curve.recall[-1:]),
            label=name.replace("$", r"\$"),
            where="post",
            linewidth=1.3,
        )
    axes.set(
        xlabel="false positives per image",
        ylabel="recall",
        xscale="log",
        xlim=(limit, 10),
        ylim=(0, 1.01),
    )
    _tidy(axes)
    if curves:
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    return figure


def training_figure(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the history of `fit`: losses, metrics and learning rate in plots.

    Args:
        history: Dict `{name: values of the epochs}`, such as the `history` of
            `keras.callbacks.History`. Values that are not finite (of epochs
            without a measurement) are not drawn. The key `epoch` has the
            numbers of the epochs, from 0. The key `seconds`, the duration of
            each epoch, is not drawn.

    Returns:
        Matplotlib figure with one plot for each group that has a curve.

    Raises:
        ValueError: If there is no curve.

    Example:

    ```python
    history = model.fit(dataset, epochs=10).history
    training_figure(history).savefig("training.png")
    ```
    """
    groups = {"loss": [], "metric": [], "learning rate": []}
    for name in history:
        if "learning_rate" in name:
            groups["learning rate"].append(name)
        elif "loss" in name:
            groups["loss"].append(name)
        elif name not in ("epoch", "seconds"):
            groups["metric"].append(name)
    groups = {title: names for title, names in groups.items() if names}
    if not groups:
        raise ValueError(
            f"`history` must have a curve. Received: the keys {list(history)}"
        )
    figure = new_figure(9, 2.9 * len(groups))
    plots = figure.subplots(len(groups), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (title, names) in zip(plots, groups.items(), strict=True):
        for name in names:
            values = np.asarray(history[name], np.float64)
            epochs = np.asarray(history.get("epoch", range(len(values)))) + 1
            seen = np.isfinite(values)
            axes.plot(
                epochs[seen],
                values[seen],
                label=name.replace("$", r"\$"),
                linewidth=1.3,
                marker="." if seen.sum() < 40 else None,
            )
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(
            fontsize=8,
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )
        _tidy(axes)
    plots[-1].set_xlabel("epoch")
    return figure


def _tidy(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
