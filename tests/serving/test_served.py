"""What a server answers is what the model predicts, by every way of asking."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kcv.data
from export import native
from kcv.serving import Client
from kcv.serving import RestClient
from kcv.serving import ServingError
from tests.serving.conftest import CLASSES

NAME = "detector"


@pytest.fixture(scope="module")
def files(photos):
    """A gray PNG, a color JPEG, a PNG with alpha, as a user may send."""
    wide, tall = photos
    alpha = np.full((*wide.shape[:2], 1), 99, np.uint8)
    return [
        tf.io.encode_png(wide[..., :1]).numpy(),
        tf.io.encode_jpeg(tall).numpy(),
        tf.io.encode_png(np.concatenate([wide, alpha], -1)).numpy(),
    ]


@pytest.fixture(scope="module")
def requests(files):
    images = np.random.default_rng(1).uniform(0, 255, (2, 72, 88, 3))
    return {
        "serving_bytes": {"image_bytes": files},
        "serving_default": {"images": images.astype(np.float32)},
    }


@pytest.fixture(scope="module")
def expected(detector, prepare, photos, files, requests):
    """Predict each image alone, by the way that training data takes."""
    wide, tall = photos
    pixels = [
        np.repeat(wide[..., :1], 3, -1),
        kcv.data.decode_image(files[1]).numpy(),
        wide,
    ]
    alone = []
    for image in pixels:
        example = {
            "images": image[np.newaxis],
            "bounding_boxes": {"boxes": np.zeros((1, 0, 4), np.float32)},
        }
        resized = kcv.data.resize(
            tf.data.Dataset.from_tensor_slices(example),
            prepare.short_side,
            prepare.long_side,
        )
        scaled = next(iter(resized))["images"].numpy()[np.newaxis]
        alone.append(_named(detector, scaled.astype(np.float32)))
    shapes = np.array([p.shape[:2] for p in pixels], np.int32)
    return {
        "serving_bytes": {
            **{k: np.concatenate([a[k] for a in alone]) for k in alone[0]},
            "image_shape": shapes,
        },
        "serving_default": _named(
            detector, requests["serving_default"]["images"]
        ),
    }


def _named(detector, images):
    """The outputs of the TF Object Detection API, from predict's."""
    found = detector.predict(images, verbose=0)
    height, width = images.shape[1:3]
    x1, y1, x2, y2 = np.moveaxis(found["boxes"], -1, 0)
    return {
        "detection_boxes": np.stack(
            [y1 / height, x1 / width, y2 / height, x2 / width], -1
        ),
        "detection_scores": found["scores"],
        "detection_classes": found["labels"] + 1,
        "num_detections": found["num_detections"],
        # Labels are -1 where padded.
        "class_names": np.array([*CLASSES, ""])[found["labels"]],
    }


def _assert_same(answer, expected):
    assert sorted(answer) == sorted(expected)
    assert (expected["num_detections"] > 3).all()  # else nothing is compared
    for name, value in expected.items():
        if name == "class_names":
            # Bytes, except in JSON.
            names = [
                n.decode() if isinstance(n, bytes) else n
                for n in answer[name].ravel().tolist()
            ]
            assert names == value.ravel().tolist()
            continue
        assert answer[name].dtype == value.dtype, name
        np.testing.assert_allclose(
            answer[name], value, rtol=1e-5, atol=1e-5, err_msg=name
        )


both_signatures = pytest.mark.parametrize(
    "signature", ["serving_bytes", "serving_default"]
)


@pytest.mark.parametrize("freeze", [False, True], ids=["variables", "frozen"])
@both_signatures
def test_native_loader(
    publish_as, program, requests, expected, signature, freeze
):
    inputs = requests[signature]
    answer = native.run(program, publish_as(freeze), signature, inputs)
    _assert_same(answer, expected[signature])


@pytest.mark.parametrize("freeze", [False, True], ids=["variables", "frozen"])
def test_native_loader_refuses_bad_requests(publish_as, program, freeze):
    """A crash would have a negative exit status and no message."""

    def run(signature, **inputs):
        native.run(program, publish_as(freeze), signature, inputs)

    rank_3 = np.zeros((72, 88, 3), np.float32)
    with pytest.raises(native.NativeError, match="status 1: .*INVALID_ARG"):
        run("serving_default", images=rank_3)
    with pytest.raises(native.NativeError, match="holds no image"):
        run("serving_default", images=rank_3[np.newaxis, :0])
    with pytest.raises(native.NativeError, match="Unknown image file format"):
        run("serving_bytes", image_bytes=[b"junk"])
    with pytest.raises(native.NativeError, match="no signature other"):
        run("other", images=rank_3)


_FRESH = """
import io, sys
sys.modules["keras"] = None
import numpy as np
import tensorflow as tf
data = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=True)
out = {}
for folder in sys.argv[1:]:
    loaded = tf.saved_model.load(folder)
    for key in data.files:
        signature, name = key.split("/")
        run = loaded.signatures[signature]
        value = tf.constant(data[key].tolist() if name.endswith("bytes")
                            else data[key])
        for output, tensor in run(**{name: value}).items():
            array = tensor.numpy()
            out[f"{folder}:{signature}:{output}"] = (
                array.astype(bytes) if array.dtype == object else array)
np.savez(sys.stdout.buffer, **out)
"""


def test_fresh_process_without_keras(publish_as, requests, expected):
    folders = [str(publish_as(freeze)) for freeze in (False, True)]
    data = io.BytesIO()
    arrays = {
        f"{signature}/{name}": (
            np.array(value, object) if name == "image_bytes" else value
        )
        for signature, inputs in requests.items()
        for name, value in inputs.items()
    }
    np.savez(data, **arrays)
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, *folders],
        input=data.getvalue(),
        capture_output=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr.decode()
    outputs = np.load(io.BytesIO(done.stdout))
    for folder in folders:
        for signature in requests:
            start = f"{folder}:{signature}:"
            answer = {
                key.removeprefix(start): outputs[key]
                for key in outputs.files
                if key.startswith(start)
            }
            _assert_same(answer, expected[signature])


@both_signatures
@pytest.mark.parametrize("version", [None, 1, "stable"])
def test_grpc(server, requests, expected, signature, version):
    with Client(
        server.grpc, model=NAME, signature=signature, version=version
    ) as client:
        answer = client.predict(**requests[signature])
    _assert_same(answer, expected[signature])


@both_signatures
@pytest.mark.parametrize("version", [None, 1, "stable"])
def test_rest(server, requests, expected, signature, version):
    client = RestClient(
        server.rest, model=NAME, signature=signature, version=version
    )
    _assert_same(client.predict(**requests[signature]), expected[signature])


def test_status(server):
    with Client(server.grpc, model=NAME) as client:
        assert client.status() == {1: "AVAILABLE"}
    assert RestClient(server.rest, model=NAME).status() == {1: "AVAILABLE"}


def test_warmup_records_are_the_official_message(server):
    """The server replays them; the stand-in says how many."""
    assert server.warmed in (4, None)


def _animated_webp():
    """One frame in an animation: two chunks that say so."""

    def chunk(name, content):
        padding = b"\0" * (len(content) % 2)
        return name + len(content).to_bytes(4, "little") + content + padding

    body = chunk(b"VP8X", bytes([2]) + bytes(9)) + chunk(b"ANIM", bytes(6))
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


_BAD = {
    "unknown signature": ("other", "images", np.zeros((1, 9, 9, 3), "f4")),
    "unknown input": ("serving_bytes", "images", np.zeros((1, 9, 9, 3), "f4")),
    "rank 3": ("serving_default", "images", np.zeros((9, 9, 3), "f4")),
    "rank 5": ("serving_default", "images", np.zeros((1, 1, 9, 9, 3), "f4")),
    "four channels": (
        "serving_default",
        "images",
        np.zeros((1, 9, 9, 4), "f4"),
    ),
    "no image": ("serving_default", "images", np.zeros((0, 9, 9, 3), "f4")),
    "no pixels": ("serving_default", "images", np.zeros((1, 0, 9, 3), "f4")),
    "rank 2 of bytes": ("serving_bytes", "image_bytes", [[b"", b""]]),
    "no bytes": ("serving_bytes", "image_bytes", [b""]),
    "not an image": ("serving_bytes", "image_bytes", [b"not an image"]),
    "animated WebP": ("serving_bytes", "image_bytes", [_animated_webp()]),
}


@pytest.mark.parametrize("case", _BAD)
def test_bad_request_gets_an_error(server, files, case):
    signature, name, value = _BAD[case]
    _assert_refused_and_alive(server, files, signature, {name: value})


def test_truncated_jpeg_gets_an_error(server, files):
    broken = [files[1], files[1][:-400]]
    _assert_refused_and_alive(
        server, files, "serving_bytes", {"image_bytes": broken}
    )


def _assert_refused_and_alive(server, files, signature, inputs):
    for client in (
        Client(server.grpc, model=NAME, signature=signature),
        RestClient(server.rest, model=NAME, signature=signature),
    ):
        with pytest.raises(ServingError) as caught:
            client.predict(**inputs)
        assert caught.value.code in ("INVALID_ARGUMENT", "HTTP 400")
        assert NAME in str(caught.value)
        assert signature in str(caught.value)
    assert server.is_alive()
    with Client(server.grpc, model=NAME) as client:
        answer = client.predict(image_bytes=files[:1])
        assert len(answer["detection_boxes"]) == 1


@pytest.mark.parametrize(
    ("model", "version"), [("other", None), (NAME, 7), (NAME, "unknown")]
)
def test_unknown_model_or_version(server, files, model, version):
    with (
        Client(server.grpc, model=model, version=version) as client,
        pytest.raises(ServingError) as caught,
    ):
        client.predict(image_bytes=files[:1])
    # The true server answers FAILED_PRECONDITION for a label it has not.
    assert caught.value.code in ("NOT_FOUND", "FAILED_PRECONDITION")
    assert server.is_alive()
