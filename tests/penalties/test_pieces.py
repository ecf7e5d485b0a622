"""The compiled formulas of penalties that are quadratic by pieces, against NumPy."""

import numpy as np
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st

from skreg._kernels import pieces as kernel
from skreg.penalties import MCP, SCAD

FACTORS = np.array([0.0, np.inf, 1.0, 0.5, 2.0])
PENALTIES = [MCP(), MCP(1.5, FACTORS), SCAD(), SCAD(2.5, FACTORS)]
every_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def pieces_of(penalty, alpha):
    """The pieces of each of five components; None for one that is excluded."""
    factors = np.ones(5) if penalty.factors is None else penalty.factors
    return [None if np.isinf(f) else penalty.pieces(f * alpha) for f in factors]


@every_penalty
@given(rng=seeds)
def test_prox_and_value(penalty, rng):
    alpha, x, steps = rng.uniform(0.1, 2), 3 * rng.normal(size=5), rng.uniform(0.1, 4, 5)
    table, pieces = penalty.table(5, alpha), pieces_of(penalty, alpha)
    expected = [
        0.0 if p is None else reference.piecewise_prox(z, s, p)
        for z, s, p in zip(x, steps, pieces, strict=True)
    ]
    np.testing.assert_allclose(kernel.prox(x, steps, table), expected, atol=1e-12)
    kept = np.where([p is None for p in pieces], 0.0, x)
    at = [
        next(c for c in p if abs(z) <= c[0]) if p else (0, 0, 0, 0)
        for z, p in zip(kept, pieces, strict=True)
    ]
    value = sum(c[1] + abs(z) * (c[2] + 0.5 * c[3] * abs(z)) for z, c in zip(kept, at, strict=True))
    assert kernel.value(kept, table) == pytest.approx(value, rel=1e-12)
    if penalty.factors is not None:
        assert kernel.value(np.ones(5), table) == np.inf


@every_penalty
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=98524917)  # θ goes to and fro by a rounding
@example(seed=483)  # and here by one of what the penalty takes away from it
def test_descent_ends_where_no_component_moves(penalty, seed):
    rng = np.random.default_rng(seed)
    A, alpha = rng.normal(size=(20, 5)), rng.uniform(0.05, 0.5)
    hessian, linear = A.T @ A / 20, A.T @ rng.normal(size=20) / 10
    table, theta = penalty.table(5, alpha), np.zeros(5)
    product = np.zeros(5)
    passes = kernel.descend(hessian, linear, table, theta, product, 1e-20, 10_000)
    assert passes > 0
    np.testing.assert_allclose(product, hessian @ theta, atol=1e-12)
    steps = 1 / np.diag(hessian)
    moved = kernel.prox(theta + steps * (linear - product), steps, table)
    np.testing.assert_allclose(moved, theta, atol=1e-7)
    assert theta[1] == 0 or penalty.factors is None
    few = kernel.descend(hessian, linear, table, np.zeros(5), np.zeros(5), 0.0, 1)
    assert few == -1 or not theta.any()
