"""The two signatures of an export: float images and encoded images."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from kcv.layers.region_warp import full_sizes
from kcv.serving.outputs import Outputs
from kcv.serving.outputs import servable
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import prepared_batch
from kcv.serving.preparation import scaled_proposals

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


def proposals_shape(model) -> tuple[int | None, int] | None:
    """Read (P, 4) of the regions that a model is given, None without any."""
    if not isinstance(model.input, dict) or "proposals" not in model.input:
        return None
    return tuple(model.input["proposals"].shape[1:])


def model_inputs(model, images, image_sizes, proposals=None) -> Any:
    """Put images and what belongs to them into the form the model takes."""
    if not isinstance(model.input, dict):
        return images
    given = {
        "images": images,
        "image_sizes": image_sizes,
        "proposals": proposals,
    }
    return {name: given[name] for name in given if name in model.input}


def build_signatures(
    model, outputs: Outputs, prepare: Prepare, freeze: bool
) -> tuple[tf.Module, dict[str, Callable]]:
    """Trace both signatures around one copy of the network.

    Args:
        model: functional Keras model of `images` (B, H, W, C), or of a dict
            with `images` and, where it can tell padding from image,
            `image_sizes` (B, 2) int32, and where it is given its regions,
            `proposals` (B, P, 4) float32.
        outputs: function from predictions to named outputs.
        prepare: function from a decoded image to what the model sees.
        freeze: turn variables into constants.

    Returns:
        The module to save, and signature name to concrete function.
    """
    shape = image_shape(model)
    images_spec = tf.TensorSpec([None, *shape], tf.float32, name="images")
    regions = proposals_shape(model)
    # Without proposals the functions below are traced with None in their
    # place, and the signatures do not have them.
    more = {}
    if regions is not None:
        more["proposals"] = tf.TensorSpec(
            [None, *regions], tf.float32, name="proposals"
        )

    @tf.function
    def network(images, image_sizes, proposals=None):
        x = model_inputs(model, images, image_sizes, proposals)
        return servable(outputs(model(x, training=False), image_sizes))

    traced = network.get_concrete_function(
        images_spec,
        tf.TensorSpec([None, 2], tf.int32, name="image_sizes"),
        **more,
    )
    function = traced
    if freeze:
        # Without lowering, loops stay loops, which a server can still inline
        # and optimize as in the graph with variables.
        function = convert_variables_to_constants_v2(
            traced, lower_control_flow=False
        )

    def run(images, image_sizes, proposals):
        tensors = [images, image_sizes]
        if proposals is not None:
            tensors.append(proposals)
        flat = tf.nest.flatten(function(*tensors))
        return tf.nest.pack_sequence_as(traced.structured_outputs, flat)

    def checked(proposals, batch):
        if proposals is None:
            return None
        proposals = tf.ensure_shape(proposals, [None, *regions])
        tf.debugging.assert_equal(
            tf.shape(proposals)[0],
            tf.shape(batch)[0],
            "each image of the batch needs its row of proposals",
        )
        return proposals

    @tf.function
    def float_images(images, proposals=None):
        # First of all: a tensor of the wrong rank kills the whole process in
        # oneDNN's convolution, and a server checks names, not shapes.
        images = tf.ensure_shape(images, [None, *shape])
        images = _refuse_nothing(images)
        proposals = checked(proposals, images)
        return run(images, full_sizes(images), proposals)

    @tf.function
    def encoded_images(image_bytes, proposals=None):
        image_bytes = tf.ensure_shape(image_bytes, [None])
        image_bytes = _refuse_nothing(image_bytes)
        proposals = checked(proposals, image_bytes)
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
        if proposals is not None:
            proposals = scaled_proposals(proposals, original, sizes)
        images = tf.ensure_shape(images, [None, *shape])
        return {**run(images, sizes, proposals), "image_shape": original}

    module = tf.Module()
    if not freeze:
        module.network_variables = [v.value for v in model.variables]
    return module, {
        FLOAT: float_images.get_concrete_function(images_spec, **more),
        ENCODED: encoded_images.get_concrete_function(
            tf.TensorSpec([None], tf.string, name="image_bytes"), **more
        ),
    }


def _refuse_nothing(batch):
    """Return a batch that cannot be computed with before it was checked."""
    check = tf.debugging.assert_positive(
        tf.size(batch), "the batch holds no image, or an image has no pixels"
    )
    # The network would run beside the check, and fail with words of its own.
    with tf.control_dependencies([check]):
        return tf.identity(batch)
