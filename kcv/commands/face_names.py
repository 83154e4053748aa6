"""Faces of an image: found by a detector, aligned, embedded, and named."""

import logging
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kcv.commands.answers import Answer
from kcv.commands.answers import Batch
from kcv.commands.answers import KerasAnswers
from kcv.commands.answers import Kind
from kcv.commands.answers import SavedAnswers
from kcv.faces import Recognizer
from kcv.faces.cascade import MTCNN
from kcv.faces.recognition.face_reader import FaceReader
from kcv.serving.preparation import as_it_is
from kcv.serving.trained_model import TrainedModel

_LOG = logging.getLogger(__name__)


def published_mtcnn() -> KerasAnswers:
    """Build MTCNN with the weights of the installed package `mtcnn`.

    Returns:
        The detector of faces.
    """
    model = MTCNN(weights="mtcnn")
    return KerasAnswers(TrainedModel(model, "detection", as_it_is, ("face",)))


class FaceNames:
    """Answers of an embedder: who is on an image.

    Args:
        embedder: The embedder.
        detector: Detector of faces with landmarks. If None, each image is one
            aligned face. Defaults to None.
        gallery: File that `Recognizer.save` has written, or folder with a
            folder of photos for each person. If None, embeddings are answered
            instead of names. Defaults to None.

    Attributes:
        kind: "detection" with a detector, "faces" without.
        class_names: Names of the classes.
        needs_proposals: False.

    Raises:
        FileNotFoundError: If the gallery does not exist.
        ValueError: If the detector finds no landmarks, or the gallery is
            damaged or made by another model.
    """

    needs_proposals = False

    def __init__(
        self,
        embedder: KerasAnswers | SavedAnswers,
        detector: KerasAnswers | SavedAnswers | None = None,
        gallery: Path | None = None,
    ):
        if embedder.kind != "faces":
            raise ValueError(
                "`detector` and `gallery` must be left out, except for "
                "embedders of faces. Received: a model of task "
                f"{embedder.kind}"
            )
        if isinstance(embedder, SavedAnswers):
            raise ValueError(
                "`model` must be a Keras file for faces to be named. Received: "
                "a published version"
            )
        self._source = detector or embedder
        self._detector = detector
        self._network = embedder.model
        self.kind: Kind = "faces" if detector is None else "detection"
        self.class_names = () if detector is None else ("face",)
        self._gallery = None
        if gallery is not None:
            self._gallery = self._open(gallery).gallery

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Prepare an image for the first model that sees it, in a graph.

        Args:
            image: Image (H, W, 3) uint8 RGB.

        Returns:
            The image as that model takes it.
        """
        return self._source.encode(image)

    def group(self, image: np.ndarray, encoded: Any) -> Hashable:
        """Return the group of an image. Images of one group form batches.

        Args:
            image: Image (H, W, 3) uint8 RGB.
            encoded: The image as `encode` returns it.

        Returns:
            Value that is equal for all images of a group.
        """
        return self._source.group(image, encoded)

    def answer(self, batch: Batch) -> list[Answer]:
        """Name the faces of a batch of images.

        Args:
            batch: Images of one group.

        Returns:
            For each image what the detector answers, and `names`, a list with a
            dict for each face: `name`, None for nobody of the gallery,
            `nearest` and `probability`, or `embedding` without a gallery.
        """
        answers = self._source.answer(batch)
        if self._detector is None:
            embeddings = [answer["embedding"] for answer in answers]
            names = self._name(np.stack(embeddings))
            return [{"names": [name]} for name in names]
        for image, answer in zip(batch.images, answers, strict=True):
            # Landmarks that a detector finds may be outside of the image.
            found = partial(_return, self._landmarks(answer))
            reader = FaceReader(self._network, found)
            faces, _ = reader.read(image)
            answer["names"] = self._name(reader.embed(faces))
        return answers

    def _name(self, embeddings) -> list[dict[str, Any]]:
        if self._gallery is None:
            return [{"embedding": own.tolist()} for own in embeddings]
        return [
            {
                "name": face.name,
                "nearest": face.nearest,
                "probability": face.probability,
            }
            for face in self._gallery.recognize(embeddings)
        ]

    def _landmarks(self, answer: Answer) -> np.ndarray:
        if "landmarks" not in answer:
            raise ValueError(
                "`detector` must find landmarks, as MTCNN does. Received: a "
                "detector of boxes alone"
            )
        return answer["landmarks"]

    def _open(self, gallery: Path) -> Recognizer:
        detect = None if self._detector is None else self._detect
        if gallery.is_dir():
            recognizer = Recognizer(self._network, detector=detect)
            for name in recognizer.enroll_folder(gallery, on_error="skip"):
                _LOG.warning(
                    "%s/%s has no face, and is not used", gallery, name
                )
            return recognizer
        return Recognizer.load(gallery, self._network, detector=detect)

    def _detect(self, image: np.ndarray) -> np.ndarray:
        encoded = self._source.encode(tf.constant(image)).numpy()
        (answer,) = self._source.answer(Batch([image], [encoded]))
        return self._landmarks(answer)


def _return(landmarks: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return landmarks that have been found already."""
    return landmarks
