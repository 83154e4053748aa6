"""Show what a published version answers in the native loader."""

import tempfile
from pathlib import Path

import tyro

from export.native import build
from export.native import run


def check(
    version: tyro.conf.Positional[Path],
    images: tyro.conf.Positional[tuple[Path, ...]],
    /,
    compiler: str = "g++",
) -> None:
    """Run the encoded-image signature of a published version in C++.

    Args:
        version: Folder of a version, such as models/faster_rcnn/1.
        images: JPEG or PNG files, sent as one batch.
        compiler: C++17 compiler that builds the loader.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder) / "run_saved_model", compiler)
        encoded = [path.read_bytes() for path in images]
        answer = run(
            program, version, "serving_bytes", {"image_bytes": encoded}
        )
    for name, value in sorted(answer.items()):
        print(f"{name} {value.dtype} {value.shape}\n{value}")


if __name__ == "__main__":
    tyro.cli(check, prog="python -m export.native")
