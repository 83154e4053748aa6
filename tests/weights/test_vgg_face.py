"""VGG-Face is a VGG-16 of 2,622 people with a mean of its own."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.classification import VGG_MEAN
from kcv.classification import Preprocessing
from kcv.weights import VGG_FACE_MEAN
from kcv.weights import load_weights
from kcv.weights.caffe_messages import NetParameter


def network(mean, people=2622):
    """The first and the last layer of a VGG-16, for images of 1 x 1."""
    image = keras.Input((1, 1, 3))
    x = image
    if mean is not None:
        x = Preprocessing(mean, name="preprocessing")(x)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1_1")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(people, name="fc8")(x))


@pytest.fixture(params=["layer", "layers"])
def file(request, tmp_path):
    """Path, arrays by name; Caffe has BGR and (out, in, rows, columns)."""
    generator = np.random.default_rng(0)
    arrays = {
        "conv1_1": [
            generator.normal(size=(4, 3, 3, 3)),
            generator.normal(size=4),
        ],
        "fc8": [generator.normal(size=(2622, 4)), generator.normal(size=2622)],
    }
    net = NetParameter(name="VGG_FACE_16_layers")
    for name, blobs in arrays.items():
        layer = getattr(net, request.param).add(name=name)
        kind = {"conv1_1": ("Convolution", 4), "fc8": ("InnerProduct", 14)}
        layer.type = kind[name][request.param == "layers"]
        for array in blobs:
            blob = layer.blobs.add()
            if request.param == "layer":
                blob.shape.dim.extend(array.shape)
            else:
                sizes = (1, 1, 1, *array.shape)[-4:]
                blob.num, blob.channels, blob.height, blob.width = sizes
            blob.data.extend(array.ravel())
    path = tmp_path / "VGG_FACE.caffemodel"
    path.write_bytes(net.SerializeToString())
    return path, arrays


def test_answers_are_those_of_caffe(file):
    path, arrays = file
    model = network(VGG_FACE_MEAN)
    report = load_weights(model, path)
    assert len(report.matched) == 4
    image = np.float32([200, 100, 50]).reshape(1, 1, 1, 3)
    kernel, bias = arrays["conv1_1"]
    # Caffe's demo subtracts (93.5940, 104.7624, 129.1863) from BGR. Of a kernel
    # on one pixel with a border of zeros the center counts.
    bgr = np.array([50 - 93.5940, 100 - 104.7624, 200 - 129.1863])
    feature = kernel[:, :, 1, 1] @ bgr + bias
    expected = arrays["fc8"][0] @ feature + arrays["fc8"][1]
    np.testing.assert_allclose(model(image)[0], expected, rtol=1e-4, atol=1e-3)


def test_another_mean_is_refused(file):
    path, _ = file
    model = network(VGG_MEAN)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"VGG_FACE\.caffemodel is VGG-Face"):
        load_weights(model, path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_network_that_scales_nothing_takes_the_file(file):
    path, _ = file
    assert len(load_weights(network(None), path).matched) == 4


def test_vgg16_subtracts_the_mean_that_it_is_given():
    for mean in (VGG_MEAN, VGG_FACE_MEAN):
        model = VGG16(include_top=False, mean=mean)
        assert tuple(model.get_layer("preprocessing").mean) == mean
        assert model.count_params() == 14_714_688
    default = VGG16(include_top=False).get_layer("preprocessing")
    assert tuple(default.mean) == VGG_MEAN
