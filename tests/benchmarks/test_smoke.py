"""Each benchmark runs, at sizes that tell nothing about speed."""

import pytest

from benchmarks import classification
from benchmarks import face_detection
from benchmarks import faster_rcnn
from benchmarks import predict_command
from benchmarks import roi_pool
from benchmarks import segmentation
from benchmarks import selective_search
from benchmarks import serving
from benchmarks import style


@pytest.mark.parametrize(
    ("benchmark", "options", "title"),
    [
        pytest.param(
            classification,
            {
                "networks": ("resnet50",),
                "precisions": ("float32",),
                "batch_size": 1,
                "side": 32,
                "matrix": 64,
            },
            "resnet50 float32: training step",
            marks=pytest.mark.slow,
        ),
        (
            face_detection,
            {"height": 100, "width": 120},
            "frames per second (14 in the paper)",
        ),
        pytest.param(
            faster_rcnn,
            {
                "height": 64,
                "width": 96,
                "steps": 1,
                "sizes": 0,
                "backbone": "resnet18",
            },
            "data / step",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            predict_command,
            {"images": 2, "batch_size": 1},
            "one of 2 images",
            marks=pytest.mark.slow,
        ),
        (
            roi_pool,
            {"boxes": 4, "height": 6, "width": 8, "channels": 2},
            "forward + backward",
        ),
        pytest.param(
            segmentation,
            {
                "height": 32,
                "width": 64,
                "scenes": 8,
                "backbone": "googlenet",
            },
            "FCN-8s, 32 x 64, update",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            selective_search,
            {"side": 48},
            "all four, fast",
            marks=pytest.mark.slow,
        ),
        (
            serving,
            {
                "network": "lenet5",
                "clients": (1, 2),
                "height": 30,
                "width": 40,
            },
            "2 clients: p50",
        ),
        (style, {"size": 48}, "one pass of the network, 48 px"),
    ],
    ids=lambda value: getattr(value, "__name__", "").rpartition(".")[2],
)
def test_a_benchmark_prints_ratios(benchmark, options, title, capsys):
    benchmark.main(rounds=1, **options)
    printed = capsys.readouterr().out
    assert title in printed
    assert " ms " in printed
