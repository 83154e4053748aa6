import logging

import numpy as np
import pytest
from PIL import Image

from kcv.data import align_faces
from kcv.data import load_faces
from kcv.data import read_faces
from kcv.data.embedded.faces import render_face


@pytest.fixture
def folder(tmp_path):
    """People with three photos each, in the form of several sets."""
    names = []
    for person in range(6):
        for photo in range(3):
            face = render_face("train", 0, person, photo, 64)
            name = f"P_{person}/P_{person}_{photo + 1:04d}.png"
            names.append((name, person, face.landmarks))
            for file in (
                tmp_path / "lfw" / name,
                tmp_path / "celeba" / "img_align_celeba" / f"{len(names)}.png",
            ):
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(face.image).save(file)
    lines = [
        f"{name},{person}," + ",".join(map(str, landmarks.ravel()))
        for name, person, landmarks in names
    ]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    rows = enumerate(names, 1)
    (tmp_path / "celeba" / "identity_CelebA.txt").write_text(
        "\n".join(f"{k}.png {person}" for k, (_, person, _) in rows)
    )
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text(
        "\n".join(f"{k + 1}.png {min(k // 6, 2)}" for k in range(18))
    )
    return tmp_path


def sources(folder):
    return (
        f"lfw:{folder}",
        f"lfw:{folder / 'lfw'}",
        f"folder:{folder / 'lfw'}",
        f"list:{folder / 'list.csv'}:{folder / 'lfw'}",
    )


def test_every_form_holds_out_people(folder, caplog):
    caplog.set_level(logging.WARNING)
    for source in sources(folder):
        train, test = (load_faces(source, split) for split in ("train", "test"))
        assert (train.size, test.size) == (15, 3)
        assert not set(train.class_names) & set(test.class_names)
        assert len(list(test.dataset)) == 3
        labels = [int(example["labels"]) for example in train.dataset]
        np.testing.assert_array_equal(labels, np.repeat(np.arange(5), 3))
    assert "a fifth, drawn by name" in caplog.text


def test_celeba_has_parts_of_its_own(folder):
    source = f"celeba:{folder / 'celeba'}"
    train, test = (read_faces(source, split) for split in ("train", "test"))
    assert train.class_names == ("0", "1")
    assert test.class_names == ("4", "5")
    assert train.landmarks is None
    (folder / "celeba" / "list_eval_partition.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no file list_eval_partition"):
        read_faces(source, "train")


def test_nobody_is_in_both_folders(folder):
    people = folder / "lfw"
    with pytest.raises(ValueError, match="share 6 people, P_0 among them"):
        load_faces(f"folder:{people}:{people}")


def test_a_seeded_stream_resumes(folder):
    source = f"folder:{folder / 'lfw'}"

    def ids(count, start):
        dataset = load_faces(source, seed=3, start=start).dataset
        return [x["image_id"].numpy() for x in dataset.take(count)]

    assert ids(20, 12) == ids(32, 0)[12:]


def test_rendered_faces_are_the_default():
    opened = load_faces(split="test")
    assert opened.size == 2400
    assert len(opened.class_names) == 120
    first = next(iter(opened.dataset))
    assert first["image_id"] == b"rendered_faces/test/0/0/0"


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match="must be one of rendered_faces, lfw"):
        load_faces("casia")
    with pytest.raises(ValueError, match="`split` must be"):
        load_faces("lfw", "val")
    with pytest.raises(ValueError, match="must be one of lfw:FOLDER"):
        read_faces("rendered_faces")


def test_listed_faces_are_aligned_with_errors_of_their_own(folder):
    source = sources(folder)[-1]
    dataset = load_faces(source).dataset
    exact = list(align_faces(dataset))
    points = np.stack([example["landmarks"] for example in exact])
    assert exact[0]["images"].shape == (64, 64, 3)
    mean = points.mean((0, 1))
    np.testing.assert_allclose(mean, (32, 37.5), atol=0.5)
    jittered = list(align_faces(dataset, jitter=0.1, seed=2))
    moved = points - np.stack([example["landmarks"] for example in jittered])
    assert 0.5 < np.abs(moved).mean() < 4
    rest = align_faces(dataset.skip(7), jitter=0.1, seed=2, start=7)
    for one, other in zip(jittered[7:], rest, strict=True):
        np.testing.assert_array_equal(one["images"], other["images"])
    with pytest.raises(ValueError, match="at least 0.*jitter=-1"):
        align_faces(dataset, jitter=-1)
