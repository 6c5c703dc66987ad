import pytest

from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition
from tf_emcom.evaluation.tests.accuracy_test import TestInput


def test_every_coefficient_goes_with_every_noise():
    cells = TestInput(coefficients=(0, 2), noises=(0.5, 0.0)).cells(3)
    assert {cell.labels["views"] for cell in cells} == {2}
    assert [(cell.labels["input_noise"], cell.labels["noise"]) for cell in cells] == [
        (0.0, 0.5),
        (0.0, 0.0),
        (2.0, 0.5),
        (2.0, 0.0),
    ]
    assert cells[2].conditions == [Condition(0.5, 2.0, 2)]
    # With noise on the inputs something is drawn even where the channel is clear.
    assert [cell.conditions[0].is_fixed for cell in cells] == [False, True, False, False]


def test_usually_necs_coefficient_is_measured_among_others():
    labels = [cell.labels for cell in TestInput().cells(10)]
    assert {label["input_noise"] for label in labels} == {0.0, 0.5, 1.0}
    assert {label["noise"] for label in labels} == {0.0, 0.25, 0.5, 0.75}


def test_one_view_is_what_lines_and_conditions_say():
    (cell,) = TestInput(coefficients=(0.5,), noises=(0.0,), views=1).cells(3)
    assert cell.labels["views"] == 1
    assert cell.conditions == [Condition(0.0, 0.5, views=1)]


@pytest.mark.parametrize("views", [0, 3, "two", True])
def test_other_views_are_refused(views):
    with pytest.raises(UserError, match="TestInput.views is "):
        TestInput(views=views)
