"""A route declines what it cannot serve; every other error reaches the user."""

import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import (
    halving,
    loss_folds,
    moment_folds,
    network_folds,
    path_folds,
    pipelines,
)
from skreg.model_selection.job import Declined, or_else

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = X[:, 0] - 0.5 * X[:, 1] + 0.3 * RNG.standard_normal(60)
ALPHAS = [1.0, 0.1, 0.01]
NETWORK = RegularizedMLPRegressor((3,), max_iter=2, random_state=0)

PLANTED = [
    (moment_folds._MomentFolds, "model", QuadraticApproxRidge(), Y, {}),
    (moment_folds._MomentFolds, "_by_path", QuadraticApproxLasso(), Y, {}),
    (loss_folds._LossFolds, "solve", QuadraticApproxRidgeClassifier(), Y > 0, {}),
    (loss_folds._LossFolds, "results", QuadraticApproxRidgeClassifier(), Y > 0, {}),
    (pipelines.Training, "follow", make_pipeline(QuadraticApproxLasso()), Y, {}),
    (path_folds, "_scores_along", make_pipeline(QuadraticApproxLasso()), Y, {}),
    (network_folds.Split, "network", NETWORK, Y, {}),
    (halving.Trial, "_fit_and_score", NETWORK, Y, {"resource": "epochs"}),
]


@pytest.mark.parametrize("error", [NameError, TypeError, ValueError])
@pytest.mark.parametrize("error_score", ["raise", np.nan])
@pytest.mark.parametrize(
    ("home", "name", "estimator", "y", "settings"), PLANTED, ids=lambda value: str(value)[-40:]
)
def test_a_bug_in_a_route_comes_out(
    home, name, estimator, y, settings, error_score, error, monkeypatch
):
    def planted(*args, **kwargs):
        raise error("planted")

    search = PathSearchCV(estimator, ALPHAS, cv=3, error_score=error_score, **settings)
    monkeypatch.setattr(home, name, planted)
    if error is ValueError and name == "solve":
        return  # as the solvers of a job say what they cannot do
    with pytest.raises(error, match="planted"):
        search.fit(X, y)


def test_fits_that_fail_are_scikit_learn_s_to_tell():
    def check(rows):
        if (rows[:, 0] == X[0, 0]).any():
            raise RuntimeError("not this row")
        return rows

    model = make_pipeline(FunctionTransformer(check), QuadraticApproxLasso())
    search = PathSearchCV(model, ALPHAS, cv=3, refit=False)
    with (
        pytest.warns(FitFailedWarning, match="6 fits failed out of a total of 9"),
        pytest.warns(UserWarning, match="non-finite|Scoring failed"),
    ):
        search.fit(X, Y)
    assert np.isnan(search.cv_results_["split1_test_score"]).all()
    with pytest.raises(RuntimeError, match="not this row"):
        search.set_params(error_score="raise").fit(X, Y)


def test_declining_needs_no_failure_and_an_error_does():
    fine, failed = [{"fit_error": None}], [{"fit_error": "Traceback"}]

    def decline():
        raise Declined

    def fail():
        raise KeyError("x")

    assert or_else(decline, lambda: fine) is fine
    assert or_else(fail, lambda: failed) is failed
    with pytest.raises(KeyError):
        or_else(fail, lambda: fine)


def test_refits_of_a_split_say_nothing_of_their_own(monkeypatch, recwarn):
    def declines(job, j):
        raise Declined("not this way")

    expected = PathSearchCV(QuadraticApproxLasso(loss="huber"), ALPHAS, cv=3).fit(X, Y)
    monkeypatch.setattr(path_folds, "_one_split", declines)
    found = PathSearchCV(QuadraticApproxLasso(loss="huber"), ALPHAS, cv=3).fit(X, Y)
    assert not any("delayed" in str(warning.message) for warning in recwarn)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6
    )
