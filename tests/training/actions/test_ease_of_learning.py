import pytest

from tf_emcom.training.actions.ease_of_learning import area_under_curve


def test_area_of_equal_steps_is_the_mean():
    assert area_under_curve([10, 20, 30], [0.2, 0.4, 0.9]) == pytest.approx(0.5)


def test_a_longer_stretch_weighs_more():
    assert area_under_curve([100, 110], [0.5, 1.0]) == pytest.approx((0.5 * 100 + 1.0 * 10) / 110)


def test_what_is_understood_at_once_has_an_area_of_one():
    assert area_under_curve([3, 7], [1.0, 1.0]) == 1.0
