"""Let face networks take whole images and the landmarks of a face."""

import keras

from kcv.faces.alignment import DEEPID2
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import AlignFaces
from kcv.faces.alignment import Template
from kcv.training.image_model import image_model


def align_inputs(
    model: keras.Model, template: Template | None = None
) -> keras.Model:
    """Make a model that aligns faces by given landmarks before it embeds them.

    The alignment is a part of the graph, so that a server needs images and
    landmarks, and not a program that aligns as the training did.

    Args:
        model: Model from aligned faces (B, height, width, C) to unit vectors
            (B, D), such as a `FaceEmbedder`.
        template: Where the landmarks are to be. Its size must be that of the
            images of `model`. If None, it is that of rendered faces,
            `kcv.faces.alignment.FACE_CROP`, for square images, and `DEEPID2`
            for others, scaled to the size of the model. Defaults to None.

    Returns:
        A model from `{"images": (B, H, W, C), "landmarks": (B, 5, 2)}` to unit
        vectors (B, D). Images have any size and one face each. Landmarks are
        xy in pixels: left eye, right eye, tip of the nose, left and right
        corner of the mouth.

    Raises:
        ValueError: If the template has another size than the images of `model`.

    Example:

    >>> import numpy as np
    >>> from kcv.faces import DeepID
    >>> model = align_inputs(DeepID())
    >>> points = [[30, 40], [60, 41], [45, 60], [34, 75], [58, 76]]
    >>> inputs = {
    ...     "images": np.zeros((1, 100, 90, 3)),
    ...     "landmarks": np.array([points]),
    ... }
    >>> model.predict(inputs, verbose=0).shape
    (1, 160)
    """
    *size, channels = model.input_shape[1:]
    if template is None:
        template = FACE_CROP if size[0] == size[1] else DEEPID2
        template = template.resize(tuple(size))
    if tuple(template.size) != tuple(size):
        raise ValueError(
            "`template` must have the size of the model's images, "
            f"{tuple(size)}. Received: template.size={tuple(template.size)}"
        )
    inputs = {
        "images": keras.Input((None, None, channels), name="images"),
        "landmarks": keras.Input((5, 2), name="landmarks"),
    }
    faces = AlignFaces(template, name="align_faces")([*inputs.values()])
    return image_model(inputs, model(faces), f"aligned_{model.name}")
