"""The networks of ILSVRC on a few pictures of a user's own."""

import html

import keras
import numpy as np
import pytest
from PIL import Image

from kcv.serving import CenterCrop
from kcv.serving import ServingConfig
from recipes import imagenet
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
    [pytest.param("resnet18", marks=pytest.mark.slow), "googlenet"],
)
def test_a_users_own_folder_trains_and_is_measured(network, folder, tmp_path):
    run = imagenet.Options(
        out=tmp_path,
        data=f"folder:{folder}",
        network=network,
        epochs=1,
        batch_size=2,
        steps_per_epoch=2,
    )
    metrics = imagenet.main(run)
    assert 0 <= metrics["top1"] <= 1
    assert metrics["top5"] == 1  # of two classes
    assert metrics["split"].endswith("4 held-out images")
    page = html.unescape((tmp_path / "report.html").read_text())
    assert TRAININGS[network].source in page
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
    pixels = keras.Input((32, 32, 3))
    imagenet.begin_from(deep, keras.Model(pixels, shallow(pixels)))
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
    for authors in TRAININGS.values():
        assert authors.epochs * IMAGES / authors.batch_size > 3e5


def test_a_warm_start_is_vggs(tmp_path):
    run = imagenet.Options(
        out=tmp_path / "run", warm_start=tmp_path / "model.keras"
    )
    with pytest.raises(ValueError, match="network='resnet50'"):
        imagenet.main(run)
    assert not run.out.exists()
