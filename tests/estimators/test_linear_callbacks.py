"""scikit-learn's callbacks see a linear fit as one task, and every λ of a path, downwards."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.solvers import solve

ALPHAS = [0.01, 1.0, 0.1]
MODELS = [
    QuadraticApproxRidge(),
    QuadraticApproxLasso(),
    QuadraticApproxLasso(groups=[0, 0, 1]),
    QuadraticApproxLasso(penalty="mcp"),
    QuadraticApproxLasso(hessian="diagonal"),
    QuadraticApproxRidge(loss="huber"),
    QuadraticApproxLasso(loss="huber"),
    QuadraticApproxRidge(loss="huber", max_expansions=1),
    QuadraticApproxLasso(loss="quantile"),
]


@pytest.fixture
def rows():
    X = np.random.default_rng(0).normal(size=(30, 3))
    return X, X @ [1.0, -1.0, 0.0] + 0.1 * np.sin(10 * X[:, 0])


class Recorder:
    """Writes down what it is told; fails at a λ on request."""

    def __init__(self, fails_at=None):
        self.events, self.alphas, self.fitted, self.fails_at = [], [], [], fails_at

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert y is None or context.task_name not in ("fit", "path", "alpha") or len(X) == len(y)
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, metadata=None):
        self.events.append(("end", context.task_name, context.task_id))
        self.fitted.append(fitted_estimator)
        if context.task_name == "alpha":
            self.alphas.append(metadata["alpha"])
            if metadata["alpha"] == self.fails_at:
                raise RuntimeError("callback")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_alpha_of_a_path_is_a_task(model, rows):
    recorder = Recorder()
    plain = model.regularization_path(*rows, ALPHAS)
    path = model.set_callbacks(recorder).regularization_path(*rows, ALPHAS)
    model.set_callbacks()
    one_by_one = [(what, "alpha", i) for i in range(3) for what in ("begin", "end")]
    whole = ["setup", ("begin", "path", 0), *one_by_one, ("end", "path", 0), "teardown"]
    assert recorder.events == whole
    assert sorted(recorder.alphas) == sorted(ALPHAS)
    if path.solver != "interior_point":  # which takes each λ by itself
        assert recorder.alphas == sorted(ALPHAS, reverse=True)
    np.testing.assert_array_equal(path.coefs, plain.coefs)


def test_lambdas_are_told_as_they_are_solved(rows):
    """A callback that fails at the second λ stops the walk there, and is torn down."""
    model = QuadraticApproxLasso(loss="huber")
    recorder = Recorder(fails_at=0.1)
    with pytest.raises(RuntimeError, match="callback"):
        model.set_callbacks(recorder).regularization_path(*rows, ALPHAS)
    assert recorder.alphas == [1.0, 0.1]
    assert recorder.events[-1] == "teardown"
    assert set(vars(model)) - set(model.get_params()) == {"_skl_callbacks"}


@pytest.mark.parametrize(
    "model", [QuadraticApproxRidgeClassifier(), QuadraticApproxLassoClassifier(norm_bound=1.0)]
)
def test_a_fit_is_one_task_which_ends_fitted(model, rows):
    X, y = rows[0], rows[1] > 0
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.events == ["setup", ("begin", "fit", 0), ("end", "fit", 0), "teardown"]
    np.testing.assert_array_equal(recorder.fitted[0].predict(X), model.predict(X))
    monitor = ScoringMonitor(scoring="accuracy")
    model.set_callbacks(monitor).fit(X, y)
    assert len(monitor.get_logs().data_as_pandas) == 1


def test_callbacks_of_a_search_reach_the_fits(rows):
    recorder = Recorder()
    recorder.max_propagation_depth = None
    search = GridSearchCV(QuadraticApproxRidge(), {"alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(recorder).fit(*rows)
    assert sum(event[:2] == ("begin", "fit") for event in recorder.events) >= 4
    PathSearchCV(QuadraticApproxRidge(), [0.1, 1.0], cv=2).set_callbacks(ProgressBar()).fit(*rows)


def test_a_path_warns_in_the_name_of_its_caller(rows):
    with pytest.warns(ConvergenceWarning) as found:
        QuadraticApproxLasso(loss="huber", max_iter=1).regularization_path(*rows, ALPHAS)
    assert found[0].filename == __file__


def test_solve_tells_of_every_alpha(rows):
    from skreg.penalties import Separable
    from skreg.quadratic import Quadratic

    told = []
    problem = Quadratic.from_rows(*rows, None, fit_intercept=True)
    solve(problem, Separable(0.0), ALPHAS, on_solved=told.append)
    assert told == [1, 2, 0]


def test_a_path_is_told_of_before_its_rows_are_read(rows):
    recorder, seen = Recorder(), []

    def chunks():
        seen.append(list(recorder.events))
        yield rows

    model = QuadraticApproxRidge().set_callbacks(recorder)
    model.regularization_path(Chunks(chunks), alphas=4)
    assert seen[0] == ["setup", ("begin", "path", 0)]
    assert len(recorder.alphas) == 4
