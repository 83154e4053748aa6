"""The recipes of style, on small pictures with a VGG of random weights."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from export import native
from export.command import export
from kcv.classification import vgg
from recipes import fast_style
from recipes import neural_style
from recipes import super_resolution
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.style.lbfgs import compare_with_lbfgs
from recipes.common.style.painters import make_optimizer
from recipes.common.style.painters import open_squares
from recipes.common.style.painters import stream_squares
from recipes.common.style.pictures import open_picture
from recipes.tables import style_speed

CHECKOUT = Path(__file__).resolve().parents[2]


def write_weights(folder):
    """Write random weights of the trunk of VGG-16 into a file."""
    keras.utils.set_random_seed(0)
    file = folder / "vgg16.weights.h5"
    kcv.classification.VGG16(include_top=False).save_weights(file)
    return str(file)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Weights of a VGG-16 of an eighth of its width."""
    monkeypatch.setattr(vgg, "_FILTERS", (8, 16, 32, 64, 64))
    return write_weights(tmp_path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Ten pictures of 72 x 64 pixels: `folder:PATH`."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(10):
        coarse = rng.uniform(0, 255, (6, 6, 3))
        image = tf.cast(tf.image.resize(coarse, (64, 72)), tf.uint8)
        file = folder / f"{number}.png"
        file.write_bytes(tf.io.encode_png(image).numpy())
    return f"folder:{folder}"


def pixels(file):
    return kcv.data.read_image(file)


def test_a_picture_is_painted_and_goes_on_after_a_kill(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("run")
    command = [
        *(sys.executable, "-m", "recipes.neural_style"),
        *("--weights", write_weights(tmp_path_factory.mktemp("vgg"))),
        *("--image-size", "48", "--iterations", "12", "--every", "4"),
        *("--start", "content"),
        *("--out", str(tmp_path)),
    ]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    first = tmp_path / "picture-00004.png"
    limit = time.monotonic() + 120
    while not first.exists() and time.monotonic() < limit:
        assert process.poll() is None, process.returncode
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with np.load(tmp_path / "state.npz") as state:
        before = state["history/total_loss"].tolist()
    assert 4 <= len(before) < 12

    subprocess.run(command, check=True, cwd=CHECKOUT)
    with np.load(tmp_path / "state.npz") as state:
        after = state["history/total_loss"].tolist()
    assert after[: len(before)] == before
    assert len(after) == 12
    assert after[len(before)] == min(before)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["total_loss"] == min(after)
    with open(tmp_path / "history.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [float(row["total_loss"]) for row in rows] == after
    assert [row["evaluation"] for row in rows] == [*map(str, range(1, 13))]
    seconds = sum(float(row["seconds"]) for row in rows)
    assert metrics["seconds"] == pytest.approx(seconds)
    configuration = json.loads((tmp_path / "config.json").read_text())
    assert configuration["options"]["image_size"] == 48
    assert pixels(tmp_path / "result.png").shape == (32, 48, 3)
    assert "Content, style, result" in (tmp_path / "report.html").read_text()


def test_pictures_of_ones_own_and_several_styles(weights, photos, tmp_path):
    folder = photos.removeprefix("folder:")
    neural_style.main(
        neural_style.Options(
            out=tmp_path,
            content=f"{folder}/1.png",
            style=(f"{folder}/2.png", "brick"),
            style_shares=(2.0, 1.0),
            image_size=40,
            weights=weights,
            iterations=3,
            method="adam",
            original_colors=True,
        )
    )
    assert pixels(tmp_path / "result.png").shape == (36, 40, 3)


def test_a_picture_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"nowhere.jpg.*chelsea"):
        open_picture("nowhere.jpg", 64)


def test_a_truncated_picture_is_named(tmp_path):
    file = tmp_path / "half.jpg"
    whole = tf.io.encode_jpeg(np.zeros((64, 64, 3), np.uint8)).numpy()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="half.jpg"):
        open_picture(str(file), 64)


class PainterOfGrey:
    """Paints all gray, of this level, where 300 would be best."""

    def __init__(self, level):
        self.level = level
        self.net = self

    def compute_losses(self, image, content):
        return {"bowl": tf.reduce_mean((image - 300.0) ** 2)}

    def predict(self, content, verbose):
        return np.full_like(content, self.level)


def test_pictures_are_compared_as_they_are_shown():
    """Both are clipped; gray levels above 255 are worth nothing."""
    photograph = np.full((48, 48, 3), 100, np.uint8)
    found = compare_with_lbfgs(PainterOfGrey(290), photograph, 48, 40)
    assert found.figures["total_loss"] == pytest.approx(45**2)
    assert min(found.losses) == pytest.approx(45**2)
    assert found.losses[0] == pytest.approx(200**2)
    number = int(found.figures["lbfgs_iterations"])
    assert found.losses[number - 1] <= 45**2 * 1.001 < found.losses[number - 2]


def test_a_picture_that_is_nowhere_near_is_not_counted():
    photograph = np.zeros((48, 48, 3), np.uint8)
    with pytest.raises(FloatingPointError, match="nan"):
        compare_with_lbfgs(PainterOfGrey(np.nan), photograph, 48, 4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Squares(Run):
    out: Path = Path("run")
    data: str = "photographs"


def test_squares_go_on_where_they_ended():
    whole = stream_squares(Squares(), 48, 0, 2).take(9)
    rest = stream_squares(Squares(), 48, 16, 2).take(1)
    expected = list(whole.skip(8).as_numpy_iterator())
    np.testing.assert_array_equal(list(rest.as_numpy_iterator()), expected)
    assert expected[0].shape == (2, 48, 48, 3)


def test_squares_in_the_middle_of_other_images_are_watched():
    run = Squares(validation=0.2)
    batches, validation = open_squares(run, 48, 4)
    (watched,) = validation.as_numpy_iterator()
    held_back = kcv.data.load_images(split="validation", validation=0.2)
    assert watched.shape == (held_back.size, 48, 48, 3)
    assert 0 < held_back.size < 4
    x = next(batches(0).as_numpy_iterator())
    assert x.shape == (4, 48, 48, 3)
    assert open_squares(Squares(), 48, 4)[1] is None


def test_squares_of_super_resolution_are_cut_from_images_as_they_are(
    tmp_path,
):
    """Only an image that is too small is enlarged."""
    rows, columns = np.indices((70, 90), np.uint8)
    image = np.stack([rows, columns, 0 * rows], -1)
    for name, pixels in {
        "train/1": image,
        "train/2": image[:24],
        "test/3": image,
    }.items():
        file = tmp_path / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tf.io.encode_png(pixels).numpy())
    run = Squares(data=f"folder:{tmp_path}/train:{tmp_path}/test")
    squares = stream_squares(run, 48, 0, 1, scaled=False).take(8)
    steps = {
        (int(x[0, 1, 0, 0] - x[0, 0, 0, 0]), int(x[0, 0, 1, 1] - x[0, 0, 0, 1]))
        for x in squares.as_numpy_iterator()
        if x[0, -1, 0, 0] > 24
    }
    assert steps == {(1, 1)}


def test_the_layer_that_makes_pixels_learns_by_adamw():
    net = kcv.style.StyleTransformNet(widths=(4, 4, 8))
    solver = make_optimizer("small", Plan(1, 8, 1, 1e-3))
    solver.build(net.trainable_variables)
    by_adamw = [
        variable.path.split("/")[-2]
        for variable, velocity in zip(
            net.trainable_variables, solver.adam_velocities, strict=True
        )
        if velocity is not None and len(variable.shape) == 4
    ]
    assert by_adamw == ["conv_last"]


def test_a_painter_learns_and_is_served(weights, photos, tmp_path, program):
    run = fast_style.Options(
        out=tmp_path / "run",
        data=photos,
        epochs=2,
        batch_size=2,
        style="brick",
        style_size=48,
        weights=weights,
        image_size=48,
        steps_per_epoch=8,
        test_size=64,
        lbfgs_iterations=4,
        validation=0.25,
    )
    metrics = fast_style.main(run)
    assert metrics["split"].startswith(photos)
    assert "2 held-out images" in metrics["split"]
    assert 1 <= metrics["lbfgs_iterations"] <= 4
    assert metrics["never_reached_by_lbfgs"] in (0, 0.5, 1)
    history = read_history(run.out)
    assert history["loss"][1] < history["loss"][0]
    assert {"content", "style", "total_variation"} <= set(history)
    assert {"val_loss", "val_content", "val_style"} <= set(history)

    # At a size that it was not trained at, in the native loader.
    version = export(run.out / "model.keras", tmp_path / "served")
    net = keras.models.load_model(run.out / "model.keras", compile=False)
    image = open_picture("chelsea", 75)
    expected = net.predict(image[None].astype("float32"), verbose=0)
    expected = np.rint(np.clip(expected, 0, 255))
    answer = native.run(
        program,
        version,
        "serving_bytes",
        {"image_bytes": [tf.io.encode_png(image).numpy()]},
    )
    assert answer["images"].dtype == np.uint8
    assert answer["images"].shape == (1, *image.shape)
    # Where a number lies at .5, either neighbor is right.
    gap = np.abs(answer["images"].astype(int) - expected)
    assert gap.max() <= 1
    assert np.mean(gap > 0) < 1e-3

    table = style_speed.main(
        style_speed.Options(
            out=tmp_path / "table", painter=run.out, sizes=(48, 64), rounds=2
        )
    )
    assert [row["pixels"] for row in table["rows"]] == ["48 x 48", "64 x 64"]
    page = (tmp_path / "table" / "report.html").read_text()
    assert "iterations of L-BFGS" in page


@pytest.mark.slow
def test_super_resolution_is_measured_against_cubic_interpolation(
    weights, photos, tmp_path, program
):
    run = super_resolution.Options(
        out=tmp_path / "run",
        data=photos,
        weights=weights,
        epochs=1,
        batch_size=2,
        image_size=32,
        steps_per_epoch=8,
        export=tmp_path / "served",
    )
    metrics = super_resolution.main(run)
    # Smooth pictures: a figure of which little is lost.
    assert metrics["psnr_of_bicubic"] > 30
    net = keras.models.load_model(run.out / "model.keras", compile=False)
    image = open_picture("chelsea", 30)
    expected = net.predict(image[None].astype("float32"), verbose=0)
    answer = native.run(
        program,
        tmp_path / "served" / "1",
        "serving_default",
        {"images": image[None].astype("float32")},
    )
    expected = np.rint(np.clip(expected, 0, 255))
    assert answer["images"].shape == (1, 80, 120, 3)
    assert np.abs(answer["images"].astype(int) - expected).max() <= 1


def test_painters_round_trip_through_files(tmp_path):
    for net in (
        kcv.style.StyleTransformNet("batch", "transposed", (4, 4, 8)),
        kcv.style.SuperResolutionNet(2, 1),
    ):
        net.save(tmp_path / "net.keras")
        again = keras.models.load_model(tmp_path / "net.keras")
        image = np.random.default_rng(0).uniform(0, 255, (1, 48, 56, 3))
        np.testing.assert_array_equal(again(image), net(image))
