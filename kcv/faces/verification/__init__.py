"""Verifiers, which decide on features whether two images show one person."""

from kcv.faces.verification.chi_squared import ChiSquared
from kcv.faces.verification.component_scaling import ComponentScaling
from kcv.faces.verification.joint_bayesian import JointBayesian
from kcv.faces.verification.logistic_distance import LogisticDistance
from kcv.faces.verification.patch_selection import PatchSelection
from kcv.faces.verification.patch_selection import select_patches
from kcv.faces.verification.patches import FacePatch
from kcv.faces.verification.patches import deepid_patches
from kcv.faces.verification.patches import extract_patches
from kcv.faces.verification.patches import patch_features
from kcv.faces.verification.principal_components import PCA
from kcv.faces.verification.siamese_head import SiameseHead

__all__ = [
    "PCA",
    "ChiSquared",
    "ComponentScaling",
    "FacePatch",
    "JointBayesian",
    "LogisticDistance",
    "PatchSelection",
    "SiameseHead",
    "deepid_patches",
    "extract_patches",
    "patch_features",
    "select_patches",
]
