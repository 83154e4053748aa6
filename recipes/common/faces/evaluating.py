"""The evaluation of a network that embeds faces."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

import kcv
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.faces.figures import draw_all
from recipes.common.faces.finding import find_people
from recipes.common.faces.photos import as_arrays
from recipes.common.faces.verifying import Trial
from recipes.common.faces.verifying import embed
from recipes.common.faces.verifying import joint_bayesian_distances
from recipes.common.faces.verifying import make_pairs
from recipes.common.faces.verifying import verify
from recipes.common.plan import Plan
from recipes.common.run import Run

PLAIN = "Euclidean distance"
BAYESIAN = "Joint Bayesian"

# Function from the model and the trial to the distances of its pairs.
Verifier = Callable[[keras.Model, Trial], np.ndarray]

# By what `--patience` judges an epoch.
MONITOR = ("val_lfw_accuracy", "max")


def measure_epochs(
    run: Run, watched: Any, plan: Plan
) -> kcv.metrics.FaceVerification:
    """Make the callback that measures other people's photos during training.

    Args:
        run: Options of the recipe.
        watched: Photos of `run.watched_split`, see `open_faces`.
        plan: Plan of the training.

    Returns:
        Callback that measures each epoch on validation photos, and about four
        epochs on held-out ones.
    """
    every = 1 if run.validation_part else max(plan.epochs // 4, 1)
    images = watched.dataset().map(lambda x: x["images"]).batch(256)
    return kcv.metrics.FaceVerification(
        images, make_pairs(watched.labels), every=every
    )


def evaluate_faces(
    model: keras.Model,
    source: str,
    faces: Any,
    held_out: Any,
    further: Mapping[str, Verifier] | None = None,
) -> Evaluation:
    """Measure an embedder on people whom it was not trained on.

    Args:
        model: Model from images to unit vectors.
        source: Name of the data.
        faces: Photos that were trained on, see `open_faces`.
        held_out: Photos of other people.
        further: Further ways to compare photos, by name. Defaults to none.

    Returns:
        Accuracy by the Euclidean distance and by other ways to compare,
        identification, ROC curves, the hardest pairs, and a map.
    """
    train, test = as_arrays(faces), as_arrays(held_out)
    trial = Trial(train, test, make_pairs(test.labels))
    embeddings, pairs = embed(model, test.images), trial.pairs
    distances = {
        PLAIN: kcv.metrics.pair_distances(
            embeddings, pairs.first, pairs.second
        ),
        BAYESIAN: joint_bayesian_distances(
            embed(model, train.images), embeddings, trial
        ),
        **{
            name: compare(model, trial)
            for name, compare in (further or {}).items()
        },
    }
    verified = {name: verify(own, pairs) for name, own in distances.items()}
    plain = verified[PLAIN]
    return Evaluation(
        metrics={
            "accuracy": plain.accuracy,
            "standard_error": plain.standard_error,
            "auc": plain.auc,
            "val_at_far": plain.val_at_far,
            "joint_bayesian_accuracy": verified[BAYESIAN].accuracy,
            **find_people(model, embeddings, test),
            "split": (
                f"{source}, {len(pairs.same):,} pairs of {len(test.names)} "
                "people who were never trained on"
            ),
        },
        figures=draw_all(verified, PLAIN, embeddings, pairs, test),
        headline=(
            f"accuracy {plain.accuracy:.4f} +- {plain.standard_error:.4f}"
        ),
        tables={
            "Ways to compare": [
                {
                    "distance": name,
                    "accuracy": own.accuracy,
                    "standard error": own.standard_error,
                    "area under the curve": own.auc,
                }
                for name, own in verified.items()
            ]
        },
    )
