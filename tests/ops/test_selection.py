import tensorflow as tf

from tf_emcom.ops.selection import take, take_shown


def test_take_picks_one_of_each_row():
    values = tf.constant([[10, 11, 12], [20, 21, 22]])
    assert take(values, tf.constant([2, 0])).numpy().tolist() == [12, 20]


def test_take_picks_one_of_each_last_axis():
    values = tf.reshape(tf.range(12), [2, 2, 3])
    assert take(values, tf.constant([[0, 1], [2, 0]])).numpy().tolist() == [[0, 4], [8, 9]]


def test_shown_candidates_are_picked_row_by_row():
    scores = tf.constant([[0.0, 0.1, 0.2], [1.0, 1.1, 1.2]])
    assert take_shown(scores, tf.constant([[2, 0], [1, 2]])).numpy().tolist() == [
        [scores[0, 2], scores[0, 0]],
        [scores[1, 1], scores[1, 2]],
    ]


def test_all_candidates_are_shown_in_order_where_none_are_named():
    scores = tf.constant([[0.0, 0.1], [1.0, 1.1]])
    assert take_shown(scores, None) is scores
