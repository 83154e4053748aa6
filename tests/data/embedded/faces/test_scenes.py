import numpy as np
import pytest

from kcv.data.embedded.faces.scenes import draw_scene
from kcv.data.embedded.faces.scenes import resize_patch


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene("train", 0, index) for index in range(40)]


def test_scenes_are_as_described(scenes):
    for scene in scenes:
        height, width = scene.image.shape[:2]
        assert 150 <= height <= 240
        assert 180 <= width <= 280
        assert scene.image.dtype == np.uint8
        assert 45 <= scene.quality <= 95
        assert len(scene.boxes) == len(scene.landmarks) <= 4
        assert (scene.boxes[:, :2] >= 0).all()
        assert (scene.boxes[:, 2:] <= [width, height]).all()
        sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
        np.testing.assert_allclose(sides[:, 0], sides[:, 1], rtol=1e-4)
    counts = np.bincount([len(scene.boxes) for scene in scenes], minlength=5)
    assert counts[0] < 12
    assert counts[1:4].min() > 3
    assert 1.3 < np.mean([len(scene.boxes) for scene in scenes]) < 2.4


def test_faces_do_not_cover_each_other(scenes):
    for scene in scenes:
        corner = np.maximum(scene.boxes[:, None, :2], scene.boxes[None, :, :2])
        end = np.minimum(scene.boxes[:, None, 2:], scene.boxes[None, :, 2:])
        meet = (corner < end).all(2)
        np.testing.assert_array_equal(meet, np.eye(len(meet), dtype=bool))


def test_landmarks_lie_in_the_box_of_their_face(scenes):
    inside = []
    for scene in scenes:
        for box, points in zip(scene.boxes, scene.landmarks, strict=True):
            inside.append((points > box[:2]) & (points < box[2:]))
            assert points[0, 0] < points[1, 0]
    assert np.mean(inside) > 0.97


def test_a_scene_is_a_function_of_its_numbers(scenes):
    again = draw_scene("train", 0, 7)
    for one, other in zip(again, scenes[7], strict=True):
        np.testing.assert_array_equal(one, other)
    other = draw_scene("test", 0, 7)
    assert other.image.shape != again.image.shape or (
        (other.image != again.image).any()
    )


def test_real_crops_are_put_on_a_fifth_of_the_places():
    rng = np.random.default_rng(0)
    crops = rng.random((5, 25, 25)).astype("float32")
    drawn = [draw_scene("train", 0, i, (crops, crops)) for i in range(60)]
    landmarks = np.concatenate([scene.landmarks for scene in drawn])
    real = np.isnan(landmarks).all((1, 2))
    assert 0.08 < real.mean() < 0.35


def test_patches_are_sampled_bilinearly():
    image = np.arange(12.0).reshape(1, 3, 4)
    rows, columns = np.array([0.0, 1.5, 9.0]), np.array([-1.0, 0.25, 3.0])
    expected = 4 * np.array([[0], [1.5], [2]]) + [0, 0.25, 3]
    np.testing.assert_allclose(
        resize_patch(image, rows, columns)[0], expected, rtol=1e-6
    )
