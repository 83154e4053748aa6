"""DeepFace's ways to compare features: chi-squared, and a Siamese network."""

import keras
import numpy as np

from kcv.faces.verification import ChiSquared
from kcv.faces.verification import ComponentScaling
from kcv.faces.verification import SiameseHead
from recipes.common.faces.verifying import Trial
from recipes.common.faces.verifying import make_pairs


def chi_squared_distances(model: keras.Model, trial: Trial) -> np.ndarray:
    """Compare features by the weighted chi-squared distance.

    Args:
        model: Embedder whose features are not negative.
        trial: Photos, and pairs of held-out photos.

    Returns:
        Distances of the pairs (P,). Their weights are learned from as many
        pairs of photos that were trained on.
    """
    train, test = _features(model, trial)
    pairs = make_pairs(trial.train.labels)
    distance = ChiSquared().fit(
        train[pairs.first], train[pairs.second], pairs.same
    )
    return distance.distance(test[trial.pairs.first], test[trial.pairs.second])


def siamese_distances(model: keras.Model, trial: Trial) -> np.ndarray:
    """Compare features by a Siamese network.

    Only its top is trained, the weights of the absolute differences of
    features. The paper also trains the layer below.

    Args:
        model: Embedder whose features are not negative.
        trial: Photos, and pairs of held-out photos.

    Returns:
        Negative probabilities that the pairs show one person (P,).
    """
    train, test = _features(model, trial)
    pairs = make_pairs(trial.train.labels)
    head = SiameseHead(train.shape[1])
    head.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    head.fit(
        [train[pairs.first], train[pairs.second]],
        pairs.same.astype("float32"),
        batch_size=256,
        epochs=20,
        verbose=0,
    )
    both = [test[trial.pairs.first], test[trial.pairs.second]]
    return -head.predict(both, batch_size=1024, verbose=0)[:, 0]


def _features(model, trial):
    """Scale the features of both sets as the paper does."""
    raw = [
        model.network.predict(photos.images, batch_size=256, verbose=0)
        for photos in (trial.train, trial.test)
    ]
    scaling = ComponentScaling().fit(raw[0])
    return [scaling.transform(features) for features in raw]
