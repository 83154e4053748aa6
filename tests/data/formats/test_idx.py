"""Files written by the format's own description, and what may ail them."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from kcv.data import idx
from kcv.data import read_idx
from kcv.data.formats.idx import idx_class_names

FASHION = Path("/usr/share/datasets/fashion-mnist")
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 5), np.uint8)
LABELS = np.array([3, 0, 2, 2, 1, 0, 3], np.uint8)


def write(folder, images=IMAGES, labels=LABELS, prefix="train", sign="-"):
    folder.mkdir(exist_ok=True)
    header = struct.pack(">IIII", 2051, *images.shape)
    (folder / f"{prefix}-images{sign}idx3-ubyte").write_bytes(
        header + images.tobytes()
    )
    header = struct.pack(">II", 2049, len(labels))
    (folder / f"{prefix}-labels{sign}idx1-ubyte").write_bytes(
        header + labels.tobytes()
    )
    return folder


def pack(folder):
    for file in list(folder.iterdir()):
        (folder / f"{file.name}.gz").write_bytes(
            gzip.compress(file.read_bytes())
        )
        file.unlink()
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("sign", ["-", "."])
def test_reads_what_was_written(tmp_path, packed, sign):
    folder = write(tmp_path / "set", sign=sign)
    write(folder, IMAGES[:2], LABELS[:2], prefix="t10k", sign=sign)
    folder = pack(folder) if packed else folder
    images, labels = read_idx(folder)
    np.testing.assert_array_equal(images, IMAGES[..., None])
    np.testing.assert_array_equal(labels, LABELS)
    assert idx_class_names(folder) == ("0", "1", "2", "3")

    found = list(idx(folder, "test"))
    assert len(found) == 2
    assert found[1]["images"].dtype == "uint8"
    np.testing.assert_array_equal(found[1]["images"][..., 0], IMAGES[1])
    assert found[1]["labels"].dtype == "int32"
    assert int(found[1]["labels"]) == LABELS[1]
    assert found[1]["image_id"] == b"test/1"


def test_shuffled_stream_goes_on_where_it_stopped(tmp_path):
    folder = write(tmp_path / "set")

    def numbers(start, count):
        dataset = idx(folder, seed=1, start=start).take(count)
        return [int(x["image_id"].numpy()[6:]) for x in dataset]

    whole = numbers(0, 21)
    assert [sorted(whole[k : k + 7]) for k in (0, 7, 14)] == [[*range(7)]] * 3
    assert numbers(9, 8) == whole[9:17]


def damaged(change):
    def damage(folder):
        file = folder / "train-images-idx3-ubyte"
        file.write_bytes(change(file.read_bytes()))
        return folder

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            damaged(lambda c: struct.pack(">I", 2049) + c[4:]),
            r"train-images-idx3-ubyte: the magic number is 2049, not 2051",
        ),
        (damaged(lambda c: c[:9]), "has 9 bytes, fewer than the 16"),
        (damaged(lambda c: c[:-1]), "announces 7 x 4 x 5 bytes, and 139"),
        (damaged(lambda c: c + b"\0\0"), "7 x 4 x 5 bytes, and more follow"),
        (
            lambda f: write(f, labels=LABELS[:5]),
            "ubyte has 7 images and .*ubyte 5 labels",
        ),
        (lambda f: write(f, IMAGES[:0], LABELS[:0]), "holds no images"),
    ],
)
def test_damaged_files_are_named(tmp_path, damage, message):
    folder = damage(write(tmp_path / "set"))
    with pytest.raises(ValueError, match=message):
        read_idx(folder)


@pytest.mark.parametrize("content", [b"no gzip", None])
def test_a_damaged_archive_is_named(tmp_path, content):
    folder = pack(write(tmp_path / "set"))
    file = folder / "train-labels-idx1-ubyte.gz"
    file.write_bytes(content or file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"labels-idx1-ubyte.gz cannot be unp"):
        read_idx(folder)


def test_missing_files_and_splits_are_named(tmp_path):
    folder = write(tmp_path / "set")
    message = "set has neither t10k-images-idx3-ubyte nor its .gz"
    with pytest.raises(FileNotFoundError, match=message):
        idx(folder, "test")
    with pytest.raises(ValueError, match="'val'"):
        idx(folder, "val")


@pytest.mark.skipif(
    not FASHION.is_dir(), reason="dataset-fashion-mnist is not installed"
)
def test_fashion_mnist():
    for split, count in (("train", 60_000), ("test", 10_000)):
        images, labels = read_idx(FASHION, split)
        assert images.shape == (count, 28, 28, 1)
        assert np.bincount(labels).tolist() == [count // 10] * 10
