import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import VGG16
from kcv.style import LossWeights
from kcv.style import loss_network
from kcv.style import neural_style
from kcv.style.gatys import GatysLosses


@pytest.fixture(scope="module")
def vgg():
    keras.utils.set_random_seed(0)
    return VGG16(include_top=False)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    smooth = rng.uniform(0, 255, (2, 5, 6, 3))
    return [
        tf.cast(tf.image.resize(x, (36, 44), "bicubic"), tf.uint8).numpy()
        for x in np.clip(smooth, 40, 215)
    ]


def paint(vgg, content, style, **options):
    options = {"iterations": 6, "verbose": False, "start": "content", **options}
    return neural_style(content, style, network=vgg, **options)


def losses_of(vgg, content, styles):
    return GatysLosses(loss_network(LossWeights().layers, vgg), content, styles)


def test_layers_and_shares_are_those_of_the_paper():
    weights = LossWeights()
    assert weights.content_layers == {"conv4_2": 1.0}
    shares = dict.fromkeys((f"conv{block}_1" for block in range(1, 6)), 1 / 5)
    assert weights.style_layers == shares
    assert weights.total_variation == 0


@pytest.mark.parametrize(
    ("preset", "style", "content", "variation", "per_feature"),
    [
        (LossWeights.gatys_code, 1e3, 1.0, 0.0, False),
        (LossWeights.neural_style_code, 100.0, 5.0, 1e-3, True),
    ],
)
def test_presets_are_the_losses_of_the_programs(
    vgg, pictures, preset, style, content, variation, per_feature
):
    """Means of squares, as torch's MSELoss and nn's MSECriterion."""
    images = [x[None].astype("float32") for x in (*pictures, pictures[0])]
    images[2] = images[2][:, ::-1]
    weights = preset(36, 44)
    network = loss_network(weights.layers, vgg)
    losses = GatysLosses(
        network, tf.constant(images[1]), [(images[2], 1.0)], weights
    )
    image, target, painting = (
        {k: np.asarray(v, "float64") for k, v in network(x).items()}
        for x in images
    )

    def gram(maps):
        flat = maps.reshape(-1, maps.shape[-1])
        return flat.T @ flat / (flat.size if per_feature else len(flat))

    distances = [
        np.mean((gram(image[name]) - gram(painting[name])) ** 2)
        / (1 if per_feature else image[name].shape[-1] ** 2)
        for name in (f"conv{block}_1" for block in range(1, 6))
    ]
    x = images[0].astype("float64")
    across = x[:, :-1, 1:] - x[:, :-1, :-1]
    down = x[:, 1:, :-1] - x[:, :-1, :-1]
    expected = {
        "content": content
        * np.mean((image["conv4_2"] - target["conv4_2"]) ** 2),
        "style": style * sum(distances),
        "total_variation": variation * np.sum(across**2 + down**2) / 2,
    }
    for name, loss in losses(tf.constant(images[0])).items():
        np.testing.assert_allclose(loss, [expected[name]], rtol=1e-3)


def test_a_picture_may_be_what_it_begins_with(vgg, pictures):
    small = np.full((18, 22, 3), 90, np.uint8)
    found = paint(vgg, *pictures, start=small, iterations=1)
    np.testing.assert_array_equal(found.image, np.full((36, 44, 3), 90))
    found = paint(vgg, *pictures, start="noise", noise=0.0, iterations=1)
    np.testing.assert_array_equal(found.image[0, 0], [124, 117, 104])


def test_lbfgs_remembers_as_many_steps_as_asked(vgg, pictures, monkeypatch):
    def minimize(losses, x, options, **kwargs):
        seen.append(options["maxcor"])

    seen = []
    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    paint(vgg, *pictures, memory=100)
    assert seen == [100]


def test_a_picture_in_its_own_style_is_as_it_should_be(vgg, pictures):
    content = tf.cast(pictures[0], tf.float32)[None]
    losses = losses_of(vgg, content, [(content, 1.0)])
    with tf.GradientTape() as tape:
        tape.watch(content)
        total = sum(losses(content).values())
    assert float(total[0]) == 0
    np.testing.assert_array_equal(tape.gradient(total, content), 0)
    found = paint(vgg, pictures[0], pictures[0])
    np.testing.assert_array_equal(found.image, pictures[0])


def test_a_texture_of_one_layer_is_made_from_noise(vgg, pictures):
    weights = LossWeights(content=0.0, style_layers={"conv1_1": 1.0})
    found = paint(
        vgg,
        *pictures,
        loss_weights=weights,
        start="noise",
        iterations=150,
    )
    losses = found.history["style"]
    assert min(losses) < 1e-3 * losses[0]


def test_the_losses_fall_and_have_their_weights(vgg, pictures):
    weights = LossWeights(content=2.0, style=50.0, total_variation=0.1)
    found = paint(vgg, *pictures, loss_weights=weights, iterations=30)
    history = found.history
    assert history["total_loss"][-1] < history["total_loss"][0]
    np.testing.assert_allclose(
        np.sum(
            [history[k] for k in ("content", "style", "total_variation")], 0
        ),
        history["total_loss"],
        rtol=1e-5,
    )
    assert history["content"][0] == 0  # from the content on
    assert found.image.dtype == np.uint8
    assert found.image.shape == pictures[0].shape
    again = paint(
        vgg,
        *pictures,
        loss_weights=LossWeights(content=2.0, style=100.0),
        iterations=1,
    )
    np.testing.assert_allclose(
        again.history["style"][0], 2 * history["style"][0], rtol=1e-5
    )


def test_styles_are_mixed_by_their_shares(vgg, pictures):
    content, style = (tf.cast(x, tf.float32)[None] for x in pictures)
    small = tf.image.resize(style, (20, 30))
    mixed = losses_of(vgg, content, [(style, 3.0), (small, 1.0)])
    alone = [losses_of(vgg, content, [(x, 1.0)]) for x in (style, small)]
    for name, gram in mixed.style.items():
        expected = 0.75 * alone[0].style[name] + 0.25 * alone[1].style[name]
        np.testing.assert_allclose(gram, expected, rtol=1e-4, atol=1e-6)


def test_original_colors_are_those_of_the_content(vgg, pictures):
    found = paint(vgg, *pictures, original_colors=True, iterations=10)
    yuv = [
        tf.image.rgb_to_yuv(tf.cast(x, tf.float32)).numpy()
        for x in (found.image, pictures[0])
    ]
    inside = ((found.image > 0) & (found.image < 255)).all(-1)
    # Whole gray levels, of which U and V are sums with shares below 1.
    error = np.abs(yuv[0] - yuv[1])[..., 1:][inside]
    assert inside.mean() > 0.5
    assert error.max() < 1.1
    assert np.abs(yuv[0] - yuv[1])[..., 0].max() > 2


def test_grey_and_alpha_are_taken(vgg, pictures):
    gray, opaque = pictures[0][..., 0], np.full((36, 44, 1), 255, np.uint8)
    rgba = np.concatenate([pictures[1], opaque], -1)
    found = paint(vgg, gray, rgba, iterations=2)
    expected = paint(vgg, np.stack(3 * [gray], -1), pictures[1], iterations=2)
    np.testing.assert_array_equal(found.image, expected.image)


def test_a_run_goes_on_in_its_folder(vgg, pictures, tmp_path):
    options = {"folder": tmp_path, "every": 3}
    paint(vgg, *pictures, **options)
    assert (tmp_path / "picture-00003.png").exists()
    found = paint(vgg, *pictures, iterations=9, **options)
    assert len(found.history["total_loss"]) == 9
    assert len(found.seconds) == 9
    with pytest.raises(ValueError, match="other settings"):
        paint(vgg, pictures[1], pictures[0], **options)


def test_mixed_precision_compares_in_full(pictures, request):
    keras.config.set_dtype_policy("mixed_bfloat16")
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    half = VGG16(include_top=False)
    found = paint(
        half, *pictures, loss_weights=LossWeights(content=1e-3), iterations=8
    )
    total = found.history["total_loss"]
    assert min(total) < total[0]


def test_a_picture_too_small_for_the_layers_asked_for_is_named(vgg, pictures):
    weights = LossWeights(style_layers={"pool5": 1.0})
    with pytest.raises(ValueError, match="style` .*least 32 pixels.*20 x 30"):
        paint(vgg, pictures[0], np.zeros((30, 20, 3)), loss_weights=weights)


@pytest.mark.parametrize(
    ("content", "style", "message"),
    [
        (np.zeros((8, 40, 3)), np.zeros((40, 40, 3)), "content.*40 x 8"),
        (np.zeros((40, 40, 3)), np.zeros((40, 15, 3)), "style.*15 x 40"),
        (np.zeros((40, 40, 2)), np.zeros((40, 40, 3)), r"\(40, 40, 2\)"),
        (np.full((40, 40, 3), np.nan), np.zeros((40, 40, 3)), "content"),
        (np.full((40, 40, 3), 300.0), np.zeros((40, 40, 3)), "300"),
        (np.full((40, 40, 3), 0.5), np.zeros((40, 40, 3)), "by 255"),
        (np.zeros((40, 40, 3)), [np.zeros((40, 40, 5))], r"style\[0\]"),
    ],
)
def test_pictures_that_are_none(vgg, content, style, message):
    with pytest.raises(ValueError, match=message):
        paint(vgg, content, style)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "white"}, "'white'"),
        ({"style_shares": [1.0, 2.0]}, "one for each of 1"),
        ({"style_shares": [0.0]}, "positive"),
        ({"method": "newton"}, "'newton'"),
        ({"iterations": 0}, "iterations=0"),
    ],
)
def test_options_that_make_no_sense(vgg, pictures, options, message):
    with pytest.raises(ValueError, match=message):
        paint(vgg, *pictures, **options)
