"""The end of every recipe: save, measure, report, publish."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras

import kcv
from kcv.serving import ServingConfig
from kcv.storage import write_whole
from kcv.visualize.report import Published
from kcv.visualize.report import write_report
from recipes.common.history import read_history
from recipes.common.metrics import write_metrics
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.run import describe


class Evaluation(NamedTuple):
    """What a trained model was measured to be worth.

    Attributes:
        metrics: Numbers by name, among them `split`, the text that says what
            was measured.
        figures: Matplotlib figures by caption, for the report.
        headline: Sentence that the run ends with.
        tables: Further tables of the report: dict from caption to a dict of
            names and values.
    """

    metrics: Mapping[str, Any]
    figures: Mapping[str, Any]
    headline: str
    tables: Mapping[str, Mapping[str, Any]] = {}


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
) -> dict[str, Any]:
    """Save a trained model, measure it, write its report, publish it.

    The folder of the run then has `model.keras`, `serving.json`, `labels.txt`,
    `metrics.json` and `report.html`.

    Args:
        run: All options of the recipe.
        title: Heading of the report.
        model: Trained model, in the form in which it is saved and served.
        evaluate: Function that measures the model on held-out data.
        serving: What a server must know.
        stages: Stages of training, in order.
        paper: Published figures to print beside those of the run.

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
    plans = {
        f"Plan of {stage.out.name}": stage.plan._asdict() for stage in stages
    }
    report = write_report(
        run.out,
        title,
        {**metrics, **evaluation.tables, **plans},
        paper,
        history,
        evaluation.figures,
        {**told["options"], **told["versions"], "machine": told["machine"]},
        told["command"],
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
