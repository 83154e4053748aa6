"""How well embeddings distinguish people who were never trained on.

The protocol is that of Labeled Faces in the Wild (LFW): ten folds of as many
pairs of one person as of two people, a threshold that is chosen on nine folds,
and the accuracy on the tenth.
"""

import logging
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

import kcv
from kcv.data.streams.face_pairs import count_pairs
from kcv.faces.verification import PCA
from kcv.faces.verification import JointBayesian
from recipes.common.faces.photos import Photos

_LOG = logging.getLogger(__name__)
# The protocol of LFW: pairs of each kind in a fold.
FOLDS, PAIRS = 10, 300
# Sun, Wang and Tang (2014) compress features to 150 numbers.
COMPONENTS = 150
FAR = 0.01  # False accept rate; 2,700 pairs choose the threshold.


class Trial(NamedTuple):
    """What systems are measured by.

    Attributes:
        train: Photos that were trained on.
        test: Photos of other people.
        pairs: Pairs of photos of `test`, in folds.
    """

    train: Photos
    test: Photos
    pairs: Any


class Verified(NamedTuple):
    """What a distance between photos is worth.

    Attributes:
        distances: Distance of each pair of the protocol. Array (P,).
        accuracy: Mean accuracy over the folds, in [0, 1].
        standard_error: Standard error of the mean.
        auc: Area under the ROC curve.
        val_at_far: Share of the pairs of one person that are accepted at a
            false accept rate of 1%.
    """

    distances: np.ndarray
    accuracy: float
    standard_error: float
    auc: float
    val_at_far: float


def make_pairs(labels: np.ndarray) -> Any:
    """Draw the pairs of the protocol, people of a fold in no other fold.

    Of few people, there are as many folds as have pairs of both kinds, and as
    many pairs as all of these folds have. A log line says so.

    Args:
        labels: Person on each photo. Array (N,) of integers.

    Returns:
        The `kcv.data.FacePairs`.

    Raises:
        ValueError: If two folds have no pairs of both kinds.
    """
    people = len(np.unique(labels))
    for folds in range(min(FOLDS, people // 2), 1, -1):
        pairs = min(count_pairs(labels, folds), PAIRS)
        if pairs:
            break
    else:
        raise ValueError(
            "Photos must show at least four people, and several of them more "
            "than once, so that pairs can be compared. Received: "
            f"{len(labels)} photos of {people} people. If these are validation "
            "photos, a larger --validation has more people."
        )
    if (folds, pairs) != (FOLDS, PAIRS):
        _LOG.warning(
            "%d photos of %d people give %d folds of %d pairs of each kind, "
            "and not %d of %d",
            len(labels),
            people,
            folds,
            pairs,
            FOLDS,
            PAIRS,
        )
    return kcv.data.lfw_pairs(labels, folds, pairs)


def embed(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Embed photos and their mirror images.

    Args:
        model: Model from images to unit vectors of D numbers.
        images: Photos (N, H, W, 3) uint8.

    Returns:
        Unit vectors (N, 2 D) float32: the embeddings of the photo and of its
        mirror image, one after the other, as in the DeepID line.
    """
    both = [
        model.predict(views, batch_size=256, verbose=0)
        for views in (images, np.ascontiguousarray(images[:, :, ::-1]))
    ]
    return np.concatenate(both, axis=-1) / np.float32(np.sqrt(2))


def verify(distances: np.ndarray, pairs: Any) -> Verified:
    """Judge the distances of the pairs of the protocol.

    Args:
        distances: Distance of each pair, smaller for one person. Array (P,).
        pairs: Pairs with their folds.

    Returns:
        Accuracy and rates.
    """
    folds = kcv.metrics.lfw_accuracy(distances, pairs.same, pairs.folds)
    rate = kcv.metrics.validation_rate(
        distances, pairs.same, pairs.folds, far=FAR
    )
    roc = kcv.metrics.verification_roc(distances, pairs.same)
    return Verified(
        distances, folds.mean, folds.standard_error, roc.auc, rate.mean
    )


def joint_bayesian_distances(
    training: np.ndarray, embeddings: np.ndarray, trial: Trial
) -> np.ndarray:
    """Compute distances by PCA and Joint Bayesian.

    Args:
        training: Embeddings of the photos that were trained on (N, D).
        embeddings: Embeddings (N, D) of the held-out photos.
        trial: These photos, and pairs of the held-out ones.

    Returns:
        Negative scores of the pairs (P,), smaller for one person.
    """
    # A unit that is always 0 adds no direction.
    used = int(np.count_nonzero(np.ptp(training, axis=0)))
    pca = PCA(min(COMPONENTS, used, len(training) - 1)).fit(training)
    bayesian = JointBayesian(regularization=1e-6)
    bayesian.fit(pca.transform(training), trial.train.labels)
    held_out = pca.transform(embeddings)
    pairs = trial.pairs
    return -bayesian.score(held_out[pairs.first], held_out[pairs.second])
