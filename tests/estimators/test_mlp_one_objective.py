"""λ means λ: one minimizer, whatever the solver and the size of the batch."""

import numpy as np
import pytest
from mlp_cases import data, theta
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, PoissonRegressor, Ridge
from sklearn.neural_network import MLPClassifier

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALPHA = 0.1
SLOW = dict(learning_rate="adaptive", learning_rate_init=0.02, n_iter_no_change=40)
WAYS = {
    "lbfgs": dict(solver="lbfgs", tol=1e-9),
    "sgd, all rows": dict(solver="sgd", batch_size=60, tol=1e-9, **SLOW),
    "sgd, 20 rows": dict(solver="sgd", batch_size=20, tol=1e-9, **SLOW),
    "adam, all rows": dict(solver="adam", batch_size=60, tol=1e-9, **SLOW),
    "adam, 15 rows": dict(solver="adam", batch_size=15, tol=1e-9, **SLOW),
}


def linear(kind, way, **params):
    params = dict(max_iter=4000, random_state=0, alpha=ALPHA) | WAYS[way] | params
    return kind((), **params)


def close(way):
    return 1e-5 if way == "lbfgs" else 4e-3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_a_linear_regression(way, penalty):
    X, y = data(RegularizedMLPRegressor)
    y = 3 * y + 2
    exact = {
        "l2": Ridge(alpha=60 * ALPHA, tol=1e-10),
        "l1": Lasso(alpha=y.std() * ALPHA, tol=1e-12),
        # Of the two shares the first is in units of y.
        "elasticnet": ElasticNet(
            alpha=ALPHA * 0.5 * (y.std() + 1), l1_ratio=y.std() / (y.std() + 1), tol=1e-12
        ),
    }[penalty].fit(X, y)
    network = linear(RegularizedMLPRegressor, way, penalty=penalty).fit(X, y)
    bounds = dict(rtol=0, atol=3 * close(way))
    np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_, **bounds)
    np.testing.assert_allclose(network.intercepts_[0], exact.intercept_, **bounds)
    np.testing.assert_allclose(network.predict(X), exact.predict(X), rtol=0, atol=9 * close(way))
    if penalty == "l1" and way == "lbfgs":
        assert np.array_equal(network.coefs_[0][:, 0] == 0, exact.coef_ == 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_logistic_regression(way, n_classes):
    X, y = data(RegularizedMLPClassifier, n_classes=n_classes)
    exact = LogisticRegression(C=1 / (60 * ALPHA), tol=1e-10, max_iter=1000).fit(X, y)
    network = linear(RegularizedMLPClassifier, way).fit(X, y)
    np.testing.assert_allclose(
        network.predict_proba(X), exact.predict_proba(X), rtol=0, atol=close(way)
    )


def test_the_lambda_of_scikit_learns_network_hangs_on_the_batch():
    """What the tests above rule out for ours."""
    X, y = data(RegularizedMLPClassifier, n_classes=2)
    small, large = (
        MLPClassifier(
            (), alpha=60 * ALPHA, batch_size=size, solver="sgd", learning_rate="adaptive",
            learning_rate_init=0.02, tol=1e-9, n_iter_no_change=40, max_iter=4000, random_state=0,
        ).fit(X, y)
        for size in (20, 60)
    )  # fmt: skip
    exact = LogisticRegression(C=1 / (60 * ALPHA), tol=1e-10).fit(X, y)
    assert np.abs(large.predict_proba(X) - exact.predict_proba(X)).max() < 0.02
    assert np.abs(small.predict_proba(X) - exact.predict_proba(X)).max() > 0.1


def test_a_poisson_regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = rng.poisson(40 * np.exp(X @ [0.5, -0.3, 0.0]))
    network = linear(RegularizedMLPRegressor, "lbfgs", loss="poisson").fit(X, y)
    # The target is divided by its mean, and so is the loss.
    exact = PoissonRegressor(alpha=ALPHA * y.mean(), tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(network.predict(X), exact.predict(X), rtol=1e-4)
    np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(network.intercepts_[0], exact.intercept_, rtol=1e-4)


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("alpha", [0.02, (0.05, 0.01)])
def test_lbfgs_ends_where_no_direction_descends(penalty, alpha):
    """A hidden layer: first-order conditions, with the sub-gradient where a weight is 0."""
    X, y = data(RegularizedMLPRegressor)
    network = RegularizedMLPRegressor(
        (5,), activation="tanh", solver="lbfgs", penalty=penalty, alpha=alpha, tol=1e-7,
        max_iter=5000, random_state=0,
    ).fit(X, y)  # fmt: skip
    gradient = _risk_gradient(network, X, (y - y.mean()) / y.std())
    l1 = {"l2": 0, "l1": 1, "elasticnet": 0.5}[penalty]
    for W, G, a in zip(network._raw_weights(), gradient, np.broadcast_to(alpha, 2), strict=True):
        G = G + a * (1 - l1) * W
        assert np.all(np.abs(G + a * l1 * np.sign(W))[W != 0] < 1e-5)
        assert np.all(np.abs(G[W == 0]) <= a * l1 + 1e-6)
    if l1:
        assert network.sparsity_.min() > 0


def _risk_gradient(network, X, z):
    """∇R of a network with one hidden tanh layer, by hand."""
    W, V = network._raw_weights()
    b = network.intercepts_[0]
    c = (network.intercepts_[1] - network._target.mean) / network._target.scale
    hidden = np.tanh(X @ W + b)
    residual = (hidden @ V + c - z[:, None]) / len(X)
    return X.T @ ((residual @ V.T) * (1 - hidden**2)), hidden.T @ residual


def test_lbfgs_is_the_same_whatever_the_threads_of_blas():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    X, y = data(RegularizedMLPClassifier, 400)
    fits = []
    for n_threads in (1, 2):
        with threadpoolctl.threadpool_limits(n_threads):
            network = RegularizedMLPClassifier(
                (150, 80), solver="lbfgs", penalty="elasticnet", max_iter=15, random_state=0
            )
            fits.append(theta(network.fit(X, y)))
    assert np.array_equal(*fits)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_a_warm_start_of_lbfgs_goes_on_from_its_parameters(penalty):
    X, y = data(RegularizedMLPRegressor)
    network = linear(RegularizedMLPRegressor, "lbfgs", penalty=penalty, warm_start=True).fit(X, y)
    n_iter, before = network.n_iter_, theta(network)
    network.fit(X, y)
    assert network.n_iter_ <= n_iter + 2
    np.testing.assert_allclose(theta(network), before, atol=1e-6)
    network.set_params(solver="adam", max_iter=1).fit(X, y)
    assert np.isfinite(theta(network)).all()


def test_lbfgs_that_runs_out_of_iterations_warns():
    X, y = data(RegularizedMLPRegressor)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 epochs.*scale the features"):
        RegularizedMLPRegressor((5,), solver="lbfgs", max_iter=3, random_state=0).fit(X, y)


def test_lbfgs_stops_early_and_comes_back_to_the_best():
    X, y = data(RegularizedMLPClassifier, 200)
    network = RegularizedMLPClassifier(
        (20,), solver="lbfgs", alpha=0, early_stopping=True, random_state=0, max_iter=500
    )
    network.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    assert network.n_iter_ < 500
    assert network.score(X[100:], y[100:]) == network.best_validation_score_


@pytest.mark.parametrize(
    "params",
    [
        dict(penalty="group", groups="inputs"),
        dict(norm_bound=1.0),
        dict(max_norm=1.0),
        dict(dropout=0.1),
        dict(weight_decay="decoupled"),
    ],
    ids=str,
)
def test_lbfgs_says_what_it_does_not_take(params):
    X, y = data(RegularizedMLPRegressor)
    name = "penalty" if "groups" in params else next(iter(params))
    with pytest.raises(ValueError, match=rf"lbfgs.*{name}.*solver='adam'"):
        RegularizedMLPRegressor(solver="lbfgs", **params).fit(X, y)
    assert not hasattr(RegularizedMLPRegressor(solver="lbfgs"), "partial_fit")
