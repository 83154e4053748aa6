import numpy as np
import pytest
import tensorflow as tf

from kcv.data import PatchSampling
from kcv.data.transforms.patch_windows import draw_windows
from kcv.data.transforms.patch_windows import find_objects

BOXES = np.float32([[20, 30, 60, 50], [100, 80, 110, 100], [150, 20, 280, 90]])
SIZE = (200, 300)


def objects(sampling, boxes=BOXES, labels=(0, 0, 1)):
    count = len(boxes)
    return find_objects(
        tf.constant(boxes),
        tf.constant(labels),
        tf.zeros(count, bool),
        tf.fill([count], 500),
        92,
        sampling,
    )


def windows(sampling, count=2000, **options):
    found = objects(sampling, **options)
    drawn = draw_windows(found, tf.constant(SIZE), count, [1, 2], sampling)
    return found, type(drawn)(*(x.numpy() for x in drawn))


def distances(found, drawn):
    """Shifts and changes of scale of patches from every object."""
    centers, octaves = found.centers[:-1].numpy(), found.octaves[:-1].numpy()
    shifts = drawn.centers[:, None] - centers
    shifts = np.abs(shifts) / 2.0 ** drawn.octaves[:, None, None]
    return shifts, np.abs(drawn.octaves[:, None] - octaves)


def test_canonical_objects_of_the_boxes():
    found = objects(PatchSampling())
    np.testing.assert_array_equal(found.centers[0], [40, 40])
    np.testing.assert_allclose(2.0 ** found.octaves[2] * 92, 130, 1e-5)
    # A class first, then an object of it.
    np.testing.assert_allclose(found.weights, [0.5, 0.5, 1, 0])


def test_positive_patches_stay_within_the_limits_and_reach_them():
    sampling = PatchSampling()
    found, drawn = windows(sampling)
    positive = drawn.has_mask
    assert positive[:1000].all()
    assert not positive[1000:].any()
    np.testing.assert_array_equal(drawn.labels[:1000], 1)
    shifts, octaves = distances(found, drawn)
    rows = np.arange(1000)
    own = drawn.objects[:1000]
    shift, octave = shifts[rows, own], octaves[rows, own]
    assert 15 < shift.max() <= 16.01
    assert 0.24 < octave.max() <= 0.2501
    assert abs(shift.mean() - 8) < 0.5
    counts = np.bincount(own, minlength=3) / 1000
    np.testing.assert_allclose(counts, [0.25, 0.25, 0.5], atol=0.05)


def test_negative_patches_violate_a_limit_for_every_object():
    found, drawn = windows(PatchSampling())
    shifts, octaves = distances(found, drawn)
    off = (shifts >= 31.99).any(-1) | (octaves >= 0.999)
    negative = drawn.labels == 0
    assert negative.sum() > 950
    assert off[negative].all()
    # Half of them are near an object, and some of those by their scale alone.
    by_scale = ((shifts < 32).all(-1) & (octaves > 1)).any(1)
    assert by_scale[negative].any()


def test_the_code_centers_positives_and_has_wider_limits():
    sampling = PatchSampling(rule="code")
    found, drawn = windows(sampling)
    np.testing.assert_array_equal(drawn.labels[:1000], -1)
    score = slice(1000, 2000)
    labels = drawn.labels[score]
    assert abs((labels == 1).mean() - 0.5) < 0.06
    shifts, octaves = (x[score] for x in distances(found, drawn))
    rows = np.flatnonzero(labels == 1)
    own = drawn.objects[score][rows]
    assert shifts[rows, own].max() < 1e-3
    # The bin of half an octave in steps of a quarter, first match.
    bins = drawn.octaves[score][rows]
    np.testing.assert_allclose(4 * bins, np.round(4 * bins))
    larger = found.octaves.numpy()[own] - bins
    assert (larger > -1e-6).all()
    assert (larger <= 0.25 + 1e-6).all()
    negative = labels == 0
    off = (shifts >= 47.99).any(-1) | (octaves >= 2.499)
    assert off[negative].all()


def test_no_place_for_a_negative_is_no_score():
    """An object that is nowhere far enough from any patch."""
    sampling = PatchSampling(
        negative_shift=1e4, negative_scale=50, near=0, scales=(-1, 1)
    )
    _, drawn = windows(sampling, 20)
    assert drawn.labels.tolist() == [1] * 10 + [-1] * 10


@pytest.mark.parametrize(
    "options", [{"rule": "mine"}, {"near": 1.5}, {"scales": (1, 0)}]
)
def test_values_out_of_range(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        PatchSampling(**options)
