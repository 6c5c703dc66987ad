"""Several seeds at once: mean and standard deviation of the test accuracy, with and without noise in training.

Needs: tf_emcom alone; the digits come with it.
Costs: about a minute on two CPU cores, 0.8 GB of memory. All pairs of a game are trained in one compiled step.
Should show: without noise in the test, pairs trained without noise are better; with noise 0.5, they are much worse.
The difference is several times the deviation between seeds.

    python examples/several_seeds.py --seeds=3 --steps=1500
"""

import argparse
import functools

import tensorflow as tf

import tf_emcom as ec


def trained_pairs(channel: ec.Channel, seeds: int, steps: int) -> ec.IndependentPairs:
    """Pairs that never meet: pair i is what one learner with the seed i would become."""
    losses = ec.SpeakerReinforce(kl_coefficient=0.03), ec.ListenerContrastive()
    game = ec.Game(channel, ec.Discrimination(15), ec.Greedy(), ec.Success(), *losses)
    learner_cls = functools.partial(  # IndependentPairs gives it the game, the sizes and each pair's seed.
        ec.Learner,
        speaker_cls=lambda: ec.Speaker(vocab_size=20, message_length=6, core_cls=lambda: ec.LstmCore(32)),
        listener_cls=lambda: ec.Listener(20, core_cls=lambda: ec.LstmCore(64), head_cls=lambda: ec.Cpc(64)),
        speaker_optimizer_cls=lambda variables: ec.Adam(variables, learning_rate=2e-3),
        listener_optimizer_cls=lambda variables: ec.Adam(variables, learning_rate=2e-3),
    )
    pairs = ec.IndependentPairs(game, learner_cls, features=64, batch_size=64, seed=0, seeds=seeds)
    ec.Trainer(pairs, ec.OneDevice()).train(ec.Digits().load("train"), steps)
    return pairs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="2 or more")
    parser.add_argument("--steps", type=int, default=1500)
    given, digits = parser.parse_args(), ec.Digits().load("test")
    tf.get_logger().setLevel("ERROR")  # Each test compiles its functions, which TensorFlow would warn about.
    noises = 0.0, 0.25, 0.5
    print(f"test accuracy, 16 candidates (chance 0.062): mean ± standard deviation (n − 1) of {given.seeds} seeds")
    print(" " * 28, *(f"noise {noise}".rjust(13) for noise in noises))
    for channel in (ec.Clear(), ec.Erasure(0.5)):
        pairs = trained_pairs(channel, given.seeds, given.steps)
        rows = [ec.evaluate(pairs, digits, noise=noise) for noise in noises]
        cells = [f"{row['accuracy']:.3f} ± {row['deviation']:.3f}" for row in rows]
        print(f"trained with {type(channel).__name__}".ljust(28), *cells)
