"""The stages of the face cascade that a recipe trains."""

from kcv.faces import cascade


def build_stages(max_windows: int) -> list[cascade.Stage]:
    """Build the networks, with the suppression of each stage.

    The 48-nets take most of the time of a detection. To spare them, windows of
    all scales suppress each other before them, where the paper compares those
    of one scale. The last calibration network has two pooling layers, as that
    of the public copies. The paper has one.

    Args:
        max_windows: Largest number of windows of an image that the first stage
            keeps.

    Returns:
        Three stages with untrained networks.
    """
    select = cascade.WindowSelection
    first, second, third = cascade.paper_stages()
    return [
        first._replace(selection=select(iou=0.5, max_windows=max_windows)),
        second._replace(selection=select(iou=0.5, across_scales=True)),
        third._replace(
            calibration=cascade.Calibration48(pools=2),
            selection=select(iou=0.3, smaller=0.6),
        ),
    ]
