"""Detections drawn by NumPy, pixel by pixel."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.visualize import draw_detections
from kcv.visualize import write_image
from kcv.visualize.letters import render_text

BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


def image(height=60, width=80):
    return np.full((height, width, 3), 7, np.uint8)


def found(*boxes, labels=None, scores=None):
    count = len(boxes)
    return {
        "boxes": np.reshape(boxes, (count, 4)).astype(float),
        "labels": np.zeros(count, int) if labels is None else labels,
        "scores": np.full(count, 0.9) if scores is None else scores,
    }


def test_a_frame_is_the_rim_of_a_half_open_box():
    drawn = draw_detections(image(), found((20, 30, 40, 50)))
    is_blue = (drawn == BLUE).all(-1)
    rim = np.zeros((60, 80), bool)
    rim[30:50, 20:40] = True
    rim[31:49, 21:39] = False
    text = np.zeros((60, 80), bool)
    text[:30] = True  # The text stands above.
    np.testing.assert_array_equal(is_blue & ~text, rim)
    assert is_blue[13:30, 20:40].any()
    np.testing.assert_array_equal(drawn[32:48, 22:38], 7)


def test_zoom_scales_image_and_box():
    drawn = draw_detections(image(), found((20, 30, 40, 50)), zoom=3)
    assert drawn.shape == (180, 240, 3)
    assert (drawn[149, 60:120] == BLUE).all()
    assert not (drawn[150, 60:120] == BLUE).any()


def test_the_best_is_on_top_and_the_low_are_left_out():
    boxes = ((0, 20, 20, 40),) * 3
    answer = found(
        *boxes, labels=np.array([1, 0, 2]), scores=np.array([0.9, 0.6, 0.4])
    )
    drawn = draw_detections(image(), answer)
    assert (drawn[39, :20] == ORANGE).all()
    assert not (drawn == (44, 160, 44)).all(-1).any()


def test_an_answer_of_predict_and_its_padding():
    answer = {key: value[None] for key, value in found((2, 2, 9, 9)).items()}
    one = draw_detections(image(), answer)
    padded = found((2, 2, 9, 9), (0, 0, 0, 0), labels=np.array([0, -1]))
    np.testing.assert_array_equal(one, draw_detections(image(), padded))


@pytest.mark.parametrize(
    "box", [(-30, -30, 200, 200), (75, 55, 300, 90), (0, 0, 3, 3)]
)
@pytest.mark.parametrize("size", [(60, 80), (4, 5)])
def test_boxes_and_texts_beyond_the_image_are_cut(box, size):
    names = ["a name that is longer than the image is wide"]
    drawn = draw_detections(image(*size), found(box), names)
    assert drawn.shape == (*size, 3)
    assert drawn.dtype == np.uint8


def test_no_detection_leaves_the_image():
    nothing = {"boxes": [], "labels": [], "scores": []}
    np.testing.assert_array_equal(draw_detections(image(), nothing), image())


def test_answers_about_several_images_are_refused():
    answer = {
        key: np.repeat(value[None], 2, 0)
        for key, value in found((2, 2, 9, 9)).items()
    }
    with pytest.raises(ValueError, match="must be about one image"):
        draw_detections(image(), answer)
    with pytest.raises(ValueError, match="without scores"):
        draw_detections(image(), {"boxes": [], "labels": []})


def test_letters_have_ink_and_unknown_ones_are_question_marks():
    assert not render_text(" ").any()
    assert render_text("").shape[1] == 0
    one, other = render_text("1"), render_text("7")
    assert one.max() == 1
    assert (one != other).any()
    np.testing.assert_array_equal(render_text("\u4e00"), render_text("?"))
    assert (render_text("\xe9") != render_text("e")).any()


def test_an_image_is_written_without_loss(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    path = write_image(tmp_path / "image.png", pixels)
    read = tf.io.decode_png(path.read_bytes()).numpy()
    np.testing.assert_array_equal(read, pixels)
    with pytest.raises(ValueError, match="must end in .png"):
        write_image(tmp_path / "image.jpg", pixels)
