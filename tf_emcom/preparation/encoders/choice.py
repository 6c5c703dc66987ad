"""Which kind of encoder a name means."""

from tf_emcom.preparation import encoders
from tf_emcom.preparation.encoders.image_encoder import EncoderChoice, ImageEncoder
from tf_emcom.runtime.plug_ins import plug_ins


def encoder_for(choice: EncoderChoice) -> ImageEncoder:
    """The encoder that was asked for, not yet built.

    Raises:
      UserError: there is no such encoder, or something else does not fit it.
    """
    kinds = plug_ins(encoders, ImageEncoder).values()
    return next(kind for kind in kinds if kind.recognises(choice.name))(choice)
