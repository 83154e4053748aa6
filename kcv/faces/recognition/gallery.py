"""The enrolled people, and the comparison of other faces with them.

Shapes: G enrolled images, N embeddings of other faces, D dimensions.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification import JointBayesian
from kcv.faces.verification import LogisticDistance
from kcv.faces.verification.array_files import read_arrays
from kcv.faces.verification.array_files import write_arrays
from kcv.faces.verification.ratio_verifier import RatioVerifier
from kcv.faces.verification.ratio_verifier import logistic
from kcv.metrics import far_threshold
from kcv.metrics.faces.forms import read_embeddings
from kcv.metrics.faces.people import nearest_of_people

_VERIFIERS = {kind.__name__: kind for kind in (JointBayesian, LogisticDistance)}
_FIELDS = {
    "names": 1,
    "embeddings": 2,
    "threshold": 0,
    "model": 0,
    "verifier": 0,
}


class Recognition(NamedTuple):
    """A face that was looked for among the enrolled people.

    Attributes:
        name: Name of the person, or None if it is nobody of the gallery.
        nearest: Name of the most similar enrolled person.
        probability: Probability that the face shows `nearest`, if that is as
            likely as not before one looks at it.
        landmarks: Landmarks (5, 2) float32 in pixels of the image. None if the
            image was taken as one aligned face. Defaults to None.
    """

    name: str | None
    nearest: str
    probability: float
    landmarks: np.ndarray | None = None


class Gallery:
    """Embeddings of enrolled people.

    Args:
        verifier: `LogisticDistance` or `JointBayesian`.
        dimensions: D, number of dimensions of an embedding.

    Attributes:
        verifier: Verifier that computes log-likelihood ratios.
        threshold: Log-likelihood ratio above which a face is the most similar
            enrolled person. Defaults to 0.0.
        names: Name of the person on each enrolled image. Array (G,) of strings.
        embeddings: Embeddings of these images. Float32 array (G, D).

    Example:

    >>> gallery = Gallery(LogisticDistance(), dimensions=2)
    >>> gallery.add([[1.0, 0.0], [0.0, 1.0]], ["Ann", "Bob"])
    >>> [face.name for face in gallery.recognize([[0.1, 0.99], [-1.0, 0.0]])]
    ['Bob', None]
    """

    def __init__(self, verifier: RatioVerifier, dimensions: int):
        self.verifier = verifier
        self.threshold = 0.0
        self.names = np.zeros(0, "<U1")
        self.embeddings = np.zeros((0, dimensions), "float32")

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the enrolled people, sorted."""
        return tuple(np.unique(self.names).tolist())

    def add(self, embeddings: ArrayLike, names: Sequence[str]) -> None:
        """Enroll images of people.

        Args:
            embeddings: Embeddings (G, D).
            names: Name of the person of each, not empty.

        Raises:
            ValueError: If there is not one name for each embedding, or the
                embeddings have other dimensions or are not finite.
        """
        width = self.embeddings.shape[1]
        embeddings = read_embeddings(embeddings, dimensions=width)
        is_list = not isinstance(names, str)
        if not is_list or len(embeddings) != len(names) or not all(names):
            raise ValueError(
                "`names` must be a list of one name for each image. Received: "
                f"{len(names) if is_list else repr(names)} names and "
                f"{len(embeddings)} images"
            )
        embeddings = embeddings.astype("float32")
        self.names = np.append(self.names, np.array(names, str))
        self.embeddings = np.concatenate([self.embeddings, embeddings])

    def remove(self, name: str) -> None:
        """Remove a person.

        Args:
            name: Name of the person.

        Raises:
            ValueError: If the person is not enrolled.
        """
        own = self.names == name
        if not own.any():
            raise ValueError(
                f"`name` must be an enrolled person. Received: name={name!r}"
            )
        self.names, self.embeddings = self.names[~own], self.embeddings[~own]

    def compare(self, embeddings: ArrayLike) -> np.ndarray:
        """Compare embeddings with the enrolled people.

        Args:
            embeddings: Embeddings (N, D).

        Returns:
            Log-likelihood ratios with the most similar image of each person, in
            the order of `people`. Float64 array (N, people).

        Raises:
            ValueError: If nobody is enrolled, or a number is not finite.
        """
        if not len(self.names):
            raise ValueError("The gallery must not be empty: call `enroll`.")
        ratios = self.verifier.ratio_matrix(embeddings, self.embeddings)
        return -nearest_of_people(-ratios, self.names)[1]

    def recognize(self, embeddings: ArrayLike) -> list[Recognition]:
        """Find whose embeddings these are.

        Args:
            embeddings: Embeddings (N, D).

        Returns:
            A `Recognition` for each embedding, without landmarks.

        Raises:
            ValueError: If nobody is enrolled, or a number is not finite.
        """
        ratios = self.compare(embeddings)
        people, best = self.people, ratios.max(axis=1)
        found = []
        for number, ratio in zip(ratios.argmax(axis=1), best, strict=True):
            nearest = people[number]
            name = nearest if ratio > self.threshold else None
            found.append(Recognition(name, nearest, float(logistic(ratio))))
        return found

    def set_false_accept_rate(
        self, embeddings: ArrayLike, far: float = 0.01
    ) -> None:
        """Set the threshold by faces of people who are not enrolled.

        Args:
            embeddings: Embeddings (N, D) of such faces.
            far: Largest share of them that may be taken for an enrolled person.
                Float in [0, 1]. Defaults to 0.01.

        Raises:
            ValueError: If nobody is enrolled, there is no embedding, or `far`
                is out of its range.
        """
        best = self.compare(embeddings).max(axis=1)
        # A file has finite numbers only.
        lowest = float(np.finfo("float64").min)
        self.threshold = max(-far_threshold(-best, far), lowest)

    def save(self, path: str | os.PathLike, model: str) -> None:
        """Save the gallery as .npz, completely or not at all.

        Args:
            path: Path of the file, in a folder that exists.
            model: Fingerprint of the model that made the embeddings.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If the verifier is not fitted.
        """
        stored = self.verifier.arrays()
        arrays = {
            "names": self.names,
            "embeddings": self.embeddings,
            "threshold": np.array(self.threshold),
            "model": np.array(model),
            "verifier": np.array(type(self.verifier).__name__),
            **{f"verifier_{name}": array for name, array in stored.items()},
        }
        write_arrays(path, "Gallery", arrays)

    @classmethod
    def load(cls, path: str | os.PathLike, model: str) -> Self:
        """Load a gallery that `save` has written.

        Args:
            path: Path of the file.
            model: Fingerprint of the model that other embeddings come from.

        Returns:
            The gallery.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If the file is damaged or is not a gallery, or its
                embeddings were made by another model.
        """
        arrays = read_arrays(path, "Gallery", _FIELDS)
        kind = _VERIFIERS.get(str(arrays["verifier"]))
        if kind is None or len(arrays["names"]) != len(arrays["embeddings"]):
            raise ValueError(f"{path}: The file is not a Gallery.")
        if str(arrays["model"]) != model:
            raise ValueError(
                f"{path}: The gallery was made by another model, whose "
                "embeddings cannot be compared. Enroll the people again."
            )
        fields = {f"verifier_{k}": n for k, n in kind.FIELDS.items()}
        stored = read_arrays(path, "Gallery", fields)
        gallery = cls(
            kind.from_arrays({k: stored[f"verifier_{k}"] for k in kind.FIELDS}),
            arrays["embeddings"].shape[1],
        )
        gallery.names = arrays["names"]
        gallery.embeddings = arrays["embeddings"]
        gallery.threshold = float(arrays["threshold"])
        return gallery
