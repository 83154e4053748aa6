"""Label an image window by window, as DeconvNet does (Noh et al. 2015).

    image, proposals -> windows -> segmenter -> scores, put back -> maximum

B images, P proposals, C classes with background.
"""

import keras

from kcv.segmentation.window_layers import AgainstBackground
from kcv.segmentation.window_layers import CutWindows
from kcv.segmentation.window_layers import PasteWindows
from kcv.segmentation.window_layers import WithContext
from kcv.training.image_model import image_model


def label_by_windows(
    model: keras.Model,
    context: float = 1.2,
    certainty: float | None = None,
    min_side: float = 0,
    max_windows: int | None = None,
    from_zero: bool = False,
    name: str | None = None,
) -> keras.Model:
    """Make a model that labels whole images by a segmenter of windows.

    Each proposal grows about its center, is cut out and scaled to the
    segmenter's window, with one factor for each axis. The scores of the window
    are scaled back to their place and are zero elsewhere. The score of a pixel
    is the greatest that any window gives it (Noh et al. 2015, equation 1).

    The authors' code differs in two ways. It skips proposals that have a side
    of less than 112 pixels with their context, and takes the first 50 others:
    `min_side=112, max_windows=50` for 2,000 proposals. And the greatest score
    of a pixel starts from 0, so that it is never negative: `from_zero=True`.

    Scores of different windows need not be on one scale: a window that is sure
    of its background hides an object that another window has found. With
    `certainty` they are compared as probabilities of the objects.

    Args:
        model: Model from windows (N, h, w, 3), RGB in 0..255, to logits
            (N, h, w, C), where h and w are fixed.
        context: Factor by which the sides of a window exceed those of its
            proposal. Float, at least 1. Defaults to 1.2, the paper's.
        certainty: Background probability, a float in (0, 1). Each pixel takes
            the class with the greatest probability over all windows if that
            exceeds this value, and is background otherwise. None applies the
            paper's rule, the maximum of raw scores. Defaults to None.
        min_side: Shortest side of a window in pixels of the image. Proposals
            that have a shorter one with their context are left out. Float of
            at least 0. Defaults to 0.
        max_windows: Number of windows of an image: the first proposals that
            are not left out. Positive integer. If None, all are taken.
            Defaults to None.
        from_zero: Whether scores less than 0 become 0, also within windows.
            Defaults to False, as in the paper's equation 1, under which a pixel
            has the greatest of its windows' scores and 0 if there is a window
            that it is not in.
        name: Name of the model. Defaults to "whole_" and the name of `model`.

    Returns:
        A model from `{"images": (B, H, W, 3), "proposals": (B, P, 4)}`, xyxy in
        pixels, to logits (B, H, W, C) for images of any size. Rows of
        `proposals` without area are padding. The paper takes the 50 best boxes
        of EdgeBoxes.

    Raises:
        ValueError: If the window of `model` is not fixed, or `context`,
            `certainty`, `min_side` or `max_windows` is out of range.

    Example:

    ```python
    whole = label_by_windows(kcv.segmentation.DeconvNet(21))
    boxes = kcv.proposals.propose(image, "edge_boxes", max_proposals=50)
    logits = whole.predict({"images": image[None], "proposals": boxes[None]})
    ```
    """
    height, width = model.input_shape[1:3]
    if height is None or width is None:
        raise ValueError(
            "`model` must take windows of one size. Received: "
            f"input_shape={model.input_shape}"
        )
    if context < 1:
        raise ValueError(
            f"`context` must be at least 1. Received: context={context}"
        )
    if certainty is not None and not 0 < certainty < 1:
        raise ValueError(
            "`certainty` must be between 0 and 1, or None. Received: "
            f"certainty={certainty}"
        )
    if min_side < 0:
        raise ValueError(
            f"`min_side` must be at least 0. Received: min_side={min_side}"
        )
    if max_windows is not None and max_windows < 1:
        raise ValueError(
            "`max_windows` must be a positive integer or None. Received: "
            f"max_windows={max_windows}"
        )
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "proposals": keras.Input((None, 4), name="proposals"),
    }
    images = inputs["images"]
    boxes = WithContext(context, min_side, max_windows, name="context")(
        inputs["proposals"]
    )
    windows = CutWindows((height, width), name="cut")([images, boxes])
    scores = model(windows)
    if certainty is not None:
        scores = keras.layers.Softmax(dtype="float32", name="softmax")(scores)
    logits = PasteWindows(from_zero, name="paste")([scores, boxes, images])
    if certainty is not None:
        logits = AgainstBackground(certainty, name="decide")(logits)
    return image_model(inputs, logits, name or f"whole_{model.name}")
