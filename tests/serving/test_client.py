"""The client alone: what it imports, and what it says without a server.

Its conversations with a server are in test_served.py.
"""

import socket
import subprocess
import sys

import pytest

from kcv.extras import describe_installation
from kcv.serving import Client
from kcv.serving import RestClient
from kcv.serving import messages


def test_clients_import_no_tensorflow_nor_keras():
    code = (
        "import sys\n"
        "from kcv.serving import Client, RestClient, ServingError\n"
        "Client('localhost:1', model='m').close()\n"
        "print([m for m in ('tensorflow', 'keras', 'kcv.data')\n"
        "       if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_rest_client_needs_numpy_alone():
    code = (
        "import sys\n"
        "sys.modules['grpc'] = sys.modules['google.protobuf'] = None\n"
        "from kcv.serving import RestClient\n"
        "RestClient(model='m')\n"
        "try:\n"
        "    from kcv.serving import Client\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert describe_installation("serving") in done.stdout, done.stderr


@pytest.fixture
def nowhere():
    """A port that is bound, so nobody else takes it, but does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def silent():
    """A port that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_nobody_there(nowhere):
    with (
        Client(nowhere, model="m") as client,
        pytest.raises(ConnectionError, match=nowhere),
    ):
        client.predict(image_bytes=[b""])
    with pytest.raises(ConnectionError, match=nowhere):
        RestClient(f"http://{nowhere}", model="m").status()


def test_no_answer_in_time(silent):
    with (
        Client(silent, model="m", timeout=0.2) as client,
        pytest.raises(TimeoutError, match=r"timeout=0\.2 seconds"),
    ):
        client.status()
    client = RestClient(f"http://{silent}", model="m", timeout=0.2)
    with pytest.raises(TimeoutError, match=r"timeout=0\.2 seconds"):
        client.status()


def test_answers_of_more_than_four_megabytes(grpc_address):
    """gRPC's own limit for a client; a float image of 600x800 is 5.8 MB."""

    def predict(request, context):
        response = messages.PredictResponse()
        tensor = response.outputs["images"]
        tensor.dtype = 4  # uint8
        tensor.tensor_shape.dim.add(size=6 * 2**20)
        tensor.tensor_content = bytes(6 * 2**20)
        return response

    with Client(grpc_address(predict), model="m") as client:
        answer = client.predict(image_bytes=[b""])
    assert answer["images"].nbytes == 6 * 2**20


@pytest.mark.parametrize("kind", [Client, RestClient])
def test_one_image_is_no_batch(kind):
    with pytest.raises(TypeError, match=r"image_bytes=\[\.\.\.\]"):
        kind(model="m").predict(image_bytes=b"jpeg")


@pytest.mark.parametrize("kind", [Client, RestClient])
@pytest.mark.parametrize("version", [0, -1, 1.0, True, ""])
def test_versions_that_are_none(kind, version):
    with pytest.raises(ValueError, match="version="):
        kind(model="m", version=version)


def test_rest_address_needs_a_scheme():
    with pytest.raises(ValueError, match="address='localhost:8501'"):
        RestClient("localhost:8501", model="m")
