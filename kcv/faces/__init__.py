"""Faces: networks, losses, verifiers, a recognizer, and detectors."""

import kcv.backend  # noqa: F401

# Keras finds the optimizer that the file of a trained model names only after
# it has been imported.
import kcv.optimizers  # noqa: F401
from kcv.faces import alignment
from kcv.faces import cascade
from kcv.faces import verification
from kcv.faces.aligned_inputs import align_inputs
from kcv.faces.deepface import DeepFace
from kcv.faces.deepid import DeepID
from kcv.faces.deepid import DeepID2
from kcv.faces.deepid import DeepID2Plus
from kcv.faces.deepid3 import DeepID3
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.facenet import FaceNetNN2
from kcv.faces.facenet import FaceNetNN3
from kcv.faces.facenet import FaceNetNN4
from kcv.faces.facenet_nn1 import FaceNetNN1
from kcv.faces.learning.collapse import CollapseWarning
from kcv.faces.objectives import Identification
from kcv.faces.objectives import IdentificationVerification
from kcv.faces.objectives import Objective
from kcv.faces.objectives import Triplets
from kcv.faces.recognition.gallery import Recognition
from kcv.faces.recognition.recognizer import Recognizer

__all__ = [
    "CollapseWarning",
    "DeepFace",
    "DeepID",
    "DeepID2",
    "DeepID2Plus",
    "DeepID3",
    "FaceEmbedder",
    "FaceNetNN1",
    "FaceNetNN2",
    "FaceNetNN3",
    "FaceNetNN4",
    "Identification",
    "IdentificationVerification",
    "Objective",
    "Recognition",
    "Recognizer",
    "Triplets",
    "align_inputs",
    "alignment",
    "cascade",
    "verification",
]
