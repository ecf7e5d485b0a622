"""MCP, SCAD, SLOPE and the sparse group lasso: their own formulas, and where they meet others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skreg.penalties import L1, MCP, SCAD, SLOPE, Group, SparseGroup

theta = arrays(np.float64, 4, elements=st.floats(-9, 9, allow_subnormal=False))
step = st.floats(0.05, 12)


@settings(max_examples=12)
@given(theta, step, st.sampled_from([MCP(1.5), MCP(), SCAD(2.1), SCAD()]))
def test_prox_is_the_global_minimizer_for_any_step(z, step, penalty):
    found = penalty.prox(z, step)
    for start, end in zip(z, found, strict=True):
        grid = np.append(np.linspace(0, start, 60), end)
        values = [0.5 * (u - start) ** 2 + step * penalty.value(np.array([u])) for u in grid]
        assert values[-1] <= min(values) + 1e-12 * (1 + start**2)


@given(theta)
def test_large_gamma_is_the_lasso(z):
    for penalty in (MCP(1e9), SCAD(1e9)):
        np.testing.assert_allclose(penalty.prox(z, 1.0), L1().prox(z, 1.0), atol=1e-7)


def test_textbook_values():
    # Zhang (2010), equation 2.1, and Fan & Li (2001), equation 2.7, by quadrature of their slopes.
    t = np.linspace(0, 5, 200_001)
    for penalty, slope in (
        (MCP(3.0), np.maximum(0.7 - t / 3.0, 0)),
        (SCAD(3.7), np.where(t <= 0.7, 0.7, np.maximum(3.7 * 0.7 - t, 0) / 2.7)),
    ):
        expected = np.sum(0.5 * (slope[1:] + slope[:-1]) * np.diff(t))
        assert penalty.value(np.array([5.0]), 0.7) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MCP(1.0), "gamma must be larger than 1"),
        (lambda: SCAD(2.0), "gamma must be larger than 2"),
        (lambda: SLOPE(0.0), "q must be between 0 and 1"),
        (lambda: SLOPE(sequence=(1.0, 2.0)), "sequence must"),
        (lambda: SLOPE(sequence=(0.0, 0.0)), "sequence must"),
        (lambda: SLOPE(sequence=(1.0,)).value(np.ones(2)), "one weight for each of the 2"),
        (lambda: SparseGroup([0, 1], asparse=1.5), "asparse must be in"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(theta, step)
def test_slope_of_a_constant_sequence_is_the_lasso(z, step):
    penalty = SLOPE(sequence=(2.0,) * 4)
    assert penalty.value(z) == pytest.approx(2 * L1().value(z), rel=1e-12)
    np.testing.assert_allclose(penalty.prox(z, step), L1().prox(z, 2 * step), atol=1e-12)
    assert penalty.pull(z)[0] == pytest.approx(np.abs(z).max() / 2)
    assert penalty.curvature(penalty.prox(z, step)).basis is None


def test_slope_ties_what_is_equal():
    tangent = SLOPE(sequence=(3.0, 2.0, 1.0, 0.5)).curvature(np.array([1.0, 0.0, -2.0, -1.0]))
    np.testing.assert_array_equal(tangent.basis, [[0, 1], [-1, 0], [0, -1]])


@given(theta, step)
def test_sparse_group_joins_its_corners(z, step):
    labels = ["a", "b", "a", "a"]
    for asparse, corner in ((0.0, Group(labels)), (1.0, L1())):
        penalty = SparseGroup(labels, asparse=asparse)
        assert penalty.value(z) == pytest.approx(corner.value(z), rel=1e-12)
        np.testing.assert_allclose(penalty.prox(z, step), corner.prox(z, step), atol=1e-12)
        assert penalty.pull(z).max() == pytest.approx(corner.pull(z).max(), rel=1e-12)
