"""The listener."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.agents.description import described, rebuilt
from tf_emcom.heads.listener.cpc import Cpc
from tf_emcom.heads.listener.listener_head import ListenerHead
from tf_emcom.nets.core import Core
from tf_emcom.nets.lstm_core import LstmCore
from tf_emcom.nets.part import computing_as
from tf_emcom.nets.symbol_embedding import SymbolEmbedding
from tf_emcom.ops.precision import in_full
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Candidates, Hearing, Message

# Twice the speaker's, as in the code of EaS and of NEC.
_CORE = functools.partial(LstmCore, 512)


@keras.saving.register_keras_serializable("tf_emcom")
class Listener(keras.Model):
    """Reads a message and scores candidates.

    A torso embeds the symbols, V + 1 of them, because every listener knows UNK (id V) whether its channel is noisy or
    not; a core reads them; a head compares what it read with the candidates, or predicts from it.

    Called like any Keras model, it scores candidates, or predicts. It can be saved and loaded like any, too.
    """

    def __init__(
        self,
        vocab_size: int = 20,
        core_cls: Callable[[], Core] = _CORE,
        head_cls: Callable[[], ListenerHead] = Cpc,
        embedding_size: int = 10,
        torso_cls: Callable[..., keras.layers.Layer] = SymbolEmbedding,
        name: str | None = None,
    ) -> None:
        """The classes are called here, so that their variables are made where the listener is made.

        Args:
          vocab_size: V.
          core_cls: makes the core.
          head_cls: makes the head.
          embedding_size: of a symbol's vector.
          torso_cls: makes the torso from V + 1 and `embedding_size`: it turns ids, int [B, T], or soft symbols, float
            [B, T, V + 1], into what the core reads, [B, T, E], and tells E as its `size`.
          name: of the model.
        """
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.embedding = torso_cls(vocab_size + 1, embedding_size, name="embedding")
        self.core = core_cls()
        self.head = head_cls()

    def build(self, candidates_shape: tuple) -> None:
        """Creates the weights.

        Args:
          candidates_shape: (C, F), for C candidates of F features in each game; or, as Keras tells it before a first
            call, the shapes ([B, T], [C, F]) of messages and candidates.
        """
        if isinstance(candidates_shape[-1], list | tuple):
            candidates_shape = candidates_shape[-1]
        # Some layers are made while others are built, which may be long after the listener was made.
        with computing_as(self.dtype_policy):
            self.embedding.build()
            self.core.build((None, self.embedding.size))
            self.head.build((None, self.core.units), candidates_shape)
        self.built = True

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor] | tf.Tensor) -> tf.Tensor:
        """Messages int [B, T] with candidates [N, F] ↦ scores [B, N]; messages alone ↦ predictions [B, ...].

        A listener that is not built yet is built for as many candidates as the first call has.
        """
        if isinstance(inputs, list | tuple):
            messages, candidates = inputs
            return self.head.scores(self.represent(Message(messages)), candidates)
        return self.predictions(Message(inputs))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same listener from, but for its weights."""
        parts = {"torso": self.embedding, "core": self.core, "head": self.head}
        described_parts = {name: described(part) for name, part in parts.items()}
        return {**super().get_config(), "vocab_size": self.vocab_size, **described_parts}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Listener":
        """The listener that `get_config` describes, with new weights; classes are found by their modules."""
        with computing_as(config["dtype"]):
            made = cls(
                config["vocab_size"],
                core_cls=lambda: rebuilt(config["core"]),
                head_cls=lambda: rebuilt(config["head"]),
                torso_cls=lambda *_, **__: rebuilt(config["torso"]),
                name=config["name"],
            )
        made.trainable = config["trainable"]
        return made

    def represent(self, message: Message) -> tf.Tensor:
        """What the core makes of messages [B, T]: [B, H]. Soft symbols are read instead where a message has any."""
        heard = message.symbols if message.relaxed is None else message.relaxed
        return self.core.read(self.embedding(heard))

    def predictions(self, message: Message) -> tf.Tensor:
        """What the head predicts of messages [B, T]: [B, ...]; for heads that predict instead of comparing."""
        return in_full(self.head.predictions(self.represent(message)))

    def scores(self, message: Message, candidates: Candidates) -> tf.Tensor:
        """One score a candidate, [B, C], for messages [B, T] and any number of candidates."""
        return take_shown(self.head.scores(self.represent(message), candidates.inputs), candidates.shown)

    def hear(self, message: Message, candidates: Candidates) -> Hearing:
        """Scores [B, C] of messages [B, T], and what the critics say: value [B], Q-values [B, C] where there are any.

        Critics need as many candidates, C, as the listener was built for.
        """
        scores = self.scores(message, candidates)
        values = in_full(self.head.values(scores))
        return Hearing(scores, values.value, values.q_values)
