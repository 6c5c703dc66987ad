"""A channel of one's own: messages that break off. Trained and tested against Erasure, on handwritten digits.

Needs: tf_emcom alone; the digits come with it.
Costs: about 30 seconds on two CPU cores, 0.6 GB of memory.
Should show: under each channel, the pair that was trained with it is better than the other pair, by 0.05 to 0.1.

    python examples/own_channel.py --steps=2000
"""

import argparse

import tensorflow as tf

import tf_emcom as ec


class BreakOff(ec.Channel):
    """With a probability, a message breaks off: all symbols from a random position on are erased."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability  # in [0, 1]; tests set this attribute to a noise of their own

    def __call__(self, message: ec.Message, vocab_size: int, step: tf.Tensor, stream: ec.Stream) -> ec.Message:
        length = message.symbols.shape[1]  # of symbols int32 [B, T]
        # All draws come from the stream. They are [B, 1]: one for each message.
        breaks = stream.stage("whether").uniform(1) < self.noise(step)
        first_lost = tf.cast(stream.stage("where").uniform(1) * length, tf.int32)
        lost = breaks & (tf.range(length) >= first_lost)
        return ec.Message(tf.where(lost, vocab_size, message.symbols))  # The id vocab_size means "erased".

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.probability, tf.float32)


def trained_pair(channel: ec.Channel, steps: int) -> ec.Learner:
    """A speaker and a listener after so many steps through the channel."""
    losses = ec.SpeakerReinforce(kl_coefficient=0.03), ec.ListenerContrastive()
    game = ec.Game(channel, ec.Discrimination(15), ec.Greedy(), ec.Success(), *losses)
    agents = (
        lambda: ec.Speaker(vocab_size=20, message_length=8, core_cls=lambda: ec.LstmCore(32)),
        lambda: ec.Listener(vocab_size=20, core_cls=lambda: ec.LstmCore(64), head_cls=lambda: ec.Cpc(64)),
    )
    optimizers = [lambda variables: ec.Adam(variables, learning_rate=2e-3)] * 2
    learner = ec.Learner(game, *agents, *optimizers, features=64, batch_size=64)
    ec.Trainer(learner, ec.OneDevice()).train(ec.Digits().load("train"), steps)
    return learner


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    steps, digits = parser.parse_args().steps, ec.Digits().load("test")
    tf.get_logger().setLevel("ERROR")  # Each test compiles its functions, which TensorFlow would warn about.
    # In training, both channels erase about a quarter of all symbols; in tests, about half of them.
    tests = {"no noise": (None, 0.0), "Erasure": (ec.Erasure(0.0), 0.5), "BreakOff": (BreakOff(), 1.0)}
    print("test accuracy, 16 candidates (chance 0.062)", *(name.rjust(9) for name in tests))
    for channel in (ec.Erasure(0.25), BreakOff(0.5)):
        pair = trained_pair(channel, steps)
        found = [ec.evaluate(pair, digits, noise=noise, channel=way)["accuracy"] for way, noise in tests.values()]
        print(f"trained with {type(channel).__name__}".ljust(43), *(f"{accuracy:9.3f}" for accuracy in found))
