"""What the networks can be taught: kinds of targets, losses, weights of classes, sparse rows."""

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from scipy import sparse
from scipy.stats import norm
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_poisson_deviance
from sklearn.utils import compute_class_weight

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def several_labels(n=80, seed=0):
    X, Y = make_multilabel_classification(n, 6, n_classes=3, random_state=seed)
    return (X - X.mean(axis=0)) / X.std(axis=0), Y


# --- several labels -----------------------------------------------------------------------------


def test_labels_of_a_linear_network_are_as_many_logistic_regressions():
    X, Y = several_labels()
    network = RegularizedMLPClassifier((), solver="lbfgs", alpha=0.05, tol=1e-9, max_iter=1000)
    network.fit(X, Y)
    alone = [LogisticRegression(C=1 / (80 * 0.05), tol=1e-10).fit(X, y) for y in Y.T]
    expected = np.column_stack([one.predict_proba(X)[:, 1] for one in alone])
    np.testing.assert_allclose(network.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_allclose(np.exp(network.predict_log_proba(X)), expected, atol=1e-5)
    assert np.array_equal(network.predict(X), (expected > 0.5).astype(int))
    assert np.array_equal(network.classes_, [0, 1, 2])
    assert network.out_activation_ == "logistic"


def test_labels_may_be_sparse_and_come_in_parts():
    X, Y = several_labels()
    dense = small(RegularizedMLPClassifier, shuffle=False).fit(X, Y)
    assert np.array_equal(
        theta(small(RegularizedMLPClassifier, shuffle=False).fit(X, sparse.csr_array(Y))),
        theta(dense),
    )
    parts = small(RegularizedMLPClassifier, shuffle=False)
    for _ in range(5):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert np.array_equal(theta(parts), theta(dense))
    assert dense.score(X, Y) == np.mean((dense.predict(X) == Y).all(axis=1))


def test_labels_stop_early_by_the_rows_that_are_wholly_right():
    X, Y = several_labels(200)
    network = small(
        RegularizedMLPClassifier, early_stopping=True, max_iter=100, class_weight="balanced"
    )
    network.fit(X[:150], Y[:150], X_val=X[150:], y_val=Y[150:])
    assert network.best_validation_score_ == network.score(X[150:], Y[150:])


def test_bad_labels():
    X, Y = several_labels()
    network = small(RegularizedMLPClassifier)
    with pytest.raises(ValueError, match="name 2 labels, but y has 3"):
        network.partial_fit(X, Y, classes=[0, 1])
    network.fit(X, Y)
    with pytest.raises(ValueError, match=r"shape \(80, 2\).*3 columns"):
        network.partial_fit(X, Y[:, :2])


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile"])
@pytest.mark.parametrize("shape", [(60,), (60, 2)])
def test_units_of_the_target_do_not_matter(loss, shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=shape)
    scale, shift = (1e5, -3e6) if len(shape) == 1 else (np.array([1e5, 1e-5]), np.array([7.0, 0]))
    one = small(RegularizedMLPRegressor, loss=loss).fit(X, y)
    other = small(RegularizedMLPRegressor, loss=loss).fit(X, scale * y + shift)
    np.testing.assert_allclose(other.predict(X), scale * one.predict(X) + shift, rtol=1e-6)
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-6)


def test_weights_of_the_last_layer_are_in_the_units_of_the_target():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), 50 + 10 * rng.normal(size=(60, 2))
    network = small(RegularizedMLPRegressor).fit(X, y)
    hidden = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0)
    by_hand = hidden @ network.coefs_[1] + network.intercepts_[1]
    np.testing.assert_allclose(network.predict(X), by_hand, rtol=1e-10)


def test_a_constant_target_is_learned():
    X, _ = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, max_iter=50, alpha=1.0).fit(X, np.full(60, 1e6))
    np.testing.assert_allclose(network.predict(X), 1e6, rtol=1e-6)


def test_each_target_of_a_linear_network_is_fitted_as_if_alone():
    X, y = data(RegularizedMLPRegressor)
    Y = np.column_stack([y, 1e3 * np.roll(y, 1)])
    network = RegularizedMLPRegressor((), solver="lbfgs", alpha=0.1, tol=1e-10, max_iter=1000)
    both = network.fit(X, Y).predict(X)
    for i in (0, 1):
        np.testing.assert_allclose(network.fit(X, Y[:, i]).predict(X), both[:, i], rtol=1e-4)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_are_exceeded_as_often_as_they_should(quantile):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(2000, 1))
    y = 100 * (X[:, 0] + (1.2 + X[:, 0]) * rng.normal(size=2000))
    network = RegularizedMLPRegressor(
        (20,), loss="quantile", quantile=quantile, learning_rate="cosine",
        learning_rate_init=0.01, max_iter=100, n_iter_no_change=np.inf, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert abs(np.mean(y < network.predict(X)) - quantile) < 0.02
    exact = 100 * (X[:, 0] + (1.2 + X[:, 0]) * norm.ppf(quantile))
    assert np.mean(np.abs(network.predict(X) - exact)) < 15


def test_huber_does_not_follow_outliers():
    X, y = data(RegularizedMLPRegressor, 200)
    wild = y.copy()
    wild[:10] += 50
    params = dict(hidden_layer_sizes=(), solver="lbfgs", alpha=1e-3, max_iter=1000)
    huber = RegularizedMLPRegressor(loss="huber", delta=0.02, **params).fit(X, wild)
    square = RegularizedMLPRegressor(**params).fit(X, wild)
    assert huber.score(X[10:], y[10:]) > 0.98 > square.score(X[10:], y[10:]) + 0.1


def test_poisson_predicts_positive_means_and_wants_counts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = rng.poisson(np.exp(1 + np.abs(X[:, 0])))
    network = small(RegularizedMLPRegressor, loss="poisson", max_iter=100).fit(X, y)
    predicted = network.predict(X)
    assert predicted.min() > 0
    assert network.out_activation_ == "exponential"
    baseline = mean_poisson_deviance(y, np.full(300, y.mean()))
    assert mean_poisson_deviance(y, predicted) < 0.5 * baseline
    with pytest.raises(ValueError, match=r"not be negative for loss='poisson', got -1"):
        network.fit(X, np.where(y == 0, -1, y))


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "quantile"])
def test_early_stopping_watches_the_loss_that_is_minimized(loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 3)), rng.poisson(3.0, size=120)
    network = small(RegularizedMLPRegressor, loss=loss, early_stopping=True, max_iter=30)
    network.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    history = network.history_
    if loss == "squared_error":
        assert network.best_validation_score_ == pytest.approx(network.score(X[80:], y[80:]))
    else:
        np.testing.assert_allclose(history["validation_score"], np.negative(
            history["validation_loss"]
        ))  # fmt: skip


# --- weights of the classes ---------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_of_classes_are_weights_of_rows(n_classes, weighted):
    X, y = data(RegularizedMLPClassifier, n_classes=n_classes)
    X, y = X[5:], y[5:]
    names = np.array(["ant", "bee", "cat"])[y]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else np.ones(len(y))
    by_name = dict(zip(np.unique(names), [2.0, 0.5, 1.0], strict=False))
    one = small(RegularizedMLPClassifier, class_weight=by_name)
    one.fit(X, names, sample_weight=weights if weighted else None)
    rows = np.array([by_name[name] for name in names])
    two = small(RegularizedMLPClassifier).fit(X, names, sample_weight=weights * rows)
    np.testing.assert_allclose(theta(one), theta(two), rtol=1e-12)
    balanced = small(RegularizedMLPClassifier, class_weight="balanced")
    balanced.fit(X, names, sample_weight=weights)
    by_class = compute_class_weight(
        "balanced", classes=np.unique(names), y=names, sample_weight=weights
    )
    rows = by_class[np.searchsorted(np.unique(names), names)]
    two.fit(X, names, sample_weight=weights * rows)
    np.testing.assert_allclose(theta(balanced), theta(two), rtol=1e-12)


def test_weights_of_classes_in_parts():
    X, y = data(RegularizedMLPClassifier, n_classes=3)
    network = small(RegularizedMLPClassifier, class_weight={0: 2.0, 2: 3.0})
    network.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    rows = np.where(y[y < 2] == 0, 2.0, 1.0)
    other = small(RegularizedMLPClassifier)
    other.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2], sample_weight=rows)
    np.testing.assert_allclose(theta(network), theta(other), rtol=1e-12)
    network.set_params(class_weight="balanced")
    with pytest.raises(ValueError, match=r"partial_fit.*class_weight='balanced'.*dict"):
        network.partial_fit(X, y)


# --- sparse rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_rows_give_what_dense_ones_give(kind, solver, index):
    X, y = data(kind)
    X[np.abs(X) < 1] = 0
    rows = sparse.csr_array(X)
    rows.indices, rows.indptr = rows.indices.astype(index), rows.indptr.astype(index)
    dense = small(kind, solver=solver, early_stopping=True).fit(X, y)
    thin = small(kind, solver=solver, early_stopping=True).fit(rows, y)
    np.testing.assert_allclose(theta(thin), theta(dense), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(thin.predict(sparse.csc_array(X)), dense.predict(X), rtol=1e-9)
    if solver != "lbfgs":
        thin.set_params(early_stopping=False).partial_fit(rows, y)


# --- regularization -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh", "logistic", "identity"])
def test_activations_learn(kind, activation):
    X, y = data(kind, 200)
    network = small(kind, activation=activation, init="he", max_iter=200).fit(X, y)
    assert network.score(X, y) > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_constraints_hold_for_the_fitted_weights(kind):
    X, y = data(kind)
    bounded = small(kind, norm_bound=2.0, alpha=5.0, max_iter=30).fit(X, y)
    total = sum(0.5 * np.square(W).sum() for W in bounded._raw_weights())
    assert total <= 2.0 * (1 + 1e-9)
    short = small(kind, max_norm=0.5, max_iter=30).fit(X, y)
    for W in short._raw_weights():
        assert np.linalg.norm(W, axis=0).max() <= 0.5 * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_drawn_from_random_state_and_absent_from_predictions(kind):
    X, y = data(kind)
    one, two, other = (small(kind, dropout=(0.1, 0.5), random_state=s).fit(X, y) for s in (3, 3, 4))
    assert np.array_equal(theta(one), theta(two))
    assert not np.array_equal(theta(one), theta(other))
    assert np.array_equal(one.predict(X), one.predict(X))
    assert not np.array_equal(theta(one), theta(small(kind, random_state=3).fit(X, y)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("learning_rate", ["cosine", "flat_cosine", "one_cycle"])
def test_cycles_of_the_rate_end_low_and_begin_anew(kind, learning_rate):
    X, y = data(kind)
    network = small(
        kind, learning_rate=learning_rate, max_iter=20, n_iter_no_change=np.inf, warm_start=True
    )
    network.fit(X, y)
    first = np.ravel(network._state.eta)
    assert first[-1] < 0.01 * 0.01
    network.fit(X, y)
    assert np.array_equal(np.ravel(network._state.eta), first)
    assert len(network.loss_curve_) == 40


@pytest.mark.parametrize("kind", KINDS)
def test_one_lambda_for_each_layer(kind):
    X, y = data(kind)
    same = small(kind, alpha=[0.1, 0.1]).fit(X, y)
    assert np.array_equal(theta(same), theta(small(kind, alpha=0.1).fit(X, y)))
    sparse_first = small(kind, alpha=[0.5, 0.0], penalty="l1", max_iter=60).fit(X, y)
    assert sparse_first.sparsity_[0] > 0.5 > sparse_first.sparsity_[1]


@pytest.mark.parametrize(
    ("params", "match"),
    [
        (dict(alpha=[0.1]), r"alpha.*2 layers.*\[0.1\]"),
        (dict(alpha=[0.1, -1.0]), "alpha.*-1.0"),
        (dict(alpha=["a", "b"]), "alpha.*'a'"),
        (dict(dropout=(0.1, 0.2, 0.3)), "dropout.*0.3"),
        (dict(dropout=(0.1, 1.0)), "dropout.*1.0"),
        (dict(dropout=1.0), "dropout"),
        (dict(penalty="group"), "groups=None.*groups='inputs'"),
        (dict(groups="inputs"), "penalty='l2'.*penalty='group'"),
        (dict(penalty="group", groups="neurons", hidden_layer_sizes=()), "groups='neurons'"),
        (dict(norm_bound=0), "norm_bound"),
        (dict(norm_bound=1.0, penalty=None), "norm_bound=1.0"),
        (dict(max_norm=-1.0), "max_norm"),
        (dict(weight_decay="none"), "weight_decay"),
        (dict(init="zeros"), "init"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_regularization(kind, params, match):
    X, y = data(kind)
    with pytest.raises(ValueError, match=rf"(?s){match}"):
        small(kind, **params).fit(X, y)


@pytest.mark.parametrize("params", [dict(loss="log"), dict(delta=0.0), dict(quantile=1.0)], ids=str)
def test_bad_losses(params):
    X, y = data(RegularizedMLPRegressor)
    with pytest.raises(ValueError, match=next(iter(params))):
        small(RegularizedMLPRegressor, **params).fit(X, y)


@pytest.mark.parametrize("kind", ["two", "three", "sets"])
def test_smoothed_labels_are_soft_targets(kind):
    """Twice as many rows, each also with every label, weighted: the same objective."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = {
        "two": rng.integers(2, size=40),
        "three": rng.integers(3, size=40),
        "sets": rng.integers(2, size=(40, 2)),
    }[kind]
    share, plain = 0.2, dict(solver="lbfgs", hidden_layer_sizes=(), alpha=0.1, max_iter=500)
    smooth = RegularizedMLPClassifier(**plain, label_smoothing=share, tol=1e-8).fit(X, y)
    choices = np.unique(y)
    if kind == "sets":  # a row for each set of labels, with its probability
        every = np.array([[a, b] for a in (0, 1) for b in (0, 1)])
        kept = (1 - share / 2) ** (every[:, None] == y).sum(axis=2)
        weights = kept * (share / 2) ** (every[:, None] != y).sum(axis=2)
    else:
        every = choices
        weights = share / len(choices) + (1 - share) * (every[:, None] == y)
    rows, labels = np.tile(X, (len(every), 1)), np.repeat(every, 40, axis=0)
    spread = RegularizedMLPClassifier(**plain, tol=1e-8)
    spread.fit(rows, labels, sample_weight=weights.ravel())
    np.testing.assert_allclose(smooth.coefs_[0], spread.coefs_[0], rtol=1e-4, atol=1e-6)


def test_rows_held_out_keep_their_labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = (X[:, 0] > 0).astype(int)
    network = RegularizedMLPClassifier(
        (8,), alpha=1e-3, max_iter=3, label_smoothing=0.3, random_state=0
    ).fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    loss = -np.mean(network.predict_log_proba(X[80:])[np.arange(20), y[80:]])
    assert np.isclose(network.history_["validation_loss"][-1], loss)
    with pytest.raises(ValueError, match="label_smoothing"):
        network.set_params(label_smoothing=1.0).fit(X, y)
