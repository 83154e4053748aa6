import numpy as np
import pytest
import tensorflow as tf

from kcv.data.transforms.batching import BATCH_GROUP
from kcv.data.transforms.batching import batch
from kcv.data.transforms.inputs import detection_inputs


def test_pads_right_and_below(make_example, as_dataset):
    small = make_example(6, 9, [[1, 2, 3, 4]], [4], "small", seed=1)
    large = make_example(
        8, 11, [[0, 0, 5, 5], [1, 1, 11, 8]], [0, 2], "large", seed=2
    )
    large["difficult"][1] = True
    large["is_crowd"][0] = True
    (got,) = batch(as_dataset([small, large]), 2, pad_to_multiple=4)
    assert got["images"].shape == (2, 8, 12, 3)
    assert got["images"].dtype == tf.float32
    for k, example in enumerate((small, large)):
        height, width = example["images"].shape[:2]
        image = got["images"][k].numpy()
        np.testing.assert_array_equal(image[:height, :width], example["images"])
        assert image.sum() == example["images"].astype(float).sum()
        assert got["image_sizes"][k].numpy().tolist() == [height, width]
    np.testing.assert_array_equal(
        got["bounding_boxes"]["boxes"],
        [[[1, 2, 3, 4], [0] * 4], [[0, 0, 5, 5], [1, 1, 11, 8]]],
    )
    np.testing.assert_array_equal(
        got["bounding_boxes"]["labels"], [[4, -1], [0, 2]]
    )
    assert got["difficult"].numpy().tolist() == [[0, 0], [0, 1]]
    assert got["is_crowd"].numpy().tolist() == [[0, 0], [1, 0]]
    assert got["image_id"].numpy().tolist() == [b"small", b"large"]
    assert got["scale"].numpy().tolist() == [1, 1]


def test_landmarks_of_scenes_are_padded_as_boxes():
    def examples():
        for count in (3, 0, 1):
            yield {
                "images": np.zeros((8, 8, 3), np.uint8),
                "image_id": str(count),
                "landmarks": np.full((count, 5, 2), count + 1, np.float32),
                "bounding_boxes": {
                    "boxes": np.tile(np.float32([0, 0, 4, 4]), (count, 1)),
                    "labels": np.zeros(count, np.int32),
                },
            }

    dataset = tf.data.Dataset.from_generator(
        examples,
        output_signature={
            "images": tf.TensorSpec((None, None, 3), tf.uint8),
            "image_id": tf.TensorSpec((), tf.string),
            "landmarks": tf.TensorSpec((None, 5, 2), tf.float32),
            "bounding_boxes": {
                "boxes": tf.TensorSpec((None, 4), tf.float32),
                "labels": tf.TensorSpec((None,), tf.int32),
            },
        },
    )
    (got,) = batch(dataset, 3, max_boxes=4)
    assert got["landmarks"].shape == (3, 4, 5, 2)
    rows = got["landmarks"].numpy()[:, :, 0, 0]
    expected = [[4, 4, 4, 0], [0, 0, 0, 0], [2, 0, 0, 0]]
    np.testing.assert_array_equal(rows, expected)
    labels = got["bounding_boxes"]["labels"].numpy()
    np.testing.assert_array_equal(labels == -1, rows == 0)


def test_masks_are_padded(make_example, as_dataset):
    examples = [make_example(4, 6, [[0, 0, 2, 2]]), make_example(3, 7)]
    for example, count in zip(examples, (1, 0), strict=True):
        height, width = example["images"].shape[:2]
        example["segmentation_masks"] = np.ones((height, width), np.uint8)
        example["instance_masks"] = np.ones((count, height, width), np.uint8)
    (got,) = batch(as_dataset(examples), 2)
    semantic = np.full((2, 4, 7), 255)
    semantic[0, :, :6] = semantic[1, :3] = 1
    np.testing.assert_array_equal(got["segmentation_masks"], semantic)
    instance = np.zeros((2, 1, 4, 7))
    instance[0, 0, :, :6] = 1
    np.testing.assert_array_equal(got["instance_masks"], instance)


def test_a_batch_without_objects_has_one_row(make_example, as_dataset):
    (got,) = batch(as_dataset([make_example(4, 4)] * 2), 2)
    assert got["bounding_boxes"]["boxes"].shape == (2, 1, 4)
    assert got["bounding_boxes"]["labels"].numpy().tolist() == [[-1], [-1]]


def test_max_boxes_is_the_static_shape(make_example, as_dataset):
    box = [0, 0, 2, 2]
    examples = [make_example(4, 4, [box] * 3, image_id="crowded")]
    dataset = batch(as_dataset(examples), 1, max_boxes=5)
    boxes = dataset.element_spec["bounding_boxes"]["boxes"]
    assert boxes.shape.as_list() == [None, 5, 4]
    (got,) = dataset
    assert got["bounding_boxes"]["labels"].numpy().tolist() == [
        [0, 1, 2, -1, -1]
    ]
    dataset = batch(as_dataset(examples), 1, max_boxes=2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="crowded"):
        list(dataset)


def with_proposals(example, *boxes):
    proposals = np.array(boxes, np.float32).reshape(-1, 4)
    return {**example, "proposals": proposals}


def test_proposals_are_padded_by_zero_boxes(make_example, as_dataset):
    box, other = [1, 0, 3, 2], [0, 0, 4, 4]
    examples = [
        with_proposals(make_example(4, 4), box, other),
        with_proposals(make_example(4, 4)),
    ]
    (got,) = batch(as_dataset(examples), 2)
    zero = [0] * 4
    expected = [[box, other], [zero, zero]]
    assert got["proposals"].numpy().tolist() == expected
    assert detection_inputs(got)[0]["proposals"] is got["proposals"]
    (got,) = batch(as_dataset(examples[1:]), 1)
    assert got["proposals"].numpy().tolist() == [[zero]]


def test_max_proposals_is_the_static_shape(make_example, as_dataset):
    box = [1, 0, 3, 2]
    example = with_proposals(make_example(4, 4, image_id="many"), *[box] * 3)
    dataset = batch(as_dataset([example]), 1, max_proposals=5)
    assert dataset.element_spec["proposals"].shape.as_list() == [None, 5, 4]
    (got,) = dataset
    assert (got["proposals"].numpy()[0, :, 2] > 0).tolist() == [True] * 3 + [
        False
    ] * 2
    dataset = batch(as_dataset([example]), 1, max_proposals=2)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"many.*max_proposals.*3.*2"
    ):
        list(dataset)


SHAPES = np.random.default_rng(4).permutation([0] * 30 + [1] * 17)


@pytest.fixture
def mixed(make_example):
    """47 pictures, 17 of them high."""
    return [
        make_example(*((6, 4) if high else (4, 6)), image_id=str(k), seed=k)
        for k, high in enumerate(SHAPES)
    ]


def ids(dataset):
    return [[int(i) for i in x["image_id"].numpy()] for x in dataset]


def test_grouping_by_aspect_equals_a_sort_of_groups(mixed, as_dataset):
    size = 2
    window = size * BATCH_GROUP
    expected = []
    for first in range(0, len(mixed), window):
        numbers = range(first, min(first + window, len(mixed)))
        order = sorted(numbers, key=lambda k: SHAPES[k])
        expected += [order[k : k + size] for k in range(0, len(order), size)]
    assert ids(batch(as_dataset(mixed), size)) == expected
    together = sum(len({SHAPES[k] for k in own}) == 1 for own in expected)
    assert together >= len(expected) - 3  # one mixed batch per window
    assert (
        ids(batch(as_dataset(mixed), size, drop_remainder=True))
        == (expected[:-1])
    )


@pytest.mark.parametrize("batches", [1, 8, 11])
def test_goes_on_at_any_batch(batches, mixed, as_dataset):
    size = 2
    whole = ids(batch(as_dataset(mixed), size))
    start = batches // BATCH_GROUP * BATCH_GROUP * size
    rest = batch(as_dataset(mixed[start:]), size).skip(batches % BATCH_GROUP)
    assert ids(rest) == whole[batches:]


def test_without_grouping_the_order_is_kept(mixed, as_dataset):
    got = ids(batch(as_dataset(mixed), 4, group_by_aspect=False))
    assert sum(got, []) == list(range(47))
    got = ids(batch(as_dataset(mixed), 1))
    assert sum(got, []) == list(range(47))


@pytest.mark.parametrize(
    ("drop", "group", "count"),
    [(False, True, 12), (True, True, 11), (False, False, 12)],
)
def test_length_is_known(drop, group, count, mixed, as_dataset):
    dataset = batch(
        as_dataset(mixed), 4, group_by_aspect=group, drop_remainder=drop
    )
    assert len(dataset) == len(ids(dataset)) == count


def test_endless_stays_endless(mixed, as_dataset):
    dataset = batch(as_dataset(mixed).repeat(), 4)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert len(list(dataset.take(20))) == 20


def test_numbers_are_checked(mixed, as_dataset):
    for name in (
        "batch_size",
        "max_boxes",
        "pad_to_multiple",
        "max_proposals",
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be at least 1"):
            batch(as_dataset(mixed), **{"batch_size": 2, name: 0})
