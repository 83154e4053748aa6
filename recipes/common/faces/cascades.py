"""What a face cascade finds after each of its stages, and what it rejects."""

import dataclasses
import json
import time
from collections.abc import Hashable
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import kcv
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import photographs
from kcv.faces.cascade import Stage
from kcv.metrics import FalsePositiveCurve
from kcv.serving import ServingConfig
from kcv.storage import write_whole
from kcv.text_files import read_object
from kcv.visualize.report import write_report
from recipes.common.evaluate_and_report import save_model
from recipes.common.evaluate_and_report import write_labels
from recipes.common.metrics import write_metrics
from recipes.common.run import Folder
from recipes.common.run import describe

# False positives per image, and recalls, at which stages are compared.
FALSE_POSITIVES = (0.05, 0.1, 0.3, 1, 3)
RECALLS = (0.7, 0.8, 0.85, 0.9)


def open_faces(
    data: str,
    part: str,
    count: int = 0,
    seed: int = 0,
    real: bool = True,
    held_out: int = 200,
    boxes: str = "raise",
) -> tf.data.Dataset:
    """Open the images of one part of a set.

    Args:
        data: "face_scenes", or a source of `kcv.data.load_detection` whose
            objects are faces.
        part: "train", "held out" (images behind those of "train", on which
            thresholds are chosen) or "test".
        count: Number of images of "train". Defaults to 0.
        seed: Seed of the order. Defaults to 0.
        real: Whether face scenes have real faces, too. Defaults to True.
        held_out: Number of images of "held out". Defaults to 200.
        boxes: "raise", "clip" or "drop" boxes that are wrong. Defaults to
            "raise".

    Returns:
        Dataset of examples, one pass.
    """
    size, start = {
        "train": (count, 0),
        "held out": (held_out, count),
        "test": (None, 0),
    }[part]
    if data == "face_scenes":
        split, seed = ("test", 0) if part == "test" else ("train", seed)
        return kcv.data.face_scenes(
            split, size, seed, real=real, start=start
        ).dataset
    if part == "test":
        return kcv.data.load_detection(data, "test", boxes=boxes).dataset
    found = kcv.data.load_detection(
        data, "train", seed=seed, start=start, boxes=boxes
    )
    return found.dataset.take(size)


class Measured(NamedTuple):
    """A cascade of the stages so far, measured.

    Attributes:
        name: Names of the networks.
        metrics: Recall at so many false positives per image, by name.
        curve: Recall over false positives.
        truth: Faces of the test images, by their number.
        found: Detections, by the number of the image.
        windows: Mean number of windows of an image that the stage keeps.
        figures: Figures that `kcv.faces.cascade.train_cascade` returned for
            the stage, and the `seconds` and `cpu_seconds` of its training.
    """

    name: str
    metrics: dict[str, float]
    curve: FalsePositiveCurve
    truth: dict
    found: dict
    windows: float
    figures: dict[str, Any]

    def gallery(self, test: Sequence[dict]) -> Figure:
        """Draw the first test images with their faces and detections."""
        shown = [
            (example["images"].numpy(), self.truth[row], self.found[row])
            for row, example in enumerate(test[:8])
        ]
        return kcv.visualize.detection_gallery(shown, ("face",))


def keep_stage(run: Folder, model: keras.Model, figures: dict) -> None:
    """Keep a cascade of the stages so far, from which a run can continue.

    Args:
        run: All options of the recipe.
        model: The cascade.
        figures: Figures of training its last stage.
    """
    folder = run.out / f"stage{len(model.stages)}"
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder)
    record = {"options": describe(run)["options"], "figures": figures}
    # Written last: without it, the stage does not count.
    write_whole(folder / "stage.json", json.dumps(record).encode() + b"\n")


def resume_stages(
    run: Folder, stages: list[Stage], test: Sequence[dict]
) -> tuple[list[Stage], list[Measured]]:
    """Find the stages that an earlier call with the same options has trained.

    Args:
        run: All options of the recipe. Without `resume`, nothing is used.
        stages: The stages, untrained.
        test: Held-out examples, see `measure`.

    Returns:
        The stages, the first ones trained, and what was measured of those.
    """
    measured: list[Measured] = []
    options = describe(run)["options"]
    for number, stage in enumerate(stages):
        file = run.out / f"stage{number + 1}" / "stage.json"
        if not run.resume or not file.exists():  # type: ignore[attr-defined]
            break
        record = read_object(file)
        if record.get("options") != options:
            break
        model = kcv.load_model(file.with_name("model.keras"))
        kept = model.stages[number]
        threshold = kept.selection.threshold
        stages[number] = kept._replace(
            selection=dataclasses.replace(stage.selection, threshold=threshold)
        )
        measured.append(measure(model, test, record["figures"]))
    return stages, measured


def measure(
    model: keras.Model,
    test: Sequence[dict],
    figures: dict[str, Any],
) -> Measured:
    """Measure a cascade on held-out images.

    Args:
        model: `kcv.faces.cascade.FaceCascade` of the stages so far.
        test: Examples with `images` and `bounding_boxes`.
        figures: Figures of training the last stage.

    Returns:
        The figures of the cascade.
    """
    signature = [tf.TensorSpec((1, None, None, 3), "float32")]
    detect = tf.function(model, input_signature=signature)
    truth: dict[Hashable, dict[str, Any]] = {}
    found: dict[Hashable, dict[str, Any]] = {}
    windows = []
    clock = time.perf_counter()
    for row, example in enumerate(test):
        answer = detect(tf.cast(example["images"][None], "float32"))
        count = int(answer["num_detections"][0])
        windows.append(count)
        found[row] = {
            name: answer[name][0, :count].numpy()
            for name in ("boxes", "scores", "labels")
        }
        faces = example["bounding_boxes"]["boxes"].numpy()
        truth[row] = {"boxes": faces, "labels": np.zeros(len(faces), int)}
    clock = (time.perf_counter() - clock) / max(len(test), 1)
    curve = kcv.metrics.recall_over_false_positives(truth, found)
    precision = kcv.metrics.voc_average_precision(truth, found, year=2012)
    metrics = {
        f"recall_at_{number:g}": curve.recall_at(number)
        for number in FALSE_POSITIVES
    }
    metrics |= {
        "average_precision": precision["voc_map"],
        "seconds_per_image": clock,
    }
    name = " + ".join(stage.network.name for stage in model.stages)
    return Measured(
        name,
        metrics,
        curve,
        truth,
        found,
        float(np.mean(windows)),
        figures,
    )


def stage_rows(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Make a row of the report for each stage.

    Args:
        measured: The stages, in order.

    Returns:
        Rows: recalls at so many false positives, false positives at equal
        recall, and what the stage was trained on and keeps.
    """
    rows = []
    for one in measured:
        row: dict[str, Any] = {"stages": one.name}
        for number in FALSE_POSITIVES:
            name = f"recall at {number:g} false positives"
            row[name] = one.metrics[f"recall_at_{number:g}"]
        for recall in RECALLS:
            reached = one.curve.recall >= recall
            name = f"false positives at recall {recall:g}"
            row[name] = (
                float(one.curve.false_positives[reached].min())
                if reached.any()
                else "not reached"
            )
        row |= {
            "windows kept per image": one.windows,
            "threshold": one.figures["threshold"],
            "faces to learn from": one.figures["positives"],
            "other windows to learn from": one.figures["negatives"],
            "seconds of training": one.figures["seconds"],
            "CPU seconds of training": one.figures["cpu_seconds"],
        }
        rows.append(row)
    return rows


def face_photograph(path: Path | None) -> np.ndarray:
    """Read a photograph.

    Args:
        path: Path of an image file. None is an embedded photograph of an
            astronaut.

    Returns:
        Image (H, W, 3) uint8.
    """
    if path is not None:
        return kcv.data.read_image(path)
    split = photographs("train")
    which = PHOTOGRAPHS["train"].index("astronaut")
    rows, columns = split.sizes[which]
    return split.pixels[which, :rows, :columns]


def show_faces(model: keras.Model, image: np.ndarray) -> Figure:
    """Draw the detections of a photograph, with their scores."""
    found = model.predict(image[None].astype("float32"), verbose=0)
    count = int(found["num_detections"][0])
    found = {
        name: found[name][0, :count] for name in ("boxes", "scores", "labels")
    }
    nothing = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0, int)}
    return kcv.visualize.detection_gallery([(image, nothing, found)], ("face",))


def write_cascade_report(
    run: Folder,
    title: str,
    model: keras.Model,
    measured: Sequence[Measured],
    test: Sequence[dict],
    photograph: np.ndarray,
    split: str,
    export: Path | None = None,
) -> dict[str, Any]:
    """Save a trained cascade, write the page of the run, publish it.

    Args:
        run: All options of the recipe.
        title: Heading of the report.
        model: The trained cascade.
        measured: Results of `measure` after each stage.
        test: Held-out examples.
        photograph: Image (H, W, 3) uint8 that is shown with its detections.
        split: Description of the held-out images.
        export: Folder in which the model is published. Defaults to None.

    Returns:
        What `metrics.json` has.
    """
    serving = ServingConfig("detection", class_names=("face",))
    save_model(model, run.out)
    serving.save(run.out)
    write_labels(serving.class_names, run.out)
    last = measured[-1]
    seconds = sum(one.figures["seconds"] for one in measured)
    windows = sum(
        one.figures["positives"] + one.figures["negatives"] for one in measured
    )
    metrics = {
        **last.metrics,
        "split": split,
        "seconds": seconds,
        "epochs": 1,
        "examples_per_second": windows / seconds,
        "parameters": model.count_params(),
    }
    write_metrics(run.out, metrics)
    rows = stage_rows(measured)
    told = describe(run)
    report = write_report(
        run.out,
        title,
        metrics,
        tables={"What each stage adds": rows},
        figures={
            "Recall after each stage": kcv.visualize.false_positives_figure(
                {one.name: one.curve for one in measured}
            ),
            "Faces, and detections on held-out images": last.gallery(test),
            "A photograph": show_faces(model, photograph),
        },
        configuration={**told["options"], **told["versions"]},
        command=told["command"],
    )
    for row in rows:
        print("  " + ", ".join(f"{k}: {_short(v)}" for k, v in row.items()))
    print(
        f"\nrecall {metrics['recall_at_0.1']:.3f} at 0.1 and "
        f"{metrics['recall_at_1']:.3f} at 1 false positive per image on {split}"
    )
    print(f"Report: {report}")
    if export:
        options = serving.publish_options()
        print(f"Published: {kcv.serving.publish(model, export, **options)}")
    return metrics


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value
