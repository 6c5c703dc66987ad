"""How one pair learns: the gradients of its games, and the updates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Count, checked_value
from tf_emcom.errors import require_number
from tf_emcom.games.lewis import Game
from tf_emcom.ops.numbers import follow
from tf_emcom.schedules import Schedule, bounds_of, number_at
from tf_emcom.seeds import drawing_from
from tf_emcom.training.optimizers import Optimizer
from tf_emcom.training.trainee import Metrics, Trainee, Turn


class Gradients(NamedTuple):
    """One tensor a trainable variable."""

    speaker: list[tf.Tensor]
    listener: list[tf.Tensor]


class Learner(Trainee):
    """A speaker, its moving average and a listener, which learn from the games they play.

    A `Population` owns one `Learner`, and loads into it the weights of the pair whose turn it is. Everything is created
    within the strategy's scope.
    """

    def __init__(
        self,
        game: Game,
        speaker_cls: Callable[[], Speaker],
        listener_cls: Callable[[], Listener],
        speaker_optimizer_cls: Callable[[Sequence[keras.Variable]], Optimizer],
        listener_optimizer_cls: Callable[[Sequence[keras.Variable]], Optimizer],
        features: int,
        batch_size: Count,
        seed: int = 0,
        target_decay: Schedule | float = 0.99,
    ) -> None:
        """Builds the agents for inputs of `features` features and a global batch of `batch_size` games.

        `speaker_cls` makes the speaker and its moving average, of which each update keeps `target_decay`, in [0, 1],
        constant or a schedule.
        """
        super().__init__()
        for bound in bounds_of(target_decay):
            require_number("Learner.target_decay", bound, 0, 1, "it is the share of the average that an update keeps")
        self.game: Game = game
        self.batch_size = batch_size
        self.seed = seed
        self.target_decay = target_decay
        self._candidates = game.task.candidates_per_game(batch_size)
        self._features = features
        self._speaker_cls, self._listener_cls = speaker_cls, listener_cls
        with drawing_from(seed & 0x7FFFFFFF):
            self.speaker, self.target_speaker, self.listener = speaker_cls(), speaker_cls(), listener_cls()
            checked_value("What Learner.speaker_cls makes", self.speaker, Speaker)
            checked_value("What Learner.listener_cls makes", self.listener, Listener)
            self.listener.check_speaker(self.speaker.vocab_size, self.speaker.message_length)
            self._build_speaker(self.speaker)
            self._build_speaker(self.target_speaker)
            self._build_listener(self.listener)
        self.target_speaker.set_weights(self.speaker.get_weights())
        self.speaker_optimizer = speaker_optimizer_cls(self.speaker.trainable_variables)
        self.listener_optimizer = listener_optimizer_cls(self.listener.trainable_variables)

    def new_speaker(self, seed: int) -> list[np.ndarray]:
        """The first weights of another speaker, drawn from `seed`, in the order of its trainable variables."""
        with drawing_from(seed), tf.variable_creator_scope(_under_repeating_names):
            return values_of(self._build_speaker(self._speaker_cls()))

    def new_listener(self, seed: int) -> list[np.ndarray]:
        """The first weights of another listener, drawn from `seed`, in the order of its trainable variables."""
        with drawing_from(seed), tf.variable_creator_scope(_under_repeating_names):
            return values_of(self._build_listener(self._listener_cls()))

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        return {
            "speaker": self.speaker.trainable_variables,
            "target_speaker": self.target_speaker.trainable_variables,
            "listener": self.listener.trainable_variables,
        }

    @property
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        return {"speaker_optimizer": self.speaker_optimizer.state, "listener_optimizer": self.listener_optimizer.state}

    def gradients(self, turn: Turn) -> tuple[Gradients, Metrics]:
        speaker_weights = [v.value for v in self.speaker.trainable_variables]
        listener_weights = [v.value for v in self.listener.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch((speaker_weights, listener_weights))
            play = self.game.play(
                *(self.speaker, self.target_speaker, self.listener, turn.batch, turn.candidate_inputs),
                *(turn.step, turn.stream(self.batch_size)),
            )
            speaker_terms = self.game.speaker_loss(play, turn.step)
            listener_terms = self.game.listener_loss(play, turn.step)
            loss = tf.reduce_sum(speaker_terms.loss + listener_terms.loss) / self.batch_size
        weights = Gradients(speaker_weights, listener_weights)
        # A head may own a critic that the loss has no use for.
        gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        per_game = {
            "accuracy": play.outcome.success,
            "reward": play.outcome.reward,
            "loss": speaker_terms.loss + listener_terms.loss,
            "message_length": tf.cast(play.speech.lengths, tf.float32),
            **speaker_terms.terms,
            **listener_terms.terms,
        }
        return gradients, self.shares(per_game)

    def apply(self, gradients: Gradients, step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates both agents, then the target speaker."""
        self.speaker_optimizer.apply(gradients.speaker, step)
        self.listener_optimizer.apply(gradients.listener, step)
        decay = number_at(self.target_decay, step)
        follow(self.target_speaker.trainable_variables, self.speaker.trainable_variables, decay)

    def _build_speaker(self, speaker: Speaker) -> Speaker:
        speaker.build((None, self._features))
        return speaker

    def _build_listener(self, listener: Listener) -> Listener:
        listener.build((self._candidates, self._features))
        return listener


def values_of(agent: keras.Model) -> list[np.ndarray]:
    """The weights of an agent, as they are now, in the order of its trainable variables."""
    return [np.asarray(tf.convert_to_tensor(v.value)) for v in agent.trainable_variables]


def _under_repeating_names(create: Callable[..., tf.Variable], **arguments: Any) -> tf.Variable:
    # Keras names each new layer as none before, and TensorFlow keeps some 27 kB for each name of a variable for ever.
    with tf.name_scope("new_agent/"):  # with a slash at its end: whatever the scope around it
        return create(**arguments)
