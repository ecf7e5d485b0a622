"""Laws that every penalty obeys. A new penalty adds one line to `PENALTIES`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar

from skreg.penalties import L1, L2, ElasticNet, NoPenalty, get_penalty
from skreg.penalties import PENALTIES as REGISTRY

PENALTIES = [
    NoPenalty(),
    L2(),
    L1(),
    ElasticNet(0.0),
    ElasticNet(0.3),
    ElasticNet(1.0),
]
every_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)

component = st.floats(-100, 100, allow_subnormal=False)
theta = arrays(np.float64, st.integers(1, 8), elements=component)
step = st.floats(0, 50, allow_subnormal=False)


@every_penalty
@given(theta=theta)
def test_value_is_what_the_shares_say(penalty, theta):
    expected = penalty.l1_share * sum(abs(t) for t in theta)
    expected += penalty.l2_share * 0.5 * sum(t * t for t in theta)
    assert penalty.value(theta) == pytest.approx(expected, rel=1e-12)
    assert penalty.value(-theta) == penalty.value(theta) >= 0
    assert penalty.value(np.zeros_like(theta)) == 0
    assert isinstance(penalty.value(theta), float)


@every_penalty
@given(start=component, step=step)
def test_prox_minimises_its_definition(penalty, start, step):
    def prox_objective(u):
        return 0.5 * (u - start) ** 2 + step * penalty.value(np.array([u]))

    found = penalty.prox(np.array([start]), step)[0]
    # The minimiser lies between 0 and the start; the kink at 0 is tried by itself.
    low, high = sorted([0.0, start])
    numerical = minimize_scalar(prox_objective, bounds=(low - 1, high + 1), method="bounded")
    best = min(numerical.fun, prox_objective(0.0))
    scale = max(1.0, prox_objective(start), 0.5 * start**2)
    assert prox_objective(found) <= best + 1e-12 * scale
    assert low <= found <= high


@every_penalty
@given(theta=theta, step=step)
def test_prox_solves_its_optimality_condition(penalty, theta, step):
    """(θ − u)/step ∈ ∂J(u), which pins u where flat objectives cannot."""
    moved = penalty.prox(theta, step)
    pull = theta - moved
    smooth = step * penalty.l2_share * moved
    on, off = moved != 0, moved == 0
    kink = step * penalty.l1_share
    np.testing.assert_allclose(
        pull[on], smooth[on] + kink * np.sign(moved[on]), rtol=1e-9, atol=1e-11
    )
    assert np.all(np.abs(pull[off]) <= kink + 1e-11)


@every_penalty
@given(pair=arrays(np.float64, (2, 5), elements=component), step=step)
def test_prox_never_pushes_two_points_apart(penalty, pair, step):
    one, other = penalty.prox(pair[0], step), penalty.prox(pair[1], step)
    distance = np.linalg.norm(pair[0] - pair[1])
    # Firmly non-expansive: ‖Δprox‖² ≤ ⟨Δprox, Δθ⟩.
    assert np.linalg.norm(one - other) <= distance * (1 + 1e-12)
    inner = (one - other) @ (pair[0] - pair[1])
    assert np.sum((one - other) ** 2) <= inner + 1e-12 * distance**2


@every_penalty
@given(theta=theta)
def test_prox_of_no_step_changes_nothing(penalty, theta):
    np.testing.assert_array_equal(penalty.prox(theta, 0.0), theta)


@every_penalty
@given(theta=theta, step=step)
def test_prox_leaves_its_input_alone(penalty, theta, step):
    before = theta.copy()
    theta.flags.writeable = False
    penalty.prox(theta, step)
    np.testing.assert_array_equal(theta, before)


@every_penalty
@given(theta=theta, step=st.floats(0.01, 50))
def test_zeros_are_exact_and_only_within_the_threshold(penalty, theta, step):
    moved = penalty.prox(theta, step)
    threshold = step * penalty.l1_share
    np.testing.assert_array_equal(moved == 0, np.abs(theta) <= threshold)
    assert not np.signbit(moved[moved == 0]).any()
    assert np.all(np.sign(moved) * np.sign(theta) >= 0)


@every_penalty
@given(theta=arrays(np.float64, 4, elements=st.floats(0.01, 10) | st.floats(-10, -0.01)))
def test_gradient_is_the_central_difference(penalty, theta):
    """Away from the kink."""
    h = 1e-4
    differences = [
        (penalty.value(theta + h * e) - penalty.value(theta - h * e)) / (2 * h)
        for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(penalty.gradient(theta), differences, rtol=1e-7, atol=1e-7)


@every_penalty
def test_gradient_at_the_kink_is_the_smallest_one(penalty):
    np.testing.assert_array_equal(penalty.gradient(np.zeros(3)), np.zeros(3))


@every_penalty
@given(gradient=theta)
def test_alpha_max_is_where_zero_becomes_optimal(penalty, gradient):
    """θ = 0 is optimal iff it is a fixed point of prox(θ − ∇R(0)) at strength λ."""
    largest = penalty.alpha_max(gradient)
    if not np.isfinite(largest):
        assert penalty.l1_share == 0
        return
    assert not penalty.prox(-gradient, largest * (1 + 1e-12)).any()
    if largest > 0:
        assert penalty.prox(-gradient, largest * (1 - 1e-6)).any()


@every_penalty
@given(theta=theta, step=step)
def test_support_is_what_the_prox_leaves_on(penalty, theta, step):
    moved = penalty.prox(theta, step)
    support = penalty.support(moved)
    assert support.shape == moved.shape
    assert support.dtype == bool
    if penalty.l1_share > 0:
        np.testing.assert_array_equal(support, moved != 0)
    else:
        assert support.all()


@every_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(penalty, dtype):
    theta = np.array([1.5, -0.5, 0.0], dtype)
    assert penalty.prox(theta, 0.25).dtype == dtype
    assert penalty.gradient(theta).dtype == dtype


@given(theta=theta, step=step, rho=st.floats(0, 1))
def test_elastic_net_joins_its_corners(theta, step, rho):
    net = ElasticNet(rho)
    corners = rho * L1().value(theta) + (1 - rho) * L2().value(theta)
    assert net.value(theta) == pytest.approx(corners, rel=1e-12)
    # Its prox is the lasso's followed by the ridge's.
    np.testing.assert_allclose(
        net.prox(theta, step), L2().prox(L1().prox(theta, step * rho), step * (1 - rho)), rtol=1e-12
    )


@given(theta=theta, step=step)
def test_l2_prox_is_shrinkage_and_no_penalty_is_the_identity(theta, step):
    np.testing.assert_allclose(L2().prox(theta, step), theta / (1 + step), rtol=1e-15)
    np.testing.assert_array_equal(NoPenalty().prox(theta, step), theta)
    assert NoPenalty().value(theta) == 0


@pytest.mark.parametrize("name", REGISTRY)
def test_every_name_makes_a_penalty_of_this_list(name):
    assert get_penalty(name, l1_ratio=0.3) in PENALTIES


def test_registry():
    assert get_penalty(None) == NoPenalty()
    assert get_penalty("none") == NoPenalty()
    assert get_penalty("elasticnet", 0.3) == ElasticNet(0.3)
    with pytest.raises(KeyError):
        get_penalty("l3")


def test_penalties_are_values():
    """Frozen and comparable, so that a path or a clone cannot change one."""
    assert L1() == L1() != L2()
    with pytest.raises(AttributeError):
        L1().l1_ratio = 0.5
