"""Optimizers: Caffe's SGD, and Muon for convolutions."""

import math
import re

import kcv.backend  # noqa: F401

import keras
from keras import ops


@keras.saving.register_keras_serializable("kcv")
class CaffeSGD(keras.optimizers.SGD):
    """SGD with momentum as in Caffe's solver.

    It differs from `keras.optimizers.SGD(weight_decay=...)` in two ways. Weight
    decay is part of the gradient and so passes through the momentum. Keras
    subtracts lr * decay * w separately, which is ten times weaker at a momentum
    of 0.9. And biases have their own learning rate and decay: nearly every
    prototxt has `lr_mult: 2` for them, and most have `decay_mult: 0`.

        v <- momentum * v - lr * lr_mult * (g + decay * decay_mult * w)
        w <- w + v

    Args:
        learning_rate: Learning rate. Float or a schedule of Keras. Defaults to
            0.001.
        momentum: Momentum. Float in [0, 1). Defaults to 0.9, as in nearly every
            paper.
        l2: Weight decay, Caffe's `weight_decay`. Float. Defaults to 5e-4, as in
            nearly every paper.
        bias_lr_mult: Factor of the learning rate of biases. Float. Defaults to
            2.
        bias_decay_mult: Factor of the decay of biases. Float, 1 in Faster
            R-CNN, 0 in Fast R-CNN and in the classifiers. Defaults to 1.
        layer_lr_mults: Dict from names of layers to factors of the learning
            rate of their kernels and, in addition to `bias_lr_mult`, of their
            biases. If None, all factors are 1. Defaults to None.
        layer_bias_mults: Dict from names of layers to pairs of `bias_lr_mult`
            and `bias_decay_mult` of their biases. If None, there are none.
            Defaults to None.
        gamma_decay_mult: Factor of the decay of the scales of batch
            normalization. Float, 1 in SegNet and DeconvNet. Defaults to 0.
        beta_decay_mult: Factor of the decay of the shifts of batch
            normalization. Float, 1 in SegNet-Basic and DeconvNet. Defaults to
            0.
        **kwargs: Options of `keras.optimizers.SGD`.

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
        # that Keras hands over has the name "vgg16/conv1_1/bias:0", its copy on
        # another device "vgg16/conv1_1/bias/replica_1:0".
        path = getattr(variable, "path", variable.name).split(":")[0]
        path = re.sub(r"/replica_\d+$", "", path)
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
    """Muon, which orthogonalizes the momentum of kernels (Jordan et al. 2024).

    The momentum of a kernel, as a matrix, is transformed so that all singular
    values are about one. So an update is as large in directions that gradients
    rarely have as in directions that they always have. `keras.optimizers.Muon`
    does so with dense kernels only. Here the kernel of a convolution, (h, w,
    in, out), is the matrix (h w in, out), as in the authors' code. All other
    variables, and those that `exclude_layers` names, are trained by AdamW.
    Exclude the layers that score classes or produce pixels.

    Updates are scaled to the size of those of AdamW (Liu et al. 2025), so the
    learning rates of AdamW suit both.

    Args:
        exclude_layers: Regular expressions. Kernels are trained by AdamW if one
            of them occurs in their path.
        **kwargs: Other options of `keras.optimizers.Muon`.

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
