"""Laws of the penalty of linear models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skreg.penalties import ElasticNet, Separable

components = arrays(np.float64, 5, elements=st.floats(-50, 50, allow_subnormal=False))
factors = arrays(np.float64, 5, elements=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
ratios = st.sampled_from([0.0, 0.3, 1.0])
step = st.floats(0, 20, allow_subnormal=False)


@given(components, factors, ratios)
def test_value_is_the_sum_of_its_parts(theta, f, ratio):
    expected = sum(
        w * (ratio * abs(t) + (1 - ratio) * 0.5 * t * t) for w, t in zip(f, theta, strict=True)
    )
    assert Separable(ratio, f).value(theta) == pytest.approx(expected, rel=1e-12)
    assert Separable(ratio, f, positive=True).value(np.abs(theta)) == pytest.approx(expected)
    if (theta < 0).any():
        assert Separable(ratio, f, positive=True).value(theta) == np.inf


@given(components, ratios, step)
def test_with_factors_of_one_it_is_the_elastic_net(theta, ratio, step):
    one, other = Separable(ratio), ElasticNet(ratio)
    assert one.value(theta) == pytest.approx(other.value(theta), rel=1e-12)
    np.testing.assert_allclose(one.prox(theta, step), other.prox(theta, step), rtol=1e-12)
    if ratio > 0:
        assert one.alpha_max(theta) == pytest.approx(other.alpha_max(theta), rel=1e-12)


def test_alpha_max_of_nothing_and_of_no_l1_part():
    assert Separable().alpha_max(np.zeros(3)) == 0.0
    assert Separable(0.0).alpha_max(np.ones(3)) == np.inf
    assert Separable(factors=np.zeros(3)).alpha_max(np.ones(3)) == 0.0


def test_several_targets_at_once():
    thetas = np.arange(12.0).reshape(2, 2, 3)
    penalty = Separable(0.5, np.array([1.0, 0.0, 2.0]))
    values = penalty.values(thetas)
    assert values.shape == (2,)
    assert values[1] == pytest.approx(sum(penalty.value(row) for row in thetas[1]))
    assert penalty.value(thetas) == pytest.approx(values.sum())


def test_many_at_once_are_taken_in_parts(monkeypatch):
    monkeypatch.setattr("skreg.penalties.separable._TOGETHER", 10)
    thetas = np.random.default_rng(0).normal(size=(7, 2, 3))
    penalty = Separable(0.5, bounds=(-2.0, 2.0))
    expected = [penalty.value(theta) for theta in thetas]
    np.testing.assert_allclose(penalty.values(thetas), expected)


def test_an_excluded_feature_and_bounds():
    penalty = Separable(factors=np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(penalty.prox(np.array([5.0, 5.0]), 1.0), [0.0, 4.0])
    np.testing.assert_array_equal(penalty.free(2), False)
    assert penalty.value(np.array([1.0, 0.0])) == np.inf
    with pytest.raises(ValueError, match="bounds must contain 0"):
        Separable(bounds=(0.5, 1.0))


@pytest.mark.parametrize(
    ("bounds", "plain"),
    [((0, np.inf), Separable(positive=True)), ((-np.inf, np.inf), Separable())],
)
def test_bounds_by_another_name(bounds, plain):
    assert Separable(bounds=bounds) == plain
    assert Separable(positive=True, bounds=(-np.inf, np.inf)) == Separable(positive=True)


def test_far_bounds_are_bounds():
    for bounds in ((-2.0, 2.0), (-np.inf, 1e9), (np.full(2, -np.inf), np.array([np.inf, 5.0]))):
        assert Separable(bounds=bounds).is_bounded(2)
    assert Separable(factors=np.array([np.inf, 1.0])).is_bounded(2)
    assert not Separable().is_bounded(2)


def test_arrays_that_change_later_are_no_longer_the_penalty_s():
    factors, upper = np.ones(2), np.ones(2)
    penalty = Separable(factors=factors, bounds=(-1.0, upper))
    theta = np.array([3.0, 3.0])
    assert penalty.prox(theta, step=1.0).tolist() == [1.0, 1.0]
    factors[0], upper[1] = np.inf, 0.5
    assert penalty.prox(theta, step=1.0).tolist() == [1.0, 1.0]
