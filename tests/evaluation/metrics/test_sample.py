import numpy as np
import pytest

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.measures import Sample


def test_a_sample_holds_nothing_twice():
    rows = Sample(40, 1).rows(100)
    assert len(np.unique(rows)) == len(rows) == 40
    assert 0 <= rows[0] and rows[-1] < 100
    assert (np.diff(rows) > 0).all()


def test_everything_is_taken_where_there_is_no_more():
    for count in (0, 1, 39, 40):
        np.testing.assert_array_equal(Sample(40).rows(count), np.arange(count))


def test_draws_are_functions_of_the_seed_and_their_number():
    draws = {(seed, draw): tuple(Sample(10, seed).rows(1000, draw)) for seed in range(3) for draw in range(3)}
    assert len(set(draws.values())) == 9
    assert all(tuple(Sample(10, seed).rows(1000, draw)) == rows for (seed, draw), rows in draws.items())


def test_every_example_is_drawn_equally_often():
    counts = np.bincount(np.concatenate([Sample(10, 0).rows(20, draw) for draw in range(2000)]), minlength=20)
    # Binomial with n = 2000 and p = ½: five standard deviations are 112.
    assert abs(counts - 1000).max() < 112


@pytest.mark.parametrize("bad", [{"most": 0}, {"most": 1.5}, {"seed": -1}], ids=str)
def test_bad_settings_are_refused(bad):
    with pytest.raises(UserError, match="whole number"):
        Sample(**bad)
