"""From an image to the embeddings of its faces.

Shapes: N faces of an image, F faces in general, D dimensions of an embedding.
"""

import hashlib
from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import Template
from kcv.landmarks import check_landmarks
from kcv.landmarks import estimate_similarity
from kcv.landmarks import warp
from kcv.metrics.faces.forms import read_embeddings
from kcv.pixels import to_rgb

#: A detector: a function from an image (H, W, 3) uint8 to landmarks (N, 5, 2).
Detector = Callable[[np.ndarray], ArrayLike]

_BATCH = 128


class FaceReader:
    """Find, align and embed the faces of images.

    Args:
        embedder: Model from images (B, height, width, 3), RGB in 0..255, of one
            size, to embeddings (B, D).
        detector: Function from an image (H, W, 3) uint8 to landmarks (N, 5, 2),
            or a model whose predictions have `landmarks` and `num_detections`,
            such as `kcv.faces.cascade.MTCNN`. If None, an image is one aligned
            face unless its landmarks are given. Defaults to None.
        template: Places of the landmarks, which is scaled to the size of the
            embedder. Defaults to `kcv.faces.alignment.FACE_CROP`.
        mirror: Whether the embedding of the mirrored face is appended, and both
            are divided by the root of 2. Defaults to False.

    Raises:
        ValueError: If the inputs of the embedder are not RGB images of one
            size.
    """

    def __init__(
        self,
        embedder: keras.Model,
        detector: Detector | keras.Model | None = None,
        template: Template = FACE_CROP,
        mirror: bool = False,
    ):
        shape = tuple(embedder.input_shape)
        if len(shape) != 4 or None in shape[1:3] or shape[3] != 3:
            raise ValueError(
                "`embedder` must have an input (B, height, width, 3) of a "
                f"fixed size. Received: an input of shape {shape}"
            )
        self.embedder = embedder
        self.size = shape[1:3]
        self.template = template.resize(self.size)
        self.detector = detector
        if isinstance(detector, keras.Model):
            self.detector = _as_function(detector)
        self.mirror = mirror

    def read(
        self,
        image: ArrayLike,
        landmarks: ArrayLike | None = None,
        name: str = "image",
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Cut the aligned faces out of an image.

        Args:
            image: Image, RGB or gray in 0..255. Array (H, W, 3) or (H, W).
            landmarks: Landmarks of its faces, (5, 2) or (N, 5, 2) in pixels.
                If None, the detector finds them. Defaults to None.
            name: Name of the image in errors. Defaults to "image".

        Returns:
            Faces (N, height, width, 3) float32, and their landmarks (N, 5, 2)
            float32, or None if the image is taken as one aligned face.

        Raises:
            ValueError: If `image` is not an image, given landmarks are outside
                of it, on a line or not finite, or the detector returns
                landmarks that are not finite or all the same.
        """
        pixels = to_rgb(image, name)
        if landmarks is not None:
            points = np.asarray(landmarks)
            points = points[np.newaxis] if points.ndim == 2 else points
            if not points.size:
                points = points.reshape(0, 5, 2)
            if points.shape[1:] != (5, 2):
                raise ValueError(
                    f"{name}: `landmarks` must have the shape (5, 2) or "
                    f"(N, 5, 2). Received: shape {np.shape(landmarks)}"
                )
            for own in points:
                check_landmarks(own, name=name, size=pixels.shape[:2])
        elif self.detector is not None:
            points = np.asarray(self.detector(pixels)).reshape(-1, 5, 2)
        else:
            return self._resize(pixels)[np.newaxis], None
        points = points.astype("float32")
        if not len(points):
            return np.zeros((0, *self.size, 3), "float32"), points
        matrices = estimate_similarity(
            self.template.select(points), self.template.points
        )
        if not np.isfinite(matrices).all():
            raise ValueError(
                f"{name}: The detector must find landmarks that are finite and "
                f"not all the same. Received: landmarks={points.tolist()}"
            )
        images = np.broadcast_to(pixels, (len(points), *pixels.shape))
        # Faces for training are rounded, too.
        return np.rint(warp(images, matrices, self.size)), points

    def read_one(
        self,
        image: ArrayLike,
        landmarks: ArrayLike | None = None,
        name: str = "image",
    ) -> np.ndarray:
        """Cut out the largest face of an image.

        Args:
            image: Image, RGB or gray in 0..255. Array (H, W, 3) or (H, W).
            landmarks: Landmarks of its faces, (5, 2) or (N, 5, 2) in pixels.
                If None, the detector finds them. Defaults to None.
            name: Name of the image in errors. Defaults to "image".

        Returns:
            Face (height, width, 3) float32.

        Raises:
            ValueError: If the detector finds no face, `image` is not an image,
                given landmarks are outside of it, on a line or not finite, or
                those of the detector are not finite or all the same.
        """
        faces, points = self.read(image, landmarks, name)
        if not len(faces):
            raise ValueError(f"{name}: The detector finds no face.")
        if points is None:
            return faces[0]
        return faces[np.ptp(points, axis=1).sum(axis=1).argmax()]

    def embed(self, faces: ArrayLike) -> np.ndarray:
        """Embed aligned faces.

        Args:
            faces: Faces (F, height, width, 3), RGB in 0..255.

        Returns:
            Embeddings (F, D) float32, or (F, 2 D) with mirrored faces.

        Raises:
            ValueError: If an embedding is not finite.
        """
        faces = np.asarray(faces)
        found = [self._predict(faces)]
        if self.mirror:
            found.append(self._predict(faces[:, :, ::-1]))
        embeddings = np.concatenate(found, axis=1) / np.sqrt(len(found))
        read_embeddings(embeddings)
        return embeddings.astype("float32")

    def embed_largest(
        self,
        names: Sequence[str],
        load: Callable[[int], ArrayLike],
        landmarks: Sequence[ArrayLike] | None = None,
        on_error: str = "raise",
    ) -> tuple[np.ndarray, list[int]]:
        """Embed the largest face of each of many images.

        Args:
            names: Names of N images, for error messages.
            load: Function from the number of an image, from 0, to the image (H,
                W, 3) or (H, W), RGB or gray in 0..255.
            landmarks: Landmarks (5, 2) of the face of each image, in pixels. If
                None, the detector finds them. Defaults to None.
            on_error: "raise" an error at an image that cannot be read or has no
                face, or "skip" it. Defaults to "raise".

        Returns:
            Embeddings (M, D) float32 of the M images that are not skipped, and
            the numbers of these images.

        Raises:
            ValueError: If an image cannot be read or has no face, or there are
                not landmarks for each image.
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(
                "`on_error` must be 'raise' or 'skip'. Received: "
                f"on_error={on_error!r}"
            )
        if landmarks is not None and len(landmarks) != len(names):
            raise ValueError(
                "`landmarks` must be given for each image. Received: "
                f"{len(landmarks)} landmarks and {len(names)} images"
            )
        faces = np.zeros((min(len(names), _BATCH), *self.size, 3), "float32")
        embeddings, kept = [self.embed(faces[:0])], []
        for number, name in enumerate(names):
            points = None if landmarks is None else landmarks[number]
            try:
                face = self.read_one(load(number), points, name)
            except ValueError:
                if on_error == "raise":
                    raise
                continue
            faces[len(kept) % _BATCH] = face
            kept.append(number)
            if len(kept) % _BATCH == 0:
                embeddings.append(self.embed(faces))
        embeddings.append(self.embed(faces[: len(kept) % _BATCH]))
        return np.concatenate(embeddings), kept

    def fingerprint(self) -> str:
        """Compute a hash that differs between embeddings of two kinds.

        Returns:
            A hash of the shapes and values of the weights of the network, not
            of its training objective, of the template, and of whether faces are
            mirrored.
        """
        network = getattr(self.embedder, "network", self.embedder)
        kind = f"{self.size} {self.template.points} {self.mirror}"
        digest = hashlib.sha256(kind.encode())
        for variable in network.weights:
            value = np.ascontiguousarray(variable.numpy())
            digest.update(f"{value.shape} {value.dtype}".encode())
            digest.update(value.tobytes())
        return digest.hexdigest()

    def _predict(self, faces):
        width = self.embedder.output_shape[-1]
        batches = [np.zeros((0, width), "float32")]
        for start in range(0, len(faces), _BATCH):
            batch = faces[start : start + _BATCH].astype("float32")
            batches.append(self.embedder.predict_on_batch(batch))
        return np.concatenate(batches)

    def _resize(self, pixels):
        """Resize an aligned face as a whole."""
        if pixels.shape[:2] == self.size:
            return pixels.astype("float32")
        pixels = keras.ops.image.resize(
            pixels.astype("float32"), self.size, antialias=True
        )
        return np.rint(keras.ops.convert_to_numpy(pixels))


def _as_function(detector):
    def detect(image):
        found = detector.predict(image[np.newaxis], verbose=0)
        number = int(found["num_detections"][0])
        return found["landmarks"][0, :number]

    return detect
