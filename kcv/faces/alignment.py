"""Alignment of faces by their landmarks.

A similarity transform moves the landmarks as close as possible to a template,
and the image is warped by it (see `kcv.landmarks`). Landmarks are (x, y) in
pixels, with the center of the first pixel at (0, 0): left eye, right eye, tip
of the nose, left and right corner of the mouth, where left is the smaller x of
an upright image.
"""

from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.landmarks import FACE_CROP
from kcv.landmarks import Template
from kcv.landmarks import check_landmarks
from kcv.landmarks import estimate_similarity
from kcv.landmarks import warp
from kcv.layers.image_layer import ImageLayer
from kcv.pixels import to_rgb

__all__ = [
    "DEEPFACE",
    "DEEPID",
    "DEEPID2",
    "FACE_CROP",
    "FIVE_POINTS_112",
    "AlignFaces",
    "Template",
    "align",
]

#: The template of 112 x 112 pixels that newer systems share.
FIVE_POINTS_112 = Template(
    (
        (38.29, 51.70),
        (73.53, 51.50),
        (56.03, 71.74),
        (41.55, 92.37),
        (70.73, 92.20),
    ),
    (112, 112),
)

#: DeepFace (Taigman et al. 2014) sees 152 x 152 pixels. The paper rotates a
#: model of the head in space; here the face is aligned in the plane.
DEEPFACE = FACE_CROP.resize(152)

#: DeepID2 (Sun et al. 2014) aligns both eyes and the middle of the mouth in an
#: image of 55 x 47 pixels. The paper does not say where they are; here they are
#: about where upright faces have them.
DEEPID2 = Template(((13.5, 19.5), (32.5, 19.5), (23.0, 40.5)), (55, 47))

#: DeepID (Sun et al. 2014) aligns the same three points. Its patches of 39 x 31
#: pixels are the whole face at this size, or parts of it that are larger.
DEEPID = DEEPID2.resize((39, 31))


def align(
    image: ArrayLike,
    landmarks: ArrayLike,
    template: Template = FACE_CROP,
    *,
    name: str = "image",
) -> np.ndarray:
    """Align one face.

    Args:
        image: Image. Array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of
            numbers in 0..255.
        landmarks: Five landmarks of the face, (5, 2) xy in pixels.
        template: Where the landmarks are to be. Defaults to `FACE_CROP`, the
            template of rendered faces.
        name: Name of the image in error messages. Defaults to "image".

    Returns:
        The aligned face, (height, width, 3) uint8 RGB. What lies outside the
        image is 0.

    Raises:
        ValueError: If the image is not one, or landmarks are not finite,
            outside the image, or on a line.

    Example:

    >>> points = [[30, 40], [60, 41], [45, 60], [34, 75], [58, 76]]
    >>> align(np.full((100, 90, 3), 128), points).shape
    (64, 64, 3)
    """
    pixels = to_rgb(image)
    points = check_landmarks(landmarks, name=name, size=pixels.shape[:2])
    matrix = _fit(points[np.newaxis], template)
    aligned = warp(pixels[np.newaxis], matrix, template.size)[0]
    return np.rint(aligned.numpy()).astype(np.uint8)


@keras.saving.register_keras_serializable("kcv")
class AlignFaces(ImageLayer):
    """Align faces by given landmarks, inside the graph of a model.

    Call with `[images, landmarks]`: images (B, H, W, C) with one face each, and
    five landmarks of each face (B, 5, 2). Returns the aligned faces (B, height,
    width, C). They are float32 under every dtype policy, because bfloat16
    cannot distinguish pixel 513 from pixel 514. Landmarks receive no gradients.
    A call fails with `InvalidArgumentError` if landmarks are not finite or all
    the same.

    Args:
        template: Positions that the landmarks are moved to: a `Template`, or a
            pair of its three or five points and its size. Defaults to
            `FACE_CROP`.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If the template does not have three or five points.

    Example:

    >>> points = [[30, 40], [60, 41], [45, 60], [34, 75], [58, 76]]
    >>> AlignFaces()([tf.zeros((1, 100, 90, 3)), np.array([points])]).shape
    TensorShape([1, 64, 64, 3])
    """

    INPUTS: ClassVar = {
        "images": "(B, H, W, C)",
        "landmarks": "(B, 5, 2)",
    }

    def __init__(self, template=FACE_CROP, **kwargs):
        super().__init__(autocast=False, **kwargs)
        points, size = template
        self.template = Template(tuple(map(tuple, points)), tuple(size))
        if len(self.template.points) not in (3, 5):
            raise ValueError(
                "`template` must have three or five points. Received: "
                f"template={template}"
            )

    def call(self, inputs):
        images, landmarks = inputs
        landmarks = tf.stop_gradient(tf.cast(landmarks, tf.float32))
        matrices = _fit(landmarks, self.template)
        check = tf.debugging.Assert(
            tf.reduce_all(tf.math.is_finite(matrices)),
            ["landmarks must be finite, and not all the same:", landmarks],
        )
        with tf.control_dependencies([check]):
            matrices = tf.identity(matrices)
        return warp(images, matrices, self.template.size)

    def compute_output_shape(self, input_shape):
        images, _ = input_shape
        return (images[0], *self.template.size, images[-1])

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([x.shape for x in inputs])
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self):
        points, size = self.template
        template = [[list(point) for point in points], list(size)]
        return {**super().get_config(), "template": template}


def _fit(landmarks, template: Template) -> tf.Tensor:
    return estimate_similarity(template.select(landmarks), template.points)
