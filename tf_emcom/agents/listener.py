"""The listener."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc, ListenerHead
from tf_emcom.agents.heads.prediction import PredictionHead
from tf_emcom.agents.nets.attention import require_positions
from tf_emcom.agents.nets.layers import SymbolEmbedding, computing_as
from tf_emcom.agents.nets.recurrent import Core, LstmCore
from tf_emcom.agents.saving import (
    depth,
    described,
    listed_as_array,
    rebuilt,
    require_features,
    require_keras_file,
    require_symbols,
)
from tf_emcom.checks import Checked, Size, checked_value
from tf_emcom.errors import UserError
from tf_emcom.ops.numbers import in_full
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Candidates, Hearing, Message

# Twice the speaker's, as in the code of EaS and of NEC.
_CORE = functools.partial(LstmCore, 512)


@keras.saving.register_keras_serializable("tf_emcom")
class Listener(Checked, keras.Model):
    """Reads a message and scores candidates.

    A torso embeds the symbols, V + 1 of them, because every listener knows UNK (id V) whether its channel is noisy or
    not; a core reads them; a head compares what it read with the candidates, or predicts from it.

    Called like any Keras model, it scores candidates, or predicts. It can be saved and loaded like any, too.
    """

    def __init__(
        self,
        vocab_size: Size = 20,
        core_cls: Callable[[], Core] = _CORE,
        head_cls: Callable[[], ListenerHead | PredictionHead] = Cpc,
        embedding_size: Size = 10,
        torso_cls: Callable[..., keras.layers.Layer] = SymbolEmbedding,
        name: str | None = None,
    ) -> None:
        """The classes are called here, so that their variables are made where the listener is made.

        `torso_cls` makes the torso from V + 1, V = `vocab_size`, and `embedding_size`: it turns ids, int [B, T], or
        soft symbols, float [B, T, V + 1], into what the core reads, [B, T, E], and has E as its `size`.
        """
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.features: int | None = None  # Known once it is built.
        torso = torso_cls(vocab_size + 1, embedding_size, name="embedding")
        self.embedding = checked_value("What Listener.torso_cls makes", torso, keras.layers.Layer)
        if not hasattr(torso, "size"):
            raise UserError(
                f"Listener.torso_cls makes a {type(torso).__name__}, which has no attribute size, of a symbol's vector;"
                " bind it to a layer that has, as in @SymbolEmbedding."
            )
        self.core = checked_value("What Listener.core_cls makes", core_cls(), Core)
        self.head = checked_value("What Listener.head_cls makes", head_cls(), ListenerHead | PredictionHead)

    def build(self, candidates_shape: Sequence[Any]) -> None:
        """Creates the weights, for C candidates of F features in each game: (C, F).

        Before a first call, Keras gives the shapes ([B, T], [C, F]) of messages and candidates instead.
        """
        if isinstance(candidates_shape[-1], list | tuple):
            candidates_shape = candidates_shape[-1]
        self.features = candidates_shape[-1]
        # Some layers are made while others are built, which may be long after the listener was made.
        with computing_as(self.dtype_policy):
            self.embedding.build()
            self.core.build((None, self.embedding.size))
            self.head.build((None, self.core.units), candidates_shape)

    def check_speaker(self, vocab_size: int, message_length: int) -> None:
        """UserError where the listener cannot read messages of `message_length` out of `vocab_size` symbols."""
        if vocab_size != self.vocab_size:
            raise UserError(
                f"The speaker has {vocab_size} symbols and the listener {self.vocab_size}, so that the listener would"
                " take a symbol for another, or for none; bind Speaker.vocab_size and Listener.vocab_size to the same"
                " number."
            )
        require_positions(message_length, self.core.longest, "the listener's core")

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """As `call`; lists are arrays, too. UserError where messages or candidates are not what it was built for."""
        is_pair = isinstance(inputs, list | tuple) and len(inputs) == 2 and depth(inputs[0]) == depth(inputs[1]) == 2
        messages, *candidates = inputs if is_pair else (inputs,)
        messages = listed_as_array(messages, np.int32)
        require_symbols(messages, self.vocab_size)
        candidates = [listed_as_array(each, np.float32) for each in candidates]
        for each in candidates:
            require_features("the listener", each, self.features)
        return super().__call__((messages, *candidates) if candidates else messages, *args, **kwargs)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor] | tf.Tensor) -> tf.Tensor:
        """Messages int [B, T] with candidates [N, F] ↦ scores [B, N]; messages alone ↦ predictions [B, ...].

        A listener that is not built yet is built for as many candidates as the first call has.
        """
        if isinstance(inputs, list | tuple):
            messages, candidates = inputs
            return self.head.scores(self.represent(Message(messages)), candidates)
        return self.predictions(Message(inputs))

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        require_keras_file(filepath)
        super().save(filepath, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        parts = {"torso": self.embedding, "core": self.core, "head": self.head}
        described_parts = {name: described(part) for name, part in parts.items()}
        return {**super().get_config(), "vocab_size": self.vocab_size, **described_parts}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Listener":
        """The listener that `get_config` describes, with new weights; classes are found by package and name."""
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
        if candidates.inputs is not None:
            require_features("the listener", candidates.inputs, self.features)
        return take_shown(self.head.scores(self.represent(message), candidates.inputs), candidates.shown)

    def hear(self, message: Message, candidates: Candidates) -> Hearing:
        """Scores [B, C] of messages [B, T], and what the critics say: value [B], Q-values [B, C] where there are any.

        Critics need as many candidates, C, as the listener was built for.
        """
        scores = self.scores(message, candidates)
        self.head.check_candidates(scores.shape[1])
        values = in_full(self.head.values(scores))
        return Hearing(scores, values.value, values.q_values)
