import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.games.policies import Greedy
from tf_emcom.games.tasks import Discrimination, DiscriminationDrawnPerGame
from tf_emcom.seeds import step_stream

B = 8
INPUTS = np.arange(2 * B, dtype=np.float32).reshape(B, 2)


DRAWING = [Discrimination, DiscriminationDrawnPerGame]


def candidates(distractors, step=0, first_game=0, local_games=B, task_cls=Discrimination, groups=1):
    stream = step_stream(3, tf.constant(step), tf.constant(first_game), local_games, B)
    return task_cls(distractors, groups).candidates(None, tf.constant(INPUTS), stream)


def test_whole_batch_is_shown_in_order_without_a_number_of_distractors():
    shown = candidates(None)
    np.testing.assert_array_equal(shown.inputs, INPUTS)
    assert shown.shown is None
    assert shown.target.numpy().tolist() == list(range(B))


def test_second_replica_looks_for_its_own_games_in_the_whole_batch():
    assert candidates(None, first_game=4, local_games=4).target.numpy().tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("task_cls", DRAWING)
@pytest.mark.parametrize("distractors", [1, 2, 5, B - 1])
def test_right_candidate_is_at_its_target(distractors, task_cls):
    shown = candidates(distractors, task_cls=task_cls)
    assert shown.shown.shape == (B, distractors + 1)
    own = tf.gather(shown.shown, shown.target, batch_dims=1)
    assert own.numpy().tolist() == list(range(B))


@pytest.mark.parametrize("task_cls", DRAWING)
@pytest.mark.parametrize("distractors", [1, 2, 5, B - 1])
def test_no_game_shows_one_candidate_twice(distractors, task_cls):
    for step in range(5):
        shown = candidates(distractors, step, task_cls=task_cls).shown.numpy()
        assert [len(set(row)) for row in shown] == [distractors + 1] * B
        assert shown.min() >= 0
        assert shown.max() < B


def test_every_input_is_a_distractor_equally_often():
    for step in range(5):
        assert np.bincount(candidates(3, step).shown.numpy().ravel(), minlength=B).tolist() == [4] * B


@pytest.mark.parametrize("task_cls", DRAWING)
def test_distractors_of_a_game_are_uniform_over_the_steps(task_cls):
    task, steps = task_cls(3), 1000

    @tf.function
    def shown(step):
        return task.candidates(None, tf.constant(INPUTS), step_stream(3, step, tf.constant(0), B, B)).shown[2]

    counts = np.bincount(np.ravel([shown(tf.constant(step)) for step in range(steps)]), minlength=B)
    assert counts[2] == steps
    assert scipy.stats.chisquare(np.delete(counts, 2)).pvalue > 1e-4


def test_games_that_draw_by_themselves_show_inputs_at_distances_of_their_own():
    # Of all games of a step, `Discrimination` has one set of offsets.
    for task_cls in DRAWING:
        shown = candidates(3, task_cls=task_cls).shown.numpy()
        offsets = {frozenset((shown[game] - game) % B) for game in range(B)}
        assert (len(offsets) == 1) == (task_cls is Discrimination)


@pytest.mark.parametrize("task_cls", DRAWING)
def test_distractors_are_drawn_afresh_every_step(task_cls):
    once, again, later = (candidates(3, step, task_cls=task_cls).shown.numpy().tolist() for step in (0, 0, 1))
    assert once == again != later


@pytest.mark.parametrize("task_cls", DRAWING)
def test_two_replicas_show_what_one_device_shows(task_cls):
    whole = candidates(3, 5, task_cls=task_cls)
    halves = [candidates(3, 5, first, 4, task_cls) for first in (0, 4)]
    np.testing.assert_array_equal(np.concatenate([h.shown for h in halves]), whole.shown)
    np.testing.assert_array_equal(np.concatenate([h.target for h in halves]), whole.target)


@pytest.mark.parametrize("distractors", [None, 1, 3])
def test_equal_scores_win_by_chance_only(distractors):
    # A listener whose scores have all become equal takes the first candidate; that must not be the right one each time.
    task = Discrimination(distractors)
    count, shown = task.candidates_per_game(B), candidates(distractors)
    choice = Greedy()(tf.zeros([B, count]), tf.constant(0), None)
    assert np.mean(task.success(choice, shown)) == 1 / count


SIZES = [(None, 2, 2), (None, 16, 16), (1, 2, 2), (15, 16, 16)]


@pytest.mark.parametrize(("distractors", "batch_size", "count"), SIZES)
def test_number_of_candidates(distractors, batch_size, count):
    assert Discrimination(distractors).candidates_per_game(batch_size) == count


@pytest.mark.parametrize(("distractors", "batch_size"), [(None, 1), (1, 1), (0, 8), (-1, 8), (8, 8), (9, 8)])
def test_impossible_numbers_of_candidates_are_refused(distractors, batch_size):
    with pytest.raises(UserError, match="has to be a whole number, 1 or more, or None|set batch_size|set it within"):
        Discrimination(distractors).candidates_per_game(batch_size)


def test_a_game_cannot_draw_more_distractors_than_there_are():
    with pytest.raises(UserError, match="distractors is 8, but a batch of 8 games has 1 to 7"):
        DiscriminationDrawnPerGame(8).candidates_per_game(B)


def looked_at(found):
    """The inputs that each game chooses from, and its right one: [B, C, 2] and [B, 2]."""
    inputs, target = found.inputs.numpy(), found.target.numpy()
    shown = np.tile(np.arange(len(inputs)), (len(target), 1)) if found.shown is None else found.shown.numpy()
    return inputs[shown], inputs[shown[np.arange(len(target)), target]]


@pytest.mark.parametrize("local_games", [8, 4, 2, 1])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_games_of_a_group_choose_among_its_inputs_on_any_number_of_replicas(groups, local_games):
    size = B // groups
    for first in range(0, B, local_games):
        among, right = looked_at(candidates(None, 0, first, local_games, groups=groups))
        for i in range(local_games):
            start = (first + i) // size * size
            np.testing.assert_array_equal(among[i], INPUTS[start : start + size])
            np.testing.assert_array_equal(right[i], INPUTS[first + i])


def test_a_replica_with_a_group_of_its_own_compares_nothing_else():
    found = candidates(None, 0, 4, 4, groups=2)
    np.testing.assert_array_equal(found.inputs, INPUTS[4:])
    assert found.shown is None
    assert found.target.numpy().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("task_cls", DRAWING)
@pytest.mark.parametrize("distractors", [1, 2, 3])
def test_distractors_of_a_game_are_of_its_group(task_cls, distractors):
    for step in range(5):
        found = candidates(distractors, step, task_cls=task_cls, groups=2)
        shown = found.shown.numpy()
        assert (shown // 4 == np.arange(B)[:, np.newaxis] // 4).all()
        assert [len(set(row)) for row in shown] == [distractors + 1] * B
        assert tf.gather(found.shown, found.target, batch_dims=1).numpy().tolist() == list(range(B))
        second = candidates(distractors, step, 4, 4, task_cls, groups=2)
        np.testing.assert_array_equal(second.shown, shown[4:])
        np.testing.assert_array_equal(second.target, found.target[4:])


@pytest.mark.parametrize(("distractors", "groups", "count"), [(None, 4, 4), (None, 8, 2), (2, 4, 3)])
def test_number_of_candidates_in_groups(distractors, groups, count):
    assert Discrimination(distractors, groups).candidates_per_game(16) == count


@pytest.mark.parametrize(
    ("distractors", "groups", "words"),
    [
        (None, 3, "batch_size is 16, which cannot be cut into Discrimination.groups = 3 equal groups"),
        (None, 16, "the inputs of its group, so there is nothing to choose from; .* to 32 or more"),
        (4, 4, "a group of 4 games has 1 to 3 distractors"),
    ],
)
def test_impossible_groups_are_refused(distractors, groups, words):
    with pytest.raises(UserError, match=words):
        Discrimination(distractors, groups).candidates_per_game(16)
