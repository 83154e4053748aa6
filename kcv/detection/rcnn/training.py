"""The last stages of R-CNN: features, SVMs, box regressors."""

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

    The constants are the paper's. For others call `extract_features`,
    `train_svms` and `train_box_regressors` one after the other.

    Args:
        model: An `RCNN` after `fit`.
        dataset: One pass over batches of the training set as `kcv.data.batch`
            makes them, with `proposals`, shuffled and not mirrored.
        folder: Folder of the features, see `extract_features`. It may be
            removed afterwards.
        class_names: Names of the classes 0, 1, ... for messages. Defaults to
            None, their numbers.
        seed: Seed of the solver, and of the sample that features are scaled
            by. Defaults to 0.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If a class has no object, or `extract_features` finds a
            mistake in the data set.

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
            f"`class_names` must have {model.classes} names, one for each "
            f"class of the model. Received: {len(names)} names"
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
