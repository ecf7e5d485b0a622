"""The network estimators: how a fit goes on from another, and when it stops."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score, r2_score

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators._mlp_fit import hold_out
from skreg.network import training
from skreg.network.training import Objective

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    "solver",
    [
        dict(solver="adam"),
        dict(solver="sgd"),
        dict(solver="sgd", nesterovs_momentum=False, penalty="l1"),
        dict(solver="sgd", learning_rate="invscaling"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_warm_start_goes_on_to_the_bit(kind, solver, shuffle):
    X, y = data(kind)
    at_once = small(kind, max_iter=10, shuffle=shuffle, **solver).fit(X, y)
    in_two = small(kind, warm_start=True, shuffle=shuffle, **solver).fit(X, y)
    halfway = in_two.coefs_[0], in_two.coefs_[0].copy()
    in_two.fit(X, y)
    assert np.array_equal(theta(at_once), theta(in_two))
    assert at_once.loss_curve_ == in_two.loss_curve_
    assert in_two.t_ == at_once.t_ == 600
    assert (in_two.n_iter_, at_once.n_iter_) == (5, 10), "of the last fit"
    assert np.array_equal(*halfway), "the parameters of the first fit were written over"


@pytest.mark.parametrize("kind", KINDS)
def test_without_warm_start_a_fit_begins_afresh(kind):
    X, y = data(kind)
    network = small(kind).fit(X, y)
    before = theta(network)
    assert np.array_equal(theta(network.fit(X, y)), before)
    assert network.n_iter_ == 5


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_is_one_epoch(kind):
    X, y = data(kind)
    network = small(kind, shuffle=False)
    first = dict(classes=np.unique(y)) if kind is RegularizedMLPClassifier else {}
    for _ in range(5):
        assert network.partial_fit(X, y, **first) is network
    assert np.array_equal(theta(network), theta(small(kind, shuffle=False).fit(X, y)))
    network.partial_fit(X[:10], y[:10])
    assert (network.n_iter_, network.t_) == (6, 310)


def test_partial_fit_takes_classes_that_come_later():
    X, y = data(RegularizedMLPClassifier)
    network = small(RegularizedMLPClassifier)
    network.partial_fit(X[y < 2], y[y < 2], classes=[2, 0, 1])
    assert np.array_equal(network.classes_, [0, 1, 2])
    assert network.predict_proba(X).shape == (60, 3)
    network.partial_fit(X[y == 2], y[y == 2])
    network.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes=.*not those of the first call"):
        network.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"not among the known ones.*\[7\].*Name all classes"):
        network.partial_fit(X, np.where(y == 2, 7, y))


def test_partial_fit_of_unequal_weights():
    X, y = data(RegularizedMLPRegressor)
    whole = dict(batch_size=60, activation="tanh")
    weights = np.r_[np.ones(30), np.zeros(30)]
    one = small(RegularizedMLPRegressor, **whole).partial_fit(X, y, sample_weight=weights)
    other = small(RegularizedMLPRegressor, **whole).partial_fit(X[:30], y[:30])
    np.testing.assert_allclose(theta(one), theta(other), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_network_predicts_the_same_and_goes_on_the_same(kind, tmp_path):
    X, y = data(kind)
    network = small(kind).fit(X, y)
    joblib.dump(network, tmp_path / "network.joblib")
    others = [
        pickle.loads(pickle.dumps(network)),
        joblib.load(tmp_path / "network.joblib"),
        joblib.load(tmp_path / "network.joblib", mmap_mode="r"),
        copy.deepcopy(network),
    ]
    before = network.predict(X)
    network.partial_fit(X, y)
    for other in others:
        assert np.array_equal(other.predict(X), before)
        assert np.array_equal(theta(other.partial_fit(X, y)), theta(network))


@pytest.mark.parametrize("kind", KINDS)
def test_clone_and_parameters(kind):
    X, y = data(kind)
    network = small(kind, alpha=0.3).fit(X, y)
    fresh = clone(network)
    assert fresh.get_params() == network.get_params()
    assert set(vars(fresh)) == set(fresh.get_params())
    assert fresh.set_params(alpha=0.5).alpha == 0.5
    assert not hasattr(fresh, "coefs_")
    with pytest.raises(NotFittedError):
        fresh.predict(X)


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_scores_held_out_rows_and_restores_the_best(kind, weighted, monkeypatch):
    X, y = data(kind, 120)
    weights = np.random.default_rng(0).uniform(0.1, 3, 120) if weighted else None
    trained_on, whole = [], Objective.trainer

    def spy(self, state, **kwargs):
        trained_on.append(self.X.copy())
        return whole(self, state, **kwargs)

    monkeypatch.setattr(training.Objective, "trainer", spy)
    network = small(kind, early_stopping=True, max_iter=60, n_iter_no_change=5, alpha=0.0)
    network.set_params(learning_rate_init=0.05, validation_fraction=0.2)
    network.fit(X, y, sample_weight=weights)
    held_out = ~(X[:, None] == trained_on[0]).all(axis=2).any(axis=1)
    assert held_out.sum() == 24
    score = accuracy_score if kind is RegularizedMLPClassifier else r2_score
    best = score(
        y[held_out],
        network.predict(X[held_out]),
        sample_weight=None if weights is None else weights[held_out],
    )
    assert len(network.validation_scores_) == network.n_iter_ == len(network.loss_curve_)
    assert network.best_validation_score_ == max(network.validation_scores_)
    assert np.isclose(best, network.best_validation_score_, rtol=1e-12)
    assert network.best_loss_ is None
    assert network.t_ == 96 * network.n_iter_


def test_early_stopping_keeps_the_share_of_the_classes():
    X, y = data(RegularizedMLPClassifier, 200, n_classes=2)
    y = np.where(np.arange(200) < 20, 1, 0)
    network = small(RegularizedMLPClassifier, early_stopping=True, validation_fraction=0.1)
    network.fit(X, y)
    held_out = hold_out(200, None, y, 0.1, network._split_seed)[1]
    assert len(held_out) == 20
    assert y[held_out].sum() == 2


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_warm_start_holds_out_the_same_rows_and_begins_at_the_best(solver, monkeypatch):
    X, y = data(RegularizedMLPRegressor, 120)
    seen, whole = [], Objective.epochs

    def spy(self, state, **kwargs):
        seen.append((self.X.copy(), state.theta.copy(), state.point.copy()))
        return whole(self, state, **kwargs)

    monkeypatch.setattr(training.Objective, "epochs", spy)
    network = small(
        RegularizedMLPRegressor, early_stopping=True, warm_start=True, solver=solver, max_iter=40
    )
    network.fit(X, y)
    best, parameters = network.best_validation_score_, network._state.theta.copy()
    network.fit(X, y)
    assert np.array_equal(seen[0][0], seen[1][0])
    assert np.array_equal(seen[1][1], parameters)
    assert np.array_equal(seen[1][2], parameters), "the look-ahead belongs to another θ"
    assert network.best_validation_score_ >= best


@pytest.mark.parametrize("kind", KINDS)
def test_training_stops_when_progress_ends_and_does_not_warn(kind):
    X, y = data(kind)
    network = small(kind, max_iter=2000, tol=0.05, n_iter_no_change=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.fit(X, y)
    assert 4 < network.n_iter_ < 500
    assert network.loss_curve_[-1] > min(network.loss_curve_[:-3]) - 4 * 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_training_that_runs_out_of_epochs_warns(kind):
    X, y = data(kind)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=5 epochs. Raise max_iter"):
        small(kind, tol=0.0, n_iter_no_change=2).fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
def test_training_that_nothing_stops_tells_if_it_was_falling(kind):
    X, y = data(kind)
    for solver in ("adam", "lbfgs"):
        with pytest.warns(ConvergenceWarning, match=r"max_iter=5 epochs. Raise max_iter"):
            small(kind, solver=solver, n_iter_no_change=np.inf).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = small(kind, n_iter_no_change=np.inf, max_iter=1500, batch_size=60, alpha=1.0)
        assert done.fit(X, y).n_iter_ == 1500
        first = dict(classes=np.unique(y)) if kind is RegularizedMLPClassifier else {}
        small(kind).partial_fit(X, y, **first)


def test_the_adaptive_rate_falls_where_the_constant_one_stops():
    X, y = data(RegularizedMLPRegressor)
    stop = dict(solver="sgd", tol=1e-2, n_iter_no_change=2, max_iter=500)
    constant = small(RegularizedMLPRegressor, **stop).fit(X, y)
    adaptive = small(RegularizedMLPRegressor, learning_rate="adaptive", **stop).fit(X, y)
    n = constant.n_iter_
    assert adaptive.loss_curve_[:n] == constant.loss_curve_
    assert n < adaptive.n_iter_ < 500
    assert adaptive._state.eta <= 1e-6


def test_invscaling_slows_down():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, learning_rate="invscaling", power_t=1.0, max_iter=20)
    network.set_params(solver="sgd", n_iter_no_change=np.inf).fit(X, y)
    assert np.isclose(network._state.eta, 0.01 / 20)
