"""What one pass of a painter is worth in iterations of L-BFGS."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import kcv
from kcv.style.perceptual import make_objective
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.style.pictures import scale_picture


class Comparison(NamedTuple):
    """A photograph, painted by a network and by L-BFGS.

    Attributes:
        figures: Numbers by name.
        losses: Loss of L-BFGS at each iteration.
        pictures: Images by title.
    """

    figures: dict[str, float]
    losses: list[float]
    pictures: dict[str, np.ndarray]


def evaluate_painter(
    model: kcv.style.PerceptualModel,
    photographs: tf.data.Dataset,
    size: int,
    iterations: int,
    style: Mapping[str, np.ndarray],
    data: str,
) -> Evaluation:
    """Measure a painter on held-out photographs against L-BFGS.

    Args:
        model: Painter with the losses by which both are judged.
        photographs: Examples with `images` (H, W, 3) uint8.
        size: Longer side in pixels to which the photographs are scaled.
        iterations: Maximum number of iterations of L-BFGS.
        style: Image whose style is painted, (H, W, 3) uint8, under its name.
            The report shows it.
        data: Name of the dataset, for the report.

    Returns:
        Means of the figures of `compare_with_lbfgs`, and pictures.
    """
    found = [
        compare_with_lbfgs(
            model,
            example["images"].numpy(),
            size,
            iterations,
        )
        for example in photographs
    ]
    figures = {
        name: float(np.mean([each.figures[name] for each in found]))
        for name in found[0].figures
    }
    return Evaluation(
        metrics={
            **figures,
            "split": f"{data}, {len(found)} held-out images, longer side "
            f"{size} pixels",
        },
        figures={
            "Held-out photographs": kcv.visualize.pictures_figure(
                *(each.pictures for each in found)
            ),
            "The style": kcv.visualize.pictures_figure(style),
            "L-BFGS on the first photograph": kcv.visualize.losses_figure(
                {"L-BFGS from the photograph": found[0].losses},
                {"the network": found[0].figures["total_loss"]},
            ),
        },
        headline=f"total_loss {figures['total_loss']:.4g}, which L-BFGS "
        f"reaches after {figures['lbfgs_iterations']:.0f} iterations,",
    )


def compare_with_lbfgs(
    model: kcv.style.PerceptualModel,
    photograph: np.ndarray,
    size: int,
    iterations: int,
) -> Comparison:
    """Count the iterations of L-BFGS that are as good as one pass.

    L-BFGS begins with the photograph. The pictures of both are clipped to
    0..255 before they are judged.

    Args:
        model: Painter with the losses by which both are judged.
        photograph: Image (H, W, 3) uint8, RGB.
        size: Longer side in pixels to which the photograph is scaled.
        iterations: Maximum number of iterations of L-BFGS.

    Returns:
        The comparison.

    Raises:
        FloatingPointError: If the loss of the painted picture is not finite.
    """
    content = tf.cast(scale_picture(photograph, size), tf.float32)[None]
    objective = make_objective(model, content)
    losses = []

    @tf.function
    def judge(image):
        terms = objective(tf.clip_by_value(image, 0, 255))
        return tf.add_n([tf.reduce_sum(x) for x in terms.values()])

    painted = model.net.predict(content, verbose=0)
    goal = float(judge(painted))
    if not np.isfinite(goal):
        raise FloatingPointError(f"The network's picture has a loss of {goal}.")
    found = kcv.style.optimize_image(
        objective,
        content,
        iterations,
        watch=lambda _, image: losses.append(float(judge(image))),
    )
    reached = [number for number, x in enumerate(losses, 1) if x <= goal]
    return Comparison(
        figures={
            "total_loss": goal,
            "total_loss_of_the_photograph": losses[0],
            "total_loss_of_lbfgs": min(losses),
            # A loss that is never reached counts as reached at the end.
            "lbfgs_iterations": reached[0] if reached else iterations,
            "never_reached_by_lbfgs": not reached,
        },
        losses=losses,
        pictures={
            "photograph": content[0].numpy(),
            "network": painted[0],
            f"L-BFGS, {len(losses)} iterations": found.image[0],
        },
    )
