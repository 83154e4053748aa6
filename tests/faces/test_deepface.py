import numpy as np
import pytest
import tensorflow as tf

from kcv.faces import DeepFace
from kcv.faces import Identification
from kcv.layers import LocallyConnected2D
from tests.faces.conftest import assert_agree
from tests.faces.conftest import golden_input


@pytest.fixture
def expected(golden):
    with np.load(golden / "networks" / "deepface_local.npz") as file:
        return dict(file)


def test_local_connections_agree_with_torch(expected, set_golden):
    layer = LocallyConnected2D(4, 3)
    x = tf.constant(golden_input("local/a/input", (2, 9, 8, 3)))
    layer.build(x.shape)
    set_golden(layer, "local.a")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(y * golden_input("local/a/upstream", y.shape))
    assert_agree(y, expected["local_a_output"])
    variables = [x, layer.kernel.value, layer.bias.value]
    by_x, by_kernel, by_bias = tape.gradient(total, variables)
    assert_agree(by_x, expected["local_a_grad_input"])
    assert_agree(by_bias, expected["local_a_grad_bias"])
    # From (..., ky, kx, in, out) to (..., out, in * ky * kx).
    by_kernel = np.transpose(by_kernel, (0, 1, 5, 4, 2, 3))
    by_kernel = by_kernel.reshape(expected["local_a_grad_weight"].shape)
    assert_agree(by_kernel, expected["local_a_grad_weight"])


def test_a_small_image_agrees_with_torch(expected, set_golden):
    model = DeepFace(
        Identification(10),
        input_shape=(76, 76, 3),
        embedding_size=32,
        include_preprocessing=False,
    )
    for layer in ("C1", "C3", "L4", "L5", "L6", "F7"):
        set_golden(model.network.get_layer(layer), f"deepface76.{layer}")
    set_golden(model.objective.softmax, "deepface76.F8")
    features = model.network(golden_input("deepface76/input", (2, 76, 76, 3)))
    assert_agree(features, expected["deepface76_F7"])
    assert_agree(model.objective(features), expected["deepface76_F8_logits"])
    sizes = [
        model.network.get_layer(layer).output.shape[1]
        for layer in ("C1", "M2", "C3", "L4", "L5", "L6")
    ]
    assert sizes == [66, 33, 25, 17, 6, 2]


def test_published_parameter_counts(expected, shapes_only):
    model = DeepFace(Identification(4030))
    counts = [
        model.network.get_layer(layer).count_params()
        for layer in ("C1", "M2", "C3", "L4", "L5", "L6", "F7")
    ]
    counts.append(model.objective.count_params())
    assert counts == expected["deepface152_params"].tolist()
    assert model.count_params() == sum(counts) == 118_923_774
    assert sum(counts[3:]) > 0.9995 * sum(counts)
    # The file of the library deepface has the people of VGGFace2.
    assert DeepFace(Identification(8631)).count_params() == 137_774_071


def test_begins_as_the_paper_does():
    model = DeepFace(input_shape=(76, 76, 3), embedding_size=32)
    layer = model.network.get_layer("L4")
    assert np.std(layer.kernel) == pytest.approx(0.01, rel=0.02)
    assert np.all(layer.bias.numpy() == 0.5)


def test_dropout_hides_units_of_f7_in_training_alone():
    model = DeepFace(size="small", dropout=0.75)
    images = golden_input("deepface76/input", (2, 64, 64, 3))
    kept = np.mean(np.asarray(model.network(images, training=True)) != 0)
    assert kept < 0.3
    assert np.mean(np.asarray(model.network(images)) != 0) > 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "large"}, "`size` must be one of 'paper', 'small'"),
        ({"input_shape": (None, None, 3)}, "needs images of one size"),
        ({"input_shape": (40, 40, 3)}, "must have a known height"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        DeepFace(**options)
