"""The components that a game is put together from, which of them do not go together, and rows that try out every pair.

A row names one level of every factor. Rows are a covering array: every two levels that can meet do meet in some row
(Cohen et al. 1997, "The AETG system"), since most defects of a combination take no more than two parts.
"""

import collections
import functools
import itertools
from typing import NamedTuple

from allpairspy import AllPairs

from tf_emcom.agents.grammar import AnySymbol, EndSymbol
from tf_emcom.agents.heads.listener import (
    Cpc,
    DistPolicyValue,
    DotProduct,
    MergePolicyValue,
    NormMergePolicyQValue,
    NormMergePolicyValue,
)
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.agents.heads.speaker import Policy, PolicyMlpCritics, PolicyQValue, PolicyQValueDueling, PolicyValue
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.attention import AttentionCore, LstmAttentionCore
from tf_emcom.agents.nets.layers import Identity, Mlp, SymbolEmbedding
from tf_emcom.agents.nets.recurrent import DiscreteLstm, GruCore, IdentityCore, LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore, TransformerReader
from tf_emcom.agents.sampling import Drawn, GumbelSoftmax, StraightThrough
from tf_emcom.agents.speaker import Speaker
from tf_emcom.games.channels import Clear, Erasure, FixedErasure, Substitution
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import (
    ListenerAdvantageReinforce,
    ListenerClassification,
    ListenerContrastive,
    ListenerReinforce,
    ListenerReinforceWithoutBaseline,
    SpeakerPolicyGradient,
    SpeakerReinforce,
    SpeakerReinforceWithoutBaseline,
    SpeakerThroughListener,
)
from tf_emcom.games.policies import EpsilonGreedy, Greedy, Sampled
from tf_emcom.games.rewards import LengthCost, LogProbability, Success
from tf_emcom.games.tasks import Discrimination, DiscriminationDrawnPerGame, Naming
from tf_emcom.schedules import Constant, CosineDecay, ExponentialDecay, Joined, LinearRamp, Varied
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam, ClipByGlobalNorm, Lamb, RmsProp, Sgd, SkipAboveGlobalNorm
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.training.populations.population import Population
from tf_emcom.training.trainee import Trainee

V, T, B, F, E = 5, 2, 4, 6, 4
CLASSES = 3
# With this one, no small net of ReLUs starts out dead.
SEED = 2
_READERS = {
    "AttentionCore": functools.partial(AttentionCore, 6, 2, longest=T),
    "LstmAttentionCore": functools.partial(LstmAttentionCore, 7),
    "TransformerReader": functools.partial(TransformerReader, 6, 2, 1, longest=T),
}
_SIZED = {cls.__name__: functools.partial(cls, 7) for cls in (Cpc, DotProduct, DistPolicyValue, MergePolicyValue)}
# At its first step Adam goes by signs, so that nothing could be compared; a large epsilon makes it go by gradients.
_ADAM = functools.partial(Adam, epsilon=0.1)
_ADAM_W = functools.partial(Adam, epsilon=0.1, weight_decay=0.1)


# The same for what divides by the root of squares.
_RMS_PROP = functools.partial(RmsProp, momentum=0.5, epsilon=0.1)
_LAMB = functools.partial(Lamb, epsilon=0.1, weight_decay=0.1)


def _skip_then_adam(variables, learning_rate):
    # No gradient here is so long: what is skipped is the matter of test_optimizers.py.
    return SkipAboveGlobalNorm(variables, 1e6, functools.partial(_ADAM, learning_rate=learning_rate))


def _clip_then_adam_w(variables, learning_rate):
    return ClipByGlobalNorm(variables, 0.5, functools.partial(_ADAM_W, learning_rate=learning_rate))


# Factor ↦ level ↦ what it stands for. A level is named after its class; brackets tell levels of one class apart.
FACTORS = {
    "listener_core": {
        "LstmCore": functools.partial(LstmCore, 7),
        "GruCore": functools.partial(GruCore, 7),
        "IdentityCore": IdentityCore,
        "TransformerCore": functools.partial(TransformerCore, 6, 2, 1, longest=T),
        **_READERS,
    },
    "listener_head": {
        **_SIZED,
        "NormMergePolicyValue": functools.partial(NormMergePolicyValue, 7),
        "NormMergePolicyQValue": functools.partial(NormMergePolicyQValue, 7),
        "MultiMlp": functools.partial(MultiMlp, 1, CLASSES, 7),
        "ImageDecoder": functools.partial(ImageDecoder, 2, (2,)),
    },
    "task": {
        "Discrimination": Discrimination(),
        "Discrimination(2)": Discrimination(2),
        "Discrimination(groups=2)": Discrimination(groups=2),
        "DiscriminationDrawnPerGame": DiscriminationDrawnPerGame(2),
        "Naming": Naming(CLASSES),
    },
    "listener_loss": {
        "ListenerContrastive": ListenerContrastive(),
        "ListenerClassification": ListenerClassification(),
        "ListenerReinforce": ListenerReinforce(),
        "ListenerReinforceWithoutBaseline": ListenerReinforceWithoutBaseline(),
        "ListenerAdvantageReinforce": ListenerAdvantageReinforce(),
    },
    "policy": {"Greedy": Greedy(), "Sampled": Sampled(0.7), "EpsilonGreedy": EpsilonGreedy(0.2, 0.7)},
    "speaker_loss": {
        "SpeakerReinforce": SpeakerReinforce(),
        "SpeakerReinforceWithoutBaseline": SpeakerReinforceWithoutBaseline(),
        "SpeakerPolicyGradient": SpeakerPolicyGradient(),
        "SpeakerThroughListener": SpeakerThroughListener(kl_coefficient=0.5),
    },
    "speaker_head": {
        **{cls.__name__: cls for cls in (Policy, PolicyValue, PolicyQValue, PolicyQValueDueling)},
        "PolicyMlpCritics": functools.partial(PolicyMlpCritics, hidden_sizes=(6,)),
    },
    "sampler": {
        "Drawn": Drawn(),
        "GumbelSoftmax": GumbelSoftmax(0.8),
        "StraightThrough": StraightThrough(0.8),
    },
    "speaker_core": {
        "LstmCore": functools.partial(LstmCore, 6),
        "GruCore": functools.partial(GruCore, 6),
        "IdentityCore": IdentityCore,
        "TransformerCore": functools.partial(TransformerCore, 6, 2, 1, longest=T),
        **_READERS,
    },
    "speaker_torso": {"Identity": Identity, "Mlp": functools.partial(Mlp, (6, 5))},
    "grammar": {"AnySymbol": AnySymbol(), "EndSymbol": EndSymbol()},
    "channel": {
        "Clear": Clear(),
        "Erasure": Erasure(LinearRamp(0.1, 0.5, 4)),
        "FixedErasure": FixedErasure((1,)),
        "Substitution": Substitution(0.3),
    },
    "listener_torso": {"SymbolEmbedding": SymbolEmbedding, "DiscreteLstm": functools.partial(DiscreteLstm, units=6)},
    "reward": {
        "Success": Success(1.0, -1.0),
        "LogProbability": LogProbability(),
        "LengthCost": LengthCost(Success(1.0, -1.0), 0.1),
    },
    "optimizer": {
        "Adam": _ADAM,
        "ClipByGlobalNorm": _clip_then_adam_w,
        "SkipAboveGlobalNorm": _skip_then_adam,
        "Sgd": functools.partial(Sgd, momentum=0.5, nesterov=True),
        "RmsProp": _RMS_PROP,
        "Lamb": _LAMB,
    },
    "learning_rate": {
        "Constant": Constant(0.1),
        "LinearRamp": LinearRamp(0.05, 0.1, 8),
        "CosineDecay": CosineDecay(0.1, 8),
        "ExponentialDecay": ExponentialDecay(0.1, 0.5, 8),
        "Joined": Joined([0.05, LinearRamp(0.05, 0.1, 4)], [2]),
        # Each row has one of its own, since it remembers whether it has been used.
        "Varied": functools.partial(Varied, "rate", [0.05, 0.1]),
    },
    "trainee": {
        "Population": Population,
        "Population(2 x 3)": functools.partial(Population, n_speakers=2, n_listeners=3, pairs_per_step=2),
        "IndependentPairs": functools.partial(IndependentPairs, seeds=2),
    },
}


class Constraint(NamedTuple):
    """Levels that do not go together: a row holds no combination of them, one level of each factor named."""

    reason: str
    levels: dict[str, tuple[str, ...]]


_COMPARING = tuple(name for name in FACTORS["listener_head"] if name not in ("MultiMlp", "ImageDecoder"))
_CHOOSING = ("Discrimination", "Discrimination(2)", "Discrimination(groups=2)", "DiscriminationDrawnPerGame")
CONSTRAINTS = (
    Constraint("readers hear whole messages and cannot utter symbols", {"speaker_core": tuple(_READERS)}),
    Constraint("images are for transfer: no game is about them", {"listener_head": ("ImageDecoder",)}),
    Constraint("a head that predicts has no scores", {"task": _CHOOSING, "listener_head": ("MultiMlp",)}),
    Constraint("a head that compares has no predictions", {"task": ("Naming",), "listener_head": _COMPARING}),
    Constraint("labels are told, not drawn", {"task": ("Naming",), "policy": ("Sampled", "EpsilonGreedy")}),
    Constraint("candidates are no labels", {"task": _CHOOSING, "listener_loss": ("ListenerClassification",)}),
    Constraint(
        "labels are no candidates",
        {"task": ("Naming",), "listener_loss": ("ListenerContrastive", "ListenerReinforceWithoutBaseline")},
    ),
    Constraint(
        "predicting heads have no critics",
        {"task": ("Naming",), "listener_loss": ("ListenerReinforce", "ListenerAdvantageReinforce")},
    ),
    Constraint(
        "REINFORCE needs a value",
        {"listener_loss": ("ListenerReinforce",), "listener_head": ("Cpc", "DotProduct")},
    ),
    Constraint(
        "advantage REINFORCE needs Q-values",
        {
            "listener_loss": ("ListenerAdvantageReinforce",),
            "listener_head": tuple(name for name in _COMPARING if name != "NormMergePolicyQValue"),
        },
    ),
    Constraint(
        "a speaker that learns by reward needs a value",
        {"speaker_loss": ("SpeakerReinforce", "SpeakerPolicyGradient"), "speaker_head": ("Policy",)},
    ),
    Constraint(
        "an advantage needs Q-values",
        {"speaker_loss": ("SpeakerPolicyGradient",), "speaker_head": ("PolicyValue",)},
    ),
    Constraint(
        "gradients pass soft symbols only",
        {"speaker_loss": ("SpeakerThroughListener",), "sampler": ("Drawn",)},
    ),
    Constraint(
        "numbers vary between independent pairs",
        {"trainee": ("Population", "Population(2 x 3)"), "learning_rate": ("Varied",)},
    ),
)

Row = dict[str, str]
Pair = frozenset[tuple[str, str]]  # of (factor, level)


def broken(row: Row) -> list[Constraint]:
    """The constraints that a row, or the beginning of one, does not keep."""
    return [c for c in CONSTRAINTS if all(row.get(factor) in levels for factor, levels in c.levels.items())]


def pairs_of(row: Row) -> set[Pair]:
    """The pairs of levels that a row tries out."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def _covering(factors: dict[str, list[str]], excused: tuple[Constraint, ...] = ()) -> list[Row]:
    """Rows that cover most pairs of some factors; none where every row breaks a constraint that is not excused."""

    def keeps(beginning: list[str]) -> bool:
        return not set(map(id, broken(dict(zip(factors, beginning, strict=False))))) - set(map(id, excused))

    found = AllPairs(list(factors.values()), filter_func=keeps)
    return [dict(zip(factors, levels, strict=True)) for levels in found]


@functools.cache
def rows() -> tuple[Row, ...]:
    """The covering array, the same at every call."""
    factors = _usable()
    made = _covering(factors)
    covered = set().union(*map(pairs_of, made))
    # That search ends with the first row that brings nothing new, before it comes to the rarest pairs.
    for one, other in itertools.combinations(factors, 2):
        for pair in itertools.product(factors[one], factors[other]):
            narrow = {one: [pair[0]], other: [pair[1]]}
            missing = frozenset({(one, pair[0]), (other, pair[1])}) not in covered
            if missing and (found := _covering({**narrow, **_without(factors, narrow)})):
                row = max(found, key=lambda row: len(pairs_of(row) - covered))
                made.append({name: row[name] for name in factors})
                covered |= pairs_of(row)
    return tuple(_thrifty(made))


def _thrifty(made: list[Row]) -> list[Row]:
    """The same pairs with the first level of a factor, which is the fastest, wherever no pair is lost by it."""
    times = collections.Counter(pair for row in made for pair in pairs_of(row))
    thrifty = []
    for row in made:
        for factor in reversed(FACTORS):
            other = {**row, factor: next(iter(FACTORS[factor]))}
            if not broken(other) and all(times[pair] > 1 for pair in pairs_of(row) - pairs_of(other)):
                times.update(pairs_of(other))
                times.subtract(pairs_of(row))
                row = other
        if all(times[pair] > 1 for pair in pairs_of(row)):
            times.subtract(pairs_of(row))
        else:
            thrifty.append(row)
    return thrifty


def _usable() -> dict[str, list[str]]:
    return {name: [level for level in levels if not broken({name: level})] for name, levels in FACTORS.items()}


def _without(factors: dict[str, list[str]], some: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: levels for name, levels in factors.items() if name not in some}


@functools.cache
def rows_with_every_level_of(factor: str) -> tuple[int, ...]:
    """The numbers of few rows which show all other levels beside each level of a factor, wherever rows do."""
    shown = [{pair for pair in pairs_of(row) if factor in dict(pair)} for row in rows()]
    missing, chosen = set().union(*shown), []
    while missing:
        chosen.append(max(range(len(shown)), key=lambda number: len(shown[number] & missing)))
        missing -= shown[chosen[-1]]
    return tuple(sorted(chosen))


def breaking(constraint: Constraint) -> list[Row]:
    """A row for each combination of levels that a constraint forbids, which breaks nothing else."""
    made = []
    for levels in itertools.product(*constraint.levels.values()):
        narrow = {name: [level] for name, level in zip(constraint.levels, levels, strict=True)}
        made.append(_covering({**narrow, **_without(_usable(), narrow)}, (constraint,))[0])
    return made


def make(row: Row) -> Trainee:
    """The agents that a row puts together, and what teaches them."""
    chosen = {factor: FACTORS[factor][level] for factor, level in row.items()}
    speaker = functools.partial(
        Speaker,
        *(V, T, chosen["speaker_torso"], chosen["speaker_core"], chosen["speaker_head"], E),
        sampler=chosen["sampler"],
        grammar=chosen["grammar"],
    )
    listener = functools.partial(
        Listener, V, chosen["listener_core"], chosen["listener_head"], E, chosen["listener_torso"]
    )
    rate = chosen["learning_rate"]
    rate = rate() if isinstance(rate, functools.partial) else rate
    optimizer = functools.partial(chosen["optimizer"], learning_rate=rate)
    game = Game(*(chosen[part] for part in ("channel", "task", "policy", "reward", "speaker_loss", "listener_loss")))
    learner = functools.partial(
        Learner,
        speaker_cls=speaker,
        listener_cls=listener,
        speaker_optimizer_cls=optimizer,
        listener_optimizer_cls=optimizer,
    )
    return chosen["trainee"](game, learner, F, B, SEED)
