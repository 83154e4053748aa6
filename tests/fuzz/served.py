"""Requests of all kinds against a served graph.

    python -m tests.fuzz.served --requests 10000

publishes the small detector of the serving tests and sends the same requests to
the C++ native loader and over gRPC to the stand-in of tests/serving, which is
Python around the SavedModel and not TensorFlow Serving. `--address` takes a
server that serves this export by the name "fuzzed", such as a
tensorflow_model_server. The run ends with an error at the first crash, at an
answer to a bad request, at a refusal of a good one, at a different answer to
the same request, and if the memory of the process keeps growing.
"""

import contextlib
import dataclasses
import io
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NAME = "fuzzed"
MAX_BATCH, MAX_PIXELS = 4, 20_000
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
_GROWTH = 400  # MB after the first half of the requests


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, and whether it must be answered.

    Args:
        kind: Name of what was done to it.
        signature: Signature that is called.
        inputs: Input name to value.
        is_good: True or False, or None where either will do.
    """

    kind: str
    signature: str
    inputs: dict[str, Any]
    is_good: bool | None


def make_requests(seed: int, count: int) -> Iterator[Request]:
    """Yield good, bad and damaged requests in a fixed order."""
    random = np.random.default_rng(seed)
    kinds = (_floats, _wrong_floats, _files, _wrong_files, _damaged_files)
    for number in range(count):
        yield kinds[number % len(kinds)](random)


def _pixels(random, limit=64):
    height, width = random.integers(1, limit, 2)
    return random.integers(0, 256, (height, width, 3), np.uint8)


def _encode(pixels, kind):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def _file(random):
    return _encode(_pixels(random), random.choice(_FORMATS))


def _floats(random):
    batch = [_pixels(random)] * int(random.integers(1, MAX_BATCH + 1))
    images = np.stack(batch).astype(np.float32)
    return Request("floats", "serving_default", {"images": images}, True)


def _wrong_floats(random):
    images = _floats(random).inputs["images"]
    wrong = {
        "NaN": lambda: _put(images, random, np.nan),
        "infinity": lambda: _put(images, random, np.inf),
        "negative": lambda: _put(images, random, -random.uniform(0.02, 1e9)),
        "too bright": lambda: _put(images, random, random.uniform(255.02, 1e9)),
        "all NaN": lambda: np.full_like(images, np.nan),
        "rank 3": lambda: images[0],
        "rank 5": lambda: images[None],
        "rank 1": lambda: images.reshape(-1),
        "rank 0": lambda: images[0, 0, 0, 0],
        "channels": lambda: np.concatenate([images, images], -1),
        "no image": lambda: images[:0],
        "no rows": lambda: images[:, :0],
        "no columns": lambda: images[:, :, :0],
        "no channels": lambda: images[..., :0],
        "batch": lambda: np.repeat(images[:1], MAX_BATCH + 1, 0),
        "large batch": lambda: np.zeros((3000, 1, 1, 3), np.float32),
        "pixels": lambda: np.zeros((1, 100, 201, 3), np.float32),
        "one row": lambda: np.zeros((1, 1, MAX_PIXELS + 1, 3), np.float32),
        "strings": lambda: [b"image"],
        "other name": lambda: images,
    }
    kind = str(random.choice(list(wrong)))
    name = "pixels" if kind == "other name" else "images"
    inputs = {name: np.array(wrong[kind](), copy=True)}
    if kind == "strings":
        inputs = {name: [b"image"]}
    return Request(f"floats: {kind}", "serving_default", inputs, False)


def _put(images, random, value):
    images.reshape(-1)[random.integers(images.size)] = value
    return images


def _files(random):
    files = [_file(random) for _ in range(random.integers(1, MAX_BATCH + 1))]
    return Request("files", "serving_bytes", {"image_bytes": files}, True)


def _wrong_files(random):
    content = _file(random)
    long_png = _encode(np.zeros((1, MAX_PIXELS + 1, 3), np.uint8), "PNG")
    jpeg = bytearray(_encode(_pixels(random), "JPEG"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = random.integers(150, 2**16, 2, np.uint16).tobytes(
        "C"
    )
    wrong = {
        "nothing": b"",
        "junk": random.bytes(random.integers(1, 300)),
        "text": b"<html>not found</html>",
        "header alone": content[: random.integers(1, 12)],
        "declares 4 billion": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
        + 8 * b"\x7f"
        + bytes(40),
        "wide": long_png,
        "animated": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(15),
        "run-length BMP": b"BM" + bytes(26) + b"\x08\0\x01" + bytes(60),
        "mode of 1 bit": _encode(np.zeros((4, 4), bool), "BMP"),
    }
    kind = str(random.choice([*wrong, "batch", "rank 2", "no file"]))
    files: list = [content, wrong.get(kind, b"")]
    if kind == "batch":
        files = [content] * int(random.integers(MAX_BATCH + 1, 2000))
    elif kind == "no file":
        files = []
    elif kind == "rank 2":
        files = [[content]]
    return Request(
        f"files: {kind}", "serving_bytes", {"image_bytes": files}, False
    )


def _damaged_files(random):
    """Flip, cut, repeat or insert bytes: some of it may still be an image."""
    content = bytearray(_file(random))
    for _ in range(random.integers(1, 8)):
        place = int(random.integers(len(content)))
        what = random.integers(4)
        if what == 0:
            content[place] ^= 1 << int(random.integers(8))
        elif what == 1:
            content[place] = int(random.integers(256))
        elif what == 2:
            content[place:place] = random.bytes(random.integers(1, 9))
        elif len(content) > 20:
            del content[place : place + int(random.integers(1, 20))]
    files = {"image_bytes": [bytes(content)]}
    return Request("files: damaged", "serving_bytes", files, None)


class FuzzError(AssertionError):
    """Report a request that was not treated as it should be."""


def send_all(
    run: Callable[[str, dict], dict[str, np.ndarray]],
    refusals: tuple[type[Exception], ...],
    pid: int | None,
    requests: Iterator[Request],
) -> tuple[Counter, list[int]]:
    """Send requests and check what comes back.

    Args:
        run: Function from a signature and inputs to named outputs.
        refusals: Errors by which a request is refused.
        pid: Process whose memory is measured, or None.
        requests: Requests.

    Returns:
        Number of answers and of refusals, by kind of request, and the memory
        of the process in MB, after every hundredth request.

    Raises:
        FuzzError: If a request is not treated as it should be.
    """
    canary = next(iter(make_requests(0, 1)))
    true = run(canary.signature, canary.inputs)
    seen: Counter = Counter()
    memory: list[int] = []
    for number, request in enumerate(requests):
        try:
            answer = run(request.signature, request.inputs)
        except refusals as error:
            if pid is not None and not Path(f"/proc/{pid}").exists():
                raise FuzzError(f"{number}: {request.kind}: {error}") from error
            if request.is_good:
                raise FuzzError(
                    f"{number}: {request.kind} was refused: {error}"
                ) from error
            seen[f"{request.kind}: refused"] += 1
        else:
            if request.is_good is False:
                raise FuzzError(f"{number}: {request.kind} was answered")
            _check_answer(answer, request, number)
            seen[f"{request.kind}: answered"] += 1
        if number % 100 == 0:
            again = run(canary.signature, canary.inputs)
            if any((again[name] != true[name]).any() for name in true):
                raise FuzzError(f"{number}: the same request has two answers")
            memory.append(_resident(pid) if pid is not None else 0)
    half = max(memory[: len(memory) // 2 + 1])
    if memory[-1] > half + _GROWTH:
        raise FuzzError(f"the memory grows: {memory} MB")
    return seen, memory


def _check_answer(answer, request, number):
    (batch,) = request.inputs.values()
    for name, values in answer.items():
        if len(values) != len(batch) or not np.isfinite(values).all():
            raise FuzzError(f"{number}: {request.kind}: {name} is {values}")


def _resident(pid: int) -> int:
    """Return the megabytes that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


@contextlib.contextmanager
def stand_in(base: Path, name: str) -> Iterator[tuple[str, int]]:
    """Start the stand-in for a server, and yield its address and process."""
    program = Path(__file__).parents[1] / "serving" / "servicer.py"
    with subprocess.Popen(
        [sys.executable, program, base, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    ) as process:
        try:
            port = str(process.stdout.readline()).split()[0]
            yield f"127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def send_damaged_messages(address: str, seed: int, count: int) -> Counter:
    """Send messages of which bytes are damaged, shapes included, over gRPC."""
    import grpc

    from kcv.serving import messages
    from kcv.serving.tensors import to_tensor_proto

    random = np.random.default_rng(seed)
    seen: Counter = Counter()
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict"
        )
        for request in make_requests(seed, count):
            message = messages.PredictRequest()
            message.model_spec.name = NAME
            message.model_spec.signature_name = request.signature
            for name, value in request.inputs.items():
                message.inputs[name].CopyFrom(to_tensor_proto(value))
            content = bytearray(message.SerializeToString())
            for _ in range(random.integers(1, 5)):
                place = int(random.integers(min(len(content), 200)))
                content[place] = int(random.integers(256))
            try:
                call(bytes(content), timeout=60)
            except grpc.RpcError as error:
                code = error.code()
                if code == grpc.StatusCode.UNAVAILABLE:
                    raise FuzzError(f"{request.kind}: {error}") from error
                seen[f"damaged message: {code.name}"] += 1
            else:
                seen["damaged message: answered"] += 1
    return seen


def main(requests: int = 10_000, seed: int = 0, address: str | None = None):
    """Send requests to the native loader and over gRPC, and print counts.

    Args:
        requests: Number of requests to each of the two.
        seed: Seed of the requests.
        address: "host:port" of a server over gRPC. Without it, the stand-in of
            tests/serving is started.
    """
    from export import native
    from kcv.serving import Client
    from kcv.serving import ServingError
    from kcv.serving import ShortSide
    from kcv.serving import publish
    from tests.serving.tiny_detector import make_detector

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        version = publish(
            make_detector(),
            folder / NAME,
            prepare=ShortSide(96, 120),
            max_batch=MAX_BATCH,
            max_pixels=MAX_PIXELS,
        )
        program = native.build(folder / "run_saved_model")
        with native.Loader(program, version) as loader:
            counts, memory = send_all(
                loader.run,
                (native.NativeError, TypeError),
                loader.process.pid,
                make_requests(seed, requests),
            )
        print_counts("C++ native loader", counts, memory)
        pid = None
        if address is None:
            address, pid = stack.enter_context(stand_in(folder / NAME, NAME))
        clients = {
            name: stack.enter_context(
                Client(address, model=NAME, signature=name, timeout=120)
            )
            for name in ("serving_default", "serving_bytes")
        }
        counts, memory = send_all(
            lambda name, inputs: clients[name].predict(**inputs),
            (ServingError, TypeError),
            pid,
            make_requests(seed, requests),
        )
        counts += send_damaged_messages(address, seed, requests // 10)
        # Whatever came, good requests are still answered.
        _, later = send_all(
            lambda name, inputs: clients[name].predict(**inputs),
            (ServingError, TypeError),
            pid,
            make_requests(seed + 1, 10),
        )
        print_counts("gRPC", counts, memory + later)


def print_counts(title: str, counts: Counter, memory: list[int]) -> None:
    """Print what came back, by kind of request."""
    answered = sum(n for kind, n in counts.items() if "answered" in kind)
    print(
        f"{title}: {counts.total()} requests, {answered} answered, no crash; "
        f"memory {memory[0]} MB at first, {max(memory)} MB at most, "
        f"{memory[-1]} MB at last"
    )
    for kind, number in sorted(counts.items()):
        print(f"  {kind:40s} {number:6d}")


if __name__ == "__main__":
    import tyro

    tyro.cli(main, description=__doc__)
