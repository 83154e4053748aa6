"""The two signatures of an export: float images and encoded images."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from kcv.serving.outputs import Outputs
from kcv.serving.outputs import servable
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import prepared_batch

FLOAT = "serving_default"
ENCODED = "serving_bytes"


def image_shape(model) -> tuple[int | None, int | None, int]:
    """Read (height, width, channels) of the images that a model takes."""
    inputs = model.input
    images = inputs["images"] if isinstance(inputs, dict) else inputs
    return tuple(images.shape[1:])


def takes_sizes(model) -> bool:
    """Tell whether a model can tell an image from its padding."""
    return isinstance(model.input, dict) and "image_sizes" in model.input


def model_inputs(model, images, image_sizes) -> Any:
    """Put images and their sizes into the form that the model takes."""
    if not isinstance(model.input, dict):
        return images
    if takes_sizes(model):
        return {"images": images, "image_sizes": image_sizes}
    return {"images": images}


def full_sizes(images: tf.Tensor) -> tf.Tensor:
    """Give the (B, 2) sizes of images that fill their canvas."""
    shape = tf.shape(images)
    return tf.tile(shape[tf.newaxis, 1:3], [shape[0], 1])


def build_signatures(
    model, outputs: Outputs, prepare: Prepare, freeze: bool
) -> tuple[tf.Module, dict[str, Callable]]:
    """Trace both signatures around one copy of the network.

    Args:
        model: functional Keras model of `images` (B, H, W, C), or of a dict
            with `images` and, where it can tell padding from image,
            `image_sizes` (B, 2) int32.
        outputs: function from predictions to named outputs.
        prepare: function from a decoded image to what the model sees.
        freeze: turn variables into constants.

    Returns:
        The module to save, and signature name to concrete function.
    """
    shape = image_shape(model)

    @tf.function
    def network(images, image_sizes):
        x = model_inputs(model, images, image_sizes)
        return servable(outputs(model(x, training=False), image_sizes))

    traced = network.get_concrete_function(
        tf.TensorSpec([None, *shape], tf.float32, name="images"),
        tf.TensorSpec([None, 2], tf.int32, name="image_sizes"),
    )
    run = traced
    if freeze:
        # Without lowering, loops stay loops, which a server can still inline
        # and optimise as in the graph with variables.
        frozen = convert_variables_to_constants_v2(
            traced, lower_control_flow=False
        )

        def run(images, image_sizes):
            flat = tf.nest.flatten(frozen(images, image_sizes))
            return tf.nest.pack_sequence_as(traced.structured_outputs, flat)

    @tf.function
    def float_images(images):
        # First of all: a tensor of the wrong rank kills the whole process in
        # oneDNN's convolution, and a server checks names, not shapes.
        images = tf.ensure_shape(images, [None, *shape])
        _refuse_nothing(images)
        return run(images, full_sizes(images))

    @tf.function
    def encoded_images(image_bytes):
        image_bytes = tf.ensure_shape(image_bytes, [None])
        _refuse_nothing(image_bytes)
        images, sizes, original = prepared_batch(
            image_bytes, prepare, channels=shape[-1]
        )
        if not takes_sizes(model):
            tf.debugging.assert_equal(
                sizes,
                full_sizes(images),
                "this model cannot tell an image from padding: the images of "
                "one batch must have one size",
            )
        images = tf.ensure_shape(images, [None, *shape])
        return {**run(images, sizes), "image_shape": original}

    module = tf.Module()
    if not freeze:
        module.network_variables = [v.value for v in model.variables]
    return module, {
        FLOAT: float_images.get_concrete_function(
            tf.TensorSpec([None, *shape], tf.float32, name="images")
        ),
        ENCODED: encoded_images.get_concrete_function(
            tf.TensorSpec([None], tf.string, name="image_bytes")
        ),
    }


def _refuse_nothing(batch):
    tf.debugging.assert_positive(
        tf.size(batch), "the batch holds no image, or an image has no pixels"
    )
