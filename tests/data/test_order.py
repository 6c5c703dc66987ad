import numpy as np
import pytest
import scipy.stats

from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError


def epoch(order, number=0):
    first = number * order.batches_per_epoch
    return np.concatenate([order.indices(first + i) for i in range(order.batches_per_epoch)])


@pytest.mark.parametrize(("examples", "batch_size"), [(12, 4), (13, 4), (5, 5), (7, 1)])
def test_every_epoch_shows_an_example_at_most_once(examples, batch_size):
    order = Order(examples, batch_size, 0, "train")
    assert order.batches_per_epoch == examples // batch_size
    for number in range(3):
        shown = epoch(order, number)
        assert len(set(shown)) == len(shown) == examples // batch_size * batch_size
        assert set(shown) <= set(range(examples))


def test_full_epoch_is_a_permutation():
    order = Order(12, 4, 0, "train")
    epochs = [epoch(order, number) for number in range(3)]
    assert all(sorted(shown) == list(range(12)) for shown in epochs)
    assert len({tuple(shown) for shown in epochs}) == 3


def test_example_left_out_changes_from_epoch_to_epoch():
    order = Order(5, 4, 0, "train")
    assert len({(set(range(5)) - set(epoch(order, number))).pop() for number in range(50)}) == 5


def test_batch_depends_on_seed_and_step_alone():
    forwards = Order(13, 4, 7, "train")
    batches = [forwards.indices(step) for step in range(30)]
    jumping = Order(13, 4, 7, "test")
    for step in (29, 0, 17, 3, 28):
        np.testing.assert_array_equal(jumping.indices(step), batches[step])


@pytest.mark.parametrize("seed", [1, 2**32, 2**40 + 1, -1])
def test_other_seeds_give_other_orders(seed):
    assert epoch(Order(50, 50, seed, "train")).tolist() != epoch(Order(50, 50, 0, "train")).tolist()


def test_every_example_is_equally_likely_at_every_place():
    examples, epochs = 6, 3000
    order = Order(examples, 3, 0, "train")
    counts = np.zeros((examples, examples))
    for number in range(epochs):
        counts[np.arange(examples), epoch(order, number)] += 1
    # Rows and columns have fixed sums, which takes (n − 1)² of the n² degrees of freedom.
    statistic = ((counts - epochs / examples) ** 2 / (epochs / examples)).sum() * (examples - 1) / examples
    assert scipy.stats.chi2.sf(statistic, (examples - 1) ** 2) > 1e-4


def test_indices_are_int32():
    assert Order(5, 2, 0, "train").indices(0).dtype == np.int32


def test_batch_larger_than_the_split_is_refused():
    with pytest.raises(UserError, match="valid split has 5 examples"):
        Order(5, 6, 0, "valid")
