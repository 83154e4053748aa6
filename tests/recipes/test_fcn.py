"""FCN's recipe on shapes, on photographs of VOC, and its authors' solvers."""

import functools
import json
import shutil
import subprocess
import sys
import tarfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from export.command import export
from kcv.training import EpochBackup
from recipes import fcn
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.segmentation.fcn_plans import SOLVERS
from recipes.common.segmentation.fcn_plans import choose_solver
from recipes.common.trunks import small_strided

LABELME = "labelme==6.3.1"


def options(out, data, **more):
    return fcn.Options(
        out=out,
        data=data,
        **{
            "image_size": 48,
            "batch_size": 2,
            "epochs": 2,
            "steps_per_epoch": 8,
            **more,
        },
    )


@pytest.fixture(scope="module", autouse=True)
def few_layers():
    """Build a network of five convolutions, whose graph is built quickly."""
    blocks = tuple((1, filters) for filters in (8, 16, 16, 16, 16))
    trunk = functools.partial(small_strided, blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcn, "small_strided", trunk)
        yield


@pytest.fixture(scope="module")
def finished(shapes, tmp_path_factory):
    """Folder of a run that went from start to end."""
    out = tmp_path_factory.mktemp("fcn") / "run"
    fcn.main(options(out, shapes, export=out.with_name("served")))
    return out


def test_a_users_own_masks_train_and_are_measured(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert set(metrics["iu"]) == {"background", "rectangle", "ellipse"}
    assert 0 <= metrics["mean_iu"] <= 1
    assert metrics["epochs"] == 4  # Two of windows and two of images.
    # A fifth of 15 images is held out.
    assert metrics["split"].endswith("3 held-out images")
    report = (finished / "report.html").read_text()
    assert "Long et al. 2015, table 2" not in report  # Of VOC.
    assert report.count("<img") == 5


def test_the_run_is_exported_as_the_recipe_publishes_it(finished):
    served = finished.with_name("served") / "1"
    again = export(finished / "model.keras", finished.with_name("again"))
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    encoded = tf.io.encode_png(image)[None]
    ours, theirs = (
        tf.saved_model.load(str(folder)).signatures["serving_bytes"](encoded)
        for folder in (again, served)
    )
    assert ours.keys() == theirs.keys()
    assert "labels" in ours
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, name)


# Keras leaves history.csv open when an epoch raises an error.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stopped_run_ends_with_the_same_weights(
    finished, shapes, tmp_path, monkeypatch
):
    """Stopped in the second stage, when its first epoch is backed up."""
    out = tmp_path / "stopped"
    shutil.copytree(finished / "classes", out / "classes")
    keep = EpochBackup.on_epoch_end

    def keep_and_stop(self, epoch, logs=None):
        keep(self, epoch, logs)
        raise KeyboardInterrupt

    monkeypatch.setattr(EpochBackup, "on_epoch_end", keep_and_stop)
    with pytest.raises(KeyboardInterrupt):
        fcn.main(options(out, shapes))
    monkeypatch.undo()
    assert (out / "fcn8s" / "backup" / "epoch-1.weights.h5").exists()
    assert not (out / "model.keras").exists()

    fcn.main(options(out, shapes))
    expected = keras.models.load_model(finished / "model.keras").get_weights()
    weights = keras.models.load_model(out / "model.keras").get_weights()
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert read_history(out / "fcn8s")["epoch"] == [0, 1]


@pytest.mark.slow
def test_a_stage_continues_from_the_one_before(shapes, tmp_path):
    run = options(tmp_path, shapes, training="stages", stride=16, epochs=1)
    before = fcn.main(run)
    stages = [tmp_path / name for name in ("classes", "fcn32s", "fcn16s")]
    for stage in stages:
        assert (stage / "backup" / "epoch-1.weights.h5").exists()
    # FCN-32s begins with scores of zero, FCN-16s with those of FCN-32s.
    _, coarse, fine = read_history(*stages)["loss"]
    assert fine < coarse
    # Nothing is trained a second time.
    assert fcn.main(run)["mean_iu"] == pytest.approx(before["mean_iu"])


# === The authors' settings ===


def test_solvers_of_the_authors():
    vgg16 = SOLVERS["paper"]["vgg16"]
    assert vgg16.plans[32] == Plan(1, 100_000, 25, 1e-10)
    rates = [vgg16.plans[stride].learning_rate for stride in (32, 16, 8)]
    assert rates == [1e-10, 1e-12, 1e-14]
    assert vgg16.plans["at_once"].steps == 300_000
    assert not vgg16.normalize
    plan = vgg16.plans[32].with_options(fcn.Options())
    assert plan.steps == 100_000
    optimizer = vgg16.make_optimizer(plan)
    assert (optimizer.momentum, optimizer.l2) == (0.99, 5e-4)
    assert (optimizer.bias_lr_mult, optimizer.bias_decay_mult) == (2.0, 0.0)
    assert optimizer.gradient_accumulation_steps is None

    alexnet = SOLVERS["paper"]["alexnet"]
    plan = alexnet.plans[32]
    assert alexnet.normalize
    optimizer = alexnet.make_optimizer(plan)
    assert optimizer.gradient_accumulation_steps == 20
    assert plan.steps / plan.accumulate == 100_000
    # Only score_fr has multipliers in the authors' file.
    assert (optimizer.bias_lr_mult, optimizer.bias_decay_mult) == (1.0, 1.0)
    assert optimizer.layer_bias_mults["score_fr"] == (2.0, 0.0)


@pytest.mark.parametrize(
    ("backbone", "rate"),
    [("vgg16", 1e-4), ("alexnet", 1e-3), ("googlenet", 5e-5)],
)
def test_the_papers_own_solver(backbone, rate):
    solver = choose_solver("paper", backbone, "paper")
    plan = solver.plans[32].with_options(fcn.Options())
    assert plan.steps == 175 * 1112
    assert (plan.accumulate, plan.learning_rate) == (20, rate)
    assert solver.normalize
    assert solver.make_optimizer(plan).momentum == 0.9
    assert choose_solver("small", "vgg16", "paper") is SOLVERS["small"]["vgg16"]


def test_stages_of_a_training():
    run, solver = fcn.Options(), SOLVERS["paper"]["vgg16"]
    assert [*solver.choose_plans(run, 8, "stages")] == [32, 16, 8]
    assert [*solver.choose_plans(run, 32, "stages")] == [32]
    (plan,) = solver.choose_plans(run, 16, "at_once").values()
    assert plan == solver.plans["at_once"]


def test_mistakes_leave_no_folder(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        fcn.main(fcn.Options(out=out, steps_per_epoch=3))
    with pytest.raises(ValueError, match="weights='imagenet'"):
        fcn.main(fcn.Options(out=out, weights="imagenet"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fcn.main(fcn.Options(out=out, data="voc:nowhere"))
    assert not out.exists()


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


@pytest.mark.slow
def test_photographs_of_voc_train_and_are_measured(labelme, tmp_path):
    found = kcv.data.read_voc_segmentation(labelme, None)
    assert found.image_ids == ("2011_000003", "2011_000006", "2011_000025")
    assert len(found.class_names) == 21
    seen = [set(np.unique(x["segmentation_masks"])) for x in found.dataset()]
    assert seen == [{0, 5, 15, 255}, {0, 9, 15, 18, 255}, {0, 6, 7}]

    metrics = fcn.main(
        options(tmp_path, f"voc:{labelme}", image_size=96, epochs=1)
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
