"""The slide's table: style transfer by optimisation against one pass.

    python -m recipes.tables.style_speed

times both on this machine with the same loss network and the same objective,
by turns: an iteration of L-BFGS, with all that SciPy does about it, times 100,
300 and 500; and one pass of the feed-forward network. Speed-ups stand beside
those of the paper (Johnson, Alahi and Li 2016, table 1), which are a Titan X's.

What the pass is worth in iterations is measured by `recipes.fast_style`, whose
run is read if it is there.
"""

import json
import statistics
import time
from pathlib import Path

import keras
import numpy as np
import tyro
from matplotlib.figure import Figure

import kcv
from kcv.storage import write_whole
from kcv.style.perceptual import objective_of
from kcv.visualize import new_figure
from recipes.common import run as experiment
from recipes.common.pictures import open_picture
from recipes.common.report import write_report

ITERATIONS = (100, 300, 500)
WARM_UP = 3  # iterations that trace, and search for the size of the first step
# Seconds on a Titan X, by side: of 100, 300 and 500 iterations, of one pass.
PAPER = {
    256: (3.17, 9.52, 15.86, 0.015),
    512: (10.97, 32.91, 54.85, 0.05),
    1024: (42.89, 128.66, 214.44, 0.21),
}
# As the paper gives them, from times that were not rounded.
PAPER_SPEED_UPS = {
    256: (212, 636, 1060),
    512: (205, 615, 1026),
    1024: (208, 625, 1042),
}


def main(
    out: Path = Path("runs/tables/style_speed"),
    painter: Path = Path("runs/fast_style"),
    weights: str | None = None,
    sizes: tuple[int, ...] = (256, 512, 1024),
    content: str = "astronaut",
    style: str = "ihc",
    rounds: int = 7,
    seed: int = 3,
) -> dict:
    """Time both ways to paint, and write a page.

    Args:
        out: Output folder.
        painter: Run of recipes.fast_style, whose network is timed, in float32
            as the losses are, and whose objective is shown; one of random
            weights is timed where there is none.
        weights: imagenet (downloaded) or a file, of the VGG; by default those
            of the painter's run, or random ones without. Times do not hang on
            them.
        sizes: Sides of the squares, pixels.
        content: Image file, or the name of a photograph of kcv.
        style: The same.
        rounds: Iterations and passes that are timed, by turns.
        seed: Of random weights.

    Returns:
        What `table.json` has.
    """
    keras.utils.set_random_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    net = kcv.style.StyleTransformNet()
    network = "vgg16"
    trained = painter / "model.keras"
    worth = "not measured: there is no run of recipes.fast_style"
    if trained.exists():
        run = json.loads((painter / "config.json").read_text())
        network, weights = run["network"], weights or run["weights"]
        # Perhaps it was trained in mixed precision; the losses are not.
        net = kcv.style.StyleTransformNet(
            run["normalization"], run["upsampling"]
        )
        net.set_weights(
            keras.models.load_model(trained, compile=False).get_weights()
        )
        found = json.loads((painter / "metrics.json").read_text())
        worth = (
            f"as low as {found['lbfgs_iterations']:.0f} iterations of L-BFGS "
            f"({found['split']})"
        )
    vgg = kcv.style.loss_network(kcv.style.LOSS_LAYERS, network, weights)
    model = kcv.style.PerceptualModel(net, vgg, open_picture(style, 256))

    rows = []
    for side in sizes:
        print(f"\n{side} x {side}")
        image = keras.ops.image.resize(
            open_picture(content, side), (side, side)
        )
        image = np.asarray(image, "float32")[None]
        rows.append(row(side, *time_both(model, image, rounds)))

    # === Page ===
    write_whole(out / "table.json", json.dumps(rows, indent=2).encode() + b"\n")
    report = write_report(
        out,
        "Style transfer: optimisation against one pass",
        figures={"Speed-up of one pass": bars(rows)},
        configuration={"painter": painter, "rounds": rounds, "seed": seed},
        command=experiment.command_line(),
        summary=(
            "Seconds on this machine, medians. Optimisation and network have "
            f"the same objective, by {network}; iterations are evaluations of "
            "the losses by L-BFGS. The paper's columns are seconds and "
            f"speed-ups of a Titan X. One pass is {worth}; the paper has 50 "
            "to 100."
        ),
        tables={"Side by side": rows},
    )
    for each in rows:
        print(
            f"{each['pixels']}: one pass {each['one pass, s']:.3f} s, "
            f"{each['500 / pass']:.0f} times as fast as 500 iterations "
            f"(paper {each.get('paper: 500 / pass', '–')})"
        )
    print(f"One pass is {worth}")
    print(f"Report: {report}")
    return {"rows": rows}


def time_both(model, image, rounds):
    """Measure an iteration and a pass by turns: medians in seconds."""
    iterations, passes = [], []
    begun = time.perf_counter()

    def one_pass(count, _):
        nonlocal begun
        iterations.append(time.perf_counter() - begun)
        start = time.perf_counter()
        model.net.predict_on_batch(image)
        begun = time.perf_counter()
        passes.append(begun - start)

    kcv.style.optimize_image(
        objective_of(model, image), image, WARM_UP + rounds, watch=one_pass
    )
    return (
        statistics.median(iterations[WARM_UP:]),
        statistics.median(passes[WARM_UP:]),
    )


def row(side, iteration, one_pass) -> dict:
    """List times and speed-ups of one size, ours and the paper's."""
    seconds = {f"{n} iterations, s": n * iteration for n in ITERATIONS}
    ours = {f"{n} / pass": n * iteration / one_pass for n in ITERATIONS}
    theirs = {}
    if side in PAPER:
        *optimised, network = PAPER[side]
        for n, value in zip(ITERATIONS, optimised, strict=True):
            theirs[f"paper: {n} iterations, s"] = value
        theirs["paper: one pass, s"] = network
        for n, value in zip(ITERATIONS, PAPER_SPEED_UPS[side], strict=True):
            theirs[f"paper: {n} / pass"] = value
    return {
        "pixels": f"{side} x {side}",
        **seconds,
        "one pass, s": one_pass,
        **ours,
        **theirs,
    }


def bars(rows: list[dict]) -> Figure:
    """Draw the speed-ups over 500 iterations, ours beside the paper's."""
    figure = new_figure(6, 2.8)
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    for shift, name, label in (
        (-0.2, "500 / pass", "this machine"),
        (0.2, "paper: 500 / pass", "paper, Titan X"),
    ):
        values = [each.get(name, np.nan) for each in rows]
        drawn = axes.bar(places + shift, values, 0.4, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=8)
    axes.set_xticks(places, [each["pixels"] for each in rows])
    axes.set_ylabel("times as fast as 500 iterations")
    axes.margins(y=0.1)
    axes.legend(
        fontsize=8,
        frameon=False,
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
    return figure


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
