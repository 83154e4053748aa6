"""Latency of a served model at 1, 4 and 16 clients.

    python -m benchmarks.serving
    python -m benchmarks.serving --address localhost:8500 --model faster_rcnn

The clients send one JPEG after the other over gRPC, each in a thread of its
own. Without an address, a network with random weights is published and served
by the stand-in of tests/serving, which is Python around the SavedModel and runs
two requests at a time. Its figures are those of the graph and of the messages,
not of TensorFlow Serving, which `--address` measures.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
import tyro

from kcv.classification import LeNet5
from kcv.classification import ResNet50
from kcv.detection import FasterRCNN
from kcv.serving import CenterCrop
from kcv.serving import Client
from kcv.serving import ShortSide
from kcv.serving import publish

STAND_IN = Path(__file__).parents[1] / "tests" / "serving" / "servicer.py"


def main(
    network: Literal["lenet5", "resnet50", "faster_rcnn"] = "resnet50",
    address: str | None = None,
    model: str | None = None,
    clients: tuple[int, ...] = (1, 4, 16),
    height: int = 480,
    width: int = 640,
    rounds: int = 50,
) -> None:
    """Print the median and the 99th percentile of the latency.

    Args:
        network: Network that is published, if there is no address. The
            detector has a ResNet-18 and sees short sides of 300 pixels.
        address: "host:port" of the gRPC port of a running server.
        model: Name of the model that the server serves. Defaults to the name
            of the network.
        clients: Numbers of clients at one time.
        height: Height of the image that is sent, in pixels.
        width: Width of the image that is sent, in pixels.
        rounds: Number of timed requests of each client.
    """
    name = model or network
    with contextlib.ExitStack() as stack:
        if address is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            publish_network(network, Path(folder) / name)
            address = stack.enter_context(serve(Path(folder) / name, name))
        image = make_jpeg(height, width)
        print(f"{name} at {address}, a JPEG of {width} x {height} per request")
        for count in clients:
            times, seconds = ask(address, name, image, count, rounds)
            p50, p99 = np.percentile(times, (50, 99))
            print(
                f"  {count:3d} clients: p50 {p50:.1f} ms, p99 {p99:.1f} ms at "
                f"{len(times) / seconds:.1f} requests per second"
            )


def publish_network(network: str, base: Path) -> None:
    """Publish a network with random weights."""
    keras.utils.set_random_seed(0)
    if network == "faster_rcnn":
        publish(FasterRCNN(20, "resnet18"), base, prepare=ShortSide(300, 500))
    elif network == "resnet50":
        publish(ResNet50(), base, prepare=CenterCrop(256, 224))
    else:
        publish(LeNet5(), base, prepare=CenterCrop(28, 28, channels=1))


def make_jpeg(height: int, width: int) -> bytes:
    """Make a JPEG of smooth colors, as those of a photograph are."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(9 * x + 5 * y), np.cos(7 * y), x * y], -1)
    return tf.io.encode_jpeg(np.uint8(127 + 120 * waves)).numpy()


@contextlib.contextmanager
def serve(base: Path, name: str) -> Iterator[str]:
    """Start the stand-in for a server, and yield its address."""
    with subprocess.Popen(
        [sys.executable, STAND_IN, base, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            words = str(process.stdout.readline()).split()
            if not words:
                raise RuntimeError(
                    "The stand-in has not started. It needs the package "
                    "tensorflow-serving-api"
                )
            yield f"127.0.0.1:{words[0]}"
        finally:
            process.terminate()


def ask(
    address: str, name: str, image: bytes, clients: int, rounds: int
) -> tuple[list[float], float]:
    """Let clients ask at the same time.

    Returns:
        Milliseconds of each request, and the seconds of all together.
    """
    times: list[float] = []
    failures: list[Exception] = []
    together = threading.Barrier(clients + 1)

    def run():
        with Client(address, model=name, timeout=300) as client:
            try:
                client.predict(image_bytes=[image])  # connects
                together.wait()
                for _ in range(rounds):
                    start = time.perf_counter()
                    client.predict(image_bytes=[image])
                    times.append(1e3 * (time.perf_counter() - start))
            except Exception as error:
                failures.append(error)
                together.abort()

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        together.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times, time.perf_counter() - start


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
