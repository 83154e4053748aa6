"""A cache is made once, goes on, and knows whose proposals it has."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import batch
from kcv.data import detection_inputs
from kcv.data import random_flip
from kcv.data import resize
from kcv.proposals import ProposalCache
from kcv.proposals.store import cache as cache_module

SIZES = [(20, 30), (24, 24), (31, 18), (40, 50), (22, 33)]


def examples(seed=0, names=None, sizes=SIZES):
    """Noise with one object each."""
    rng = np.random.default_rng(seed)
    names = names or [f"image {i}" for i in range(len(sizes))]

    def generate():
        for name, size in zip(names, sizes, strict=True):
            yield {
                "images": rng.integers(0, 256, (*size, 3)).astype(np.uint8),
                "image_id": name,
                "bounding_boxes": {
                    "boxes": np.array([[2, 3, 9, 11]], np.float32),
                    "labels": np.zeros(1, np.int32),
                },
                "difficult": np.zeros(1, bool),
                "is_crowd": np.zeros(1, bool),
            }

    made = [*generate()]
    return tf.data.Dataset.from_generator(
        lambda: iter(made),
        output_signature={
            "images": tf.TensorSpec((None, None, 3), tf.uint8),
            "image_id": tf.TensorSpec((), tf.string),
            "bounding_boxes": {
                "boxes": tf.TensorSpec((None, 4), tf.float32),
                "labels": tf.TensorSpec((None,), tf.int32),
            },
            "difficult": tf.TensorSpec((None,), tf.bool),
            "is_crowd": tf.TensorSpec((None,), tf.bool),
        },
    )


class Counting:
    """A method of proposing that counts its calls."""

    def __init__(self, limit=None):
        self.calls = 0
        self.limit = limit

    def __call__(self, image):
        if self.calls == self.limit:
            raise MemoryError("enough")
        self.calls += 1
        height, width = image.shape[:2]
        few = [[0, 0, width, height], [1, 2, width - 1, height]]
        return np.array(few, np.float32)[: 0 if width == 24 else 2]


def test_proposals_reach_the_batch(tmp_path):
    dataset = examples()
    cache = ProposalCache(tmp_path, "uniform", 40, seed=1)
    cache.compute(dataset, verbose=False)
    assert len(cache) == 5
    attached = cache.attach(dataset, max_proposals=10)
    for example in attached.as_numpy_iterator():
        name = example["image_id"].decode()
        np.testing.assert_array_equal(example["proposals"], cache[name][:10])
    x, _ = next(iter(batch(attached, 5).map(detection_inputs)))
    assert x["proposals"].shape == (5, 10, 4)
    # Chance is each image's own.
    shares = [
        cache[f"image {i}"][0] / np.tile(SIZES[i][::-1], 2) for i in (0, 3)
    ]
    assert np.abs(shares[0] - shares[1]).max() > 0.05


def test_proposals_follow_the_image(tmp_path):
    dataset = examples()
    cache = ProposalCache(tmp_path, "gaussian", 6)
    cache.compute(dataset, verbose=False)
    attached = cache.attach(dataset)
    resized = resize(attached, 60, 100)
    flipped = random_flip(resized, seed=2)
    mirrored = 0
    for before, after, last in zip(attached, resized, flipped, strict=True):
        height, width = before["images"].shape[:2]
        new_height, new_width = after["images"].shape[:2]
        ratio = np.tile([new_width / width, new_height / height], 2)
        expected = before["proposals"] * ratio.astype("float32")
        np.testing.assert_allclose(after["proposals"], expected, rtol=1e-5)
        if (last["images"].numpy() == after["images"][:, ::-1].numpy()).all():
            mirrored += 1
            x1, y1, x2, y2 = expected.numpy().T
            expected = np.stack([new_width - x2, y1, new_width - x1, y2], 1)
        np.testing.assert_allclose(last["proposals"], expected, rtol=1e-4)
    assert 0 < mirrored < 5


def test_examples_must_be_single_and_end(tmp_path):
    cache = ProposalCache(tmp_path, Counting())
    with pytest.raises(ValueError, match="rank 4"):
        cache.compute(batch(resize(examples(), 20), 2), verbose=False)
    with pytest.raises(ValueError, match="-1 examples"):
        cache.compute(examples().repeat(), verbose=False)
    assert len(cache) == 0


def test_a_killed_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "IMAGES_PER_SHARD", 2)
    dataset = examples()
    with pytest.raises(RuntimeError, match="image 3': enough"):
        ProposalCache(tmp_path, Counting(3)).compute(dataset, 1, verbose=False)
    again = Counting()
    cache = ProposalCache(tmp_path, again)
    assert len(cache) == 3
    cache.compute(dataset, verbose=False)
    assert again.calls == 2
    assert {f.suffix for f in tmp_path.iterdir()} == {".json", ".npz", ".npy"}
    last = Counting()
    cache = ProposalCache(tmp_path, last)
    cache.compute(dataset, verbose=False)
    assert last.calls == 0
    assert cache["image 0"].tolist() == [[0, 0, 30, 20], [1, 2, 29, 20]]
    assert cache["image 1"].tolist() == [[0, 0, 24, 24]]  # for none, all of it


def test_a_slow_method_is_written_before_a_shard_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "SECONDS_PER_SHARD", 0)
    cache = ProposalCache(tmp_path, Counting())
    cache.compute(examples(), verbose=False)
    assert len([*tmp_path.glob("*.npy")]) == 5
    again = ProposalCache(tmp_path, Counting())
    assert len(again) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gaussian"}, "method='uniform'.*method='gaussian'"),
        ({"max_proposals": 9}, "max_proposals=8.*max_proposals=9"),
        ({"seed": 4}, "seed=0.*seed=4"),
    ],
)
def test_other_settings_are_told(tmp_path, options, message):
    ProposalCache(tmp_path, "uniform", 8)
    with pytest.raises(ValueError, match=message):
        ProposalCache(
            tmp_path, **{"method": "uniform", "max_proposals": 8, **options}
        )


def test_other_images_are_told(tmp_path):
    cache = ProposalCache(tmp_path, "uniform", 8)
    cache.compute(examples(), verbose=False)
    with pytest.raises(ValueError, match="another image 'image 0': of"):
        cache.compute(examples(seed=1), verbose=False)
    with pytest.raises(tf.errors.OpError, match="has no proposals of.*'b'"):
        next(iter(cache.attach(examples(names=[*"bcdef"]))))
    with pytest.raises(tf.errors.OpError, match="attach.*before images are"):
        next(iter(cache.attach(resize(examples(), 60))))
    twice = examples(names=[*"abacd"])
    cache = ProposalCache(tmp_path / "2", Counting())
    with pytest.raises(ValueError, match="'a' occurs twice"):
        cache.compute(twice, verbose=False)


def test_a_function_is_treated_as_by_propose(tmp_path):
    def outside(image):
        boxes = [[0, 0, 5, 5], [3, 4, 99, 8], [0, 0, 5, 5], [2, 2, 2, 9]]
        return boxes, [4, 3, 2, 1]

    cache = ProposalCache(tmp_path, outside)
    cache.compute(examples(), verbose=False)
    assert cache["image 0"].tolist() == [[0, 0, 5, 5], [3, 4, 30, 8]]


def test_proposals_that_are_no_boxes(tmp_path):
    cache = ProposalCache(tmp_path, lambda image: [[0, 0, np.nan, 5]])
    with pytest.raises(RuntimeError, match="image 0.*must be finite"):
        cache.compute(examples(), verbose=False)


def test_too_many_for_the_batch(tmp_path):
    cache = ProposalCache(tmp_path, "uniform", 8)
    cache.compute(examples(), verbose=False)
    batches = batch(cache.attach(examples()), 2, max_proposals=5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 0"):
        next(iter(batches))
    batches = batch(cache.attach(examples()), 2, max_proposals=12)
    assert batches.element_spec["proposals"].shape == (None, 12, 4)
    assert next(iter(batches))["proposals"][:, 8:].numpy().any() == 0
