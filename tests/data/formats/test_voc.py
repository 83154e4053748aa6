import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.formats.voc import VOC_CLASSES
from kcv.data.formats.voc import read_voc
from kcv.data.formats.voc import voc

IMAGES = {
    "a": ((20, 30), [("cat", (1, 1, 30, 20), 0), ("dog", (5, 6, 9, 8), 1)]),
    "b": ((24, 16), []),
    "c": ((20, 30), [("dog", (2.5, 1, 7.5, 20), 0)]),
}
LISTS = {"train": ["a", "b"], "val": ["c"], "cat_train": ["a 1"]}


def stored(folder, name):
    with Image.open(folder / "JPEGImages" / f"{name}.png") as image:
        return np.asarray(image)


def test_boxes_become_half_open_from_zero(write_voc):
    folder = write_voc(IMAGES, LISTS)
    a, b = voc(folder, "train")
    np.testing.assert_array_equal(a["images"], stored(folder, "a"))
    assert a["image_id"] == b"a"
    np.testing.assert_array_equal(
        a["bounding_boxes"]["boxes"], [[0, 0, 30, 20], [4, 5, 9, 8]]
    )
    labels = [VOC_CLASSES.index("cat"), VOC_CLASSES.index("dog")]
    assert a["bounding_boxes"]["labels"].numpy().tolist() == labels
    assert a["difficult"].numpy().tolist() == [False, True]
    assert a["is_crowd"].numpy().tolist() == [False, False]
    assert b["bounding_boxes"]["boxes"].shape == (0, 4)
    assert b["bounding_boxes"]["labels"].shape == (0,)
    (c,) = voc(folder, "val")
    assert c["bounding_boxes"]["boxes"].numpy().tolist() == [[1.5, 0, 7.5, 20]]


def test_class_order_is_that_of_the_published_table(golden):
    table = np.load(golden / "voc2007_test_boxes.npz")
    assert max(table["object_class"]) == len(VOC_CLASSES) - 1
    # 000001.jpg of VOC 2007 shows a dog and a person.
    own = table["object_image_id"] == table["image_id"][0]
    names = {VOC_CLASSES[k] for k in table["object_class"][own]}
    assert names == {"dog", "person"}


def test_classes_from_the_files(write_voc):
    folder = write_voc(IMAGES, LISTS)
    assert read_voc(folder, "train", None).class_names == ("cat", "dog")
    assert read_voc(folder, "val", None).class_names == ("dog",)
    every = read_voc(folder, None, ("dog", "cat"))
    assert [image.image_id for image in every.images] == ["a", "b", "c"]
    assert every.images[0].labels.tolist() == [1, 0]


def test_stream_is_shuffled_endless_and_resumable(write_voc):
    folder = write_voc(IMAGES, LISTS)

    def ids(start, count):
        dataset = voc(folder, None, seed=2, start=start).take(count)
        return [x["image_id"].numpy() for x in dataset]

    whole = ids(0, 12)
    assert sorted(whole[3:6]) == [b"a", b"b", b"c"]
    assert len({tuple(whole[k : k + 3]) for k in (0, 3, 6, 9)}) > 1
    assert ids(5, 7) == whole[5:]


def broken(write_voc, box=(1, 1, 5, 5), name="cat"):
    return write_voc({"x": ((20, 30), [(name, box, 0)])}, {"train": ["x"]})


@pytest.mark.parametrize(
    ("box", "word"),
    [
        (("nan", 1, 5, 5), "finite"),
        ((9, 1, 5, 5), "inverted"),
        ((6, 1, 5, 5), "empty"),
        ((1, 1, 5, 99), "outside"),
        (("", 1, 5, 5), "needs a bndbox"),
    ],
)
def test_wrong_boxes_name_the_file(box, word, write_voc):
    folder = broken(write_voc, box)
    with pytest.raises(ValueError, match=rf"x\.xml.*{word}"):
        voc(folder, "train")


def test_zero_based_trees_are_forgiven(write_voc):
    folder = broken(write_voc, (0, 0, 30, 20))
    (example,) = voc(folder, "train")
    assert example["bounding_boxes"]["boxes"].numpy().tolist() == [
        [0, 0, 30, 20]
    ]


def test_unknown_class(write_voc):
    folder = broken(write_voc, name="gnu")
    with pytest.raises(ValueError, match=r"x\.xml: object 0 is a 'gnu'"):
        voc(folder, "train")


def test_what_is_missing_is_named(write_voc, tmp_path):
    folder = write_voc(IMAGES, {**LISTS, "test": ["nothing"], "none": []})
    with pytest.raises(FileNotFoundError, match=r"\['none', 'test', 'train'"):
        voc(folder, "trainval")
    with pytest.raises(FileNotFoundError, match=r"nothing\.xml"):
        voc(folder, "test")
    with pytest.raises(FileNotFoundError, match="not a VOC tree"):
        voc(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="holds no images"):
        voc(folder, "none")
    (folder / "JPEGImages" / "c.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 1 image .*c\.jpg"):
        voc(folder, "val")


def test_malformed_xml(write_voc):
    folder = write_voc(IMAGES, LISTS)
    (folder / "Annotations" / "c.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match=r"c\.xml is not well-formed"):
        voc(folder, "val")


def test_an_image_of_another_size_is_named(write_voc):
    folder = write_voc(IMAGES, LISTS)
    Image.fromarray(stored(folder, "c").transpose(1, 0, 2)).save(
        folder / "JPEGImages" / "c.png"
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"c\.png.*EXIF"):
        list(voc(folder, "val"))


def test_broken_images_raise_or_are_counted(write_voc):
    folder = write_voc(IMAGES, LISTS)
    file = folder / "JPEGImages" / "a.png"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a\.png"):
        list(voc(folder, "train"))
    skipped = []
    (b,) = voc(folder, "train", on_error="skip", skipped=skipped)
    assert b["image_id"] == b"b"
    assert skipped == [str(file)]


def test_fixed_classes_of_tfds():
    with pytest.raises(ValueError, match="`class_names` of voc/2007 are fixed"):
        voc("voc/2007", class_names=("cat",))
