"""How DeconvNet labels whole images: by the paper's rule, or by the code's."""

from pathlib import Path

import keras

import kcv
from recipes.common.segmentation.deconvnet_presets import Preset
from recipes.common.segmentation.segmenters import Answer


def label_whole_images(
    model: keras.Model,
    preset: Preset,
    method: str,
    max_windows: int,
    seed: int,
    rule: str = "paper",
    ensemble: Path | None = None,
) -> tuple[keras.Model, Answer]:
    """Build the model that labels whole images by windows of proposals.

    Args:
        model: Segmenter of windows.
        preset: Preset of the recipe.
        method: Method of `kcv.proposals.propose`.
        max_windows: Number of windows of an image.
        seed: Seed of the proposals.
        rule: "paper" for the best proposals, or "code" for the best of those
            whose sides have half a window's side at least, 112 pixels in the
            authors' code, and for scores that start from 0. Defaults to
            "paper".
        ensemble: File of a model of an FCN whose scores are combined with
            those of the windows. Defaults to none.

    Returns:
        The model, see `kcv.segmentation.label_by_windows`; and a function from
        an image (H, W, 3) uint8 to its class scores (H, W, C).
    """
    code = rule == "code"
    options = {"certainty": preset.certainty}
    if code:
        options |= {
            "min_side": preset.windows.side / 2,
            "max_windows": max_windows,
            "from_zero": True,
        }
    whole = kcv.segmentation.label_by_windows(model, **options)
    if ensemble is not None:
        whole = kcv.segmentation.EDeconvNet(
            whole, kcv.load_model(ensemble), "product" if code else "mean"
        )
    max_proposals = preset.learned_from if code else max_windows

    def answer(image):
        boxes = kcv.proposals.propose(
            image, method, max_proposals=max_proposals, seed=seed
        )
        image = image[None].astype("float32")
        batch = {"images": image, "proposals": boxes[None]}
        return whole.predict_on_batch(batch)[0]

    return whole, answer
