"""The recipes of segmenters, on shapes and on a true VOC tree."""

import dataclasses
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL import ImageDraw

import kcv
from export.command import export
from recipes import deconvnet
from recipes import fcn
from recipes import segnet
from recipes.common import finish_segmentation as segmentation
from recipes.common import run as experiment
from recipes.common.plan import Part
from recipes.common.plan import Plan
from recipes.common.plan import make_schedule
from recipes.common.windows import Windows
from recipes.common.windows import learn_classes
from recipes.tables import upsampling

CHECKOUT = Path(__file__).resolve().parents[3]
LABELME = "labelme==6.3.1"


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Rectangles and ellipses on noise: `folder:IMAGES:MASKS`."""
    folder = tmp_path_factory.mktemp("shapes")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    for number in range(15):
        width, height = (72, 56) if number % 2 else (56, 72)
        noise = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
        picture, mask = Image.fromarray(noise), Image.new("L", (width, height))
        drawn = [ImageDraw.Draw(image) for image in (picture, mask)]
        for label in (1, 2):
            x, y = rng.integers(0, 30, 2).tolist()
            side = int(rng.integers(18, 26))
            box = (x, y, x + side - 1, y + side - 1)
            colour = (230, 40, 40) if label == 1 else (40, 40, 230)
            for draw, fill in zip(drawn, (colour, label), strict=True):
                shape = draw.rectangle if label == 1 else draw.ellipse
                shape(box, fill=fill)
        picture.save(folder / "images" / f"{number}.png")
        mask.save(folder / "masks" / f"{number}.png")
    (folder / "masks" / "class_names.txt").write_text(
        "background\nrectangle\nellipse\n"
    )
    return f"folder:{folder / 'images'}:{folder / 'masks'}"


def quick(folder, **options):
    return experiment.Run(folder, epochs=1, batch_size=2, **options)


def test_a_users_own_masks_train_and_are_measured(shapes, tmp_path):
    command = [
        *(sys.executable, "-m", "recipes.fcn"),
        *("--data", shapes),
        *("--image-size", "48"),
        *("--batch-size", "2"),
        *("--epochs", "1"),
        *("--steps-per-epoch", "8"),
        *("--out", str(tmp_path / "run")),
        *("--export", str(tmp_path / "served")),
    ]
    subprocess.run(command, check=True, cwd=CHECKOUT)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["iu"]) == {"background", "rectangle", "ellipse"}
    assert 0 <= metrics["mean_iu"] <= 1
    assert metrics["split"].endswith("3 held-out images")
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Long et al. 2015, table 2" in report
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()
    version = export(tmp_path / "run" / "model.keras", tmp_path / "served")
    described = json.loads((version / "assets.extra/kcv.json").read_text())
    assert "labels" in str(described)


def test_stages_go_on_from_each_other(shapes, tmp_path):
    run = quick(tmp_path)
    fcn.main(run, shapes, training="stages", stride=8, steps_per_epoch=8)
    stages = [tmp_path / f"fcn{stride}s" for stride in (32, 16, 8)]
    for stage in stages:
        assert (stage / "backup" / "epoch-1.weights.h5").exists()
    history = experiment.read_history(*stages)
    assert len(history["loss"]) == 3
    # The second stage begins where the first has ended, not anew.
    before = json.loads((tmp_path / "metrics.json").read_text())
    again = fcn.main(
        run, shapes, training="stages", stride=8, steps_per_epoch=8
    )
    assert again["mean_iu"] == pytest.approx(before["mean_iu"])


@pytest.mark.parametrize("network", ["segnet", "segnet_basic"])
def test_segnet(network, shapes, tmp_path):
    metrics = segnet.main(
        quick(tmp_path),
        shapes,
        network=network,
        balance="median",
        steps_per_epoch=8,
        statistics=2,
    )
    assert 0 <= metrics["mean_iu"] <= 1


def test_deconvnet(shapes, tmp_path, monkeypatch):
    small = deconvnet.SMALL
    monkeypatch.setattr(
        deconvnet,
        "SMALL",
        dataclasses.replace(small, windows=Windows(32, 36, 2)),
    )
    metrics = deconvnet.main(
        quick(tmp_path, export=tmp_path / "served"),
        shapes,
        proposals=10,
        steps_per_epoch=8,
        statistics=2,
    )
    assert 0 <= metrics["mean_iu"] <= 1
    assert (tmp_path / "stage-2" / "history.csv").exists()
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_deconvnet_begins_alike_everywhere():
    model = deconvnet.build(3, deconvnet.SMALL, small=True, weights=None)
    maps = keras.Model(model.input, model.get_layer("fc6-deconv").output)
    noise = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    found = maps(noise.astype("float32")).numpy()
    np.testing.assert_allclose(found, found[:, :1, :1] + 0 * found, rtol=1e-4)
    assert np.std(found[0, 0, 0]) > 0


def test_windows_do_not_depend_on_where_the_stream_begins(shapes):
    images = segmentation.open_images(shapes, None, "raise")
    cut = Windows(32, 36, 2)
    whole = [*cut.around_objects(images, 1, 0).take(6)]
    rest = [*cut.around_objects(images, 1, 4).take(2)]
    for window, same in zip(whole[4:], rest, strict=True):
        for key, value in window.items():
            np.testing.assert_array_equal(value, same[key])
    assert whole[0]["images"].shape == (32, 32, 3)
    for window in whole:  # of one object each
        kinds = np.unique(window["segmentation_masks"])
        assert len({*kinds.tolist()} - {0, 255}) == 1


def test_the_encoder_learns_classes_and_the_decoder_nothing(shapes, tmp_path):
    model = kcv.segmentation.SegNet(3, blocks=((1, 4), (1, 8)))
    before = {layer.name: layer.get_weights() for layer in model.layers}
    run = quick(tmp_path)
    part = Part(run, make_schedule(Plan(2, 8, 1, 1e-2), run, None))
    images = segmentation.open_images(shapes, None, "raise")
    cut = Windows(32, 36, 2)
    features = model.get_layer("conv2_1_relu").output
    learn_classes(part, model, features, cut, images)
    changed = {
        name
        for name, weights in before.items()
        for old, new in zip(
            weights, model.get_layer(name).get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert changed == {"conv1_1", "conv1_1_bn", "conv2_1", "conv2_1_bn"}
    history = experiment.read_history(tmp_path)
    assert {"accuracy", "loss"} <= {*history}
    # A second call finds it done.
    learnt = model.get_weights()
    learn_classes(part, model, features, cut, images)
    for old, new in zip(learnt, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_table_of_upsampling(shapes, tmp_path):
    table = upsampling.main(
        quick(tmp_path), shapes, steps_per_epoch=8, rounds=2
    )
    assert [row["enlarged by"] for row in table["rows"]] == [
        *upsampling.ANSWERS
    ]
    bilinear, transposed, unpooled, both = table["rows"]
    # Interpolation and unpooling have nothing to learn; a transposed 3x3
    # convolution has as much as a convolution.
    assert (
        bilinear["parameters"] == unpooled["parameters"] == both["parameters"]
    )
    kernels = sum(16 * filters**2 for filters in (32, 64, 96, 128))
    assert transposed["parameters"] == bilinear["parameters"] + kernels
    # 192 x 256 pixels, pooled four times.
    assert unpooled["switches, KiB"] == sum(
        192 * 256 / 4**k * 32 * k / 1024 for k in (1, 2, 3, 4)
    )
    assert bilinear["switches, KiB"] == 0
    page = (tmp_path / "report.html").read_text()
    for answer in upsampling.ANSWERS:
        assert answer in page


def test_enlarging_is_the_only_difference():
    networks = [upsampling.build(a, 3) for a in upsampling.ANSWERS[:3]]
    for network in networks[1:]:
        upsampling.take_encoder(network, networks[0])
        np.testing.assert_array_equal(
            network.get_layer("conv4_3").kernel,
            networks[0].get_layer("conv4_3").kernel,
        )
    names = [
        [layer.name for layer in network.layers if layer.weights]
        for network in networks
    ]
    assert names[0] == names[2]
    # Before training, a transposed convolution interpolates: maps that are
    # the same everywhere stay so, off the border.
    flat = np.full((1, 256, 256, 3), 90.0, "float32")
    networks[1].set_weights(_merged(networks[1], networks[0]))
    found = [network(flat).numpy()[0, 120:136, 120:136] for network in networks]
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def _merged(transposed, bilinear):
    """The weights of one network, where the other has the same layer."""
    values = []
    for layer in transposed.layers:
        if layer.weights:
            known = {each.name: each for each in bilinear.layers}
            source = layer
            if not layer.name.startswith("upsample"):
                source = known[layer.name]
            values += source.get_weights()
    return values


# === The papers' settings ===


def test_solvers_of_fcn():
    assert fcn.SOLVERS["vgg16"].plans[32] == Plan(1, 100_000, 25, 1e-10)
    rates = [fcn.SOLVERS["vgg16"].plans[s].learning_rate for s in (32, 16, 8)]
    assert rates == [1e-10, 1e-12, 1e-14]
    assert fcn.SOLVERS["vgg16"].plans["at_once"].steps == 300_000
    run = experiment.Run(Path("x"))
    plan = fcn.SOLVERS["vgg16"].plans[32]
    schedule = make_schedule(plan, run, None)
    assert schedule.steps * schedule.epochs == 100_000
    optimizer, loss = fcn.optimizer_and_loss("vgg16", schedule, plan, False)
    assert (optimizer.momentum, optimizer.l2) == (0.99, 5e-4)
    assert (optimizer.bias_lr_mult, optimizer.bias_decay_mult) == (2.0, 0.0)
    assert not loss.normalize
    plan = fcn.SOLVERS["alexnet"].plans[32]
    optimizer, loss = fcn.optimizer_and_loss("alexnet", schedule, plan, False)
    assert loss.normalize
    assert optimizer.gradient_accumulation_steps == 20
    assert plan.steps / plan.accumulate == 100_000


@pytest.mark.parametrize("everywhere", [False, True])
def test_stage_2_goes_on_where_it_stopped(everywhere, shapes, tmp_path):
    setting = dataclasses.replace(
        deconvnet.SMALL,
        windows=Windows(16, 18, 2),
        learnt_from=20,
        everywhere=everywhere,
    )
    images = segmentation.open_images(shapes, None, "raise")
    windows = deconvnet.stream_of(
        2, images, setting, quick(tmp_path), "uniform", 8
    )
    whole = [*windows(0).take(12).as_numpy_iterator()]
    rest = windows(8).take(4).as_numpy_iterator()
    for window, expected in zip(rest, whole[8:], strict=True):
        np.testing.assert_array_equal(window["images"], expected["images"])
    assert len({window["image_id"] for window in whole}) > 2


def test_solvers_of_segnet_and_deconvnet():
    assert segnet.PAPERS["segnet"][:2] == (4, 40_000)
    assert segnet.PAPERS["segnet"].learning_rate == 1e-3
    assert segnet.PAPERS["segnet_basic"].learning_rate == 0.1
    first, second = deconvnet.PAPERS.plans
    assert first.steps / first.accumulate == 20_000
    assert second.steps / second.accumulate == 40_000
    assert first.batch_size * first.accumulate == 64
    assert (deconvnet.PAPERS.learnt_from, deconvnet.PAPERS.asked) == (2000, 50)
    assert deconvnet.PAPERS.method == "edge_boxes"
    assert deconvnet.PAPERS.certainty is None
    windows = deconvnet.PAPERS.windows
    assert (windows.cut, windows.side) == (250, 224)
    optimizer = deconvnet.optimizer(None, second, 10_000, small=False)
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 79_999, 80_001):
        optimizer._iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.001], rtol=1e-5)


def test_errors(tmp_path):
    run = experiment.Run(tmp_path)
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        fcn.main(run, steps_per_epoch=3)
    with pytest.raises(ValueError, match="small backbone has no published"):
        fcn.main(run, weights="imagenet")
    with pytest.raises(ValueError, match="solver='paper'"):
        fcn.main(run, solver="paper")
    with pytest.raises(ValueError, match="size='small'"):
        segnet.main(run, weights="imagenet")
    with pytest.raises(ValueError, match="weights='imagenet'"):
        deconvnet.main(run, weights="imagenet")


# === A true VOC tree ===


@pytest.fixture(scope="module")
def labelme(tmp_path_factory):
    """Three photographs of VOC 2011, which labelme's source brings along."""
    folder = tmp_path_factory.mktemp("labelme")
    fetch = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--no-binary", "labelme", "--dest", str(folder), LABELME),
    ]
    try:
        subprocess.run(fetch, check=True, timeout=120, capture_output=True)
    except (subprocess.SubprocessError, OSError):
        pytest.skip(f"the source of {LABELME} cannot be fetched")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (tree,) = folder.glob("*/examples/semantic_segmentation/data_dataset_voc")
    return tree


def test_photographs_of_voc_train_and_are_measured(labelme, tmp_path):
    found = kcv.data.read_voc_segmentation(labelme, None)
    assert found.image_ids == ("2011_000003", "2011_000006", "2011_000025")
    assert len(found.class_names) == 21
    seen = [set(np.unique(x["segmentation_masks"])) for x in found.dataset()]
    assert seen == [{0, 5, 15, 255}, {0, 9, 15, 18, 255}, {0, 6, 7}]

    metrics = fcn.main(
        quick(tmp_path), f"voc:{labelme}", image_size=96, steps_per_epoch=8
    )
    assert metrics["split"].endswith("1 held-out images")

    # All of it again, in NumPy.
    model = keras.models.load_model(tmp_path / "model.keras")
    held_out = kcv.data.load_segmentation(f"voc:{labelme}", "test").dataset
    matrix = np.zeros((21, 21))
    for example in held_out:
        image = tf.cast(example["images"], tf.float32)[None]
        labels = model.predict(image, verbose=0)[0].argmax(-1)
        truth = example["segmentation_masks"].numpy()
        np.add.at(matrix, (truth[truth < 21], labels[truth < 21]), 1)
    right, of_class = np.diag(matrix), matrix.sum(1)
    union = of_class + matrix.sum(0) - right
    assert metrics["pixel_accuracy"] == pytest.approx(
        right.sum() / matrix.sum(), abs=1e-6
    )
    assert metrics["mean_accuracy"] == pytest.approx(
        np.mean(right[of_class > 0] / of_class[of_class > 0]), abs=1e-6
    )
    assert metrics["mean_iu"] == pytest.approx(
        np.mean(right[union > 0] / union[union > 0]), abs=1e-6
    )
    there = union > 0
    weighted = of_class[there] * right[there] / union[there]
    assert metrics["frequency_weighted_iu"] == pytest.approx(
        weighted.sum() / matrix.sum(), abs=1e-6
    )
