"""The speaker."""

from collections.abc import Callable
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.grammar import AnySymbol, Grammar
from tf_emcom.agents.heads.speaker import PolicyQValueDueling, SpeakerHead
from tf_emcom.agents.nets.attention import require_positions
from tf_emcom.agents.nets.layers import Identity, Linear, SymbolEmbedding, computing_as
from tf_emcom.agents.nets.recurrent import Core, LstmCore
from tf_emcom.agents.sampling import Drawn, Sampler
from tf_emcom.agents.saving import described, listed_as_array, rebuilt, require_features, require_keras_file
from tf_emcom.checks import Checked, Least, Most, Repeats, Size, checked_value
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.ops.numbers import in_full
from tf_emcom.ops.recurrence import Steps
from tf_emcom.seeds import Stream
from tf_emcom.types import Speech

# Logits [B, V] at the position t ↦ symbols int32 [B], and soft ones [B, V] or None.
Choose = Callable[[tf.Tensor, int], tuple[tf.Tensor, tf.Tensor | None]]

_DRAWN = Drawn()
_ANY_SYMBOL = AnySymbol()
_PARTS = ("torso", "core", "head", "sampler", "grammar")


@keras.saving.register_keras_serializable("tf_emcom")
class Speaker(Checked, keras.Model):
    """Sees an input and utters T symbols out of V, one at a time (EaS, section 2; NEC).

    torso(x) → one linear map to the core's first state → for each symbol: embed the one before (at first a start
    symbol, id V) → core → head. It speaks in three ways, which are three methods: `sample`, `greedy` and `score`. All
    three keep to its grammar; its sampler is that of `sample`, while the other two know hard symbols only.

    Called like any Keras model, it says the greedy symbols. It can be saved and loaded like any, too.
    """

    def __init__(
        self,
        vocab_size: Annotated[int, Least(2), Most(65_536)] = 20,
        message_length: Repeats = 10,
        torso_cls: Callable[[], keras.layers.Layer] = Identity,
        core_cls: Callable[[], Core] = LstmCore,
        head_cls: Callable[..., SpeakerHead] = PolicyQValueDueling,
        embedding_size: Size = 10,
        sampler: Sampler = _DRAWN,
        grammar: Grammar = _ANY_SYMBOL,
        name: str | None = None,
    ) -> None:
        """The classes are called here, so that their variables are made where the speaker is made.

        V is `vocab_size` and T `message_length`. `torso_cls` makes the torso, which reads inputs [B, F] and has a
        method `output_size`; `head_cls` makes the head from V. The core needs steps.
        """
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.message_length = message_length
        self.features: int | None = None  # Known once it is built.
        self.sampler = sampler
        self.grammar = grammar.for_vocabulary(vocab_size)
        self.torso = checked_value("What Speaker.torso_cls makes", torso_cls(), keras.layers.Layer)
        self.core = checked_value("What Speaker.core_cls makes", core_cls(), Core)
        if not hasattr(self.torso, "output_size"):
            raise UserError(
                f"Speaker.torso_cls makes a {type(self.torso).__name__}, which has no method output_size(features);"
                " bind it to a layer that has, as in @Mlp."
            )
        require_positions(message_length, self.core.longest, "the speaker's core")
        self.to_state = Linear(self.core.state_size, name="to_state")
        self.embedding = SymbolEmbedding(vocab_size + 1, embedding_size, name="embedding")
        self.head = checked_value("What Speaker.head_cls makes", head_cls(vocab_size), SpeakerHead)

    def build(self, input_shape: tuple[int | None, int]) -> None:
        self.features = input_shape[-1]
        # Some layers are made while others are built, which may be long after the speaker was made.
        with computing_as(self.dtype_policy):
            self.torso.build(input_shape)
            self.to_state.build((None, self.torso.output_size(input_shape[-1])))
            self.embedding.build()
            self.core.build((None, self.embedding.size))
            self.head.build((None, self.core.units))

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """As `call`; lists are arrays, too. UserError where inputs are not [B, F]."""
        inputs = listed_as_array(inputs, np.float32)
        require_features("the speaker", inputs, self.features)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """The greedy symbols for inputs [B, F]: int32 [B, T]."""
        return self.greedy(inputs).symbols

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        require_keras_file(filepath)
        super().save(filepath, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        sizes = {
            "vocab_size": self.vocab_size,
            "message_length": self.message_length,
            "embedding_size": self.embedding.size,
        }
        return {**super().get_config(), **sizes, **{name: described(getattr(self, name)) for name in _PARTS}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Speaker":
        """The speaker that `get_config` describes, with new weights; classes are found by package and name."""
        with computing_as(config["dtype"]):
            made = cls(
                config["vocab_size"],
                config["message_length"],
                torso_cls=lambda: rebuilt(config["torso"]),
                core_cls=lambda: rebuilt(config["core"]),
                head_cls=lambda vocab_size: rebuilt(config["head"]),
                embedding_size=config["embedding_size"],
                # Files of older versions call it an articulation.
                sampler=rebuilt(config.get("sampler", config.get("articulation"))),
                grammar=rebuilt(config["grammar"]),
                name=config["name"],
            )
        made.trainable = config["trainable"]
        return made

    def sample(self, inputs: tf.Tensor, step: tf.Tensor, stream: Stream) -> Speech:
        """Draws a message for each of the inputs [B, F], at `step`, integer [], with the stream of the B games."""
        uniforms = stream.uniform(self.message_length, *self.sampler.draws(self.vocab_size))
        return self._spoken(inputs, lambda logits, t: self.sampler(logits, uniforms[:, t], step), self.sampler.is_soft)

    def greedy(self, inputs: tf.Tensor) -> Speech:
        """The most probable symbol at each step, for inputs [B, F]; needs no randomness."""

        def best(logits: tf.Tensor, t: int) -> tuple[tf.Tensor, None]:
            return tf.argmax(logits, -1, output_type=tf.int32), None

        return self._spoken(inputs, best, is_soft=False)

    def score(self, inputs: tf.Tensor, symbols: tf.Tensor) -> Speech:
        """What this speaker thinks of given symbols [B, T] for the inputs [B, F] (teacher forcing)."""
        return self._speech(self.core.steps(self._first_state(inputs)), symbols)

    def _first_state(self, inputs: tf.Tensor) -> tf.Tensor:
        require_features("the speaker", inputs, self.features)
        return self.to_state(self.torso(inputs))

    def _spoken(self, inputs: tf.Tensor, choose: Choose, is_soft: bool) -> Speech:
        first = self._first_state(inputs)
        steps = Steps(self.core.step, self.core.split_state(first)) if is_soft else self.core.steps(first)
        previous = said = tf.fill([tf.shape(first)[0]], self.vocab_size)
        symbols, embedded, relaxed = [], [], []
        # Unrolled while tracing, since messages are short and of one length: the compiler then fuses across steps,
        # which on TPUs halves the memory traffic of a scanned loop.
        for t in range(self.message_length):
            embedded.append(self.embedding(said))
            logits = in_full(self.head.policy_logits(steps.take(embedded[t])))
            previous, soft = choose(self.grammar.allowed(logits, previous), t)
            said = previous if soft is None else categorical.with_extra_id(soft)
            symbols.append(previous)
            relaxed.append(soft)
        if soft is None:
            return self._speech(steps, tf.stack(symbols, 1))
        return self._speech(steps, tf.stack(symbols, 1), tf.stack(embedded, 1), tf.stack(relaxed, 1))

    def _speech(
        self,
        steps: Steps,
        symbols: tf.Tensor,
        embedded: tf.Tensor | None = None,
        relaxed: tf.Tensor | None = None,
    ) -> Speech:
        """What is thought of symbols [B, T], all of a message at once; `embedded` is what soft ones look like."""
        previous = tf.concat([tf.fill([tf.shape(symbols)[0], 1], self.vocab_size), symbols[:, :-1]], axis=1)
        outputs = steps.outputs(self.embedding(previous) if embedded is None else embedded)
        logits = in_full(self.head.policy_logits(outputs))
        # A grammar looks at one symbol and the one before.
        allowed = self.grammar.allowed(tf.reshape(logits, [-1, self.vocab_size]), tf.reshape(previous, [-1]))
        logits = tf.reshape(allowed, tf.shape(logits))
        values = in_full(self.head.values(outputs))
        return Speech(
            symbols=symbols,
            log_probs=categorical.log_prob(logits, symbols),
            entropy=categorical.entropy(logits),
            policy_logits=logits,
            value=values.value,
            q_values=values.q_values,
            relaxed=relaxed,
            lengths=self.grammar.lengths(symbols),
        )
