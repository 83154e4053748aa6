import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.data.transforms.cut_boxes import cut
from kcv.data.transforms.object_windows import find_objects
from kcv.data.transforms.object_windows import object_windows
from kcv.data.transforms.object_windows import proposal_windows
from kcv.segmentation import DeconvNet
from kcv.segmentation import EDeconvNet
from kcv.segmentation import label_by_windows
from kcv.segmentation.ensemble import CombinedScores
from kcv.segmentation.window_layers import WithContext


def gradient(height, width):
    """A map whose channels are x and y at the centers of pixels."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x, y], -1)[None].astype(np.float32)


def test_a_cut_samples_the_centres_of_its_pixels():
    boxes = tf.constant([[2.0, 3.0, 10.0, 7.0], [0.0, 0.0, 20.0, 12.0]])
    found = cut(gradient(12, 20), boxes, [0, 0], (8, 16))
    for k, (x1, y1, x2, y2) in enumerate(boxes.numpy()):
        x = x1 + (np.arange(16) + 0.5) * (x2 - x1) / 16
        y = y1 + (np.arange(8) + 0.5) * (y2 - y1) / 8
        # Edges are as far as the outermost centers.
        x, y = np.clip(x, 0.5, 19.5), np.clip(y, 0.5, 11.5)
        grid = np.stack(np.meshgrid(x, y), -1)
        np.testing.assert_allclose(found[k], grid, atol=1e-4)


def test_what_lies_outside_has_the_given_value():
    ones = tf.ones((1, 4, 4, 1))
    found = cut(ones, tf.constant([[-4.0, 0, 4, 4]]), [0], (4, 8), outside=7.0)
    np.testing.assert_array_equal(found[0, :, :4], np.full((4, 4, 1), 7.0))
    np.testing.assert_array_equal(found[0, :, 4:], np.ones((4, 4, 1)))


def window_model(scores):
    """A segmenter of 8 x 8 windows that answers the mean colour's scores."""
    windows = keras.Input((8, 8, 3))
    return keras.Model(windows, scores(windows))


def test_windows_are_put_back_where_they_were():
    # The identity: scores are the pixels.
    model = label_by_windows(window_model(lambda x: x), context=1.0)
    images = np.random.default_rng(0).uniform(1, 9, (1, 20, 30, 3))
    boxes = np.float32([[[4, 6, 12, 14], [20, 10, 28, 18], [0, 0, 0, 0]]])
    found = model.predict({"images": images, "proposals": boxes}, verbose=0)
    expected = np.zeros_like(images)
    expected[0, 6:14, 4:12] = images[0, 6:14, 4:12]
    expected[0, 10:18, 20:28] = images[0, 10:18, 20:28]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_pixel_has_its_greatest_score():
    model = label_by_windows(window_model(lambda x: -x), context=1.0)
    images = np.full((1, 16, 16, 3), 5.0)
    boxes = np.float32([[[0, 0, 8, 8], [4, 0, 12, 8]]])
    found = model.predict({"images": images, "proposals": boxes}, verbose=0)
    # Outside of a window its score is zero, which is more than -5.
    assert found.max() == 0
    np.testing.assert_allclose(found[0, :8, 4:8], -5.0, atol=1e-4)
    np.testing.assert_allclose(found[0, :8, :4], 0.0)
    np.testing.assert_allclose(found[0, 8:], 0.0)


def test_certainty_is_what_background_counts_for():
    images = np.zeros((1, 8, 16, 3))
    images[0, :, 8:] = [0.0, 3.0, 0.0]  # the scores of an object, class 1
    boxes = np.float32([[[0, 0, 8, 8], [8, 0, 16, 8], [0, 0, 0, 0]]])
    for certainty, label in ((0.5, 1), (0.95, 0)):
        model = label_by_windows(
            window_model(lambda x: x), context=1.0, certainty=certainty
        )
        found = model.predict({"images": images, "proposals": boxes}, verbose=0)
        probabilities = np.exp(found[0])
        np.testing.assert_allclose(probabilities[..., 0], certainty, atol=1e-5)
        np.testing.assert_allclose(
            probabilities[:, 10:, 1], np.exp(3) / (np.exp(3) + 2), atol=1e-4
        )
        assert (found[0, :, 10:].argmax(-1) == label).all()
        assert (found[0, :, :8].argmax(-1) == 0).all()


def test_by_certainty_a_sure_background_hides_no_object():
    # What a window that sees both halves says: background, and loudly.
    def score(x):
        both = keras.ops.max(x[..., 0], (1, 2)) * keras.ops.max(x[..., 1])
        return x + both[:, None, None, None] * np.float32([20.0, 0.0, 0.0])

    images = np.zeros((1, 8, 16, 3))
    images[0, :, :8] = [1.0, 0.0, 0.0]
    images[0, :, 8:] = [0.0, 5.0, 0.0]
    boxes = np.float32([[[8, 0, 16, 8], [0, 0, 16, 8]]])
    labels = {}
    for certainty in (None, 0.5):
        model = label_by_windows(window_model(score), 1.0, certainty)
        found = model.predict({"images": images, "proposals": boxes}, verbose=0)
        labels[certainty] = found[0, :, 10:].argmax(-1)
    assert (labels[None] == 0).all()
    assert (labels[0.5] == 1).all()


def test_context_is_cut_with_the_box():
    seen = []

    @keras.saving.register_keras_serializable("test")
    class Look(keras.layers.Layer):
        def call(self, x):
            if not isinstance(x, keras.KerasTensor):
                seen.append(x)
            return x

    model = label_by_windows(window_model(lambda x: Look()(x)), context=2.0)
    images = gradient(40, 40)
    images = np.concatenate([images, images[..., :1]], -1)
    model({"images": images, "proposals": np.float32([[[16, 12, 24, 20]]])})
    np.testing.assert_allclose(seen[-1][0, 0, 0, :2], [13.0, 9.0], atol=1e-4)
    np.testing.assert_allclose(seen[-1][0, -1, -1, :2], [27, 23], atol=1e-4)


@pytest.mark.parametrize("certainty", [None, 0.7])
def test_whole_model_is_saved_and_takes_any_size(certainty, tmp_path):
    small = DeconvNet(3, (16, 16, 3), ((1, 4), (1, 8)), units=8)
    model = label_by_windows(small, certainty=certainty)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    rng = np.random.default_rng(1)
    for size in ((30, 41), (17, 12)):
        x = {
            "images": rng.uniform(0, 255, (2, *size, 3)).astype("float32"),
            "proposals": np.float32([[[1, 2, 9, 11]], [[3, 3, 8, 12]]]),
        }
        found = model.predict(x, verbose=0)
        assert found.shape == (2, *size, 3)
        np.testing.assert_allclose(
            again.predict(x, verbose=0), found, atol=1e-5
        )


def test_the_authors_code_starts_the_maximum_from_zero():
    model = label_by_windows(
        window_model(lambda x: x), context=1.0, from_zero=True
    )
    images = np.full((1, 8, 16, 3), -1.0)
    images[0, :, 8:] = 2.0
    boxes = np.float32([[[0, 0, 16, 8]]])
    found = model.predict({"images": images, "proposals": boxes}, verbose=0)
    np.testing.assert_allclose(found[0, :, 0], 0.0)
    np.testing.assert_allclose(found[0, :, -1], 2.0)


def test_the_authors_code_skips_small_windows_and_takes_the_first_others():
    """Grown by 1.2, the first and third have sides of less than 12 pixels."""
    layer = WithContext(1.2, min_side=12, max_windows=2)
    boxes = np.float32(
        [
            [[0, 0, 9, 30], [0, 0, 10, 10], [5, 5, 30, 14], [0, 0, 20, 20]],
            [[0, 0, 0, 0], [0, 0, 9, 9], [10, 0, 20, 20], [0, 0, 5, 5]],
        ]
    )
    expected = [
        [[-1, -1, 11, 11], [-2, -2, 22, 22]],
        [[9, -2, 21, 22], 4 * [0]],
    ]
    np.testing.assert_allclose(layer(boxes), expected, atol=1e-5)
    assert layer.compute_output_shape((None, 4, 4)) == (None, 2, 4)


def test_edeconvnet_by_hand():
    first = np.float32([[[[0.0, np.log(3.0)]]], [[[2.0, -1.0]]]])
    second = np.float32([[[[0.0, 0.0]]], [[[-3.0, 4.0]]]])
    mean = CombinedScores("mean")([first, second])
    np.testing.assert_allclose(np.exp(mean[0, 0, 0]), [0.375, 0.625], rtol=1e-5)
    product = CombinedScores("product")([first, second])
    np.testing.assert_allclose(product[1, 0, 0], [0.0, -4.0])


def test_edeconvnet_is_checked():
    whole = label_by_windows(window_model(lambda x: x))
    images = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="rule='max'"):
        EDeconvNet(whole, keras.Model(images, images), rule="max")
    fcn = keras.Model(images, keras.layers.Conv2D(4, 1)(images))
    with pytest.raises(ValueError, match="classes of `deconvnet`, 3.*: 4"):
        EDeconvNet(whole, fcn)


def test_arguments_of_whole_models_are_checked():
    free = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="windows of one size"):
        label_by_windows(keras.Model(free, free))
    with pytest.raises(ValueError, match="`context` must be at least 1"):
        label_by_windows(window_model(lambda x: x), context=0.5)
    with pytest.raises(ValueError, match="between 0 and 1.*certainty=1.5"):
        label_by_windows(window_model(lambda x: x), certainty=1.5)
    with pytest.raises(ValueError, match="min_side=-1"):
        label_by_windows(window_model(lambda x: x), min_side=-1)
    with pytest.raises(ValueError, match="max_windows=0"):
        label_by_windows(window_model(lambda x: x), max_windows=0)


# === Windows to train on ===


def scene():
    mask = np.zeros((40, 60), np.uint8)
    mask[4:14, 5:25] = 3
    mask[20:36, 30:50] = 1
    mask[20:24, 30:34] = 255
    mask[30:34, 8:10] = 2  # a splinter
    image = np.repeat(mask[..., None], 3, -1)
    return {"images": image, "segmentation_masks": mask, "image_id": "s"}


def dataset(example, **more):
    return tf.data.Dataset.from_tensors({**example, **more}).repeat()


def test_objects_are_connected_regions():
    found = find_objects(scene()["segmentation_masks"])
    boxes = [(box.tolist(), label) for box, label, _ in found]
    assert boxes == [([30, 20, 50, 36], 1), ([5, 4, 25, 14], 3)]


def test_object_windows_know_one_object_alone():
    example = scene()
    example["segmentation_masks"][8:16, 22:32] = 2  # touches the first
    seen = set()
    windows = object_windows(dataset(example), 24, seed=1, count=4)
    for window in windows.take(40):
        mask = window["segmentation_masks"].numpy()
        classes = set(np.unique(mask)) - {0, 255}
        assert len(classes) == 1
        seen |= classes
        # The window has 1.2 times the sides of the object.
        rows, columns = np.nonzero(mask == classes.pop())
        assert 18 <= rows.max() - rows.min() + 1 <= 21
        assert 18 <= columns.max() - columns.min() + 1 <= 21
    assert seen == {1, 2, 3}


def test_windows_go_on_where_they_stopped():
    def ids(start):
        windows = object_windows(
            dataset(scene()), 16, seed=5, start=start, count=2
        )
        return [
            int(w["segmentation_masks"].numpy().sum()) for w in windows.take(12)
        ]

    whole, later = ids(0), ids(3)
    assert later[:6] == whole[6:]


def test_proposal_windows_have_all_classes_and_enough_overlap():
    proposals = np.float32([[28, 18, 50, 38], [0, 0, 60, 40], [5, 4, 27, 16]])
    example = scene()
    windows = proposal_windows(
        dataset(example, proposals=proposals), 24, seed=1, context=1.0
    )
    classes = set()
    for window in windows.take(30):
        mask = window["segmentation_masks"].numpy()
        classes |= {tuple(np.unique(mask))}
    # The whole image overlaps neither object by half.
    assert classes == {(0, 1, 255), (0, 3)}


def test_images_without_objects_are_shown_whole():
    example = scene()
    example["segmentation_masks"] = np.zeros((40, 60), np.uint8)
    example["images"] = np.full((40, 60, 3), 9, np.uint8)
    windows = object_windows(dataset(example), 16, seed=0, context=1.0)
    window = next(iter(windows))
    assert (window["images"].numpy() == 9).all()
    assert not window["segmentation_masks"].numpy().any()
