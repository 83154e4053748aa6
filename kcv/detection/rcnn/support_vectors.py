"""One linear support vector machine per class, by mining hard negatives."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kcv.detection.rcnn.features import ImageFeatures
from kcv.detection.rcnn.solvers import solvers


class SupportVectorMachines(NamedTuple):
    """The machines of all classes, as one linear layer.

    Attributes:
        machines: C fitted `sklearn.svm.LinearSVC`, of scaled features.
        scale: what features are multiplied by before a machine sees them.
    """

    machines: list
    scale: float

    @property
    def kernel(self) -> np.ndarray:
        """(F, C) float64, of features as the network gives them."""
        return self.scale * np.concatenate([m.coef_ for m in self.machines]).T

    @property
    def bias(self) -> np.ndarray:
        """(C,) float64."""
        return np.concatenate([m.intercept_ for m in self.machines])

    def decision_function(self, fc7: np.ndarray) -> np.ndarray:
        """Compute scikit-learn's scores (N, C) of features (N, F)."""
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
    seed: int = 0,
) -> SupportVectorMachines:
    """Fit the SVMs of R-CNN (Girshick et al. 2014, section 2.3).

    Positive is what is an object of the class, and nothing else; negative is
    every region that overlaps the class's objects little; what lies between
    takes no part. Negatives are too many to fit at once, so one pass over the
    images keeps those that are hard: all of the first image, then those that
    a machine scores near or beyond its margin. A machine is fitted anew when
    many have gathered and at the end, and the easy ones go. L2-regularised
    hinge loss, solved in its dual by liblinear.

    Args:
        features: of the images, in the order of the pass; read twice.
        class_names: name of class 0, 1, ...
        scale: multiplies fc7, see `FeatureStore.scale`.
        cost: C of the machine.
        bias_feature: value of the constant feature that carries the bias,
            which is regularised like any weight.
        positive_weight: multiplies the cost of a positive.
        negative_iou: regions below are negative.
        hard_score: negatives that score more are kept.
        evict_score: kept ones that score less after a fit are dropped.
        retrain_after: new negatives, more than which call for a fit.
        seed: of liblinear's order of coordinates.

    Returns:
        The machines.

    Raises:
        ImportError: if scikit-learn is not installed.
        ValueError: if a class has no object, or no negative region; the
            message names the class.
    """
    classes = range(len(class_names))
    positives = _positives(features, class_names, scale)
    linear_svc, _ = solvers()
    machines = [None] * len(class_names)
    negatives = [positives[label][:0] for label in classes]
    fresh: list[list[np.ndarray]] = [[] for _ in classes]

    def fit(label):
        kept = np.concatenate([negatives[label], *fresh[label]])
        fresh[label].clear()
        if not len(kept):
            raise ValueError(
                f"class {class_names[label]!r} has no negative: every region "
                f"overlaps its objects by {negative_iou} or more"
            )
        machine = linear_svc(
            C=cost,
            loss="hinge",
            dual=True,
            intercept_scaling=bias_feature,
            class_weight={1: positive_weight},
            max_iter=100_000,
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
            f"no object of class {', '.join(map(repr, missing))} in the "
            "training set: each class needs one at least"
        )
    return [np.stack(own) for own in found]
