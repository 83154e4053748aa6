"""What is below a dense layer, and the order of its inputs."""

import keras
import numpy as np

from kcv.detection import FasterRCNN
from kcv.weights.layers import channels_last
from kcv.weights.layers import flattened_maps
from kcv.weights.layers import leaves


def model():
    image = keras.Input((4, 6, 3))
    x = keras.layers.Flatten()(image)
    x = keras.layers.ReLU()(keras.layers.Dropout(0.5)(x))
    x = keras.layers.Dense(3, name="fc6")(x)
    fc7 = keras.layers.Dense(3, name="fc7")(x)
    mean = keras.layers.GlobalAveragePooling2D()(image)
    pooled = keras.layers.Dense(3, name="pooled")(mean)
    reshaped = keras.layers.Reshape((-1,))(image)
    reshaped = keras.layers.Dense(3, name="reshaped")(reshaped)
    return keras.Model(image, [fc7, pooled, reshaped])


def test_maps_below_dense_layers():
    maps = flattened_maps(model())
    assert maps == {
        "fc6": (4, 6, 3),
        "fc7": None,
        "pooled": None,
        "reshaped": (4, 6, 3),
    }


def test_a_detector_is_searched_to_its_depth(zero_weights):
    detector = FasterRCNN(2, "vgg16")
    layers = list(leaves(detector))
    names = [layer.name for layer in layers]
    assert len(names) == len({id(layer) for layer in layers})
    assert {"conv1_1", "rpn_cls_score", "fc6", "cls_score"} <= set(names)
    maps = flattened_maps(detector)
    assert maps["fc6"] == (7, 7, 512)
    assert maps["fc7"] is None
    assert "cls_score" not in maps  # called within a layer alone


def test_order_of_the_inputs():
    units, height, width, channels = 5, 2, 3, 4
    kernel = np.random.default_rng(0).normal(
        size=(units, channels, height, width)
    )
    maps = np.random.default_rng(1).normal(size=(1, height, width, channels))
    expected = np.einsum("bhwc,uchw->bu", maps, kernel)
    flat = channels_last(kernel.reshape(units, -1), (height, width, channels))
    np.testing.assert_allclose(maps.reshape(1, -1) @ flat, expected)
    # Of another size: left in order for the error that names the shape.
    other = channels_last(kernel.reshape(units, -1), (9, 9, channels))
    np.testing.assert_array_equal(other, kernel.reshape(units, -1).T)
