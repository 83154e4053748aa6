"""The two signatures of an export: float images and encoded images."""

from collections.abc import Callable
from collections.abc import Mapping

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from kcv.layers.region_warp import full_sizes
from kcv.serving.limits import Limits
from kcv.serving.outputs import Outputs
from kcv.serving.outputs import servable
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import prepare_batch
from kcv.serving.preparation import scale_places

FLOAT = "serving_default"
ENCODED = "serving_bytes"

# What a model may be given with each image, in pixels of the image as sent:
# boxes (B, P, 4) xyxy, and points (B, 5, 2) xy.
PLACES = ("proposals", "landmarks")


def image_shape(model: keras.Model) -> tuple[int | None, int | None, int]:
    """Return the shape of the images that a model takes.

    Args:
        model: Functional Keras model.

    Returns:
        Tuple (height, width, channels). A side that is free is None.
    """
    inputs = model.input
    images = inputs["images"] if isinstance(inputs, dict) else inputs
    return tuple(images.shape[1:])


def takes_sizes(model: keras.Model) -> bool:
    """Return whether a model distinguishes an image from its padding.

    Args:
        model: Functional Keras model.

    Returns:
        True if the model has an input `image_sizes`.
    """
    return isinstance(model.input, dict) and "image_sizes" in model.input


def place_shapes(
    model: keras.Model,
) -> dict[str, tuple[int | None, int]]:
    """Read the shapes of the places that a model is given with its images.

    Args:
        model: Functional Keras model.

    Returns:
        Dict from "proposals" to (P, 4), and from "landmarks" to (5, 2), as far
        as the model has such an input.
    """
    if not isinstance(model.input, dict):
        return {}
    return {
        name: tuple(model.input[name].shape[1:])
        for name in PLACES
        if name in model.input
    }


def model_inputs(
    model: keras.Model,
    images: tf.Tensor,
    image_sizes: tf.Tensor,
    places: Mapping[str, tf.Tensor],
) -> tf.Tensor | dict[str, tf.Tensor]:
    """Arrange images, sizes and places as the inputs of a model.

    Args:
        model: Functional Keras model.
        images: Images (B, H, W, C) float32.
        image_sizes: Height and width of each image, (B, 2) int32.
        places: Boxes (B, P, 4) and points (B, 5, 2), float32 by the name of the
            input.

    Returns:
        The images if the model has one input, otherwise a dict of the inputs
        that it has.
    """
    if not isinstance(model.input, dict):
        return images
    given = {"images": images, "image_sizes": image_sizes, **places}
    return {name: given[name] for name in given if name in model.input}


def build_signatures(
    model: keras.Model,
    outputs: Outputs,
    prepare: Prepare,
    freeze: bool,
    limits: Limits,
) -> tuple[tf.Module, dict[str, Callable]]:
    """Trace both signatures around one copy of the network.

    Args:
        model: Functional Keras model of `images` (B, H, W, C), or of a dict
            with `images` and, where it can tell padding from image,
            `image_sizes` (B, 2) int32, where it is given its regions,
            `proposals` (B, P, 4) float32, and where it is given points of a
            face, `landmarks` (B, 5, 2) float32.
        outputs: Function from predictions to named outputs.
        prepare: Function from a decoded image to what the model sees.
        freeze: Whether to turn variables into constants.
        limits: Sizes of the requests that are answered.

    Returns:
        The module to save, and signature name to concrete function.
    """
    shape = image_shape(model)
    images_spec = tf.TensorSpec([None, *shape], tf.float32, name="images")
    places = place_shapes(model)
    place_specs = {
        name: tf.TensorSpec([None, *rest], tf.float32, name=name)
        for name, rest in places.items()
    }

    @tf.function
    def network(images, image_sizes, given):
        x = model_inputs(model, images, image_sizes, given)
        return servable(outputs(model(x, training=False), image_sizes))

    traced = network.get_concrete_function(
        images_spec,
        tf.TensorSpec([None, 2], tf.int32, name="image_sizes"),
        place_specs,
    )
    function = traced
    if freeze:
        # Without lowering, loops stay loops, which a server can still inline
        # and optimize as in the graph with variables.
        function = convert_variables_to_constants_v2(
            traced, lower_control_flow=False
        )

    def run(images, image_sizes, given):
        flat = function(*tf.nest.flatten([images, image_sizes, given]))
        return tf.nest.pack_sequence_as(
            traced.structured_outputs, tf.nest.flatten(flat)
        )

    def checked(batch, **given):
        # A signature does not have the arguments that are None.
        return {
            name: limits.check_places(given[name], rest, batch, name)
            for name, rest in places.items()
        }

    @tf.function
    def float_images(images, proposals=None, landmarks=None):
        # First of all: a tensor of the wrong rank kills the whole process in
        # oneDNN's convolution, and a server checks names, not shapes.
        images = tf.ensure_shape(images, [None, *shape])
        images = limits.check_images(images)
        given = checked(images, proposals=proposals, landmarks=landmarks)
        return run(images, full_sizes(images), given)

    @tf.function
    def encoded_images(image_bytes, proposals=None, landmarks=None):
        image_bytes = tf.ensure_shape(image_bytes, [None])
        image_bytes = limits.check_batch(image_bytes)
        given = checked(image_bytes, proposals=proposals, landmarks=landmarks)
        images, sizes, original = prepare_batch(
            image_bytes, prepare, shape[-1], limits
        )
        if not takes_sizes(model):
            tf.debugging.assert_equal(
                sizes,
                full_sizes(images),
                "this model cannot tell an image from padding: the images of "
                "one batch must have one size",
            )
        given = {
            name: scale_places(tensor, original, sizes)
            for name, tensor in given.items()
        }
        images = tf.ensure_shape(images, [None, *shape])
        return {**run(images, sizes, given), "image_shape": original}

    module = tf.Module()
    if not freeze:
        module.network_variables = [v.value for v in model.variables]
    return module, {
        FLOAT: float_images.get_concrete_function(images_spec, **place_specs),
        ENCODED: encoded_images.get_concrete_function(
            tf.TensorSpec([None], tf.string, name="image_bytes"), **place_specs
        ),
    }
