"""A model in the form that TensorFlow serves."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.prepare.encoders import (
    EncoderChoice,
    ImageEncoder,
    KerasFile,
    Network,
    checksum_of,
    image_size,
    in_range,
    refuse_weights,
)

_USUAL = "serving_default"


class SavedModelEncoder(ImageEncoder):
    """A SavedModel's folder: its signature `serving_default`, or its only one.

    It takes one input [None, height, width, 3], and gives one output: floats [None, ...]. An input of type uint8 gets
    pixels from 0 to 255; one of float32 as well, unless --pixel_range says otherwise.
    """

    def __init__(self, choice: EncoderChoice) -> None:
        """UserError where there is no such folder, or weights of its own were given."""
        super().__init__(choice)
        refuse_weights(choice)
        if not tf.io.gfile.exists(f"{choice.name.rstrip('/')}/saved_model.pb"):
            raise UserError(
                f"--encoder is {choice.name}, which is no SavedModel's folder (it has no saved_model.pb), no .keras"
                " file and no model of keras.applications; look at how it is spelt."
            )

    @classmethod
    def recognises(cls, name: str) -> bool:
        """Any other path."""
        return ("/" in name or "." in name) and not KerasFile.recognises(name)

    def identity(self) -> str:
        """The checksum of all its files."""
        return f"SavedModel {checksum_of(self.choice.name)}"

    def build(self) -> Network:
        """Loads it, and looks at its signature."""
        name = self.choice.name
        try:
            model = tf.saved_model.load(name)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"--encoder is {name}, which TensorFlow cannot load ({reason(error)}).") from error
        signature = _usual_signature(name, model.signatures)
        inputs, outputs = signature.structured_input_signature[1], sorted(signature.structured_outputs)
        if len(inputs) != 1 or len(outputs) != 1:
            raise UserError(
                f"The encoder {name} has {len(inputs)} inputs and {len(outputs)} outputs"
                f" ({', '.join([*inputs, *outputs])}), but it has to have one of each; export a signature with images"
                " as its input and features as its output."
            )
        ((key, spec),) = inputs.items()
        shape = None if spec.shape.rank is None else spec.shape.as_list()
        height, width = image_size(name, shape, self.choice.image_size)
        see = _pixels_for(name, spec.dtype, self.choice.pixel_range)

        def encode(images: tf.Tensor, model: Any = model) -> tf.Tensor:
            # A signature does not keep the model's weights alive; the default argument does.
            return signature(**{key: see(images)})[outputs[0]]

        return Network(height, width, encode)


def _usual_signature(name: str, known: Mapping[str, Any]) -> Any:
    if _USUAL not in known and len(known) != 1:
        there = f"only {', '.join(sorted(known))}" if known else "none at all"
        raise UserError(
            f"The SavedModel {name} has no signature {_USUAL!r}, {there}; export the encoder with"
            f" signatures={{{_USUAL!r}: …}}."
        )
    return known[_USUAL] if _USUAL in known else next(iter(known.values()))


def _pixels_for(name: str, dtype: tf.DType, pixel_range: tuple[float, float] | None) -> Any:
    if dtype == tf.uint8:
        if pixel_range is not None:
            raise UserError(f"--pixel_range was given, but the encoder {name} takes bytes, 0 to 255; leave it out.")
        return lambda images: tf.cast(tf.round(images), tf.uint8)
    if not dtype.is_floating:
        raise UserError(f"The encoder {name} takes {dtype.name}, but it has to take images as float32 or uint8.")
    return lambda images: tf.cast(in_range(images, pixel_range), dtype)
