"""Laws that every penalty obeys. A new penalty adds one line to `PENALTIES`."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skreg.penalties import (
    L1,
    L2,
    MCP,
    NETWORK_PENALTIES,
    SCAD,
    SLOPE,
    ElasticNet,
    Group,
    NoPenalty,
    Separable,
    SparseGroup,
    get_penalty,
    make_penalty,
)
from skreg.penalties import PENALTIES as REGISTRY

P = 5
FACTORS = np.array([0.0, 0.5, 1.0, 3.0, 1.0])
BOUNDS = np.array([-1.0, 0.0, -np.inf, -0.5, -2.0]), np.array([0.0, 1.5, np.inf, 0.5, 2.0])
LABELS = ["a", "b", "a", "c", "b"]

PENALTIES = {
    "none": NoPenalty(),
    "l2": L2(),
    "l1": L1(),
    "elastic net 0": ElasticNet(0.0),
    "elastic net": ElasticNet(0.3),
    "elastic net 1": ElasticNet(1.0),
    "factors": Separable(0.3, FACTORS),
    "two factors": Separable(0.3, FACTORS, l2_factors=FACTORS[::-1].copy()),
    "positive": Separable(0.7, FACTORS, positive=True),
    "bounds": Separable(0.7, FACTORS, bounds=BOUNDS),
    "bounded lasso": Separable(1.0, bounds=(-0.5, 1.0)),
    "bounds alone": Separable(0.0, factors=0.0, bounds=BOUNDS),
    "excluded": Separable(0.6, np.array([np.inf, 1.0, 0.0, np.inf, 2.0])),
    "group": Group(LABELS),
    "group factors": Group(LABELS, [0.0, 0.5, 2.0]),
    "group elastic net": Group(LABELS, [1.0, 0.0, 2.0], l1_ratio=0.4),
    "group excluded": Group(LABELS, [1.0, np.inf, 2.0]),
    "multi-task": Group(range(P), l1_ratio=0.4),
    "positive groups": Group(LABELS, positive=True),
    "bounded groups": Group(LABELS, [0.0, 0.5, np.inf], bounds=(-0.5, 1.5)),
    "groups, some bounded": Group(LABELS, [2.0, 0.5, 1.0], l1_ratio=0.6, bounds=BOUNDS),
    "groups, one bound": Group([0, 0, 0, 1, 1], bounds=(-np.inf, np.r_[1.0, np.full(4, np.inf)])),
    "sparse group": SparseGroup(LABELS),
    "sparse group bounds": SparseGroup(LABELS, [0.5, 0.0, 2.0], asparse=0.4, bounds=BOUNDS),
    "positive sparse group": SparseGroup(LABELS, positive=True),
    "sparse group factors": SparseGroup(LABELS, [0.5, 0.0, np.inf], asparse=0.6),
    "mcp": MCP(),
    "mcp factors": MCP(2.5, np.array([0.0, 0.5, 1.0, 2.0, np.inf])),
    "scad": SCAD(),
    "scad factors": SCAD(3.0, np.array([0.0, 0.5, 1.0, 2.0, np.inf])),
    "slope": SLOPE(),
    "slope of few": SLOPE(0.5),
}
#: There are many penalties: each law takes few examples of each.
few = settings(max_examples=max(8, settings().max_examples // 3))
every_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
convex_penalties = pytest.mark.parametrize(
    "penalty",
    [penalty for penalty in PENALTIES.values() if penalty.is_convex],
    ids=[name for name, penalty in PENALTIES.items() if penalty.is_convex],
)

shapes = st.sampled_from([(P,), (2, P)])
component = st.floats(-9, 9, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-6 else 0.0)
thetas = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=component))
pairs = shapes.flatmap(lambda shape: arrays(np.float64, (2, *shape), elements=component))
# Away from kinks: no zeros, no ties.
smooth = st.tuples(shapes, st.integers(0, 10_000)).map(
    lambda case: (
        np.random.default_rng(case[1]).choice([-1, 1], case[0])
        * np.random.default_rng(case[1]).choice(
            np.linspace(0.0517, 3.9873, 80), case[0], replace=False
        )
    )
)
step = st.floats(0.01, 1.5)
alpha = st.floats(0.01, 3)


def feasible(penalty, theta):
    """θ, brought within the bounds of J."""
    return penalty.prox(theta, 1e-300)


@every_penalty
@few
@given(theta=thetas, alpha=alpha)
def test_value_is_least_at_zero_and_lambda_times_j(penalty, theta, alpha):
    value = penalty.value(theta, alpha)
    assert isinstance(value, float)
    assert value >= 0 == penalty.value(0 * theta, alpha)
    if penalty.is_convex:
        assert value == pytest.approx(alpha * penalty.value(theta), rel=1e-12)


@every_penalty
@few
@given(theta=thetas, step=st.floats(0.01, 20), alpha=alpha, seed=st.integers(0, 999))
def test_prox_minimizes_its_definition(penalty, theta, step, alpha, seed):
    def objective(u):
        return 0.5 * np.sum((u - theta) ** 2) + step * penalty.value(u, alpha)

    found = penalty.prox(theta, step, alpha)
    least, rng = objective(found), np.random.default_rng(seed)
    others = [found + s * rng.normal(size=theta.shape) for s in np.geomspace(1e-5, 9, 6)]
    others += [t * theta for t in np.linspace(0, 1, 5)] + [0.5 * (found + theta)]
    for i in np.ndindex(theta.shape):
        for value in (0.0, theta[i], *np.linspace(0, theta[i], 4)):
            other = found.copy()
            other[i] = value
            others.append(other)
    assert least <= min(map(objective, others)) + 1e-12 * (1 + objective(feasible(penalty, theta)))


@convex_penalties
@few
@given(theta=thetas, step=st.floats(0.01, 20), alpha=alpha)
def test_prox_gives_a_subgradient_where_fenchel_is_tight(penalty, theta, step, alpha):
    """s = (θ − u)/step is a sub-gradient at u: P(u) + P*(s) = ⟨u, s⟩."""
    u = penalty.prox(theta, step, alpha)
    s = (theta - u) / step
    rounding = 1e-12 + 4e-15 * np.abs(theta).max() / (step * alpha)  # of θ − u, in units of λ
    assume(rounding < 1e-9)
    conjugate = penalty.conjugate(s * (1 - rounding), alpha)
    product, value = float(np.vdot(u, s)), penalty.value(u, alpha)
    assert value + conjugate == pytest.approx(product, rel=1e-8, abs=1e-8 * (1 + value))


@convex_penalties
@few
@given(pair=pairs, alpha=alpha)
def test_conjugate_obeys_fenchels_inequality(penalty, pair, alpha):
    theta, slope = feasible(penalty, pair[0]), pair[1]
    bound = penalty.value(theta, alpha) + penalty.conjugate(slope, alpha)
    assert bound >= np.vdot(theta, slope) - 1e-9 * (1 + abs(np.vdot(theta, slope)))


@every_penalty
@few
@given(slope=thetas, step=step, factor=st.sampled_from([0.5, 1 - 1e-6, 1 + 1e-9, 2.0]))
def test_pull_is_the_smallest_lambda_that_holds_a_block_at_zero(penalty, slope, step, factor):
    blocks, pulls = penalty.blocks(P), penalty.pull(slope)
    assert pulls.shape == (len(blocks),)
    for b, pull in enumerate(pulls):
        inside = blocks.order[blocks.starts[b] : blocks.starts[b + 1]]
        at = factor * pull if np.isfinite(pull) else 7.0
        moved = penalty.prox(step * slope, step, at)[..., inside]
        if pull > 0:
            assert moved.any() == (factor < 1 or np.isinf(pull))
        else:
            assert not moved.any()


@every_penalty
@few
@given(slope=thetas)
def test_alpha_max_is_where_zero_becomes_optimal(penalty, slope):
    top, held = penalty.alpha_max(-slope), ~penalty.free(P)
    if np.isinf(top):
        assert np.isinf(penalty.pull(slope)).any()
        return
    assert not penalty.prox(slope, 1.0, top * (1 + 1e-9))[..., held].any()
    if top > 0:
        assert penalty.prox(slope, 1.0, top * (1 - 1e-6))[..., held].any()


@convex_penalties
@few
@given(pair=pairs, step=st.floats(0, 20), alpha=alpha)
def test_prox_never_pushes_two_points_apart(penalty, pair, step, alpha):
    one, other = (penalty.prox(point, step, alpha) for point in pair)
    # Firmly non-expansive: ‖Δprox‖² ≤ ⟨Δprox, Δθ⟩.
    inner = np.vdot(one - other, pair[0] - pair[1])
    assert np.sum((one - other) ** 2) <= inner + 1e-12 * np.sum((pair[0] - pair[1]) ** 2)


@every_penalty
@few
@given(theta=thetas)
def test_prox_of_no_step_changes_nothing_within_bounds(penalty, theta):
    inside = feasible(penalty, theta)
    np.testing.assert_allclose(penalty.prox(inside, 0.0), inside, rtol=1e-15)


@every_penalty
@few
@given(theta=thetas, step=step, alpha=alpha)
def test_zeros_are_exact_and_signs_stay(penalty, theta, step, alpha):
    before = theta.copy()
    theta.flags.writeable = False
    moved = penalty.prox(theta, step, alpha)
    np.testing.assert_array_equal(theta, before)
    assert np.all(np.abs(moved) <= np.abs(theta) * (1 + 1e-12))
    assert np.all(moved * theta >= 0)
    assert not np.signbit(moved[moved == 0]).any()


@every_penalty
@few
@given(theta=thetas, step=step, alpha=alpha)
def test_support_is_what_the_prox_leaves_on(penalty, theta, step, alpha):
    moved = penalty.prox(theta, step, alpha)
    support = penalty.support(moved)
    assert support.shape == moved.shape
    assert support.dtype == bool
    assert support[moved != 0].all()
    if penalty.is_smooth:
        assert support.all()
    pulls = penalty.pull(np.ones(P))
    held = np.isfinite(pulls)[penalty.blocks(P).labels] & (np.atleast_2d(moved) == 0).all(axis=0)
    assert not np.atleast_2d(support)[:, held].any() or len(penalty.blocks(P)) < P


@every_penalty
@few
@given(theta=smooth, alpha=st.floats(0.1, 2))
def test_gradient_is_the_slope_of_the_value(penalty, theta, alpha):
    theta = feasible(penalty, theta)
    on, h = penalty.curvature(theta, alpha).active, 1e-6
    gradient = penalty.gradient(theta, alpha)
    for i in zip(*np.nonzero(on), strict=True):
        move = np.zeros_like(theta)
        move[i] = h
        slope = (penalty.value(theta + move, alpha) - penalty.value(theta - move, alpha)) / (2 * h)
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-5)


@every_penalty
def test_gradient_at_the_kink_is_the_smallest_one(penalty):
    np.testing.assert_array_equal(penalty.gradient(np.zeros(P)), np.zeros(P))


@every_penalty
@few
@given(theta=smooth, alpha=st.floats(0.1, 2), seed=st.integers(0, 999))
def test_curvature_is_the_derivative_of_the_gradient(penalty, theta, alpha, seed):
    theta = penalty.prox(theta, 0.3, alpha)
    tangent = penalty.curvature(theta, alpha)
    way = np.random.default_rng(seed).normal(size=len(tangent.diagonal))
    move, h = np.zeros_like(theta), 1e-6
    move[tangent.active] = way if tangent.basis is None else tangent.basis @ way
    ends = (penalty.gradient(theta + s * h * move, alpha)[tangent.active] for s in (1, -1))
    slope = np.subtract(*ends) / (2 * h)
    if tangent.basis is not None:
        slope = tangent.basis.T @ slope
    scale = 1 + np.abs(tangent.matrix()).max(initial=0.0)
    np.testing.assert_allclose(tangent.matrix() @ way, slope, atol=1e-4 * scale)


@every_penalty
@few
@given(pair=pairs, step=step, alpha=alpha)
def test_blocks_do_not_see_each_other(penalty, pair, step, alpha):
    blocks = penalty.blocks(P)
    np.testing.assert_array_equal(np.sort(blocks.order), np.arange(P))
    first = blocks.order[: blocks.starts[1]]
    mixed = pair[1].copy()
    mixed[..., first] = pair[0][..., first]
    one, other = (penalty.prox(point, step, alpha)[..., first] for point in (pair[0], mixed))
    np.testing.assert_allclose(one, other, rtol=1e-12)


@every_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(penalty, dtype):
    theta = np.array([1.5, -0.5, 0.0, 0.3, 2.0], dtype)
    assert penalty.prox(theta, 0.25).dtype == dtype
    assert penalty.gradient(theta).dtype == dtype


# The named ones --------------------------------------------------------------------------------


@given(theta=thetas, step=step, rho=st.floats(0, 1))
def test_elastic_net_joins_its_corners(theta, step, rho):
    net = ElasticNet(rho)
    corners = rho * L1().value(theta) + (1 - rho) * L2().value(theta)
    assert net.value(theta) == pytest.approx(corners, rel=1e-12)
    # Its prox is the lasso's followed by the ridge's.
    np.testing.assert_allclose(
        net.prox(theta, step), L2().prox(L1().prox(theta, step * rho), step * (1 - rho)), rtol=1e-12
    )


@given(theta=thetas, step=step)
def test_l2_prox_is_shrinkage_and_no_penalty_is_the_identity(theta, step):
    np.testing.assert_allclose(L2().prox(theta, step), theta / (1 + step), rtol=1e-15)
    np.testing.assert_array_equal(NoPenalty().prox(theta, step), theta)
    assert NoPenalty().value(theta) == 0


@pytest.mark.parametrize("name", NETWORK_PENALTIES)
def test_every_name_of_networks_makes_a_penalty_of_this_list(name):
    assert get_penalty(name, l1_ratio=0.3) in PENALTIES.values()


@pytest.mark.parametrize("name", REGISTRY)
def test_every_name_makes_a_penalty_of_this_list(name):
    given = {"groups": LABELS} if "group" in name else {}
    kinds = {type(penalty) for penalty in PENALTIES.values()}
    assert type(make_penalty(name, **given)) in kinds
    with pytest.raises(ValueError, match="color does not go with"):
        make_penalty(name, color=1)


def test_registry():
    assert get_penalty(None) == NoPenalty()
    assert get_penalty("none") == NoPenalty()
    assert get_penalty("elasticnet", 0.3) == ElasticNet(0.3)
    with pytest.raises(ValueError, match="penalty must be one of"):
        get_penalty("l3")
    assert make_penalty("mcp", gamma=2.0) == MCP(2.0)
    with pytest.raises(ValueError, match="penalty must be one of"):
        make_penalty("l3")


def test_penalties_are_values():
    """Frozen and comparable, so that a path or a clone cannot change one."""
    assert L1() == L1() != L2()
    assert Separable(factors=np.ones(2)) == Separable(factors=np.ones(2))
    assert hash(L1()) == hash(L1())
    with pytest.raises(AttributeError):
        L1().l1_ratio = 0.5


def test_a_slope_near_the_largest_float_pulls_endlessly_without_a_warning():
    slope = np.array([1e308, 1.0])
    for penalty in (Separable(0.05), Separable(0.1, factors=np.array([0.5, 0.0]))):
        assert penalty.pull(slope)[0] == np.inf
