"""The networks of ILSVRC on a few pictures of a user's own."""

import html

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.classification import resnet_stages
from kcv.serving import CenterCrop
from kcv.serving import ServingConfig
from recipes import imagenet
from recipes.common.classification.classifiers import recompute_statistics
from recipes.common.classification.crops import apply_densely
from recipes.common.classification.crops import published_figures
from recipes.common.classification.crops import take_crops
from recipes.common.classification.imagenet_plans import IMAGES
from recipes.common.classification.imagenet_plans import TRAININGS
from recipes.common.plan import Plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise of any size that is red or blue."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (folder / name).mkdir()
        for number in range(10):
            height, width = rng.integers(60, 90, 2)
            pixels = rng.integers(0, 100, (height, width, 3), np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    "network",
    ["resnet18", pytest.param("googlenet", marks=pytest.mark.slow)],
)
def test_a_users_own_folder_trains_and_is_measured(
    network, folder, tmp_path, monkeypatch
):
    # Four blocks of eight, whose graph is built in half the time.
    monkeypatch.setitem(resnet_stages._BLOCKS, 18, (1, 1, 1, 1))
    run = imagenet.Options(
        out=tmp_path,
        data=f"folder:{folder}",
        network=network,
        epochs=1,
        batch_size=2,
        steps_per_epoch=2,
        statistics=2,
    )
    metrics = imagenet.main(run)
    assert 0 <= metrics["top1"] <= 1
    assert metrics["top5"] == 1  # of two classes
    assert metrics["split"].endswith("4 held-out images")
    page = html.unescape((tmp_path / "report.html").read_text())
    # Of ImageNet, which these data are not.
    assert TRAININGS[network].published["center"].source not in page
    assert (tmp_path / "labels.txt").read_text() == "blue\nred\n"
    assert ServingConfig.load(tmp_path) == ServingConfig(
        "classification", CenterCrop(256, 224), ("blue", "red")
    )
    saved = keras.models.load_model(tmp_path / "model.keras")
    pixels = np.zeros((1, 224, 224, 3), "uint8")
    assert saved.predict(pixels, verbose=0).shape == (1, 2)


def test_vgg_begins_from_a_shallower_one(monkeypatch):
    build = {"classes": 2, "input_shape": (32, 32, 3)}
    shallow = imagenet.kcv.classification.VGG11(**build)
    deep = imagenet.kcv.classification.VGG16(**build)
    imagenet.begin_from(deep, shallow)
    same = [
        layer.name
        for layer in deep.layers
        if layer.weights
        and layer.name in {x.name for x in shallow.layers}
        and all(
            np.array_equal(a, b)
            for a, b in zip(
                layer.get_weights(),
                shallow.get_layer(layer.name).get_weights(),
                strict=True,
            )
        )
    ]
    assert same == list(imagenet.WARM_START)


def test_schedules_are_the_authors():
    def rates(network, steps):
        authors = TRAININGS[network]
        return authors.schedule(Plan(1, steps, 1, authors.learning_rate))

    rate = rates("alexnet", 450_000)
    drops = [99_999, 100_001, 200_001, 300_001, 400_001]
    np.testing.assert_allclose(
        [float(rate(step)) for step in drops],
        [1e-2, 1e-3, 1e-4, 1e-5, 1e-6],
        rtol=1e-5,
    )
    rate = rates("googlenet", 2_400_000)
    assert float(rate(1_800_000)) == pytest.approx(0.01 * 0.25**0.5)
    assert float(rates("resnet50", 600_000)(0)) == pytest.approx(0.1)
    # BVLC's solver.prototxt: gamma 0.96, stepsize 320000, max_iter 10000000.
    rate = rates("googlenet_paper", 10_000_000)
    np.testing.assert_allclose(
        [float(rate(step)) for step in (319_999, 320_000, 9_999_999)],
        [0.01, 0.01 * 0.96, 0.01 * 0.96**31],
        rtol=1e-5,
    )
    for authors in TRAININGS.values():
        assert authors.epochs * IMAGES / authors.batch_size > 3e5


def test_whole_images_are_scored_at_each_place():
    """Against NumPy: the mean of the scores of all windows, then softmax."""
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Dense(4, name="fc")(keras.layers.Flatten()(pixels))
    model = keras.Model(pixels, keras.layers.Softmax(name="prob")(x))
    image = np.random.default_rng(0).integers(0, 3, (10, 13, 3))
    kernel, bias = model.get_layer("fc").get_weights()

    def probabilities(image):
        windows = np.lib.stride_tricks.sliding_window_view(
            image, (8, 8), (0, 1)
        )
        windows = windows.transpose(0, 1, 3, 4, 2).reshape(-1, 8 * 8 * 3)
        scores = np.exp((windows @ kernel + bias).mean(0))
        return scores / scores.sum()

    expected = (probabilities(image) + probabilities(image[:, ::-1])) / 2
    predict = apply_densely(model, (10,))
    found = predict(image[None].astype("float32"))
    np.testing.assert_allclose(found.numpy()[0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("crops", "number"), [("center", 1), ("ten", 10), ("144", 144)]
)
def test_crops_of_the_command_line(crops, number):
    image = np.zeros((1, 300, 400, 3), "float32")
    cut = take_crops(crops, TRAININGS["alexnet"], model=None)["crops"]
    assert cut(image).shape == (1, number, 227, 227, 3)


def test_statistics_are_averages_over_batches():
    images = np.random.default_rng(0).normal(3, 2, (6, 4, 4, 3))
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.BatchNormalization()]
    )
    batches = tf.data.Dataset.from_tensor_slices((images, np.zeros(6)))
    recompute_statistics(model, batches.batch(2).take(0))
    _, _, mean, _ = model.get_weights()
    np.testing.assert_array_equal(mean, 0)
    recompute_statistics(model, batches.batch(2))
    _, _, mean, variance = model.get_weights()
    groups = images.reshape(3, -1, 3)
    np.testing.assert_allclose(mean, groups.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, groups.var(1).mean(0), rtol=1e-5)


def test_a_published_figure_stands_beside_the_same_crops():
    (one,) = {x.source for x in published_figures("dense", TRAININGS["vgg19"])}
    assert one.endswith("table 3")
    assert published_figures("center", TRAININGS["vgg19"]) == []
    figures = published_figures("144", TRAININGS["googlenet_paper"])
    assert [(x.metric, round(x.value, 4)) for x in figures] == [
        ("top5", 0.9211)
    ]


def test_a_warm_start_is_vggs(tmp_path):
    run = imagenet.Options(
        out=tmp_path / "run", warm_start=tmp_path / "model.keras"
    )
    with pytest.raises(ValueError, match="network='resnet50'"):
        imagenet.main(run)
    assert not run.out.exists()
