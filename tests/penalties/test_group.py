"""The group penalty: its formulas, and the partitions that it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skreg.penalties import L1
from skreg.penalties.group import Group


@st.composite
def cases(draw):
    """A penalty on p components in a random partition, with or without factors, and θ."""
    p = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, draw(st.integers(1, p)), size=p)
    n_groups = len(np.unique(labels))
    factors = rng.choice([0.0, 0.5, 2.0], size=n_groups) if draw(st.booleans()) else None
    shape = (draw(st.integers(1, 3)), p) if draw(st.booleans()) else (p,)
    return Group(labels, factors), labels, rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3)


def pieces(penalty, labels, theta):
    """(θ_g, f_g√|g|) for each group."""
    for g, label in enumerate(penalty.labels):
        inside = labels == label
        yield theta[..., inside], penalty.factors[g] * np.sqrt(inside.sum())


@given(cases())
def test_value_is_the_weighted_sum_of_norms(case):
    penalty, labels, theta = case
    expected = sum(w * np.linalg.norm(part) for part, w in pieces(penalty, labels, theta))
    assert penalty.value(theta) == pytest.approx(expected, rel=1e-12)
    assert penalty.value(0 * theta) == 0
    np.testing.assert_array_equal(penalty.support(theta), True)


@given(cases(), st.floats(0, 20))
def test_prox_solves_its_optimality_condition(case, step):
    """θ − u = step·w·u/‖u‖ where u ≠ 0, and ‖θ‖ ≤ step·w where u = 0."""
    penalty, labels, theta = case
    moved = penalty.prox(theta, step)
    assert moved.shape == theta.shape
    for (u, w), (start, _) in zip(
        pieces(penalty, labels, moved), pieces(penalty, labels, theta), strict=True
    ):
        if u.any():
            pull = step * w * u / np.linalg.norm(u)
            np.testing.assert_allclose(start - u, pull, rtol=1e-9, atol=1e-9 * np.abs(start).max())
        else:
            assert np.linalg.norm(start) <= step * w * (1 + 1e-12)
    on = np.array([w == 0 or u.any() for u, w in pieces(penalty, labels, moved)])
    support = penalty.support(moved)
    for label, expected in zip(penalty.labels, on, strict=True):
        assert (support[..., labels == label] == expected).all()


@given(cases(), st.floats(0, 5))
def test_groups_of_one_are_the_lasso(case, step):
    _, _, theta = case
    theta = np.atleast_2d(theta)[0]
    penalty = Group(range(len(theta)))
    assert penalty.value(theta) == pytest.approx(L1().value(theta), rel=1e-12)
    np.testing.assert_allclose(
        penalty.prox(theta, step), L1().prox(theta, step), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(penalty.gradient(theta), L1().gradient(theta), rtol=1e-12)


def test_labels_and_index_lists_say_the_same():
    by_label = Group(["b", "a", "b", "c"], [1.0, 2.0, 3.0])
    by_list = Group([[1], [0, 2], [3]], [1.0, 2.0, 3.0])
    theta = np.array([1.0, -2.0, 3.0, 0.5])
    assert by_label.value(theta) == by_list.value(theta)
    np.testing.assert_array_equal(by_label.prox(theta, 0.3), by_list.prox(theta, 0.3))
    assert list(by_label.labels) == ["a", "b", "c"]
    assert repr(by_list) == "Group(n_features=4, n_groups=3)"


def test_lists_of_equal_length_are_lists():
    assert Group([[0, 1], [2, 3]]).n_features == 4
    assert Group(np.array([[0, 3], [2, 1]])).value(np.array([3.0, 0.0, 0.0, 4.0])) == pytest.approx(
        5 * np.sqrt(2)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_zeros_are_positive(dtype):
    theta = np.array([-0.1, -3.0, -4.0], dtype)
    moved = Group([0, 1, 1]).prox(theta, 0.5)
    assert moved.dtype == dtype
    assert moved[0] == 0
    assert not np.signbit(moved[0])
    assert Group([0, 1, 1]).gradient(theta).dtype == dtype


def test_norms_neither_overflow_nor_underflow():
    norms = Group([0, 0, 1, 1]).norms(np.array([3e200, 4e200, 3e-200, 4e-200]))
    np.testing.assert_allclose(norms, [5e200, 5e-200], rtol=1e-14)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("abc", "a label for each feature or a list of index lists"),
        ([], "a label for each feature or a list of index lists"),
        (3, "a label for each feature or a list of index lists"),
        ([[0, 1], [1, 2]], "must not share features: 1 occur more than once"),
        ([[0, 0], [1]], "must not share features: 0"),
        ([[0], [3]], "must name every feature: 1, 2 are in none.*factor 0"),
        ([[0], []], r"groups\[1\] is empty"),
        ([[0], [-1]], r"groups\[1\] must list feature indices"),
        ([[0], [1.5]], r"groups\[1\] must list feature indices"),
        ([0.0, np.nan], "NaN or infinity"),
    ],
)
def test_partitions_that_are_none(groups, message):
    with pytest.raises(ValueError, match=message):
        Group(groups)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([1.0], "one number for each of the 2 groups, got shape"),
        ([1.0, -1.0], "not be negative, got -1.0"),
        ([1.0, np.nan], "not be negative, got nan"),
    ],
)
def test_factors_that_do_not_match(factors, message):
    with pytest.raises(ValueError, match=message):
        Group([0, 0, 1], factors)


@pytest.mark.parametrize("ratio", [0.0, 1.5])
def test_share_of_norms_out_of_range(ratio):
    with pytest.raises(ValueError, match=r"l1_ratio must be in \(0, 1\]"):
        Group([0, 0, 1], l1_ratio=ratio)


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.6}, {"positive": True}])
def test_groups_of_one_are_an_elastic_net(options):
    """The same function and operator for one output; of several, a group is a column."""
    rng = np.random.default_rng(0)
    factors, theta = np.array([1.0, 0.0, 0.5, np.inf, 2.0]), rng.normal(size=5)
    penalty = Group([3, 1, 0, 4, 2], factors, **options)
    simple = penalty.for_outputs(1)
    assert simple.kernel == "coordinates"
    assert penalty.for_outputs(2) is penalty
    assert Group([0, 0, 1]).for_outputs(1).kernel == "groups"
    np.testing.assert_allclose(simple.prox(theta, 0.4, 0.7), penalty.prox(theta, 0.4, 0.7))
    inside = penalty.prox(theta, 0.1)
    assert simple.value(inside, 0.7) == pytest.approx(penalty.value(inside, 0.7))
