import numpy as np
import pytest

from kcv.data.sources.detection import load_detection
from kcv.examples import DataSet

CAT = ("cat", (1, 1, 5, 5), 0)
DOG = ("dog", (1, 1, 5, 5), 0)


def ids(dataset):
    return [x["image_id"].numpy().decode() for x in dataset]


def picture(*objects):
    return ((8, 8), list(objects))


@pytest.mark.parametrize(
    ("lists", "train", "test"),
    [
        ({"train": "ab", "val": "c", "trainval": "abc", "test": "d"}, *"ad"),
        ({"train": "ab", "val": "c", "test": "d"}, *"ad"),
        ({"train": "a", "val": "cd"}, *"ac"),
    ],
)
def test_voc_lists(lists, train, test, write_voc):
    images = {"a": picture(CAT), "b": picture(), "c": picture(DOG)}
    images["d"] = picture(DOG)
    folder = write_voc(images, lists)
    expected = {
        "train": list(lists.get("trainval", lists["train"])),
        "test": list(lists.get("test", lists["val"])),
    }
    for split, names in expected.items():
        found = load_detection(f"voc:{folder}", split)
        assert isinstance(found, DataSet)
        assert ids(found.dataset) == names
        assert found.size == len(names)
        # Though neither list may show both.
        assert found.class_names == ("cat", "dog")
    assert expected["train"][0] == train
    assert expected["test"][0] == test


def test_voc_without_lists_is_divided(write_voc, caplog):
    images = {str(k): picture(CAT) for k in range(20)}
    folder = write_voc(images)
    train = load_detection(f"voc:{folder}", "train")
    test = load_detection(f"voc:{folder}", "test")
    assert (train.size, test.size) == (16, 4)
    assert sorted(ids(train.dataset) + ids(test.dataset)) == sorted(images)
    assert "train has 16 of 20 images" in caplog.text
    assert "test has 4 of 20 images" in caplog.text


def test_lists_that_overlap_are_refused(write_voc):
    images = {"a": picture(CAT), "b": picture(CAT)}
    folder = write_voc(images, {"train": "ab", "test": "b"})
    with pytest.raises(ValueError, match="share 1 images, b among them"):
        load_detection(f"voc:{folder}", "test")


def test_one_coco_file_is_divided(write_coco, caplog):
    sizes = dict.fromkeys(range(10), (8, 8))
    objects = [(k, 1, [0, 0, 4, 4], 0) for k in sizes]
    file, folder = write_coco(sizes, objects, {1: "thing"})
    train = load_detection(f"coco:{file}:{folder}")
    test = load_detection(f"coco:{file}:{folder}", "test")
    assert train.class_names == test.class_names == ("thing",)
    own = ids(test.dataset)
    assert len(own) == test.size == 2
    assert sorted(ids(train.dataset) + own) == [str(k) for k in range(10)]
    assert "held out" in caplog.text
    # The division does not hang upon the order of the file.
    reverse = dict(reversed(sizes.items()))
    file, folder = write_coco(reverse, objects, {1: "thing"}, "other.json")
    again = load_detection(f"coco:{file}:{folder}", "test")
    assert sorted(ids(again.dataset)) == sorted(own)


def test_coco_with_a_held_out_file(write_coco, caplog):
    train, folder = write_coco(
        {1: (8, 8)}, [(1, 5, [0, 0, 4, 4], 0)], {3: "ant", 5: "bee"}
    )
    # The same classes under other ids.
    val, _ = write_coco(
        {2: (8, 8)}, [(2, 1, [0, 0, 4, 4], 0)], {1: "bee"}, "val.json"
    )
    source = f"coco:{train}:{folder}:{val}"
    assert ids(load_detection(source, "train").dataset) == ["1"]
    found = load_detection(source, "test")
    assert found.class_names == ("ant", "bee")
    (example,) = found.dataset
    assert example["image_id"] == b"2"
    assert example["bounding_boxes"]["labels"].numpy().tolist() == [1]
    assert "held out" not in caplog.text
    with pytest.raises(ValueError, match="share 1 images"):
        load_detection(f"coco:{train}:{folder}:{train}", "test")


def test_one_image_cannot_be_divided(write_coco):
    file, folder = write_coco({1: (8, 8)}, [], {1: "thing"})
    with pytest.raises(ValueError, match="holds no images"):
        load_detection(f"coco:{file}:{folder}", "train")


def test_seed_and_start_reach_the_stream(write_coco):
    file, folder = write_coco(
        dict.fromkeys(range(10), (8, 8)), [], {1: "thing"}
    )
    source = f"coco:{file}:{folder}"
    whole = ids(load_detection(source, seed=4).dataset.take(20))
    assert whole[:8] != whole[8:16]
    rest = load_detection(source, seed=4, start=11).dataset.take(9)
    assert ids(rest) == whole[11:]


def test_digit_scenes():
    train = load_detection("digit_scenes", "train", seed=3, start=5)
    assert train.size is None
    assert train.class_names == tuple("0123456789")
    one = next(iter(train.dataset))
    test = load_detection("digit_scenes", "test")
    assert test.size == 500
    other = next(iter(test.dataset))
    assert set(one) == set(other)
    assert np.asarray(one["images"]).dtype == np.uint8


@pytest.mark.parametrize(
    "source",
    ["voc", "voc:", "coco:a.json", "coco:a:b:c:d", "mnist", "voc/1999", ""],
)
def test_unknown_sources_are_told_what_there_is(source):
    with pytest.raises(ValueError, match="source` must be one of digit_sc"):
        load_detection(source)


def test_unknown_split():
    with pytest.raises(ValueError, match="'val'"):
        load_detection("digit_scenes", "val")
