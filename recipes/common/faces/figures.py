"""Figures of a run: ROC curves, the hardest pairs, and a map of embeddings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import kcv
from recipes.common.faces.photos import Photos
from recipes.common.faces.verifying import Verified

PAIRS = 8  # In a row.
MAP_PEOPLE, MAP_PHOTOS = 16, 12


def draw_all(
    verified: Mapping[str, Verified],
    best: str,
    embeddings: np.ndarray,
    pairs: Any,
    test: Photos,
) -> dict[str, Figure]:
    """Draw all figures of a run or of a table.

    Args:
        verified: Measures of each distance, by its name.
        best: Name of the distance whose hardest pairs are shown.
        embeddings: Embeddings of the held-out photos (N, D) that it is of.
        pairs: Pairs of held-out photos.
        test: Held-out photos.

    Returns:
        Figures by caption.
    """
    return {
        "True accepts over false accepts": draw_roc(verified, pairs),
        f"The hardest pairs of the {len(pairs.same):,}, {best}": (
            draw_hardest_pairs(verified[best].distances, pairs, test)
        ),
        f"Embeddings of held-out photos by t-SNE, {best}": draw_map(
            embeddings, test
        ),
    }


def draw_roc(verified: Mapping[str, Verified], pairs: Any) -> Figure:
    """Draw the ROC curve of each distance, by its name."""
    curves = {}
    for name, own in verified.items():
        roc = kcv.metrics.verification_roc(own.distances, pairs.same)
        curves[f"{name}  {own.accuracy:.3f}"] = (roc.far, roc.rate)
    # A rate below that of a single pair cannot be measured.
    return kcv.visualize.roc_figure(curves, 1 / np.sum(~pairs.same))


def draw_hardest_pairs(
    distances: np.ndarray, pairs: Any, test: Photos
) -> Figure:
    """Show the pairs of one person farthest apart, and the nearest others.

    Args:
        distances: Distance of each pair (P,).
        pairs: Pairs of held-out photos.
        test: Held-out photos.

    Returns:
        Matplotlib figure with two rows.
    """
    order = np.argsort(distances)
    same = [i for i in order[::-1] if pairs.same[i]][:PAIRS]
    different = [i for i in order if not pairs.same[i]][:PAIRS]
    rows = {
        "One person, far apart": same,
        "Two people, close together": different,
    }
    return kcv.visualize.pairs_figure(
        {
            title: [
                (
                    test.images[pairs.first[i]],
                    test.images[pairs.second[i]],
                    f"{distances[i]:.2f}",
                )
                for i in chosen
            ]
            for title, chosen in rows.items()
        }
    )


def draw_map(embeddings: np.ndarray, test: Photos) -> Figure:
    """Draw photos of some people where t-SNE puts their embeddings.

    Args:
        embeddings: Embeddings of the held-out photos (N, D).
        test: Held-out photos.

    Returns:
        Matplotlib figure.
    """
    from sklearn.manifold import TSNE

    shown = np.concatenate(
        [
            np.flatnonzero(test.labels == person)[:MAP_PHOTOS]
            for person in range(min(MAP_PEOPLE, len(test.names)))
        ]
    )
    # A neighborhood is about the photos of a person.
    perplexity = min(MAP_PHOTOS, (len(shown) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=0)
    return kcv.visualize.embedding_figure(
        points.fit_transform(embeddings[shown]),
        test.images[shown],
        test.labels[shown],
    )
