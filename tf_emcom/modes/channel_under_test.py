"""With which channel trained agents are tested."""

from tf_emcom.channels.channel import Channel
from tf_emcom.errors import UserError, require_instance


def channel_under_test(name: str, chosen: Channel | None, trained: Channel) -> Channel:
    """The channel of a test, which gives it a noise of its own.

    Args:
      name: of the parameter that the user can bind, for errors.
      chosen: what is bound to it; None: nothing.
      trained: the channel of the run's training.

    Raises:
      UserError: it is no channel, or it cannot be given another noise.
    """
    if chosen is not None:
        require_instance(name, chosen, Channel, "@Erasure()")
    channel = (trained if chosen is None else chosen).with_noise(0.0)
    if float(channel.with_noise(0.5).noise(0)) != 0.5:
        kind = type(channel).__name__
        raise UserError(
            f"{kind}.with_noise(0.5) has another noise than 0.5, so that a test would not know its noise; correct"
            f" {kind}.with_noise or {kind}.noise, or bind {name} to another channel, as in {name}=@Erasure()."
        )
    return channel
