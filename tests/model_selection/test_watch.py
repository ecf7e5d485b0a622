"""What a search that takes long says on the way, whatever its route."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.callback import _progressbar
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import Cocktail, job
from skreg.solvers import degrees_of_freedom

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = X[:, 0] - 0.5 * X[:, 1] + 0.3 * RNG.standard_normal(60)
COUNTS, CLASSES = RNG.poisson(np.exp(0.5 * X[:, 0])).astype(float), np.digitize(Y, [-0.5, 0.5])
WIDE = RNG.standard_normal((60, 90))
CHUNKS, COUNT_CHUNKS = (
    [pd.DataFrame(X[i::3], columns=list("abcd")).assign(y=y[i::3]) for i in range(3)]
    for y in (Y, COUNTS)
)
NETWORK = RegularizedMLPRegressor((3,), max_iter=3, random_state=0)

GROUPS = [0, 0, 1, 1]
FEW = {"alphas": 4}
ROUTES = {
    "moment_folds": (QuadraticApproxLasso(), {}),
    "moment_folds, a ridge": (QuadraticApproxRidge(), {}),
    "moment_folds, a wide ridge": (QuadraticApproxRidge(), {"X": WIDE}),
    "loss_folds": (QuadraticApproxRidgeClassifier(), {}),
    "loss_folds, lasso": (QuadraticApproxLassoClassifier(), {}),
    "loss_folds, three classes": (QuadraticApproxLassoClassifier(), {"y": CLASSES}),
    "path_folds, a Pipeline": (make_pipeline(QuadraticApproxLasso()), {"n_jobs": 2}),
    "groups": (QuadraticApproxLasso(groups=GROUPS), {}),
    "groups, two classes": (QuadraticApproxLassoClassifier(groups=GROUPS), {}),
    "network_folds": (NETWORK, {"alphas": [1e-1, 1e-2]}),
    "network_folds, members": (clone(NETWORK).set_params(n_members=2), {"alphas": [1e-1, 1e-2]}),
    "halving": (NETWORK, {"alphas": np.geomspace(1, 1e-4, 6), "resource": "epochs"}),
    "a cocktail": (NETWORK, {"alphas": "auto", "candidates": Cocktail(3, random_state=0)}),
    "refits": (Ridge(), {"alphas": [1.0, 0.1]}),
    "a grid that grows": (QuadraticApproxLasso(), {"alphas": "auto"}),
    "part_folds": (QuadraticApproxRidge(), FEW | {"X": CHUNKS, "y": "y"}),
    "chunk_folds": (QuadraticApproxRidge(loss="poisson"), FEW | {"X": COUNT_CHUNKS, "y": "y"}),
    "stream_folds": (NETWORK, {"alphas": [1e-1, 1e-2], "X": CHUNKS, "y": "y"}),
}
for name in ("gcv", "loo"):
    ROUTES[name] = QuadraticApproxRidge(), {"cv": name}
    ROUTES[f"{name}, lasso"] = QuadraticApproxLasso(), {"cv": name}
for loss in ("huber", "quantile", "poisson"):
    more = {"y": COUNTS} if loss == "poisson" else {}
    ROUTES[f"{loss}, ridge"] = QuadraticApproxRidge(loss=loss), FEW | more
    if loss != "quantile":  # has no leave-one-out
        ROUTES[f"{loss}, loo"] = QuadraticApproxRidge(loss=loss), FEW | more | {"cv": "loo"}
    ROUTES[f"{loss}, sparse X"] = QuadraticApproxLasso(loss=loss), FEW | more | {"X": csr_array(X)}
    for penalty in ("mcp", "slope"):
        ROUTES[f"{loss}, {penalty}"] = QuadraticApproxLasso(loss=loss, penalty=penalty), FEW | more


class Recorder:
    """A callback that counts the tasks that ended, by name, and by name of their parent."""

    def __init__(self):
        self.ended, self.children = {}, {}

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        self.ended[context.task_name] = self.ended.get(context.task_name, 0) + 1
        self.children.setdefault(context.task_name, []).append(context.max_subtasks)


class Progress:
    """A callback that keeps how far the whole has come, as a bar shows it.

    ``fails_with`` is raised at the end of the first task of the search.
    """

    max_propagation_depth = 1

    def __init__(self, fails_with=None):
        self.fails_with, self.ended, self.shares, self.open = fails_with, set(), [0.0], []
        self.n_setups = 0

    def setup(self, estimator, context):
        self.root, self.n_setups = context, self.n_setups + 1

    def teardown(self, estimator, context):
        self.n_setups -= 1

    def on_fit_task_begin(self, estimator, context):
        self.open.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.open.remove(context.task_name)
        self.ended.add(id(context))
        self.shares.append(self.share(self.root))
        if self.fails_with is not None and context.task_name in ("alpha", "split-evaluation"):
            raise self.fails_with

    def check_is_whole(self):
        """All that was begun has ended, and what was done only grew, from nothing to all."""
        assert not self.open
        assert not self.n_setups
        assert self.shares == sorted(self.shares)
        assert self.shares[-1] == 1.0

    def share(self, context):
        if id(context) in self.ended or not context.max_subtasks:
            return float(id(context) in self.ended)
        children = context._children_map.values()
        assert len(children) <= context.max_subtasks
        return sum(map(self.share, children)) / context.max_subtasks


def fitted(name, *callbacks, **more):
    estimator, settings = ROUTES[name]
    settings = {"alphas": 20, "cv": 3, **settings, **more}
    x = settings.pop("X", X)
    y = settings.pop("y", Y > 0 if hasattr(estimator, "predict_proba") else Y)
    search = PathSearchCV(estimator, **settings)
    recorder = Recorder()
    search.set_callbacks(recorder, *callbacks)
    search.fit(x, y)
    return search, recorder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(ROUTES))
def test_every_fit_is_told_of_once_time_has_gone_by(name, monkeypatch, capsys):
    monkeypatch.setattr(job, "EVERY", 0.0)
    progress = Progress()
    search, recorder = fitted(name, progress, verbose=1)
    progress.check_is_whole()
    n, k = len(search.cv_results_["params"]), search.n_splits_
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"Fitting {k} folds for each ") for line in lines)
    said = [line for line in lines if " splits, " in line]
    assert said[-1].split(": ")[1].startswith(f"{k} of {k} splits")
    *_, done, _, total, _ = said[-1].split()
    assert done == total
    if name == "a grid that grows":
        return
    assert recorder.ended["split-evaluation"] == k
    n_fits = 8 if name == "halving" else n  # for one epoch 6 of its λ, for three 2
    assert int(total) == k * n_fits
    assert recorder.ended["alpha"] == k * n_fits
    assert recorder.children["split-evaluation"] == [n_fits] * k


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("error", [RuntimeError("a callback"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("name", list(ROUTES))
def test_nothing_is_left_open_after_an_error(name, error, monkeypatch, capsys):
    monkeypatch.setattr(job, "EVERY", 0.0)
    pytest.importorskip("rich", reason="the progress bar needs rich")
    progress = Progress(error)
    with pytest.raises(type(error)):
        fitted(name, progress, _progressbar.ProgressBar(), verbose=1)
    assert not progress.n_setups
    assert not _progressbar._run_monitors
    threads = [(type(thread), thread.name) for thread in threading.enumerate()]
    assert not any("_keep_saying" in name for _, name in threads)
    assert _progressbar.RichProgressMonitor not in dict(threads)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["part_folds", "chunk_folds", "stream_folds"])
def test_callbacks_know_of_a_search_before_its_rows_are_read(name, monkeypatch):
    estimator, settings = ROUTES[name]
    progress, seen = Progress(), []

    def chunks():
        for chunk in settings["X"]:
            seen.append(list(progress.open))
            yield chunk

    read = {"X": Chunks(chunks, "y"), "y": None}
    monkeypatch.setitem(ROUTES, name, (estimator, settings | read))
    fitted(name, progress)
    assert seen[0] == ["fit", "reading"]
    progress.check_is_whole()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("criterion", ["loo", "aic"])
def test_what_takes_long_behind_a_path_is_told_of(criterion, monkeypatch):
    """Degrees of freedom, and rows that are left out, of each λ under another loss."""
    monkeypatch.setattr(job, "EVERY", 0.0)
    given = {"cv": "loo"} if criterion == "loo" else {"selection": "aic", "cv": None}
    recorder, seen = Recorder(), []
    search = PathSearchCV(QuadraticApproxRidgeClassifier(), 12, **given).set_callbacks(recorder)
    counted = degrees_of_freedom.degrees_of_freedom

    def counting(*arguments):
        seen.append(recorder.ended.get("alpha", 0))
        return counted(*arguments)

    monkeypatch.setattr(degrees_of_freedom, "degrees_of_freedom", counting)
    search.fit(X, Y > 0)
    begun = 4 if criterion == "loo" else 6
    assert seen[0] == begun
    assert seen[11] == 2 * begun - 1
    assert recorder.ended["alpha"] == 12


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["moment_folds", "loss_folds", "refits"])
def test_a_short_search_has_little_to_say(name, capsys):
    _, recorder = fitted(name, verbose=1)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert "alpha" not in recorder.ended
    assert recorder.ended["split-evaluation"] == 3


def test_a_long_silence_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(job, "EVERY", 0.1)

    class Slow(Ridge):
        def fit(self, X, y):
            time.sleep(0.5)
            return super().fit(X, y)

    before = threading.active_count()
    PathSearchCV(Slow(), alphas=[1.0], cv=2, verbose=1).fit(X, Y)
    said = [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert said.count("0 of 2 splits, 0 of 2 fits") >= 2
    assert said.count("the fit to all rows") >= 2
    assert threading.active_count() == before


def test_reading_is_told_of(monkeypatch, capsys):
    monkeypatch.setattr(job, "EVERY", 0.1)

    def chunks():
        for chunk in CHUNKS:
            time.sleep(0.3)
            yield chunk

    PathSearchCV(QuadraticApproxRidge(), [0.1, 0.01], cv=2, verbose=1).fit(Chunks(chunks, "y"))
    lines = capsys.readouterr().out.splitlines()
    before = lines[: next(i for i, line in enumerate(lines) if line.startswith("Fitting"))]
    assert len(before) >= 2
    assert all(line.endswith("the rows are read") for line in before)


def test_a_line_now_and_then(monkeypatch, capsys):
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    search = PathSearchCV(QuadraticApproxLasso(), verbose=1)
    watching = job.Watch(search)
    watching.begin(2, 10)
    tell = watching.of_split(0)
    for i in range(10):
        tell(i)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "[PathSearchCV] 2 s: 0 of 2 splits, 4 of 20 fits",
        "[PathSearchCV] 4 s: 0 of 2 splits, 8 of 20 fits",
    ]
    assert job.Watch().of_split(0) is None
