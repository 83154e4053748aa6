"""
Four ways to enlarge a feature map
==================================

A network for segmentation makes maps smaller, and then must return to the size
of the image. FCN enlarges its scores by a transposed convolution, which starts
as bilinear interpolation. SegNet and DeconvNet remember where each maximum was
when they pooled, and put values back there.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import kcv

scene = next(
    kcv.data.digit_scenes("test", masks="semantic").as_numpy_iterator()
)
x1, y1, x2, y2 = scene["bounding_boxes"]["boxes"][0]
visible = scene["segmentation_masks"][..., None].astype("float32")
digit = keras.ops.image.crop_images(
    (visible > 0).astype("float32"),
    top_cropping=int(y1),
    left_cropping=int(x1),
    target_height=int(y2 - y1),
    target_width=int(x2 - x1),
)
digit = keras.ops.image.resize(digit, (32, 32))[None]

# %%
# Pooling with 2 x 2 windows keeps the maxima and, as switches, the position of
# each within its window: row * 2 + column.

pooled, switches = kcv.layers.MaxPoolWithSwitches()(digit)
print(pooled.shape, np.unique(switches))

# %%
# Unpooling needs the switches. The others see the pooled map alone.

unpooled = kcv.layers.MaxUnpool()([pooled, switches, digit])
bilinear = keras.layers.UpSampling2D(2, interpolation="bilinear")(pooled)
transposed = keras.layers.Conv2DTranspose(
    1,
    4,
    strides=2,
    padding="same",
    kernel_initializer=kcv.initializers.Bilinear(),
)(pooled)
nearest = keras.layers.UpSampling2D(2)(pooled)

# %%

pictures = {
    "map": digit,
    "pooled": pooled,
    "switches": switches,
    "nearest": nearest,
    "bilinear": bilinear,
    "transposed convolution": transposed,
    "unpooled": unpooled,
}
figure, grid = plt.subplots(2, 4, figsize=(10, 5), layout="constrained")
for axes in grid.flat:
    axes.set_axis_off()
for axes, (title, picture) in zip(grid.flat, pictures.items(), strict=False):
    axes.imshow(np.asarray(picture)[0, :, :, 0], cmap="gray")
    axes.set_title(title, fontsize=9)

# %%
# The transposed convolution equals bilinear interpolation up to its border,
# where it fades to zero: it starts from `kcv.initializers.Bilinear`, and
# training may change it. Unpooling is sparse: convolutions behind it fill the
# gaps. `python -m recipes.tables.upsampling` trains one network with each.
