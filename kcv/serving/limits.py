"""What a served graph accepts: checks that run before anything is computed.

Shapes: B images of H x W pixels and C channels, P boxes or points of an image.
"""

import dataclasses

import tensorflow as tf

# A request is no larger than one image may be: 1.2 GB as float32.
_REQUEST_PIXELS = 100_000_000
# A resized image can leave 0..255 by what rounding adds.
_ROUNDING = 0.01
# Far outside of any image, and far from what int32 holds.
_FARTHEST = 1e6


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sizes of the requests that an export answers.

    Args:
        max_batch: Number of images of a request.
        max_pixels: Number of pixels of an image as sent. All images of a
            request have at most this number, or 100 million if that is more,
            as sent and as they are given to the model.
        max_proposals: Number of proposals of an image.

    Raises:
        ValueError: If a limit is not a positive integer.
    """

    max_batch: int
    max_pixels: int
    max_proposals: int

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: "
                    f"{name}={value!r}"
                )

    @property
    def request_pixels(self) -> int:
        """Number of pixels of all images of a request."""
        return max(self.max_pixels, _REQUEST_PIXELS)

    def check_batch(self, batch: tf.Tensor) -> tf.Tensor:
        """Check that a batch has at least one image and at most `max_batch`.

        Args:
            batch: Batch of images, or of encoded images, (B, ...).

        Returns:
            The batch. Running it raises `tf.errors.InvalidArgumentError` if it
            has no image, or too many.
        """
        count = tf.shape(batch)[0]
        checks = [
            tf.debugging.assert_positive(
                tf.size(batch, tf.int64),
                "the batch holds no image, or an image has no pixels",
            ),
            tf.debugging.assert_less_equal(
                count,
                self.max_batch,
                f"the batch holds more images than max_batch={self.max_batch}",
            ),
        ]
        # The network would run beside the checks, and fail with words of its
        # own.
        with tf.control_dependencies(checks):
            return tf.identity(batch)

    def check_images(self, images: tf.Tensor) -> tf.Tensor:
        """Check the size and the values of images.

        Args:
            images: Images (B, H, W, C) float32, RGB in 0..255.

        Returns:
            The images. Running them raises `tf.errors.InvalidArgumentError` if
            a limit is exceeded, or a pixel is not finite or not in 0..255.
        """
        images = self.check_batch(images)
        count, height, width, _ = tf.unstack(tf.shape(images, tf.int64))
        pixels = height * width
        check = tf.debugging.assert_less_equal(
            tf.stack([pixels, count * pixels]),
            tf.constant([self.max_pixels, self.request_pixels], tf.int64),
            f"an image has more than max_pixels={self.max_pixels}, or all "
            f"together have more than {self.request_pixels} pixels",
        )
        with tf.control_dependencies([check]):
            images = tf.identity(images)
        # A comparison with NaN is false.
        in_range = (images >= -_ROUNDING) & (images <= 255 + _ROUNDING)
        check = tf.debugging.Assert(
            tf.reduce_all(in_range),
            ["the pixels of images must be finite and in 0..255"],
        )
        with tf.control_dependencies([check]):
            return tf.identity(images)

    def check_total(self, pixels: tf.Tensor) -> tf.Operation:
        """Check the number of pixels of all images of a request.

        Args:
            pixels: Number of pixels, () int64, with the padding to one size.

        Returns:
            Operation that raises `tf.errors.InvalidArgumentError` if there are
            too many.
        """
        return tf.debugging.assert_less_equal(
            pixels,
            tf.constant(self.request_pixels, tf.int64),
            "all images of a request together, padded to one size, must have "
            f"at most {self.request_pixels} pixels",
        )

    def check_places(
        self, places: tf.Tensor, shape: tuple, batch: tf.Tensor, name: str
    ) -> tf.Tensor:
        """Check boxes or points that belong to the images of a batch.

        Args:
            places: Boxes (B, P, 4) or points (B, 5, 2), float32, in pixels.
            shape: Shape of the places of one image, such as (None, 4).
            batch: Batch of images, or of encoded images, (B, ...).
            name: Name of the input, for error messages.

        Returns:
            The places, with static shape. Running them raises
            `tf.errors.InvalidArgumentError` if the number of images differs, an
            image has more than `max_proposals`, or a number is not finite.
        """
        places = tf.ensure_shape(places, [None, *shape])
        checks = [
            tf.debugging.assert_equal(
                tf.shape(places)[0],
                tf.shape(batch)[0],
                f"each image of the batch needs its row of {name}",
            ),
            tf.debugging.assert_less_equal(
                tf.shape(places)[1],
                self.max_proposals,
                f"an image has more {name} than max_proposals="
                f"{self.max_proposals}",
            ),
        ]
        with tf.control_dependencies(checks):
            places = tf.identity(places)
        check = tf.debugging.Assert(
            tf.reduce_all(tf.abs(places) <= _FARTHEST),
            [f"{name} must be finite, in pixels of the images as sent"],
        )
        with tf.control_dependencies([check]):
            return tf.identity(places)
