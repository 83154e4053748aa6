"""Finding who is on a photo, or nobody, among people never trained on."""

from typing import NamedTuple

import keras
import numpy as np

import kcv
from recipes.common.faces.photos import Photos

# Of twelve people, five are enrolled, five are looked for in vain, and two set
# the threshold. Of the 120 people of rendered_faces these are 50, 50 and 20.
ENROLLED, UNKNOWN = 5 / 12, 10 / 12
GALLERY = 0.25  # Share of the photos of an enrolled person that are enrolled.
FAR = 0.01


class Roles(NamedTuple):
    """Numbers of held-out photos, by what they are for.

    Attributes:
        gallery: Numbers (N,) of the photos that are enrolled.
        known: Numbers (N,) of other photos of the same people.
        unknown: Numbers (N,) of photos of people who are not enrolled.
        others: Numbers (N,) of photos of further people, which set the
            threshold.
    """

    gallery: np.ndarray
    known: np.ndarray
    unknown: np.ndarray
    others: np.ndarray


def divide_roles(labels: np.ndarray) -> Roles:
    """Divide held-out photos into enrolled, known and unknown ones.

    Args:
        labels: Person on each photo (N,).

    Returns:
        Numbers of the photos. People with one photo are not enrolled.
    """
    people, counts = np.unique(labels, return_counts=True)
    enrolled = people[: round(len(people) * ENROLLED)]
    enrolled = enrolled[counts[: len(enrolled)] > 1]
    gallery, known = [], []
    for person in enrolled:
        own = np.flatnonzero(labels == person)
        count = max(round(len(own) * GALLERY), 1)
        gallery.append(own[:count])
        known.append(own[count:])
    first, last = (round(len(people) * share) for share in (ENROLLED, UNKNOWN))
    return Roles(
        np.concatenate(gallery),
        np.concatenate(known),
        np.flatnonzero(np.isin(labels, people[first:last])),
        np.flatnonzero(np.isin(labels, people[last:])),
    )


def find_people(
    model: keras.Model, embeddings: np.ndarray, test: Photos
) -> dict[str, float]:
    """Enroll some of the held-out people and look for them and for others.

    Args:
        model: Model from images to unit vectors.
        embeddings: Embeddings of the held-out photos and their mirror images
            (N, 2 D).
        test: Held-out photos.

    Returns:
        `rank1`: share of the other photos of enrolled people whose nearest
        person is the right one. `dir_at_far`: share of them that is accepted,
        too, at the threshold that accepts 1% of the photos of unknown people.
        `recognized`: share of them that `kcv.faces.Recognizer` names rightly,
        with a threshold from the photos of further people. `wrongly_named`:
        share of the photos of unknown people to which it gives a name.
    """
    roles = divide_roles(test.labels)
    probes = np.concatenate([roles.known, roles.unknown])
    distances = kcv.metrics.embedding_distances(
        embeddings[probes], embeddings[roles.gallery]
    )
    enrolled = test.labels[roles.gallery]
    closed = kcv.metrics.identify_closed_set(
        distances[: len(roles.known)], test.labels[roles.known], enrolled
    )
    opened = kcv.metrics.identify_open_set(
        distances, test.labels[probes], enrolled, FAR
    )

    recognizer = kcv.faces.Recognizer(model, mirror=True)
    recognizer.enroll(
        test.images[roles.gallery], [test.names[person] for person in enrolled]
    )
    gallery = recognizer.gallery
    gallery.set_false_accept_rate(embeddings[roles.others], FAR)
    found = gallery.recognize(embeddings[probes])
    named = np.array([face.name or "" for face in found])
    known, unknown = np.split(named, [len(roles.known)])
    right = np.array(test.names)[test.labels[roles.known]]
    return {
        "rank1": closed.rank_1,
        "dir_at_far": opened.rate,
        "recognized": float(np.mean(known == right)),
        "wrongly_named": float(np.mean(unknown != "")),
    }
