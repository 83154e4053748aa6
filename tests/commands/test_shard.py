"""`python -m kcv shard`, and its shards as every source reads them."""

import json

import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.commands import main
from kcv.commands import shard
from kcv.data.sources.class_counts import count_classes
from tests.commands.conftest import write_image

LOADERS = {
    "classification": kcv.data.load_classification,
    "detection": kcv.data.load_detection,
    "faces": kcv.data.load_faces,
    "images": kcv.data.load_images,
    "masks": kcv.data.load_instances,
    "segmentation": kcv.data.load_segmentation,
}


def go(task, data, out, *words):
    own = ("--task", task, "--data", data, "--out", out)
    return main(["shard", *map(str, (*own, *words))])


def examples(dataset):
    return list(dataset.as_numpy_iterator())


def check_equal(found, expected):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        tf.nest.assert_same_structure(one, other)
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Two classes of images of different sizes, one of which is a JPEG."""
    folder = tmp_path_factory.mktemp("flowers")
    random = np.random.default_rng(1)
    for number in range(12):
        name = f"{'rose' if number % 3 else 'tulip'}/{number}.png"
        size = (8 + number, 20 - number, 3)
        write_image(folder / name, random.integers(0, 256, size, "uint8"))
    photo = random.integers(0, 256, (9, 7, 3), "uint8")
    file = folder / "rose" / "photo.jpg"
    file.write_bytes(tf.io.encode_jpeg(photo).numpy())
    return folder


@pytest.fixture(scope="module")
def shards(flowers, tmp_path_factory):
    out = tmp_path_factory.mktemp("shards")
    assert go("classification", f"folder:{flowers}", out, "--per-shard", 6) == 0
    return out


@pytest.mark.parametrize(
    ("task", "data"),
    [
        ("masks", "digit_scenes"),
        ("segmentation", "digit_scenes"),
        ("classification", "digits"),
    ],
)
def test_every_task_reads_what_was_written(task, data, tmp_path):
    words = ("--limit", 3, "--split", "test")
    assert go(task, data, tmp_path, *words) == 0
    load = LOADERS[task]
    found = load(f"shards:{tmp_path}", "test")
    expected = load(data, "test")
    assert found.class_names == expected.class_names
    assert found.size == 3
    assert found.dataset.element_spec == expected.dataset.element_spec
    check_equal(examples(found.dataset), examples(expected.dataset.take(3)))


@pytest.mark.slow
def test_people_are_selected_in_shards(tmp_path):
    words = ("--limit", 45, "--split", "test")
    assert go("faces", "rendered_faces", tmp_path, *words) == 0
    faces = kcv.data.read_faces(f"shards:{tmp_path}", "test")
    assert np.bincount(faces.labels).tolist()[:3] == [20, 20, 5]
    faces = faces.with_photos(20)
    first, second = faces.class_names
    assert len(faces) == 40
    opened = kcv.data.load_faces(f"shards:{tmp_path}", "test")
    expected = kcv.data.load_faces("rendered_faces", "test").dataset
    check_equal(examples(opened.dataset.take(3)), examples(expected.take(3)))
    faces = faces.only_people(lambda name: name != first)
    assert faces.class_names == (second,)
    (batch,) = kcv.data.people_batches(faces, people=1, photos=4).take(1)
    assert batch["labels"].numpy().tolist() == [0] * 4
    assert len({*batch["image_id"].numpy()}) == 4


def test_files_are_kept_and_parts_are_the_same(flowers, shards):
    load = kcv.data.load_classification
    for split, validation in [("train", 0.4), ("test", 0.0)]:
        found, expected = (
            load(source, split, validation=validation)
            for source in (f"shards:{shards}", f"folder:{flowers}")
        )
        assert found.size == expected.size
        check_equal(examples(found.dataset), examples(expected.dataset))


@pytest.mark.slow
def test_orders_are_those_of_files(flowers, shards):
    source = f"shards:{shards}"
    counts = count_classes("classification", source, "test", 2)
    assert counts["held-out images"].tolist() == [1, 1]
    assert not count_classes("detection", source, "test", 2)
    load = kcv.data.load_classification
    found, expected = (
        load(source, "train", seed=3, start=7).dataset.take(25)
        for source in (f"shards:{shards}", f"folder:{flowers}")
    )
    check_equal(examples(found), examples(expected))


def test_it_resumes_and_writes_the_same(flowers, shards, tmp_path):
    words = ("--per-shard", 6, "--split", "train")
    out = tmp_path / "out"
    assert go("classification", f"folder:{flowers}", out, *words) == 0
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    lost = "train-00001-of-00002.tfrecord"
    (out / lost).unlink()
    (out / "train.json").unlink()
    times = {file.name: file.stat().st_mtime_ns for file in out.glob("*.tf*")}
    with pytest.raises(FileNotFoundError, match="no split 'train'"):
        kcv.data.load_classification(f"shards:{out}")
    assert go("classification", f"folder:{flowers}", out, *words) == 0
    assert {f.name: f.read_bytes() for f in out.iterdir()} == first
    for name, time in times.items():
        assert (out / name).stat().st_mtime_ns == time


def test_records_are_those_of_tensorflow(shards):
    files = sorted(map(str, shards.glob("train-*.tfrecord")))
    records = tf.data.TFRecordDataset(files).as_numpy_iterator()
    found = [tf.train.Example.FromString(record) for record in records]
    names = [
        one.features.feature["image_id"].bytes_list.value[0] for one in found
    ]
    dataset = kcv.data.load_classification(f"shards:{shards}").dataset
    assert names == [one["image_id"] for one in examples(dataset)]


def test_bad_images_are_skipped_and_listed(tmp_path, capsys):
    for number in range(6):
        write_image(tmp_path / f"in/{number}.png", np.zeros((4, 5, 3), "uint8"))
    (tmp_path / "in/bad.png").write_bytes(b"bad")
    source, out = f"folder:{tmp_path / 'in'}:{tmp_path / 'in2'}", tmp_path / "o"
    write_image(tmp_path / "in2/other.png", np.ones((4, 5, 3), "uint8"))
    assert go("images", source, out, "--split", "train") == 2
    assert "bad.png" in capsys.readouterr().err
    assert not list(out.glob("*.tfrecord"))
    words = ("--on-error", "skip", "--split", "train")
    assert go("images", source, tmp_path / "p", *words) == 0
    assert "without 1 that cannot be decoded" in capsys.readouterr().out
    described = json.loads((tmp_path / "p" / "train.json").read_text())
    assert described["images"] == 6
    assert described["skipped"] == [str(tmp_path / "in/bad.png")]
    assert kcv.data.load_images(f"shards:{tmp_path / 'p'}").size == 6


def test_damage_is_named(shards, tmp_path):
    for file in shards.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    name = "train-00001-of-00002.tfrecord"
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    dataset = kcv.data.load_classification(f"shards:{tmp_path}").dataset
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name} is dam"):
        examples(dataset)
    (tmp_path / "train.index.npy").write_bytes(content)
    with pytest.raises(ValueError, match="must be those that"):
        kcv.data.load_classification(f"shards:{tmp_path}")


def test_mistakes_are_one_line(shards, tmp_path, capsys):
    for words, message in [
        (("detection", "digit_scenes", tmp_path / "a"), "`limit` must be"),
        (("images", "photographs", shards), "classification'. Received"),
        (
            ("images", "photographs", tmp_path / "a", "--per-shard", 0),
            "`per_shard` must be at least 1",
        ),
        (("faces", "photographs", tmp_path / "a"), "`source` must be"),
    ]:
        assert go(*words) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(ValueError, match="must have bounding_boxes"):
        kcv.data.load_detection(f"shards:{shards}")


def test_help_fits_a_screen():
    lines = shard.HELP.splitlines()
    assert len(lines) <= 28
    assert max(map(len, lines)) <= 80
