import numpy as np

from kcv.masks.best_patches import BestPatches


def heads(sizes, features=3, seed=0):
    """Outputs of a head at several scales."""
    random = np.random.default_rng(seed)
    outputs = []
    for rows, columns in sizes:
        shape = (2, rows, columns)
        outputs.append(random.standard_normal((*shape, features)).astype("f"))
        outputs.append(random.standard_normal((*shape, 1)).astype("f"))
    return outputs


def test_it_equals_a_sort_of_all_patches():
    outputs = heads([(2, 3), (4, 5), (1, 1)])
    vectors, scores, places, count = BestPatches(9)(outputs)
    assert count.numpy().tolist() == [9, 9]
    for image in range(2):
        everything = [
            (-logits[image, row, column, 0], level, row, column)
            for level, logits in enumerate(outputs[1::2])
            for row, column in np.ndindex(logits.shape[1:3])
        ]
        for rank, (score, *place) in enumerate(sorted(everything)[:9]):
            assert places[image, rank].numpy().tolist() == place
            np.testing.assert_allclose(
                scores[image, rank], 1 / (1 + np.exp(score)), 1e-6
            )
            level, row, column = place
            np.testing.assert_array_equal(
                vectors[image, rank], outputs[2 * level][image, row, column]
            )


def test_rows_without_a_patch_are_zero():
    vectors, scores, places, count = BestPatches(9)(heads([(1, 2), (1, 3)]))
    assert count.numpy().tolist() == [5, 5]
    assert not vectors[:, 5:].numpy().any()
    assert not scores[:, 5:].numpy().any()
    assert not places[:, 5:].numpy().any()


def test_the_first_of_equal_scores_comes_first():
    outputs = heads([(2, 2), (1, 2)])
    outputs[1][:], outputs[3][:] = 1, 1
    places = BestPatches(6)(outputs)[2]
    expected = [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
        [1, 0, 1],
    ]
    assert places[1].numpy().tolist() == expected
