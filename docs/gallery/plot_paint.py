"""
Paint: what is style?
=====================

Gatys, Ecker and Bethge (2016) describe the style of an image by Gram matrices:
which features occur together, wherever they are. This page computes Gram
matrices of three photographs and then changes one image until its matrix is
that of another. It uses a bank of small filters in place of VGG, which would
be a download; `python -m recipes.neural_style` uses VGG.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kcv

wanted = ("brick", "grass", "ihc", "chelsea")
images = {}
for split in ("train", "test"):
    for example in kcv.data.load_images("photographs", split).dataset:
        name = example["image_id"].numpy().decode().split("/")[-1]
        for key in wanted:
            if key in name:
                image = tf.cast(example["images"], tf.float32)
                images[key] = tf.image.resize(image[:300, :300], (96, 96))
print([*images])

# %%
# The features: 32 random filters of 7 x 7 pixels at two scales. Ustyuzhaninov
# et al. (2016) found that even random filters describe textures.

keras.utils.set_random_seed(0)
inputs = keras.Input((None, None, 3))
x = keras.layers.Rescaling(1 / 128, offset=-1)(inputs)
maps = []
for _level in range(2):
    kernel = keras.initializers.Orthogonal(gain=1.5)
    maps.append(
        keras.layers.Conv2D(
            32, 7, activation="relu", kernel_initializer=kernel
        )(x)
    )
    x = keras.layers.AveragePooling2D(2)(x)
features = keras.Model(inputs, maps)
gram = kcv.layers.GramMatrix("hw")

# %%
# A Gram matrix has an entry for each pair of features. It does not depend on
# where in the image they are: an image whose quarters are exchanged has nearly
# the same matrix.

figure, grid = plt.subplots(2, 4, figsize=(9, 4.6), layout="constrained")
for (above, below), (name, image) in zip(grid.T, images.items(), strict=False):
    above.imshow(image.numpy().astype(np.uint8))
    above.set_title(name, fontsize=9)
    matrix = gram(features(image[None])[0])[0].numpy()
    below.imshow(matrix, cmap="magma", vmax=np.quantile(matrix, 0.99))
for axes in grid.flat:
    axes.set_axis_off()

image = images["ihc"]
moved = tf.roll(image, (48, 48), (0, 1))
own, other, else_ = (
    gram(features(picture[None])[0])[0].numpy()
    for picture in (image, moved, images["grass"])
)
change = np.linalg.norm(other - own) / np.linalg.norm(own)
print(f"quarters exchanged: the matrix changes by {change:.0%}")
change = np.linalg.norm(else_ - own) / np.linalg.norm(own)
print(f"another texture: by {change:.0%}")

# %%
# From noise to a texture
# -----------------------
#
# `kcv.style.optimize_image` minimizes a function of an image by L-BFGS. The
# function here is the distance of the Gram matrices from those of the tissue.

goal = [gram(maps) for maps in features(images["ihc"][None])]


def distance(image):
    """Compute the distance of the Gram matrices from the goal."""
    found = features(image)
    return {
        f"style_{level}": tf.reduce_mean((gram(maps) - target) ** 2)
        for level, (maps, target) in enumerate(zip(found, goal, strict=False))
    }


noise = np.random.default_rng(0).uniform(96, 160, (1, 96, 96, 3))
found = kcv.style.optimize_image(
    distance, noise.astype("float32"), iterations=200, verbose=False
)
total = found.history["total_loss"]
print(f"the distance fell from {total[0]:.3g} to {min(total):.3g}")

figure, grid = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
pictures = {
    "tissue": images["ihc"],
    "start": noise[0],
    "after 200 evaluations": found.image[0],
}
for axes, (title, picture) in zip(grid, pictures.items(), strict=False):
    axes.imshow(np.clip(picture, 0, 255).astype(np.uint8))
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()
