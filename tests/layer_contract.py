"""What holds for every layer, checked in one place."""

import keras
import numpy as np
import tensorflow as tf

KEPT_DIGITS = {"mixed_bfloat16": 2**-6, "mixed_float16": 2**-8}


def check_layer(
    layer,
    inputs,
    folder,
    *,
    expected=None,
    free=None,
    differentiable=True,
    gradient_dtype="float64",
    keeps_float32=False,
):
    """Take a layer through all that a user of Keras may do with it.

    Args:
        layer: The layer, not yet built. Its variables get random values.
        inputs: Array or list of arrays that it is called with.
        folder: Path of an empty folder for the files of models.
        expected: What the layer must return for these inputs before its
            variables are changed, computed without kcv. Array, or tuple of
            arrays for several outputs. None leaves this to other tests.
        free: Shape, or list of shapes as the inputs, with None for each
            dimension that a model may leave open. Defaults to shapes with a
            free batch alone.
        differentiable: Whether gradients reach the inputs, as one bool for all
            or one for each. Where they must not, they are None.
        gradient_dtype: Floating dtype for the comparison with differences;
            "float32" for a layer that computes in nothing else.
        keeps_float32: Whether the outputs are float32 under any dtype policy.
    """
    is_list = isinstance(inputs, list)
    arrays = [np.asarray(x) for x in (inputs if is_list else [inputs])]
    if free is None:
        free = [(None, *x.shape[1:]) for x in arrays]
    else:
        free = free if is_list else [free]
    if expected is not None:
        values = expected if isinstance(expected, tuple) else (expected,)
        wanted = [np.asarray(value) for value in values]
        _assert_same(_flat(layer(inputs)), wanted, 1e-5)
    _randomize(layer, arrays, is_list)
    outputs = _flat(layer(inputs))

    _check_config(layer)
    _check_shapes(layer, arrays, is_list, outputs, free)
    _check_graph(layer, arrays, is_list, outputs, free)
    _check_files(layer, arrays, is_list, outputs, free, folder)
    if isinstance(differentiable, bool):
        differentiable = [differentiable] * len(arrays)
    for policy, digits in KEPT_DIGITS.items():
        with _policy(policy):
            mixed = _copy(layer, arrays, is_list)
        compute = keras.DTypePolicy(policy).compute_dtype
        # In a model, maps come in the policy's dtype, boxes in float32.
        rounded = [
            tf.cast(x, compute) if differs else x
            for x, differs in zip(arrays, differentiable, strict=True)
        ]
        found = mixed(_joined(rounded, is_list))
        dtype = "float32" if keeps_float32 else compute
        _check_rounded(found, outputs, dtype, digits)
        assert all(variable.dtype == "float32" for variable in mixed.weights)
    _check_gradient(layer, arrays, is_list, differentiable, gradient_dtype)


def _flat(values):
    return [np.asarray(value) for value in keras.tree.flatten(values)]


def _joined(values, is_list):
    return list(values) if is_list else values[0]


def _assert_same(found, expected, rtol=0.0):
    assert len(found) == len(expected)
    for value, other in zip(found, expected, strict=True):
        assert value.shape == other.shape
        scale = np.abs(other).max(initial=0) if other.dtype != bool else 0
        np.testing.assert_allclose(
            value.astype("float64"),
            other.astype("float64"),
            rtol=rtol,
            atol=rtol * scale,
        )


def _randomize(layer, arrays, is_list):
    """Give variables values that no initializer and no formula would hide."""
    if not layer.built:
        layer(_joined(arrays, is_list))
    rng = np.random.default_rng(0)
    for variable in layer.weights:
        if np.issubdtype(variable.dtype, np.floating):
            variable.assign(abs(rng.normal(1, 0.3, variable.shape)))


def _copy(layer, arrays, is_list, dtype=None):
    """Make the layer from its config, with its values, of another dtype.

    Without a dtype, of the one that it takes under the policy of the moment.
    """
    config = layer.get_config()
    del config["dtype"]
    if dtype is not None:
        config["dtype"] = dtype
    copy = type(layer).from_config(config)
    copy(_joined(arrays, is_list))
    copy.set_weights(layer.get_weights())
    return copy


def _check_config(layer):
    stored = keras.saving.serialize_keras_object(layer)
    # No custom_objects: the class is registered by importing kcv.
    again = keras.saving.deserialize_keras_object(stored)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    assert again.trainable == layer.trainable


def _check_shapes(layer, arrays, is_list, outputs, free):
    """What is said in advance of shapes and dtypes is what comes."""
    shapes = _joined([x.shape for x in arrays], is_list)
    said = layer.compute_output_shape(shapes)
    said = [said] if len(outputs) == 1 else list(said)
    assert [tuple(s) for s in said] == [y.shape for y in outputs]
    for symbolic in (
        [keras.KerasTensor(x.shape, dtype=x.dtype.name) for x in arrays],
        [
            keras.KerasTensor(shape, dtype=x.dtype.name)
            for shape, x in zip(free, arrays, strict=True)
        ],
    ):
        specs = keras.tree.flatten(layer(_joined(symbolic, is_list)))
        for spec, output in zip(specs, outputs, strict=True):
            assert spec.dtype == output.dtype.name
            assert len(spec.shape) == output.ndim
            for side, actual in zip(spec.shape, output.shape, strict=True):
                assert side in (None, actual)


def _check_graph(layer, arrays, is_list, outputs, free):
    """A graph for any size gives what eager calls give."""
    signature = [
        tf.TensorSpec(shape, x.dtype)
        for shape, x in zip(free, arrays, strict=True)
    ]
    graph = tf.function(
        lambda *x: layer(_joined(x, is_list)), input_signature=signature
    )
    _assert_same(_flat(graph(*arrays)), outputs, 1e-6)


def _check_files(layer, arrays, is_list, outputs, free, folder):
    """A model with the layer is saved, loaded and cloned."""
    symbolic = [
        keras.Input(batch_shape=shape, dtype=x.dtype.name)
        for shape, x in zip(free, arrays, strict=True)
    ]
    inputs = _joined(symbolic, is_list)
    model = keras.Model(inputs, layer(inputs))
    x = _joined(arrays, is_list)
    model.save(folder / "layer.keras")
    model.save_weights(folder / "layer.weights.h5")
    again = keras.saving.load_model(folder / "layer.keras")
    assert type(again.layers[-1]) is type(layer)
    assert again.layers[-1].get_config() == layer.get_config()
    _assert_same(_flat(again(x)), outputs, 1e-6)
    with _policy("mixed_bfloat16"):
        elsewhere = keras.saving.load_model(folder / "layer.keras")
    _assert_same(_flat(elsewhere(x)), outputs, 1e-6)
    clone = keras.models.clone_model(model)
    clone.load_weights(folder / "layer.weights.h5")
    _assert_same(_flat(clone(x)), outputs, 1e-6)


class _policy:
    """Context in which layers are made under a dtype policy."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.name)

    def __exit__(self, *_):
        keras.config.set_dtype_policy(self.before)


def _check_rounded(found, outputs, dtype, digits):
    """Under mixed precision, values are rounded and nothing worse."""
    for value, output in zip(keras.tree.flatten(found), outputs, strict=True):
        if output.dtype == "float32":
            assert value.dtype == dtype
            scale = np.abs(output).max(initial=0)
            np.testing.assert_allclose(
                tf.cast(value, tf.float32), output, atol=digits * scale
            )
        else:
            assert value.dtype == output.dtype


def _check_gradient(layer, arrays, is_list, differentiable, dtype):
    """Gradients are those of differences, along a random direction."""
    arrays = [
        x.astype(dtype) if differs and x.dtype == "float32" else x
        for x, differs in zip(arrays, differentiable, strict=True)
    ]
    layer = _copy(layer, arrays, is_list, dtype)
    inputs = [tf.Variable(x) for x in arrays]
    variables = list(layer.trainable_variables)
    rng = np.random.default_rng(1)
    upstream = [
        rng.normal(size=y.shape) if y.dtype.kind == "f" else None
        for y in _flat(layer(_joined(inputs, is_list)))
    ]

    def total():
        outputs = keras.tree.flatten(layer(_joined(inputs, is_list)))
        return sum(
            tf.reduce_sum(tf.cast(y, "float64") * up)
            for y, up in zip(outputs, upstream, strict=True)
            if up is not None
        )

    watched = [*inputs, *(v.value for v in variables)]
    with tf.GradientTape() as tape:
        loss = total()
    slopes = (
        [None] * len(watched)  # of indices there is no sum
        if isinstance(loss, int)
        else tape.gradient(loss, watched)
    )
    for slope, differs in zip(slopes, differentiable, strict=False):
        assert (slope is not None) == differs
    assert all(slope is not None for slope in slopes[len(inputs) :])
    moved = [
        (variable, tf.convert_to_tensor(slope))
        for variable, slope in zip(watched, slopes, strict=True)
        if slope is not None
    ]
    step = 1e-6 if dtype == "float64" else 1e-2
    for variable, slope in moved:
        direction = tf.constant(rng.normal(size=slope.shape), slope.dtype)
        start = variable.numpy()
        sides = []
        for sign in (1, -1):
            variable.assign(start + sign * step * direction)
            sides.append(total())
        variable.assign(start)
        np.testing.assert_allclose(
            tf.reduce_sum(tf.cast(slope * direction, "float64")),
            (sides[0] - sides[1]) / (2 * step),
            rtol=1e-6 if dtype == "float64" else 2e-2,
            atol=1e-7 if dtype == "float64" else 1e-2,
        )
