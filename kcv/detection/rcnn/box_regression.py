"""Refining the boxes of a class by ridge regression on pool5.

Shapes: R regions of an image, n of them objects, r of which box regression
learns from, G features of pool5, C classes, N examples, T targets of each.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from kcv.boxes import encode
from kcv.detection.rcnn.features import ImageFeatures
from kcv.detection.rcnn.solvers import solvers


def train_box_regressors(
    features: Sequence[ImageFeatures],
    class_names: Sequence[str],
    scale: float,
    *,
    ridge: float = 1000.0,
    whitening: float = 1e-3,
    with_objects: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the box regressors of R-CNN (Girshick et al. 2014, appendix C).

    The input is pool5 of each proposal whose IoU with an object is above 0.6,
    the target is the (dx, dy, dw, dh) that leads to the object it overlaps
    most. Targets are centered and whitened, so that one penalty suits all
    four.

    The authors' code learns from the objects, too, whose targets are zero. On
    350 proposals of a class with 20 objects, deltas differed by up to 0.012.

    Args:
        features: Features of the images. They are read once for each class.
        class_names: Names of the classes 0, 1, ...
        scale: Factor of pool5, see `FeatureStore.scale`.
        ridge: Penalty lambda of the squared weights, the bias included.
            Defaults to 1000.
        whitening: Number that is added to the eigenvalues of the targets'
            covariance. Defaults to 1e-3.
        with_objects: Whether the objects of a class are examples, as in the
            authors' code. Defaults to False, as in the paper.

    Returns:
        Kernel (G, 4 * C) and bias (4 * C,), float64, of a linear layer on
        pool5 as the network computes it. A class without such a proposal gets
        zeros, which do not change its boxes, and a warning.
    """
    layers = []
    for label, name in enumerate(class_names):
        pool5, targets = _examples(features, label, with_objects)
        if pool5:
            pool5, targets = np.concatenate(pool5), np.concatenate(targets)
            layers.append(
                fit_regressor(scale * pool5, targets, ridge, whitening)
            )
        else:
            warnings.warn(
                f"No proposal has an IoU above 0.6 with an object of class "
                f"{name!r}: its boxes are not refined.",
                stacklevel=2,
            )
            width = features[0].pool5.shape[1]
            layers.append((np.zeros((width, 4)), np.zeros(4)))
    kernels, biases = zip(*layers, strict=True)
    return scale * np.concatenate(kernels, axis=1), np.concatenate(biases)


def fit_regressor(
    inputs: np.ndarray,
    targets: np.ndarray,
    ridge: float = 1000.0,
    whitening: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit whitened targets by ridge regression, and undo the whitening.

    Args:
        inputs: Inputs (N, G) of the examples.
        targets: Targets (N, T) of the examples.
        ridge: Penalty lambda of the squared weights. Defaults to 1000.
        whitening: Number that is added to the eigenvalues of the targets'
            covariance. Defaults to 1e-3.

    Returns:
        Kernel (G, T) and bias (T,), float64.
    """
    mean = targets.mean(axis=0)
    whiten, unwhiten = whitener(targets - mean, whitening)
    ones = np.ones((len(inputs), 1))
    # A column of ones instead of `fit_intercept`, which would not penalize the
    # bias.
    _, make_ridge = solvers()
    model = make_ridge(ridge, fit_intercept=False, solver="cholesky")
    model.fit(np.hstack([inputs, ones]), (targets - mean) @ whiten)
    weights = model.coef_.T @ unwhiten
    return weights[:-1], weights[-1] + mean


def whitener(
    centered: np.ndarray, added: float = 1e-3
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the symmetric matrix that whitens data (ZCA), and its inverse.

    Args:
        centered: Data (N, T) of mean zero.
        added: Number that is added to the eigenvalues of the covariance, so
            that a constant target does not grow without bound. Defaults to
            1e-3.

    Returns:
        Two matrices (T, T) float64 that whiten and undo it.
    """
    covariance = centered.T.astype(np.float64) @ centered / len(centered)
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(values + added)
    return (vectors / root) @ vectors.T, (vectors * root) @ vectors.T


def _examples(features, label, with_objects):
    """Collect pool5 (r, G) and targets (r, 4) of each image with a class."""
    pool5, targets = [], []
    for entry in features:
        objects = np.flatnonzero(entry.labels == label)
        if with_objects and len(objects):
            pool5.append(entry.object_pool5[objects].astype(np.float64))
            targets.append(np.zeros((len(objects), 4)))
        labels, boxes, rows = entry.labels, entry.boxes, entry.pool5_rows
        if label not in labels or not len(rows):
            continue
        best = np.argmax(entry.overlaps()[rows], axis=1)
        own = labels[best] == label
        if own.any():
            pool5.append(entry.pool5[own].astype(np.float64))
            near = encode(boxes[best[own]], boxes[rows[own]])
            targets.append(np.asarray(near, np.float64))
    return pool5, targets
