"""Random numbers of one person or one photo.

All numbers are drawn at once, since a call of a generator costs more than the
arithmetic on its result.
"""

import math
from collections.abc import Sequence

import numpy as np

_COUNT = 160  # More than a person or a photo needs of either kind.


class Draws:
    """Random numbers that are a function of a key.

    Every number must be drawn whether it is used or not: otherwise the numbers
    after it would depend on the condition.

    Args:
        *key: Integers of at least 0, such as the seed and the number of a
            person.
    """

    def __init__(self, *key: int):
        generator = np.random.default_rng(key)
        self._uniform = iter(generator.random(_COUNT).tolist())
        normal = generator.standard_normal(_COUNT)
        self._normal = iter(np.clip(normal, -2, 2).tolist())

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw from a uniform distribution.

        Args:
            low: Lower end. Defaults to 0.
            high: Upper end. Defaults to 1.

        Returns:
            The number.
        """
        return low + (high - low) * next(self._uniform)

    def normal(self, mean: float, std: float) -> float:
        """Draw from a normal distribution, clipped at two deviations.

        Args:
            mean: Mean.
            std: Standard deviation.

        Returns:
            The number.
        """
        return mean + std * next(self._normal)

    def chance(self, probability: float) -> bool:
        """Draw True with a given probability.

        Args:
            probability: Probability in [0, 1].

        Returns:
            True or False.
        """
        return next(self._uniform) < probability

    def choice(self, weights: Sequence[float]) -> int:
        """Draw an index with probabilities proportional to weights.

        Args:
            weights: Weight of each index, at least 0.

        Returns:
            The index.
        """
        left = next(self._uniform) * math.fsum(weights)
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        return len(weights) - 1

    def color(self) -> np.ndarray:
        """Draw any color.

        Returns:
            Color (3,) float32 in 0..1.
        """
        return np.array([self.uniform() for _ in range(3)], np.float32)
