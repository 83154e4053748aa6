"""The triplet loss against golden values and a plain loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.faces.learning.triplets import NEGATIVES
from kcv.faces.learning.triplets import losses_of_triplets
from kcv.faces.learning.triplets import select_triplets
from kcv.faces.learning.triplets import squared_distances
from kcv.faces.learning.triplets import triplet_losses

MARGIN = 0.2
RULES = {
    "semihard_skip": "semihard",
    "semihard_or_hardest": "semihard_or_hardest",
}


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "triplet.npz")


def reference(distances, labels, rule):
    """Select by a loop; rows of (anchor, positive, negative)."""
    rows = []
    for a, p in np.argwhere(labels[:, None] == labels[None]):
        others = np.flatnonzero(labels != labels[a])
        if a == p or not len(others):
            continue
        own, d = distances[a, p], distances[a, others]
        nearest = others[d.argmin()]
        semihard = (own < d) & (d < own + MARGIN)
        if rule == "hardest":
            rows.append((a, p, nearest))
        elif semihard.any():
            d = np.where(semihard, d, np.inf)
            rows.append((a, p, others[d.argmin()]))
        elif rule == "semihard_or_hardest":
            rows.append((a, p, nearest))
    return np.array(rows).reshape(-1, 3)


def rows_of(selection):
    pairs = np.argwhere(selection.exists)
    negatives = selection.negatives.numpy()[tuple(pairs.T)]
    return np.column_stack([pairs, negatives])


@pytest.mark.parametrize("case", RULES)
def test_selection_losses_and_gradients_are_the_golden_ones(stored, case):
    raw = tf.constant(stored["raw"])
    labels = tf.constant(stored["labels"])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(raw)
        x = raw / tf.norm(raw, axis=1, keepdims=True)
        distances = squared_distances(x)
        selection = select_triplets(distances, labels, MARGIN, RULES[case])
        each = losses_of_triplets(distances, selection, MARGIN)
        loss, figures = triplet_losses(
            x, labels, MARGIN, RULES[case], reduction="sum"
        )
    want = {key: stored[f"{case}_{key}"] for key in ("triplets", "loss_each")}
    np.testing.assert_array_equal(rows_of(selection), want["triplets"])
    exists = selection.exists.numpy()
    np.testing.assert_array_equal(
        selection.is_fallback.numpy()[exists], stored[f"{case}_is_fallback"]
    )
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(each[exists], want["loss_each"], **close)
    np.testing.assert_allclose(loss, stored[f"{case}_loss_sum"], **close)
    pairs = stored["n_anchor_positive_pairs"]
    assert figures["active"] == stored[f"{case}_n_active"] / pairs
    for target, name in ((x, "embeddings"), (raw, "raw")):
        np.testing.assert_allclose(
            tape.gradient(loss, target),
            stored[f"{case}_grad_{name}_of_sum"],
            **close,
        )


def test_distances_are_the_golden_ones(stored):
    np.testing.assert_allclose(
        squared_distances(stored["embeddings"]),
        stored["distances_squared"],
        rtol=0,
        atol=1e-14,
    )


@pytest.mark.parametrize("rule", ["semihard", "semihard_or_hardest", "hardest"])
def test_selection_is_that_of_a_loop(rule):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, 40)
    x = rng.standard_normal((40, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    selection = select_triplets(distances, labels, MARGIN, rule)
    np.testing.assert_array_equal(
        rows_of(selection), reference(distances, labels, rule)
    )


def test_random_negatives_are_all_that_violate_the_margin(stored):
    violating = stored["violating_set"]
    seed = keras.random.SeedGenerator(0)
    seen = np.zeros_like(violating)
    for _ in range(200):
        selection = select_triplets(
            stored["distances_squared"],
            stored["labels"],
            MARGIN,
            "violating",
            seed,
        )
        np.testing.assert_array_equal(selection.exists, violating.any(2))
        seen[tuple(rows_of(selection).T)] = True
    np.testing.assert_array_equal(seen, violating)


def test_semihard_negative_is_one_of_the_golden_set(stored):
    selection = select_triplets(
        stored["distances_squared"], stored["labels"], MARGIN
    )
    chosen = np.zeros_like(stored["semihard_set"])
    chosen[tuple(rows_of(selection).T)] = True
    assert not (chosen & ~stored["semihard_set"]).any()
    np.testing.assert_array_equal(chosen.any(2), stored["semihard_set"].any(2))


def test_reductions_divide_the_same_sum(stored):
    x, labels = stored["embeddings"], stored["labels"]
    total = stored["semihard_or_hardest_loss_sum"]
    counts = {
        "sum": 1,
        "active": stored["semihard_or_hardest_n_active"],
        "pairs": stored["n_anchor_positive_pairs"],
    }
    for reduction, count in counts.items():
        loss, _ = triplet_losses(
            x, labels, MARGIN, "semihard_or_hardest", reduction
        )
        np.testing.assert_allclose(loss, total / count, rtol=1e-12)


@pytest.mark.parametrize("rule", NEGATIVES)
@pytest.mark.parametrize("labels", [[0], [3, 3], [1, 2]])
def test_without_triplets_loss_and_gradient_are_zero(rule, labels):
    x = tf.Variable(np.eye(2, dtype="float32")[: len(labels)])
    with tf.GradientTape() as tape:
        loss, figures = triplet_losses(x, labels, negatives=rule)
    assert loss == 0
    assert figures["active"] == 0
    assert not np.any(tape.gradient(loss, x))


@pytest.mark.parametrize("rule", NEGATIVES)
def test_collapsed_embeddings_have_the_margin_as_loss(rule):
    x = np.tile(np.float32([[0.6, 0.8]]), (6, 1))
    loss, figures = triplet_losses(x, [0, 0, 1, 1, 2, 2], negatives=rule)
    # No negative is farther than the positive, so the paper's rule has none.
    expected = 0.0 if rule == "semihard" else 0.2
    np.testing.assert_allclose(loss, expected, atol=1e-6)
    np.testing.assert_allclose(
        figures["positive_distance"], figures["negative_distance"], atol=1e-6
    )


def test_loss_runs_in_a_graph_of_any_batch_size():
    function = tf.function(
        lambda x, labels: triplet_losses(x, labels, negatives="violating")[0],
        input_signature=[
            tf.TensorSpec((None, 4), "bfloat16"),
            tf.TensorSpec((None,), "int32"),
        ],
    )
    rng = np.random.default_rng(0)
    for size in (4, 7):
        x = tf.cast(rng.standard_normal((size, 4)), "bfloat16")
        loss = function(x, np.arange(size, dtype="int32") // 2)
        assert loss.dtype == "float32"
        assert np.isfinite(loss)


@pytest.mark.parametrize("argument", ["negatives", "reduction"])
def test_unknown_names_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be one of"):
        triplet_losses(np.eye(2), [0, 0], **{argument: "easy"})
