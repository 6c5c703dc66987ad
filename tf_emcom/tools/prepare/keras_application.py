"""The models of keras.applications."""

import importlib
import sys
import warnings
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError, suggest
from tf_emcom.files import reason
from tf_emcom.tools.prepare.encoders import EncoderChoice, ImageEncoder, Network, checksum_of

RANDOM = "random"
# Keras raises one of these on files that hold something else.
_FAULTS = (ValueError, OSError, KeyError, TypeError, AttributeError)


class KerasApplication(ImageEncoder):
    """A model by its name, such as "ResNet50", without its classifier: the output of global average pooling, [B, F].

    Images go through the model's own `preprocess_input`, at the size that it was trained with.
    """

    def __init__(self, choice: EncoderChoice) -> None:
        super().__init__(choice)
        known = applications()
        if choice.name not in known:
            raise UserError(
                f"--encoder is {choice.name!r}, which is neither a path nor a model of keras.applications:"
                f" {suggest(choice.name, list(known))}"
            )
        if choice.pixel_range is not None:
            raise UserError(f"--pixel_range was given, but {choice.name} has its own preprocessing; leave it out.")
        if not choice.weights:
            raise UserError(
                f"{choice.name} needs a file with its weights, --weights=FILE, and nothing is downloaded here; Keras"
                " publishes them below https://storage.googleapis.com/tensorflow/keras-applications/, and"
                f" keras.applications.{choice.name}(include_top=False) gets them"
                " into ~/.keras/models on a machine with a network (--weights=random does without, for trials)."
            )
        is_file = tf.io.gfile.exists(choice.weights) and not tf.io.gfile.isdir(choice.weights)
        if choice.weights != RANDOM and not is_file:
            raise UserError(f"--weights is {choice.weights}, but there is no such file; give a file of {choice.name}.")
        self._application = known[choice.name]

    @classmethod
    def recognises(cls, name: str) -> bool:
        # A folder of that name is ./NAME.
        return "/" not in name and "." not in name

    def identity(self) -> str:
        choice = self.choice
        weights = f"random:{choice.seed}" if choice.weights == RANDOM else checksum_of(choice.weights)
        return f"{choice.name} {weights}"

    def build(self) -> Network:
        # Only the whole model has its usual size, and can read a file that has the classifier's weights, too.
        whole = self._application(weights=None)
        usual = whole.input_shape[1:3]
        height, width = (self.choice.image_size or side for side in usual)
        keras.utils.set_random_seed(self.choice.seed)
        try:
            model = self._application(include_top=False, weights=None, pooling="avg", input_shape=(height, width, 3))
        except ValueError as error:
            raise UserError(
                f"{self.choice.name} cannot see {height} × {width} pixels ({reason(error)}); its usual --image_size"
                f" is {usual[0]}."
            ) from error
        prepare = importlib.import_module(self._application.__module__).preprocess_input
        if self.choice.weights == RANDOM:
            print("Note: features of random weights say little about what an image shows.", file=sys.stderr)
            # Smooth images of random colours, [8, height, width, 3] in [0, 255].
            coarse = np.random.default_rng(self.choice.seed).uniform(0, 255, (8, 8, 8, 3))
            images = tf.image.resize(tf.constant(coarse, tf.float32), (height, width), method="bilinear")
            _set_statistics(model, prepare(images))
        else:
            self._load(model, whole)
        return Network(height, width, lambda images: model(prepare(images), training=False))

    def _load(self, model: keras.Model, whole: keras.Model) -> None:
        try:
            _load_all(model, self.choice.weights)
        except _FAULTS as first:
            try:
                _load_all(whole, self.choice.weights)
                _copy_weights(whole, model)
            except _FAULTS:
                raise UserError(
                    f"--weights is {self.choice.weights}, which does not hold the weights of {self.choice.name}"
                    f" ({reason(first)}); give the file of just this model, as Keras names it (.h5, .weights.h5 or"
                    " .keras)."
                ) from first


def applications() -> dict[str, Callable[..., keras.Model]]:
    """Every model of keras.applications, by its name."""
    return {name: getattr(keras.applications, name) for name in dir(keras.applications) if name[0].isupper()}


def _set_statistics(model: keras.Model, images: tf.Tensor) -> None:
    """Lets batch normalisation see some images, without which a deep network's random features vanish (1e-13)."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)


def _load_all(model: keras.Model, path: str) -> None:
    """Loads every weight; ValueError where Keras would leave some of them as they were, with a warning at most."""
    floats = [weight for weight in model.weights if keras.backend.is_float_dtype(weight.dtype)]
    for weight in floats:
        weight.assign(np.full(weight.shape, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.load_weights(path)
    missing = [weight.path for weight in floats if np.isnan(weight.numpy()).any()]
    if missing:
        raise ValueError(f"{missing[0]} is not in it")


def _copy_weights(whole: keras.Model, part: keras.Model) -> None:
    """Copies the weights of layers that both have: those of `part` come first in `whole`, in the same order."""
    here, there = ([layer for layer in model.layers if layer.weights] for model in (part, whole))
    for layer, other in zip(here, there, strict=False):
        layer.set_weights(other.get_weights())
