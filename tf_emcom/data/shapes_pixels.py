"""The images of `Shapes`, seen pixel by pixel."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.data import shape_images
from tf_emcom.data.examples import Examples
from tf_emcom.data.shapes import Shapes
from tf_emcom.errors import require_integer


class ShapesPixels(Checked):
    """What `Shapes` shows, but agents see the 3,072 pixels, each standardised, instead of a projection of them.

    Attributes: `class_names`, `factor_names` and `attribute_names` as in `Shapes`.
    """

    name = "shapes_pixels"
    class_names = Shapes.class_names
    factor_names = Shapes.factor_names
    attribute_names = Shapes.attribute_names

    def __init__(self, seed: int = 0) -> None:
        """Chooses the images, the same as those of `Shapes` with this `seed`; UserError when it is negative."""
        require_integer("ShapesPixels.seed", seed, 0, "the images are made from it")
        self.seed = seed

    def features(self) -> int:
        """3,072, one a pixel and colour channel."""
        return 32 * 32 * 3

    def labels(self) -> tuple[str, ...]:
        """As those of `Shapes`."""
        return shape_images.LABELS

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Makes one split, as `Shapes.load` does, with inputs float32 [N, 3072]."""
        made = shape_images.examples(
            self.name, self.seed, split, lambda images: images.reshape(len(images), -1).astype(np.float32)
        )
        return made.with_labels(labels, self.name)
