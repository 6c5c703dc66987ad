"""Several runs at once, with small batches."""

from tf_emcom.benchmarks.independent_seeds import IndependentSeeds


class IndependentSeedsOfFewGames(IndependentSeeds):
    """As `IndependentSeeds`, with 16 games a batch, too few to fill a machine."""

    batch_size = 16
    steps = 50
