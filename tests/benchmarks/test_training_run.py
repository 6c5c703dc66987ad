"""Measured training runs, and the operations counted in their graphs against products multiplied out by hand."""

import pytest
import tensorflow as tf

from benchmarks.training_run import TrainingRun, operations_of_products
from tf_emcom.errors import UserError

TINY = (
    "RandomFeatures.examples=64",
    "RandomFeatures.features=6",
    "speaker/LstmCore.units=4",
    "listener/LstmCore.units=4",
    "Cpc.size=4",
    "NormMergePolicyValue.size=4",
    "message_length=2",
    "batch_size=8",
)


def counted(function, *shapes):
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return operations_of_products(tf.function(function).get_concrete_function(*specs).graph)


def test_a_product_is_a_multiplication_and_an_addition_for_each_of_its_three_sizes():
    assert counted(tf.matmul, [2, 3], [3, 5]) == 2 * 2 * 3 * 5


def test_transposed_and_batched_products_count_alike():
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [3, 2], [3, 5]) == 60
    assert counted(lambda a, b: tf.matmul(a, b, transpose_b=True), [2, 3], [5, 3]) == 60
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [7, 3, 2], [7, 3, 5]) == 7 * 60


def test_what_no_result_needs_is_not_counted():
    def function(a, b):
        tf.matmul(b, a)
        return tf.matmul(a, b)

    assert counted(function, [2, 3], [3, 2]) == 2 * 2 * 3 * 2


def test_gradients_of_a_product_are_two_more():
    def function(a, b):
        with tf.GradientTape() as tape:
            tape.watch((a, b))
            product = tf.matmul(a, b)
        return tape.gradient(product, (a, b))

    # The product itself is not needed for its gradients.
    assert counted(function, [2, 3], [3, 5]) == 2 * 60


@pytest.mark.slow
def test_a_game_of_the_published_size_costs_what_its_layers_cost():
    """LG (S) with F = 2,048, V = 20, T = 10, LSTMs of 256 and 512 units, projections of 256, at batch 16."""
    features, speaker, listener, embedded, vocabulary, symbols, projected, batch = 2048, 256, 512, 10, 20, 10, 256, 16
    speaker_cell = 4 * speaker * (embedded + speaker) + speaker * vocabulary
    # What is learnt costs two products more: by its weights and by its inputs; inputs from the data need no gradient.
    sampled = 2 * features * 2 * speaker + 3 * symbols * (speaker_cell + speaker)
    target = features * 2 * speaker + symbols * speaker_cell
    # The listener's first state is zeros, whose products are left out.
    read = 3 * symbols * 4 * listener * (embedded + listener) - 3 * 4 * listener * listener
    compared = 3 * listener * projected + 2 * features * projected + 3 * batch * projected
    expected = 2 * (sampled + target + read + compared)
    assert round(expected / 1e6, 1) == 89.3
    found = TrainingRun("lg_s", [f"batch_size={batch}", "RandomFeatures.examples=16"]).operations_per_game()
    # However symbols are looked up, it is less than a hundredth.
    assert expected <= found < 1.01 * expected


@pytest.mark.slow
def test_runs_that_are_trained_at_once_cost_as_much_a_game_as_one():
    one, two = (TrainingRun("lg_s", [*TINY, f"seeds={seeds}"]) for seeds in (1, 2))
    assert (one.games_per_step, two.games_per_step) == (8, 16)
    assert one.operations_per_game() == two.operations_per_game()


@pytest.mark.slow
def test_a_run_plays_what_its_bindings_say():
    bindings = [*TINY, "n_speakers=4", "pairs_per_step=3", "seed=5"]
    run = TrainingRun("nlg", bindings)
    assert (run.games_per_step, run.compute_dtype) == (24, "float32")
    assert run.experiment.seed == 5
    assert TrainingRun("lg_s", [*TINY, 'precision="mixed_bfloat16"']).compute_dtype == "bfloat16"


def test_an_unknown_binding_is_reported_in_one_sentence():
    with pytest.raises(UserError, match="no component Lstm"):
        TrainingRun("lg_s", ["Lstm.units=4"])
