"""Steps of a population with large batches."""

from tf_emcom.benchmarks.population_step import PopulationStep


class PopulationStepOfManyGames(PopulationStep):
    """As `PopulationStep`, with EaS's and NEC's batch."""

    batch_size = 1024
    steps = 1
