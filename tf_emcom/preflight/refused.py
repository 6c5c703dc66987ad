"""What ends a preflight that went as it should, with an answer that nobody likes."""


class Refused(Exception):  # noqa: N818 a finding about the configuration, not a fault
    """The step cannot run on the chip, for the reason that it tells in a sentence or two."""
