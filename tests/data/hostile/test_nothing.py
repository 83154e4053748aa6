"""Kind: nothing to learn from, which must be an error and never a hang."""

import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import image_folder
from kcv.data import load_detection
from tests.voc_trees import pixels


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cat").mkdir()
    for k in range(6):
        (tmp_path / "cat" / f"{k}.jpg").write_bytes(b"no image")
    return tmp_path


@pytest.mark.parametrize("seed", [None, 1])
def test_an_epoch_without_a_readable_image_is_an_error(seed, folder):
    skipped = []
    stream = image_folder(folder, seed=seed, on_error="skip", skipped=skipped)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="none of the last images"
    ) as caught:
        next(iter(stream))
    assert ".jpg" in caught.value.message
    assert len(skipped) == (5 if seed is None else 6)


@pytest.mark.parametrize("seed", [None, 2])
def test_one_readable_image_is_enough(seed, folder):
    Image.fromarray(pixels(4, 5)).save(folder / "cat" / "3.jpg")
    stream = image_folder(folder, seed=seed, on_error="skip").take(20)
    found = [x["image_id"].numpy() for x in stream]
    assert found == [b"cat/3.jpg"] * (1 if seed is None else 20)


def test_boxes_of_unreadable_images(write_voc):
    tree = write_voc(
        {name: ((9, 9), [("cat", (1, 1, 5, 5), 0)]) for name in "abcde"}
    )
    for file in (tree / "JPEGImages").iterdir():
        file.write_bytes(file.read_bytes()[:-30])
    found = load_detection(f"voc:{tree}", "train", seed=2, on_error="skip")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="none of the last images"
    ):
        next(iter(found.dataset))
