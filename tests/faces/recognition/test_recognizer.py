"""The recognizer, with a network that sees the mean color of a face."""

import keras
import numpy as np
import pytest

from kcv.faces import Recognizer
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import FIVE_POINTS_112
from kcv.faces.verification import JointBayesian
from kcv.faces.verification import LogisticDistance

COLORS = {"Ann": (220, 60, 60), "Bob": (60, 220, 60), "Cem": (60, 60, 220)}
NOBODY = (30, 190, 190)
# Landmarks of a face of 64 x 64 pixels at column 20 and row 10.
POINTS = np.array(FACE_CROP.points) + [20, 10]
RNG = np.random.default_rng(0)


def network(gain=1.0, size=8):
    images = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D()(images)
    x = keras.layers.Rescaling(1 / 128, -1)(x)
    x = keras.layers.Dense(3, use_bias=False, name="dense")(x)
    model = keras.Model(images, keras.layers.UnitNormalization()(x))
    model.get_layer("dense").set_weights([gain * np.eye(3)])
    return model


@pytest.fixture(scope="module")
def embedder():
    return network()


def photo(color, size=8):
    noise = RNG.normal(0, 20, (size, size, 3)) + RNG.normal(0, 10, 3)
    return np.clip(np.add(color, noise), 0, 255).astype("uint8")


def scene(*colors):
    """Draw faces beside one another on black, and return their landmarks."""
    image = np.zeros((90, 100 * len(colors), 3), "uint8")
    for i, color in enumerate(colors):
        image[10:74, 100 * i + 20 : 100 * i + 84] = color
    return image, np.stack([POINTS + [100 * i, 0] for i in range(len(colors))])


def enrolled(embedder, **options):
    recognizer = Recognizer(embedder, **options)
    names = [name for name in COLORS for _ in range(3)]
    recognizer.enroll([photo(COLORS[name]) for name in names], names)
    return recognizer


def test_enrolled_people_are_found_and_others_are_nobody(embedder):
    recognizer = enrolled(embedder)
    assert recognizer.gallery.people == ("Ann", "Bob", "Cem")
    for name, color in COLORS.items():
        (face,) = recognizer.find(photo(color, size=12))
        assert face.name == face.nearest == name
        assert face.probability > 0.9
        assert face.landmarks is None
    recognizer.gallery.verifier = LogisticDistance(threshold=0.3)
    (face,) = recognizer.find(photo(NOBODY))
    assert face.name is None
    assert face.probability < 0.5
    recognizer.gallery.remove("Bob")
    assert recognizer.gallery.people == ("Ann", "Cem")
    assert recognizer.find(photo(COLORS["Bob"]))[0].name is None


def test_faces_are_aligned_by_given_landmarks(embedder):
    recognizer = enrolled(embedder)
    image, points = scene(COLORS["Cem"], COLORS["Ann"])
    found = recognizer.find(image, points)
    assert [face.name for face in found] == ["Cem", "Ann"]
    np.testing.assert_array_equal(
        [face.landmarks for face in found], points.astype("float32")
    )
    # The aligned face has the color alone, without the background.
    expected = recognizer.embed([np.full((8, 8, 3), COLORS["Cem"])])
    np.testing.assert_allclose(
        recognizer.embed([image], points[:1]), expected, atol=1e-6
    )


def test_detector_finds_faces_and_the_largest_is_enrolled(embedder):
    image, points = scene(COLORS["Ann"], COLORS["Bob"])
    points[1] = (points[1] - [152, 42]) * 0.5 + [152, 42]
    found = {"points": points}
    recognizer = Recognizer(embedder, detector=lambda image: found["points"])
    recognizer.enroll([image], ["Ann"])
    names = [face.name for face in recognizer.find(image)]
    assert names == ["Ann", None]
    found["points"] = np.zeros((0, 5, 2))
    assert recognizer.find(image) == []
    with pytest.raises(ValueError, match="image 0: The detector finds no face"):
        recognizer.enroll([image], ["Ann"])


class Detector(keras.Model):
    """A model with the outputs of kcv's detectors, which pads to three."""

    def call(self, images):
        landmarks = np.zeros((1, 3, 5, 2), "float32")
        landmarks[0, 0] = POINTS
        return {
            "landmarks": keras.ops.convert_to_tensor(landmarks),
            "num_detections": keras.ops.ones((1,), "int32"),
        }


def test_detector_may_be_a_model(embedder):
    image, _ = scene(COLORS["Bob"])
    recognizer = Recognizer(embedder, detector=Detector())
    recognizer.enroll([image], ["Bob"])
    (face,) = recognizer.find(image)
    assert face.name == "Bob"
    np.testing.assert_allclose(face.landmarks, POINTS, rtol=1e-6)


def test_mirrored_faces_are_appended(embedder):
    recognizer = enrolled(embedder, mirror=True)
    embeddings = recognizer.embed([photo(COLORS["Ann"])])
    assert embeddings.shape == (1, 6)
    np.testing.assert_allclose(np.linalg.norm(embeddings), 1.0, rtol=1e-6)
    np.testing.assert_allclose(embeddings[0, :3], embeddings[0, 3:], rtol=1e-5)


def test_two_images_are_verified_with_a_probability(embedder):
    recognizer = Recognizer(embedder)
    ann, bob = COLORS["Ann"], COLORS["Bob"]
    same = recognizer.verify(photo(ann), photo(ann))
    assert same > 0.99 > 0.01 > recognizer.verify(photo(ann), photo(bob))
    image, points = scene(ann)
    assert recognizer.verify(image, image, [points, points]) == (
        pytest.approx(1 / (1 + np.exp(-12.42)))
    )


def test_threshold_keeps_a_false_accept_rate(embedder):
    recognizer = enrolled(embedder)
    others = recognizer.embed(
        [photo(RNG.uniform(0, 255, 3)) for _ in range(99)]
    )
    recognizer.gallery.set_false_accept_rate(others, 0.1)
    found = recognizer.gallery.recognize(others)
    assert sum(face.name is not None for face in found) == 9


@pytest.mark.parametrize("kind", [LogisticDistance, JointBayesian])
def test_a_saved_gallery_finds_the_same(embedder, tmp_path, kind):
    people = RNG.uniform(0, 255, (20, 3))
    labels = np.repeat(np.arange(20), 4)
    recognizer = enrolled(embedder, verifier=kind())
    x = recognizer.embed([photo(people[label]) for label in labels])
    recognizer.gallery.verifier.fit(x, labels)
    recognizer.gallery.threshold = 0.25
    recognizer.save(tmp_path / "gallery.npz")
    loaded = Recognizer.load(tmp_path / "gallery.npz", embedder)
    assert loaded.gallery.threshold == 0.25
    assert loaded.gallery.recognize(x) == recognizer.gallery.recognize(x)


def test_a_gallery_of_another_model_is_refused(embedder, tmp_path):
    path = tmp_path / "gallery.npz"
    enrolled(embedder).save(path)
    same = network()  # another object with the same weights
    assert Recognizer.load(path, same).gallery.people == ("Ann", "Bob", "Cem")
    with pytest.raises(ValueError, match="gallery.npz: The gallery was"):
        Recognizer.load(path, network(gain=1.001))
    with pytest.raises(ValueError, match="another model"):
        Recognizer.load(path, embedder, mirror=True)
    with pytest.raises(ValueError, match="another model"):
        Recognizer.load(path, embedder, template=FIVE_POINTS_112)
    path.write_bytes(b"no gallery")
    with pytest.raises(ValueError, match="gallery.npz: .* not a Gallery"):
        Recognizer.load(path, embedder)


def write(folder, name, pixels):
    file = folder / name
    file.parent.mkdir(exist_ok=True, parents=True)
    keras.utils.save_img(file, pixels, scale=False)
    return file


def test_folders_are_enrolled_and_clustered(embedder, tmp_path):
    for name, color in COLORS.items():
        for number in range(3):
            write(tmp_path, f"{name}/{number}.png", photo(color))
    recognizer = Recognizer(embedder, verifier=LogisticDistance(0.5))
    assert recognizer.enroll_folder(tmp_path) == []
    assert recognizer.find(photo(COLORS["Bob"]))[0].name == "Bob"
    groups = recognizer.cluster_folder(tmp_path)
    assert list(groups) == [
        f"{name}/{i}.png" for name in COLORS for i in range(3)
    ]
    assert list(groups.values()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_an_image_that_cannot_be_read_is_named_or_skipped(embedder, tmp_path):
    write(tmp_path, "Ann/a.png", photo(COLORS["Ann"]))
    (tmp_path / "Ann" / "b.png").write_bytes(b"no image")
    recognizer = Recognizer(embedder)
    with pytest.raises(ValueError, match="b.png"):
        recognizer.enroll_folder(tmp_path)
    assert not recognizer.gallery.people
    skipped = recognizer.enroll_folder(tmp_path, on_error="skip")
    assert skipped == ["Ann/b.png"]
    assert recognizer.gallery.people == ("Ann",)
    assert recognizer.cluster_folder(tmp_path, on_error="skip") == {
        "Ann/a.png": 0
    }
    with pytest.raises(ValueError, match="`on_error` must be"):
        recognizer.enroll_folder(tmp_path, on_error="ignore")
    with pytest.raises(NotADirectoryError, match="nowhere"):
        recognizer.cluster_folder(tmp_path / "nowhere")


def test_wrong_arguments_are_refused(embedder):
    recognizer = Recognizer(embedder)
    image, points = scene(COLORS["Ann"])
    for call, message in (
        (lambda: recognizer.find(image), "must not be empty"),
        (lambda: recognizer.enroll([image], []), "one name for each image"),
        (lambda: recognizer.enroll([image], [""]), "one name for each image"),
        (lambda: recognizer.enroll([image] * 3, "Ann"), "list .*'Ann' names"),
        (lambda: recognizer.enroll([image], ["A"], []), "`landmarks` must be"),
        (lambda: recognizer.embed([image], points + 50), "image 0: .*inside"),
        (
            lambda: recognizer.embed([image], points[:, :3]),
            r"image 0: `landmarks` must .*\(3, 2\)",
        ),
        (lambda: recognizer.gallery.remove("Ann"), "an enrolled person"),
        (lambda: Recognizer(network(size=None)), "of a fixed size"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_gallery_takes_embeddings_of_its_size_that_are_finite(embedder):
    gallery = enrolled(embedder).gallery
    for wrong, message in (
        ([[np.nan, 0.0, 1.0]], "`embeddings` must be finite"),
        ([[0.0, 1.0]], r"the shape \(images, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            gallery.add(wrong, ["Dan"])
    assert len(gallery.names) == len(gallery.embeddings) == 9
    with pytest.raises(ValueError, match="must have at least one pair"):
        gallery.set_false_accept_rate(np.zeros((0, 3)))


def test_a_threshold_that_accepts_everybody_is_saved(embedder, tmp_path):
    recognizer = enrolled(embedder)
    others = recognizer.embed([photo(NOBODY)])
    recognizer.gallery.set_false_accept_rate(others, far=1.0)
    recognizer.save(tmp_path / "gallery.npz")
    loaded = Recognizer.load(tmp_path / "gallery.npz", embedder)
    (face,) = loaded.gallery.recognize(others)
    assert face.name is not None


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_landmarks_of_a_detector_that_fit_nothing_are_named(embedder, value):
    image, _ = scene(COLORS["Ann"])
    recognizer = Recognizer(
        embedder, detector=lambda image: np.full((1, 5, 2), value)
    )
    with pytest.raises(ValueError, match="image 0: The detector must find"):
        recognizer.embed([image])


def test_no_landmarks_are_no_faces(embedder):
    image, _ = scene(COLORS["Ann"])
    assert enrolled(embedder).find(image, []) == []


def test_embeddings_that_are_not_finite_are_refused():
    recognizer = Recognizer(network(gain=np.nan))
    with pytest.raises(ValueError, match="`embeddings` must be finite"):
        recognizer.enroll([photo(NOBODY)], ["Ann"])
