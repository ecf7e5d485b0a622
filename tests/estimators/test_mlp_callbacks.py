"""scikit-learn's callbacks see every epoch of a network, alone and inside a search."""

import re

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """Writes down what it is told; may stop the training or fail."""

    def __init__(self, stop_after=np.inf, fail_after=np.inf):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.events, self.fitted, self.weights = [], [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert len(X) == len(y)
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, metadata=None):
        self.events.append(("end", context.task_name, context.task_id))
        if context.task_name != "epoch":
            return False
        self.fitted.append(fitted_estimator)
        self.weights.append(metadata)
        if len(self.fitted) > self.fail_after:
            raise RuntimeError("callback")
        return len(self.fitted) >= self.stop_after


def expected_events(n_epochs):
    epochs = [(what, "epoch", i) for i in range(n_epochs) for what in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_epoch_begins_and_ends_once(kind):
    X, y = data(kind)
    recorder = Recorder()
    network = small(kind).set_callbacks(recorder).fit(X, y)
    assert recorder.events == expected_events(5)
    recorder.events.clear()
    network.partial_fit(X, y)
    assert recorder.events == expected_events(1)


def test_epochs_that_never_run_do_not_begin():
    X, y = data(RegularizedMLPRegressor)
    recorder = Recorder()
    network = small(RegularizedMLPRegressor, max_iter=500, tol=0.1, n_iter_no_change=2)
    network.set_callbacks(recorder).fit(X, y)
    assert network.n_iter_ < 500
    assert recorder.events == expected_events(network.n_iter_)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fitted_estimator_is_the_network_as_if_stopped_there(kind):
    X, y = data(kind)
    recorder = Recorder()
    small(kind).set_callbacks(recorder).fit(X, y)
    for n_epochs, snapshot in enumerate(recorder.fitted, start=1):
        stopped = small(kind, max_iter=n_epochs).fit(X, y)
        assert np.array_equal(theta(snapshot), theta(stopped))
        assert np.array_equal(snapshot.predict(X), stopped.predict(X))
        assert snapshot.loss_curve_ == stopped.loss_curve_
        assert snapshot.n_iter_ == n_epochs


@pytest.mark.parametrize("kind", KINDS)
def test_callbacks_do_not_disturb_the_fit(kind):
    X, y = data(kind)
    alone = small(kind).fit(X, y)
    watched = (
        small(kind)
        .set_callbacks(Recorder(), ScoringMonitor(scoring="neg_mean_squared_error"))
        .fit(X, y)
    )
    assert np.array_equal(theta(alone), theta(watched))
    assert alone.loss_curve_ == watched.loss_curve_
    assert set(vars(watched)) - set(vars(alone)) == {"_skl_callbacks"}


@pytest.mark.filterwarnings("error")
def test_a_callback_stops_the_training():
    X, y = data(RegularizedMLPClassifier)
    recorder = Recorder(stop_after=3)
    network = small(RegularizedMLPClassifier, max_iter=100).set_callbacks(recorder).fit(X, y)
    assert network.n_iter_ == 3
    assert recorder.events == expected_events(3)


def test_callbacks_are_torn_down_after_an_exception():
    X, y = data(RegularizedMLPClassifier)
    recorder = Recorder(fail_after=2)
    network = small(RegularizedMLPClassifier).set_callbacks(recorder)
    before = dict(vars(network))
    with pytest.raises(RuntimeError, match="callback"):
        network.fit(X, y)
    assert recorder.events[-1] == "teardown"
    assert vars(network) == before
    recorder.events.clear()
    recorder.fitted.clear()
    recorder.fail_after = np.inf
    network.fit(X, y)
    assert recorder.events == expected_events(5)


def test_callbacks_are_told_the_weights():
    X, y = data(RegularizedMLPClassifier)
    weights, recorder = np.arange(60.0), Recorder()
    small(RegularizedMLPClassifier).set_callbacks(recorder).fit(X, y, sample_weight=weights)
    assert all(np.array_equal(told["sample_weight"], weights) for told in recorder.weights)
    assert len(recorder.weights) == 5


def test_scoring_monitor_logs_every_epoch_and_the_scores_rise():
    X, y = data(RegularizedMLPClassifier, 200)
    monitor = ScoringMonitor(scoring="accuracy")
    network = small(RegularizedMLPClassifier, max_iter=20).set_callbacks(monitor).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in rows] == list(range(20))
    scores = [row["accuracy"] for row in rows]
    assert scores[-1] == network.score(X, y)
    assert np.mean(scores[-5:]) > np.mean(scores[:5]) + 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_progress_bar_counts_the_epochs(kind, capsys, monkeypatch):
    pytest.importorskip("rich", reason="the progress bar needs rich")
    monkeypatch.setenv("COLUMNS", "200")
    X, y = data(kind)
    small(kind).set_callbacks(ProgressBar()).fit(X, y)
    shown = capsys.readouterr().out
    assert f"{kind.__name__} - fit" in shown
    assert "100%" in shown
    assert not re.search(r"\b[0-9]{1,2}%", shown), "the bar did not fill"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_shows_the_networks_of_a_search(n_jobs, capsys, monkeypatch):
    pytest.importorskip("rich", reason="the progress bar needs rich")
    monkeypatch.setenv("COLUMNS", "200")
    X, y = data(RegularizedMLPClassifier)
    search = GridSearchCV(
        small(RegularizedMLPClassifier), {"alpha": [0.1, 0.0]}, cv=2, n_jobs=n_jobs
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert "RegularizedMLPClassifier - fit" in shown
    assert "100%" in shown
    assert not re.search(r"\b[0-9]{1,2}%", shown), "a bar did not fill"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_follows_the_networks_of_a_search(n_jobs):
    X, y = data(RegularizedMLPRegressor)
    monitor = ScoringMonitor(scoring="r2")
    network = small(RegularizedMLPRegressor, max_iter=4).set_callbacks(monitor)
    GridSearchCV(network, {"alpha": [0.1, 0.0]}, cv=2, n_jobs=n_jobs).fit(X, y)
    runs = monitor.get_logs(select="all")
    epochs = [row for run in runs for row in run.data if row["task_name"] == "epoch"]
    # Two values of λ on two folds, and the refit.
    assert len(epochs) == 5 * 4


@pytest.mark.parametrize("depth", [1, None])
def test_every_alpha_of_a_path_is_a_task(depth):
    """A callback that is propagated sees the epochs of each λ's fit within it, too."""
    X, y = data(KINDS[0])
    network, alphas, recorder = small(KINDS[0], max_iter=2), [1e-3, 1e-2], Recorder()
    plain = network.regularization_path(X, y, alphas)
    if depth is None:
        recorder.max_propagation_depth = None
    path = network.set_callbacks(recorder).regularization_path(X, y, alphas)
    names = [event[:2] for event in recorder.events if event[1] != "epoch"]
    # scikit-learn takes a propagated fit and the task around it for one, which ends once.
    end = [("end", "alpha")] if depth else [("begin", "fit"), ("end", "fit")]
    one = [("begin", "alpha"), *end]
    whole = [("begin", "path"), *one, *one, ("end", "path")]
    assert names == ["se", *whole, "te"]  # set up, torn down
    assert len(recorder.fitted) == (0 if depth else 4)
    for ours, theirs in zip(plain.estimators, path.estimators, strict=True):
        np.testing.assert_array_equal(theta(ours), theta(theirs))
