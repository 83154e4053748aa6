import numpy as np
import pytest
from skimage.segmentation import watershed as reference

from kcv.proposals.machines.superpixels.watershed import watershed


@pytest.mark.parametrize("connectivity", [4, 8])
def test_basins_are_those_of_scikit_image(connectivity):
    # All values differ, so that no order of equal ones matters.
    random = np.random.default_rng(0)
    strength = random.permutation(37 * 53).reshape(37, 53)
    expected = reference(strength, connectivity=connectivity // 4)
    found = watershed(strength, connectivity=connectivity)
    np.testing.assert_array_equal(found + 1, expected)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_lines_separate_the_basins(connectivity):
    random = np.random.default_rng(0)
    strength = random.integers(0, 60, (37, 53))
    labels = watershed(strength, True, connectivity)
    assert labels.max() == watershed(strength, False, connectivity).max()
    for y, x in np.ndindex(labels.shape):
        window = labels[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        if connectivity == 4:
            rows, columns = np.indices(window.shape)
            rows, columns = rows + max(0, y - 1), columns + max(0, x - 1)
            window = window[(rows == y) | (columns == x)]
        beside = set(window[window >= 0].tolist())
        if labels[y, x] >= 0:
            assert len(beside) == 1


def test_lines_are_those_of_octave(golden):
    values = np.load(golden / "proposals" / "mcg.npz")
    # Octave numbers basins column by column.
    strength = np.ascontiguousarray(values["E_u8"].T)
    found = watershed(strength, lines=True, connectivity=8).T
    np.testing.assert_array_equal(found + 1, values["watershed"])


def test_real_numbers_give_the_basins_of_their_ranks():
    random = np.random.default_rng(0)
    ranks = random.permutation(20 * 30).reshape(20, 30)
    np.testing.assert_array_equal(
        watershed(ranks / 7 - 3), watershed(ranks.astype(np.int64))
    )


def test_plateaus_are_one_basin():
    strength = np.zeros((6, 9))
    strength[:, 4] = 1
    labels = watershed(strength, lines=True)
    np.testing.assert_array_equal(labels[0], [0, 0, 0, 0, -1, 1, 1, 1, 1])
    assert (labels == labels[0]).all()
    assert (watershed(np.full((5, 7), 3.5)) == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_small_images_have_basins(shape):
    strength = np.arange(np.prod(shape)).reshape(shape)
    assert (watershed(strength) == 0).all()


def test_strengths_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="`strength` must be finite"):
        watershed(np.array([[0, np.nan]]))
    with pytest.raises(ValueError, match="`connectivity` must be 4 or 8"):
        watershed(np.zeros((2, 2)), connectivity=6)
