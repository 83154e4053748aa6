"""Recognition of enrolled people on images.

Shapes: N images, D dimensions of an embedding.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import keras
import numpy as np
from numpy.typing import ArrayLike

from kcv.data import read_image
from kcv.data import read_image_folder
from kcv.data.formats.folders import find_files
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import Template
from kcv.faces.recognition.clustering import cluster_embeddings
from kcv.faces.recognition.face_reader import Detector
from kcv.faces.recognition.face_reader import FaceReader
from kcv.faces.recognition.gallery import Gallery
from kcv.faces.recognition.gallery import Recognition
from kcv.faces.verification import LogisticDistance
from kcv.faces.verification.ratio_verifier import RatioVerifier


class Recognizer:
    """Enroll people, and find them on other images.

    An image is turned into embeddings of its faces: a detector finds their
    landmarks, or they are given, and the faces are aligned. Without both the
    image is taken as one aligned face. A face is the enrolled person with the
    most similar image, if the log-likelihood ratio of the verifier is above
    `gallery.threshold`. Adjust both to the network, with embeddings that
    `embed` computes: `gallery.verifier.fit` needs photos of people whom the
    network was not trained on, and `gallery.set_false_accept_rate` photos of
    people who are not enrolled.

    Args:
        embedder: Model from images (B, height, width, 3), RGB in 0..255, of one
            size, to unit vectors (B, D), such as a `FaceEmbedder`.
        verifier: `LogisticDistance` or `JointBayesian` of
            `kcv.faces.verification`. If None, it is `LogisticDistance()`, with
            the threshold of FaceNet. Defaults to None.
        detector: Function from an image (H, W, 3) uint8 to landmarks (N, 5, 2)
            in pixels, or a model whose predictions have `landmarks` and
            `num_detections`, such as `kcv.faces.cascade.MTCNN`. If None, and no
            landmarks are given, each image is taken as one aligned face.
            Defaults to None.
        template: Places of landmarks in the aligned faces that the network was
            trained on. It is scaled to the size of the embedder. Defaults to
            `kcv.faces.alignment.FACE_CROP`.
        mirror: Whether the embedding of the mirrored face is appended, as in
            the DeepID line. Defaults to False.

    Attributes:
        gallery: The enrolled people, see `people`, `recognize` and `remove` of
            the gallery.

    Raises:
        ValueError: If the inputs of the embedder are not RGB images of one
            size.

    Example:

    ```python
    detector = kcv.faces.cascade.MTCNN(weights="mtcnn")
    recognizer = kcv.faces.Recognizer(embedder, detector=detector)
    recognizer.enroll_folder("friends")
    recognizer.save("friends.npz")
    for face in recognizer.find(kcv.data.read_image("party.jpg")):
        print(face.name or "nobody", face.probability)
    ```
    """

    def __init__(
        self,
        embedder: keras.Model,
        *,
        verifier: RatioVerifier | None = None,
        detector: Detector | keras.Model | None = None,
        template: Template = FACE_CROP,
        mirror: bool = False,
    ):
        self._reader = FaceReader(embedder, detector, template, mirror)
        self.gallery = Gallery(
            LogisticDistance() if verifier is None else verifier,
            embedder.output_shape[-1] * (2 if mirror else 1),
        )

    def embed(
        self,
        images: Sequence[ArrayLike],
        landmarks: Sequence[ArrayLike] | None = None,
    ) -> np.ndarray:
        """Embed the largest face of each image.

        Args:
            images: N images (H, W, 3) or (H, W), RGB or gray in 0..255. Their
                sizes may differ.
            landmarks: Landmarks (5, 2) of the face of each image, in pixels. If
                None, the detector finds them. Defaults to None.

        Returns:
            Embeddings (N, D) float32, or (N, 2 D) with mirrored faces.

        Raises:
            ValueError: If the detector finds no face on an image, landmarks
                are outside of it, on a line or not finite, or an embedding is
                not finite.
        """
        names = [f"image {number}" for number in range(len(images))]
        return self._reader.embed_largest(names, images.__getitem__, landmarks)[
            0
        ]

    def enroll(
        self,
        images: Sequence[ArrayLike],
        names: Sequence[str],
        landmarks: Sequence[ArrayLike] | None = None,
    ) -> None:
        """Enroll the largest face of each image.

        Args:
            images: N images (H, W, 3) or (H, W), RGB or gray in 0..255. Their
                sizes may differ.
            names: Name of the person on each image, not empty.
            landmarks: Landmarks (5, 2) of the face of each image, in pixels. If
                None, the detector finds them. Defaults to None.

        Raises:
            ValueError: If there is not one name for each image, or a face
                cannot be read. No image is enrolled then.
        """
        self.gallery.add(self.embed(images, landmarks), names)

    def enroll_folder(
        self, folder: str | os.PathLike, on_error: str = "raise"
    ) -> list[str]:
        """Enroll all images of a folder that has a folder for each person.

        Args:
            folder: Folder with image files in folder/NAME, at any depth.
            on_error: "raise" an error at an image that cannot be read or has no
                face, or "skip" it. Defaults to "raise".

        Returns:
            Names of the skipped images, "NAME/file.jpg".

        Raises:
            FileNotFoundError: If the folder does not exist.
            ValueError: If a person has no images, or an image cannot be read
                or has no face. The message names the file. No image is
                enrolled then.
        """
        found = read_image_folder(folder)
        embeddings, kept = self._embed_files(found.files, on_error)
        names = [found.class_names[found.labels[number]] for number in kept]
        self.gallery.add(embeddings, names)
        missing = sorted(set(range(len(found.files))) - set(kept))
        return [found.image_ids[number] for number in missing]

    def find(
        self, image: ArrayLike, landmarks: ArrayLike | None = None
    ) -> list[Recognition]:
        """Find who is on an image.

        Args:
            image: Image, RGB or gray in 0..255. Array (H, W, 3) or (H, W).
            landmarks: Landmarks of its faces, (5, 2) or (N, 5, 2) in pixels,
                or None for the detector. Defaults to None.

        Returns:
            A `Recognition` for each face, in the order of the landmarks. Its
            `name` is None if the face is that of no enrolled person.

        Raises:
            ValueError: If nobody is enrolled, or the image or the landmarks
                are not as they must be.
        """
        faces, points = self._reader.read(image, landmarks)
        found = self.gallery.recognize(self._reader.embed(faces))
        if points is None:
            return found
        pairs = zip(found, points, strict=True)
        return [face._replace(landmarks=own) for face, own in pairs]

    def verify(
        self,
        first: ArrayLike,
        second: ArrayLike,
        landmarks: Sequence[ArrayLike] | None = None,
    ) -> float:
        """Compute the probability that two images show one person.

        The largest face of each counts.

        Args:
            first: Image (H, W, 3) or (H, W), RGB or gray in 0..255.
            second: Image (H, W, 3) or (H, W), RGB or gray in 0..255.
            landmarks: Landmarks (5, 2) of both faces, in pixels. If None, the
                detector finds them. Defaults to None.

        Returns:
            The probability in [0, 1]. Before the images are seen, one person
            and two persons are taken to be equally likely.

        Raises:
            ValueError: If the detector finds no face on an image, or landmarks
                are not as they must be.
        """
        x = self.embed([first, second], landmarks)
        return float(self.gallery.verifier.probability(x[:1], x[1:])[0])

    def cluster_folder(
        self,
        folder: str | os.PathLike,
        probability: float = 0.5,
        on_error: str = "raise",
    ) -> dict[str, int]:
        """Group the images of a folder by person, without names.

        Args:
            folder: Folder with image files, at any depth. The largest face of
                each counts.
            probability: Probability of being one person below which groups stay
                apart. Float in (0, 1). Defaults to 0.5.
            on_error: "raise" an error at an image that cannot be read or has no
                face, or "skip" it. Defaults to "raise".

        Returns:
            Number of the group of each image, from 0, by the path of the image
            below the folder.

        Raises:
            NotADirectoryError: If the folder does not exist.
            ImportError: If scikit-learn is not installed.
            ValueError: If an image cannot be read or has no face, or
                `probability` is out of its range.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder}: The folder does not exist.")
        files = [os.fspath(file) for file in find_files(folder)]
        embeddings, kept = self._embed_files(files, on_error)
        groups = cluster_embeddings(
            embeddings, self.gallery.verifier, probability
        )
        names = [Path(files[i]).relative_to(folder).as_posix() for i in kept]
        return dict(zip(names, groups.tolist(), strict=True))

    def save(self, path: str | os.PathLike) -> None:
        """Save the gallery, its verifier and threshold, but not the model.

        Args:
            path: Path of the .npz file, in a folder that exists. It is written
                completely or not at all.

        Raises:
            OSError: If the file cannot be written.
        """
        self.gallery.save(path, self._reader.fingerprint())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        embedder: keras.Model,
        *,
        detector: Detector | keras.Model | None = None,
        template: Template = FACE_CROP,
        mirror: bool = False,
    ) -> Self:
        """Load what `save` has written.

        Args:
            path: Path of the .npz file.
            embedder: Model that the gallery was made with.
            detector: Function or model that finds landmarks, as in the
                constructor. Defaults to None.
            template: Places of landmarks in the aligned faces, those that the
                gallery was made with. Defaults to
                `kcv.faces.alignment.FACE_CROP`.
            mirror: Whether the embedding of the mirrored face is appended, as
                it was for the gallery. Defaults to False.

        Returns:
            The recognizer.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If the file is damaged, or its embeddings were made by
                another model, or with another `template` or `mirror`.
        """
        loaded = cls(
            embedder, detector=detector, template=template, mirror=mirror
        )
        loaded.gallery = Gallery.load(path, loaded._reader.fingerprint())
        return loaded

    def _embed_files(
        self, files: Sequence[str], on_error: str
    ) -> tuple[np.ndarray, list[int]]:
        return self._reader.embed_largest(
            files, lambda number: read_image(files[number]), on_error=on_error
        )
