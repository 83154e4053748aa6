import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import extract_features
from kcv.detection.rcnn.features import FeatureStore
from kcv.detection.rcnn.features import ImageFeatures


@pytest.fixture(scope="module")
def stored(tuned, dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    return extract_features(tuned, dataset, folder)


def test_features_are_those_of_the_network(tuned, scenes, stored):
    assert stored.image_ids == [f"scene/{i}" for i in range(12)]
    for i, entry in enumerate(stored):
        objects = 1 + i % 3
        expected = scenes["bounding_boxes"]["labels"][i, :objects]
        np.testing.assert_array_equal(entry.labels, expected)
        real = scenes["proposals"][i]
        real = real[real[:, 2] > real[:, 0]]
        boxes = [*scenes["bounding_boxes"]["boxes"][i, :objects], *real]
        np.testing.assert_array_equal(entry.boxes, np.stack(boxes))
        # Alone, without the padding of the batch.
        fc7, pool5 = tuned.features(
            {
                "images": scenes["images"][i : i + 1],
                "proposals": entry.boxes[None],
            }
        )
        np.testing.assert_allclose(entry.fc7, fc7[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            entry.pool5_norms, np.linalg.norm(pool5[0], axis=1), rtol=1e-4
        )
        np.testing.assert_allclose(
            entry.object_pool5, pool5[0, :objects], rtol=1e-4, atol=1e-4
        )
        best = entry.overlaps().max(1)
        best[:objects] = 0
        assert entry.pool5_rows.tolist() == np.flatnonzero(best > 0.6).tolist()
        np.testing.assert_allclose(
            entry.pool5,
            pool5.numpy()[0, entry.pool5_rows],
            rtol=1e-4,
            atol=1e-4,
        )


def test_what_is_there_is_not_computed_again(
    tuned, dataset, tmp_path, monkeypatch
):
    """A run that was killed after two of three batches of four."""
    extract_features(tuned, dataset.take(2), tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    assert len(before) == 8
    seen = []
    features = tuned.features

    def counted(x):
        seen.append(x)
        return features(x)

    monkeypatch.setattr(tuned, "features", counted)
    assert len(extract_features(tuned, dataset, tmp_path)) == 12
    assert len(seen) == 1
    assert all(file.stat().st_mtime_ns == t for file, t in before.items())
    assert len(extract_features(tuned, dataset, tmp_path)) == 12
    assert len(seen) == 1


def test_a_kill_while_writing_leaves_no_half_file(
    tuned, dataset, tmp_path, monkeypatch
):
    def killed(source, target):
        if str(target).endswith(".npz"):
            raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        extract_features(tuned, dataset, tmp_path)
    assert not list(tmp_path.glob("*.npz"))


def test_features_of_another_network_or_of_other_regions(
    tuned, make_rcnn, dataset, tmp_path
):
    extract_features(tuned, dataset.take(1), tmp_path)
    with pytest.raises(ValueError, match="features of another network"):
        extract_features(make_rcnn(), dataset, tmp_path)
    moved = dataset.map(lambda x: {**x, "proposals": x["proposals"] * 0.9})
    with pytest.raises(ValueError, match="other regions for image 'scene/0'"):
        extract_features(tuned, moved, tmp_path)


def test_scaled_features_have_a_mean_norm_of_twenty(stored):
    """Fewer than 200 images of fewer than 200 regions: all are looked at."""
    norms = [np.linalg.norm(entry.fc7, axis=1) for entry in stored]
    mean = np.concatenate(norms).mean()
    assert stored.scale("fc7") * mean == pytest.approx(20, rel=1e-5)
    mean = np.concatenate([entry.pool5_norms for entry in stored]).mean()
    assert stored.scale("pool5") * mean == pytest.approx(20, rel=1e-5)


def test_the_mean_norm_is_of_200_images_and_200_regions_of_each():
    class Many(FeatureStore):
        opened = 0

        def __getitem__(self, index):
            self.opened += 1
            norms = np.full(1000, 2.0)
            return ImageFeatures(str(index), {"pool5_norms": norms})

    store = Many(".", map(str, range(300)))
    assert store.scale("pool5") == 10
    assert store.opened == 200


def _with(dataset, **changes):
    return dataset.map(lambda x: {**x, **{k: f(x) for k, f in changes.items()}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.repeat(), "must be finite"),
        (lambda d: d.take(0), "`dataset` must have images"),
        (lambda d: d.concatenate(d), "with unique ids.*twice"),
        (
            lambda d: _with(d, proposals=lambda x: 0 * x["proposals"]),
            "`proposals` of image 'scene/0' must not be empty",
        ),
        (
            lambda d: _with(d, proposals=lambda x: x["proposals"] + 200),
            "'scene/0'.*96 x 64.*lies outside",
        ),
        (
            lambda d: d.map(
                lambda x: {k: v for k, v in x.items() if k != "proposals"}
            ),
            "must have `proposals`",
        ),
    ],
)
def test_errors(tuned, dataset, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        extract_features(tuned, change(dataset), tmp_path)


def test_crowds_are_no_objects(tuned, dataset, tmp_path):
    crowd = _with(dataset, is_crowd=lambda x: tf.ones_like(x["is_crowd"]))
    for entry in extract_features(tuned, crowd.take(1), tmp_path):
        assert len(entry.labels) == 0
        assert len(entry.pool5_rows) == 0
