"""What to do if `fit` is given examples instead of inputs and targets."""

from collections.abc import Mapping
from typing import Any
from typing import ClassVar

import keras
import tensorflow as tf


class TargetsRequired(keras.Model):
    """Model whose `fit` and `evaluate` say how a dataset is to be mapped.

    Keras would take the examples of kcv, which are dicts, for inputs without
    targets, and fail in an operation of the model.
    """

    #: How a dataset becomes one of pairs, by what its elements have. The first
    #: that fits counts.
    MAPPINGS: ClassVar[Mapping[str, str]] = {
        "segmentation_masks": "dataset.map(kcv.data.segmentation_inputs)",
        "labels": 'dataset.map(lambda x: (x["images"], x["labels"]))',
        "bounding_boxes": "dataset.map(kcv.data.detection_inputs)",
    }

    def fit(self, x=None, y=None, *args, **kwargs):
        self._require_targets(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self._require_targets(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _require_targets(self, x: Any, y: Any) -> None:
        elements = x.element_spec if isinstance(x, tf.data.Dataset) else x
        if y is not None or not isinstance(elements, dict):
            return
        fitting = (m for key, m in self.MAPPINGS.items() if key in elements)
        mapping = next(fitting, None)
        if mapping is not None:
            raise ValueError(
                f"`x` of {self.name} must be batches of pairs of inputs and "
                f"targets, such as `{mapping}` for batches of examples. "
                f"Received: dicts of {', '.join(elements)}, without targets"
            )
