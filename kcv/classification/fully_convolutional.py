"""Classifiers as fully convolutional networks (Sermanet et al., 2013)."""

import keras


def fully_convolutional(model: keras.Model) -> keras.Model:
    """Turn a classifier with dense layers into one for images of any size.

    The dense layer behind Flatten becomes a convolution over as many cells as
    Flatten saw, 7x7 in VGG, those behind it become 1x1 convolutions, all with
    the same weights (Sermanet et al., arXiv:1312.6229; the dense evaluation of
    Simonyan and Zisserman, arXiv:1409.1556, section 3.2). An image of the
    classifier's own size gives the classifier's answer; a larger one gives one
    answer per position of the window, at the stride of the trunk. Global
    average pooling becomes pooling over windows of the classifier's own size.

    The weights are copies. Layers keep their names; the new kernels have the
    shape of a convolution's, (7, 7, 512, 4096) for fc6 of VGG.

    Args:
        model: A functional classifier built for one image size, such as
            `VGG16()` or `AlexNet()`.

    Returns:
        A model from images (B, height, width, channels) of any size from that
        of `model` on to maps (B, rows, columns, classes) of what `model` gives
        for one image: 384x512 pixels give VGG 6x10 answers.

    Raises:
        ValueError: If the model has more than one output, or does not
            have exactly one Flatten or global average pooling of maps of
            fixed size.

    Example:

    >>> import kcv
    >>> dense = kcv.classification.VGG16(input_shape=(64, 64, 3), classes=5)
    >>> anywhere = fully_convolutional(dense)
    >>> anywhere(keras.ops.zeros((1, 128, 96, 3))).shape
    TensorShape([1, 3, 2, 5])
    """
    if len(model.outputs) != 1:
        raise ValueError(
            f"{model.name} has {len(model.outputs)} outputs, and a classifier "
            "has one: build it without auxiliary heads."
        )
    collapse, window = _collapse(model)
    behind = model.layers[model.layers.index(collapse) :]
    first = next((x for x in behind if isinstance(x, keras.layers.Dense)), None)

    def convert(layer):
        if isinstance(layer, keras.layers.Flatten):
            return keras.layers.Identity(name=layer.name)
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return keras.layers.AveragePooling2D(window, 1, name=layer.name)
        if isinstance(layer, keras.layers.Dense):
            covers = layer is first and isinstance(
                collapse, keras.layers.Flatten
            )
            return _as_convolution(layer, window if covers else 1)
        return layer.__class__.from_config(layer.get_config())

    (images,) = model.inputs
    anywhere = keras.models.clone_model(
        model,
        keras.Input((None, None, images.shape[-1]), name=images.name),
        convert,
    )
    for layer in model.layers:
        if not layer.weights:  # also an input, which may have another name
            continue
        target = anywhere.get_layer(layer.name)
        # Flatten runs through rows, columns, channels, as kernels do.
        target.set_weights(
            [
                value.reshape(variable.shape)
                for value, variable in zip(
                    layer.get_weights(), target.weights, strict=True
                )
            ]
        )
    return anywhere


def _collapse(model):
    """Find the layer that ends the maps, and the size that it sees."""
    kinds = (keras.layers.Flatten, keras.layers.GlobalAveragePooling2D)
    found = [layer for layer in model.layers if isinstance(layer, kinds)]
    shapes = [layer.input.shape for layer in found]
    if len(found) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:3]:
        raise ValueError(
            f"{model.name} must have one layer, Flatten or "
            "GlobalAveragePooling2D, that sees maps of fixed size, received "
            f"{[(x.name, s) for x, s in zip(found, shapes, strict=True)]}. "
            "Build the classifier with include_top=True for one input_shape."
        )
    return found[0], shapes[0][1:3]


def _as_convolution(layer, size):
    return keras.layers.Conv2D(
        layer.units,
        size,
        activation=layer.activation,
        use_bias=layer.use_bias,
        kernel_initializer=layer.kernel_initializer,
        kernel_regularizer=layer.kernel_regularizer,
        bias_initializer=layer.bias_initializer,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
        name=layer.name,
    )
