"""The optimizers: against the NumPy twin, scikit-learn and torch, and at convex minimizers."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from network_cases import LOSSES, SMOOTH, cases, make_case
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skreg.network.optimizers import SGD, Adam
from skreg.network.state import TrainingState

RULES = {
    "sgd": (SGD(momentum=0.0), lambda eta: reference.heavy_ball(eta, 0.0)),
    "momentum": (SGD(momentum=0.8, nesterov=False), lambda eta: reference.heavy_ball(eta, 0.8)),
    "nesterov": (SGD(momentum=0.8), lambda eta: reference.nesterov(eta, 0.8)),
    "adam": (Adam(0.8, 0.99, 1e-6), lambda eta: reference.adam(eta, 0.8, 0.99, 1e-6)),
}

# The quantile's slope jumps: rounding decides on which side. Poisson's steps may explode.
STEADY = tuple(sorted(set(LOSSES) - {"quantile", "poisson"}))


@given(cases(activations=("tanh", "logistic", "relu"), losses=STEADY), st.sampled_from([0.01, 0.2]))
def test_one_sgd_step_with_l2_shrinks_weights_and_not_biases(case, eta):
    twin, n = case.twin, len(case.problem.X)
    state, _ = case.train(SGD(momentum=0.0), eta=eta, n_epochs=1, batch_size=n)
    risk = case.changed(alpha=0.0).problem.objective_and_gradient(case.theta)[1]
    if not np.any(twin.l1):
        shrunk = (1 - eta * twin.spread(twin.l2)) * case.theta
        np.testing.assert_allclose(state.theta, shrunk - eta * risk, rtol=1e-12, atol=1e-14)
    biases = ~twin.is_weight
    np.testing.assert_allclose(
        state.theta[biases], (case.theta - eta * risk)[biases], rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("rule", RULES)
@given(cases(activations=SMOOTH, losses=STEADY), st.integers(1, 10))
def test_steps_equal_the_twin(rule, case, batch_size):
    """All batch sizes: full, one row, one row in the last batch, not a divisor of n."""
    optimizer, twin_rule = RULES[rule]
    batch_size = min(batch_size, len(case.problem.X))
    state, _ = case.train(optimizer, eta=0.02, n_epochs=3, batch_size=batch_size)
    X, Y, weights = case.data
    expected = case.twin.train(
        case.theta, X, Y, twin_rule(0.02), n_epochs=3, batch_size=batch_size, weights=weights
    )
    # Adam divides by √v, which rounds where a gradient is 0 but for rounding.
    np.testing.assert_allclose(state.theta, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elasticnet"])
def test_epochs_equal_the_twin_to_rounding(rule, penalty):
    optimizer, twin_rule = RULES[rule]
    case = make_case((4, 6, 3, 2), penalty=penalty, alpha=0.3, n=33, weights="real")
    X, Y, weights = case.data
    state, met = case.train(optimizer, eta=0.03, n_epochs=15, batch_size=8)
    expected = case.twin.train(
        case.theta, X, Y, twin_rule(0.03), n_epochs=15, batch_size=8, weights=weights
    )
    np.testing.assert_allclose(state.theta, expected, rtol=1e-9, atol=1e-11)
    assert met[-1] < met[0]
    if penalty in ("l1", "elasticnet"):
        assert np.array_equal(state.theta == 0, expected == 0)
        assert np.any(state.theta[case.twin.is_weight] == 0)


@pytest.mark.parametrize("rule", RULES)
def test_float32_follows_float64(rule):
    double = make_case((4, 6, 2), penalty="elasticnet", alpha=0.02, n=33)
    single = make_case((4, 6, 2), penalty="elasticnet", alpha=0.02, n=33, dtype=np.float32)
    one, other = (
        case.train(RULES[rule][0], eta=0.03, n_epochs=5, batch_size=8)[0].theta
        for case in (double, single)
    )
    assert other.dtype == np.float32
    np.testing.assert_allclose(other, one, rtol=0, atol=2e-4)


def test_the_objective_of_an_epoch_is_the_mean_loss_met_plus_the_penalty_at_its_end():
    case = make_case(n=10, weights="real")
    X, Y, weights = case.data
    state, (met,) = case.train(SGD(0.0), eta=0.05, n_epochs=1, batch_size=5)
    weights = weights / weights.mean()
    halfway = case.theta - 0.05 * (
        case.twin.risk_gradient(case.theta, X[:5], Y[:5], weights[:5])
        + case.twin.spread(case.twin.l2) * case.theta
    )
    losses = [
        reference.losses("squared_error", Y[rows], case.twin.forward(theta, X[rows])[1][-1])[0]
        for theta, rows in ((case.theta, slice(0, 5)), (halfway, slice(5, 10)))
    ]
    expected = np.mean(weights * np.concatenate(losses)) + case.twin.penalty(state.theta)
    assert np.isclose(met, expected, rtol=1e-12)


# --- other libraries, from the same start -----------------------------------------------------


def flat(network):
    """scikit-learn's parameters as one θ."""
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    return np.concatenate([part.ravel() for layer in layers for part in layer])


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (SGD(0.0), dict(solver="sgd", momentum=0.0)),
        (SGD(0.9, nesterov=False), dict(solver="sgd", momentum=0.9, nesterovs_momentum=False)),
        (SGD(0.9), dict(solver="sgd", momentum=0.9)),
        # scikit-learn adds ε before the bias correction, torch and this package after it.
        (Adam(epsilon=1e-30), dict(solver="adam", epsilon=1e-30)),
    ],
    ids=["sgd", "momentum", "nesterov", "adam"],
)
@pytest.mark.parametrize("loss", ["squared_error", "binary_log_loss", "multinomial_log_loss"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_trajectory_equals_scikit_learn(optimizer, settings, loss):
    """Without a penalty, whose λ means something else there."""
    case = make_case((5, 7, 4, 1), loss=loss, penalty="none", n=43)
    X, Y, _ = case.data
    y = Y[:, 0] if Y.shape[1] == 1 else Y.argmax(axis=1)
    kind = MLPRegressor if loss == "squared_error" else MLPClassifier
    theirs = kind(hidden_layer_sizes=(7, 4), activation="tanh", alpha=0, batch_size=10)
    theirs.set_params(
        shuffle=False, random_state=0, warm_start=True, n_iter_no_change=1000, **settings
    )
    # An epoch that moves nothing draws the start; the next fit begins with a new optimizer.
    theirs.set_params(max_iter=1, learning_rate_init=1e-300).fit(X, y)
    case = type(case)(case.problem, flat(theirs))
    theirs.set_params(max_iter=20, learning_rate_init=0.01).fit(X, y)
    state, _ = case.train(optimizer, eta=0.01, n_epochs=20, batch_size=10)
    # scikit-learn's Nesterov keeps the look-ahead point as its parameters.
    np.testing.assert_allclose(state.point, flat(theirs), rtol=1e-8, atol=1e-9)
    assert np.abs(state.point - case.theta).max() > 0.01


@pytest.mark.parametrize("weight_decay", ["coupled", "decoupled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_adam_equals_torch_step_by_step(dtype, weight_decay):
    """Fifty steps of a full batch: Adam with λ in the gradient, AdamW with decay of its own."""
    torch = pytest.importorskip("torch", reason="compares with torch's optimizers")
    case = make_case((5, 8, 3), penalty="l2", alpha=0.05, n=40, dtype=dtype)
    case = case.held_by(weight_decay=weight_decay)
    X, Y = (torch.tensor(part) for part in case.data[:2])
    layers = [
        [torch.tensor(part.copy(), requires_grad=True) for part in layer]
        for layer in case.twin.layers(case.theta)
    ]
    kind = torch.optim.Adam if weight_decay == "coupled" else torch.optim.AdamW
    optimizer = kind(
        [
            dict(params=[W for W, _ in layers], weight_decay=0.05),
            dict(params=[b for _, b in layers], weight_decay=0.0),
        ],
        lr=0.01,
    )

    def flat_of(parts):
        return np.concatenate([part.detach().numpy().ravel() for part in parts])

    parameters = [p for layer in layers for p in layer]
    (W, b), (V, c) = layers
    state, ours = TrainingState.start(case.theta.copy(), "adam"), case.theta
    for _ in range(50):
        f = torch.tanh(X @ W + b) @ V + c
        loss = 0.5 * ((f - Y) ** 2).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state.eta = 0.01
        epochs = case.problem.epochs(state, optimizer=Adam(), batch_size=40)
        next(epochs)
        epochs.close()
        np.testing.assert_allclose(state.theta, flat_of(parameters), rtol=0, atol=1e-6)
        if dtype == np.float32:  # their rounding and ours part; each step is as exact as the first
            state.theta[:] = flat_of(parameters)
            for slot, name in ((state.slot_1, "exp_avg"), (state.slot_2, "exp_avg_sq")):
                slot[:] = flat_of([optimizer.state[p][name] for p in parameters])
    assert np.abs(state.theta - ours).max() > 0.05


# --- convex problems: one minimizer, whatever the solver ---------------------------------------


def minimize(case, optimizer, batch_size, eta):
    """Train long, at a rate that falls from ``eta`` so that mini-batches settle too."""
    state = TrainingState.start(np.zeros_like(case.theta), optimizer.kernel)
    epochs = case.problem.epochs(
        state, optimizer=optimizer, batch_size=batch_size, rng=np.random.RandomState(0)
    )
    full = batch_size == len(case.problem.X)
    n_epochs = 3000 if full else 1500
    for epoch in range(n_epochs):
        if full:
            falls = 0.995 ** max(0, epoch - 1500) if optimizer.kernel == "adam" else 1.0
        else:
            falls = 0.992**epoch
        state.eta = eta * falls
        next(epochs)
    epochs.close()
    return state.theta


CONVEX = {
    "sgd": (SGD(0.0), 0.2),
    "momentum": (SGD(0.9, nesterov=False), 0.03),
    "nesterov": (SGD(0.9), 0.03),
    "adam": (Adam(), 0.02),
}


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("batch_size", [60, 16])
@pytest.mark.parametrize("solver", CONVEX)
def test_linear_regressor_reaches_the_minimizer_of_scikit_learn(solver, batch_size, penalty):
    alpha, ratio, n = 0.2, 0.6, 60
    case = make_case((5, 1), penalty=penalty, alpha=alpha, l1_ratio=ratio, n=n)
    X = case.problem.X
    y = X @ [1.0, -2.0, 0.1, 0.0, 0.5] + 3 + 0.1 * case.problem.Y[:, 0]
    case = case.changed(Y=y[:, None])
    exact = {
        "l2": Ridge(alpha=n * alpha),
        "l1": Lasso(alpha=alpha, tol=1e-12),
        "elasticnet": ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-12),
    }[penalty].fit(X, y)
    optimizer, eta = CONVEX[solver]
    theta = minimize(case, optimizer, batch_size, eta)
    tolerance = 1e-6 if batch_size == n else 2e-3
    np.testing.assert_allclose(theta[:5], exact.coef_, rtol=0, atol=tolerance)
    assert np.isclose(theta[5], exact.intercept_, rtol=0, atol=tolerance)
    if penalty != "l2" and batch_size == n:
        assert np.array_equal(theta[:5] == 0, exact.coef_ == 0)
        assert np.any(theta[:5] == 0)
        check_kkt(case, theta, 1e-6)


def check_kkt(case, theta, tolerance):
    """0 ∈ ∇R + λ∂J: the gradient balances the penalty, and at zeros does not exceed it."""
    twin = case.twin
    risk = case.changed(alpha=0.0).problem.objective_and_gradient(theta)[1]
    zero = twin.is_weight & (theta == 0)
    assert np.all(np.abs(risk[zero]) <= twin.spread(twin.l1)[zero] + tolerance)
    assert np.abs(risk[~twin.is_weight]).max() < tolerance
    on = twin.is_weight & ~zero
    pull = twin.spread(twin.l2) * theta + twin.spread(twin.l1) * np.sign(theta)
    assert np.abs(risk + pull)[on].max() < tolerance


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", CONVEX)
def test_linear_classifier_reaches_the_minimizer_of_logistic_regression(solver, n_classes):
    loss = "binary_log_loss" if n_classes == 2 else "multinomial_log_loss"
    alpha, n = 0.05, 60
    case = make_case(
        (3, n_classes if n_classes > 2 else 1), loss=loss, penalty="l2", alpha=alpha, n=n
    )
    X, Y, _ = case.data
    y = Y[:, 0] if n_classes == 2 else Y.argmax(axis=1)
    exact = LogisticRegression(C=1 / (n * alpha), tol=1e-10, max_iter=10000).fit(X, y)
    optimizer, eta = CONVEX[solver]
    theta = minimize(case, optimizer, n, 3 * eta)
    W, b = case.twin.layers(theta)[0]
    np.testing.assert_allclose(W.T, exact.coef_, rtol=0, atol=1e-5)
    centered = b - b.mean() if n_classes > 2 else b
    theirs = exact.intercept_ - (exact.intercept_.mean() if n_classes > 2 else 0)
    np.testing.assert_allclose(centered, theirs, rtol=0, atol=1e-5)


def test_a_large_alpha_makes_every_weight_exactly_zero():
    case = make_case((4, 5, 2), penalty="l1", alpha=10.0, n=20)
    for optimizer, _ in RULES.values():
        theta = case.train(optimizer, eta=0.05, n_epochs=60, batch_size=7)[0].theta
        assert np.all(theta[case.twin.is_weight] == 0)
        assert not np.any(np.signbit(theta[case.twin.is_weight]))
