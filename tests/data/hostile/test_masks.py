"""Kind: label maps that say nothing, say it wrongly, or are bombs."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
from PIL import Image

from kcv.data import load_segmentation
from kcv.data import read_label_map
from kcv.data import read_masked_folder
from kcv.data import read_sbd
from kcv.data import read_voc_instances
from kcv.data.formats.mat_files import read_field
from tests.voc_trees import pixels


@pytest.fixture
def write_folder(tmp_path):
    def write(masks, names=None):
        for kind in ("photos", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
        for k, mask in enumerate(masks):
            mask = np.array(mask, np.uint8)
            Image.fromarray(pixels(*mask.shape, k)).save(
                tmp_path / "photos" / f"{k}.png"
            )
            Image.fromarray(mask).save(tmp_path / "masks" / f"{k}.png")
        if names:
            (tmp_path / "masks" / "class_names.txt").write_text(names)
        return tmp_path / "photos", tmp_path / "masks"

    return write


BINARY = [[[0, 255], [0, 255]], [[0, 0], [255, 0]]]


@pytest.mark.parametrize("names", [None, "background\nobject\n"])
@pytest.mark.parametrize("masks", [BINARY, [[[255]]]])
def test_masks_of_black_and_white_are_refused(masks, names, write_folder):
    folders = write_folder(masks, names)
    with pytest.raises(ValueError, match="save 1 for white. Received: labels"):
        read_masked_folder(*folders)
    source = f"folder:{folders[0]}:{folders[1]}"
    with pytest.raises(ValueError, match="save 1 for white"):
        load_segmentation(source)


def test_masks_of_background_alone(write_folder, caplog):
    folders = write_folder([[[0, 0]]], "background\nobject\n")
    assert len(read_masked_folder(*folders)) == 1
    assert "1 of 2 classes never occur: object." in caplog.text
    (folders[1] / "class_names.txt").unlink()
    with pytest.raises(ValueError, match="must have a label besides 0"):
        read_masked_folder(*folders)


def test_trees_of_black_and_white_are_refused(tmp_path, write_folder):
    photos, masks = write_folder(BINARY)
    photos.rename(tmp_path / "JPEGImages")
    masks.rename(tmp_path / "SegmentationClass")
    for split in ("train", "test"):
        with pytest.raises(ValueError, match="save 1 for white"):
            load_segmentation(f"voc:{tmp_path}", split)
    with pytest.raises(ValueError, match="save 1 for white"):
        read_voc_instances(tmp_path, None)


def test_classes_that_never_occur_are_said(write_folder, caplog):
    read_masked_folder(*write_folder([[[0, 2, 255]]], "none\ncat\ndog"))
    assert "1 of 3 classes never occur: cat." in caplog.text


def test_names_of_voc_are_said(tmp_path, write_folder, caplog):
    photos, masks = write_folder([[[0, 1], [1, 0]]])
    photos.rename(tmp_path / "JPEGImages")
    masks.rename(tmp_path / "SegmentationClass")
    load_segmentation(f"voc:{tmp_path}", "test")
    assert "The names are VOC's, without a class_names.txt" in caplog.text


# === .mat files ===


def save_mat(file, labels, **options):
    content = {
        "other": np.arange(9.0),
        "GTcls": {
            "Boundaries": np.zeros((3, 1), object),
            "Segmentation": labels,
            "CategoriesPresent": 1,
        },
    }
    scipy.io.savemat(file, content, **options)
    return file


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f4", "f8", "?"]
)
def test_mat_files_are_read_as_scipy_reads_them(dtype, compressed, tmp_path):
    for shape in ((5, 7), (1, 1), (1, 3), (64, 65)):
        labels = np.arange(np.prod(shape)).reshape(shape) % 100
        labels = labels.astype(dtype)
        file = save_mat(tmp_path / "a.mat", labels, do_compression=compressed)
        expected = scipy.io.loadmat(file, simplify_cells=True)
        found = read_field(file, "GTcls", "Segmentation", 10_000)
        expected = np.reshape(expected["GTcls"]["Segmentation"], shape)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(read_label_map(file), labels)


@pytest.mark.parametrize(
    "labels",
    [
        [[0.0, np.nan]],
        [[0.0, 1.7]],
        [[0.0, np.inf]],
        [[-1, 0]],
        [[256, 0]],
        np.zeros((0, 3)),
        np.zeros((2, 2, 2)),
        [[1j, 0]],
        "text",
    ],
    ids=repr,
)
def test_labels_that_are_none_are_refused(labels, tmp_path):
    file = save_mat(tmp_path / "a.mat", np.array(labels))
    with pytest.raises(ValueError, match=r"a\.mat"):
        read_label_map(file)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_mat_files_are_named(compressed, tmp_path):
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    file = save_mat(tmp_path / "a.mat", labels, do_compression=compressed)
    whole = file.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for number in range(400):
        content = bytearray(whole)
        if number % 2:
            del content[int(rng.integers(len(content))) :]
        else:
            for position in rng.integers(124, len(content), 3):
                content[position] = rng.integers(256)
        file.write_bytes(content)
        try:
            found = read_label_map(file)
        except ValueError as error:
            refused += 1
            if "a.mat" not in str(error):
                pytest.fail(f"no name: {error}")
        else:
            # Without a checksum, changed labels are labels.
            assert found.shape == (6, 8)
            assert not compressed or (found == labels).all()
    assert refused > 200


def test_other_versions_of_mat_are_named(tmp_path):
    file = tmp_path / "a.mat"
    scipy.io.savemat(file, {"GTcls": np.eye(2)}, format="4")
    with pytest.raises(ValueError, match=r"a\.mat.* not a MATLAB file of"):
        read_label_map(file)
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    with pytest.raises(ValueError, match=r"a\.mat.*MATLAB 7\.3"):
        read_label_map(file)


def test_mat_files_take_no_more_memory_than_their_labels(tmp_path):
    file = save_mat(tmp_path / "a.mat", np.ones((2, 3), np.uint8))
    content = file.read_bytes()
    # Shape (2, 3) becomes 40,000 x 50,000.
    shape = struct.pack("<2i", 2, 3)
    assert content.count(shape) == 1
    file.write_bytes(content.replace(shape, struct.pack("<2i", 40000, 50000)))
    with pytest.raises(ValueError, match=r"a\.mat.*more than the limit"):
        read_label_map(file)
    # Two gigabytes of zeros in front of the labels, in two megabytes.
    packer = zlib.compressobj()
    packed = packer.compress(struct.pack("<2I", 14, 2**31))
    packed += packer.compress(struct.pack("<4I", 6, 8, 2, 0))
    packed += packer.compress(struct.pack("<2I2i", 5, 8, 1, 1))
    packed += packer.compress(struct.pack("<2I8s", 1, 1, b"x"))
    zeros = bytes(2**24)
    packed += b"".join(packer.compress(zeros) for _ in range(4))
    packed += packer.flush()
    head = struct.pack("<2I", 15, len(packed))
    file.write_bytes(content[:128] + head + packed)
    with pytest.raises(ValueError, match=r"a\.mat"):
        read_label_map(file)


def test_sbd_names_the_bad_file(tmp_path):
    for kind in ("img", "cls"):
        (tmp_path / kind).mkdir()
    Image.fromarray(pixels(4, 5)).save(tmp_path / "img" / "a.jpg")
    save_mat(tmp_path / "cls" / "a.MAT", np.full((4, 5), 1.5))
    (tmp_path / "train.txt").write_text("a\n")
    found = read_sbd(tmp_path)
    with pytest.raises(Exception, match=r"a\.MAT has label 1\.5"):
        list(found.dataset())


# === .png files ===


def test_damaged_png_files_are_named(tmp_path):
    labels = (np.arange(400) % 5).astype(np.uint8).reshape(20, 20)
    file = tmp_path / "a.png"
    Image.fromarray(labels).save(file)
    whole = file.read_bytes()
    for position in range(0, len(whole), 3):
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        for changed in (bytes(content), whole[:position]):
            file.write_bytes(changed)
            with pytest.raises(ValueError, match=r"a\.png is not a whole PNG"):
                read_label_map(file)


def test_other_images_in_the_name_of_png(tmp_path):
    for kind in ("JPEG", "BMP", "GIF", "TIFF"):
        content = io.BytesIO()
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(content, kind)
        (tmp_path / "a.png").write_bytes(content.getvalue())
        with pytest.raises(ValueError, match=r"a\.png .*another format"):
            read_label_map(tmp_path / "a.png")
    for content in (b"", b"<html>", bytes(100)):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.png"):
            read_label_map(tmp_path / "a.png")
