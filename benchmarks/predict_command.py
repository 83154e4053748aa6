"""`python -m kcv predict` against `predict` on a pipeline of the same files.

    python -m benchmarks.predict_command --run runs/faster_rcnn

The command also draws and writes what the detector finds.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import tensorflow as tf
import tyro

import kcv
from benchmarks.timing import print_ratios
from kcv.commands import main as run_command
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from recipes.common.timing import medians
from recipes.common.trunks import small_parts


def main(
    run: Path | None = None,
    images: int = 200,
    batch_size: int = 8,
    rounds: int = 3,
) -> None:
    """Print medians and their ratio.

    Args:
        run: Folder of the run of a detector. Defaults to a small detector with
            random weights.
        images: Number of images, which are digit scenes of one size.
        batch_size: Number of images per batch, of both.
        rounds: Number of timed calls of each, alternating.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_scenes(folder / "scenes", images)
        run = run or make_run(folder / "run")
        config = ServingConfig.load(run)
        model = kcv.load_model(run / "model.keras", compile=False)

        def load(file):
            image = kcv.data.decode_image(tf.io.read_file(file))
            image = config.prepare(image)
            return {"images": image, "image_sizes": tf.shape(image)[:2]}

        pipeline = tf.data.Dataset.from_tensor_slices(files)
        pipeline = pipeline.map(load, tf.data.AUTOTUNE)
        pipeline = pipeline.padded_batch(batch_size).prefetch(2)

        def command(limit):
            words = ["predict", run, folder / "scenes", "--out", folder / "out"]
            words += ["--overwrite", "--limit", limit]
            words += ["--batch-size", batch_size]
            with contextlib.redirect_stdout(io.StringIO()):
                assert run_command([str(word) for word in words]) == 0

        times = medians(
            {
                "all": lambda: command(images),
                "one": lambda: command(1),
                "Model.predict": lambda: model.predict(pipeline, verbose=0),
            },
            rounds,
            warm_up=1,
        )
    # Loading the model and tracing its graph are not a part of the speed.
    ours = (times["all"] - times["one"]) / (images - 1)
    print_ratios(
        f"one of {images} images",
        {"kcv predict": ours, "Model.predict": times["Model.predict"] / images},
        "kcv predict",
    )


def write_scenes(folder: Path, count: int) -> list[str]:
    """Write digit scenes as PNG files, and return their paths."""
    folder.mkdir()
    files = []
    scenes = kcv.data.digit_scenes("train", seed=1)
    # One size, so that neither side pads.
    scenes = scenes.filter(
        lambda scene: tf.reduce_all(tf.shape(scene["images"])[:2] == [192, 256])
    ).take(count)
    for number, scene in enumerate(scenes):
        file = folder / f"{number:04}.png"
        file.write_bytes(tf.io.encode_png(scene["images"]).numpy())
        files.append(str(file))
    return files


def make_run(folder: Path) -> Path:
    """Write a small detector with random weights as the folder of a run."""
    folder.mkdir()
    kcv.detection.FasterRCNN(10, small_parts()).save(folder / "model.keras")
    names = kcv.data.DIGIT_CLASSES
    ServingConfig("detection", ShortSide(192, 320), names).save(folder)
    return folder


if __name__ == "__main__":
    tyro.cli(main)
