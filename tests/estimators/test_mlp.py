"""The network estimators: what a fit gives."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlp_cases import KINDS, data, small, theta
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPRegressor

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.network import training
from skreg.network.training import Objective

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- what a fit gives ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_networks_learn(kind):
    X, y = data(kind, 200)
    network = small(kind, max_iter=200).fit(X, y)
    assert network.score(X, y) > 0.9
    assert network.loss_curve_[-1] < 0.3 * network.loss_curve_[0]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_attributes_of_the_classifier(n_classes):
    X, y = data(RegularizedMLPClassifier, n_classes=n_classes)
    network = small(RegularizedMLPClassifier).fit(X, y)
    n_outputs = 1 if n_classes == 2 else 3
    assert [W.shape for W in network.coefs_] == [(6, 7), (7, n_outputs)]
    assert [b.shape for b in network.intercepts_] == [(7,), (n_outputs,)]
    assert np.array_equal(network.classes_, np.arange(n_classes))
    assert network.out_activation_ == ("logistic" if n_classes == 2 else "softmax")
    assert (network.n_layers_, network.n_outputs_, network.n_iter_) == (3, n_outputs, 5)
    assert network.t_ == 5 * 60
    assert len(network.loss_curve_) == 5
    assert network.loss_ == network.loss_curve_[-1]
    assert network.best_loss_ == min(network.loss_curve_)
    assert network.validation_scores_ is None
    assert network.best_validation_score_ is None
    assert network.n_features_in_ == 6


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_hang_together(n_classes):
    X, y = data(RegularizedMLPClassifier, n_classes=n_classes)
    labels = np.array(["ant", "bee", "cat"])[y]
    network = small(RegularizedMLPClassifier).fit(X, labels)
    probabilities = network.predict_proba(X)
    assert probabilities.shape == (60, n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(network.predict_log_proba(X)), probabilities)
    assert np.array_equal(network.predict(X), network.classes_[probabilities.argmax(axis=1)])
    assert network.score(X, labels) == accuracy_score(labels, network.predict(X))
    hidden = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0)
    raw = hidden @ network.coefs_[1] + network.intercepts_[1]
    odds = np.exp(raw)
    by_hand = odds / (1 + odds) if n_classes == 2 else odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[:, -by_hand.shape[1] :], by_hand, rtol=1e-10)


@pytest.mark.parametrize("shape", [(60,), (60, 3)])
def test_predictions_have_the_shape_of_the_target(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=shape)
    assert small(RegularizedMLPRegressor).fit(X, y).predict(X).shape == shape


def test_a_column_is_a_vector_and_told_as_by_scikit_learn():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor)
    expected = network.fit(X, y).predict(X)
    for model in (network, MLPRegressor(max_iter=1)):
        with pytest.warns(DataConversionWarning, match="column-vector y"):
            assert model.fit(X, y[:, None]).predict(X).shape == y.shape
    np.testing.assert_array_equal(network.predict(X), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_in_is_precision_out(kind, dtype):
    X, y = data(kind)
    network = small(kind).fit(X.astype(dtype), y)
    assert {p.dtype for p in (*network.coefs_, *network.intercepts_)} == {np.dtype(dtype)}
    raw = network.predict_proba(X) if kind is RegularizedMLPClassifier else network.predict(X)
    assert raw.dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_strides_of_the_data_do_not_matter(kind):
    X, y = data(kind)
    wide = np.repeat(X, 2, axis=1)
    read_only = X.copy()
    read_only.flags.writeable = False
    expected = theta(small(kind).fit(X, y))
    for other in (np.asfortranarray(X), wide[:, ::2], read_only, pd.DataFrame(X), X.tolist()):
        network = small(kind).fit(other, y)
        assert np.array_equal(theta(network), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_users_array_reaches_the_kernel_itself(kind, dtype, monkeypatch):
    X, y = data(kind)
    X, seen, whole = X.astype(dtype), [], Objective.trainer

    def spy(self, state, **kwargs):
        seen.append(self.X)
        return whole(self, state, **kwargs)

    monkeypatch.setattr(training.Objective, "trainer", spy)
    small(kind).fit(X, y)
    assert len(seen) == 1
    assert np.shares_memory(seen[0], X)


@pytest.mark.parametrize("kind", KINDS)
def test_l1_gives_exact_zeros_and_l2_does_not(kind):
    X, y = data(kind)
    one, other = (small(kind, penalty=p, alpha=0.1, max_iter=60).fit(X, y) for p in ("l1", "l2"))
    assert np.mean(one.coefs_[0] == 0) > 0.2
    assert np.all(other.coefs_[0] != 0)


@pytest.mark.parametrize("penalty", ["none", None])
@pytest.mark.parametrize("kind", KINDS)
def test_no_penalty_is_alpha_zero(kind, penalty):
    X, y = data(kind)
    one = small(kind, penalty=penalty, alpha=10.0).fit(X, y)
    other = small(kind, penalty="l2", alpha=0.0).fit(X, y)
    assert np.array_equal(theta(one), theta(other))


@pytest.mark.parametrize(
    ("ratio", "name"), [(0.0, "l2"), (1.0, "l1")], ids=["ridge's corner", "lasso's corner"]
)
def test_corners_of_the_elastic_net(ratio, name):
    X, y = data(RegularizedMLPRegressor)
    one = small(RegularizedMLPRegressor, penalty="elasticnet", l1_ratio=ratio, alpha=0.05)
    other = small(RegularizedMLPRegressor, penalty=name, alpha=0.05)
    assert np.array_equal(theta(one.fit(X, y)), theta(other.fit(X, y)))


@pytest.mark.parametrize("batch_size", [60, 20])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_without_hidden_layers_alpha_is_the_lambda_of_the_linear_models(solver, batch_size):
    """A public fit, with the schedule and the stopping that a user has."""
    X, y = data(RegularizedMLPRegressor)
    y = y + 2.0
    fit = dict(solver=solver, batch_size=batch_size, learning_rate="adaptive", max_iter=4000)
    fit |= dict(learning_rate_init=0.02, tol=1e-9, n_iter_no_change=40, random_state=0)
    for penalty, exact in [
        ("l2", Ridge(alpha=60 * 0.1)),
        ("l1", Lasso(alpha=0.1, tol=1e-10)),
        ("elasticnet", ElasticNet(alpha=0.1, l1_ratio=0.5, tol=1e-10)),
    ]:
        network = RegularizedMLPRegressor((), penalty=penalty, alpha=0.1, **fit).fit(X, y)
        exact.fit(X, y)
        np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_, rtol=0, atol=2e-3)
        np.testing.assert_allclose(network.intercepts_[0], exact.intercept_, rtol=0, atol=2e-3)
    X, labels = data(RegularizedMLPClassifier)
    network = RegularizedMLPClassifier((), alpha=0.1, **fit).fit(X, labels)
    exact = LogisticRegression(C=1 / (60 * 0.1), tol=1e-8, max_iter=1000).fit(X, labels)
    np.testing.assert_allclose(network.predict_proba(X), exact.predict_proba(X), rtol=0, atol=5e-3)


# --- weights, rows, labels ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_weights_stand_for_repeated_rows_and_zero_for_none(kind, solver):
    X, y = data(kind)
    counts = np.random.default_rng(0).integers(0, 4, size=60)
    whole = dict(batch_size=1000, activation="tanh", solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = small(kind, **whole).fit(X, y, sample_weight=counts)
        scaled = small(kind, **whole).fit(X, y, sample_weight=1e6 * counts)
        repeated = small(kind, **whole).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
        plain = small(kind, **whole).fit(X, y)
    np.testing.assert_allclose(theta(weighted), theta(repeated), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(theta(weighted), theta(scaled), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    assert np.abs(theta(weighted) - theta(plain)).max() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_rows_does_not_matter_on_a_full_batch(kind):
    X, y = data(kind)
    order = np.random.default_rng(0).permutation(60)
    whole = dict(batch_size=60, shuffle=False, activation="tanh")
    one, other = small(kind, **whole).fit(X, y), small(kind, **whole).fit(X[order], y[order])
    np.testing.assert_allclose(theta(one), theta(other), rtol=1e-7, atol=1e-10)


@settings(max_examples=10)
@given(st.lists(st.integers(-50, 50), min_size=3, max_size=3, unique=True).map(sorted))
def test_names_of_the_classes_do_not_matter(labels):
    X, y = data(RegularizedMLPClassifier)
    one = small(RegularizedMLPClassifier).fit(X, y)
    other = small(RegularizedMLPClassifier).fit(X, np.array(labels)[y])
    assert np.array_equal(theta(one), theta(other))
    assert np.array_equal(other.predict(X), np.array(labels)[one.predict(X)])


# --- the same result every time -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_random_state_decides_everything(kind):
    X, y = data(kind)
    one, two, other = (small(kind, random_state=s).fit(X, y) for s in (3, 3, 4))
    assert np.array_equal(theta(one), theta(two))
    assert one.loss_curve_ == two.loss_curve_
    assert not np.array_equal(theta(one), theta(other))


@pytest.mark.parametrize("kind", KINDS)
def test_fits_in_python_threads_and_in_processes_give_the_same_bits(kind):
    X, y = data(kind)
    expected = theta(small(kind).fit(X, y))
    with ThreadPoolExecutor(4) as pool:
        fitted = list(pool.map(lambda _: small(kind).fit(X, y), range(8)))
    for n_jobs in (1, 2):
        parallel = joblib.Parallel(n_jobs=n_jobs)
        fitted += parallel(joblib.delayed(small(kind).fit)(X, y) for _ in range(2))
    for network in fitted:
        assert np.array_equal(theta(network), expected)


# --- oddities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_verbose_prints_a_line_an_epoch(kind, capsys):
    X, y = data(kind)
    network = small(kind, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == network.n_iter_ == 5
    assert lines[0].startswith("Epoch 1, objective ")
    assert f"{network.loss_curve_[-1]:.6g}" in lines[-1]
    assert f"{network.validation_scores_[-1]:.4f}" in lines[-1]
    small(kind).fit(X, y)
    assert capsys.readouterr().out == ""


def test_a_batch_larger_than_the_data_warns_and_means_all_rows():
    X, y = data(RegularizedMLPRegressor)
    with pytest.warns(UserWarning, match="batch_size=1000 is more than the 60 training rows"):
        one = small(RegularizedMLPRegressor, batch_size=1000).fit(X, y)
    other = small(RegularizedMLPRegressor, batch_size=60).fit(X, y)
    assert np.array_equal(theta(one), theta(other))


@pytest.mark.parametrize("kind", KINDS)
def test_odd_shapes(kind):
    """One feature, one unit, a last batch of one row, batches of one row."""
    X, y = data(kind, 21)
    for hidden in ((), 1, (1,), [2, 1, 2], np.array([3, 2])):
        for batch_size in (1, 4, 20, 21):
            network = kind(hidden, batch_size=batch_size, max_iter=2, random_state=0)
            network.fit(X[:, :1], y)
            assert np.all(np.isfinite(theta(network)))
            assert network.predict(X[:1, :1]).shape == (1,)
