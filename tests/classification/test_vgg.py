"""Published counts, the paper's table, Caffe's sizes."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG11
from kcv.classification import VGG16
from kcv.classification import VGG19
from kcv.classification import vgg_trunk


def convolutions(model):
    return [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]


@pytest.mark.parametrize(
    ("build", "total", "trunk", "count"),
    [
        (VGG11, 132_863_336, 9_220_480, 8),
        (VGG16, 138_357_544, 14_714_688, 13),
        (VGG19, 143_667_240, 20_024_384, 16),
    ],
)
def test_published_parameter_counts(build, total, trunk, count, zero_weights):
    model = build()
    assert model.count_params() == total
    assert len(convolutions(model)) == count
    assert sum(x.count_params() for x in convolutions(model)) == trunk
    assert model.get_layer("fc6").count_params() == 102_764_544
    sizes = [
        model.get_layer(f"pool{block}").output.shape[1:3]
        for block in range(1, 6)
    ]
    assert sizes == [(112, 112), (56, 56), (28, 28), (14, 14), (7, 7)]


def test_batch_norm_adds_torchvisions_parameters(zero_weights):
    model = VGG16(batch_norm=True, include_preprocessing=False)
    trainable = sum(np.prod(v.shape) for v in model.trainable_weights)
    assert trainable == 138_365_992
    # The ReLU comes behind the normalization.
    layers = [layer.name for layer in model.layers][1:4]
    assert layers == ["conv1_1", "bn1_1", "relu1_1"]
    assert model.get_layer("conv1_1").activation is keras.activations.linear


def test_layers_have_the_authors_names():
    model = VGG16(
        input_shape=(32, 32, 3), classes=2, include_preprocessing=False
    )
    names = [layer.name for layer in model.layers]
    assert names == [
        "images",
        *("conv1_1", "conv1_2", "pool1"),
        *("conv2_1", "conv2_2", "pool2"),
        *("conv3_1", "conv3_2", "conv3_3", "pool3"),
        *("conv4_1", "conv4_2", "conv4_3", "pool4"),
        *("conv5_1", "conv5_2", "conv5_3", "pool5"),
        *("flatten", "fc6", "drop6", "fc7", "drop7", "fc8", "prob"),
    ]


def test_pooling_rounds_up_as_caffe_does():
    images = keras.Input((None, None, 3))
    outputs = vgg_trunk(images)
    trunk = keras.Model(images, [outputs["conv5_3"], outputs["pool5"]])
    conv5, pool5 = trunk(np.zeros((1, 75, 100, 3)))
    # 75, 38, 19, 10, 5, 3 and 100, 50, 25, 13, 7, 4
    assert conv5.shape == (1, 5, 7, 512)
    assert pool5.shape == (1, 3, 4, 512)


def test_a_trunk_holds_no_more_than_it_needs():
    images = keras.Input((None, None, 3))
    trunk = keras.Model(images, vgg_trunk(images)["conv5_3"])
    assert trunk.layers[-1].name == "conv5_3"
    assert trunk.count_params() == 14_714_688


def test_activations_keep_their_size_at_first():
    # MSRA: the mean square stays near that of the input through 13 layers.
    keras.utils.set_random_seed(0)
    trunk = VGG16(include_top=False)
    x = np.random.default_rng(0).normal(0, 60, (1, 64, 64, 3))
    before = np.sqrt(np.mean(np.square(x)))
    after = np.sqrt(np.mean(np.square(trunk(x))))
    assert 0.05 < after / before < 20


def test_a_batch_gives_what_its_images_give():
    keras.utils.set_random_seed(0)
    model = VGG16(input_shape=(32, 32, 3), classes=3)
    x = np.random.default_rng(0).normal(0, 60, (2, 32, 32, 3))
    alone = np.concatenate([model(x[:1]), model(x[1:])])
    np.testing.assert_allclose(model(x), alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(alone.sum(-1), 1, rtol=1e-5)


def test_round_trip(tmp_path):
    keras.utils.set_random_seed(0)
    model = VGG16(
        input_shape=(32, 32, 3), classes=2, include_preprocessing=False
    )
    path = tmp_path / "vgg.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    np.testing.assert_array_equal(loaded(image), model(image))
    assert loaded.name == "vgg16"


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = VGG16(input_shape=(32, 32, 3), classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("fc8").compute_dtype == "bfloat16"
    assert model(np.zeros((1, 32, 32, 3))).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (None, None, 3)}, "fc6 needs images of one size"),
        ({"input_shape": (224, 224)}, r"received \(224, 224\)"),
        ({"include_top": False, "input_shape": (9, 9, None)}, "channels"),
        ({"classes": 0, "input_shape": (32, 32, 3)}, "received 0"),
        (
            {
                "weights": "imagenet",
                "classes": 5,
                "input_shape": (32, 32, 3),
            },
            "vgg16: .*1000 classes, received classes=5",
        ),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        VGG16(**arguments)


def test_a_wrong_word_for_weights_is_named():
    with pytest.raises(FileNotFoundError, match="weights='imagnet'"):
        VGG16(include_top=False, weights="imagnet")
