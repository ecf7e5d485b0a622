"""Groups, constraints, decay, one λ for each layer: every option against its twin."""

from itertools import pairwise

import numpy as np
import pytest
import reference_constraints as twins
from network_cases import RULES, check_against_twin, in_layers, make_case, rules
from sklearn.linear_model import MultiTaskLasso

from skreg.network.optimizers import SGD, Adam
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.penalties import L1, L2, ElasticNet, InputGroups, NeuronGroups, NoPenalty, get_penalty

HIDDEN = [(6,), (5, 4), (4, 3, 5)]


@rules
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet(0.4)], ids=repr)
def test_one_alpha_for_each_layer(rule, penalty):
    case = make_case((4, 6, 3, 2), n=33).held_by(penalty=penalty, alpha=(0.2, 0.0, 0.4))
    theta = check_against_twin(case, rule)
    free, held = case.twin.layers(theta)[1][0], case.twin.layers(theta)[2][0]
    assert np.all(free != 0)
    assert np.any(held == 0) == (penalty != L2())


@rules
@pytest.mark.parametrize("penalty", [L2(), ElasticNet(0.4)], ids=repr)
def test_decoupled_decay(rule, penalty):
    case = make_case((4, 6, 2), n=33).held_by(penalty=penalty, alpha=0.2, weight_decay="decoupled")
    twin = case.twin
    decay, twin.l2 = twin.l2, 0.0
    X, Y, _ = case.data
    optimizer, twin_rule = RULES[rule]
    state, _ = case.train(optimizer, eta=0.03, n_epochs=12, batch_size=8)
    expected = twin.train(case.theta, X, Y, twin_rule(0.03), n_epochs=12, batch_size=8, decay=decay)
    np.testing.assert_allclose(state.theta, expected, rtol=1e-8, atol=1e-10)


@rules
@pytest.mark.parametrize("penalty", [L2(), ElasticNet(0.4)], ids=repr)
def test_every_step_has_its_own_share_of_decoupled_decay(rule, penalty):
    case = make_case((4, 6, 2), n=33).held_by(penalty=penalty, alpha=0.2, weight_decay="decoupled")
    twin, shares = case.twin, np.column_stack([np.ones(5), [1.0, 0.7, 0.0, 0.2, 0.4]])
    decay, twin.l2 = twin.l2, 0.0
    X, Y, _ = case.data
    optimizer, twin_rule = RULES[rule]
    state, _ = case.train(optimizer, eta=0.03, n_epochs=12, batch_size=8, shares=shares)
    expected = twin.train(
        case.theta, X, Y, twin_rule(0.03), n_epochs=12, batch_size=8, decay=decay,
        decay_shares=shares[:, 1],
    )  # fmt: skip
    np.testing.assert_allclose(state.theta, expected, rtol=1e-8, atol=1e-10)


# --- groups -------------------------------------------------------------------------------------


@rules
@pytest.mark.parametrize("hidden", [(), *HIDDEN])
def test_groups_of_inputs(rule, hidden):
    alpha = (0.15, *(0.05 for _ in hidden))
    case = make_case((5, *hidden, 2), n=33).held_by(penalty=InputGroups(), alpha=alpha)
    weight = 0.15 * np.sqrt(case.problem.units[1])
    twin = case.twin
    twin.l2 = np.r_[0.0, alpha[1:]]
    optimizer, twin_rule = RULES[rule]
    X, Y, _ = case.data
    state, met = case.train(optimizer, eta=0.03, n_epochs=25, batch_size=8)
    prox = in_layers(twin, lambda layers, steps: twins.shrink_inputs(layers, steps, weight))
    expected = twin.train(case.theta, X, Y, twin_rule(0.03), n_epochs=25, batch_size=8, prox=prox)
    np.testing.assert_allclose(state.theta, expected, rtol=1e-8, atol=1e-10)
    rows = twin.layers(state.theta)[0][0]
    assert np.array_equal(rows == 0, twin.layers(expected)[0][0] == 0)
    off = np.all(rows == 0, axis=1)
    assert np.array_equal(off, np.any(rows == 0, axis=1))
    assert off.any()
    assert met[-1] < met[0]


@rules
def test_concave_groups_of_inputs_are_met_by_their_tangent(rule):
    case = make_case((5, 6, 2), n=33).held_by(penalty=InputGroups(2.0), alpha=(0.4, 0.05))
    twin, before = case.twin, {}
    twin.l2 = np.r_[0.0, 0.05]

    def shrink(layers, steps):
        last = before.get("norms", np.linalg.norm(twin.layers(case.theta)[0][0], axis=1))
        twins.shrink_inputs(layers, steps, 0.4 * np.sqrt(6) / (1 + 2 * last))
        before["norms"] = np.linalg.norm(layers[0][0], axis=1)

    optimizer, twin_rule = RULES[rule]
    X, Y, _ = case.data
    state, _ = case.train(optimizer, eta=0.03, n_epochs=25, batch_size=8)
    expected = twin.train(
        case.theta, X, Y, twin_rule(0.03), n_epochs=25, batch_size=8, prox=in_layers(twin, shrink)
    )
    np.testing.assert_allclose(state.theta, expected, rtol=1e-8, atol=1e-10)
    assert np.any(state.theta == 0)


def test_concave_groups_settle_where_the_objective_is_stationary():
    case = make_case((5, 6, 2), n=33).held_by(penalty=InputGroups(3.0), alpha=(0.15, 0.02))
    theta = case.train(SGD(0.9), eta=0.1, n_epochs=8000, batch_size=33)[0].theta
    _, gradient = case.problem.objective_and_gradient(theta)
    rows = case.twin.layers(theta)[0][0]
    off = np.all(rows == 0, axis=1)
    assert 0 < off.sum() < 5
    slopes = case.twin.layers(gradient)[0][0]
    np.testing.assert_allclose(slopes[~off], 0, atol=1e-6)
    assert np.all(np.linalg.norm(slopes[off], axis=1) <= 0.15 * np.sqrt(6) * (1 + 1e-9))


@rules
@pytest.mark.parametrize("hidden", HIDDEN)
def test_groups_of_neurons(rule, hidden):
    case = make_case((5, *hidden, 2), n=33).held_by(penalty=NeuronGroups(), alpha=0.1)
    units, twin = case.problem.units, case.twin
    weights = [0.1 * np.sqrt(units[i] + units[i + 2]) for i in range(len(hidden))]
    prox = in_layers(twin, lambda layers, steps: twins.shrink_neurons(layers, steps, weights))
    layers = twin.layers(check_against_twin(case, rule, prox))
    off = [np.all(V == 0, axis=0) & np.all(W == 0, axis=1) for (V, _), (W, _) in pairwise(layers)]
    assert np.concatenate(off).any()


@pytest.mark.parametrize("penalty", [InputGroups(), InputGroups(4.0), NeuronGroups()], ids=repr)
@pytest.mark.parametrize("alpha", [0.3, (0.3, 0.1, 0.2)])
def test_gradient_of_the_group_penalties_equals_central_differences(penalty, alpha):
    case = make_case((3, 4, 2, 2)).held_by(penalty=penalty, alpha=alpha)
    held, units, h = case.problem.regularization, case.problem.units, 1e-6
    for i, slope in enumerate(held.gradient(case.theta, units)):
        step = h * (np.arange(len(case.theta)) == i)
        rise = held.value(case.theta + step, units) - held.value(case.theta - step, units)
        assert np.isclose(slope, rise / (2 * h), rtol=1e-6, atol=1e-8)
    assert np.all(held.gradient(0 * case.theta, units) == 0)


def test_relus_that_are_rescaled_keep_their_neuron_group():
    """Incoming times c, outgoing by c: the same function, and no way round the penalty."""
    penalty, rng = NeuronGroups(), np.random.default_rng(0)
    V, W = rng.normal(size=(3, 1)), rng.normal(size=(1, 4))
    balance = np.sqrt(np.linalg.norm(W) / np.linalg.norm(V))
    values = [penalty.value([c * V, W / c], [1.0, 1.0]) for c in balance * 2.0 ** np.arange(-3, 4)]
    assert np.argmin(values) == 3
    assert values[3] > 0


def test_input_groups_prox_is_the_minimizer():
    rng = np.random.default_rng(0)
    weights, alphas = [rng.normal(size=(4, 3)), rng.normal(size=(3, 2))], [0.5, 0.3]
    best = InputGroups().prox(weights, alphas, 0.7)

    def objective(U):
        near = sum(0.5 * np.sum((u - w) ** 2) for u, w in zip(U, weights, strict=True))
        return near + 0.7 * InputGroups().value(U, alphas)

    for _ in range(200):
        other = [b + rng.normal(scale=0.05, size=b.shape) for b in best]
        assert objective(best) <= objective(other)


# --- constraints --------------------------------------------------------------------------------


@rules
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet(0.4)], ids=repr)
@pytest.mark.parametrize("bound", [0.3, 2.0, 1e6])
def test_norm_bound(rule, penalty, bound):
    case = make_case((4, 6, 2), n=33).held_by(penalty=penalty, alpha=9.0, norm_bound=bound)
    on = case.twin.is_weight

    def prox(theta, d):
        moved = theta.copy()
        moved[on] = twins.project(theta[on], d[on], bound, penalty.l1_share, penalty.l2_share)
        return moved

    theta = check_against_twin(case, rule, prox, rtol=1e-6)
    assert penalty.value(theta[on]) <= bound
    if bound < 1e6:
        assert np.isclose(penalty.value(theta[on]), bound, rtol=1e-6)
    if bound == 0.3 and penalty.l1_share:
        assert np.any(theta[on] == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalty", [L2(), L1()], ids=repr)
def test_the_bound_holds_in_both_precisions(penalty, dtype):
    case = make_case((8, 30, 3), n=50, dtype=dtype).held_by(penalty=penalty, norm_bound=1.5)
    theta = case.train(Adam(), eta=0.05, n_epochs=10, batch_size=9)[0].theta
    assert penalty.value(theta[case.twin.is_weight].astype(float)) <= 1.5 * (1 + 1e-7)


@pytest.mark.parametrize("penalty", [L2(), L1()], ids=repr)
def test_a_bound_and_its_multiplier_have_one_minimizer(penalty):
    """On a convex problem the constraint J ≤ J(θ(λ)) gives θ(λ) back, with any optimizer."""
    case = make_case((5, 1), n=60).held_by(penalty=penalty, alpha=0.1)
    eta = {"momentum": 0.02, "nesterov": 0.02}
    free = case.train(RULES["nesterov"][0], eta=0.02, n_epochs=3000, batch_size=60)[0].theta
    bound = penalty.value(free[:5])
    for name, (optimizer, _) in RULES.items():
        rate = eta.get(name, 1e-3)
        bounded = case.held_by(norm_bound=bound).train(
            optimizer, eta=rate, n_epochs=6000, batch_size=60
        )[0]
        np.testing.assert_allclose(bounded.theta, free, rtol=0, atol=2e-4)


@rules
def test_max_norm(rule):
    case = make_case((4, 70, 3, 2), n=33).held_by(max_norm=0.5)
    twin = case.twin
    prox = in_layers(twin, lambda layers, steps: twins.shorten_columns(layers, 0.5))

    def soft_then_short(theta, d):
        return prox(twin.soft_threshold(theta, d), d)

    theta = check_against_twin(case, rule, soft_then_short)
    lengths = np.concatenate([np.linalg.norm(W, axis=0) for W, _ in twin.layers(theta)])
    assert np.isclose(lengths.max(), 0.5)
    assert lengths.max() <= 0.5 * (1 + 1e-12)


def test_all_at_once():
    held = dict(penalty=L1(), alpha=0.0, norm_bound=3.0, max_norm=0.5)
    case = make_case((4, 9, 3, 2), n=33).held_by(**held)
    theta = case.train(Adam(), eta=0.05, n_epochs=20, batch_size=8)[0].theta
    assert np.abs(theta[case.twin.is_weight]).sum() <= 3.0
    for W, _ in case.twin.layers(theta):
        assert np.linalg.norm(W, axis=0).max() <= 0.5 * (1 + 1e-12)


# --- checks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(alpha=(0.1, 0.2)), r"each of the 3 layers .*got 2 numbers"),
        (dict(alpha=(0.1, -0.2, 0.1)), "alpha must be finite and not negative"),
        (dict(alpha=np.inf), "alpha must be finite and not negative"),
        (dict(penalty=InputGroups(), norm_bound=1.0), "norm_bound=1.0 needs penalty"),
        (dict(penalty=NoPenalty(), norm_bound=1.0), "norm_bound=1.0 needs penalty"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Regularization(**options).check((4, 3, 3, 2))


def test_neuron_groups_need_neurons():
    with pytest.raises(ValueError, match="groups='neurons' needs a hidden layer"):
        Regularization(NeuronGroups(), 0.1).check((4, 2))
    Regularization(NeuronGroups(), 0.1).check((4, 3, 2))


# --- a convex problem with an exact answer ------------------------------------------------------


@pytest.mark.parametrize("rule", ["nesterov", "adam"])
def test_groups_of_inputs_reach_the_multi_task_lasso(rule):
    """Without a hidden layer J is √q·Σ‖W[i, :]‖, the penalty of scikit-learn's MultiTaskLasso."""
    case = make_case((7, 3), n=60)
    X = case.problem.X
    Y = X[:, :2] @ np.array([[1.0, -2.0, 0.5], [0.7, 0.3, -1.0]]) + 0.3 * case.problem.Y + 1
    alpha = 0.25
    case = case.changed(Y=Y).held_by(penalty=InputGroups(), alpha=alpha)
    exact = MultiTaskLasso(alpha=alpha * np.sqrt(3), tol=1e-12, max_iter=10**5).fit(X, Y)
    state = TrainingState.start(0 * case.theta, RULES[rule][0].kernel)
    epochs = case.problem.epochs(state, optimizer=RULES[rule][0], batch_size=60)
    for epoch in range(4000):
        state.eta = 0.05 if rule == "nesterov" else 0.02 * 0.995 ** max(0, epoch - 1500)
        next(epochs)
    epochs.close()
    W, b = case.twin.layers(state.theta)[0]
    np.testing.assert_allclose(W.T, exact.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(b, exact.intercept_, rtol=0, atol=1e-6)
    assert np.array_equal(W.T == 0, exact.coef_ == 0)
    assert 0 < np.count_nonzero(W.any(axis=1)) < 7


def test_names_of_the_groups():
    assert get_penalty("group", groups="inputs") == InputGroups()
    assert get_penalty("group", groups="neurons") == NeuronGroups()
    assert get_penalty("group_log", groups="inputs").concavity > 0
    with pytest.raises(ValueError, match=r"groups must be 'inputs' with.*got 'neurons'"):
        get_penalty("group_log", groups="neurons")
    with pytest.raises(ValueError, match="concave penalty has no proximal operator"):
        get_penalty("group_log", groups="inputs").prox([], [], 1.0)
    with pytest.raises(ValueError, match=r"groups must be 'inputs' or 'neurons'.*got None"):
        get_penalty("group")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alpha", [1e-8, 1e-4, 1e-2, 1.0])
def test_groups_whose_step_sizes_differ_by_many_orders(dtype, alpha):
    """A constant input and dead units have step sizes of η/ε beside those of the others."""
    case = make_case((4, 9, 1), activation="relu", n=40, dtype=dtype)
    X = case.problem.X.copy()
    X[:, 1] = 0
    theta = case.theta.copy()
    theta[36:40] = -100  # the biases of four units
    case = type(case)(case.changed(X=X).problem, theta)
    case = case.held_by(penalty=InputGroups(), alpha=(alpha, 0.0))
    theta = case.train(Adam(), eta=0.01, n_epochs=30, batch_size=10)[0].theta
    assert np.all(np.isfinite(theta))
    W = case.twin.layers(theta)[0][0]
    # Nothing pulls at them but the penalty.
    assert alpha == 1e-8 or np.all(W[1] == 0)
    assert alpha == 1.0 or np.any(W[[0, 2, 3]] != 0)
