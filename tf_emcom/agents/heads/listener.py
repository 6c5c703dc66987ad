"""Heads of listeners: from a message and candidates to scores, with or without a critic."""

import abc
from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.agents.heads.speaker import Values
from tf_emcom.agents.nets.layers import Linear, Part, net
from tf_emcom.checks import Size
from tf_emcom.errors import UserError
from tf_emcom.ops.numbers import in_full, pairwise_cosine_loss


class ListenerHead(Part, abc.ABC):
    """Scores for candidates, from projections of the message and of the candidates, and perhaps critics.

    A subclass overrides `compare` and not `scores`: a test projects each message and each candidate once, and compares
    them in other groups again and again. `scores` works for any number of candidates. Critics read the scores of a game
    and so know only the number of candidates that the head was built for: a test with another number asks for scores
    alone.
    """

    def __init__(
        self,
        size: Size = 256,
        activation: str | None = None,
        hidden_sizes: Sequence[Size] = (),
        name: str | None = None,
    ) -> None:
        """Projections have `size` outputs with an activation, and before them hidden layers of `hidden_sizes` (EaS)."""
        super().__init__(name=name)
        self.message_projection = net(hidden_sizes, size, "message_projection", activation)
        self.candidate_projection = net(hidden_sizes, size, "candidate_projection", activation)

    def build(self, representation_shape: tuple[int | None, ...], candidates_shape: tuple[int, int]) -> None:
        """Creates the weights, for message representations [B, H] and C candidates of F features a game: (C, F)."""
        self.message_projection.build(representation_shape)
        self.candidate_projection.build((None, candidates_shape[-1]))
        self.candidates = candidates_shape[0]
        self.build_critics(self.candidates)

    def build_critics(self, candidates: int) -> None:
        """Creates the critics' weights, for games of `candidates` candidates; without critics, nothing."""

    def scores(self, representation: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """How well each message fits each candidate: [B, H] and [N, F] ↦ [B, N]."""
        return self.compare(self.project_messages(representation), self.project_candidates(candidates))

    def project_messages(self, representation: tf.Tensor) -> tf.Tensor:
        """What a message is compared by, [B, H] ↦ float32 [B, E]: half precision would make candidates equal."""
        return in_full(self.message_projection(representation))

    def project_candidates(self, candidates: tf.Tensor) -> tf.Tensor:
        """What a candidate is compared by, [N, F] ↦ float32 [N, E]."""
        return in_full(self.candidate_projection(candidates))

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Scores [B, N] of projected messages [B, E] and candidates [N, E]: their dot products."""
        return tf.matmul(messages, candidates, transpose_b=True)

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """UserError: nothing is predicted from messages alone."""
        raise UserError(
            f"{type(self).__name__} compares candidates with the message, but this task predicts from the message"
            " alone; bind Listener.head_cls to @MultiMlp, or task to @Discrimination()."
        )

    def check_candidates(self, count: int | None) -> None:
        """UserError where critics were built for another number of candidates; without critics any number will do."""
        has_critics = type(self).build_critics is not ListenerHead.build_critics
        if has_critics and count not in (None, self.candidates):
            raise UserError(
                f"A game has {count} candidates, but the critics of {type(self).__name__} were built for"
                f" {self.candidates}; play with {self.candidates}, or bind Listener.head_cls to a head without critics,"
                " such as @Cpc."
            )

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ what the head's critics say; without critics, neither value nor Q-values."""
        return Values(None, None)


class DotProduct(ListenerHead):
    """Scores are dot products of tanh projections of message and candidate; no critics (NEC, `discrimination`)."""

    def __init__(
        self,
        size: Size = 256,
        activation: str | None = "tanh",
        hidden_sizes: Sequence[Size] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(size, activation, hidden_sizes, name=name)


class Cpc(ListenerHead):
    """Contrastive predictive coding: scores are minus the cosine losses of the projections.

    `activation` is tanh as in NEC; None is what EaS has.
    """

    def __init__(
        self,
        size: Size = 256,
        activation: str | None = "tanh",
        hidden_sizes: Sequence[Size] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(size, activation, hidden_sizes, name=name)

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """[B, E] and [N, E] ↦ [B, N] in [−4, 0]."""
        return -pairwise_cosine_loss(messages, candidates)


class MergePolicyValue(ListenerHead):
    """Logits are dot products of linear projections; the state value is linear in them (NEC, `merge_pol_val`)."""

    value_activation: str | None = None

    def __init__(
        self,
        size: Size = 256,
        activation: str | None = None,
        hidden_sizes: Sequence[Size] = (),
        value_sizes: Sequence[Size] = (),
        name: str | None = None,
    ) -> None:
        """The value has hidden layers of `value_sizes` with ReLU, if any."""
        super().__init__(size, activation, hidden_sizes, name=name)
        self.value_sizes = tuple(value_sizes)

    def build_critics(self, candidates: int) -> None:
        self.value = net(self.value_sizes, 1, "value", self.value_activation)
        self.value.build((None, candidates))

    def values(self, scores: tf.Tensor) -> Values:
        return Values(self.value(scores)[:, 0], None)


class DistPolicyValue(MergePolicyValue):
    """Policy logits are cosines, 1 − d/2 with the cosine loss d; the state value is a sigmoid of a linear map of them.

    NEC, `dist_pol_val`. A value in (0, 1) suits a reward of success 0/1.
    """

    value_activation = "sigmoid"

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """[B, E] and [N, E] ↦ [B, N] in [−1, 1]."""
        return 1.0 - pairwise_cosine_loss(messages, candidates) / 2.0


class NormMergePolicyValue(MergePolicyValue):
    """Logits are dot products of tanh projections; the state value is an MLP on them (NEC, `norm_merge_pol_val`)."""

    def __init__(
        self,
        size: Size = 256,
        activation: str | None = "tanh",
        hidden_sizes: Sequence[Size] = (),
        value_sizes: Sequence[Size] | None = None,
        name: str | None = None,
    ) -> None:
        """The value has hidden layers of `value_sizes` with ReLU; None: max(C/4, 4) and max(C/16, 2)."""
        super().__init__(size, activation, hidden_sizes, value_sizes or (), name=name)
        self._value_follows_candidates = value_sizes is None

    def build_critics(self, candidates: int) -> None:
        if self._value_follows_candidates:
            self.value_sizes = max(candidates // 4, 4), max(candidates // 16, 2)
        super().build_critics(candidates)


class NormMergePolicyQValue(NormMergePolicyValue):
    """As `NormMergePolicyValue`, with dueling Q-values on the policy logits: what advantage REINFORCE needs."""

    def build_critics(self, candidates: int) -> None:
        super().build_critics(candidates)
        self.advantage = Linear(candidates, name="advantage")
        self.advantage.build((None, candidates))

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ value [B] and Q-values [B, C], Q = v + a − mean(a) (Wang et al. 2016, eq. 9)."""
        value = self.value(scores)[:, 0]
        advantage = self.advantage(scores)
        centred = advantage - tf.reduce_mean(advantage, axis=-1, keepdims=True)
        return Values(value, value[:, tf.newaxis] + centred)
