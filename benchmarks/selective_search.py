"""Selective Search against OpenCV's, one thread each.

    python -m benchmarks.selective_search

Both in the fast mode, alternating, on four photographs of scikit-image: 8
hierarchies here, 12 in OpenCV, 80 and 100 with `--mode quality`. Printed are
medians, and the ratio of their sums.
"""

from typing import Literal

import cv2
import numpy as np
import skimage.data
import tyro

from benchmarks.timing import print_ratios
from kcv.proposals import propose
from recipes.common.timing import medians

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
OURS, OPENCV = "kcv", "OpenCV"


def main(
    mode: Literal["fast", "quality"] = "fast",
    rounds: int = 5,
    side: int | None = None,
) -> None:
    """Print how many times as long as kcv OpenCV takes.

    Args:
        mode: Mode of both.
        rounds: Number of timed calls of each, alternating.
        side: Side in pixels to which the photographs are cut. Defaults to the
            whole photographs.
    """
    cv2.setNumThreads(1)
    total = {OURS: 0.0, OPENCV: 0.0}
    for name in PHOTOGRAPHS:
        image = getattr(skimage.data, name)()[:side, :side]
        times = medians(
            {
                OURS: lambda image=image: propose(
                    image, max_proposals=100_000, mode=mode
                ),
                OPENCV: lambda image=image: opencvs(image, mode),
            },
            rounds,
            warm_up=1,
        )
        print_ratios(f"{name}, {mode}", times, OURS)
        total = {key: total[key] + times[key] for key in total}
    print_ratios(f"all four, {mode}", total, OURS)


def opencvs(image, mode):
    """Propose by OpenCV."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    if mode == "fast":
        search.switchToSelectiveSearchFast()
    else:
        search.switchToSelectiveSearchQuality()
    return search.process()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
