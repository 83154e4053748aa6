"""Run a published version in C++ and print its answers."""

import tempfile
from pathlib import Path
from typing import Any

from kcv.extras import describe_installation

try:
    import tyro
except ImportError as error:
    raise ImportError(
        "python -m export.native reads its options by tyro. "
        + describe_installation("recipes")
    ) from error

from export.native import build
from export.native import run
from export.regions import propose_regions


def check(
    version: tyro.conf.Positional[Path],
    images: tyro.conf.Positional[tuple[Path, ...]],
    /,
    proposals: int = 0,
    compiler: str = "g++",
) -> None:
    """Run the encoded-image signature of a published version in C++.

    Args:
        version: Folder of a version, such as models/faster_rcnn/1.
        images: JPEG or PNG files, sent as one batch.
        proposals: Number of regions of Selective Search that are sent along,
            for models that take proposals: R-CNN and Fast R-CNN. Defaults to 0.
        compiler: C++17 compiler that builds the loader. Defaults to "g++".
    """
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder) / "run_saved_model", compiler)
        inputs: dict[str, Any] = {}
        inputs["image_bytes"] = [path.read_bytes() for path in images]
        if proposals:
            inputs["proposals"] = propose_regions(images, proposals)
        answer = run(program, version, "serving_bytes", inputs)
    for name, value in sorted(answer.items()):
        print(f"{name} {value.dtype} {value.shape}\n{value}")


if __name__ == "__main__":
    tyro.cli(check, prog="python -m export.native")
