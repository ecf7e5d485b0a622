"""What training tells: curves, validation rows of one's own, Ctrl-C, early stopping in parts."""

import os
import signal
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from mlp_cases import KINDS, data, small, theta
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("penalty", ["l2", "l1", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_history_tells_every_epoch(kind, penalty, solver):
    X, y = data(kind)
    network = small(kind, penalty=penalty, alpha=0.05, solver=solver, max_iter=30)
    network.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    frame = network.history_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.tolist() == list(range(1, network.n_iter_ + 1))
    assert network.history_["objective"] == network.loss_curve_
    weights = np.concatenate([W.ravel() for W in network._raw_weights()])
    last = frame.iloc[-1]
    assert last["n_nonzero"] == np.count_nonzero(weights)
    assert last["norm"] == pytest.approx(np.linalg.norm(weights))
    J = {"l2": 0.5 * weights @ weights, "l1": np.abs(weights).sum(), "none": 0}[penalty]
    assert last["objective"] - last["loss"] == pytest.approx(0.05 * J, rel=1e-9, abs=1e-12)
    assert last["validation_score"] == network.validation_scores_[-1]
    assert network.validation_scores_[-1] == pytest.approx(network.score(X[40:], y[40:]))
    if kind is RegularizedMLPClassifier:
        right = network.predict_log_proba(X[40:])[np.arange(20), y[40:]]
        assert last["validation_loss"] == pytest.approx(-right.mean())


@pytest.mark.parametrize("kind", KINDS)
def test_large_networks_are_measured_too(kind):
    X, y = data(kind)
    network = small(kind, hidden_layer_sizes=(300, 40), penalty="l1", alpha=0.01).fit(X, y)
    weights = np.concatenate([W.ravel() for W in network._raw_weights()])
    assert network.history_["n_nonzero"][-1] == np.count_nonzero(weights)
    assert network.history_["norm"][-1] == pytest.approx(np.linalg.norm(weights))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_to_watch_do_not_change_the_training(kind):
    X, y = data(kind)
    watched = small(kind).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert np.array_equal(theta(watched), theta(small(kind).fit(X[:40], y[:40])))


@pytest.mark.parametrize("kind", KINDS)
def test_objective_is_that_of_the_fitted_weights(kind):
    X, y = data(kind)
    network = small(kind, penalty="l1", alpha=0.01, dropout=0.2).fit(X, y)
    raw = network._predict_raw(X)
    Y = network._target.encode(y)[0]
    J = sum(np.abs(W).sum() for W in network._raw_weights())
    assert network.objective_ == pytest.approx(network._target.loss.value(Y, raw) + 0.01 * J)
    network.partial_fit(X, y)
    assert network.objective_ == network.loss_


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_start_with_new_rows_to_watch_keeps_the_curves_as_long(kind):
    X, y = data(kind)
    network = small(kind, warm_start=True).fit(X, y)
    network.fit(X, y, X_val=X[:20], y_val=y[:20])
    network.fit(X, y)
    frame = network.history_frame()
    assert frame["validation_score"].isna().tolist() == [True] * 5 + [False] * 5 + [True] * 5
    assert network.best_validation_score_ == frame["validation_score"].max()


# --- rows of one's own --------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_on_ones_own_rows_comes_back_to_the_best(kind, solver):
    X, y = data(kind, 120)
    network = small(kind, early_stopping=True, max_iter=200, alpha=0.0, solver=solver)
    network.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert network.t_ == 80 * network.n_iter_, "no row was held out"
    assert network.best_validation_score_ == max(network.validation_scores_)
    assert network.score(X[80:], y[80:]) == pytest.approx(network.best_validation_score_)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_rows_of_ones_own(kind):
    X, y = data(kind)
    network = small(kind)
    with pytest.raises(ValueError, match="X_val was given without y_val"):
        network.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="y_val was given without X_val"):
        network.fit(X, y, y_val=y)
    with pytest.raises(ValueError, match=r"4 features.*expecting 6"):
        network.fit(X, y, X_val=X[:, :4], y_val=y)
    with pytest.raises(ValueError, match="inconsistent"):
        network.fit(X, y, X_val=X, y_val=y[:-1])
    if kind is RegularizedMLPClassifier:
        with pytest.raises(ValueError, match=r"not among the known ones.*\[7\]"):
            network.fit(X, y, X_val=X, y_val=np.full(60, 7))
    assert not hasattr(network, "n_features_in_")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_ones_own_come_through_a_pipeline_and_a_search(kind):
    X, y = data(kind, 120)
    X = 100 + 10 * X
    with config_context(enable_metadata_routing=True):
        network = small(kind, early_stopping=True, max_iter=60)
        network.set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline([("scale", StandardScaler()), ("net", network)], transform_input=["X_val"])
        pipe.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
        best = pipe[-1].best_validation_score_
        assert pipe.score(X[80:], y[80:]) == pytest.approx(best)
        search = GridSearchCV(pipe, {"net__alpha": [0.1, 0.0]}, cv=2)
        search.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
        network = search.best_estimator_[-1]
        assert search.score(X[80:], y[80:]) == pytest.approx(network.best_validation_score_)


# --- in parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_members", [1, 3])
def test_of_epochs_with_equal_scores_the_least_loss_comes_back(n_members):
    """All epochs run, in one fit or in parts; few rows make equal shares of right labels."""
    X, y = data(RegularizedMLPClassifier, 120)
    options = dict(early_stopping=True, n_iter_no_change=np.inf, n_members=n_members)
    whole = small(RegularizedMLPClassifier, max_iter=40, **options)
    whole.fit(X[:110], y[:110], X_val=X[110:], y_val=y[110:])
    parts = small(RegularizedMLPClassifier, **options | dict(n_iter_no_change=15, tol=1.0))
    for _ in range(40):
        parts.partial_fit(X[:110], y[:110], X_val=X[110:], y_val=y[110:], classes=np.unique(y))
    assert whole.n_iter_ == 40
    for network in (whole, parts):
        frame = network.history_frame()
        best = frame[frame.validation_score == frame.validation_score.max()]
        assert len(best) > 1
        loss = log_loss(y[110:], network.predict_proba(X[110:]))
        assert loss == pytest.approx(best.validation_loss.min())


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_in_parts_ends_at_the_best_and_stays_there(kind):
    X, y = data(kind, 120)
    network = small(kind, early_stopping=True, alpha=0.0, n_iter_no_change=4, tol=1e-3)
    first = dict(classes=np.unique(y)) if kind is RegularizedMLPClassifier else {}
    for _ in range(400):
        network.partial_fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:], **first)
    n_iter = network.n_iter_
    assert 5 < n_iter < 400
    assert network.score(X[80:], y[80:]) == pytest.approx(max(network.validation_scores_))
    before = theta(network)
    network.partial_fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert np.array_equal(theta(network), before)
    # Without early stopping it goes on.
    network.set_params(early_stopping=False).partial_fit(X[:80], y[:80])
    assert network.n_iter_ == n_iter + 1


@pytest.mark.parametrize("kind", KINDS)
def test_lambda_may_change_between_parts(kind):
    X, y = data(kind)
    network = small(kind, penalty="l1", alpha=0.0, max_iter=20).fit(X, y)
    assert network.sparsity_.max() == 0
    network.set_params(alpha=0.5)
    for _ in range(60):
        network.partial_fit(X, y)
    assert network.sparsity_.min() > 0.5


def test_the_first_part_needs_the_classes():
    X, y = data(RegularizedMLPClassifier)
    with pytest.raises(ValueError, match=r"classes must be passed on the first call"):
        small(RegularizedMLPClassifier).partial_fit(X, y)
    small(RegularizedMLPClassifier).fit(X, y).partial_fit(X, y)


# --- Ctrl-C -------------------------------------------------------------------------------------


class Press:
    """Ctrl-C during some epoch, more than once if asked."""

    def __init__(self, epoch, times=1):
        self.epoch, self.times, self.n_met = epoch, times, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.n_met += 1
            if self.n_met == self.epoch:
                for _ in range(self.times):
                    os.kill(os.getpid(), signal.SIGINT)

    def on_fit_task_end(self, estimator, context):
        pass


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_keeps_the_epochs_done_and_says_so(kind, solver):
    X, y = data(kind)
    network = small(kind, solver=solver, max_iter=1000, tol=1e-12).set_callbacks(Press(4))
    with pytest.warns(UserWarning, match=r"interrupted. The 4 epochs done are kept"):
        network.fit(X, y)
    assert network.n_iter_ == len(network.loss_curve_) == 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = small(kind, solver=solver, max_iter=4, tol=1e-12).fit(X, y)
    assert np.array_equal(theta(network), theta(whole))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait_and_leaves_no_trace():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, max_iter=1000).set_callbacks(Press(3, times=2))
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y)
    assert not hasattr(network, "n_iter_")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_loop_over_parts():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor).fit(X, y)
    before = theta(network)
    network.set_callbacks(Press(1))
    with pytest.raises(KeyboardInterrupt):
        network.partial_fit(X, y)
    assert np.array_equal(theta(network), before)


def test_a_handler_of_the_users_own_stays():
    X, y = data(RegularizedMLPRegressor)
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *args: pressed.append(True))
    try:
        network = small(RegularizedMLPRegressor).set_callbacks(Press(2)).fit(X, y)
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [True]
    assert network.n_iter_ == 5


def test_a_fit_in_a_thread_does_not_touch_the_handler():
    X, y = data(RegularizedMLPRegressor)
    networks = []
    thread = threading.Thread(
        target=lambda: networks.append(small(RegularizedMLPRegressor).fit(X, y))
    )
    thread.start()
    thread.join()
    assert networks[0].n_iter_ == 5
