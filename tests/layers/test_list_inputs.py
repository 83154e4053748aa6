"""Layers that are called with a list say which of its tensors is missing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.layers.list_inputs import check_list

LAYERS = [
    kcv.layers.RoIPool(2, 0.5),
    kcv.layers.MaxUnpool(),
    kcv.layers.CropLike(),
    kcv.layers.RegionWarp(8, context=1),
    kcv.layers.NonMaxSuppression(0.5, 3),
    kcv.layers.HistogramMatching(),
]


def tensors(layer, length=5):
    """Tensors of the ranks, and of the numbers, that the layer needs."""
    return [
        tf.zeros([int(s) if s.isdecimal() else length for s in sides])
        for text in layer.INPUTS.values()
        for sides in [text.strip("()").split(", ")]
    ]


@pytest.fixture(params=LAYERS, ids=lambda layer: type(layer).__name__)
def layer(request):
    return request.param


def test_missing_inputs_are_named(layer):
    given = tensors(layer)
    names = list(layer.INPUTS)
    for count, name in enumerate(names):
        with pytest.raises(
            ValueError, match=f"`{name}` must be given: .*{count} "
        ) as caught:
            layer(given[:count])
        assert f"a list [{', '.join(names)}]" in str(caught.value)
        for optional in layer.OPTIONAL:
            assert f"may be followed by {optional}." in str(caught.value)
    with pytest.raises(ValueError, match=rf"`{names[1]}` .*one input .*\(5, 5"):
        layer(given[0])
    with pytest.raises(ValueError, match="a list of at most"):
        layer(given * 3)


def test_a_wrong_rank_is_named(layer):
    for number, name in enumerate(layer.INPUTS):
        given = tensors(layer)
        given[number] = given[number][0]
        with pytest.raises(ValueError, match=f"`{name}` must have the shape"):
            layer(given)
        with pytest.raises(ValueError, match=f"`{name}` must have the shape"):
            layer([keras.KerasTensor(x.shape) for x in given])


def test_what_is_not_known_is_not_refused():
    layer = kcv.layers.RoIPool(2, 0.5)

    @tf.function(
        input_signature=[tf.TensorSpec(None), tf.TensorSpec([None, None, 4])]
    )
    def pool(features, boxes):
        return layer([tf.reshape(features, (1, 4, 4, 1)), boxes])

    assert pool(tf.ones([1, 4, 4, 1]), tf.ones([1, 3, 4])).shape[-1] == 1
    with pytest.raises(ValueError, match=r"`boxes` .* \(B, N, 4\)"):
        layer((np.ones((1, 4, 4, 1)), np.ones((1, 3, 5))))
    with pytest.raises(ValueError, match="`boxes` must be given"):
        layer([np.ones((1, 4, 4, 1)), None])
    check_list("RoIPool", [tf.ones([1, 4, 4, 1]), _Unknown()], layer.INPUTS, {})


class _Unknown:
    shape = tf.TensorShape(None)


def test_every_layer_of_lists_names_its_inputs():
    """Except those whose lists have any number of tensors."""
    without = [
        kind
        for kind in vars(kcv.layers).values()
        if isinstance(kind, type)
        and "Call with `[" in (kind.__doc__ or "")
        and not kind.INPUTS
    ]
    assert not without
