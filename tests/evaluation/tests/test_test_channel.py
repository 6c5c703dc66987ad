from tf_emcom.evaluation.evaluator import Condition
from tf_emcom.evaluation.tests.accuracy_test import TestChannel


def test_every_symbol_is_erased_by_each_noise():
    cells = TestChannel(noises=(0.25, 0, 0.25)).cells(3)
    assert [cell.labels for cell in cells] == [{"noise": 0.25}, {"noise": 0.0}]
    assert [cell.conditions for cell in cells] == [[Condition(0.25)], [Condition(0.0)]]
    assert [cell.conditions[0].is_fixed for cell in cells] == [False, True]


def test_usually_necs_noises_and_candidates_are_measured():
    mode = TestChannel()
    assert [cell.labels["noise"] for cell in mode.cells(10)] == [0.0, 0.25, 0.5, 0.75]
    assert (mode.candidates, mode.passes, mode.split) == ([16, 64, 256, 1024, 4096], 5, "test")
