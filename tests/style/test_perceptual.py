import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import GramMatrix
from kcv.style import LOSS_LAYERS
from kcv.style import PerceptualModel
from kcv.style import StyleTransformNet
from kcv.style import SuperResolutionNet
from kcv.style import loss_network
from kcv.style import low_resolution
from kcv.style import optimize_image
from kcv.style.perceptual import LOSS_WEIGHTS
from kcv.style.perceptual import make_objective

WIDTHS = (8, 8, 16)


@pytest.fixture(scope="module")
def vgg():
    """A VGG of an eighth of its width."""
    keras.utils.set_random_seed(0)
    images = x = keras.Input((None, None, 3))
    for block, (count, filters) in enumerate(
        ((2, 8), (2, 16), (3, 32), (3, 64)), start=1
    ):
        for number in range(1, count + 1):
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"conv{block}_{number}",
            )(x)
        x = keras.layers.MaxPooling2D(name=f"pool{block}")(x)
    return loss_network(LOSS_LAYERS, keras.Model(images, x))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (3, 6, 6, 3))
    return tf.image.resize(coarse, (48, 48)).numpy()


@pytest.fixture
def model(vgg, pictures):
    keras.utils.set_random_seed(1)
    return PerceptualModel(
        StyleTransformNet(widths=WIDTHS), vgg, style=pictures[2]
    )


def test_the_losses_are_those_of_the_authors(model, vgg, pictures):
    image, target = pictures[:1], pictures[1:2]
    found = model.compute_losses(tf.constant(image), tf.constant(target))
    ours, theirs, style = (
        {k: np.asarray(v, "float64") for k, v in vgg(x).items()}
        for x in (image, target, pictures[2:])
    )
    content = np.mean((ours["conv3_3"] - theirs["conv3_3"]) ** 2)
    grams = GramMatrix("chw")
    distances = [
        np.mean((grams(ours[k]).numpy() - grams(style[k]).numpy()) ** 2)
        for k in LOSS_LAYERS
    ]
    np.testing.assert_allclose(found["content"], [content], rtol=1e-3)
    np.testing.assert_allclose(found["style"], [5 * sum(distances)], rtol=1e-3)
    steps = [np.diff(image.astype("float64"), axis=axis) for axis in (1, 2)]
    variation = 0.5 * sum(np.sum(each[:, :47, :47] ** 2) for each in steps)
    np.testing.assert_allclose(
        found["total_variation"], [1e-6 * variation], rtol=1e-3
    )
    assert set(found) == {"content", "style", "total_variation"}


def test_the_total_variation_is_summed_over_a_batch(vgg, pictures):
    """As TotalVariation.lua, whose gradient is not divided by the batch."""
    model = PerceptualModel(
        keras.Sequential([keras.Input((None, None, 3))]),
        vgg,
        loss_weights={"content": 0.0, "style": 0.0},
    )
    images = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = model.compute_loss(x=pictures, y_pred=images)
    x = pictures.astype("float64")
    across = x[:, :-1, 1:] - x[:, :-1, :-1]
    down = x[:, 1:, :-1] - x[:, :-1, :-1]
    expected = np.zeros_like(x)
    expected[:, :-1, :-1] -= across + down
    expected[:, :-1, 1:] += across
    expected[:, 1:, :-1] += down
    np.testing.assert_allclose(
        tape.gradient(loss, images), 1e-6 * expected, atol=1e-9
    )
    total = 0.5e-6 * (np.sum(across**2) + np.sum(down**2))
    np.testing.assert_allclose(loss, total, rtol=1e-5)


def test_it_learns_one_batch_and_nothing_else_does(model, pictures):
    model.compile(keras.optimizers.Adam(3e-4))
    before = model.loss_network.get_weights()
    history = model.fit(
        pictures[:2], epochs=25, batch_size=2, verbose=0
    ).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    for old, new in zip(before, model.loss_network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    parts = ("content", "style", "total_variation")
    np.testing.assert_allclose(
        history["loss"], np.sum([history[k] for k in parts], 0), rtol=1e-4
    )


def test_it_comes_back_from_a_file_with_its_style(model, pictures, tmp_path):
    model.compile(keras.optimizers.Adam(3e-4))
    model.fit(pictures[:2], epochs=1, batch_size=2, verbose=0)
    model.save(tmp_path / "painter.keras")
    again = keras.models.load_model(tmp_path / "painter.keras")
    np.testing.assert_array_equal(again(pictures), model(pictures))
    image = tf.constant(pictures[:1])
    for name, loss in model.compute_losses(image, image).items():
        np.testing.assert_array_equal(
            again.compute_losses(image, image)[name], loss
        )


def test_the_net_alone_is_saved_without_the_vgg(model, pictures, tmp_path):
    file = tmp_path / "net.keras"
    model.net.save(file)
    assert file.stat().st_size < 2**20
    again = keras.models.load_model(file)
    np.testing.assert_array_equal(again(pictures), model(pictures))


@pytest.mark.parametrize(
    ("weights", "share"),
    [({"pixel": 1.0, "content": 0.0}, 0.5), ({"content": 1.0}, 0.5)],
)
def test_super_resolution_learns_pairs(vgg, pictures, weights, share):
    keras.utils.set_random_seed(1)
    model = PerceptualModel(
        SuperResolutionNet(4, blocks=1),
        vgg,
        content_layer="conv2_2",
        style_layers=(),
        loss_weights={"style": 0.0, "total_variation": 0.0, **weights},
    )
    model.compile(keras.optimizers.Adam(3e-4))
    small = low_resolution(tf.constant(pictures), 4)
    history = model.fit(
        small, pictures, epochs=30, batch_size=3, verbose=0
    ).history
    assert history["loss"][-1] < share * history["loss"][0]
    names = [name for name, weight in weights.items() if weight]
    assert set(history) == {"loss", *names}


def test_lbfgs_can_have_the_same_objective(model, pictures):
    content = pictures[:1]
    found = optimize_image(
        make_objective(model, content), content, 8, verbose=False
    )
    losses = model.compute_losses(tf.constant(content), tf.constant(content))
    np.testing.assert_allclose(
        found.history["total_loss"][0],
        float(sum(losses.values())[0]),
        rtol=1e-5,
    )
    assert found.history["content"][0] == 0
    assert min(found.history["total_loss"]) < found.history["total_loss"][0]


def test_a_loss_network_without_the_layers_is_refused(vgg):
    with pytest.raises(ValueError, match="conv5_1"):
        PerceptualModel(
            StyleTransformNet(widths=WIDTHS), vgg, content_layer="conv5_1"
        )


def test_the_paper_sums_over_a_gram_matrix(vgg, pictures):
    """N^2 times as much: 64 channels at conv4_3 of this VGG."""
    only = {"style_layers": ("conv4_3",), "style": pictures[2]}
    image = tf.constant(pictures[:1])
    mean, total = (
        PerceptualModel(
            StyleTransformNet(widths=WIDTHS), vgg, gram_reduction=way, **only
        ).compute_losses(image, image)["style"]
        for way in ("mean", "sum")
    )
    np.testing.assert_allclose(total, 64**2 * mean, rtol=1e-5)
    with pytest.raises(ValueError, match="gram_reduction.*'max'"):
        PerceptualModel(
            StyleTransformNet(widths=WIDTHS), vgg, gram_reduction="max", **only
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_weights": {"texture": 1.0}}, "texture"),
        ({"loss_weights": dict.fromkeys(LOSS_WEIGHTS, 0.0)}, "not 0"),
        ({}, "`style` must be an image.*NoneType"),
        ({"style": np.zeros((9, 9, 3)), "style_layers": ()}, r"layers=\(\)"),
        ({"style": np.zeros((9, 7, 3))}, "8 pixels"),
    ],
)
def test_losses_that_make_no_sense_are_refused(vgg, options, message):
    with pytest.raises(ValueError, match=message):
        PerceptualModel(StyleTransformNet(widths=WIDTHS), vgg, **options)


REPLICAS = """
from kcv.style import PerceptualModel, StyleTransformNet, loss_network
images = np.random.default_rng(0).uniform(0, 255, (2, 44, 44, 3))
pictures = tf.data.Dataset.from_tensors(images.astype("float32"))
found = []
for strategy in strategies:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        x = inputs = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, activation="relu", name="conv1_1")(x)
        vgg = loss_network(["conv1_1"], keras.Model(inputs, x))
        model = PerceptualModel(
            StyleTransformNet(widths=(4, 4, 4)), vgg, images[0],
            content_layer="conv1_1", style_layers=["conv1_1"],
        )
        model.compile(keras.optimizers.SGD(1e-7))
    history = model.fit(pictures, verbose=0).history
    found.append([*(x[0] for x in history.values()),
        *np.concatenate([x.ravel() for x in model.net.get_weights()])])
np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-6)
"""


@pytest.mark.slow
def test_replicas_learn_as_one_does(on_replicas):
    on_replicas(REPLICAS)


def test_mixed_precision(pictures, request):
    keras.config.set_dtype_policy("mixed_bfloat16")
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    images = x = keras.Input((None, None, 3))
    for name in LOSS_LAYERS:
        x = keras.layers.Conv2D(4, 3, padding="same", name=name)(x)
    vgg = loss_network(LOSS_LAYERS, keras.Model(images, x))
    model = PerceptualModel(
        StyleTransformNet(widths=WIDTHS), vgg, style=pictures[2]
    )
    model.compile("adam")
    history = model.fit(pictures, batch_size=1, verbose=0).history
    assert np.isfinite(history["loss"][0])
    painted = model.net.predict(pictures[:1], verbose=0)
    assert painted.dtype == "float32"
    # bfloat16 has whole numbers alone from 128 on.
    assert (painted != np.asarray(tf.cast(painted, "bfloat16"))).any()


@pytest.mark.parametrize(
    "refused",
    [
        {"loss": "mse"},
        {"loss_weights": [1.0]},
        {"metrics": ["mae"]},
        {"weighted_metrics": ["mae"]},
    ],
)
def test_compile_refuses_what_is_not_honored(model, refused):
    (name,) = refused
    with pytest.raises(ValueError, match=f"`{name}` must be None"):
        model.compile("adam", **refused)


def test_weights_of_images_are_refused(model, pictures):
    model.compile("adam")
    for method in (model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match="`sample_weight`"):
            method(pictures, pictures, sample_weight=np.ones(3))
