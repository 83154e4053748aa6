"""What Hosang et al. report of the methods that propose regions.

"What makes for effective detection proposals?", PAMI 2016. The data are those
of VOC 2007 test, where all objects count, the difficult ones, too. Recall and
detection are at 1,000 proposals. Average recall over the number of proposals,
and repeatability, are read off the figures of the paper, to about 0.01. Seconds
are quoted from a summary of the paper's table 1, which rounds them to one
digit.
"""

from collections.abc import Mapping
from typing import NamedTuple

# Numbers of proposals at which the average recall is listed.
NUMBERS = (10, 100, 1_000, 10_000)
# Kind and amount of each change, see `kcv.metrics.perturb`.
CHANGES: tuple[tuple[str, float], ...] = (
    ("scale", 0.5),
    ("scale", 2.0),
    ("scale", 0.99),
    ("rotation", 5.0),
    ("rotation", 20.0),
    ("light", 0.5),
    ("light", 1.5),
    ("jpeg", 100),
    ("jpeg", 5),
    ("blur", 1),
    ("blur", 8),
    ("salt_and_pepper", 1),
    ("salt_and_pepper", 1000),
)


class Published(NamedTuple):
    """Figures of one method.

    Attributes:
        name: Name of the method in the paper.
        seconds: Time for an image, in seconds, rounded to about one digit.
        recalls: Recall at IoU 0.5, 0.7 and 0.8.
        average_recall: Average recall.
        mean_ap: Mean average precision of Fast R-CNN, in [0, 1].
        over_number: Average recalls at `NUMBERS`. None where the method has
            fewer proposals.
        repeatability: Repeatability under each of `CHANGES`. Empty where it is
            not reported. Defaults to none.
    """

    name: str
    seconds: float
    recalls: tuple[float, float, float]
    average_recall: float
    mean_ap: float
    over_number: tuple[float | None, ...]
    repeatability: tuple[float, ...] = ()


PUBLISHED: Mapping[str, Published] = {
    "bing": Published(
        "Bing",
        0.2,
        (0.860, 0.247, 0.079),
        0.273,
        0.490,
        (0.104, 0.195, 0.273, 0.307),
        (0.79, 0.49, 0.82, 0.74, 0.65, 0.80, 0.85, 0.95, 0.84, 0.87, 0.75)
        + (0.99, 0.91),
    ),
    "cpmc": Published(
        "CPMC",
        250,
        (0.786, 0.584, 0.441),
        0.474,
        0.571,
        (0.147, 0.348, 0.474, None),
    ),
    "edge_boxes": Published(
        "EdgeBoxes70",
        0.3,
        (0.856, 0.717, 0.445),
        0.502,
        0.604,
        (0.155, 0.322, 0.503, 0.563),
        (0.64, 0.69, 0.78, 0.71, 0.59, 0.76, 0.77, 0.80, 0.70, 0.76, 0.47)
        + (0.98, 0.77),
    ),
    "endres": Published(
        "Endres",
        100,
        (0.818, 0.598, 0.449),
        0.490,
        0.574,
        (0.197, 0.356, 0.493, None),
    ),
    "geodesic": Published(
        "Geodesic",
        1,
        (0.850, 0.634, 0.453),
        0.501,
        0.575,
        (0.104, 0.312, 0.51, 0.605),
        (0.67, 0.67, 0.76, 0.69, 0.59, 0.72, 0.73, 0.76, 0.63, 0.73, 0.57)
        + (0.94, 0.74),
    ),
    "mcg": Published(
        "MCG",
        30,
        (0.898, 0.710, 0.560),
        0.574,
        0.603,
        (0.181, 0.389, 0.575, 0.622),
        (0.73, 0.68, 0.77, 0.69, 0.58, 0.71, 0.74, 0.76, 0.62, 0.73, 0.15)
        + (0.95, 0.76),
    ),
    "objectness": Published(
        "Objectness",
        3,
        (0.810, 0.344, 0.102),
        0.309,
        0.514,
        (0.133, 0.239, 0.309, 0.316),
        (0.68, 0.68, 0.69, 0.65, 0.59, 0.67, 0.65, 0.68, 0.65, 0.68, 0.59)
        + (0.70, 0.69),
    ),
    "rahtu": Published(
        "Rahtu",
        3,
        (0.696, 0.551, 0.401),
        0.395,
        0.536,
        (0.112, 0.243, 0.395, 0.505),
        (0.70, 0.69, 0.73, 0.68, 0.59, 0.67, 0.70, 0.73, 0.64, 0.69, 0.56)
        + (0.80, 0.72),
    ),
    "randomized_prims": Published(
        "RandomizedPrim's",
        1,
        (0.807, 0.573, 0.410),
        0.463,
        0.576,
        (0.096, 0.248, 0.463, 0.616),
        (0.69, 0.72, 0.75, 0.69, 0.58, 0.73, 0.72, 0.74, 0.65, 0.71, 0.23)
        + (0.79, 0.74),
    ),
    "rantalankila": Published(
        "Rantalankila",
        10,
        (0.811, 0.602, 0.453),
        0.491,
        0.579,
        (0.008, 0.130, 0.51, 0.548),
        (0.57, 0.72, 0.77, 0.70, 0.59, 0.73, 0.73, 0.81, 0.68, 0.73, 0.63)
        + (0.98, 0.75),
    ),
    "rigor": Published(
        "Rigor",
        10,
        (0.809, 0.605, 0.454),
        0.493,
        0.584,
        (0.125, 0.270, 0.53, 0.566),
        (0.57, 0.62, 0.78, 0.70, 0.59, 0.70, 0.76, 0.78, 0.66, 0.75, 0.40)
        + (0.97, 0.76),
    ),
    "selective_search": Published(
        "SelectiveSearch",
        10,
        (0.835, 0.641, 0.485),
        0.519,
        0.595,
        (0.113, 0.290, 0.519, 0.685),
        (0.73, 0.71, 0.77, 0.71, 0.59, 0.74, 0.74, 0.76, 0.65, 0.74, 0.57)
        + (0.81, 0.76),
    ),
    "gaussian": Published(
        "Gaussian",
        0,
        (0.694, 0.440, 0.234),
        0.327,
        0.508,
        (0.045, 0.145, 0.327, 0.515),
        (0.65, 0.65, 0.65, 0.62, 0.55, 0.64, 0.64, 0.63, 0.63, 0.64, 0.64)
        + (0.65, 0.64),
    ),
    "sliding_window": Published(
        "SlidingWindow",
        0,
        (0.687, 0.229, 0.071),
        0.229,
        0.448,
        (0.080, 0.095, 0.229, 0.350),
        (0.77, 0.51, 0.96, 0.81, 0.66, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99)
        + (0.99, 0.99),
    ),
    "superpixels": Published(
        "Superpixels",
        1,
        (0.470, 0.162, 0.072),
        0.152,
        0.203,
        (0.010, 0.069, 0.153, None),
        (0.66, 0.59, 0.77, 0.67, 0.53, 0.75, 0.70, 0.78, 0.43, 0.71, 0.51)
        + (0.98, 0.76),
    ),
    "uniform": Published(
        "Uniform",
        0,
        (0.638, 0.388, 0.237),
        0.305,
        0.469,
        (0.037, 0.152, 0.305, 0.477),
        (0.65, 0.65, 0.65, 0.62, 0.55, 0.64, 0.64, 0.63, 0.63, 0.64, 0.64)
        + (0.65, 0.64),
    ),
}
# How many times as fast as published kcv is to be, on one core. The times of
# the paper are of a core of 2013. EdgeBoxes, which OpenCV computes, has no aim.
TIMES_AS_FAST: Mapping[str, float] = {
    **dict.fromkeys(("cpmc", "endres", "mcg", "rigor", "rantalankila"), 10),
    "selective_search": 10,
    **dict.fromkeys(("objectness", "rahtu"), 5),
    **dict.fromkeys(("geodesic", "randomized_prims", "bing"), 1),
}
