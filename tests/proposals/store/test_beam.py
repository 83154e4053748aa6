"""The same cache, made by a pipeline on Beam's local runner."""

import sys

import keras
import numpy as np
import pytest

from kcv.proposals import ProposalCache

beam = pytest.importorskip("apache_beam")

# After Beam is known to be there.
from kcv.proposals.store.beam import ComputeProposals  # noqa: E402

SIZES = [(20, 30), (24, 24), (31, 18), (40, 50), (22, 33)]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [
        (f"image {i}", rng.integers(0, 256, (*size, 3)).astype(np.uint8))
        for i, size in enumerate(SIZES)
    ]


def as_dataset(images):
    import tensorflow as tf

    return tf.data.Dataset.from_generator(
        lambda: ({"image_id": i, "images": x} for i, x in images),
        output_signature={
            "image_id": tf.TensorSpec((), tf.string),
            "images": tf.TensorSpec((None, None, 3), tf.uint8),
        },
    )


def run(images, cache, shards=2):
    with beam.Pipeline(runner="DirectRunner") as pipeline:
        pipeline | beam.Create(images) | ComputeProposals(cache, shards)


@pytest.mark.parametrize(
    ("method", "options"),
    [("selective_search", {"min_side": 4}), ("uniform", {})],
)
def test_boxes_are_those_of_the_cache(method, options, images, tmp_path):
    expected = ProposalCache(tmp_path / "a", method, 50, seed=3, **options)
    expected.compute(as_dataset(images), verbose=False)
    made = ProposalCache(tmp_path / "b", method, 50, seed=3, **options)
    run(images, made)
    found = ProposalCache(tmp_path / "b", method, 50, seed=3, **options)
    assert len(found) == len(expected) == 5
    for name, _ in images:
        assert len(found[name]) > 1
        np.testing.assert_array_equal(found[name], expected[name])
    # Of the same pixels, too: nothing is left to do.
    files = sorted((tmp_path / "b").iterdir())
    found.compute(as_dataset(images), verbose=False)
    assert sorted((tmp_path / "b").iterdir()) == files


def test_files_are_decoded_as_data_is(images, tmp_path):
    file = tmp_path / "image.png"
    name, pixels = images[0]
    keras.utils.save_img(file, pixels, scale=False)
    run([(name, file.read_bytes())], ProposalCache(tmp_path, "uniform", 9))
    cache = ProposalCache(tmp_path, "uniform", 9)
    assert cache.known.has(name, pixels)
    assert cache[name].shape == (9, 4)


def test_it_goes_on(images, tmp_path):
    run(images[:3], ProposalCache(tmp_path, "uniform", 9))
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    run(images, ProposalCache(tmp_path, "uniform", 9))
    assert len(ProposalCache(tmp_path, "uniform", 9)) == 5
    for file, time in before.items():
        assert file.stat().st_mtime_ns == time


def test_other_images_are_told(images, tmp_path):
    run(images, ProposalCache(tmp_path, "uniform", 9))
    other = [(images[0][0], 255 - images[0][1])]
    with pytest.raises(Exception, match="made for another image 'image 0'"):
        run(other, ProposalCache(tmp_path, "uniform", 9))
    with pytest.raises(ValueError, match="max_proposals=9. Received"):
        ProposalCache(tmp_path, "uniform", 10)


def test_bad_images_are_named(images, tmp_path):
    cache = ProposalCache(tmp_path, "uniform", 9)
    with pytest.raises(Exception, match="image 0.*occurs twice"):
        run([images[0], images[0]], cache)
    with pytest.raises(Exception, match="'cut' cannot be decoded"):
        run([("cut", b"\xff\xd8\xff")], cache)
    with pytest.raises(Exception, match="no proposals of image 'odd'"):
        run([("odd", np.zeros((8, 8, 2), np.uint8))], cache)
    assert len(ProposalCache(tmp_path, "uniform", 9)) == 0


@pytest.mark.parametrize("shards", [0, 1.5])
def test_no_number_of_shards(shards, tmp_path):
    with pytest.raises(ValueError, match=f"shards={shards}"):
        ComputeProposals(ProposalCache(tmp_path, "uniform", 9), shards)


def test_without_beam(monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "kcv.proposals.store.beam")
    with pytest.raises(ImportError, match=r"pip install .*\[beam\]"):
        import kcv.proposals.store.beam  # noqa: F401
