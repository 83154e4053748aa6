import numpy as np
import pytest

from kcv.visualize import embedding_figure
from kcv.visualize import pairs_figure
from kcv.visualize import roc_figure

FACE = np.full((8, 6, 3), 200, np.uint8)


def test_a_roc_curve_has_steps_between_its_points():
    far, val = [0.0, 0.5, 1.0], [0.2, 0.9, 1.0]
    figure = roc_figure({"$ours": (far, val)}, min_far=0.01)
    axes = figure.axes[0]
    curve, guess = axes.get_lines()
    assert curve.get_drawstyle() == "steps-post"
    assert curve.get_label() == r"\$ours"
    # A logarithmic axis has no 0: the curve begins left of the axis.
    np.testing.assert_allclose(curve.get_xdata(), [0.001, 0.5, 1.0])
    np.testing.assert_allclose(curve.get_ydata(), val)
    np.testing.assert_allclose(guess.get_xdata(), guess.get_ydata())
    assert axes.get_xlim() == (0.01, 1)


def test_pairs_stand_in_titled_rows():
    figure = pairs_figure(
        {
            "One person": [(FACE, FACE + 5.0, "1.20"), (FACE, FACE, "1.10")],
            "Two people": [(FACE, FACE, "0.30")],
        }
    )
    rows = figure.subfigs
    assert [row.get_suptitle() for row in rows] == ["One person", "Two people"]
    pair = rows[0].axes[0]
    pixels = pair.images[0].get_array()
    assert pixels.shape == (8, 12, 3)
    assert (pixels[:, :6] == 200).all()
    assert (pixels[:, 6:] == 205).all()
    assert pair.get_xlabel() == "1.20"
    # The second row has one pair, and an empty place.
    assert [len(axes.images) for axes in rows[1].axes] == [1, 0]


def test_images_lie_at_their_points_with_a_frame_for_each_class():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    figure = embedding_figure(points, [FACE] * 3, [7, 7, 4])
    axes = figure.axes[0]
    boxes = axes.artists
    np.testing.assert_allclose([box.xy for box in boxes], points)
    first, second, third = (box.patch.get_edgecolor() for box in boxes)
    assert first == second != third
    left, right = axes.get_xlim()
    assert left < 0 < 1 < right


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: roc_figure({}), "`curves` must"),
        (lambda: pairs_figure({"One person": []}), "`rows` must"),
        (lambda: embedding_figure(np.eye(3), [FACE] * 3, [0] * 3), "`points`"),
        (
            lambda: embedding_figure(np.eye(2), [FACE], [0, 1]),
            "Received: 1 images and 2 labels",
        ),
    ],
)
def test_nothing_to_draw_is_an_error(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
