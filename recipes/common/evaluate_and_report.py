"""The end of every recipe: save, measure, report, publish."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras

import kcv
from kcv.data.sources.class_counts import count_classes
from kcv.serving import ServingConfig
from kcv.storage import write_whole
from kcv.visualize.report import Published
from kcv.visualize.report import write_report
from recipes.common.history import read_history
from recipes.common.metrics import write_metrics
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.run import describe

# Datasets whose files the user has, under names of their own.
_PUBLIC = ("camvid", "celeba", "idx", "lfw", "sbd")
# Numbers of classes of COCO and ImageNet, whose files may lie anywhere.
_CLASSES = {"coco": 80, "folder": 1000}


class Evaluation(NamedTuple):
    """What a trained model was measured to be worth.

    Attributes:
        metrics: Numbers by name, among them `split`, the text that says what
            was measured.
        figures: Matplotlib figures by caption, for the report.
        headline: Sentence that the run ends with.
        tables: Tables of the report by caption. A table is a sequence of rows,
            dicts from column to value. Defaults to none.
    """

    metrics: Mapping[str, Any]
    figures: Mapping[str, Any]
    headline: str
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = {}


class Stage(NamedTuple):
    """A stage of training that is done: its folder and its plan."""

    out: Path
    plan: Plan


def evaluate_and_report(
    run: Run,
    title: str,
    model: keras.Model,
    evaluate: Callable[[keras.Model], Evaluation],
    serving: ServingConfig,
    stages: Sequence[Stage],
    paper: Sequence[Published] = (),
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Save a trained model, measure it, write its report, publish it.

    The folder of the run then has `model.keras`, `serving.json`, `labels.txt`,
    `metrics.json` and `report.html`.

    Args:
        run: All options of the recipe.
        title: Heading of the report.
        model: Trained model, in the form in which it is saved and served.
        evaluate: Function that measures the model on held-out data.
        serving: Settings for a server.
        stages: Stages of training, in order.
        paper: Published figures to print beside those of the run, unless the
            data are one's own. Defaults to none.
        class_names: Names of the classes of the data. Defaults to those that
            are served.

    Returns:
        What `metrics.json` has.
    """
    save_model(model, run.out)
    serving.save(run.out)
    if serving.class_names:
        write_labels(serving.class_names, run.out)

    # === Evaluate ===
    evaluation = evaluate(model)
    history = read_history(*(stage.out for stage in stages))
    seconds, epochs = sum(history["seconds"]), len(history["seconds"])
    images = sum(
        len(read_history(stage.out)["epoch"]) * stage.plan.images_per_epoch
        for stage in stages
    )
    metrics = {
        **evaluation.metrics,
        "total_loss": history["loss"][-1],
        "seconds": seconds,
        "epochs": epochs,
        "examples_per_second": images / seconds,
        "parameters": model.count_params(),
    }
    write_metrics(run.out, metrics)

    # === Report ===
    told = describe(run)
    plain = {k: v for k, v in metrics.items() if not isinstance(v, Mapping)}
    nested = {k: v for k, v in metrics.items() if isinstance(v, Mapping)}
    plans = {
        f"Plan of {stage.out.name}": stage.plan._asdict() for stage in stages
    }
    names = serving.class_names if class_names is None else class_names
    report = write_report(
        run.out,
        title,
        # Tables have the figures of each class, and more of them.
        {**plain, **({} if evaluation.tables else nested), **plans},
        () if is_own(told["options"].get("data", ""), names) else paper,
        history,
        evaluation.figures,
        {k: v for k, v in told["options"].items() if v is not None},
        told["command"],
        tables=evaluation.tables,
        environment={**told["versions"], "machine": told["machine"]},
    )
    print(f"\n{evaluation.headline} on {metrics['split']}")
    print(f"Report: {report}")

    # === Publish ===
    if run.export:
        version = kcv.serving.publish(
            model, run.export, **serving.publish_options()
        )
        print(f"Published: {version}")
    return metrics


def count_training(
    task: str, source: str, run: Run, class_names: Sequence[str]
) -> dict[str, Any]:
    """Count the objects or images of each class that a run trains on.

    Args:
        task: "detection", "classification" or "segmentation".
        source: Name of the data.
        run: Options of the recipe.
        class_names: Names of the classes 0, 1, ...

    Returns:
        Numbers by label, by the heading of their column, see
        `kcv.data.sources.class_counts`.
    """
    return count_classes(
        task,
        source,
        "train",
        len(class_names),
        boxes=run.boxes,
        validation=run.validation_part,
        seed=run.seed,
    )


def save_model(model: keras.Model, folder: Path) -> Path:
    """Write `model.keras` whole or not at all."""
    return write_whole(folder / "model.keras", model.save)


def write_labels(class_names: Sequence[str], folder: Path) -> Path:
    """Write `labels.txt`, one class name a line.

    Args:
        class_names: Names of the classes 0, 1, ...
        folder: Folder of the run.

    Returns:
        Path of the file.
    """
    file = folder / "labels.txt"
    write_whole(file, "".join(f"{name}\n" for name in class_names).encode())
    return file


def is_own(data: str, class_names: Sequence[str]) -> bool:
    """Return whether data are one's own, and no dataset that others have.

    Args:
        data: Name of the data on the command line.
        class_names: Names of its classes.

    Example:

    >>> is_own("digit_scenes", ()), is_own("voc:mine", ("cat", "dog"))
    (False, True)
    """
    kind, has_path, _ = data.partition(":")
    if not has_path or kind in _PUBLIC:
        return False
    names = {*class_names} - {"background"}
    if kind == "voc":
        return names != {*kcv.data.VOC_CLASSES}
    return len(names) != _CLASSES.get(kind)
