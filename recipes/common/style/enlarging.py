"""Measures of networks that enlarge images."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

import kcv
from kcv.style.super_resolution import bicubic
from recipes.common.evaluate_and_report import Evaluation


def evaluate_enlargers(
    nets: Mapping[str, keras.Model],
    test: kcv.data.DataSet,
    factor: int,
    data: str,
) -> Evaluation:
    """Measure networks and cubic interpolation on held-out images.

    Args:
        nets: Networks that enlarge images: "feature" and "pixel".
        test: Held-out images, single examples.
        factor: Factor by which the networks enlarge the sides.
        data: Name of the dataset, for the report.

    Returns:
        PSNR and SSIM of the luma, and the middle of each image.
    """
    ways = {
        "bicubic": lambda x: bicubic(x, factor),
        "pixel": nets["pixel"].predict_on_batch,
        "feature": nets["feature"].predict_on_batch,
    }
    scores, rows = {name: [] for name in ways}, []
    for example in test.dataset:
        truth = whole_cells(example["images"], factor)
        small = kcv.style.low_resolution(truth, factor)
        row = {}
        for name, enlarge in ways.items():
            found = tf.convert_to_tensor(enlarge(small))
            both = kcv.style.super_resolution_scores(truth, found, factor)
            scores[name].append([float(x[0]) for x in both.values()])
            row[f"{name}, {scores[name][-1][0]:.2f} dB"] = middle(found)
        if len(rows) < 6:
            rows.append({**row, "truth": middle(truth)})
    psnr, ssim = (
        {name: np.mean(pairs, 0)[column] for name, pairs in scores.items()}
        for column in (0, 1)
    )
    return Evaluation(
        metrics={
            "psnr": psnr["feature"],
            "ssim": ssim["feature"],
            **{f"psnr_of_{name}": psnr[name] for name in ("bicubic", "pixel")},
            **{f"ssim_of_{name}": ssim[name] for name in ("bicubic", "pixel")},
            "split": f"{data}, {len(scores['feature'])} held-out images",
        },
        figures={
            "The middle of held-out photographs": (
                kcv.visualize.pictures_figure(*rows)
            )
        },
        headline=f"psnr {psnr['feature']:.2f} dB by features, "
        f"{psnr['pixel']:.2f} by pixels, {psnr['bicubic']:.2f} bicubic,",
    )


def whole_cells(image: tf.Tensor, factor: int) -> tf.Tensor:
    """Cut an image (H, W, 3) to multiples of a factor: (1, H', W', 3)."""
    height, width = (side // factor * factor for side in image.shape[:2])
    return tf.cast(image[None, :height, :width], tf.float32)


def middle(image: tf.Tensor, side: int = 128) -> np.ndarray:
    """Cut the middle out of an image (1, H, W, 3), where details show."""
    top, left = (max(s - side, 0) // 2 for s in image.shape[1:3])
    return image[0, top : top + side, left : left + side].numpy()
