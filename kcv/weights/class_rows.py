"""The units of layers that belong to classes, matched by the classes' names."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.assignment import SourceWeight


class ClassRows:
    """Takes the units of classes that a trained and a new model share.

    The last axis of a kernel or bias that belongs to C classes has
    `k * (before + C)` entries: `before` groups without a name, such as
    background, then one group of k entries for each class.

    Args:
        trained: Names of the classes of the trained model. Empty if they are
            not known. The n-th class of a name is the n-th of this name in the
            other model.
        wanted: Names of the classes of the new model.
        class_layers: Number of groups in front of those of the classes, by the
            name of each layer whose units belong to classes.

    Attributes:
        common: Names of the classes that both models have.
        taken: Names of the layers of which units were taken.
    """

    def __init__(
        self,
        trained: Sequence[str],
        wanted: Sequence[str],
        class_layers: Mapping[str, int],
    ):
        self.trained, self.wanted = _number(trained), _number(wanted)
        self.class_layers = class_layers
        self.common = [
            class_[0] for class_ in self.wanted if class_ in self.trained
        ]
        self.taken: list[str] = []

    def take(
        self, variables: Mapping[str, Sequence], weights: Sequence[SourceWeight]
    ) -> list[SourceWeight]:
        """Fit the weights of layers of classes to the classes of the new model.

        Args:
            variables: Variables of each layer of the new model.
            weights: Weights of the trained model.

        Returns:
            The weights, those of layers of classes in the new model's shape.
            Layers are left out if no class is common. Nothing changes if the
            classes are the same or those of the trained model are not known.
        """
        if not self.trained or self.trained == self.wanted:
            return [*weights]
        fitted = [self._fit(variables, weight) for weight in weights]
        return [weight for weight in fitted if weight is not None]

    def _fit(self, variables, weight):
        layer, _, kind = (weight.target or "").partition("/")
        known = {x.name: x for x in variables.get(layer, ())}
        if layer not in self.class_layers or kind not in known:
            return weight
        variable, before = known[kind], self.class_layers[layer]
        places = _places(
            weight.value.shape,
            variable.shape,
            self.trained,
            self.wanted,
            before,
        )
        if places is None:
            return weight  # Not as the names say: the shape decides.
        if not self.common:
            return None
        if layer not in self.taken:
            self.taken.append(layer)
        targets, sources = places

        def read():
            values = np.array(variable)
            values[..., targets] = np.asarray(weight.value)[..., sources]
            return values

        return dataclasses.replace(
            weight, value=LazyArray(tuple(variable.shape), read)
        )


def _number(names):
    """Count the classes of each name, since ImageNet has two cranes."""
    return [
        (name, names[:place].count(name)) for place, name in enumerate(names)
    ]


def _places(given, shape, trained, wanted, before):
    """Return which entries of the last axis are taken, and from where."""
    if len(given) != len(shape) or tuple(given[:-1]) != tuple(shape[:-1]):
        return None
    size, rest = divmod(given[-1], before + len(trained))
    if rest or size * (before + len(wanted)) != shape[-1]:
        return None
    groups = [(number, number) for number in range(before)]
    groups += [
        (before + number, before + trained.index(class_))
        for number, class_ in enumerate(wanted)
        if class_ in trained
    ]
    targets, sources = (
        (size * np.array(side)[:, None] + np.arange(size)).ravel()
        for side in zip(*groups, strict=True)
    )
    return targets, sources
