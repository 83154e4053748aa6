"""Mask proposals: DeepMask and SharpMask."""

import kcv.backend  # noqa: F401

from kcv.masks.deepmask import DeepMask
from kcv.masks.losses import patch_losses
from kcv.masks.losses import total_loss
from kcv.masks.mask_proposals import MaskProposals
from kcv.masks.parts import MaskParts
from kcv.masks.parts import resnet50_mask_parts
from kcv.masks.parts import shared_head
from kcv.masks.parts import small_mask_parts
from kcv.masks.parts import vgg11_mask_parts
from kcv.masks.run_length import RunLengthMasks
from kcv.masks.run_length import decode_runs
from kcv.masks.settings import PatchGeometry
from kcv.masks.settings import SceneSearch
from kcv.masks.settings import octaves
from kcv.masks.sharpmask import SharpMask

__all__ = [
    "DeepMask",
    "MaskParts",
    "MaskProposals",
    "PatchGeometry",
    "RunLengthMasks",
    "SceneSearch",
    "SharpMask",
    "decode_runs",
    "octaves",
    "patch_losses",
    "resnet50_mask_parts",
    "shared_head",
    "small_mask_parts",
    "total_loss",
    "vgg11_mask_parts",
]
