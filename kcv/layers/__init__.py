"""Keras layers for operations that Keras itself does not have."""

import kcv.backend  # noqa: F401

from kcv.layers.batch_normalization import BatchNormalization
from kcv.layers.crop_like import CropLike
from kcv.layers.gram_matrix import GramMatrix
from kcv.layers.grouped_conv2d import GroupedConv2D
from kcv.layers.histogram_matching import HistogramMatching
from kcv.layers.identity_shortcut import IdentityShortcut
from kcv.layers.instance_normalization import InstanceNormalization
from kcv.layers.interpolation2d import Interpolation2D
from kcv.layers.l2_pooling2d import L2Pooling2D
from kcv.layers.local_response_normalization import LocalResponseNormalization
from kcv.layers.locally_connected2d import LocallyConnected2D
from kcv.layers.locally_connected2d import PartiallySharedConv2D
from kcv.layers.max_unpool import MaxPoolWithSwitches
from kcv.layers.max_unpool import MaxUnpool
from kcv.layers.maxout import Maxout
from kcv.layers.non_max_suppression import NonMaxSuppression
from kcv.layers.radial_basis import RadialBasis
from kcv.layers.reflection_padding2d import ReflectionPadding2D
from kcv.layers.region_warp import RegionWarp
from kcv.layers.roi_pool import RoIPool
from kcv.layers.sparse_conv2d import SparseConv2D
from kcv.layers.subsampling2d import Subsampling2D
from kcv.layers.symmetric_padding2d import SymmetricPadding2D
from kcv.layers.unit_vector import UnitVector
from kcv.layers.unit_vector import unit_vectors
from kcv.layers.within_channel_normalization import WithinChannelNormalization

__all__ = [
    "BatchNormalization",
    "CropLike",
    "GramMatrix",
    "GroupedConv2D",
    "HistogramMatching",
    "IdentityShortcut",
    "InstanceNormalization",
    "Interpolation2D",
    "L2Pooling2D",
    "LocalResponseNormalization",
    "LocallyConnected2D",
    "MaxPoolWithSwitches",
    "MaxUnpool",
    "Maxout",
    "NonMaxSuppression",
    "PartiallySharedConv2D",
    "RadialBasis",
    "ReflectionPadding2D",
    "RegionWarp",
    "RoIPool",
    "SparseConv2D",
    "Subsampling2D",
    "SymmetricPadding2D",
    "UnitVector",
    "WithinChannelNormalization",
    "unit_vectors",
]
