"""The three networks of MTCNN (Zhang, Zhang, Li and Qiao 2016).

"Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks", IEEE Signal Processing Letters. Layers have the names of the authors'
Caffe models, with a dash as in the package `mtcnn`: conv4-1 is the box.

Shapes: N windows.
"""

import keras

from kcv.classification.preprocessing import preprocess

_SCALING = (127.5, 128.0)


def PNet(include_preprocessing: bool = True, name: str = "pnet") -> keras.Model:
    """Build the proposal network of MTCNN, which scans the image.

    The network has 6,632 parameters. Its windows of 12 x 12 pixels have a
    distance of 2 pixels.

    Args:
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to about -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "pnet".

    Returns:
        A model from images (B, H, W, 3) to `[boxes, probabilities]`: shifts of
        the corners (B, rows, columns, 4) in units of the sides of a window,
        and probabilities (B, rows, columns, 2) of background and face.

    Example:

    >>> PNet().count_params()
    6632
    """
    images = keras.Input((None, None, 3), name="images")
    x = preprocess(images, include_preprocessing, *_SCALING)
    x = _convolution(x, 10, 3, 1)
    x = _pool(x, 2, 1)
    x = _convolution(x, 16, 3, 2)
    x = _convolution(x, 32, 3, 3)
    boxes = keras.layers.Conv2D(4, 1, dtype="float32", name="conv4-1")(x)
    faces = keras.layers.Conv2D(
        2, 1, activation="softmax", dtype="float32", name="conv4-2"
    )(x)
    return keras.Model(images, [boxes, faces], name=name)


def RNet(include_preprocessing: bool = True, name: str = "rnet") -> keras.Model:
    """Build the refinement network of MTCNN.

    The network has 100,178 parameters.

    Args:
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to about -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "rnet".

    Returns:
        A model from windows (N, 24, 24, 3) to `[boxes, probabilities]`: shifts
        of the corners (N, 4) in units of the sides of a window, and
        probabilities (N, 2) of background and face.

    Example:

    >>> RNet().count_params()
    100178
    """
    images = keras.Input((24, 24, 3), name="images")
    x = preprocess(images, include_preprocessing, *_SCALING)
    x = _convolution(x, 28, 3, 1)
    x = _pool(x, 3, 1)
    x = _convolution(x, 48, 3, 2)
    x = _pool(x, 3, 2)
    x = _convolution(x, 64, 2, 3)
    x = _dense(x, 128, 4)
    boxes = keras.layers.Dense(4, dtype="float32", name="fc5-1")(x)
    faces = keras.layers.Dense(
        2, activation="softmax", dtype="float32", name="fc5-2"
    )(x)
    return keras.Model(images, [boxes, faces], name=name)


def ONet(include_preprocessing: bool = True, name: str = "onet") -> keras.Model:
    """Build the output network of MTCNN, which also finds five landmarks.

    The network has 389,040 parameters.

    Args:
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to about -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "onet".

    Returns:
        A model from windows (N, 48, 48, 3) to `[boxes, landmarks,
        probabilities]`: shifts of the corners (N, 4) in units of the sides of
        a window, landmarks (N, 10) within the window from 0 to 1, five x and
        then five y, and probabilities (N, 2) of background and face.

    Example:

    >>> ONet().count_params()
    389040
    """
    images = keras.Input((48, 48, 3), name="images")
    x = preprocess(images, include_preprocessing, *_SCALING)
    x = _convolution(x, 32, 3, 1)
    x = _pool(x, 3, 1)
    x = _convolution(x, 64, 3, 2)
    x = _pool(x, 3, 2)
    x = _convolution(x, 64, 3, 3)
    x = _pool(x, 2, 3)
    x = _convolution(x, 128, 2, 4)
    x = _dense(x, 256, 5, dropout=0.25)
    boxes = keras.layers.Dense(4, dtype="float32", name="fc6-1")(x)
    points = keras.layers.Dense(10, dtype="float32", name="fc6-2")(x)
    faces = keras.layers.Dense(
        2, activation="softmax", dtype="float32", name="fc6-3"
    )(x)
    return keras.Model(images, [boxes, points, faces], name=name)


def _convolution(x, filters, size, number):
    x = keras.layers.Conv2D(filters, size, name=f"conv{number}")(x)
    return keras.layers.PReLU(shared_axes=[1, 2], name=f"prelu{number}")(x)


def _pool(x, size, number):
    # Sizes are rounded up as in Caffe. TensorFlow's "same" does so where it
    # pads behind the map only; a map of odd size needs no padding for windows
    # of 3.
    odd = x.shape[1] is not None and x.shape[1] % 2 == 1
    padding = "valid" if size == 3 and odd else "same"
    return keras.layers.MaxPooling2D(
        size, 2, padding=padding, name=f"pool{number}"
    )(x)


def _dense(x, units, number, dropout=0.0):
    # The authors' code passes images with rows and columns exchanged, so that
    # the published weights run through columns before rows.
    x = keras.layers.Permute((2, 1, 3), name="permute")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(units, name=f"fc{number}")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
    return keras.layers.PReLU(name=f"prelu{number}")(x)
