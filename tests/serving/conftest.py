"""A detector, its exports, and a server, shared by the serving tests."""

import contextlib
import dataclasses
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest

from kcv.serving import Client
from kcv.serving import ShortSide
from kcv.serving import messages
from kcv.serving import publish
from tests.serving.tiny_detector import make_detector

NAME = "detector"
CLASSES = ["one", "two", "dré"]


@pytest.fixture(scope="session")
def detector():
    return make_detector()


@pytest.fixture(scope="session")
def photos():
    """Two smooth images of different shapes."""
    y, x = np.mgrid[0:60, 0:80] / 80
    wide = np.stack([np.sin(9 * x + 5 * y), np.cos(7 * y), x * y], -1)
    wide = np.uint8(127 + 120 * wide)
    return [wide, wide.transpose(1, 0, 2)[::-1, 5:].copy()]


@pytest.fixture(scope="session")
def prepare():
    return ShortSide(96, 120)


@pytest.fixture(scope="session")
def publish_as(detector, prepare, photos, tmp_path_factory):
    """Publish the detector, with variables or frozen, once each."""
    done = {}

    def publish_once(freeze):
        if freeze not in done:
            done[freeze] = publish(
                detector,
                tmp_path_factory.mktemp("models") / NAME,
                prepare=prepare,
                class_names=CLASSES,
                examples=photos,
                freeze=freeze,
            )
        return done[freeze]

    return publish_once


@pytest.fixture(scope="session")
def published(publish_as):
    return publish_as(freeze=False)


@pytest.fixture
def grpc_address():
    """Start servers of this process, each with a function that answers.

    The function is called with the request and gRPC's context, and returns a
    `PredictResponse`.
    """
    with contextlib.ExitStack() as stack:

        def start(answer):
            handler = grpc.unary_unary_rpc_method_handler(
                answer,
                request_deserializer=messages.PredictRequest.FromString,
                response_serializer=messages.PredictResponse.SerializeToString,
            )
            service = grpc.method_handlers_generic_handler(
                "tensorflow.serving.PredictionService", {"Predict": handler}
            )
            pool = stack.enter_context(futures.ThreadPoolExecutor(1))
            server = grpc.server(pool)
            server.add_generic_rpc_handlers([service])
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            stack.callback(lambda: server.stop(None).wait())
            return f"127.0.0.1:{port}"

        yield start


@dataclasses.dataclass
class Server:
    process: subprocess.Popen
    grpc: str
    rest: str
    warmed: int | None

    def is_alive(self):
        return self.process.poll() is None


_TRUE_SERVER = shutil.which("tensorflow_model_server")


@pytest.fixture(
    scope="session",
    params=["stand_in"] + ["tensorflow_model_server"] * bool(_TRUE_SERVER),
)
def server(request, published, tmp_path_factory):
    """Serve what was published, in a process of its own.

    By the stand-in of servicer.py, and where it is on the PATH by TensorFlow
    Serving itself.
    """
    start = {
        "stand_in": _stand_in,
        "tensorflow_model_server": _tensorflow_model_server,
    }[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        yield start(published.parent, folder, stack)


def _stand_in(base, folder, stack):
    if importlib.util.find_spec("tensorflow_serving") is None:
        pytest.skip("the official stubs (tensorflow-serving-api) are absent")
    log = folder / "log"
    program = Path(__file__).with_name("servicer.py")
    process = _start([sys.executable, program, base, NAME], log, stack)
    words = process.stdout.readline().split()
    if not words:
        pytest.fail(f"the server did not start:\n{log.read_text()}")
    grpc_port, rest_port, warmed = map(int, words)
    return _server(process, grpc_port, rest_port, warmed)


def _tensorflow_model_server(base, folder, stack):
    config = folder / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "{NAME}" base_path: "{base}"\n'
        'model_platform: "tensorflow"\n'
        'version_labels { key: "stable" value: 1 } } }\n'
    )
    ports = _free_port(), _free_port()
    process = _start(
        [
            _TRUE_SERVER,
            f"--port={ports[0]}",
            f"--rest_api_port={ports[1]}",
            f"--model_config_file={config}",
            "--allow_version_labels_for_unavailable_models=true",
        ],
        folder / "log",
        stack,
    )
    server = _server(process, *ports, warmed=None)
    with Client(server.grpc, model=NAME) as client:
        for _ in range(120):
            with contextlib.suppress(ConnectionError, RuntimeError):
                if "AVAILABLE" in client.status().values():
                    return server
            time.sleep(0.5)
    pytest.fail(f"the server did not start:\n{(folder / 'log').read_text()}")


def _start(command, log, stack):
    stderr = stack.enter_context(log.open("w"))
    process = stack.enter_context(
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )
    )
    stack.callback(process.terminate)
    return process


def _server(process, grpc_port, rest_port, warmed):
    return Server(
        process,
        f"127.0.0.1:{grpc_port}",
        f"http://127.0.0.1:{rest_port}",
        warmed,
    )


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
