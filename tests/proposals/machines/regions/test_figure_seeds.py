import numpy as np

from kcv.proposals.machines.regions.figure_seeds import color_affinity
from kcv.proposals.machines.regions.figure_seeds import dominant_colors
from kcv.proposals.machines.regions.figure_seeds import seed_boxes


def test_seeds_are_symmetric_and_inside():
    for shape in ((80, 110), (75, 100), (3, 1), (16, 500)):
        boxes = seed_boxes(shape, 5, 20)
        assert boxes.shape == (25, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (shape[1], shape[0])).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    boxes = seed_boxes((80, 110), 5, 20)
    # Where CPMC's program has them.
    assert np.unique(boxes[:, 0]).tolist() == [10, 27, 45, 63, 80]
    assert np.unique(boxes[:, 1]).tolist() == [7, 18, 30, 42, 53]


def test_affinity_is_that_of_the_nearest_color():
    rng = np.random.default_rng(0)
    colors = np.concatenate([np.zeros((30, 3)), np.full((30, 3), 50.0)])
    centers = dominant_colors(colors + rng.normal(0, 1, (60, 3)), 2, rng)
    assert sorted(centers.mean(1).round(-1).tolist()) == [0, 50]
    found = color_affinity(np.array([[0.0, 0, 10], [50, 40, 50]]), centers, 0.1)
    np.testing.assert_allclose(found, np.exp([-1.0, -1.0]), rtol=0.2)
    assert len(dominant_colors(colors[:3], 5, rng)) == 3
