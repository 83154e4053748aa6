"""The table of the systems, with the papers' figures beside ours."""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import kcv
from recipes.common.faces.baselines import describe_components
from recipes.common.faces.baselines import describe_gradients
from recipes.common.faces.baselines import describe_patterns
from recipes.common.faces.baselines import describe_pixels
from recipes.common.faces.photos import Photos
from recipes.common.faces.published import DEEPID
from recipes.common.faces.published import DEEPID2
from recipes.common.faces.published import PAPERS
from recipes.common.faces.verifying import Verified
from recipes.common.faces.verifying import embed
from recipes.common.faces.verifying import make_pairs
from recipes.common.faces.verifying import verify
from recipes.common.tables import Row
from recipes.common.timing import medians


class Measured(NamedTuple):
    """Figures of one system.

    Attributes:
        metrics: Content of `metrics.json` of its run has.
        dimensions: Length of an embedding.
        milliseconds: Median time of one photo.
        test: Held-out photos of the size that the network needs.
        embeddings: Embeddings of these photos and their mirror images
            (N, 2 D).
        verified: Measures of their distances.
    """

    metrics: Mapping[str, Any]
    dimensions: int
    milliseconds: float
    test: Photos
    embeddings: np.ndarray
    verified: Verified


def measure_systems(
    models: Mapping[str, keras.Model],
    metrics: Mapping[str, Mapping[str, Any]],
    tests: Mapping[str, Photos],
    rounds: int,
) -> dict[str, Measured]:
    """Measure trained models.

    Args:
        models: Model from images to unit vectors of each system.
        metrics: Content of `metrics.json` of each run has.
        tests: Held-out photos of the size that each network needs.
        rounds: Number of times that each model is timed.

    Returns:
        Figures by the name of the system.
    """
    milliseconds = medians(
        {name: _one_photo(model) for name, model in models.items()}, rounds
    )
    measured = {}
    for name, model in models.items():
        test = tests[name]
        pairs, embeddings = make_pairs(test.labels), embed(model, test.images)
        distances = kcv.metrics.pair_distances(
            embeddings, pairs.first, pairs.second
        )
        measured[name] = Measured(
            metrics[name],
            model.output_shape[-1],
            milliseconds[name],
            test,
            embeddings,
            verify(distances, pairs),
        )
    return measured


def _one_photo(model):
    photo = tf.zeros((1, *model.input_shape[1:]))
    # Traced here, since TensorFlow warns of functions that are made in a loop.
    call = tf.function(lambda x: model(x, training=False))
    traced = call.get_concrete_function(photo)
    return lambda: traced(photo).numpy()


def system_rows(measured: Mapping[str, Measured]) -> list[Row]:
    """Make the row of each system, the paper's accuracy beside ours."""
    return [_system_row(*item) for item in measured.items()]


def _system_row(name, measured):
    metrics, paper = measured.metrics, PAPERS[name]
    seconds = metrics["seconds"]
    return {
        "system": name,
        "year": paper.year,
        "accuracy": metrics["accuracy"],
        "+-": metrics["standard_error"],
        "area under ROC": metrics["auc"],
        "VAL at FAR 1%": metrics["val_at_far"],
        "Joint Bayesian": metrics["joint_bayesian_accuracy"],
        "rank 1": metrics["rank1"],
        "DIR at FAR 1%": metrics["dir_at_far"],
        "numbers": measured.dimensions,
        "parameters": metrics["parameters"],
        "ms per photo": measured.milliseconds,
        "photos seen": round(metrics["examples_per_second"] * seconds),
        "training, min": seconds / 60,
        "paper: LFW": paper.accuracy,
        "paper: +-": paper.standard_error,
        "paper: YouTube": paper.youtube,
    }


def describe_order(measured: Mapping[str, Measured]) -> str:
    """Say which system is best, and where the order is not the papers'."""
    accuracy = {name: own.metrics["accuracy"] for name, own in measured.items()}
    best = max(accuracy, key=lambda name: accuracy[name])
    sentences = [f"{best} is best, with {accuracy[best]:.3f}."]
    if {DEEPID, DEEPID2} <= accuracy.keys():
        gain = accuracy[DEEPID2] - accuracy[DEEPID]
        side = "above" if gain >= 0 else "below"
        sentences.append(
            f"DeepID2 is {abs(gain):.3f} {side} DeepID after as many photos."
        )
    helped = [
        name
        for name, own in measured.items()
        if own.metrics["joint_bayesian_accuracy"] > accuracy[name]
    ]
    sentences.append(
        "Joint Bayesian is better than the distance of embeddings for "
        f"{', '.join(helped) or 'no system'}."
    )
    return " ".join(sentences)


def paper_rows(names: tuple[str, ...]) -> list[Row]:
    """Say what the papers' figures are of."""
    return [
        {
            "system": name,
            "paper: trained on": PAPERS[name].trained_on,
            "paper: compared by": PAPERS[name].combined,
            "paper: source": PAPERS[name].source,
        }
        for name in names
    ]


def baseline_rows(train: Photos, test: Photos) -> list[Row]:
    """Measure features without a network, which show how hard the set is.

    Args:
        train: Photos from which principal components are computed.
        test: Held-out photos.

    Returns:
        One row per feature.
    """
    pairs = make_pairs(test.labels)
    features = {
        "pixels": describe_pixels(test),
        "150 principal components": describe_components(train, test),
        "histograms of oriented gradients": describe_gradients(test),
        "local binary patterns": describe_patterns(test),
    }
    rows: list[Row] = []
    for name, embeddings in features.items():
        distances = kcv.metrics.pair_distances(
            embeddings, pairs.first, pairs.second
        )
        own = verify(distances, pairs)
        rows.append(
            {
                "feature": name,
                "accuracy": own.accuracy,
                "+-": own.standard_error,
                "area under ROC": own.auc,
                "numbers": embeddings.shape[1],
            }
        )
    return rows
