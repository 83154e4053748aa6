import numpy as np
import pytest
import tensorflow as tf

from kcv.data import load_images


def write(folder, names):
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((4, 5, 3), number, np.uint8)
        file.write_bytes(tf.io.encode_png(image).numpy())


def ids(dataset):
    return {x["image_id"].numpy().decode() for x in dataset}


def test_photographs_come_with_kcv():
    train, _, count = load_images()
    test = load_images(split="test").dataset
    assert count == 9
    assert ids(test) == {"chelsea", "coins", "flower", "gravel"}
    assert not ids(test) & ids(train)
    for example in test:
        assert set(example) == {"images", "image_id"}
        assert example["images"].shape[-1] == 3
        assert example["images"].dtype == tf.uint8


def test_a_folder_is_divided_for_ever(tmp_path):
    names = [f"{n}.png" for n in range(7)] + ["deep/8.png", "9.png", "a.png"]
    write(tmp_path, names)
    (tmp_path / "notes.txt").write_text("no image")
    source = f"folder:{tmp_path}"
    train, test = (load_images(source, split) for split in ("train", "test"))
    assert (train.size, test.size) == (8, 2)
    everything = ids(train.dataset) | ids(test.dataset)
    assert everything == {name.removesuffix(".png") for name in names}
    assert not ids(train.dataset) & ids(test.dataset)


def test_a_folder_of_its_own_is_held_out(tmp_path):
    write(tmp_path / "coco", ["1.png", "2.png"])
    write(tmp_path / "set5", ["baby.png"])
    source = f"folder:{tmp_path}/coco:{tmp_path}/set5"
    assert ids(load_images(source).dataset) == {"1", "2"}
    assert ids(load_images(source, "test").dataset) == {"baby"}
    with pytest.raises(ValueError, match="coco"):
        load_images(f"folder:{tmp_path}:{tmp_path}/coco")


def test_a_shuffled_stream_can_be_gone_on_with(tmp_path):
    write(tmp_path, [f"{n}.png" for n in range(6)])
    source = f"folder:{tmp_path}"
    whole = [
        x["image_id"].numpy()
        for x in load_images(source, seed=1).dataset.take(12)
    ]
    rest = [
        x["image_id"].numpy()
        for x in load_images(source, seed=1, start=7).dataset.take(5)
    ]
    assert whole[7:] == rest


def test_a_damaged_image_is_named_or_skipped(tmp_path):
    write(tmp_path, [f"{n}.png" for n in range(5)])
    broken = tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "0.png").read_bytes()[:40])
    source = f"folder:{tmp_path}"
    streams = [
        load_images(source, split).dataset for split in ("train", "test")
    ]
    both = streams[0].concatenate(streams[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="broken.png"):
        ids(both)
    skipped = []
    for split in ("train", "test"):
        found = load_images(source, split, on_error="skip", skipped=skipped)
        assert "broken" not in ids(found.dataset)
    assert skipped == [str(broken)]


@pytest.mark.parametrize(
    ("source", "split", "error"),
    [
        ("paintings", "train", ValueError),
        ("folder:", "train", ValueError),
        ("folder:no/such", "train", FileNotFoundError),
        ("photographs", "val", ValueError),
    ],
)
def test_what_is_not_there(source, split, error):
    with pytest.raises(error, match="paintings|folder:|no/such|val"):
        load_images(source, split)
