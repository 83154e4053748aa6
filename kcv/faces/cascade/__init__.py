"""Detection of faces by cascades of small networks."""

import kcv.backend  # noqa: F401

from kcv.faces.cascade.detection import Stage
from kcv.faces.cascade.detector import FaceCascade
from kcv.faces.cascade.detector import paper_stages
from kcv.faces.cascade.learning.samples import FaceImages
from kcv.faces.cascade.learning.samples import keep_face_images
from kcv.faces.cascade.learning.training import train_cascade
from kcv.faces.cascade.mtcnn import MTCNN
from kcv.faces.cascade.mtcnn_networks import ONet
from kcv.faces.cascade.mtcnn_networks import PNet
from kcv.faces.cascade.mtcnn_networks import RNet
from kcv.faces.cascade.networks import Calibration12
from kcv.faces.cascade.networks import Calibration24
from kcv.faces.cascade.networks import Calibration48
from kcv.faces.cascade.networks import Net12
from kcv.faces.cascade.networks import Net24
from kcv.faces.cascade.networks import Net48
from kcv.faces.cascade.patterns import PATTERNS
from kcv.faces.cascade.patterns import calibrate
from kcv.faces.cascade.patterns import pattern_windows
from kcv.faces.cascade.settings import CascadeTraining
from kcv.faces.cascade.settings import WindowScan
from kcv.faces.cascade.settings import WindowSelection

__all__ = [
    "MTCNN",
    "PATTERNS",
    "Calibration12",
    "Calibration24",
    "Calibration48",
    "CascadeTraining",
    "FaceCascade",
    "FaceImages",
    "Net12",
    "Net24",
    "Net48",
    "ONet",
    "PNet",
    "RNet",
    "Stage",
    "WindowScan",
    "WindowSelection",
    "calibrate",
    "keep_face_images",
    "paper_stages",
    "pattern_windows",
    "train_cascade",
]
