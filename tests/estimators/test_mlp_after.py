"""What can be asked of a trained network: zeros, features, smaller networks, paths."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel

from skreg import (
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.estimators._mlp_fit import hold_out
from skreg.network.parameters import layer_views

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ZEROS = {
    "l1": dict(penalty="l1", alpha=0.02, hidden_layer_sizes=(12, 8)),
    "inputs": dict(penalty="group", groups="inputs", alpha=0.05),
    "neurons": dict(penalty="group", groups="neurons", alpha=0.01, hidden_layer_sizes=(20, 10)),
}


def with_zeros(kind, zeros, dtype=np.float64, **params):
    """A network with weights that are 0, and its data: 4 features of 10 say something."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    signal = X[:, 0] + np.abs(X[:, 3]) + X[:, 5] * X[:, 8]
    y = (signal > 0.5).astype(int) if kind is RegularizedMLPClassifier else 10 * signal
    params = ZEROS[zeros] | dict(max_iter=150, n_iter_no_change=np.inf) | params
    X = X.astype(dtype)
    return small(kind, **params).fit(X, y), X, y


def predictions(network, X):
    is_classifier = isinstance(network, RegularizedMLPClassifier)
    return network.predict_proba(X) if is_classifier else network.predict(X)


# --- zeros --------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", ZEROS)
@pytest.mark.parametrize("kind", KINDS)
def test_zeros_are_counted(kind, zeros):
    network, _, _ = with_zeros(kind, zeros)
    shares = [np.mean(W == 0) for W in network.coefs_]
    assert network.sparsity_.tolist() == shares
    assert max(shares) > 0.1
    rows = np.linalg.norm(network.coefs_[0], axis=1)
    assert np.array_equal(network.selected_features_, np.flatnonzero(rows))
    np.testing.assert_allclose(network.feature_importances_, rows / rows.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_select_from_model_takes_the_features_that_are_left(kind):
    network, X, y = with_zeros(
        kind, "inputs", alpha=0.03 if kind is RegularizedMLPClassifier else 0.1
    )
    selector = SelectFromModel(network, threshold=1e-10).fit(X, y)
    chosen = selector.get_support(indices=True)
    assert np.array_equal(chosen, selector.estimator_.selected_features_)
    assert 0 < len(chosen) < 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_penalty_that_takes_everything_leaves_the_mean(kind):
    network, X, y = with_zeros(kind, "l1", alpha=10.0)
    assert network.sparsity_.tolist() == [1, 1, 1]
    assert len(network.selected_features_) == 0
    assert not network.feature_importances_.any()
    assert np.ptp(predictions(network, X)[:, -1:] if y.max() == 1 else network.predict(X)) == 0
    tiny = network.compress()
    np.testing.assert_allclose(predictions(tiny, X), predictions(network, X), rtol=1e-12)
    assert tiny.n_layers_ == 4


def test_before_a_fit_there_is_nothing_to_ask():
    network = small(RegularizedMLPRegressor)
    for name in ("sparsity_", "selected_features_", "feature_importances_", "coefs_"):
        assert not hasattr(network, name)
    for ask in (network.compress, network.history_frame):
        with pytest.raises(NotFittedError):
            ask()


# --- smaller networks ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "gelu"])
@pytest.mark.parametrize("zeros", ZEROS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_compressed_network_predicts_the_same(kind, zeros, activation, dtype):
    network, X, _ = with_zeros(kind, zeros, dtype, activation=activation)
    before = theta(network)
    smaller = network.compress()
    assert type(smaller) is kind
    assert theta(smaller).size < before.size
    tolerance = 1e-10 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(
        predictions(smaller, X), predictions(network, X), rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        predictions(smaller, sparse.csr_array(X)), predictions(network, X), rtol=tolerance,
        atol=tolerance,
    )  # fmt: skip
    assert np.array_equal(theta(network), before), "the network itself has changed"
    assert np.array_equal(smaller.selected_features_, network.selected_features_)
    np.testing.assert_allclose(smaller.feature_importances_, network.feature_importances_)
    assert smaller.n_features_in_ == 10
    assert smaller.hidden_layer_sizes == tuple(W.shape[1] for W in smaller.coefs_[:-1])
    assert theta(smaller.compress()).size == theta(smaller).size


@pytest.mark.parametrize("kind", KINDS)
def test_a_compressed_network_is_an_estimator(kind):
    network, X, y = with_zeros(kind, "inputs", alpha=0.03)
    smaller = network.compress()
    expected = predictions(smaller, X)
    for other in (pickle.loads(pickle.dumps(smaller)), copy.deepcopy(smaller)):
        assert np.array_equal(predictions(other, X), expected)
    with pytest.raises(ValueError, match=r"3 features.*expecting 10"):
        smaller.predict(X[:, :3])
    width = smaller.coefs_[0].shape
    dead = np.setdiff1d(np.arange(10), smaller.selected_features_)
    holes = X.copy()
    holes[:, dead] = np.nan
    assert np.array_equal(predictions(smaller, holes), expected)
    smaller.partial_fit(X, y)
    assert smaller.coefs_[0].shape == width
    smaller.set_params(warm_start=True).fit(X, y, X_val=X, y_val=y)
    assert smaller.coefs_[0].shape == width
    afresh = smaller.set_params(warm_start=False).fit(X, y)
    assert afresh.coefs_[0].shape[0] == 10
    assert np.allclose(predictions(network.compress(), X), predictions(network, X), rtol=1e-12)


# --- degrees of freedom -------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_degrees_of_freedom_are_those_of_the_rows_fitted(kind, early_stopping):
    X, y = data(kind)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    network = small(kind, early_stopping=early_stopping).fit(X, y, sample_weight=weights)
    rows = slice(None)
    if early_stopping:
        rows = hold_out(len(X), weights, network._target.encode(y)[1], 0.1, network._split_seed)[0]
    expected = network.effective_dof(X[rows], y[rows], sample_weight=weights[rows])
    # Of the λ that was fitted.
    found = network.set_params(alpha=5.0).effective_dof_
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert network.effective_dof_ is found
    np.testing.assert_allclose(network.compress().effective_dof_, found, rtol=1e-6)
    some = X[:20]
    network.set_params(early_stopping=False).partial_fit(some, y[:20])
    np.testing.assert_allclose(network.effective_dof_, network.effective_dof(some, y[:20]))


def test_a_network_keeps_no_rows():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor).fit(X, y)
    assert network._seen.X() is X
    gone = weakref.ref(X)
    del X
    gc.collect()
    assert gone() is None
    assert network._seen.Y is None
    with pytest.raises(AttributeError, match=r"as you keep the array X.*effective_dof\(X, y\)"):
        _ = network.effective_dof_


def test_a_pickle_leaves_the_rows_behind():
    X, y = data(RegularizedMLPRegressor, 5000)
    network = small(RegularizedMLPRegressor)
    assert not hasattr(network, "effective_dof_")
    network.fit(X, y)
    # The HTML of scikit-learn reads all names; this one is worked out for those who ask.
    assert "effective_dof_" not in dir(network)
    network._repr_html_()
    assert network._dof is None
    size = len(pickle.dumps(network))
    assert size < X.nbytes / 2
    other = pickle.loads(pickle.dumps(network))
    with pytest.raises(AttributeError, match=r"pickle.*effective_dof\(X, y\)"):
        _ = other.effective_dof_
    asked = network.effective_dof_
    assert np.array_equal(pickle.loads(pickle.dumps(network)).effective_dof_, asked)


def test_degrees_of_freedom_that_cannot_be_had_are_no_attribute():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, loss="quantile").fit(X, y)
    assert not hasattr(network, "effective_dof_")
    with pytest.raises(AttributeError, match=r"curvature.*quantile"):
        _ = network.effective_dof_


@pytest.mark.parametrize("n", [8, 60])
def test_degrees_of_freedom_of_a_linear_network_are_those_of_the_ridge(n):
    X, y = data(RegularizedMLPRegressor, n)
    weights = np.random.default_rng(0).uniform(0.5, 2, n)
    network = RegularizedMLPRegressor((), alpha=0.3, max_iter=1).fit(X, y)
    ridge = QuadraticApproxRidge(alpha=0.3).fit(X, y, sample_weight=weights)
    dof = network.effective_dof(X, y, sample_weight=weights)
    np.testing.assert_allclose(dof, [ridge.effective_dof_], rtol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_degrees_of_freedom_of_a_linear_classifier_are_those_of_the_ridge(n_classes):
    X, y = data(RegularizedMLPClassifier, n_classes=n_classes)
    network = RegularizedMLPClassifier((), alpha=0.1, solver="lbfgs", tol=1e-10, max_iter=1000)
    ridge = QuadraticApproxRidgeClassifier(alpha=0.1, tol=1e-12).fit(X, y)
    dof = network.fit(X, y).effective_dof(X, y)
    np.testing.assert_allclose(dof, [ridge.effective_dof_], rtol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "silu", "gelu", "identity"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [20, 60])
def test_degrees_of_freedom_by_finite_differences(kind, n, activation):
    """G of each layer from J by central differences, the biases projected out by hand."""
    X, y = data(kind, 60)
    network = small(
        kind, activation=activation, hidden_layer_sizes=(4, 3), penalty="elasticnet", alpha=0.02
    ).fit(X, y)
    X, y = X[:n], y[:n]
    H = network._target.loss.derivatives(
        network._target.encode(y)[0].astype(float), network._predict_raw(X)
    )[2]
    expected = []
    for W, b in zip(*layer_views(network._state.theta, network._architecture[0]), strict=True):
        J = np.concatenate([_jacobian(network, X, P) for P in (W, b)], axis=2)
        blocks = [np.diag(h) - np.outer(h, h) for h in H] if H.shape[1] > 1 else H[:, :, None]
        G = sum(j.T @ h @ j for j, h in zip(J, blocks, strict=True)) / n
        alive = np.flatnonzero(W.ravel())
        bias = np.arange(W.size, G.shape[0])
        G = (
            G[np.ix_(alive, alive)]
            - G[np.ix_(alive, bias)]
            @ np.linalg.pinv(G[np.ix_(bias, bias)], rcond=1e-10)
            @ G[np.ix_(bias, alive)]
        )
        expected.append(np.trace(G @ np.linalg.inv(G + 0.01 * np.eye(len(G)))))
    np.testing.assert_allclose(network.effective_dof(X, y), expected, rtol=1e-4)


def _jacobian(network, X, parameters, step=1e-6):
    """∂f/∂parameters, shape (n, q, size); the array is changed and put back."""
    flat, columns = parameters.reshape(-1), []
    for i in range(flat.size):
        kept, ends = flat[i], []
        for sign in (1, -1):
            flat[i] = kept + sign * step
            ends.append(network._predict_raw(X))
        flat[i] = kept
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=2)


def test_degrees_of_freedom_fall_with_lambda_and_count_non_zeros_without():
    X, y = data(RegularizedMLPRegressor)
    network = RegularizedMLPRegressor((), penalty="l1", alpha=0.1, solver="lbfgs").fit(X, y)
    assert network.effective_dof(X, y).round(6) == np.count_nonzero(network.coefs_[0])
    network = small(RegularizedMLPRegressor, alpha=1e-6).fit(X, y)
    dof = [network.set_params(alpha=a).effective_dof(X, y).sum() for a in (1e-6, 1e-2, 1.0)]
    assert dof[0] > dof[1] > dof[2] > 0


def test_degrees_of_freedom_that_cannot_be_had():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, loss="quantile").fit(X, y)
    with pytest.raises(ValueError, match=r"curvature.*'quantile'.*sparsity_"):
        network.effective_dof(X, y)
    wide = np.random.default_rng(0).normal(size=(9000, 95))
    network = small(RegularizedMLPRegressor, hidden_layer_sizes=(95,), max_iter=1)
    network.fit(wide[:100], wide[:100, 0])
    with pytest.raises(ValueError, match=r"9000 rows of X.*8000 is the most. Give fewer rows"):
        network.effective_dof(wide, wide[:, 0])


# --- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", ["l1", "group"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_path_goes_from_dense_to_sparse(kind, penalty):
    network, X, y = with_zeros(kind, "inputs" if penalty == "group" else "l1")
    before = theta(network)
    alphas = [1.0, 1e-4, 0.01]
    path = network.set_params(max_iter=60).regularization_path(X, y, alphas)
    assert np.array_equal(theta(network), before)
    assert network.alpha not in alphas
    assert path.alphas.tolist() == sorted(alphas)
    assert len(path) == len(path.coefs) == 3
    assert np.all(np.diff(path.n_selected) <= 0)
    assert path.n_selected[-1] == 0
    assert np.all(np.diff(path.risk) > 0)
    frame = path.to_frame()
    assert frame.index.tolist() == sorted(alphas)
    assert frame["n_iter"].tolist() == [60, 60, 60]
    for i, alpha in enumerate(path.alphas):
        one = path.estimator(alpha)
        assert one.alpha == alpha
        assert not one.warm_start
        assert path.sparsity[i].tolist() == one.sparsity_.tolist()
        assert path.risk[i] <= path.objective[i] == one.objective_
        assert path.n_nonzero[i] == one.history_["n_nonzero"][-1]
        assert path.norms[i] > 0 or alpha == 1.0
        assert np.array_equal(path.predict(X)[i], one.predict(X))
        assert len(one.loss_curve_) == 60
    with pytest.raises(ValueError, match=r"alpha=0.5 is not on this path.*0.01"):
        path.estimator(0.5)
    assert "3 alphas" in repr(path)


def test_the_first_network_of_a_path_is_the_one_that_fit_gives():
    X, y = data(RegularizedMLPRegressor)
    path = small(RegularizedMLPRegressor).regularization_path(X, y, [0.01, 0.1])
    alone = small(RegularizedMLPRegressor, alpha=0.01).fit(X, y)
    assert np.array_equal(theta(path.estimators[0]), theta(alone))
    on = alone.set_params(warm_start=True, alpha=0.1).fit(X, y)
    assert np.array_equal(theta(path.estimators[1]), theta(on))


# From the last two starts a line search ends in a step so short that it looks like convergence.
@pytest.mark.parametrize("seed", [0, 101165, 101781])
def test_a_path_of_lbfgs_is_the_path_of_the_lasso(seed):
    from sklearn.linear_model import Lasso

    X, y = data(RegularizedMLPRegressor)
    network = RegularizedMLPRegressor(
        (), penalty="l1", solver="lbfgs", tol=1e-9, max_iter=2000, random_state=seed
    )
    path = network.regularization_path(X, y, [0.3, 0.1, 0.01])
    for alpha, coefs in zip(path.alphas, path.coefs, strict=True):
        exact = Lasso(alpha=alpha * y.std(), tol=1e-12).fit(X, y)
        np.testing.assert_allclose(coefs[0][:, 0], exact.coef_, atol=1e-5)
    with pytest.raises(ValueError, match="alphas must be finite and not negative"):
        network.regularization_path(X, y, [-1.0])


@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "poisson"])
def test_weights_can_be_set_and_training_goes_on_from_there(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = rng.poisson(np.exp(X[:, 0]))
    params = dict(activation="tanh", max_iter=3, warm_start=True, random_state=0)
    if loss == "log_loss":
        network = RegularizedMLPClassifier((4,), **params).fit(X, y > 1)
        outputs, link = network.predict_proba, lambda z: np.c_[1 - expit(z), expit(z)]
    else:
        network = RegularizedMLPRegressor((4,), loss=loss, **params).fit(X, y)
        outputs, link = network.predict, np.exp if loss == "poisson" else np.copy
    coefs = [W + 0.5 for W in network.coefs_]
    intercepts = [b - 0.25 for b in network.intercepts_]
    network.coefs_ = coefs
    network.intercepts_ = intercepts
    layers = zip([*network.coefs_, *network.intercepts_], [*coefs, *intercepts], strict=True)
    for found, given in layers:
        assert_allclose(found, given, rtol=1e-12)
    raw = np.tanh(X @ coefs[0] + intercepts[0]) @ coefs[1] + intercepts[1]
    assert_allclose(outputs(X), link(raw[:, 0]), rtol=1e-9)
    with pytest.raises(ValueError, match="coefs_ must be arrays of the shapes"):
        network.coefs_ = [coefs[0], coefs[1].T]
    network.set_params(learning_rate="constant", learning_rate_init=1e-12, max_iter=1)
    network.fit(X, y > 1 if loss == "log_loss" else y)
    assert_allclose(network.coefs_[0], coefs[0], rtol=1e-6)
