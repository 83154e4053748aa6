import numpy as np
import pytest

from kcv.metrics import decode_masks
from kcv.metrics import encode_masks

pytest.importorskip("pycocotools")


def test_masks_come_back():
    masks = np.random.default_rng(0).integers(0, 2, (3, 5, 7))
    codes = encode_masks(masks)
    assert [code["size"] for code in codes] == [[5, 7]] * 3
    np.testing.assert_array_equal(decode_masks(codes), masks > 0)
    np.testing.assert_array_equal(codes, encode_masks(masks > 0))


def test_no_mask_has_no_code():
    assert encode_masks(np.zeros((0, 5, 7))) == []
