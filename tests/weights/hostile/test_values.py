"""Kind: files of weights that are damaged, not finite or too large."""

import keras
import numpy as np
import pytest

from kcv.weights import load_weights
from kcv.weights.caffe_messages import NetParameter


@pytest.fixture(scope="module")
def model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 3, name="conv1"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, name="fc2"),
        ]
    )


def write_caffe(file, shapes, fill=0.5, values=None):
    """Write a .caffemodel of conv1 and fc2 with blobs of these shapes."""
    net = NetParameter()
    for name, kind in (("conv1", "Convolution"), ("fc2", "InnerProduct")):
        layer = net.layer.add(name=name, type=kind)
        for shape in shapes[name]:
            blob = layer.blobs.add()
            blob.shape.dim.extend(shape)
            count = values or int(np.prod(np.abs(shape)))
            blob.data.extend([fill] * count)
    file.write_bytes(net.SerializeToString())
    return file


SHAPES = {"conv1": [(2, 3, 3, 3), (2,)], "fc2": [(2, 2), (2,)]}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value, model, tmp_path):
    before = model.get_weights()
    files = [write_caffe(tmp_path / "a.caffemodel", SHAPES, value)]
    other = keras.models.clone_model(model)
    weights = [np.array(array) for array in before]
    weights[0][0, 0, 0, 0] = value
    other.set_weights(weights)
    other.save_weights(tmp_path / "a.weights.h5")
    other.save(tmp_path / "a.keras")
    files += [tmp_path / "a.weights.h5", tmp_path / "a.keras"]
    for file in files:
        with pytest.raises(ValueError, match=rf"{file}.* must be finite"):
            load_weights(model, file)
    for array, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize(
    ("name", "shapes", "values"),
    [
        ("conv1", [(-2, 3, -3, 3), (2,)], None),
        ("conv1", [(2**32, 2**32), (2,)], 1),
        ("conv1", [(2**31, 2**31, 4), (2,)], 1),
        ("conv1", [(2,), (2,)], None),
        ("conv1", [(), (2,)], 1),
        ("fc2", [(2,), (2,)], None),
        ("fc2", [(), ()], 1),
        ("fc2", [(0, 2), (2,)], None),
        ("fc2", [(1, 1, 2), (2,)], None),
    ],
)
def test_blobs_that_cannot_be_name_the_file(
    name, shapes, values, model, tmp_path
):
    file = tmp_path / "a.caffemodel"
    write_caffe(file, {**SHAPES, name: shapes}, values=values)
    with pytest.raises(ValueError, match=r"a\.caffemodel"):
        load_weights(model, file)


def test_endings_of_weights_count_without_case(model, tmp_path):
    file = write_caffe(tmp_path / "A.CAFFEMODEL", SHAPES)
    load_weights(model, file)
    np.testing.assert_array_equal(model.get_layer("fc2").bias, [0.5, 0.5])
    model.save(tmp_path / "a.keras")
    (tmp_path / "a.keras").rename(tmp_path / "A.KERAS")
    assert load_weights(model, tmp_path / "A.KERAS").matched
