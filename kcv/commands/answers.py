"""What a model answers about images, in pixels of the images as they are.

A Keras model and a published one have the same interface: `encode` prepares an
image inside a `tf.data` pipeline, `group` says which images may be in one
batch, and `answer` is given such a batch.

Shapes: N detections of an image of H x W pixels, C classes, D dimensions.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import Literal
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kcv.masks import decode_runs
from kcv.serving.outputs import Outputs
from kcv.serving.outputs import predictions_as_outputs
from kcv.serving.outputs import servable
from kcv.serving.preparation import prepare_image
from kcv.serving.serving_config import ServingConfig
from kcv.serving.signatures import ENCODED
from kcv.serving.signatures import image_shape
from kcv.serving.signatures import model_inputs
from kcv.serving.signatures import place_shapes
from kcv.serving.signatures import takes_sizes
from kcv.serving.trained_model import TrainedModel

Kind = Literal[
    "classification",
    "detection",
    "faces",
    "masks",
    "proposals",
    "segmentation",
    "style",
]
#: What a model answers about one image, by name.
Answer = dict[str, Any]

# Names of outputs that tell what a model is for, the most telling first.
_TELLING: dict[Kind, set[str]] = {
    "masks": {"masks", "boxes", "scores"},
    "detection": {"boxes", "scores", "labels", "num_detections"},
    "proposals": {"proposals", "scores"},
    "classification": {"probabilities"},
    "segmentation": {"labels", "scores"},
    "style": {"images"},
    "faces": {"embeddings"},
}
# Padded images of one batch differ in their sides by less than this, in pixels.
_SIDE = 32


class Batch(NamedTuple):
    """Images that a model is asked about together.

    Attributes:
        images: Decoded images (H, W, 3) uint8.
        encoded: The same images as `encode` has prepared them.
        proposals: Boxes (P, 4) float32 of each image, in its pixels. None for a
            model that needs no proposals. Defaults to None.
    """

    images: Sequence[np.ndarray]
    encoded: Sequence[Any]
    proposals: Sequence[np.ndarray] | None = None


class KerasAnswers:
    """Answers of a Keras model, equal to those of `predict`.

    Args:
        trained: The model, its task and its preparation.

    Attributes:
        model: The Keras model.
        kind: Task of the model.
        class_names: Names of the classes 0, 1, ..., or an empty tuple.
        needs_proposals: Whether the model is given boxes with each image.

    Raises:
        ValueError: If nothing tells what the model is for, or it needs
            landmarks.
    """

    def __init__(self, trained: TrainedModel):
        model, task, self._prepare, self.class_names = trained
        self.model = model
        outputs: Outputs = predictions_as_outputs
        if task is not None:
            config = ServingConfig(task, self._prepare, self.class_names)
            outputs = config.outputs or outputs
        self._takes_sizes = takes_sizes(model)
        shape = image_shape(model)
        self._channels = shape[-1]
        places = place_shapes(model)
        _refuse_landmarks(places)
        self.needs_proposals = "proposals" in places
        specs = {
            name: tf.TensorSpec([None, *rest], tf.float32)
            for name, rest in places.items()
        }

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, *shape], tf.float32),
                tf.TensorSpec([None, 2], tf.int32),
                specs,
            ]
        )
        def network(images, sizes, given):
            x = model_inputs(model, images, sizes, given)
            return servable(outputs(model(x, training=False), sizes))

        self._network: Callable[..., dict[str, tf.Tensor]] = network
        names = network.get_concrete_function().structured_outputs
        self.kind = _recognize_kind(names, model.name)

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Prepare an image for the model, as an operation of a graph.

        Args:
            image: Image (H, W, 3) uint8 RGB.

        Returns:
            The prepared image (h, w, C) float32.
        """
        return prepare_image(image, self._prepare, self._channels)

    def group(self, image: np.ndarray, encoded: np.ndarray) -> Hashable:
        """Return the group of an image. Images of one group form batches.

        Args:
            image: Image (H, W, 3) uint8 RGB.
            encoded: The image (h, w, C) as `encode` returns it.

        Returns:
            Value that is equal for all images of a group.
        """
        if self._takes_sizes:
            # Not too much padding, which takes time.
            return tuple(-(-side // _SIDE) for side in encoded.shape[:2])
        return encoded.shape

    def answer(self, batch: Batch) -> list[Answer]:
        """Ask the model about a batch of images.

        Args:
            batch: Images with the same `group`.

        Returns:
            For each image a dict, whose names depend on `kind`: `boxes` (N, 4)
            float64 xyxy with `scores` (N,), `labels` (N,) from 0, `landmarks`
            (N, 5, 2) or `masks` (N, H, W) uint8, as far as the model has them;
            `probabilities` (C,); `label_map` (H, W) uint8; `image` (h, w, 3)
            uint8; or `embedding` (D,).
        """
        sizes = np.array([x.shape[:2] for x in batch.encoded], np.int32)
        canvas = np.zeros(
            (len(sizes), *sizes.max(0), self._channels), np.float32
        )
        for own, encoded in zip(canvas, batch.encoded, strict=True):
            own[: encoded.shape[0], : encoded.shape[1]] = encoded
        shapes = np.array([x.shape[:2] for x in batch.images])
        given = {}
        if batch.proposals is not None:
            ratio = _xyxy(sizes / shapes)
            given["proposals"] = _pad(batch.proposals) * ratio[:, np.newaxis]
        found = self._network(canvas, sizes, given)
        arrays = {name: value.numpy() for name, value in found.items()}
        return [
            _in_pixels(
                self.kind, {k: v[i] for k, v in arrays.items()}, size, shape
            )
            for i, (size, shape) in enumerate(zip(sizes, shapes, strict=True))
        ]


class SavedAnswers:
    """Answers of a model that `kcv.serving.publish` has written.

    Args:
        loaded: The loaded SavedModel.
        class_names: Names of the classes 0, 1, ..., or an empty tuple.
        name: Name of the model in error messages.
        is_scaled: Whether the model scales images.

    Attributes:
        kind: Task of the model.
        class_names: Names of the classes 0, 1, ..., or an empty tuple.
        needs_proposals: Whether the model is given boxes with each image.

    Raises:
        ValueError: If it has no signature for encoded images, nothing tells
            what the model is for, it needs landmarks, or its masks or
            proposals are those of scaled images.
    """

    def __init__(
        self,
        loaded: Any,
        class_names: tuple[str, ...],
        name: str,
        is_scaled: bool,
    ):
        # Its variables live as long as the loaded object.
        self._loaded = loaded
        signatures = loaded.signatures
        if ENCODED not in signatures:
            raise ValueError(
                f"{name} has no signature {ENCODED!r}: it was not published by "
                "kcv."
            )
        self._call = signatures[ENCODED]
        inputs = self._call.structured_input_signature[1]
        _refuse_landmarks(inputs)
        self.needs_proposals = "proposals" in inputs
        self.class_names = class_names
        names = self._call.structured_outputs
        self.kind = served_kind(names, name)
        if is_scaled and self.kind in ("masks", "proposals"):
            raise ValueError(
                f"{name} answers in pixels of scaled images, whose size it "
                "does not tell. Give the Keras file that it was made from."
            )

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Encode an image as a file that the model reads, in a graph.

        Args:
            image: Image (H, W, 3) uint8 RGB.

        Returns:
            Bytes of a PNG file, () string.
        """
        # Without compression, which would take longer than the model.
        return tf.io.encode_png(image, compression=0)

    def group(self, image: np.ndarray, encoded: bytes) -> Hashable:
        """Return the group of an image. Images of one group form batches.

        Args:
            image: Image (H, W, 3) uint8 RGB.
            encoded: The image as `encode` returns it.

        Returns:
            Value that is equal for all images of a group.
        """
        return image.shape

    def answer(self, batch: Batch) -> list[Answer]:
        """Run the model on a batch of images.

        Args:
            batch: Images of one group.

        Returns:
            Answer for each image, as `KerasAnswers.answer` returns it.
        """
        given = {"image_bytes": tf.constant(batch.encoded)}
        if batch.proposals is not None:
            given["proposals"] = tf.constant(_pad(batch.proposals))
        arrays = {k: v.numpy() for k, v in self._call(**given).items()}
        return [
            read_served(self.kind, {k: v[i] for k, v in arrays.items()})
            for i in range(len(batch.encoded))
        ]


def served_kind(names: Iterable[str], model: str) -> Kind:
    """Recognize what a published model is for.

    Args:
        names: Names of its outputs.
        model: Name of the model in the error message.

    Returns:
        What the model is for.

    Raises:
        ValueError: If the names do not tell it.
    """
    names = set(names)
    if "detection_boxes" in names:
        return "detection"
    return _recognize_kind(names, model)


def read_served(kind: Kind, one: Answer) -> Answer:
    """Bring the answer of a published model into the form of `KerasAnswers`.

    Args:
        kind: Task of the model.
        one: Outputs about one image, with `image_shape`, as a server or the
            SavedModel gives them.

    Returns:
        The answer, see `KerasAnswers.answer`.
    """
    size = shape = one["image_shape"]
    if kind == "detection" and "detection_boxes" in one:
        one = _from_served(one)
        size = np.ones(2, np.int32)
    return _in_pixels(kind, one, size, shape)


def _recognize_kind(names, model: str) -> Kind:
    for kind, telling in _TELLING.items():
        if telling <= set(names):
            return kind
    raise ValueError(
        f"Nothing tells what the model {model!r} is for, whose outputs are "
        f"{', '.join(sorted(names))}. Give --task."
    )


def _refuse_landmarks(inputs):
    if "landmarks" in inputs:
        raise ValueError(
            "The model must take images of aligned faces. Received: a model "
            "that takes landmarks, too."
        )


def _xyxy(ratio: np.ndarray) -> np.ndarray:
    """Arrange (height, width) as factors of boxes."""
    return ratio[..., [1, 0, 1, 0]].astype(np.float32)


def _pad(proposals: Sequence[np.ndarray]) -> np.ndarray:
    """Join the boxes of images, zero rows where one has fewer."""
    joined = np.zeros((len(proposals), max(map(len, proposals)), 4), np.float32)
    for own, boxes in zip(joined, proposals, strict=True):
        own[: len(boxes)] = boxes
    return joined


def _from_served(one: Answer) -> Answer:
    """Turn the answer of a served detector into that of `predict`.

    Places are in units of the sides of the image.
    """
    answer = {
        "boxes": one["detection_boxes"][:, [1, 0, 3, 2]],
        "scores": one["detection_scores"],
        "labels": one["detection_classes"] - 1,
        "num_detections": one["num_detections"],
    }
    if "detection_keypoints" in one:
        answer["landmarks"] = one["detection_keypoints"][..., ::-1]
    return answer


def _in_pixels(kind: Kind, one: Answer, size, shape) -> Answer:
    """Bring what was found in a prepared image into pixels of the image.

    Args:
        kind: Task of the model.
        one: Answer about one image, with padding.
        size: Height and width of the prepared image.
        shape: Height and width of the image.
    """
    if kind == "classification":
        return {"probabilities": one["probabilities"]}
    if kind == "faces":
        return {"embedding": one["embeddings"]}
    if kind == "style":
        return {"image": one["images"]}
    if kind == "segmentation":
        return {"label_map": _resize(one["labels"], shape)}
    # In float64, so that an image of its own size keeps every bit.
    scale = np.asarray(shape, float) / size
    if kind == "proposals":
        boxes = one["proposals"]
        real = (boxes[:, 2:] > boxes[:, :2]).all(1)
        return {
            "boxes": boxes[real] * scale[[1, 0, 1, 0]],
            "scores": one["scores"][real],
        }
    count = int(one["num_detections"])
    answer = {
        "boxes": one["boxes"][:count] * scale[[1, 0, 1, 0]],
        "scores": one["scores"][:count],
    }
    if "labels" in one:
        answer["labels"] = one["labels"][:count]
    if "landmarks" in one:
        answer["landmarks"] = one["landmarks"][:count] * scale[[1, 0]]
    if kind == "masks":
        masks = one["masks"][:count]
        if masks.ndim == 2:
            masks = decode_runs(masks, *size)
        answer["masks"] = np.stack(
            [np.zeros(shape, np.uint8), *(_resize(m, shape) for m in masks)]
        )[1:]
    return answer


def _resize(labels: np.ndarray, shape) -> np.ndarray:
    """Bring a label map to the size of its image, by the nearest pixels."""
    if labels.shape == tuple(shape):
        return labels
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(shape, labels.shape, strict=True)
    )
    return labels[rows[:, np.newaxis], columns]
