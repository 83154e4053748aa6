"""Solvers: that of the Caffe years, and one that needs few updates."""

import math
import re

import kcv.backend  # noqa: F401

import keras
from keras import ops


@keras.saving.register_keras_serializable("kcv")
class CaffeSGD(keras.optimizers.SGD):
    """Train by SGD with momentum as Caffe's solver does.

    Three things differ from `keras.optimizers.SGD(weight_decay=...)`. Weight
    decay is part of the gradient and so passes through the momentum: Keras
    subtracts lr * decay * w beside it, which at momentum 0.9 is ten times
    weaker. And biases have a learning rate and a decay of their own: nearly
    every prototxt gives them `lr_mult: 2`, most `decay_mult: 0`.

        v <- momentum * v - lr * lr_mult * (g + decay * decay_mult * w)
        w <- w + v

    Args:
        learning_rate: float or a keras schedule.
        momentum: 0.9 in nearly every paper.
        l2: Caffe's `weight_decay`, 5e-4 in nearly every paper.
        bias_lr_mult: multiplies the learning rate of biases.
        bias_decay_mult: multiplies the decay of biases; 1 in Faster R-CNN,
            0 in Fast R-CNN and in the classifiers.
        layer_lr_mults: dict from the name of a layer to what multiplies the
            learning rate of its kernel, and that of its bias once more.
        layer_bias_mults: Dict from the name of a layer to the pair of
            `bias_lr_mult` and `bias_decay_mult` of its bias. Defaults to none.
        gamma_decay_mult: Factor of the decay of the scales of batch
            normalization. Float, 1 in SegNet and DeconvNet. Defaults to 0.
        beta_decay_mult: Factor of the decay of the shifts of batch
            normalization. Float, 1 in SegNet-Basic and DeconvNet. Defaults to
            0.
        **kwargs: as of `keras.optimizers.SGD`.

    Example:

    >>> optimizer = CaffeSGD(1e-3, l2=5e-4)
    """

    def __init__(
        self,
        learning_rate=0.001,
        momentum=0.9,
        l2=5e-4,
        bias_lr_mult=2.0,
        bias_decay_mult=1.0,
        layer_lr_mults=None,
        layer_bias_mults=None,
        gamma_decay_mult=0.0,
        beta_decay_mult=0.0,
        **kwargs,
    ):
        super().__init__(
            learning_rate=learning_rate, momentum=momentum, **kwargs
        )
        self.l2 = l2
        self.bias_lr_mult = bias_lr_mult
        self.bias_decay_mult = bias_decay_mult
        self.layer_lr_mults = dict(layer_lr_mults or {})
        self.layer_bias_mults = {
            name: tuple(mults)
            for name, mults in (layer_bias_mults or {}).items()
        }
        self.gamma_decay_mult = gamma_decay_mult
        self.beta_decay_mult = beta_decay_mult

    def update_step(self, gradient, variable, learning_rate):
        # A keras.Variable has the path "vgg16/conv1_1/bias"; the tf.Variable
        # that Keras hands over has the name "vgg16/conv1_1/bias:0".
        path = getattr(variable, "path", variable.name).split(":")[0]
        *layers, name = path.split("/")
        layer = layers[-1] if layers else ""
        lr_mult, decay_mult = 1.0, 1.0
        if name == "bias":
            lr_mult, decay_mult = self.layer_bias_mults.get(
                layer, (self.bias_lr_mult, self.bias_decay_mult)
            )
        elif name == "gamma":
            decay_mult = self.gamma_decay_mult
        elif name == "beta":
            decay_mult = self.beta_decay_mult
        lr_mult *= self.layer_lr_mults.get(layer, 1.0)
        decay = self.l2 * decay_mult
        if decay:
            gradient = gradient + decay * variable
        super().update_step(gradient, variable, learning_rate * lr_mult)

    def get_config(self):
        return {
            **super().get_config(),
            "l2": self.l2,
            "bias_lr_mult": self.bias_lr_mult,
            "bias_decay_mult": self.bias_decay_mult,
            "layer_lr_mults": self.layer_lr_mults,
            "layer_bias_mults": self.layer_bias_mults,
            "gamma_decay_mult": self.gamma_decay_mult,
            "beta_decay_mult": self.beta_decay_mult,
        }


@keras.saving.register_keras_serializable("kcv")
class Muon(keras.optimizers.Muon):
    """Train kernels by orthogonalised momentum (Jordan et al. 2024).

    The momentum of a kernel, as a matrix, is brought to singular values of
    about one, so that an update goes as far in directions that gradients
    rarely have as in those that they always have. `keras.optimizers.Muon` does
    so with dense kernels alone; here one of a convolution, (h, w, in, out), is
    the matrix (h w in, out), as in the authors' code. Everything else, and
    what `exclude_layers` names, is trained by AdamW; that should be the layers
    that score classes or make pixels.

    Updates are scaled to the size of those of AdamW (Liu et al. 2025), whose
    learning rates therefore suit both.

    Args:
        exclude_layers: regular expressions; kernels with one of them in their
            path are trained by AdamW.
        **kwargs: the others, as of `keras.optimizers.Muon`.

    Example:

    >>> optimizer = Muon(1e-3, exclude_layers=["score"])
    """

    def _should_use_adamw(self, variable):
        if len(variable.shape) != 4:
            return super()._should_use_adamw(variable)
        return any(
            re.search(name, variable.path) for name in self.exclude_layers
        )

    def zeropower_via_newtonschulz5(self, x, steps):
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        matrix = super().zeropower_via_newtonschulz5(matrix, steps)
        return ops.reshape(matrix, x.shape)

    def lr_adjust(self, x):
        if self.rms_rate is None:
            return x
        *rows, columns = x.shape
        return x * math.sqrt(max(math.prod(rows), columns)) * self.rms_rate
