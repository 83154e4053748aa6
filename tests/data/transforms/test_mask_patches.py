import numpy as np
import pytest
import tensorflow as tf

from kcv.data import PatchSampling
from kcv.data import digit_scenes
from kcv.data import mask_inputs
from kcv.data import mask_patches
from kcv.examples import VOID


def scene(boxes=(), size=(120, 160), labels=None, crowd=None, **changes):
    """An image of black, with a white rectangle for every box."""
    image = np.zeros((*size, 3), np.uint8)
    masks = np.zeros((len(boxes), *size), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = 1
        image[mask > 0] = 255
    count = len(boxes)
    return {
        "images": image,
        "bounding_boxes": {
            "boxes": np.reshape(boxes, (count, 4)).astype("float32"),
            "labels": np.arange(count, dtype=np.int32)
            if labels is None
            else np.int32(labels),
        },
        "instance_masks": masks,
        "is_crowd": np.zeros(count, bool) if crowd is None else crowd,
        "image_id": "one",
        **changes,
    }


def patches(example, **options):
    dataset = tf.data.Dataset.from_tensors(example)
    options = {"size": 64, "mask_size": 32, "count": 4, **options}
    found = mask_patches(dataset, **{"seed": 0, **options})
    return [
        {name: value.numpy() for name, value in patch.items()}
        for patch in found
    ]


STILL = PatchSampling(shift=0, scale=0, flip=False)


def test_a_canonical_object_is_cut_out_as_it_is():
    """37 pixels are 4/7 of 64, with 16 pixels of context around."""
    example = scene([(60, 40, 97, 77)])
    first, second, *others = patches(example, sampling=STILL)
    np.testing.assert_array_equal(first["images"], second["images"])
    left, top = 78.5 - 48, 58.5 - 48
    # The patch begins at half a pixel: its edges are gray, the rest is not.
    columns = first["images"][48, :, 0]
    assert columns[: 60 - int(left) - 1].max() == 0
    assert columns[60 - int(left) : 97 - int(left) - 1].min() == 255
    assert first["images"].shape == (96, 96, 3)
    assert int(top) == 10
    mask = first["masks"]
    assert {*np.unique(mask)} == {0, 1}
    share = 37**2 / 64**2
    assert abs(mask.mean() - share) < 0.03
    assert [patch["labels"] for patch in (first, second)] == [1, 1]
    assert [patch["labels"] for patch in others] == [0, 0]
    assert all((patch["masks"] == VOID).all() for patch in others)


@pytest.mark.parametrize("side", [20, 80])
def test_objects_of_any_size_become_canonical(side):
    example = scene([(10, 10, 10 + side, 10 + side // 2)], (160, 180))
    patch = patches(example, sampling=STILL, mask_size=64)[0]
    rows, columns = np.nonzero(patch["masks"] == 1)
    # A square patch of 64, centered at the object.
    assert abs(np.ptp(columns) + 1 - 37) <= 1
    assert abs(np.ptp(rows) + 1 - 18.5) <= 1
    assert abs(columns.mean() - 31.5) <= 1
    assert abs(rows.mean() - 31.5) <= 1


def test_what_lies_outside_is_gray():
    example = scene([(0, 0, 37, 37)])
    patch = patches(example, sampling=STILL)[0]
    assert (patch["images"][:20, :20] == 128).all()


def test_flips_turn_patches_and_masks_together():
    example = scene([(40, 40, 77, 60)])
    example["images"][40:60, 40:50] = (255, 0, 0)
    example["instance_masks"][0, :, 50:] = 0
    flipped = PatchSampling(shift=0, scale=0)
    found = patches(example, count=32, sampling=flipped, mask_size=64)[:16]
    turned = 0
    for patch in found:
        inner = patch["images"][16:80, 16:80]
        is_red = (inner[..., 0] > 200) & (inner[..., 1] < 100)
        np.testing.assert_array_equal(is_red, patch["masks"] == 1)
        turned += np.nonzero(is_red)[1].mean() > 32
    assert 3 < turned < 13


def test_patches_are_a_function_of_seed_and_position():
    scenes = digit_scenes("test", size=4, masks="instance")
    options = {"size": 64, "mask_size": 32, "count": 2}
    whole = list(mask_patches(scenes, 5, **options))
    resumed = list(mask_patches(scenes.skip(2), 5, 2, **options))
    for patch, other in zip(whole[4:], resumed, strict=True):
        for name in patch:
            np.testing.assert_array_equal(patch[name], other[name])
    other = list(mask_patches(scenes, 6, **options))
    assert any(
        (a["images"] != b["images"]).numpy().any()
        for a, b in zip(whole, other, strict=True)
    )


@pytest.mark.parametrize("rule", ["paper", "code"])
def test_images_without_an_object_give_negatives(rule):
    sampling = PatchSampling(rule=rule)
    tiny = scene([(5, 5, 9, 9), (20, 20, 60, 60)], crowd=[False, True])
    for example in (scene(), tiny):
        found = patches(example, sampling=sampling)
        assert [patch["labels"] for patch in found] == [0, 0, 0, 0]
        assert all((patch["masks"] == VOID).all() for patch in found)


def test_an_image_may_be_smaller_than_a_patch():
    found = patches(scene([(2, 3, 14, 15)], (18, 17)), size=160)
    assert found[0]["images"].shape == (192, 192, 3)
    assert (found[0]["masks"] == 1).any()


def test_the_rule_of_the_code_gives_masks_or_scores():
    example = scene([(60, 40, 97, 77)])
    sampling = PatchSampling(rule="code", flip=False)
    found = patches(example, sampling=sampling, count=40)
    assert all(patch["labels"] == -1 for patch in found[:20])
    assert all((patch["masks"] != VOID).all() for patch in found[:20])
    labels = [int(patch["labels"]) for patch in found[20:]]
    assert {*labels} == {0, 1}
    assert all((patch["masks"] == VOID).all() for patch in found[20:])


def test_inputs_of_a_model():
    batch = mask_patches(
        tf.data.Dataset.from_tensors(scene([(60, 40, 97, 77)])), 0, count=3
    ).batch(3)
    x, y = mask_inputs(next(iter(batch)))
    assert x.dtype == tf.float32
    assert x.shape == (3, 192, 192, 3)
    assert {*y} == {"masks", "labels"}
    assert y["masks"].shape == (3, 112, 112)


def test_masks_of_another_size_are_named():
    example = scene([(60, 40, 97, 77)])
    example["instance_masks"] = example["instance_masks"][:, :90]
    with pytest.raises(tf.errors.InvalidArgumentError, match="one"):
        patches(example)


def test_annotations_without_masks_are_refused():
    with pytest.raises(ValueError, match="with `instance_masks`"):
        mask_patches(digit_scenes("test", size=1), 0)


@pytest.mark.parametrize(
    "option", [{"size": 0}, {"context": -1}, {"mask_size": 0}, {"count": 0}]
)
def test_numbers_out_of_range(option):
    (name,) = option
    scenes = digit_scenes("test", size=1, masks="instance")
    with pytest.raises(ValueError, match=f"`{name}` must be at least"):
        mask_patches(scenes, 0, **option)
