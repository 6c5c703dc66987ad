"""Features of nothing, in any size."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.annotations import Size
from tf_emcom.arguments import Checked
from tf_emcom.data.examples import Examples
from tf_emcom.data.zero_copy import aligned_empty
from tf_emcom.errors import UserError, require_integer

_SPLITS = ("train", "valid", "test")


class RandomFeatures(Checked):
    """Standard normal features with labels that have nothing to do with them: for measuring speed and memory.

    It stands in for a data set of the same sizes that is not on this machine.
    """

    name = "random"

    def __init__(
        self,
        examples: int = 4096,
        features: Size = 2048,
        classes: Size = 1000,
        attributes: Size = 40,
        image_side: int = 64,
        seed: int = 0,
    ) -> None:
        """UserError where a number is out of its range.

        Args:
          examples: in each split.
          features: F.
          classes: that "label" takes its values from.
          attributes: how many binary "attributes" there are.
          image_side: of the square "image", pixels.
          seed: that everything is drawn from.
        """
        require_integer("RandomFeatures.examples", examples, 1, "it counts the examples of a split")
        require_integer("RandomFeatures.features", features, 1, "it counts the features of an example")
        require_integer("RandomFeatures.classes", classes, 1, "it counts the classes of the label")
        require_integer("RandomFeatures.attributes", attributes, 1, "it counts the attributes of an example")
        require_integer("RandomFeatures.image_side", image_side, 1, "it counts the pixels of an image's side")
        require_integer("RandomFeatures.seed", seed, 0, "random numbers start from it")
        self.examples = examples
        self.seed = seed
        self._features, self._classes, self._attributes, self._side = features, classes, attributes, image_side

    def features(self) -> int:
        """As many as were asked for."""
        return self._features

    def labels(self) -> tuple[str, ...]:
        """A class, binary attributes, and an image."""
        return ("label", "attributes", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Draws one split.

        Args:
          split: "train", "valid" or "test".
          labels: which labels; None: all.

        Returns:
          Examples with inputs float32 [N, F] and labels "label": int32 [N], "attributes": int32 [N, attributes],
          "image": uint8 [N, side, side, 3].

        Raises:
          UserError: when there is no such split or label.
        """
        if split not in _SPLITS:
            raise UserError(f"The data set {self.name} has no split {split!r}, only {', '.join(_SPLITS)}.")
        generator = np.random.Generator(np.random.PCG64([self.seed, _SPLITS.index(split)]))
        inputs = aligned_empty((self.examples, self._features), np.float32)
        generator.standard_normal(dtype=np.float32, out=inputs)
        # Drawn only where it is wanted: images are large.
        drawn = {
            "label": lambda: generator.integers(0, self._classes, self.examples, np.int32),
            "attributes": lambda: generator.integers(0, 2, (self.examples, self._attributes), np.int32),
            "image": lambda: generator.integers(0, 256, (self.examples, self._side, self._side, 3), np.uint8),
        }
        wanted = self.labels() if labels is None else labels
        known = {name: drawn[name]() if name in wanted else np.empty(0) for name in self.labels()}
        return Examples(inputs, known).with_labels(wanted, self.name)
