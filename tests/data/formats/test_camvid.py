"""CamVid, written as its authors distribute it."""

import numpy as np
import pytest
from PIL import Image

from kcv.data import CAMVID_CLASSES
from kcv.data import load_segmentation
from kcv.data import read_camvid


@pytest.fixture
def camvid(tmp_path):
    """Three frames; label maps are gray, and 11 is void."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "CamVid"
    lists = {"train": ["0001TP_006690", "0001TP_006720"], "test": ["Seq_1"]}
    for split, names in lists.items():
        pairs = []
        for name in names:
            pixels = rng.integers(0, 256, (6, 8, 3), np.uint8)
            labels = rng.integers(0, 12, (6, 8), np.uint8)
            labels[0, :2] = 11, 10
            for kind, values in (("", pixels), ("annot", labels)):
                path = folder / f"{split}{kind}" / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(path)
                pairs.append(f"/SegNet/CamVid/{split}{kind}/{name}.png")
        lines = [" ".join(pairs[k : k + 2]) for k in range(0, len(pairs), 2)]
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_lists_names_and_void(camvid):
    train = load_segmentation(f"camvid:{camvid}")
    assert train.class_names == CAMVID_CLASSES
    assert len(CAMVID_CLASSES) == 11
    assert train.size == 2
    for example in train.dataset:
        name = example["image_id"].numpy().decode().partition("/")[2]
        file = camvid / "trainannot" / f"{name}.png"
        stored = np.asarray(Image.open(file))
        expected = np.where(stored == 11, 255, stored)
        np.testing.assert_array_equal(example["segmentation_masks"], expected)
        file = camvid / "train" / f"{name}.png"
        np.testing.assert_array_equal(example["images"], Image.open(file))
    assert load_segmentation(f"camvid:{camvid}", "test").size == 1


def test_all_pairs_in_one_line(camvid):
    file = camvid / "train.txt"
    file.write_text(" ".join(file.read_text().split()))
    ids = ("train/0001TP_006690", "train/0001TP_006720")
    assert read_camvid(camvid).image_ids == ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a/train/0001TP_006690.png", "1 paths"),
        ("../../x/a.png ../../x/b.png", r"pairs of paths.*\.\./"),
        ("a.png b.png", "'a.png' among"),
    ],
)
def test_what_is_not_a_list_of_pairs_is_refused(camvid, text, message):
    (camvid / "train.txt").write_text(text)
    with pytest.raises(ValueError, match=f"train.txt must have.*{message}"):
        read_camvid(camvid)


def test_missing_files_are_named(camvid):
    (camvid / "trainannot" / "0001TP_006720.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 4.*trainannot/0001TP_0"):
        read_camvid(camvid)
    with pytest.raises(FileNotFoundError, match="no list .*val.txt; there are"):
        read_camvid(camvid, "val")


def test_an_image_on_both_sides_is_refused(camvid):
    lists = [camvid / f"{name}.txt" for name in ("train", "test")]
    lists[1].write_text(lists[0].read_text())
    with pytest.raises(ValueError, match="share 2 images"):
        load_segmentation(f"camvid:{camvid}")
