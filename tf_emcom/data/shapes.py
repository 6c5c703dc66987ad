"""Coloured shapes: images made from independent factors, a large data set that needs no download."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.annotations import Size
from tf_emcom.arguments import Checked
from tf_emcom.data import scenes, shape_images
from tf_emcom.data.examples import Examples
from tf_emcom.data.shape_renderer import SIDE
from tf_emcom.errors import require_integer

_PIXELS = SIDE * SIDE * 3
_PROJECTION = len(shape_images.SPLITS)  # a stream that is no split's


class Shapes(Checked):
    """Images of 32x32 pixels that each show one coloured shape, made from a seed.

    There are 20,000 for "train", 2,000 for "valid" and 5,000 for "test". Shape (4), colour (6), size (3), row (4) and
    column (4) are drawn independently, as are small shifts of the place, the luminance of the colour and the grey level
    of the background. What agents see is a fixed Gaussian random projection of the pixels, standardised feature by
    feature: every factor can still be read from it linearly.

    Attributes:
      class_names: 24, a colour with a shape each, in the order of "label".
      factor_names: 5, in the order of "factors"; `scenes.FACTORS` names their values.
      attribute_names: 16, in the order of "attributes".
    """

    name = "shapes"
    class_names = scenes.CLASSES
    factor_names = tuple(scenes.FACTORS)
    attribute_names = scenes.ATTRIBUTES

    def __init__(self, seed: int = 0, feature_count: Size = 512) -> None:
        """Chooses the images and what is seen of them; nothing is made yet.

        Args:
          seed: 0 or more; another seed makes other images and another projection.
          feature_count: F, how many numbers the projection makes of the 3,072 of an image.

        Raises:
          UserError: when `seed` is negative or `feature_count` is less than 1.
        """
        require_integer("Shapes.seed", seed, 0, "the images are made from it")
        require_integer("Shapes.feature_count", feature_count, 1, "it is how many features agents see")
        self.seed = seed
        self.feature_count = feature_count

    def features(self) -> int:
        """F, the length of the projection."""
        return self.feature_count

    def labels(self) -> tuple[str, ...]:
        """The class, the factors behind it, attributes that follow from them, and the image."""
        return shape_images.LABELS

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Makes one split; "train" takes a few seconds.

        Args:
          split: "train", "valid" or "test".
          labels: which labels; None: all.

        Returns:
          Examples with inputs float32 [N, F], in standard deviations, and labels: "label" int32 [N], the shape with
          its colour; "factors" int32 [N, 5]; "attributes" int32 [N, 16] of 0 and 1; "image" uint8 [N, 32, 32, 3].

        Raises:
          UserError: when there is no such split or label.
        """
        # In eighths, so that float32 holds every sum of products with whole pixels exactly: the same inputs come out in
        # whatever order a machine adds up.
        draws = shape_images.generator(self.seed, _PROJECTION).standard_normal((self.feature_count, _PIXELS))
        projection = (np.rint(draws * 8) / 8).astype(np.float32).T
        made = shape_images.examples(
            self.name, self.seed, split, lambda images: images.reshape(-1, _PIXELS).astype(np.float32) @ projection
        )
        return made.with_labels(labels, self.name)
