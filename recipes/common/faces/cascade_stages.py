"""The stages of the face cascade that a recipe trains."""

from typing import Literal

from kcv.faces import cascade


def build_stages(preset: Literal["small", "paper"]) -> list[cascade.Stage]:
    """Build the networks, with the suppression of each stage.

    The stages of the paper compare windows of one scale, up to the last one.
    To spare the larger networks work, windows of all scales suppress each other
    in each of the small stages, and the first one keeps 40 of an image: scenes
    have at most four faces, photographs of crowds have many. Their last
    calibration network has two pooling layers, as that of the public copies.
    The paper has one.

    Args:
        preset: "small" or "paper".

    Returns:
        Three stages with untrained networks.
    """
    stages = cascade.paper_stages()
    if preset == "paper":
        return stages
    select = cascade.WindowSelection
    first, second, third = stages
    return [
        first._replace(
            selection=select(iou=0.6, across_scales=True, max_windows=40)
        ),
        second._replace(selection=select(iou=0.5, across_scales=True)),
        third._replace(
            calibration=cascade.Calibration48(pools=2),
            selection=select(iou=0.3, smaller=0.6),
        ),
    ]
