import numpy as np
import pytest
import tensorflow as tf

from kcv.data.streams.validation import check_boxes
from kcv.data.streams.validation import validate

GOOD = [2, 3, 20, 10]
# name: (second box, label, what the error says); the image is 30 x 20.
BAD = {
    "nan": ([2, np.nan, 20, 10], 1, "finite"),
    "infinite": ([2, 3, np.inf, 10], 1, "finite"),
    "inverted-x": ([20, 3, 2, 10], 1, "inverted"),
    "inverted-y": ([2, 10, 20, 3], 1, "inverted"),
    "empty": ([2, 3, 2, 10], 1, "empty"),
    "left": ([-2, 3, 20, 10], 1, "outside"),
    "below": ([2, 3, 20, 22], 1, "outside"),
    "beyond": ([30.2, 3, 30.8, 10], 1, "outside"),
    "label-high": (GOOD, 2, "label"),
    "label-negative": (GOOD, -1, "label"),
}


@pytest.mark.parametrize(("box", "label", "word"), BAD.values(), ids=BAD)
def test_check_boxes_names_file_and_box(box, label, word):
    with pytest.raises(ValueError, match=rf"cat\.xml.*box 1 .*{word}"):
        check_boxes(
            [GOOD, box], [0, label], classes=2, name="cat.xml", size=(20, 30)
        )


@pytest.mark.parametrize(("box", "label", "word"), BAD.values(), ids=BAD)
def test_validate_names_image_and_box(
    box, label, word, make_example, as_dataset
):
    examples = [
        make_example(20, 30, [GOOD], image_id="first"),
        make_example(20, 30, [GOOD, box], [0, label], image_id="cat"),
    ]
    steps = iter(validate(as_dataset(examples), 2))
    assert next(steps)["image_id"] == b"first"
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=rf"\[cat\] \[box\] \[1\].*{word}"
    ):
        next(steps)


@pytest.mark.parametrize("name", [n for n in BAD if "label" not in n])
def test_validate_names_image_and_proposal(name, make_example, as_dataset):
    box, _, word = BAD[name]
    example = make_example(20, 30, [GOOD], image_id="cat")
    example["proposals"] = np.array([GOOD, [0, 0, 30.5, 20]], np.float32)
    (got,) = validate(as_dataset([example]), 1)
    assert got["proposals"].numpy().tolist() == [GOOD, [0, 0, 30, 20]]
    example["proposals"] = np.array([GOOD, GOOD, box], np.float32)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"\[cat\] \[proposal\] \[2\].*{word}",
    ):
        list(validate(as_dataset([example]), 1))


def test_a_pixel_too_far_is_clipped(make_example, as_dataset):
    box, clipped = [-1, 0, 30.5, 20.25], [[0, 0, 30, 20]]
    got = check_boxes([box], [0], classes=1, name="x", size=(20, 30))
    np.testing.assert_array_equal(got, clipped)
    (example,) = validate(as_dataset([make_example(20, 30, [box])]), 1)
    np.testing.assert_array_equal(example["bounding_boxes"]["boxes"], clipped)


def test_no_objects_are_legal(make_example, as_dataset):
    got = check_boxes([], [], classes=1, name="x", size=(20, 30))
    assert got.shape == (0, 4)
    (example,) = validate(as_dataset([make_example(20, 30)]), 1)
    assert example["bounding_boxes"]["boxes"].shape == (0, 4)


def test_unknown_size_leaves_the_far_side_open():
    check_boxes([[2, 3, 9000, 10]], [0], classes=1, name="x")
    with pytest.raises(ValueError, match="outside"):
        check_boxes([[-9, 3, 9000, 10]], [0], classes=1, name="x")


def test_labels_are_as_many_as_boxes():
    with pytest.raises(ValueError, match=r"x: .* 1 boxes .* shape \(2,\)"):
        check_boxes([GOOD], [0, 0], classes=1, name="x")
