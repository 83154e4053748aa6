"""What an export answers with: named outputs from a model's predictions.

An `outputs` function takes a model's predictions and (B, 2) int32 image sizes
(height, width), and returns name to tensor, the batch first in each. Every
chapter can bring its own; `publish` takes it as an argument.
"""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

Outputs = Callable[[Any, tf.Tensor], dict[str, tf.Tensor]]

# What a label map of uint8 can hold.
MAX_LABELS = 256

DETECTIONS = ("boxes", "scores", "labels", "num_detections")


def detection_outputs(
    predictions: dict[str, tf.Tensor],
    image_sizes: tf.Tensor,
    class_names: Sequence[str] = (),
) -> dict[str, tf.Tensor]:
    """Name detections as the TensorFlow Object Detection API does.

    Args:
        predictions: Predictions of a detector of kcv. Dict of `boxes`
            (B, N, 4) float32 xyxy pixels, `scores` (B, N) float32, `labels`
            (B, N) int32 from 0, -1 where padded, and `num_detections` (B,)
            int32. It may have `landmarks` (B, N, P, 2) float32 xy pixels.
        image_sizes: Height and width that the boxes refer to. Tensor (B, 2)
            int32.
        class_names: Names of the classes 0, 1, ... Defaults to an empty
            sequence, for an answer without names.

    Returns:
        Dict of `detection_boxes` (B, N, 4) float32 (ymin, xmin, ymax, xmax)
        divided by the image's height and width, so 0..1 in the image as it was
        sent; `detection_scores` (B, N) float32; `detection_classes` (B, N)
        int32 that count from **1** as in that API, 0 where padded; and
        `num_detections` (B,) int32. (The API's own exporter gives the last two
        as float32.) With names also `class_names` (B, N) string, "" where
        padded. With landmarks also `detection_keypoints` (B, N, P, 2) float32,
        (y, x) divided by the image's height and width.
    """
    size = tf.cast(image_sizes, tf.float32)[:, tf.newaxis, :]  # (B, 1, 2)
    x1, y1, x2, y2 = tf.unstack(predictions["boxes"], axis=-1)
    height, width = size[..., 0], size[..., 1]
    answer = {
        "detection_boxes": tf.stack(
            [y1 / height, x1 / width, y2 / height, x2 / width], axis=-1
        ),
        "detection_scores": predictions["scores"],
        "detection_classes": predictions["labels"] + 1,
        "num_detections": predictions["num_detections"],
    }
    if class_names:
        answer["class_names"] = _names_of(predictions["labels"], class_names)
    if "landmarks" in predictions:
        points = tf.reverse(predictions["landmarks"], [-1])
        answer["detection_keypoints"] = points / size[:, tf.newaxis]
    return answer


def _names_of(labels, class_names):
    """Look up names. A label without a name, such as -1, has the name ""."""
    named = (labels >= 0) & (labels < len(class_names))
    # The lookup of a number that is not in the list would be an error.
    return tf.gather(
        tf.constant(["", *class_names]), tf.where(named, labels + 1, 0)
    )


@dataclasses.dataclass(frozen=True)
class TopClasses:
    """Name the most probable classes of each image, the best first.

    Args:
        class_names: Names of the labels 0, 1, ...
        count: Maximum number of classes in an answer. Defaults to 5.

    Call with probabilities (B, classes) and image sizes. Returns `classes`
    (B, count) int32 from 0, `class_names` (B, count) string, `scores`
    (B, count) float32, and `probabilities` (B, classes) float32.

    Raises:
        ValueError: If the count is below 1, or the names are not as many as
            the model's classes.

    Example:
        >>> outputs = TopClasses(["cat", "dog", "cow"], count=2)
        >>> outputs(tf.constant([[0.1, 0.6, 0.3]]))["class_names"].numpy()
        array([[b'dog', b'cow']], dtype=object)
    """

    class_names: Sequence[str]
    count: int = 5

    def __post_init__(self):
        if self.count < 1:
            raise ValueError(
                f"`count` must be at least 1. Received: count={self.count}"
            )

    def __call__(self, probabilities, image_sizes=None):
        classes = probabilities.shape[-1]
        _check_count(self.class_names, classes)
        scores, best = tf.math.top_k(probabilities, min(self.count, classes))
        return {
            "classes": best,
            "class_names": tf.gather(tf.constant(self.class_names), best),
            "scores": scores,
            "probabilities": probabilities,
        }


def label_maps(
    logits: tf.Tensor,
    image_sizes: tf.Tensor | None = None,
    class_names: Sequence[str] = (),
) -> dict[str, tf.Tensor]:
    """Name the class of each pixel.

    Args:
        logits: Class scores (B, H, W, C) float32, background first. C is at
            most 256.
        image_sizes: Sizes (B, 2) int32 of the images, which this answer does
            not need. Defaults to None.
        class_names: Names of the C classes. Defaults to none, for an answer
            without names.

    Returns:
        Dict of `labels` (B, H, W) uint8, which PNG can hold; `scores`
        (B, H, W) float32, the probability of each label; and `class_scores`
        (B, C) float32, the highest probability of each class anywhere in the
        image. With names also `class_names` (B, C) string, the name of each
        label, the same for every image.

    Raises:
        ValueError: If there are more than 256 classes, or the names are not as
            many as the classes.

    Example:

    >>> logits = tf.constant([[[[0.0, 9.0], [9.0, 0.0]]]])
    >>> answers = label_maps(logits, class_names=("background", "cat"))
    >>> answers["labels"].numpy()
    array([[[1, 0]]], dtype=uint8)
    >>> answers["class_names"].numpy()
    array([[b'background', b'cat']], dtype=object)
    """
    del image_sizes
    classes = logits.shape[-1]
    if (classes or 0) > MAX_LABELS:
        raise ValueError(
            f"`logits` must be of at most {MAX_LABELS} classes, whose labels "
            f"fit into uint8. Received: logits of shape {logits.shape}"
        )
    probabilities = tf.nn.softmax(logits)
    answer = {
        "labels": tf.cast(tf.argmax(logits, -1), tf.uint8),
        "scores": tf.reduce_max(probabilities, -1),
        "class_scores": tf.reduce_max(probabilities, [1, 2]),
    }
    if class_names:
        _check_count(class_names, classes)
        # Every output of a server has the batch first.
        answer["class_names"] = tf.tile(
            tf.constant([tuple(class_names)]), [tf.shape(logits)[0], 1]
        )
    return answer


def _check_count(class_names, classes):
    if len(class_names) != classes:
        raise ValueError(
            f"`class_names` must name each of the model's {classes} "
            f"classes. Received {len(class_names)} names"
        )


def pictures(
    images: tf.Tensor, image_sizes: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """Answer with images that can be shown, as style transfer makes them.

    Args:
        images: Images (B, H, W, 3) float32, RGB 0..255, neither clipped nor
            rounded.
        image_sizes: Sizes (B, 2) int32 of the images, which this answer does
            not need. Defaults to None.

    Returns:
        Dict with `images` (B, H, W, 3) uint8.

    Example:
        >>> answers = pictures(tf.constant([[[[300.0, 0.4, -7.0]]]]))
        >>> answers["images"].numpy()
        array([[[[255,   0,   0]]]], dtype=uint8)
    """
    del image_sizes
    pixels = tf.cast(tf.round(tf.clip_by_value(images, 0, 255)), tf.uint8)
    return {"images": pixels}


def embeddings(
    vectors: tf.Tensor, image_sizes: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """Answer with the embeddings of faces.

    Args:
        vectors: Unit vectors (B, D) float32.
        image_sizes: Sizes (B, 2) int32 of the images, which this answer does
            not need. Defaults to None.

    Returns:
        Dict with `embeddings`, the vectors (B, D) float32.

    Example:

    >>> embeddings(tf.constant([[0.6, 0.8]]))["embeddings"].shape
    TensorShape([1, 2])
    """
    del image_sizes
    return {"embeddings": vectors}


def predictions_as_outputs(
    predictions: Any, image_sizes: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Answer with the predictions of a model, unchanged.

    Args:
        predictions: Predictions of the model: a tensor, or a dict of tensors.
        image_sizes: Sizes (B, 2) int32 of the images, which this answer does
            not need.

    Returns:
        Dict of the predictions. A single tensor is named `outputs`.
    """
    del image_sizes
    if isinstance(predictions, dict):
        return dict(predictions)
    return {"outputs": predictions}


def choose_outputs(model: keras.Model) -> Outputs:
    """Choose the function that names the outputs of a model.

    Args:
        model: Functional Keras model.

    Returns:
        `detection_outputs` if the model gives detections, otherwise
        `predictions_as_outputs`.
    """
    names = model.output if isinstance(model.output, dict) else {}
    if set(DETECTIONS) <= set(names):
        return detection_outputs
    return predictions_as_outputs


def with_class_names(outputs: Outputs, class_names: Sequence[str]) -> Outputs:
    """Let the answer of a detector or a segmenter name the classes.

    Args:
        outputs: Function from predictions to named outputs.
        class_names: Names of the classes 0, 1, ..., or an empty sequence.

    Returns:
        The function with the names, if it is `detection_outputs` or
        `label_maps`. Any other function is returned as it is.
    """
    if class_names and outputs in (detection_outputs, label_maps):
        return functools.partial(outputs, class_names=tuple(class_names))
    return outputs


def servable(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Cast outputs to dtypes that JSON can represent.

    Args:
        outputs: Tensors by name.

    Returns:
        The tensors, of which floating point is float32 and int64 is int32.
    """
    return {name: _cast(tensor) for name, tensor in outputs.items()}


def _cast(tensor):
    tensor = tf.convert_to_tensor(tensor)
    if tensor.dtype.is_floating:
        return tf.cast(tensor, tf.float32)
    if tensor.dtype == tf.int64:
        return tf.cast(tensor, tf.int32)
    return tensor
