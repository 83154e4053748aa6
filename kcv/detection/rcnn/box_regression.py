"""Refining the boxes of a class by ridge regression on pool5."""

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
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the box regressors of R-CNN (Girshick et al. 2014, appendix C).

    From pool5 of each proposal that overlaps an object by more than 0.6, to
    the (dx, dy, dw, dh) that lead to the object it overlaps most. Targets are
    centred and whitened, which makes one ridge fit all four.

    Args:
        features: of the images; read once for each class.
        class_names: name of class 0, 1, ...
        scale: multiplies pool5, see `FeatureStore.scale`.
        ridge: lambda. The bias is regularised too.
        whitening: added to the eigenvalues of the targets' covariance.

    Returns:
        kernel (G, 4 * C) and bias (4 * C,) of a linear layer on pool5 as the
        network gives it, float64. A class without such a proposal gets zeros,
        which leave its boxes as they are, and a warning.
    """
    layers = []
    for label, name in enumerate(class_names):
        pool5, targets = _examples(features, label)
        if pool5:
            pool5, targets = np.concatenate(pool5), np.concatenate(targets)
            layers.append(
                fit_regressor(scale * pool5, targets, ridge, whitening)
            )
        else:
            warnings.warn(
                f"no proposal overlaps an object of class {name!r} by more "
                "than 0.6: its boxes stay as they are proposed",
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
        inputs: (N, G).
        targets: (N, T).
        ridge: lambda.
        whitening: see `whitener`.

    Returns:
        kernel (G, T) and bias (T,), float64.
    """
    mean = targets.mean(axis=0)
    whiten, unwhiten = whitener(targets - mean, whitening)
    ones = np.ones((len(inputs), 1))
    # A column of ones and not `fit_intercept`, which would leave the bias
    # out of the penalty.
    _, make_ridge = solvers()
    model = make_ridge(ridge, fit_intercept=False, solver="cholesky")
    model.fit(np.hstack([inputs, ones]), (targets - mean) @ whiten)
    weights = model.coef_.T @ unwhiten
    return weights[:-1], weights[-1] + mean


def whitener(
    centred: np.ndarray, added: float = 1e-3
) -> tuple[np.ndarray, np.ndarray]:
    """Find the symmetric matrix that whitens data (ZCA), and its inverse.

    Args:
        centred: (N, T) of mean zero.
        added: to the eigenvalues of the covariance, so that a target which
            never varies does not blow up.

    Returns:
        Two (T, T) float64: whitening and unwhitening.
    """
    covariance = centred.T.astype(np.float64) @ centred / len(centred)
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(values + added)
    return (vectors / root) @ vectors.T, (vectors * root) @ vectors.T


def _examples(features, label):
    """Lists of pool5 (r, G) and targets (r, 4) of each image with a class."""
    pool5, targets = [], []
    for entry in features:
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
