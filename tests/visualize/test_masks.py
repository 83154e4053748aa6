import numpy as np
import pytest

from kcv.visualize import draw_mask
from kcv.visualize import iu_figure
from kcv.visualize import projections_figure
from kcv.visualize import segmentation_gallery
from kcv.visualize import voc_palette


def test_palette_of_voc():
    palette = voc_palette()
    assert palette.shape == (256, 3)
    assert len(np.unique(palette, axis=0)) == 256
    expected = {
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        8: (64, 0, 0),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    for label, color in expected.items():
        assert tuple(palette[label]) == color


def test_background_is_not_painted():
    image = np.full((2, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 2], [0, 0, 255]])
    drawn = draw_mask(image, labels, opacity=0.5)
    assert (drawn[labels == 0] == 100).all()
    np.testing.assert_array_equal(drawn[0, 1], [114, 50, 50])
    np.testing.assert_array_equal(drawn[1, 2], [162, 162, 146])
    with pytest.raises(ValueError, match=r"`labels` must .*\(2, 3\)"):
        draw_mask(image, labels[:1])


def test_gallery_names_what_it_shows():
    image = np.zeros((8, 6, 3), np.uint8)
    labels = np.zeros((8, 6), np.uint8)
    labels[2:4] = 2
    labels[5] = 255
    figure = segmentation_gallery(
        [{"image": image, "truth": labels, "FCN-8s": labels}] * 2,
        ["background", "cat", "$dog"],
    )
    assert len(figure.axes) == 6
    assert [a.get_title() for a in figure.axes[:3]] == [
        *("image", "truth", "FCN-8s")
    ]
    texts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert texts == [r"\$dog", "void"]
    with pytest.raises(ValueError, match="must not be empty"):
        segmentation_gallery([])


def test_bars_of_classes():
    figure = iu_figure([0.8, np.nan, 0.4], ["background", "cat", "dog"])
    assert figure.axes[0].get_title() == "mean IU 0.600"
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(widths, [0.8, 0.0, 0.4])
    with pytest.raises(ValueError, match="3 names.*2 names"):
        iu_figure([0.1, 0.2, 0.3], ["a", "b"])


def test_projections_are_cut_to_what_is_seen():
    images = np.zeros((2, 20, 20, 3), np.uint8)
    projections = np.zeros((2, 20, 20, 3), np.float32)
    projections[0, 3:8, 5:12] = -1.0
    figure = projections_figure([(images, projections)], ["map 7"])
    shapes = [axes.images[0].get_array().shape for axes in figure.axes]
    assert shapes[0] == shapes[2] == (5, 7, 3)
    assert shapes[1] == (20, 20, 3)  # nothing was seen
    with pytest.raises(ValueError, match="must not be empty"):
        projections_figure([])
