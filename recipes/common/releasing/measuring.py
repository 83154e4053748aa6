"""Figures of a packed model, by the measures of the recipes and commands."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import kcv
from kcv.commands import main as run_kcv
from kcv.faces.alignment import FACE_CROP
from kcv.text_files import read_object
from recipes.common.faces.photos import FaceOptions
from recipes.common.faces.photos import as_arrays
from recipes.common.faces.photos import open_faces
from recipes.common.faces.verifying import embed
from recipes.common.faces.verifying import make_pairs
from recipes.common.faces.verifying import verify
from recipes.common.releasing.assets import Measure


def by_command(data: str, *figures: str) -> Measure:
    """Make the function that runs `python -m kcv evaluate` on a file.

    Args:
        data: Dataset whose held-out images are measured.
        *figures: Names of the figures to keep.

    Returns:
        The function.
    """

    def measure(path):
        with tempfile.TemporaryDirectory() as out:
            code = run_kcv(
                ["evaluate", str(path), "--data", data, "--out", out]
            )
            if code:
                raise ChildProcessError(f"{path.name} could not be measured.")
            metrics = read_object(Path(out) / "metrics.json")
        return {name: float(metrics[name]) for name in figures}

    return measure


def classify(test: Callable[[], kcv.data.DataSet]) -> Measure:
    """Make the function that measures a classifier as its recipe does.

    Args:
        test: Function that opens the held-out examples.

    Returns:
        The function.
    """

    def measure(path):
        model = kcv.load_model(path, compile=False)
        labels, scores = kcv.metrics.collect_scores(
            model, test().dataset, batch_size=64
        )
        return {
            f"top{k}": 1 - kcv.metrics.top_k_error(labels, scores, k)
            for k in (1, 5)
        }

    return measure


def verify_faces(path: Path) -> dict[str, float]:
    """Measure an embedder on pairs of rendered people, as its recipe does.

    Args:
        path: Path of the `.keras` file.

    Returns:
        Accuracy, its standard error, and other figures of the recipe.
    """
    model = kcv.load_model(path, compile=False)
    test = as_arrays(
        open_faces(FaceOptions(out=path.parent), "test", FACE_CROP)
    )
    embeddings, pairs = embed(model, test.images), make_pairs(test.labels)
    distances = kcv.metrics.pair_distances(
        embeddings, pairs.first, pairs.second
    )
    found = verify(distances, pairs)
    return {
        "accuracy": found.accuracy,
        "standard_error": found.standard_error,
        "auc": found.auc,
        "val_at_far": found.val_at_far,
    }
