"""One linear support vector machine per class, by mining hard negatives.

Shapes: N regions, F features of fc7, C classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kcv.detection.rcnn.features import ImageFeatures
from kcv.detection.rcnn.solvers import solvers


class SupportVectorMachines(NamedTuple):
    """The machines of all classes, as one linear layer.

    Attributes:
        machines: C fitted `sklearn.svm.LinearSVC`, which take scaled
            features.
        scale: Factor by which features are multiplied for them.
    """

    machines: list
    scale: float

    @property
    def kernel(self) -> np.ndarray:
        """Kernel (F, C) float64, for features as the network computes them."""
        return self.scale * np.concatenate([m.coef_ for m in self.machines]).T

    @property
    def bias(self) -> np.ndarray:
        """Bias (C,) float64."""
        return np.concatenate([m.intercept_ for m in self.machines])

    def decision_function(self, fc7: np.ndarray) -> np.ndarray:
        """Compute the scores of features as scikit-learn does.

        Args:
            fc7: Features (N, F).

        Returns:
            Scores (N, C), the signed distances from the margins.
        """
        return np.stack(
            [m.decision_function(self.scale * fc7) for m in self.machines], 1
        )


def train_svms(
    features: Sequence[ImageFeatures],
    class_names: Sequence[str],
    scale: float,
    *,
    cost: float = 1e-3,
    bias_feature: float = 10.0,
    positive_weight: float = 2.0,
    negative_iou: float = 0.3,
    hard_score: float = -1.0001,
    evict_score: float = -1.2,
    retrain_after: int = 2000,
    tolerance: float | None = None,
    seed: int = 0,
) -> SupportVectorMachines:
    """Fit the SVMs of R-CNN (Girshick et al. 2014, section 2.3).

    Only the objects of a class are its positives. Its negatives are the
    regions that overlap these little; regions in between are ignored.
    Negatives are too many to fit at once, so one pass over the images keeps
    the hard ones: all of the first image, then those that a machine scores
    near or beyond its margin. A machine is fitted again when many have been
    collected and at the end, and the easy ones are dropped. The loss is the
    L2-regularized hinge loss, solved in its dual by liblinear.

    Args:
        features: Features of the images, in the order of the pass. They are
            read twice.
        class_names: Names of the classes 0, 1, ...
        scale: Factor of fc7, see `FeatureStore.scale`.
        cost: C of the machine. Defaults to 1e-3.
        bias_feature: Value of the constant feature that carries the bias,
            which is regularized like any weight. Defaults to 10.
        positive_weight: Factor of the cost of a positive. Defaults to 2.
        negative_iou: IoU with the objects of the class below which a region is
            negative. Float in [0, 1]. Defaults to 0.3.
        hard_score: Score above which a negative is kept. Defaults to -1.0001.
        evict_score: Score below which a kept negative is dropped after a fit.
            Defaults to -1.2.
        retrain_after: Number of new negatives above which a machine is fitted
            again. Defaults to 2000.
        tolerance: Largest violation of the optimality conditions at which
            liblinear stops. The authors' code has liblinear's default of 0.1,
            where scores are off by 0.013 on average and by up to 0.077, of a
            deviation of 0.52. Positive float. Defaults to None, which is
            1e-4 in scikit-learn.
        seed: Seed of liblinear's order of coordinates. Defaults to 0.

    Returns:
        The machines.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If a class has no object, or no negative region. The
            message names the class.
    """
    classes = range(len(class_names))
    positives = _positives(features, class_names, scale)
    linear_svc, _ = solvers()
    machines = [None] * len(class_names)
    stopping = {} if tolerance is None else {"tol": tolerance}
    negatives = [positives[label][:0] for label in classes]
    fresh: list[list[np.ndarray]] = [[] for _ in classes]

    def fit(label):
        kept = np.concatenate([negatives[label], *fresh[label]])
        fresh[label].clear()
        if not len(kept):
            raise ValueError(
                "`features` must have negatives of each class. Received: no "
                f"region that overlaps the objects of {class_names[label]!r} "
                f"by less than {negative_iou}"
            )
        machine = linear_svc(
            C=cost,
            loss="hinge",
            dual=True,
            intercept_scaling=bias_feature,
            class_weight={1: positive_weight},
            max_iter=100_000,
            **stopping,
            random_state=seed,
        )
        examples = np.concatenate([positives[label], kept])
        machine.fit(examples, np.arange(len(examples)) < len(positives[label]))
        machines[label] = machine
        scores = machine.decision_function(kept)
        negatives[label] = kept[scores >= evict_score]

    for entry in features:
        fc7 = scale * entry.fc7
        labels, overlaps = entry.labels, entry.overlaps()
        for label in classes:
            own = overlaps[:, labels == label]
            rows = own.max(axis=1, initial=0.0) < negative_iou
            machine = machines[label]
            if machine is not None and rows.any():
                rows[rows] = machine.decision_function(fc7[rows]) > hard_score
            fresh[label].append(fc7[rows])
            gathered = sum(map(len, fresh[label]))
            if gathered > (retrain_after if machine is not None else 0):
                fit(label)
    for label in classes:
        fit(label)
    return SupportVectorMachines(machines, scale)


def _positives(features, class_names, scale):
    found = [[] for _ in class_names]
    for entry in features:
        labels, fc7 = entry.labels, entry.fc7
        for row, label in enumerate(labels):
            found[label].append(scale * fc7[row])
    missing = [
        name for name, own in zip(class_names, found, strict=True) if not own
    ]
    if missing:
        raise ValueError(
            "`features` must have an object of each class. Received: no "
            f"object of class {', '.join(map(repr, missing))}"
        )
    return [np.stack(own) for own in found]
