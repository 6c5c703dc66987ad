"""Steps of a population with large batches."""

from tf_emcom.benchmarks.population_step import PopulationStep


class PopulationStepOfManyGames(PopulationStep):
    """As `PopulationStep`, with the batch of the papers."""

    batch_size = 1024
    steps = 1
