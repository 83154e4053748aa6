"""Detection of faces by cascades of small networks."""

import kcv.backend  # noqa: F401

from kcv.faces.cascade.detector import FaceCascade
from kcv.faces.cascade.detector import Stage
from kcv.faces.cascade.detector import paper_stages
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
from kcv.faces.cascade.settings import WindowScan
from kcv.faces.cascade.settings import WindowSelection

__all__ = [
    "MTCNN",
    "PATTERNS",
    "Calibration12",
    "Calibration24",
    "Calibration48",
    "FaceCascade",
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
    "paper_stages",
    "pattern_windows",
]
