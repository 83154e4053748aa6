import numpy as np
import pytest

from kcv.data import KeptFaces
from kcv.data import people_batches


def make_faces(counts):
    """Faces whose pixels are their positions, with `counts` photos each."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    labels = np.random.default_rng(0).permutation(labels)
    numbers = np.arange(len(labels))
    examples = {
        "images": np.tile(numbers[:, None, None, None], (1, 2, 2, 3)).astype(
            np.uint8
        ),
        "labels": labels,
        "image_id": np.array([f"{number}".encode() for number in numbers]),
    }
    names = tuple(f"person {k}" for k in range(len(counts)))
    return KeptFaces(examples, names)


@pytest.fixture(scope="module")
def faces():
    return make_faces([4, 5, 6, 7, 4, 9, 4])


def batches(faces, count, **options):
    stream = people_batches(faces, people=3, photos=4, **options)
    return list(stream.take(count).as_numpy_iterator())


def test_a_batch_has_p_people_with_k_photos_each(faces):
    for batch in batches(faces, 6):
        assert batch["images"].shape == (12, 2, 2, 3)
        assert batch["images"].dtype == np.float32
        numbers = batch["images"][:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(batch["labels"], faces.labels[numbers])
        assert len(set(numbers)) == 12
        labels = batch["labels"].reshape(3, 4)
        assert (labels == labels[:, :1]).all()
        assert len(set(labels[:, 0])) == 3


def test_an_epoch_draws_a_person_once(faces):
    drawn = [batch["labels"][::4] for batch in batches(faces, 200)]
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        assert len({*first, *second}) == 6
    counts = np.bincount(np.concatenate(drawn))
    # 600 draws of 7 people; the one who is left out changes.
    assert counts.min() > 70


def test_all_photos_of_a_person_are_drawn(faces):
    ids = [batch["image_id"] for batch in batches(faces, 200)]
    drawn, counts = np.unique(np.concatenate(ids), return_counts=True)
    assert len(drawn) == len(faces)
    assert counts.min() > 20


def test_a_resumed_stream_continues(faces):
    whole = batches(faces, 9, seed=3)
    for before in (1, 2, 5):
        rest = batches(faces, 9 - before, seed=3, start=12 * before)
        for one, other in zip(whole[before:], rest, strict=True):
            np.testing.assert_array_equal(one["image_id"], other["image_id"])
    other = batches(faces, 9, seed=4)
    assert any(
        (one["image_id"] != two["image_id"]).any()
        for one, two in zip(whole, other, strict=True)
    )


def test_a_transform_sees_positions_and_single_examples(faces):
    def number(dataset, start):
        return dataset.enumerate(start).map(
            lambda place, example: {**example, "place": place}
        )

    batch = batches(faces, 1, start=24, transform=number)[0]
    np.testing.assert_array_equal(batch["place"], 24 + np.arange(12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 8, "photos": 4}, "`people` must be at most 7"),
        ({"people": 2, "photos": 5}, "'person 0' has 4.*photos=5"),
        ({"people": 0, "photos": 4}, "must be at least 1.*people=0"),
        (
            {"people": 2, "photos": 4, "start": 12},
            "`start` must be a multiple of people.*start=12",
        ),
    ],
)
def test_wrong_arguments_are_named(faces, options, message):
    with pytest.raises(ValueError, match=message):
        people_batches(faces, **options)
