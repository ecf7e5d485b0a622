"""``alpha="auto"`` of networks: λ chosen within one fit."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators._mlp_alpha import Search, _effort, prior_alpha
from skreg.network.parameters import initial_theta, n_parameters
from skreg.network.pilots import pilot_units
from skreg.network.regularization import Regularization
from skreg.penalties import get_penalty

SMALL = dict(hidden_layer_sizes=(16,), max_iter=10, random_state=0)


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


def _auto(**settings):
    return RegularizedMLPClassifier(**SMALL | settings)


def _same(a, b):
    return all((V == W).all() for V, W in zip(a.coefs_, b.coefs_, strict=True))


def test_the_fit_is_that_of_the_number_found(iris):
    chosen = _auto().fit(*iris)
    number = _auto(alpha=chosen.alpha_).fit(*iris)
    assert isinstance(chosen.alpha_, float)
    assert _same(chosen, number)
    assert number.alpha_ == chosen.alpha_
    assert not hasattr(number, "alpha_curve_")


def test_the_seed_decides(iris):
    assert _auto().fit(*iris).alpha_ == _auto().fit(*iris).alpha_
    assert _auto().fit(*iris).alpha_ != _auto(random_state=1).fit(*iris).alpha_


def test_the_curve_says_how(iris):
    network = _auto().fit(*iris)
    curve = network.alpha_curve_
    assert set(curve) == {"alpha", "loss", "std_error"}
    assert (np.diff(curve["alpha"]) < 0).all()
    assert (curve["std_error"] > 0).all()
    assert curve["alpha"].min() <= network.alpha_ <= curve["alpha"].max()


def test_noise_asks_for_more_than_a_clear_signal():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    clear = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    noisy = 0.3 * X[:, 0] + rng.normal(size=300)
    network = RegularizedMLPRegressor((32,), random_state=0)
    assert network.fit(X, noisy).alpha_ > 3 * network.fit(X, clear).alpha_


def test_it_predicts_better_than_a_lambda_that_is_too_small_or_too_large():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    train, test = np.arange(0, 569, 2), np.arange(1, 569, 2)

    def loss(alpha):
        network = RegularizedMLPClassifier((32,), alpha=alpha, random_state=0)
        return (
            -network.fit(X[train], y[train])
            .predict_log_proba(X[test])[np.arange(len(test)), y[test]]
            .mean()
        )

    assert loss("auto") < min(loss(1e-5), loss(0.3))


@pytest.mark.parametrize(
    "settings",
    [
        dict(penalty="l1"),
        dict(penalty="elasticnet"),
        dict(penalty="mcp"),
        dict(penalty="slope"),
        dict(penalty="group", groups="inputs"),
        dict(penalty="group_log", groups="inputs"),
        dict(penalty="group", groups="neurons"),
        dict(weight_decay="decoupled"),
        dict(solver="sgd"),
        dict(solver="lbfgs"),
        dict(hidden_layer_sizes=()),
        dict(max_norm=1.0),
        dict(dropout=(0.1, 0.2)),
        dict(early_stopping=True),
        dict(class_weight="balanced"),
        dict(activation="silu", init="he"),
    ],
    ids=str,
)
def test_every_kind_of_network_can(iris, settings):
    network = _auto(**settings)
    network.fit(*iris)
    assert np.isfinite(network.alpha_)
    assert network.alpha_ > 0
    assert len(network.alpha_curve_["alpha"]) >= 3
    again = _auto(**settings, alpha=network.alpha_).fit(*iris)
    assert _same(network, again)


@pytest.mark.parametrize("settings", [dict(penalty="none"), dict(norm_bound=3.0)], ids=str)
def test_without_a_penalty_there_is_no_lambda(iris, settings):
    network = _auto(**settings).fit(*iris)
    assert network.alpha_ == 0.0
    assert _same(network, _auto(**settings, alpha=0.0).fit(*iris))


@pytest.mark.parametrize("penalty", ["l1", "elasticnet", "mcp", "slope"])
def test_priors_are_as_dear_as_that_of_l2(penalty):
    units = (10, 20, 3)
    theta = initial_theta(units, np.random.RandomState(0), float)
    ridge = Regularization(get_penalty("l2"))
    assert prior_alpha(ridge, units, 100) == pytest.approx(3 / 100)
    other = Regularization(get_penalty(penalty, 0.5))
    alpha = prior_alpha(other, units, 100)
    dear = Regularization(get_penalty(penalty, 0.5), alpha=alpha).value(theta, units)
    expected = Regularization(get_penalty("l2"), alpha=0.03).value(theta, units)
    assert dear == pytest.approx(expected, rel=1e-2)


def test_few_rows_take_the_prior(iris):
    X, y = iris
    rows = np.arange(0, 150, 10)
    network = _auto().fit(X[rows], y[rows])
    assert network.alpha_ == pytest.approx(3 / 15)
    assert np.isnan(network.alpha_curve_["loss"]).all()


def test_weights_of_0_are_as_good_as_absent(iris):
    X, y = iris
    weights = np.tile([1.0, 1.0, 0.0], 50)
    noisy = np.where(weights > 0, y, (y + 1) % 3)
    given = _auto(shuffle=False).fit(X, noisy, sample_weight=weights)
    absent = _auto(shuffle=False).fit(X[weights > 0], y[weights > 0])
    assert given.alpha_curve_["alpha"][0] == pytest.approx(absent.alpha_curve_["alpha"][0])


def test_validation_rows_decide(iris):
    X, y = iris
    rng = np.random.default_rng(0)
    clear = _auto().fit(X, y, X_val=X, y_val=y)
    wrong = _auto().fit(X, y, X_val=X, y_val=rng.permutation(y))
    assert wrong.alpha_ > 3 * clear.alpha_
    few = _auto().fit(X[::10], y[::10], X_val=X, y_val=y)
    assert np.isfinite(few.alpha_curve_["loss"]).all()


def test_training_goes_on_with_what_was_found(iris):
    X, y = iris
    network = _auto(warm_start=True).fit(X, y)
    found, curve = network.alpha_, network.alpha_curve_
    network.fit(X[::2], y[::2])
    assert network.alpha_ == found
    assert network.alpha_curve_ is curve
    network.set_params(alpha=0.5).fit(X, y)
    assert network.alpha_ == 0.5
    assert not hasattr(network, "alpha_curve_")
    fresh = _auto().partial_fit(X, y, classes=[0, 1, 2])
    found = fresh.alpha_
    assert fresh.partial_fit(X[::2], y[::2]).alpha_ == found


def test_another_fit_chooses_anew(iris):
    X, y = iris
    network = _auto().fit(X, y)
    assert network.fit(X[::2], y[::2]).alpha_ == _auto().fit(X[::2], y[::2]).alpha_


def test_copies_and_searches(iris):
    X, y = iris
    network = _auto().fit(X, y)
    assert clone(network).alpha == "auto"
    assert pickle.loads(pickle.dumps(network)).alpha_ == network.alpha_
    assert network.compress().alpha_ == network.alpha_
    np.testing.assert_allclose(
        network.effective_dof(X, y), _auto(alpha=network.alpha_).fit(X, y).effective_dof_
    )
    search = GridSearchCV(_auto(), {"alpha": ["auto", 10.0]}, cv=2).fit(X, y)
    assert search.best_params_ == {"alpha": "auto"}


def test_sparse_and_single_precision_rows(iris):
    X, y = iris
    two = dict(hidden_layer_sizes=(64, 64))
    dense = _auto(**two).fit(X, y)
    sparse = _auto(**two).fit(csr_array(X), y)
    single = _auto(**two).fit(X.astype(np.float32), y)
    assert sparse.alpha_ == pytest.approx(dense.alpha_, rel=1e-2)
    assert single.alpha_ == pytest.approx(dense.alpha_, rel=1e-2)
    assert single.coefs_[0].dtype == np.float32


def test_columns_that_float32_cannot_tell_apart():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) + [1e10, 0, 0]
    y = X[:, 0] - 1e10 + X[:, 1] > 0
    network = RegularizedMLPClassifier((64, 64), random_state=0)
    with pytest.warns(UserWarning, match="scale far from 1"):
        network.fit(X, y)
    assert network.alpha_curve_["loss"].min() < 0.3


def test_several_targets_and_labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    numbers = RegularizedMLPRegressor((16,), max_iter=10, random_state=0).fit(X, X[:, :2])
    labels = _auto().fit(X, (X[:, :2] > 0).astype(int))
    assert numbers.alpha_ > 0
    assert labels.alpha_ > 0


@pytest.mark.parametrize(
    ("units", "max_iter", "share", "expected"),
    [
        ((20, 128, 64, 2), 50, 0.5, (50, 2)),
        ((784, 256, 256, 256, 10), 12, 1.0, (12, 1)),
        ((20, 16, 2), 50, 0.5, (22, 1)),
        ((20, 128, 64, 2), 200, 0.5, (50, 2)),
        ((20, 16, 2), 1, 1.0, (1, 1)),
    ],
)
def test_pilots_cost_less_than_half_a_fit(units, max_iter, share, expected):
    """In products: the share of parameters, times that of rows, epochs and λ looked at."""
    n_epochs, n_halves = _effort(units, max_iter, share)
    assert (n_epochs, n_halves) == expected
    part = n_parameters(pilot_units(units)) / n_parameters(units)
    for looks in (3, 5):
        cost = share * part * n_halves / 2 * n_epochs / max_iter * (1 + looks) / 2
        assert cost < 0.5 or n_epochs == 1


def test_the_search_stays_at_the_prior_where_nothing_is_gained():
    noise = np.random.default_rng(1).normal(size=400)
    noise -= noise.mean() + 0.2 / 20  # a fifth of a standard error to be gained

    def losses(alphas):
        return [noise * (1 + np.log(a / 0.01) / 50) for a in alphas]

    search = Search(losses, 0.01, np.full(400, 1 / 400))
    assert 0.01 / 3**0.5 <= search.run() <= 0.01 * 3**0.5


def test_the_search_does_not_look_below_what_is_better_above():
    search = Search(
        lambda alphas: [np.full(9, np.log(a / 0.09) ** 2) for a in alphas], 0.01, np.full(9, 1 / 9)
    )
    assert search.run() == pytest.approx(0.09)
    assert sorted(search.seen) == [0, 1, 2, 3]


def test_the_search_goes_on_to_the_side_of_the_best():
    search = Search(
        lambda alphas: [np.full(9, np.log(a / 1e-4) ** 2) for a in alphas], 0.01, np.full(9, 1 / 9)
    )
    assert search.run() == pytest.approx(0.01 / 81, rel=0.8)
    assert sorted(search.seen) == [-4, -3, -2, -1, 0, 1]
    nothing = Search(lambda alphas: [np.full(9, np.inf) for _ in alphas], 0.01, np.full(9, 1 / 9))
    assert nothing.run() == 0.01


def test_bad_names_are_refused(iris):
    with pytest.raises(ValueError, match="alpha"):
        _auto(alpha="best").fit(*iris)
