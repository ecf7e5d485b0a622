"""Columns of any scale and place: the first layer moves in their units, the objective stays."""

from itertools import pairwise

import numpy as np
import pytest
import reference
import reference_constraints as twins
from hypothesis import given
from hypothesis import strategies as st
from network_cases import in_layers, make_case
from scipy import sparse
from sklearn import linear_model

from skreg.network.columns import Columns, Sizes
from skreg.network.fitting import History, Settings
from skreg.network.lbfgs import fit_lbfgs
from skreg.network.optimizers import SGD, Adam
from skreg.network.parameters import layer_views
from skreg.network.regularization import Regularization
from skreg.network.schedules import Constant
from skreg.network.state import TrainingState
from skreg.penalties import (
    L1,
    L2,
    MCP,
    SLOPE,
    ElasticNet,
    InputGroups,
    NeuronGroups,
)  # fmt: skip

SCALES = np.array([64.0, 1.0, 0.25, 2.0**20])
CENTERS = np.array([500.0, 0.0, -30.0, 0.0])

# The rate and ε of each component of θ, from the scales s of the components.
RULES = {
    "momentum": (SGD(0.8, nesterov=False), lambda s: reference.heavy_ball(0.03 / s**2, 0.8)),
    "nesterov": (SGD(0.8), lambda s: reference.nesterov(0.03 / s**2, 0.8)),
    "adam": (Adam(0.8, 0.99, 1e-6), lambda s: reference.adam(0.03 / s, 0.8, 0.99, 1e-6 * s)),
}
rules = pytest.mark.parametrize("rule", RULES)


def scaled_case(units=(4, 6, 3, 2), dtype=np.float64, **held):
    """A case whose columns lie at CENTERS in SCALES; its θ is one on X − c."""
    case = make_case(units, n=33, penalty="none", dtype=dtype)
    X = (case.problem.X * SCALES + CENTERS).astype(dtype)
    columns, theta = Columns(CENTERS.astype(dtype), SCALES), case.theta.copy()
    theta /= columns.by_parameter(units, len(theta))
    case = case.changed(X=X).held_by(**held)
    return type(case)(case.problem, theta, columns)


def check_against_twin(case, rule, prox=None, decay=0.0, rtol=1e-8):
    """Epochs in the columns' units are those of the twin with a step size for each component."""
    X, Y, _ = case.data
    optimizer, twin_rule = RULES[rule]
    state, met = case.train(optimizer, eta=0.03, n_epochs=12, batch_size=8)
    s = case.problem.suited(case.columns).by_parameter(case.problem.units, len(case.theta))
    expected = case.twin.train(
        case.theta, X - CENTERS, Y, twin_rule(s), n_epochs=12, batch_size=8, prox=prox, decay=decay
    )
    np.testing.assert_allclose(state.theta * s, expected * s, rtol=rtol, atol=1e-9)
    assert np.array_equal(state.theta == 0, expected == 0)
    assert met[-1] < met[0]
    return state.theta


# --- steps --------------------------------------------------------------------------------------


@rules
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet(0.4)], ids=repr)
@pytest.mark.parametrize("units", [(4, 6, 3, 2), (4, 2)])
def test_steps_with_a_penalty_of_each_weight(rule, penalty, units):
    theta = check_against_twin(scaled_case(units, penalty=penalty, alpha=0.05), rule)
    assert np.any(theta == 0) or penalty == L2() or units == (4, 2)


@rules
def test_steps_with_a_penalty_by_pieces(rule):
    """More weights than are at hand at once."""
    case = scaled_case((4, 150, 2), penalty=MCP(), alpha=0.05)
    case.theta[:] *= 0.1
    on = case.twin.is_weight

    def prox(theta, d):
        moved = theta.copy()
        moved[on] = MCP().prox(theta[on], d[on], 0.05)
        return moved

    assert np.any(check_against_twin(case, rule, prox) == 0)


@rules
def test_steps_with_decoupled_decay(rule):
    case = scaled_case(penalty=L2(), alpha=0.02, weight_decay="decoupled")
    free = scaled_case(penalty=L2(), alpha=0.0)
    optimizer, twin_rule = RULES[rule]
    X, Y, _ = case.data
    s = case.columns.by_parameter(case.problem.units, len(case.theta))
    state, _ = case.train(optimizer, eta=0.03, n_epochs=12, batch_size=8)
    expected = free.twin.train(
        case.theta, X - CENTERS, Y, twin_rule(s), n_epochs=12, batch_size=8, decay=0.02
    )
    np.testing.assert_allclose(state.theta * s, expected * s, rtol=1e-8, atol=1e-10)


@rules
def test_steps_with_groups_of_inputs(rule):
    case = scaled_case(penalty=InputGroups(), alpha=(0.1, 0.0, 0.0))
    weight = 0.1 * np.sqrt(6)
    check_against_twin(
        case, rule, in_layers(case.twin, lambda a, d: twins.shrink_inputs(a, d, weight))
    )


@rules
def test_steps_with_groups_of_neurons(rule):
    case = scaled_case(penalty=NeuronGroups(), alpha=0.02)
    weights = [0.02 * np.sqrt(a + b) for a, b in ((4, 3), (6, 2))]
    prox = in_layers(case.twin, lambda a, d: twins.shrink_neurons(a, d, weights))
    layers = case.twin.layers(check_against_twin(case, rule, prox))
    assert all(np.any(V) for (V, _), _ in pairwise(layers))


@rules
@pytest.mark.parametrize("penalty", [L2(), L1()], ids=repr)
def test_steps_with_a_bound(rule, penalty):
    case = scaled_case(penalty=penalty, norm_bound=8.0)
    on = case.twin.is_weight

    def prox(theta, d):
        moved = theta.copy()
        moved[on] = twins.project(theta[on], d[on], 8.0, penalty.l1_share, penalty.l2_share)
        return moved

    theta = check_against_twin(case, rule, prox, rtol=1e-5)
    assert np.isclose(penalty.value(theta[on]), 8.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "penalty"), [("nesterov", MCP()), ("adam", MCP()), ("nesterov", SLOPE())], ids=repr
)
def test_other_penalties_end_where_their_objective_is_stationary(rule, penalty):
    """A penalty compiled by pieces, and one whose prox is made between the steps."""
    case = scaled_case((4, 2), penalty=penalty, alpha=0.02)
    if penalty == SLOPE():
        assert case.problem.suited(case.columns).scales.tolist() == [2.0**20] * 4
        X = (case.problem.X - CENTERS) / SCALES * 64 + CENTERS
        case = type(case)(case.changed(X=X).problem, case.theta, Columns(CENTERS, 64 + 0 * SCALES))
    rate = 0.003 if rule == "adam" else 0.1
    theta = case.train(RULES[rule][0], eta=rate, n_epochs=4000, batch_size=33)[0].theta
    X, Y, _ = case.data
    gradient = case.held_by(alpha=0.0).twin.gradient(theta, X - CENTERS, Y)
    (W, _), (slope, bias_slope) = case.twin.layers(theta)[0], case.twin.layers(gradient)[0]
    moved = penalty.prox(W.ravel() - 1e-3 * slope.ravel(), 1e-3, 0.02)
    still = np.abs(moved - W.ravel()) / 1e-3 / np.repeat(case.columns.scales, 2)
    assert still.max() < 2e-3
    assert np.abs(bias_slope).max() < 2e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@rules
@given(exponents=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_powers_of_two_change_no_bit_without_a_penalty(rule, dtype, exponents):
    plain = make_case((4, 6, 2), n=20, penalty="none", dtype=dtype)
    scales = np.exp2(np.array(exponents, dtype=float))
    columns = Columns(None, scales)
    theta = plain.theta.copy()
    columns.start(theta, (4, 6, 2))
    case = plain.changed(X=(plain.problem.X * scales).astype(dtype))
    case = type(case)(case.problem, theta, columns)
    one, other = (
        c.train(RULES[rule][0], eta=0.05, n_epochs=3, batch_size=8)[0].theta for c in (plain, case)
    )
    assert np.array_equal(one, (other * columns.by_parameter((4, 6, 2), len(one))).astype(dtype))


# --- convex problems: the minimizer of the objective on X itself ----------------------------------


def linear_data():
    case = make_case((4, 3), n=60)
    X, Y = case.problem.X, case.problem.Y
    s = np.array([64.0, 1.0, 0.25, 16.0])
    Y = X[:, :2] @ np.array([[1.0, -2.0, 0.5], [0.7, 0.3, -1.0]]) + 0.3 * Y + 1
    return X * s + CENTERS, Y, Columns(CENTERS, s)


def minimized(X, Y, columns, solver, penalty, alpha):
    """W and b for X, from a start at 0 on X − c."""
    units = (4, Y.shape[1])
    case = make_case(units, n=60).changed(X=X, Y=Y).held_by(penalty=penalty, alpha=alpha)
    theta = np.zeros(5 * Y.shape[1])
    columns.start(theta, units)
    optimizer = {"adam": Adam(), "nesterov": SGD(0.9), "lbfgs": None}[solver]
    state = TrainingState.start(theta, solver, columns)
    with state.centered(units):
        if optimizer is None:
            settings = Settings(Adam(), Constant(), 1.0, 60, 2000, 1e-10, np.inf)
            assert fit_lbfgs(case.problem, state, History(), settings)
        else:
            epochs = case.problem.epochs(state, optimizer=optimizer, batch_size=60)
            for epoch in range(4000):
                falls = 0.995 ** max(0, epoch - 1500) if solver == "adam" else 1.0
                state.eta = (0.02 if solver == "adam" else 0.05) * falls
                next(epochs)
            epochs.close()
    return layer_views(theta, units)[0][0], theta[-Y.shape[1] :]


@pytest.mark.parametrize("solver", ["adam", "nesterov", "lbfgs"])
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet(0.6)], ids=repr)
def test_a_linear_network_reaches_the_minimizer_of_scikit_learn(solver, penalty):
    """λ keeps its meaning: X is not scaled for the reference."""
    X, Y, columns = linear_data()
    W, b = minimized(X, Y[:, :1], columns, solver, penalty, 0.02)
    exact = {
        L2(): linear_model.Ridge(alpha=60 * 0.02),
        L1(): linear_model.Lasso(alpha=0.02, tol=1e-14, max_iter=10**6),
        ElasticNet(0.6): linear_model.ElasticNet(
            alpha=0.02, l1_ratio=0.6, tol=1e-14, max_iter=10**6
        ),
    }[penalty].fit(X, Y[:, 0])
    s = columns.scales
    np.testing.assert_allclose(W[:, 0] * s, exact.coef_ * s, rtol=0, atol=1e-5)
    np.testing.assert_allclose(X @ W[:, 0] + b, exact.predict(X), rtol=0, atol=1e-5)
    assert np.array_equal(W[:, 0] == 0, exact.coef_ == 0)


@pytest.mark.parametrize("solver", ["adam", "nesterov"])
def test_groups_of_inputs_reach_the_multi_task_lasso(solver):
    X, Y, columns = linear_data()
    W, _ = minimized(X, Y, columns, solver, InputGroups(), 0.1)
    exact = linear_model.MultiTaskLasso(alpha=0.1 * np.sqrt(3), tol=1e-12, max_iter=10**6).fit(X, Y)
    s = columns.scales[:, np.newaxis]
    np.testing.assert_allclose(W * s, exact.coef_.T * s, rtol=0, atol=1e-5)
    assert np.array_equal(W == 0, exact.coef_.T == 0)
    assert np.any(W == 0)


def test_the_gradient_about_centers_is_that_of_the_shifted_rows():
    case = scaled_case(penalty=L2(), alpha=0.1)
    shifted = case.changed(X=case.problem.X - CENTERS).held_by(alpha=0.0)
    with case.problem.evaluator(case.columns) as risk_and_gradient:
        risk, gradient = risk_and_gradient(case.theta)
    expected = shifted.problem.objective_and_gradient(case.theta)
    assert np.isclose(risk, expected[0], rtol=1e-13)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-12)


def test_the_objective_is_the_same_about_centers_and_about_0():
    case = scaled_case(penalty=L2(), alpha=0.1)
    units, theta = case.problem.units, case.theta.copy()
    shifted = case.changed(X=case.problem.X - CENTERS).problem.objective_and_gradient(theta)[0]
    case.columns.move(theta, units, -1)
    assert np.isclose(case.problem.objective_and_gradient(theta)[0], shifted, rtol=1e-12)
    case.columns.move(theta, units, 1)
    np.testing.assert_allclose(theta, case.theta, rtol=0, atol=1e-10)


# --- scales too small for λ -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "limit"),
    [
        (dict(penalty=L2(), alpha=0.02), 10.0),
        (dict(penalty=L1(), alpha=0.02), 50.0),
        (dict(penalty=NeuronGroups(), alpha=0.01), 100 / np.sqrt(7)),
        (dict(penalty=L1(), norm_bound=20.0), 20.0),
        (dict(penalty=L2(), norm_bound=50.0), 10.0),
        (dict(max_norm=3.0), 3.0),
        (dict(penalty=L1(), alpha=9.0), 1.0),
    ],
)
def test_the_largest_weight_is_one_that_costs_1(held, limit):
    largest = Regularization(**held).largest_weight((4, 6, 3))
    assert limit <= largest < max(2 * limit, 1.5)


def test_without_a_price_any_scale_is_affordable():
    assert Regularization().largest_weight((4, 6, 3)) == np.inf
    assert Regularization(L1(), 1e-300).largest_weight((4, 6, 3)) == 2.0**64
    case = scaled_case((4, 2), penalty=L2(), alpha=0.6)
    assert case.problem.suited(case.columns).scales.tolist() == [64, 1, 0.5, 2**20]
    assert case.problem.suited(None) is None


# --- what is known of columns ---------------------------------------------------------------------

rng = np.random.default_rng(0)
NORMAL = rng.normal(size=(500, 1))


def columns_of(*parts, dtype=np.float64):
    return Columns.of(Sizes.of(np.hstack(parts).astype(dtype)))


def test_usual_columns_are_left_as_they_are():
    indicators = rng.random((500, 3)) < [0.5, 0.01, 0.98]
    pixels = rng.random((500, 1))
    assert columns_of(NORMAL, 25 * NORMAL, 0.2 * NORMAL, indicators, pixels, 1 + 0 * NORMAL) is None
    assert columns_of(0 * NORMAL, dtype=np.float32) is None


def test_scales_and_centers():
    found = columns_of(NORMAL, 1e6 * NORMAL, 1e-6 * NORMAL, 1970 + 30 * NORMAL, 1e4 + NORMAL)
    assert found.scales.tolist() == [1, 2**20, 2**-20, 32, 1]
    np.testing.assert_allclose(found.centers, [0, 0, 0, 1970, 1e4], rtol=1e-2)
    assert found.centers[:3].tolist() == [0, 0, 0]


def test_a_table_is_left_alone_or_looked_at_as_a_whole():
    assert columns_of(25 * NORMAL, 0.2 * NORMAL, 5 + NORMAL) is None
    found = columns_of(25 * NORMAL, 0.2 * NORMAL, 5 + NORMAL, 1e3 * NORMAL)
    assert found.scales.tolist() == [32, 0.25, 1, 1024]
    np.testing.assert_allclose(found.centers, [0, 0, 5, 0], atol=0.2)


def test_a_column_of_one_number_is_not_shifted():
    found = columns_of(NORMAL, 0 * NORMAL + 1e6, np.where(NORMAL > 0, 0.1 + 0.2, 0.3) * 1e6)
    assert found.centers is None
    assert found.scales.tolist() == [1, 2**20, 2**18]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_columns_have_the_sizes_of_dense_ones(dtype):
    X = (rng.random((2500, 4)) < 0.2) * rng.normal(size=(2500, 4)) * [1, 1e6, 1e-6, 0]
    X[7, 3] = 1e5  # not in the sample
    X = X.astype(dtype)
    dense, compressed = Sizes.of(X), Sizes.of(sparse.csr_array(X))
    for name in ("mean", "deviation", "size", "share", "n_filled", "largest"):
        np.testing.assert_allclose(getattr(compressed, name), getattr(dense, name), rtol=1e-9)
    assert Columns.of(dense).scales.tolist() == [1, 2**20, 2**-20, 2**17]
    assert Columns.of(compressed).centers is None


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1e300, np.float64), (1e-300, np.float64), (1e37, np.float32)]
)
def test_the_ends_of_the_range(factor, dtype):
    with np.errstate(all="raise", under="ignore"):
        sizes = Sizes.of((NORMAL * factor).astype(dtype))
        scales = Columns.of(sizes).scales
    assert np.isclose(sizes.size[0], factor, rtol=0.2)
    assert 1e-120 < scales[0] < 1e120  # scales are cut
    assert (sizes.size[0] > sizes.limit) == (factor > 1)


def test_of_a_few_numbers_no_small_scale_and_no_center_is_known():
    few = np.hstack([1e-6 * NORMAL, 1e6 * NORMAL, 1e4 + NORMAL])[:9]
    found = columns_of(few)
    assert found.centers is None
    assert found.scales[0] == 1
    assert found.scales[1] > 2**15


def test_some_columns():
    found = Columns(CENTERS, SCALES).take(np.array([2, 0]))
    assert found.scales.tolist() == [0.25, 64]
    assert found.centers.tolist() == [-30, 500]
    assert Columns(None, SCALES).take(np.array([1])).centers is None
