"""The last stages of R-CNN: features, machines, box regressors."""

import os
from collections.abc import Sequence

import tensorflow as tf

from kcv.detection.rcnn.box_regression import train_box_regressors
from kcv.detection.rcnn.features import extract_features
from kcv.detection.rcnn.rcnn import RCNN
from kcv.detection.rcnn.solvers import solvers
from kcv.detection.rcnn.support_vectors import train_svms


def train_rcnn(
    model: RCNN,
    dataset: tf.data.Dataset,
    folder: str | os.PathLike,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> None:
    """Fit the SVMs and box regressors of a fine-tuned R-CNN into its layers.

    With the paper's constants; those who want others call `extract_features`,
    `train_svms` and `train_box_regressors` themselves.

    Args:
        model: after `fit`.
        dataset: batches of the training set as `kcv.data.batch` makes them,
            with `proposals`; one pass in an order of its own, not mirrored.
        folder: of the features, see `extract_features`; it may be removed
            afterwards.
        class_names: name of class 0, 1, ... for messages; numbers by default.
        seed: of the solver, and of the sample that features are scaled by.

    Raises:
        ImportError: if scikit-learn is not installed.
        ValueError: if a class has no object, or as `extract_features` raises.

    Example:

    ```python
    model.compile(kcv.optimizers.CaffeSGD(1e-3))
    model.fit(train.map(kcv.data.detection_inputs), steps_per_epoch=1000)
    kcv.detection.train_rcnn(model, one_pass, "runs/rcnn/features")
    found = model.predict({"images": images, "proposals": proposals})
    ```
    """
    names = class_names or [str(label) for label in range(model.classes)]
    if len(names) != model.classes:
        raise ValueError(
            f"class_names must name each of the model's {model.classes} "
            f"classes. Received {len(names)} names"
        )
    solvers()  # before hours go into features that nothing could use
    features = extract_features(model, dataset, folder)
    machines = train_svms(
        features, names, features.scale("fc7", seed), seed=seed
    )
    regressors = train_box_regressors(
        features, names, features.scale("pool5", seed)
    )
    model.svm.set_weights([machines.kernel, machines.bias])
    model.bbox_regression.set_weights(regressors)
