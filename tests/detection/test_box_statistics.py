import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import box_statistics


def batch_of(x, y):
    return {
        **x,
        "bounding_boxes": {"boxes": y["boxes"], "labels": y["labels"]},
        "difficult": y["difficult"],
        "is_crowd": y["is_crowd"],
    }


def oracle(x, y, fg_iou):
    """Box by box, in float64: {label: [delta, ...]}."""
    deltas = {}
    for i in range(2):
        real = (y["labels"][i] >= 0) & ~y["difficult"][i]
        objects = y["boxes"][i][real].astype("float64")
        labels = y["labels"][i][real]
        proposals = x["proposals"][i].astype("float64")
        proposals = proposals[proposals[:, 2] > proposals[:, 0]]
        for r in np.concatenate([proposals, objects]):
            best = 0.0
            for g, label in zip(objects, labels, strict=True):
                w = min(r[2], g[2]) - max(r[0], g[0])
                h = min(r[3], g[3]) - max(r[1], g[1])
                common = max(w, 0) * max(h, 0)
                areas = (r[2] - r[0]) * (r[3] - r[1])
                areas += (g[2] - g[0]) * (g[3] - g[1])
                if common / (areas - common) > best:
                    best, own, of = common / (areas - common), g, label
            if best >= fg_iou:
                sides = r[2:] - r[:2], own[2:] - own[:2]
                shift = (own[:2] + own[2:] - r[:2] - r[2:]) / 2 / sides[0]
                delta = [*shift, *np.log(sides[1] / sides[0])]
                deltas.setdefault(int(of), []).append(delta)
    return deltas


def test_equals_box_by_box(given):
    x, y = given
    y["labels"][1, 0], y["boxes"][1, 0] = 1, x["proposals"][1, 0]
    x["proposals"][1, 1:] = 0
    dataset = tf.data.Dataset.from_tensor_slices(batch_of(x, y)).batch(1)
    mean, std = box_statistics(dataset, classes=4, fg_iou=0.4)
    deltas = oracle(x, y, 0.4)
    assert len(deltas[0]) > 3
    assert len(deltas[2]) > 3
    for label in (0, 2):
        np.testing.assert_allclose(
            mean[label], np.mean(deltas[label], 0), atol=1e-6
        )
        np.testing.assert_allclose(
            std[label], np.std(deltas[label], 0), rtol=1e-5
        )
    # Nothing is known of classes 1 (two equal boxes) and 3 (none).
    every = np.concatenate([deltas[label] for label in sorted(deltas)])
    for label in (1, 3):
        np.testing.assert_allclose(std[label], every.std(0), rtol=1e-5)
        np.testing.assert_allclose(mean[label], every.mean(0), atol=1e-6)


def test_difficult_objects_take_no_part(given):
    x, y = given
    y["difficult"][0, 1] = True
    dataset = [tf.nest.map_structure(tf.constant, batch_of(x, y))]
    mean, _ = box_statistics(dataset, classes=3)
    np.testing.assert_allclose(
        mean[2], np.mean(oracle(x, y, 0.5)[2], 0), atol=1e-6
    )
    np.testing.assert_array_equal(mean[0], mean[1])


def test_nothing_to_measure(given):
    x, y = given
    y["labels"][:] = -1
    dataset = [tf.nest.map_structure(tf.constant, batch_of(x, y))]
    with pytest.raises(ValueError, match="fg_iou=0.5"):
        box_statistics(dataset, classes=3)
