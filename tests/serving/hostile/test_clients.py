"""Clients of a server that answers wrongly, slowly, or with something else."""

import contextlib
import json
import socket
import threading
import time

import grpc
import numpy as np
import pytest

from kcv.serving import Client
from kcv.serving import RestClient
from kcv.serving import ServingError
from kcv.serving import messages


@contextlib.contextmanager
def scripted(*parts, wait=0.0):
    """Answer every connection with bytes, and keep what was asked."""
    asked = []
    closing = threading.Event()

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            asked.append(read_request(connection))
            for part in parts:
                connection.sendall(part)
                if closing.wait(wait):
                    return

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(
                    target=answer, args=listening.accept()[:1], daemon=True
                ).start()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        closing.set()
        listening.shutdown(socket.SHUT_RDWR)


def read_request(connection):
    head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    fields = head.decode().lower().split("content-length: ")
    length = int(fields[1].split()[0]) if fields[1:] else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def page(body, status="200 OK", *headers, length=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = len(body) if length is None else length
    lines = [f"HTTP/1.0 {status}", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def predict(*parts, **options):
    with scripted(*parts, **options) as (address, _):
        return RestClient(address, model="m").predict(image_bytes=[b"a"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("detector#", "detector%23"),
        ("detector/versions/1", "detector%2Fversions%2F1"),
        ("a b", "a%20b"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("a?b", "a%3Fb"),
        ("a\r\nX: y", "a%0D%0AX%3A%20y"),
        ("a%2Fb", "a%252Fb"),
    ],
)
def test_names_are_quoted(name, path):
    with scripted(page({"outputs": [1]})) as (address, asked):
        RestClient(address, model=name).predict(x=[1])
        RestClient(address, model="m", version=name).predict(x=[1])
    first, second = (request.splitlines()[0].decode() for request in asked)
    assert first == f"POST /v1/models/{path}:predict HTTP/1.1"
    assert second == f"POST /v1/models/m/labels/{path}:predict HTTP/1.1"


@pytest.mark.parametrize("kind", [Client, RestClient])
@pytest.mark.parametrize("name", ["", None, 7, b"m", "\ud800"])
def test_names_that_are_none_are_refused(kind, name):
    with pytest.raises(ValueError, match="`model` must be a name"):
        kind(model=name)
    with pytest.raises(ValueError, match="`signature` must be a name"):
        kind(model="m", signature=name)


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http:///path",
        "ftp://host",
        "http://host:port",
        "http://a b",
        "http://a\nb",
        "http://me@host",
        "http://host/?a",
    ],
)
def test_addresses_that_are_none_are_refused(address):
    with pytest.raises(ValueError, match="`address` must start with http"):
        RestClient(address, model="m")


@pytest.mark.parametrize("kind", [Client, RestClient])
def test_times_and_versions(kind):
    for wrong in (float("nan"), float("inf"), "1", None, True):
        with pytest.raises(ValueError, match="`timeout` must be a number"):
            kind(model="m", timeout=wrong)
    with pytest.raises(ValueError, match="`version` must be a positive int"):
        kind(model="m", version=2**70)


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_is_no_missing_server(timeout):
    with scripted(b"", wait=5) as (address, _):
        with pytest.raises(TimeoutError, match="seconds"):
            RestClient(address, model="m", timeout=timeout).status()
        place = address.removeprefix("http://")
        with (
            Client(place, model="m", timeout=timeout) as client,
            pytest.raises(TimeoutError, match="seconds"),
        ):
            client.status()


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirections_are_not_followed(code):
    with scripted(page({"outputs": [1.0]})) as (elsewhere, asked):
        answer = page(b"", f"{code} Moved", f"Location: {elsewhere}/v1")
        with pytest.raises(ServingError, match=f"HTTP {code}"):
            predict(answer)
        assert not asked


@pytest.mark.parametrize(
    ("parts", "wait"),
    [
        ([page(b"", length=40), *40 * [b" "]], 0.05),  # a body in drops
        ([b"HTTP/1.0 200 OK\r\n", *40 * [b"X: y\r\n"]], 0.05),  # headers
        ([page(b"", "500 Error", length=40), *40 * [b" "]], 0.05),
        ([], 5),
    ],
)
def test_one_deadline_for_a_call(parts, wait):
    begin = time.monotonic()
    with scripted(*parts, b"", wait=wait) as (address, _):
        client = RestClient(address, model="m", timeout=0.3)
        with pytest.raises((TimeoutError, ServingError)) as caught:
            client.predict(image_bytes=[b"a"])
    assert time.monotonic() - begin < 1.5
    # A refusal of which the page is late is still a refusal.
    is_page = parts[:1] == [page(b"", "500 Error", length=40)]
    assert caught.type is (ServingError if is_page else TimeoutError)


_NO_ANSWERS = {
    "web page": page(b"<html>hello</html>"),
    "nothing": page(b""),
    "cut": page(b'{"outputs": [1', length=14),
    "cut body": page(b'{"outputs": [1]}', length=99),
    "no outputs": page({"predictions": [1]}),
    "error in a good page": page({"error": "no"}),
    "list": page([1, 2]),
    "null": page(b"null"),
    "null outputs": page({"outputs": None}),
    "empty outputs": page({"outputs": {}}),
    "null in an output": page({"outputs": {"a": [None, 1]}}),
    "ragged": page({"outputs": {"a": [[1, 2], [3]]}}),
    "texts and numbers": page({"outputs": {"a": ["1", 2]}}),
    "dict": page({"outputs": {"a": {"x": 1}}}),
    "bad base64": page({"outputs": {"a": [{"b64": "?"}]}}),
    "deep": page(b'{"outputs": ' + b"[" * 100_000),
    "not UTF-8": page(b'{"outputs": "\xff"}'),
    "huge number": page(b'{"outputs": [' + b"9" * 30 + b"]}"),
    "unsigned number": page({"outputs": [2**64 - 1, 0]}),
    "closed": b"",
    "not HTTP": b"hello\r\n\r\n",
    "long header": b"HTTP/1.0 200 OK\r\nX: " + b"x" * 70_000,
    "status": b"HTTP/1.0 abc\r\n\r\n",
}


@pytest.mark.parametrize("case", _NO_ANSWERS)
def test_what_is_no_answer_is_a_serving_error(case):
    with pytest.raises(ServingError, match="model 'm'") as caught:
        predict(_NO_ANSWERS[case])
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    "body",
    [{}, {"model_version_status": 1}, {"model_version_status": [{}]}, []],
)
def test_statuses_that_are_none(body):
    with (
        scripted(page(body)) as (address, _),
        pytest.raises(ServingError, match="no answer"),
    ):
        RestClient(address, model="m").status()


def test_texts_of_errors_are_bounded():
    with pytest.raises(ServingError, match="HTTP 500") as caught:
        predict(page(b"x" * 800_000, "500 Error"))
    assert len(str(caught.value)) < 1500
    assert len(caught.value.details) < 1500
    error = ServingError("NOT_FOUND", None, "m" * 10_000, "s" * 10_000)
    assert len(str(error)) < 4000


def test_numbers_that_do_not_fit_keep_their_value():
    answer = predict(
        page(
            {
                "outputs": {
                    "long": [3_000_000_000, -1],
                    "short": [7, -1],
                    "double": [1e300, 0.5],
                    "single": [0.1, 2.0],
                    "flags": [True, False],
                    "texts": [["cat", "dog"]],
                    "bytes": [{"b64": "AAA="}],
                    "none": [],
                }
            }
        )
    )
    assert answer["long"].tolist() == [3_000_000_000, -1]
    assert answer["double"].tolist() == [1e300, 0.5]
    assert answer["short"].dtype == np.int32
    assert answer["single"].dtype == answer["none"].dtype == np.float32
    assert answer["flags"].dtype == bool
    assert answer["texts"].tolist() == [["cat", "dog"]]
    assert answer["bytes"].tolist() == [b"\0\0"]


@pytest.mark.parametrize("kind", [Client, RestClient])
def test_what_is_no_tensor_is_refused_before_it_is_sent(kind):
    client = kind(model="m")
    wrong = [["text"], [b"a", "b"], np.array([b"a\0"]), [1j], [None], [[1], []]]
    for value in wrong:
        with pytest.raises(TypeError, match="numbers or byte strings"):
            client.predict(image_bytes=value)
    for value in (b"a", bytearray(b"a"), memoryview(b"a"), "a"):
        with pytest.raises(TypeError, match="takes a batch"):
            client.predict(image_bytes=value)


def test_bytes_of_any_type_are_bytes():
    with scripted(page({"outputs": [1]})) as (address, asked):
        client = RestClient(address, model="m")
        client.predict(image_bytes=[bytearray(b"a\0"), memoryview(b"b")])
        client.predict(x=[np.float32(0.5), 2])
    bodies = [json.loads(part.split(b"\r\n\r\n")[1]) for part in asked]
    assert bodies[0]["inputs"]["image_bytes"] == [
        {"b64": "YQA="},
        {"b64": "Yg=="},
    ]
    assert bodies[1]["inputs"]["x"] == [0.5, 2.0]


def _lies():
    tensors = [messages.TensorProto(dtype=1) for _ in range(5)]
    tensors[0].tensor_shape.dim.add(size=2**40)  # zeros, without a value
    tensors[1].tensor_shape.dim.add(size=-1)
    tensors[2].tensor_shape.dim.add(size=3)
    tensors[2].tensor_content = bytes(7)
    tensors[3].float_val.extend([1, 2, 3])
    tensors[3].tensor_shape.dim.add(size=2)
    tensors[4].dtype = 20
    # A product of 2^64, which is 0 in integers of 64 bits.
    tensor = messages.TensorProto(dtype=7)
    for _ in range(4):
        tensor.tensor_shape.dim.add(size=2**16)
    return [*tensors, tensor]


def test_tensors_that_lie_over_grpc(grpc_address):
    lies = iter(_lies())

    def answer(request, context):
        response = messages.PredictResponse()
        try:
            response.outputs["x"].CopyFrom(next(lies))
        except StopIteration:
            context.abort(grpc.StatusCode.INTERNAL, "x" * 5000)
        return response

    with Client(grpc_address(answer), model="m") as client:
        for _ in range(len(_lies()) + 1):
            with pytest.raises(ServingError) as caught:
                client.predict(image_bytes=[b""])
    assert caught.value.code == "INTERNAL"
    assert 1000 < len(str(caught.value)) < 1500
