"""A cheap TPU."""

from tf_emcom.cloud.queued import Queued


class Spot(Queued):
    """A TPU at a fraction of the price, which may be taken away at any time, with about 30 seconds of notice."""

    flags = ("--spot",)

    def _terms(self) -> tuple[str, ...]:
        return ("--spot",)
