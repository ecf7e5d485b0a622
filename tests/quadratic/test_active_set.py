"""The compiled pieces of the lasso against NumPy."""

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st

from skreg._kernels import active_set as kernel
from skreg._kernels import lasso_gap
from skreg._kernels import thin_products as thin

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@given(rng=seeds, n=st.integers(0, 40), p=st.integers(0, 40))
def test_transposed_pair(rng, n, p, dtype, order):
    X = np.asarray(rng.normal(size=(n, p)), dtype=dtype, order=order)
    a, b = rng.normal(size=(2, n))
    X.flags.writeable = False
    expected = np.stack([a, b]) @ X.astype(np.float64)
    np.testing.assert_allclose(
        thin.transposed_pair(X, a, b), expected, rtol=0, atol=1e-12 * max(n, 1)
    )


def test_transposed_pair_wants_lines_of_numbers():
    X = np.zeros((8, 8))[::2, ::2]
    with pytest.raises(ValueError, match="contiguous"):
        thin.transposed_pair(X, np.zeros(4), np.zeros(4))


@st.composite
def quadratics(draw):
    """H = AᵀA of any rank, h = Aᵀb, slack, weights of the penalty."""
    rng, p = draw(seeds), draw(st.integers(1, 30))
    A = rng.normal(size=(draw(st.integers(1, 40)), p)) + rng.normal(size=p)
    A[:, rng.random(p) < 0.1] = 0.0
    b = A @ rng.normal(size=p) + rng.normal(size=len(A))
    l1 = rng.choice([0.0, 0.5, 1.0, 2.0], size=p, p=[0.1, 0.3, 0.3, 0.3])
    l1 = np.sort(l1)  # features without a penalty come first
    l2 = np.where(l1 > 0, rng.choice([0.0, 0.5]), 0.0)
    width = np.linalg.norm(A, axis=0)
    return A.T @ A, A.T @ b, 64 * EPS * width * np.linalg.norm(b), l1, l2, b @ b


def no_bounds(p):
    return np.full(p, -np.inf), np.full(p, np.inf)


@st.composite
def bounds(draw, p):
    """None, θ ≥ 0, or some for each component, of which some are 0."""
    kind, rng = draw(st.sampled_from(["none", "positive", "both"])), draw(seeds)
    lower, upper = no_bounds(p)
    if kind == "positive":
        lower[:] = 0.0
    if kind == "both":
        lower, upper = (
            sign * rng.choice([0.0, 0.1, 0.5, 2.0, np.inf], size=p) for sign in (-1.0, 1.0)
        )
    return lower, upper


def violation(H, h, alpha, l1, l2, theta, lower, upper):
    """How far θ is from the KKT conditions, relative to ‖h‖∞; +inf beyond a bound."""
    if (theta < lower).any() or (theta > upper).any():
        return np.inf
    slope, weight = h - H @ theta - alpha * l2 * theta, alpha * l1
    # What draws θ up, and down, beyond what the kink at 0 takes.
    up = slope - np.where(theta >= 0, weight, -weight)
    down = -slope - np.where(theta <= 0, weight, -weight)
    rest = np.maximum(np.where(theta < upper, up, 0.0), np.where(theta > lower, down, 0.0))
    return rest[np.diag(H) > 0].max(initial=0.0) / np.abs(h).max(initial=1e-300)


@given(quadratics(), st.data())
def test_the_active_set_keeps_to_the_path(quadratic, data):
    H, h, slack, l1, l2, _ = quadratic
    limits = data.draw(bounds(len(h)))
    active = kernel.ActiveSet()
    active.extend(H, h, slack, l1, l2, *limits, h)
    # Up and down, near and far: the factor is updated, extended and cut.
    for share in (1.0, 0.5, 0.1, 0.4, 0.02, 0.9, 0.01):
        alpha = share * np.abs(h).max()
        active.solve(alpha, 10_000)
        assert violation(H, h, alpha, l1, l2, active.theta, *limits) < 1e-9
        np.testing.assert_allclose(
            active.slope, h - H @ active.theta, rtol=0, atol=1e-11 * np.abs(h).max()
        )


@given(quadratics())
def test_features_may_become_known_on_the_way(quadratic):
    H, h, slack, l1, l2, _ = quadratic
    active, alpha, p = kernel.ActiveSet(), 0.05 * np.abs(h).max(), len(h)
    free = np.count_nonzero(l1 == 0)
    for known in sorted({max(free, p // 3), max(free, p // 2), p}):
        part = np.ascontiguousarray(H[:known, :known])
        theta = np.r_[active.theta, np.zeros(known - len(active.theta))]
        slope = h[:known] - part @ theta
        weights = l1[:known], l2[:known], *no_bounds(known)
        active.extend(part, h[:known], slack[:known], *weights, slope)
        active.solve(alpha, 10_000)
        at = violation(part, h[:known], alpha, *weights[:2], active.theta, *weights[2:])
        assert at < 1e-9


@given(seeds)
def test_bounds_against_plain_coordinate_descent(rng):
    """Also the gap: an upper bound, in long double, of the distance to the twin's minimum."""
    n, p = 25, 10
    A = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    b = A @ rng.normal(size=p) + rng.normal(size=n)
    l1, l2 = rng.choice([0.0, 1.0, 2.0], size=p), np.full(p, rng.choice([0.0, 0.5]))
    lower, upper = -rng.choice([0.0, 0.1, 1.0], p), rng.choice([0.0, 0.2, 1.0], p)
    H, h = A.T @ A, A.T @ b
    active = kernel.ActiveSet()
    active.extend(H, h, 1e-13 * np.diag(H), l1, l2, lower, upper, h)
    for alpha in np.geomspace(0.5, 0.01, 4) * np.abs(h).max():
        active.solve(alpha, 1000)
        given_ = {"l1": l1, "l2": l2, "lower": lower, "upper": upper}
        expected = reference.lasso(A, b, alpha, **given_)
        np.testing.assert_allclose(active.theta, expected, atol=1e-9)
        slope = h - H @ active.theta
        part = alpha * l1, alpha * l2, lower, upper
        assert lasso_gap.duality_gap(h, active.theta, slope, *part, b @ b) <= 1e-10 * (b @ b)
        # Elsewhere, too, the gap is above the distance.
        theta = np.clip(active.theta + 0.1 * rng.normal(size=p), lower, upper)

        def value(at, alpha=alpha):
            rest = b - A.astype(np.longdouble) @ at
            weights = alpha * l1 @ np.abs(at) + 0.5 * alpha * l2 @ at**2
            return 0.5 * rest @ rest + weights

        gap = lasso_gap.duality_gap(h, theta, h - H @ theta, *part, b @ b)
        assert gap >= (value(theta) - value(expected)) * (1 - 1e-9) - 1e-9 * (b @ b)


def test_features_without_a_penalty_come_first():
    active = kernel.ActiveSet()
    one, two = np.ones(1), np.ones(2)
    active.extend(np.eye(1), one, one, one, one, *no_bounds(1), one)
    with pytest.raises(ValueError, match="have to be known first"):
        active.extend(np.eye(2), two, two, np.array([1.0, 0.0]), 0 * two, *no_bounds(2), two)


@given(seeds)
def test_the_tangent_is_the_derivative_of_the_path(rng):
    A = rng.normal(size=(30, 8))
    b = A[:, 0] - A[:, 1] + 0.5 * A[:, 2] + 0.1 * rng.normal(size=30)
    H, h = A.T @ A, A.T @ b
    active, ones = kernel.ActiveSet(), np.ones(8)
    active.extend(H, h, 1e-12 * ones, ones, 0.3 * ones, *no_bounds(8), h)
    alpha = 0.3 * np.abs(h).max()
    active.solve(alpha, 100)
    theta, tangent = active.theta.copy(), active.tangent()
    step = 1e-6 * alpha
    active.solve(alpha - step, 100)
    if ((active.theta != 0) == (theta != 0)).all():
        np.testing.assert_allclose((active.theta - theta) / step, tangent, rtol=1e-4, atol=1e-7)


def test_rounding_leads_it_round_no_circle():
    """Nothing is exact enough for a slack of 0, so only the objective says when to stop."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(20, 6))
        H, h = A.T @ A / 20, A.T @ rng.normal(size=20) / 20
        active = kernel.ActiveSet()
        active.extend(H, h, np.zeros(6), np.ones(6), np.full(6, 0.3), *no_bounds(6), h)
        assert active.solve(1e-3, 1000) < 50
