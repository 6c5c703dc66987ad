"""Steps of a population of small agents."""

from tf_emcom.benchmarks._runs import SMALL
from tf_emcom.benchmarks.population_step import PopulationStep


class PopulationStepOfSmallAgents(PopulationStep):
    """As `PopulationStep`, where what is done once a pair, and not once a game, weighs more."""

    size = SMALL
    steps = 20
