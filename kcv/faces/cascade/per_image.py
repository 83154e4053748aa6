"""What detectors of faces share: one image at a time, padded answers.

Shapes: B images of H x W pixels, N faces of an image, K rows of the answer.
"""

from typing import Any

import keras
import tensorflow as tf

from kcv import boxes as box_geometry
from kcv.layers.image_inputs import image_inputs
from kcv.layers.image_inputs import with_sizes
from kcv.layers.nested_config import NestedConfig
from kcv.layers.region_warp import checked_sizes
from kcv.settings import is_count
from kcv.training.image_model import check_scale
from kcv.training.own_losses import compile_as_saved
from kcv.training.own_losses import refuse_losses


class PerImageDetection(NestedConfig, keras.layers.Layer):
    """Base of the layers that find the faces of each image of a batch.

    Images are cut to their own size first, so that the faces of an image do
    not depend on the batch. A subclass has a method `detect`.

    Args:
        max_detections: K, number of faces per image. Positive integer.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `images` (B, H, W, 3) and `image_sizes` (B, 2) int32, height and
    width, or None if every image fills the batch. Returns a dict by decreasing
    score: `boxes` (B, K, 4) float32 xyxy in pixels, `scores` (B, K) float32,
    `labels` (B, K) int32, 0 for a face and -1 for none, `num_detections` (B,)
    int32, and, if the layer `finds_landmarks`, `landmarks` (B, K, 5, 2)
    float32.

    Raises:
        ValueError: If `max_detections` is not a positive integer.
    """

    finds_landmarks = False

    def __init__(self, max_detections: int, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        if not is_count(max_detections):
            raise ValueError(
                "`max_detections` must be a positive integer. Received: "
                f"max_detections={max_detections!r}"
            )
        self.max_detections = int(max_detections)

    def detect(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Find the faces of one image.

        Args:
            image: Image (H, W, 3) float32, RGB 0..255.

        Returns:
            A dict of `boxes` (N, 4), `scores` (N,) and, if the layer
            `finds_landmarks`, `landmarks` (N, 5, 2), in any order.
        """
        raise NotImplementedError

    def call(self, images, image_sizes=None):
        image_sizes = checked_sizes(images, image_sizes)

        def detect(number):
            size = image_sizes[number]
            image = images[number, : size[0], : size[1]]
            image = tf.cast(image, "float32")
            found = self.detect(image)
            found["boxes"] = box_geometry.clip(
                found["boxes"][None], tf.reshape(size, (1, 2))
            )[0]
            return self._padded(found)

        rows = {
            name: tf.TensorSpec(spec.shape[1:], spec.dtype)
            for name, spec in self._specs(None).items()
        }
        numbers = tf.range(tf.shape(images)[0])
        return tf.map_fn(detect, numbers, fn_output_signature=rows)

    def _padded(self, found):
        scores = found["scores"]
        kept = tf.minimum(tf.shape(scores)[0], self.max_detections)
        scores, best = tf.math.top_k(scores, kept)
        rows = {"scores": scores, "labels": tf.zeros_like(best)}
        for name in found.keys() - {"scores"}:
            rows[name] = tf.gather(found[name], best)
        for name, values in rows.items():
            beyond = [[0, self.max_detections - kept]]
            beyond += [[0, 0]] * (values.shape.rank - 1)
            fill = -1 if name == "labels" else 0
            rows[name] = tf.pad(values, beyond, constant_values=fill)
        return {**rows, "num_detections": kept}

    def _specs(self, batch):
        shape = (batch, self.max_detections)
        specs = {
            "boxes": keras.KerasTensor((*shape, 4), dtype="float32"),
            "scores": keras.KerasTensor(shape, dtype="float32"),
            "labels": keras.KerasTensor(shape, dtype="int32"),
            "num_detections": keras.KerasTensor((batch,), dtype="int32"),
        }
        if self.finds_landmarks:
            specs["landmarks"] = keras.KerasTensor(
                (*shape, 5, 2), dtype="float32"
            )
        return specs

    def compute_output_spec(self, images, image_sizes=None):
        return self._specs(images.shape[0])

    def get_config(self):
        return {
            **super().get_config(),
            "max_detections": self.max_detections,
        }


class FaceDetector(keras.Model):
    """Base of the detectors of faces, whose networks are trained by themselves.

    Args:
        layer: `PerImageDetection` that finds the faces.
        name: Name of the model.
    """

    def __init__(self, layer: PerImageDetection, name: str):
        inputs = image_inputs()
        found = layer(inputs["images"], inputs["image_sizes"])
        super().__init__(inputs=inputs, outputs=found, name=name)
        # A functional model has a specification of its inputs, which refuses
        # calls without `image_sizes`.
        self.input_spec = None

    def call(self, inputs, training=None, mask=None):
        return super().call(with_sizes(inputs), training=training)

    def compute_output_spec(self, inputs, *args, **kwargs):
        # As a layer of another model, where images may come alone.
        return {
            name: keras.KerasTensor(x.shape, x.dtype)
            for name, x in self.output.items()
        }

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = None,
        *,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Configure the model for `predict`.

        Args:
            optimizer: Ignored, since the networks are trained by themselves.
                Defaults to "sgd".
            loss: Must be None.
            loss_weights: Must be None.
            metrics: Must be None.
            weighted_metrics: Must be None.
            **kwargs: Further options of `keras.Model.compile`.

        Raises:
            ValueError: If a loss or a metric is given.
        """
        refuse_losses(
            self,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )
        super().compile(optimizer, **kwargs)

    def predict(self, x, *args, **kwargs):
        return super().predict(check_scale(self, x), *args, **kwargs)

    def compile_from_config(self, config):
        compile_as_saved(self, config)

    def compute_loss(self, *args, **kwargs):
        """Refuse to train all stages at once.

        Args:
            *args: Ignored.
            **kwargs: Ignored.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f"`fit` must be called for each network of {self.name}, since a "
            "stage learns from the windows that the stages before it keep. "
            "`kcv.faces.cascade.train_cascade` does so."
        )
