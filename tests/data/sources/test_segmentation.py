import logging

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.io import savemat

from kcv.data import VOC_SEGMENTATION_CLASSES
from kcv.data import batch
from kcv.data import load_segmentation
from kcv.data import random_crop
from kcv.data import random_flip
from kcv.data import read_label_map
from kcv.data import read_masked_folder
from kcv.data import resize
from kcv.data import segmentation_inputs
from kcv.visualize import voc_palette


def ids(dataset):
    return [x["image_id"].numpy().decode() for x in dataset]


def labels(seed, height=6, width=8, classes=3):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, classes, (height, width), np.uint8)
    mask[0, 0] = 255
    return mask


def save_palette(mask, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask).convert("P")  # values become indices
    image.putpalette(voc_palette().ravel().tolist())
    image.save(file)


def save_pixels(seed, file, height=6, width=8):
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return pixels


@pytest.fixture
def write_voc(tmp_path):
    """Write a VOC tree with masks: names, and lists of them."""

    def write(names, lists=None, folder=tmp_path / "voc"):
        for seed, name in enumerate(names):
            save_pixels(seed, folder / "JPEGImages" / f"{name}.png")
            mask = folder / "SegmentationClass" / f"{name}.png"
            save_palette(labels(seed), mask)
        for split, own in (lists or {}).items():
            file = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(own) + "\n")
        return folder

    return write


@pytest.fixture
def write_folder(tmp_path):
    def write(count, classes=3):
        for k in range(count):
            save_pixels(k, tmp_path / "photos" / f"{k}.png")
            save_palette(
                labels(k, classes=classes), tmp_path / "labels" / f"{k}.png"
            )
        return tmp_path / "photos", tmp_path / "labels"

    return write


# === Label maps ===


def test_a_palette_is_read_as_indices(tmp_path):
    save_palette(labels(1), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
    read = read_label_map(tmp_path / "a.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, labels(1))


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_grey_values_are_labels(mode, tmp_path):
    dtype = np.uint16 if mode == "I;16" else np.uint8
    Image.fromarray(labels(2).astype(dtype)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), labels(2))


def test_sbd_file(tmp_path):
    savemat(
        tmp_path / "a.mat", {"GTcls": {"Segmentation": labels(3), "Size": 1}}
    )
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.mat"), labels(3))


def test_damaged_label_maps_are_named(tmp_path):
    Image.fromarray(voc_palette()[labels(0)]).save(tmp_path / "colors.png")
    with pytest.raises(ValueError, match=r"colors\.png .* has colors \(RGB\)"):
        read_label_map(tmp_path / "colors.png")
    Image.fromarray(np.full((2, 2), 300, np.uint16)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"b\.png has label 300"):
        read_label_map(tmp_path / "b.png")
    whole = (tmp_path / "colors.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.png is not a whole PNG"):
        read_label_map(tmp_path / "cut.png")
    savemat(tmp_path / "other.mat", {"x": 1})
    with pytest.raises(ValueError, match=r"other\.mat .* has no GTcls"):
        read_label_map(tmp_path / "other.mat")
    with pytest.raises(FileNotFoundError, match=r"label map .*none\.png"):
        read_label_map(tmp_path / "none.png")


# === Sources ===


def test_voc_lists(write_voc):
    folder = write_voc("abcd", {"train": "ab", "val": "c", "trainval": "abc"})
    train = load_segmentation(f"voc:{folder}", "train")
    test = load_segmentation(f"voc:{folder}", "test")
    assert (ids(train.dataset), ids(test.dataset)) == (["a", "b"], ["c"])
    assert train.class_names == VOC_SEGMENTATION_CLASSES
    assert (train.size, test.size) == (2, 1)
    example = next(iter(train.dataset))
    assert set(example) == {"images", "segmentation_masks", "image_id"}
    np.testing.assert_array_equal(example["segmentation_masks"], labels(0))


def test_voc_without_lists_is_divided(write_voc, caplog):
    folder = write_voc([str(k) for k in range(10)])
    (folder / "class_names.txt").write_text("nothing\ncat\ndog\n")
    with caplog.at_level(logging.WARNING):
        parts = [
            load_segmentation(f"voc:{folder}", s) for s in ("train", "test")
        ]
    assert [part.size for part in parts] == [8, 2]
    assert not set(ids(parts[0].dataset)) & set(ids(parts[1].dataset))
    assert "test has 2 of 10 images" in caplog.text
    assert parts[0].class_names == ("nothing", "cat", "dog")


def test_lists_that_overlap_are_refused(write_voc):
    folder = write_voc("ab", {"train": "ab", "val": "b"})
    with pytest.raises(ValueError, match="share 1 images, b among them"):
        load_segmentation(f"voc:{folder}")


def test_sbd_holds_out_what_it_has_not_seen(write_voc, tmp_path):
    voc = write_voc("abcd", {"val": "bcd"})
    sbd = tmp_path / "sbd"
    for seed, name in enumerate("abx"):
        save_pixels(seed, sbd / "img" / f"{name}.jpg")
        (sbd / "cls").mkdir(exist_ok=True)
        savemat(
            sbd / "cls" / f"{name}.mat",
            {"GTcls": {"Segmentation": labels(seed)}},
        )
    (sbd / "train.txt").write_text("a\nb\n")
    train = load_segmentation(f"sbd:{sbd}:{voc}", "train")
    test = load_segmentation(f"sbd:{sbd}:{voc}", "test")
    assert (ids(train.dataset), ids(test.dataset)) == (["a", "b"], ["c", "d"])
    mask = next(iter(train.dataset))["segmentation_masks"]
    np.testing.assert_array_equal(mask, labels(0))


def test_folder_counts_its_classes(write_folder):
    images, masks = write_folder(6, classes=4)
    source = f"folder:{images}:{masks}"
    assert load_segmentation(source).class_names == ("background", *"123")
    (masks / "class_names.txt").write_text("sky\nsea\nsand\nship\n")
    assert load_segmentation(source).class_names[1] == "sea"
    assert read_masked_folder(images, masks).image_ids == tuple("012345")


def test_shuffled_stream_goes_on_where_it_stopped(write_folder):
    images, masks = write_folder(5)
    found = read_masked_folder(images, masks)
    whole = ids(found.dataset(seed=2).take(13))
    assert sorted(whole[:5]) == list("01234")
    assert whole[:5] != whole[5:10]
    assert ids(found.dataset(seed=2, start=6).take(7)) == whole[6:]


def test_digit_scenes_have_masks_and_no_boxes():
    found = load_segmentation("digit_scenes", "test")
    assert found.size == 500
    assert found.class_names == ("background", *"0123456789")
    example = next(iter(found.dataset))
    assert set(example) == {"images", "segmentation_masks", "image_id"}
    assert example["segmentation_masks"].shape == example["images"].shape[:2]


# === Bad input ===


def test_errors_of_masks_name_the_file(write_folder):
    images, masks = write_folder(2)
    save_palette(labels(0, height=7), masks / "1.png")
    found = read_masked_folder(images, masks)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"labels/1\.png has 8 x 7 pixels, its image .*1\.png has 8 x 6",
    ):
        list(found.dataset())
    (masks / "class_names.txt").write_text("background\n1\n")
    save_palette(labels(1), masks / "1.png")
    found = read_masked_folder(images, masks)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"png has label 2; there are 2 classes .* 0 to 1, and void, 255",
    ):
        list(found.dataset())


def test_files_without_counterpart_are_refused(write_folder):
    images, masks = write_folder(2)
    (masks / "1.png").unlink()
    with pytest.raises(ValueError, match=r"the image .*photos/1\.png among"):
        read_masked_folder(images, masks)
    (images / "1.png").unlink()
    save_palette(labels(0), masks / "x.png")
    with pytest.raises(ValueError, match=r"the mask .*labels/x\.png among"):
        read_masked_folder(images, masks)


@pytest.mark.parametrize("source", ["voc", "voc:", "folder:a", "sbd:a:b:c"])
def test_unknown_sources_are_refused(source):
    with pytest.raises((ValueError, FileNotFoundError)):
        load_segmentation(source)
    with pytest.raises(ValueError, match="split` must be 'train' or 'test'"):
        load_segmentation("digit_scenes", "val")


def test_missing_parts_of_a_tree_are_named(write_voc):
    folder = write_voc("ab", {"train": "ac", "val": "b"})
    with pytest.raises(FileNotFoundError, match="1 of 2 have no image, c"):
        load_segmentation(f"voc:{folder}")
    with pytest.raises(FileNotFoundError, match="none is not a folder"):
        load_segmentation(f"folder:{folder}/none:{folder}")


# === Together with the image ===


def coded(height, width):
    """An image whose red channel is its mask."""
    mask = (np.arange(height * width) % 250).astype(np.uint8)
    mask = mask.reshape(height, width)
    image = np.repeat(mask[..., None], 3, -1)
    example = {"images": image, "segmentation_masks": mask, "image_id": "x"}
    return tf.data.Dataset.from_tensors(example).repeat(20)


def test_image_and_mask_stay_together():
    dataset = random_flip(coded(13, 17), seed=1)
    dataset = random_crop(dataset, 9, seed=1, padding=3)
    places = set()
    for example in dataset:
        image = example["images"][..., 0].numpy()
        mask = example["segmentation_masks"].numpy()
        assert image.shape == mask.shape == (9, 9)
        inside = mask != 255
        np.testing.assert_array_equal(image[inside], mask[inside])
        assert not image[~inside].any()
        places.add(mask[4, 4])
    assert len(places) > 10


def test_resized_masks_keep_their_labels():
    example = next(iter(resize(coded(10, 12), 25, 100)))
    assert example["segmentation_masks"].shape == (25, 30)
    values = set(np.unique(example["segmentation_masks"]))
    assert values <= set(range(120))


def test_batches_are_padded_with_void():
    sizes = [(6, 8), (4, 9)]
    examples = [next(iter(coded(*size))) for size in sizes]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(examples),
        output_signature={
            "images": tf.TensorSpec((None, None, 3), tf.uint8),
            "segmentation_masks": tf.TensorSpec((None, None), tf.uint8),
            "image_id": tf.TensorSpec((), tf.string),
        },
    )
    images, masks = next(iter(batch(dataset, 2).map(segmentation_inputs)))
    assert images.shape == (2, 6, 9, 3)
    assert images.dtype == tf.float32
    assert (masks[0, :, 8] == 255).numpy().all()
    assert (masks[1, 4:] == 255).numpy().all()
    np.testing.assert_array_equal(
        masks[0, :, :8], examples[0]["segmentation_masks"]
    )
