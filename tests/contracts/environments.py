"""The four ways in which a plug-in is run."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tests.contracts.examples import EXAMPLES

ENVIRONMENTS = ("eager", "graph", "xla", "mirrored")


@functools.cache
def two_replicas():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def run(key, environment):
    """What every replica got: a list of (outputs, gradients), both name ↦ array; one element but for `mirrored`."""
    example = EXAMPLES[key]
    arguments = {name: tf.convert_to_tensor(value) for name, value in example.arguments.items()}
    if environment == "mirrored":
        strategy = two_replicas()
        with strategy.scope():
            plug_in = made(key)
        replica = functools.partial(outputs_and_gradients, example, plug_in)
        function = tf.function(lambda given: strategy.run(replica, (given,)), autograph=False)
        results = function(arguments)
        return [
            tf.nest.map_structure(lambda v, r=r: strategy.experimental_local_results(v)[r].numpy(), results)
            for r in range(strategy.num_replicas_in_sync)
        ]
    plug_in = made(key)
    function = functools.partial(outputs_and_gradients, example, plug_in)
    if environment != "eager":
        # AutoGraph takes its time: users' own functions have it, those of the package have not.
        function = tf.function(function, jit_compile=environment == "xla", autograph=environment == "graph")
    return [tf.nest.map_structure(lambda v: v.numpy(), function(arguments))]


@functools.cache
def eager(key):
    """Outputs and gradients in eager mode, which the other environments are compared with."""
    return run(key, "eager")[0]


@functools.cache
def weights(key):
    """The weights that a plug-in has in every environment; none where it owns none or brings its own."""
    plug_in = EXAMPLES[key].make()
    if not isinstance(plug_in, keras.layers.Layer):
        return []
    generator = np.random.default_rng(0)
    return [generator.normal(0, 0.5, w.shape).astype(np.float32) for w in plug_in.get_weights()]


def made(key):
    plug_in = EXAMPLES[key].make()
    # `weights`, since Keras' recurrent cells count the states of their unused dropout among their variables.
    for variable, value in zip(getattr(plug_in, "weights", []), weights(key), strict=True):
        variable.assign(value)
    return plug_in


def trained(plug_in):
    """Name ↦ value of every trainable weight, named by its place: Keras numbers its paths by what was made before."""
    variables = getattr(plug_in, "trainable_variables", [])
    return {f"weight {i} ({v.name})": v.value for i, v in enumerate(variables)}


def outputs_and_gradients(example, plug_in, arguments):
    sources = trained(plug_in) | {name: arguments[name] for name in example.learns}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(list(sources.values()))
        outputs = example.call(plug_in, arguments)
        differentiable = [tf.cast(v, tf.float32) for v in outputs.values() if v.dtype.is_floating]
        # Uneven weights: an even sum is blind to what sums to a constant, as softmaxes and centred advantages do.
        total = tf.add_n([
            tf.reduce_sum(v * tf.reshape(tf.sin(1.0 + tf.range(tf.size(v), dtype=tf.float32)), tf.shape(v)))
            for v in differentiable
        ])  # fmt: skip
    gradients = tape.gradient(total, sources) if sources else {}
    missing = [name for name, gradient in gradients.items() if gradient is None]
    assert not missing, f"no gradient reaches {missing}"
    # Copies, since strategy.run does not tell replicas apart that return one and the same tensor.
    return tf.nest.map_structure(tf.identity, (outputs, gradients))
