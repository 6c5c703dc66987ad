import numpy as np

from tf_emcom.evaluation.metrics.measures import Redundancy


def test_accuracy_lost_is_the_one_worked_out_by_hand():
    lost = Redundancy(0.75, np.array([0.5, 0.75, 0.875])).lost
    np.testing.assert_array_equal(lost, [0.25, 0.0, -0.125])
    assert lost.dtype == np.float64
