"""Encoders: from images to features."""

import abc
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.runtime.catalogue import plug_ins


class EncoderChoice(NamedTuple):
    """The flags that choose an encoder."""

    name: str  # a model of keras.applications, or a path
    weights: str | None = None  # a file, or "random"
    image_size: int | None = None  # pixels a side, None: the encoder's own
    pixel_range: tuple[float, float] | None = None  # of black and white for the encoder, None: its usual values
    seed: int = 0  # of random weights


class Network(NamedTuple):
    """An encoder in memory."""

    height: int  # of the images that it sees, pixels
    width: int
    encode: Callable[[tf.Tensor], tf.Tensor]  # float32 [B, height, width, 3] in [0, 255] → floats [B, ...]


class ImageEncoder(abc.ABC):
    """The base class of encoders. A new one is a subclass that says which names it recognises."""

    def __init__(self, choice: EncoderChoice) -> None:
        """Checks the choice, as far as that is quick; UserError where something is missing or does not fit."""
        self.choice = choice

    @classmethod
    @abc.abstractmethod
    def recognises(cls, name: str) -> bool:
        """Whether the value of --encoder means one of this class; at most one class does."""

    @abc.abstractmethod
    def identity(self) -> str:
        """One word for everything that its features depend on: other weights are another identity."""

    @abc.abstractmethod
    def build(self) -> Network:
        """Loads it; UserError where it cannot take images."""


def checksum_of(path: str) -> str:
    """SHA-256 of a file, or of all files below a folder with their names."""
    total, path = hashlib.sha256(), path.rstrip("/")
    paths = [path]
    if tf.io.gfile.isdir(path):
        paths = [f"{folder}/{name}" for folder, _, names in tf.io.gfile.walk(path) for name in names]
    for file in sorted(paths, key=lambda file: file.split("/")):
        total.update(file[len(path) :].encode())
        with tf.io.gfile.GFile(file, "rb") as opened:
            while chunk := opened.read(1 << 20):
                total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def pixel_range_of(text: str) -> tuple[float, float]:
    """The values of black and white, as in "-1,1"; UserError where these are not two different numbers."""
    try:
        black, white = (float(number) for number in text.split(","))
    except ValueError:
        black = white = 0.0
    if not (math.isfinite(black) and math.isfinite(white)) or black == white:
        raise UserError(f"--pixel_range is {text!r}; give the values of black and white for the encoder, as in -1,1.")
    return black, white


def _in_range(images: tf.Tensor, pixel_range: tuple[float, float] | None) -> tf.Tensor:
    """Images in [0, 255] to [black, white]; None: they stay."""
    if pixel_range is None:
        return images
    black, white = pixel_range
    return images * ((white - black) / 255.0) + black


class _FromPath(ImageEncoder):
    """An encoder from a path, which holds its own weights."""

    kind: str

    def __init__(self, choice: EncoderChoice) -> None:
        super().__init__(choice)
        if choice.weights:
            raise UserError(f"--weights was given, but {choice.name} holds its own weights; leave --weights out.")

    def identity(self) -> str:
        return f"{self.kind} {checksum_of(self.choice.name)}"

    def _image_size(self, inputs: Sequence[Any], outputs: Sequence[Any], fix: str) -> tuple[int, int]:
        """Height and width of its images; UserError where `inputs` is not one batch of them, or has another size."""
        name, asked = self.choice.name, self.choice.image_size
        if len(inputs) != 1 or len(outputs) != 1:
            raise UserError(
                f"The encoder {name} has {len(inputs)} inputs and {len(outputs)} outputs, but it has to have one of"
                f" each; {fix}."
            )
        shape = tf.TensorShape(inputs[0].shape)
        if shape.rank != 4 or shape[0] is not None or shape[3] != 3:
            given = "of unknown shape" if shape.rank is None else f"of the shape {tuple(shape)}"
            raise UserError(
                f"The encoder {name} takes an input {given}, but it has to take images: (None, height, width, 3)."
            )
        height, width = (asked if side is None else side for side in shape[1:3])
        if height is None or width is None:
            raise UserError(f"The encoder {name} takes images of any size; say with --image_size how many pixels.")
        if asked is not None and (height, width) != (asked, asked):
            raise UserError(
                f"--image_size is {asked}, but the encoder {name} takes {height} × {width} pixels; leave --image_size"
                " out."
            )
        return height, width


class KerasFile(_FromPath):
    """A whole model in a `.keras` file (or an older `.h5`): one input [None, height, width, 3], one output.

    It gets pixels as floats in [0, 255], unless --pixel_range says otherwise; other preprocessing has to be a layer of
    its own. Code is not run while it is loaded, so a model with a Lambda layer is refused.
    """

    kind = "Keras"

    def __init__(self, choice: EncoderChoice) -> None:
        super().__init__(choice)
        if not tf.io.gfile.exists(choice.name) or tf.io.gfile.isdir(choice.name):
            raise UserError(f"--encoder is {choice.name}, but there is no such file; check its spelling.")

    @classmethod
    def recognises(cls, name: str) -> bool:
        return name.endswith((".keras", ".h5", ".hdf5"))

    def build(self) -> Network:
        name = self.choice.name
        try:
            model = keras.saving.load_model(name, compile=False)
        # Keras raises whatever the layers in the file raise.
        except Exception as error:  # noqa: BLE001
            raise UserError(
                f"--encoder is {name}, which Keras cannot load ({reason(error)}); save it with model.save(…),"
                " without Lambda layers."
            ) from error
        inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
        size = self._image_size(inputs, outputs, "save keras.Model(images, features)")
        return Network(*size, lambda images: model(_in_range(images, self.choice.pixel_range), training=False))


class SavedModelEncoder(_FromPath):
    """The folder of a SavedModel, with the signature `serving_default` or only one other.

    It takes one input [None, height, width, 3], and gives one output: floats [None, ...]. An input of type uint8 gets
    pixels from 0 to 255; one of float32 as well, unless --pixel_range says otherwise.
    """

    kind = "SavedModel"

    def __init__(self, choice: EncoderChoice) -> None:
        super().__init__(choice)
        if not tf.io.gfile.exists(f"{choice.name.rstrip('/')}/saved_model.pb"):
            raise UserError(
                f"--encoder is {choice.name}, which is not the folder of a SavedModel (it has no saved_model.pb), a"
                " .keras file or a model of keras.applications; check its spelling."
            )

    @classmethod
    def recognises(cls, name: str) -> bool:
        return ("/" in name or "." in name) and not KerasFile.recognises(name)

    def build(self) -> Network:
        name, usual = self.choice.name, "serving_default"
        try:
            model = tf.saved_model.load(name)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"--encoder is {name}, which TensorFlow cannot load ({reason(error)}).") from error
        known = model.signatures
        if usual not in known and len(known) != 1:
            there = f"only {', '.join(sorted(known))}" if known else "none at all"
            raise UserError(
                f"The SavedModel {name} has no signature {usual!r}, {there}; export the encoder with"
                f" signatures={{{usual!r}: …}}."
            )
        signature = known[usual] if usual in known else next(iter(known.values()))
        inputs, outputs = signature.structured_input_signature[1], sorted(signature.structured_outputs)
        names = ", ".join([*inputs, *outputs])
        fix = f"its signature has {names}; export one with images as its input and features as its output"
        size = self._image_size(list(inputs.values()), outputs, fix)
        ((key, spec),) = inputs.items()
        preprocess = self._preprocessing(spec.dtype)

        def encode(images: tf.Tensor, model: Any = model) -> tf.Tensor:
            # A signature does not keep the model's weights alive; the default argument does.
            return signature(**{key: preprocess(images)})[outputs[0]]

        return Network(*size, encode)

    def _preprocessing(self, dtype: tf.DType) -> Callable[[tf.Tensor], tf.Tensor]:
        name, pixel_range = self.choice.name, self.choice.pixel_range
        if dtype == tf.uint8:
            if pixel_range is not None:
                raise UserError(f"--pixel_range was given, but the encoder {name} takes bytes, 0 to 255; leave it out.")
            return lambda images: tf.cast(tf.round(images), tf.uint8)
        if not dtype.is_floating:
            raise UserError(f"The encoder {name} takes {dtype.name}, but it has to take images as float32 or uint8.")
        return lambda images: tf.cast(_in_range(images, pixel_range), dtype)


def encoder_for(choice: EncoderChoice) -> ImageEncoder:
    """The encoder that was asked for, not yet built; UserError where there is none, or the choice does not fit it."""
    # Those of the package come last, since they recognise any word and any path.
    known = plug_ins(ImageEncoder, ["tools.prepare"]).values()
    classes = sorted(known, key=lambda cls: cls.__module__.startswith("tf_emcom."))
    return next(cls for cls in classes if cls.recognises(choice.name))(choice)
