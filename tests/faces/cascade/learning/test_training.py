import keras
import numpy as np
import pytest

from kcv.faces import cascade
from kcv.faces.cascade.learning.mining import choose_threshold
from kcv.faces.cascade.learning.mining import find_survivors
from kcv.faces.cascade.learning.mining import score_faces
from kcv.faces.cascade.learning.samples import best_iou
from kcv.faces.cascade.learning.training import _begin_as
from kcv.faces.cascade.learning.training import _mine

RNG = np.random.default_rng(0)


def network(size, outputs):
    """A linear classifier of windows."""
    images = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(outputs, kernel_initializer="zeros")(x)
    return keras.Model(images, keras.layers.Softmax()(x))


def pictures(count):
    """Dark images with one bright square each, the face."""
    images, boxes = [], []
    for _ in range(count):
        image = RNG.integers(0, 70, (64, 72, 3), "uint8")
        side = int(RNG.integers(24, 33))
        x, y = RNG.integers(0, 30, 2)
        image[y : y + side, x : x + side] += 150
        images.append(image)
        boxes.append(np.float32([[x, y, x + side, y + side]]))
    return cascade.FaceImages(images, boxes)


TRAINING = cascade.CascadeTraining(
    positives=4,
    random_negatives=20,
    steps=((100, 10), (40, 10)),
    recalls=(0.9, 0.9),
    batch_sizes=(32, 32),
    learning_rate=0.02,
)
SCAN = cascade.WindowScan(24, step=1.2, stride=2)


@pytest.fixture(scope="module")
def trained():
    stages = [
        cascade.Stage(network(12, 2), network(12, 45)),
        cascade.Stage(network(24, 2), network(24, 45)),
    ]
    figures = []
    model = cascade.train_cascade(
        stages,
        pictures(30),
        pictures(20),
        scan=SCAN,
        training=TRAINING,
        on_stage=lambda model, told: figures.append((model, told)),
    )
    return model, figures


def test_stages_learn_one_after_the_other(trained):
    model, figures = trained
    assert [len(stages.stages) for stages, _ in figures] == [1, 2]
    for number, (_, told) in enumerate(figures):
        assert told["accuracy"] > 0.8
        assert told["positives"] >= 120
        assert told["negatives"] > 0
        selection = model.stages[number].selection
        assert selection.threshold == told["threshold"]
        assert 0 < told["threshold"] <= 1
        assert told["held_out_recall"] >= 0.7


def test_the_faces_are_found(trained):
    model, _ = trained
    images = pictures(10)
    found = 0
    for image, boxes in zip(*images, strict=True):
        answer = model(image[None].astype("float32"))
        windows = [answer["boxes"][0].numpy()]
        best = score_faces(
            cascade.FaceImages([image], [boxes]),
            windows,
            [answer["scores"][0].numpy()],
            iou=0.4,
        )
        found += int(best[0] > 0)
    assert found >= 7


def test_survivors_reach_the_threshold(trained):
    model, _ = trained
    images = pictures(3)
    for one in find_survivors(model.cascade, images, 0):
        assert (one.scores >= model.stages[0].selection.threshold).all()
    first, second = (
        sum(len(x.boxes) for x in find_survivors(model.cascade, images, number))
        for number in (0, 1)
    )
    assert second <= first


def test_few_negatives_are_joined_by_rejected_ones(trained):
    model, _ = trained
    everything = cascade.WindowSelection(0.0, iou=0.9)
    first, second = model.stages
    stages = [
        first._replace(selection=everything),
        second,
        cascade.Stage(network(24, 2)),
    ]
    layer = cascade.FaceCascade(stages, scan=SCAN).cascade
    images, counts = pictures(6), []
    for count in (0, 5, 10**6):
        training = cascade.CascadeTraining(min_negatives=count)
        hard, shown = _mine(layer, 2, images, training, RNG)
        counts.append(sum(map(len, hard)))
        for windows, boxes in zip(hard, images.boxes, strict=True):
            assert (best_iou(windows, boxes) < training.negative_iou).all()
        for windows, boxes in zip(shown, images.boxes, strict=True):
            assert (best_iou(windows, boxes) > 0.5).all()
    passing = sum(
        int((best_iou(one.boxes, boxes) < 0.3).sum())
        for one, boxes in zip(
            find_survivors(layer, images, 2), images.boxes, strict=True
        )
    )
    assert counts[0] == passing
    assert counts[1] == max(passing, 5)
    assert counts[2] > counts[1]


def test_branches_begin_as_the_smaller_network():
    small, large = cascade.Net12(13), cascade.Net24()
    _begin_as(small, large)
    for name in ("conv1", "fc2"):
        for one, other in zip(
            small.get_layer(name).get_weights(),
            large.get_layer(f"sub12_{name}").get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_best_scores_of_faces():
    faces = np.float32([[0, 0, 10, 10], [20, 20, 30, 30]])
    images = cascade.FaceImages([None, None], [faces, faces[:1]])
    windows = [
        np.float32([[0, 0, 10, 9], [0, 0, 10, 8], [0, 0, 90, 90]]),
        np.zeros((0, 4), "float32"),
    ]
    scores = [np.float32([0.3, 0.6, 0.9]), np.zeros(0, "float32")]
    found = score_faces(images, windows, scores)
    np.testing.assert_allclose(found, [0.6, -1, -1], rtol=1e-6)


def test_thresholds_keep_a_share_of_the_faces():
    scores = RNG.random(1000)
    threshold = choose_threshold(np.append(scores, [-1.0, -1.0]), 0.97)
    assert (scores >= threshold).sum() == 970
    assert choose_threshold(np.array([-1.0]), 0.99) == 0
    assert choose_threshold(scores, 1.0) == scores.min()


def test_wrong_arguments_are_refused():
    stages = [cascade.Stage(network(12, 2))]
    images = pictures(1)
    with pytest.raises(ValueError, match="`training.steps` must have"):
        cascade.train_cascade(stages, images, images)
    one = cascade.CascadeTraining(
        steps=((1, 1),), recalls=(0.9,), batch_sizes=(8,)
    )
    nobody = cascade.FaceImages(images.images, [np.zeros((0, 4))])
    with pytest.raises(ValueError, match="`held_out` must have a face"):
        cascade.train_cascade(stages, images, nobody, training=one)
    for argument, value in {
        "positives": 0,
        "batch_sizes": (0,),
        "negative_iou": 2.0,
        "recalls": (1.5,),
        "steps": ((0, 1),),
        "learning_rate": 0.0,
        "min_negatives": -1,
    }.items():
        with pytest.raises(ValueError, match=f"`{argument}` must be"):
            cascade.CascadeTraining(**{argument: value})
