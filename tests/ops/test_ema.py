import keras
import numpy as np
import pytest

from tf_emcom.ops.numbers import follow


def test_averages_move_by_one_minus_decay():
    average, source = keras.Variable([0.0, 1.0]), keras.Variable([10.0, -1.0])
    follow([average], [source], 0.9)
    np.testing.assert_allclose(average.numpy(), [1.0, 0.8], atol=1e-6)
    follow([average], [source], 0.9)
    np.testing.assert_allclose(average.numpy(), [1.9, 0.62], atol=1e-6)
    assert source.numpy().tolist() == [10.0, -1.0]


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 5.0), (1.0, 1.0)])
def test_ends_of_the_decay_copy_and_stand_still(decay, expected):
    average = keras.Variable(1.0)
    follow([average], [keras.Variable(5.0)], decay)
    assert average.numpy() == expected


def test_unequal_lists_are_refused():
    with pytest.raises(ValueError, match="argument"):
        follow([keras.Variable(1.0)], [], 0.9)
