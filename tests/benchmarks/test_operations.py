"""Operations counted in graphs against products multiplied out by hand."""

import tensorflow as tf

from tf_emcom.benchmarks.operations import operations_of_products
from tf_emcom.benchmarks.rehearsal import Rehearsal


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


def test_a_game_of_the_published_size_costs_what_its_layers_cost():
    """LG (S) with F = 2,048, V = 20, T = 10, LSTMs of 256 and 512 units, projections of 256, at batch 16."""
    features, speaker, listener, embedded, vocabulary, symbols, projected, batch = 2048, 256, 512, 10, 20, 10, 256, 16
    speaker_cell = 4 * speaker * (embedded + speaker) + speaker * vocabulary
    # What is learnt costs two products more: by its weights and by its inputs; inputs from the data need no gradient.
    sampled = 2 * features * 2 * speaker + 3 * symbols * (speaker_cell + speaker)
    target = features * 2 * speaker + symbols * speaker_cell
    # The listener's first state is constant.
    read = 3 * symbols * 4 * listener * (embedded + listener) - 4 * listener * listener
    compared = 3 * listener * projected + 2 * features * projected + 3 * batch * projected
    expected = 2 * (sampled + target + read + compared)
    assert round(expected / 1e6, 1) == 93.5
    found = Rehearsal("lg_s", [f"batch_size={batch}", "RandomFeatures.examples=16"]).operations_per_game()
    # However symbols are looked up, it is less than a hundredth.
    assert expected <= found < 1.01 * expected
