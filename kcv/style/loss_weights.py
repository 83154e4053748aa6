"""Weights of the losses of Gatys et al. (2016), and those of two programs."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

#: Layers of the paper, with their weights.
CONTENT_LAYERS: Mapping[str, float] = MappingProxyType({"conv4_2": 1.0})
STYLE_LAYERS: Mapping[str, float] = MappingProxyType(
    {f"conv{block}_1": 0.2 for block in range(1, 6)}
)


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """The weights of the losses.

    In the paper, the content weight is 1e-3 or 1e-4 of the style weight. The
    paper's VGG is scaled so that the mean activation of units is 1. With
    another network, another ratio looks best. `gatys_code` and
    `neural_style_code` return the weights of two programs, which suit kcv's
    VGG.

    Attributes:
        content: Weight alpha of the content loss. Float. Defaults to 1.
        style: Weight beta of the style loss. Float. Defaults to 1000.
        total_variation: Weight of the total variation, which makes the image
            smooth. The paper does not use it. Float. Defaults to 0.
        content_layers: Weights of the layers where content is compared, by
            name. Defaults to `CONTENT_LAYERS`.
        style_layers: Weights of the layers where style is compared, by name.
            Defaults to `STYLE_LAYERS`.
    """

    content: float = 1.0
    style: float = 1e3
    total_variation: float = 0.0
    content_layers: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict(CONTENT_LAYERS)
    )
    style_layers: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict(STYLE_LAYERS)
    )

    @classmethod
    def gatys_code(cls, height: int, width: int) -> Self:
        """Return the weights of leongatys/PytorchNeuralStyleTransfer.

        The program compares Gram matrices by 1000 / N^2 times the mean squared
        difference of N x N entries, and content by the mean squared difference
        of features.

        Args:
            height: Height of the content image in pixels.
            width: Width of the content image in pixels.

        Returns:
            Weights for `neural_style` on a content image of this size.

        Example:

        >>> weights = LossWeights.gatys_code(512, 512)
        >>> weights.style_layers["conv1_1"] == 4000 / 64**2
        True
        """
        return cls._of_means(height, width, style=1e3, content=1.0)

    @classmethod
    def neural_style_code(cls, height: int, width: int) -> Self:
        """Return the weights of jcjohnson/neural-style.

        The program compares Gram matrices that are divided by the number of
        features, with weight 100, content by the mean squared difference of
        features, with weight 5, and has a total variation of weight 1e-3. It
        scales images to 0..256, kcv to 0..255.

        Args:
            height: Height of the content image in pixels.
            width: Width of the content image in pixels.

        Returns:
            Weights for `neural_style` on a content image of this size.

        Example:

        >>> LossWeights.neural_style_code(512, 512).total_variation
        0.001
        """
        return cls._of_means(
            height, width, style=100.0, content=5.0, total_variation=1e-3
        )

    @classmethod
    def _of_means(cls, height, width, style, content, total_variation=0.0):
        """Convert weights of mean squared differences.

        With N channels and M positions, the mean of squared features is
        2 / (N M) times `content_loss`. That of the entries of Gram matrices is
        4 times `style_loss`.
        """
        positions = (height // 8) * (width // 8)  # of conv4_2
        return cls(
            content=1.0,
            style=1.0,
            total_variation=total_variation,
            content_layers={"conv4_2": 2 * content / (512 * positions)},
            style_layers={
                f"conv{block}_1": 4 * style / channels**2
                for block, channels in enumerate(
                    (64, 128, 256, 512, 512), start=1
                )
            },
        )

    @property
    def layers(self) -> list[str]:
        """Names of all layers, as a loss network must have them."""
        return [*dict.fromkeys([*self.content_layers, *self.style_layers])]
