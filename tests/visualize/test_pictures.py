import numpy as np
import pytest

from kcv.visualize import losses_figure
from kcv.visualize import pictures_figure


def test_pictures_stand_in_rows_with_their_titles():
    wide, gray = np.zeros((4, 8, 3)), np.full((4, 4), 255.0)
    figure = pictures_figure(
        {"content": wide, "style": gray, "$1": wide}, {"result": wide}
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["content", "style", r"\$1", "result", "", ""]
    shown = figure.axes[1].images[0].get_array()
    assert shown.shape == (4, 4, 3)
    assert shown.dtype == np.uint8
    assert (shown == 255).all()
    width, height = figure.get_size_inches()
    assert width / height > 2  # three of two to one, and two rows


@pytest.mark.parametrize("rows", [[], [{}]])
def test_no_picture_is_an_error(rows):
    with pytest.raises(ValueError, match="at least one image each"):
        pictures_figure(*rows)


def test_losses_and_what_they_are_compared_with():
    figure = losses_figure(
        {"total_loss": [9.0, 3.0], "style_loss": [4.0, 1.0]},
        references={"one pass": 2.0},
    )
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    total, style, level = axes.get_lines()
    np.testing.assert_array_equal(total.get_xydata(), [[1, 9], [2, 3]])
    np.testing.assert_array_equal(style.get_ydata(), [4, 1])
    assert set(level.get_ydata()) == {2.0}
    assert [t.get_text() for t in axes.texts] == ["one pass"]
    with pytest.raises(ValueError, match="at least one loss"):
        losses_figure({})
