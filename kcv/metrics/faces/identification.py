"""Identification: which enrolled person is on an image, if any.

Shapes: P probes, G images of the gallery. A person may have several images in
the gallery, of which the nearest counts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kcv.metrics.faces.forms import read_distances
from kcv.metrics.faces.forms import read_labels
from kcv.metrics.faces.people import nearest_of_people
from kcv.metrics.faces.thresholds import far_threshold


class ClosedSetIdentification(NamedTuple):
    """Result of probes whose people are all enrolled.

    Attributes:
        ranks: Rank of the right person for each probe, from 1. Int64 array
            (P,).
        rates: Cumulative match characteristic: `rates[k - 1]` is the share of
            probes whose rank is at most k. Float64 array (N,) for N persons in
            the gallery.
    """

    ranks: np.ndarray
    rates: np.ndarray

    @property
    def rank_1(self) -> float:
        """Share of the probes whose nearest person is the right one."""
        return float(self.rates[0])


class OpenSetIdentification(NamedTuple):
    """Result of probes of which some show people who are not enrolled.

    Attributes:
        rate: Detection and identification rate (DIR): the share of the probes
            of enrolled people that are accepted and whose nearest person is
            the right one.
        far: False accept rate: the share of the probes of other people that
            are accepted.
        threshold: Distance below which a probe is accepted.
    """

    rate: float
    far: float
    threshold: float


def identify_closed_set(
    distances: ArrayLike, probe_labels: ArrayLike, gallery_labels: ArrayLike
) -> ClosedSetIdentification:
    """Rank the people of a gallery for each probe.

    People at the same distance as the right one are ranked before it.

    Args:
        distances: Distances (P, G) of probes to the images of the gallery, see
            `embedding_distances`.
        probe_labels: Person on each probe. Array (P,).
        gallery_labels: Person on each image of the gallery. Array (G,).

    Returns:
        `ClosedSetIdentification`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, or the person
            of a probe is not in the gallery.

    Example:

    >>> result = identify_closed_set(
    ...     [[0.1, 0.5, 0.9], [0.4, 0.6, 0.2]], ["Ann", "Ann"],
    ...     ["Ann", "Ann", "Bob"],
    ... )
    >>> result.ranks.tolist(), result.rates.tolist()
    ([1, 2], [0.5, 1.0])
    """
    nearest, right, is_known = _nearest(distances, probe_labels, gallery_labels)
    if not is_known.all():
        first = np.asarray(probe_labels)[~is_known][0]
        raise ValueError(
            "`probe_labels` must be people of the gallery. Received: "
            f"{int((~is_known).sum())} of other people, the first of {first!r}"
        )
    own = np.take_along_axis(nearest, right[:, None], axis=1)
    ranks = (nearest <= own).sum(axis=1)
    people = nearest.shape[1]
    counts = np.bincount(ranks, minlength=people + 1)[1:]
    return ClosedSetIdentification(ranks, np.cumsum(counts) / len(ranks))


def identify_open_set(
    distances: ArrayLike,
    probe_labels: ArrayLike,
    gallery_labels: ArrayLike,
    far: float = 0.01,
) -> OpenSetIdentification:
    """Measure detection and identification at a false accept rate.

    The threshold is the largest that accepts at most the share `far` of the
    probes whose people are not in the gallery.

    Args:
        distances: Distances (P, G) of probes to the images of the gallery, see
            `embedding_distances`.
        probe_labels: Person on each probe. Array (P,). People who are not
            among `gallery_labels` are unknown.
        gallery_labels: Person on each image of the gallery. Array (G,).
        far: False accept rate. Float in [0, 1]. Defaults to 0.01.

    Returns:
        `OpenSetIdentification`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, `far` is out of
            its range, or there is no known or no unknown probe.

    Example:

    >>> distances = [[0.2, 0.8], [0.9, 0.3], [0.6, 0.7]]
    >>> identify_open_set(distances, [0, 1, 9], [0, 1]).rate
    1.0
    """
    nearest, right, is_known = _nearest(distances, probe_labels, gallery_labels)
    if is_known.all() or not is_known.any():
        raise ValueError(
            "`probe_labels` must have people of the gallery and others. "
            f"Received: {int(is_known.sum())} people of the gallery among "
            f"{len(is_known)} probes"
        )
    smallest = nearest.min(axis=1)
    threshold = far_threshold(smallest[~is_known], far)
    is_accepted = smallest < threshold
    is_right = nearest.argmin(axis=1) == right
    return OpenSetIdentification(
        float((is_accepted & is_right)[is_known].mean()),
        float(is_accepted[~is_known].mean()),
        threshold,
    )


def _nearest(distances, probe_labels, gallery_labels):
    """Return distances to people (P, people), and the right person's column."""
    distances = read_distances(distances, 2)
    probes, images = distances.shape
    if not images or not probes:
        raise ValueError(
            "`distances` must have at least one probe and one image. Received: "
            f"distances of shape {distances.shape}"
        )
    labels = read_labels(gallery_labels, "gallery_labels", images)
    wanted = read_labels(probe_labels, "probe_labels", probes)
    people, nearest = nearest_of_people(distances, labels)
    right = np.searchsorted(people, wanted)
    right = np.minimum(right, len(people) - 1)
    return nearest, right, people[right] == wanted
