"""Table: style transfer by optimization against one pass of a network.

    python -m recipes.tables.style_speed

times both alternately on this machine, with the same loss network and the same
objective: an iteration of L-BFGS, with all that SciPy does about it, times 100,
300 and 500; and one pass of the feed-forward network. Speed-ups stand beside
those of the paper (Johnson, Alahi and Li 2016, table 1), on a Titan X.
On two CPU cores with AMX one pass is 1651, 2044 and 1801 times as fast as 500
iterations at 256, 512 and 1024 pixels.

What a pass is worth in iterations is measured by `recipes.fast_style`, whose
run is read if it exists.
"""

import dataclasses
import statistics
import time
from pathlib import Path

import keras
import numpy as np

import kcv
from kcv.storage import make_folder
from kcv.style.perceptual import make_objective
from kcv.text_files import read_object
from recipes import fast_style
from recipes.common.command import run_command
from recipes.common.run import Folder
from recipes.common.style.pictures import open_picture
from recipes.common.style.speed_ups import draw_speed_ups
from recipes.common.style.speed_ups import list_speed_ups
from recipes.common.tables import write_tables

WARM_UP = 3  # Iterations that trace, and search for the size of the first step.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this table.

    Attributes:
        painter: Folder of a run of recipes.fast_style, whose network is timed
            in float32, as the losses are. A network of random weights is timed
            if it does not exist.
        weights: Imagenet (downloaded), or a file of weights for the VGG.
            Defaults to those of the painter's run, or to random ones. Times do
            not depend on them.
        sizes: Sides of the squares in pixels.
        content: Image file, or name of a photograph of kcv.
        style: Image file, or name of a photograph of kcv.
        rounds: Number of timed iterations and passes.
    """

    out: Path = Path("runs/tables/style_speed")
    painter: Path = Path("runs/fast_style")
    weights: str | None = None
    sizes: tuple[int, ...] = (256, 512, 1024)
    content: str = "astronaut"
    style: str = "ihc"
    rounds: int = 7


def main(run: Options) -> dict:
    """Time both ways to paint, and write a page."""
    keras.utils.set_random_seed(run.seed)
    content = [open_picture(run.content, side) for side in run.sizes]
    style = open_picture(run.style, 256)
    make_folder("out", run.out)
    model, network, worth = load_painter(run, style)

    rows = []
    for side, image in zip(run.sizes, content, strict=True):
        print(f"\n{side} x {side}")
        image = keras.ops.image.resize(image, (side, side))
        image = np.asarray(image, "float32")[None]
        times = time_both(model, image, run.rounds)
        rows.append(list_speed_ups(side, *times))

    # === Page ===
    for each in rows:
        print(
            f"{each['pixels']}: one pass {each['one pass, s']:.3f} s, "
            f"{each['500 / pass']:.0f} times as fast as 500 iterations "
            f"(paper {each.get('paper: 500 / pass', '–')})"
        )
    print(f"One pass is {worth}")
    write_tables(
        run,
        "Style transfer: optimization against one pass",
        "Seconds on this machine, medians. Optimization and network have the "
        f"same objective, by {network}. Iterations are evaluations of the "
        "losses by L-BFGS. The paper's columns are seconds and speed-ups of a "
        f"Titan X. One pass is {worth}; the paper has 50 to 100.",
        {"Side by side": rows},
        {"Speed-up of one pass": draw_speed_ups(rows)},
    )
    return {"rows": rows}


def load_painter(
    run: Options, style: np.ndarray
) -> tuple[kcv.style.PerceptualModel, str, str]:
    """Load a trained painter with its losses, or build one.

    Returns:
        The model, the name of its loss network, and what a pass is worth.
    """
    net, network, weights = kcv.style.StyleTransformNet(), "vgg16", run.weights
    worth = "not measured: there is no run of recipes.fast_style"
    trained = run.painter / "model.keras"
    if trained.exists():
        options = read_object(run.painter / "config.json", "options")
        network, weights = options["network"], weights or options["weights"]
        # It may be trained in mixed precision. The losses are not.
        net = fast_style.build_net(
            options["preset"], options["normalization"], options["upsampling"]
        )
        net.set_weights(
            keras.models.load_model(trained, compile=False).get_weights()
        )
        found = read_object(run.painter / "metrics.json")
        worth = (
            f"as low as {found['lbfgs_iterations']:.0f} iterations of L-BFGS "
            f"({found['split']})"
        )
    vgg = kcv.style.loss_network(kcv.style.LOSS_LAYERS, network, weights)
    return kcv.style.PerceptualModel(net, vgg, style), network, worth


def time_both(
    model: kcv.style.PerceptualModel, image: np.ndarray, rounds: int
) -> tuple[float, float]:
    """Time iterations and passes alternately: medians in seconds."""
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
        make_objective(model, image), image, WARM_UP + rounds, watch=one_pass
    )
    return (
        statistics.median(iterations[WARM_UP:]),
        statistics.median(passes[WARM_UP:]),
    )


if __name__ == "__main__":
    run_command(main, Options())
