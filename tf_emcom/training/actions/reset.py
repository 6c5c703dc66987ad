"""Resets: agents or optimizers begin again."""

import abc
from collections.abc import Sequence

from tf_emcom.checks import Count
from tf_emcom.errors import UserError
from tf_emcom.training.actions.action import AgentAction, TrainingState
from tf_emcom.training.populations.members import Members
from tf_emcom.training.populations.population import Crowd
from tf_emcom.training.trainee import Trainee


class Reset(AgentAction):
    """Every so many steps, agents drawn at random start again, as newborns do (EaS, appendix B.4).

    A subclass says of which kinds. Of runs with several seeds at once, each has its own reset.
    """

    def __init__(
        self,
        every: Count,
        parts: Sequence[str] | None = None,
        optimizer_state: bool = True,
        agents: Count = 1,
    ) -> None:
        """`parts` are what is reset of an agent, such as ["head"], None: all; with them, its `optimizer_state`.

        `agents` are how many of each kind are reset at once, all different.
        """
        super().__init__(every)
        if parts is not None and not parts:
            name = type(self).__name__
            raise UserError(f"{name}.parts is {parts!r}; bind it to a list of names, as in ['head'], or to None.")
        self.parts = parts
        self.optimizer_state = optimizer_state
        self.agents = agents

    @abc.abstractmethod
    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        """Of which kinds agents are reset."""

    def check(self, learner: Trainee) -> None:
        if not isinstance(learner, Crowd):
            raise UserError(
                f"{type(self).__name__} resets agents of a game, and this run has none that learn from each other;"
                " leave it out of Train.changes."
            )
        for members in self.kinds(learner):
            members.positions(self.parts)
            there = 1 if learner.independent else members.count
            if self.agents > there:
                raise UserError(
                    f"{type(self).__name__}.agents is {self.agents}, but a run here has {there}"
                    f" {members.name}{'' if there == 1 else 's'} to draw from; bind it to {there} or less."
                )

    def act(self, training: TrainingState) -> None:
        crowd: Crowd = training.learner
        # Another kind of reset at the same step draws other agents.
        occasion = (type(self).__name__, training.step)
        for members in self.kinds(crowd):
            for index in crowd.drawn(members, *occasion, count=self.agents):
                self.reset(members, index, crowd.seed_for(members, index, *occasion))

    def reset(self, members: Members, index: int, seed: int) -> None:
        """Resets one agent, drawing from `seed`."""
        members.reset_weights(index, seed, self.parts)
        if self.optimizer_state:
            members.reset_optimizer(index, self.parts)


class ResetOfSpeaker(Reset):
    """A speaker starts again."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.speaker_members,)


class ResetOfListener(Reset):
    """A listener starts again."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.listener_members,)


class ResetOfPair(Reset):
    """A speaker and a listener start again, drawn independently of each other.

    Parts are looked for in both, so they must be parts of both, such as ["head"] or ["core"].
    """

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.speaker_members, crowd.listener_members)


class ResetOfOptimizers(Reset):
    """The optimisers of a speaker and of a listener start again; their weights stay as they are."""

    def __init__(self, every: Count, parts: Sequence[str] | None = None, agents: Count = 1) -> None:
        """`parts`: for which parts of the agents the optimisers forget, None: all; `agents`: of how many of a kind."""
        super().__init__(every, parts, agents=agents)

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.speaker_members, crowd.listener_members)

    def reset(self, members: Members, index: int, seed: int) -> None:
        members.reset_optimizer(index, self.parts)


class ResetOfSpeakerOptimizer(ResetOfOptimizers):
    """The optimizer of a speaker starts again; its weights stay as they are."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.speaker_members,)


class ResetOfListenerOptimizer(ResetOfOptimizers):
    """The optimizer of a listener starts again; its weights stay as they are."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        return (crowd.listener_members,)
