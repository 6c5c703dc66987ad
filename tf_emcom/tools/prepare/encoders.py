"""Encoders: from images to features."""

import abc
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.runtime.catalogue import plug_ins

_CHUNK_BYTES = 1 << 20


class EncoderChoice(NamedTuple):
    """What a user asks for.

    Attributes:
      name: a model of keras.applications, or a path.
      weights: a file, "random", or None.
      image_size: pixels a side, None: the encoder's own.
      pixel_range: what black and white are to the encoder, None: what is usual for it.
      seed: of random weights.
    """

    name: str
    weights: str | None = None
    image_size: int | None = None
    pixel_range: tuple[float, float] | None = None
    seed: int = 0


class Network(NamedTuple):
    """An encoder in memory.

    Attributes:
      height: pixels of the images that it sees.
      width: the same.
      encode: float32 [B, height, width, 3] in [0, 255] → floats [B, ...].
    """

    height: int
    width: int
    encode: Callable[[tf.Tensor], tf.Tensor]


class ImageEncoder(abc.ABC):
    """One kind of encoder. A new one is a file here with a subclass, which says what names it recognises."""

    def __init__(self, choice: EncoderChoice) -> None:
        """Checks what was asked for, as far as that is quick; UserError where something is missing or does not fit."""
        self.choice = choice

    @classmethod
    @abc.abstractmethod
    def recognises(cls, name: str) -> bool:
        """Whether --encoder means one of this kind; at most one kind does."""

    @abc.abstractmethod
    def identity(self) -> str:
        """What makes its features what they are, in a word: other weights are another identity."""

    @abc.abstractmethod
    def build(self) -> Network:
        """Makes it ready; UserError where it is none that sees images."""


def checksum_of(path: str) -> str:
    """SHA-256 of a file, or of all files below a folder with their names."""
    total, path = hashlib.sha256(), path.rstrip("/")
    for file in _files(path):
        total.update(file[len(path) :].encode())
        with tf.io.gfile.GFile(file, "rb") as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def _files(path: str) -> list[str]:
    if not tf.io.gfile.isdir(path):
        return [path]
    entries = sorted(entry.rstrip("/") for entry in tf.io.gfile.listdir(path))
    return [file for entry in entries for file in _files(f"{path}/{entry}")]


def image_size(encoder: str, shape: Sequence[int | None] | None, asked: int | None) -> tuple[int, int]:
    """Height and width of what an encoder sees.

    Args:
      encoder: its name.
      shape: of its input, the batch first; None stands for what can be anything.
      asked: pixels a side that were asked for, None: none were.

    Raises:
      UserError: the input is no batch of colour images, or its size is not known, or another one.
    """
    if shape is None or len(shape) != 4 or shape[0] is not None or shape[3] != 3:
        given = "of unknown shape" if shape is None else f"of the shape {tuple(shape)}"
        raise UserError(
            f"The encoder {encoder} takes an input {given}, but it has to take images: (None, height, width, 3)."
        )
    height, width = (asked if side is None else side for side in shape[1:3])
    if height is None or width is None:
        raise UserError(f"The encoder {encoder} takes images of any size; say with --image_size how many pixels.")
    if asked is not None and (height, width) != (asked, asked):
        raise UserError(
            f"--image_size is {asked}, but the encoder {encoder} takes {height} × {width} pixels; leave --image_size"
            " out."
        )
    return height, width


def pixel_range_of(text: str) -> tuple[float, float]:
    """What black and white are, as in "-1,1"; UserError where these are not two different numbers."""
    try:
        black, white = (float(number) for number in text.split(","))
    except ValueError:
        black = white = 0.0
    if not (math.isfinite(black) and math.isfinite(white)) or black == white:
        raise UserError(f"--pixel_range is {text!r}, but it has what black and white are to the encoder, as in -1,1.")
    return black, white


def in_range(images: tf.Tensor, pixel_range: tuple[float, float] | None) -> tf.Tensor:
    """Images in [0, 255] to [black, white]; None: they stay."""
    if pixel_range is None:
        return images
    black, white = pixel_range
    return images * ((white - black) / 255.0) + black


def refuse_weights(choice: EncoderChoice) -> None:
    """UserError where weights are given for an encoder that holds its own."""
    if choice.weights:
        raise UserError(f"--weights was given, but {choice.name} holds its own weights; leave --weights out.")


_ENDINGS = (".keras", ".h5", ".hdf5")


class KerasFile(ImageEncoder):
    """A whole model in a `.keras` file (or an older `.h5`): one input [None, height, width, 3], one output.

    It gets pixels as floats in [0, 255], unless --pixel_range says otherwise; what else it wants done to them is a
    layer of its own. Code is not run while it is loaded, so a model with a Lambda layer is refused.
    """

    def __init__(self, choice: EncoderChoice) -> None:
        """UserError where there is no such file, or weights of its own were given."""
        super().__init__(choice)
        refuse_weights(choice)
        if not tf.io.gfile.exists(choice.name) or tf.io.gfile.isdir(choice.name):
            raise UserError(f"--encoder is {choice.name}, but there is no such file; look at how it is spelt.")

    @classmethod
    def recognises(cls, name: str) -> bool:
        """A name that ends as such files do."""
        return name.endswith(_ENDINGS)

    def identity(self) -> str:
        """The file's checksum."""
        return f"Keras {checksum_of(self.choice.name)}"

    def build(self) -> Network:
        """Loads it."""
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
        if len(inputs) != 1 or len(outputs) != 1:
            raise UserError(
                f"The encoder {name} has {len(inputs)} inputs and {len(outputs)} outputs, but it has to have one of"
                " each; save keras.Model(images, features)."
            )
        height, width = image_size(name, inputs[0].shape, self.choice.image_size)
        pixel_range = self.choice.pixel_range
        return Network(height, width, lambda images: model(in_range(images, pixel_range), training=False))


def encoder_for(choice: EncoderChoice) -> ImageEncoder:
    """The encoder that was asked for, not yet built.

    Raises:
      UserError: there is no such encoder, or something else does not fit it.
    """
    # Those of the package come last, since they recognise any word and any path.
    kinds = plug_ins(ImageEncoder, ["tools.prepare"]).values()
    kinds = sorted(kinds, key=lambda kind: kind.__module__.startswith("tf_emcom."))
    return next(kind for kind in kinds if kind.recognises(choice.name))(choice)
