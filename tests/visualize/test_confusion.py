import numpy as np
import pytest

from kcv.visualize import confusion_figure


def test_rows_are_shares_of_the_true_class():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 6]])
    figure = confusion_figure(matrix, ["a", "b$", "c"])
    axes = figure.axes[0]
    np.testing.assert_allclose(
        axes.get_images()[0].get_array(),
        [[0.75, 0.25, 0], [0, 0, 0], [0.25, 0, 0.75]],
    )
    written = {(*text.get_position(), text.get_text()) for text in axes.texts}
    assert written == {(0, 0, "3"), (1, 0, "1"), (0, 2, "2"), (2, 2, "6")}
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["a", r"b\$", "c"]


def test_many_classes_have_no_counts():
    assert not confusion_figure(np.eye(21, dtype=int)).axes[0].texts


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="square"):
        confusion_figure(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 names.*1 names"):
        confusion_figure(np.zeros((2, 2)), ["a"])
