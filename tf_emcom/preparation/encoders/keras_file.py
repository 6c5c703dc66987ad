"""A model that somebody saved with Keras."""

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.preparation.encoders.image_encoder import (
    EncoderChoice,
    ImageEncoder,
    Network,
    checksum_of,
    image_size,
    in_range,
    refuse_weights,
)

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
