"""What a search that takes long says on the way, whatever its route."""

import time

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import job

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = X[:, 0] - 0.5 * X[:, 1] + 0.3 * RNG.standard_normal(60)
NETWORK = RegularizedMLPRegressor((3,), max_iter=3, random_state=0)

ROUTES = {
    "moment_folds": (QuadraticApproxLasso(), {}),
    "moment_folds, a ridge": (QuadraticApproxRidge(), {}),
    "loss_folds": (QuadraticApproxRidgeClassifier(), {}),
    "path_folds": (QuadraticApproxLassoClassifier(), {}),
    "path_folds, a Pipeline": (make_pipeline(QuadraticApproxLasso()), {"n_jobs": 2}),
    "groups": (QuadraticApproxLasso(groups=[0, 0, 1, 1]), {}),
    "groups, two classes": (QuadraticApproxLassoClassifier(groups=[0, 0, 1, 1]), {}),
    "network_folds": (NETWORK, {"alphas": [1e-1, 1e-2]}),
    "halving": (NETWORK, {"alphas": np.geomspace(1, 1e-4, 6), "resource": "epochs"}),
    "refits": (Ridge(), {"alphas": [1.0, 0.1]}),
    "a criterion": (QuadraticApproxLasso(), {"cv": "gcv"}),
    "a grid that grows": (QuadraticApproxLasso(), {"alphas": "auto"}),
}


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


def fitted(name, **more):
    estimator, settings = ROUTES[name]
    y = Y > 0 if hasattr(estimator, "predict_proba") else Y
    search = PathSearchCV(estimator, **{"alphas": 20, "cv": 3, **settings, **more})
    recorder = Recorder()
    search.set_callbacks(recorder)
    search.fit(X, y)
    return search, recorder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(ROUTES))
def test_every_fit_is_told_of_once_time_has_gone_by(name, monkeypatch, capsys):
    monkeypatch.setattr(job, "EVERY", 0.0)
    search, recorder = fitted(name, verbose=1)
    n, k = len(search.cv_results_["params"]), search.n_splits_
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Fitting {k} folds for each ")
    said = [line for line in rest if " splits, " in line]
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
@pytest.mark.parametrize("name", ["moment_folds", "loss_folds", "refits"])
def test_a_short_search_has_little_to_say(name, capsys):
    _, recorder = fitted(name, verbose=1)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert "alpha" not in recorder.ended
    assert recorder.ended["split-evaluation"] == 3


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
