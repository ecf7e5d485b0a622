"""Networks in threads: the very numbers of GridSearchCV; failures and interrupts; halving."""

import threading
import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    PathSearchCV,
    QuadraticApproxRidge,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import halving, network_folds

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:the best λ"
)
ALPHAS = np.array([1.0, 0.1, 1e-2, 1e-3])
NAMES = {RegularizedMLPClassifier: "regularizedmlpclassifier__alpha"}


def data(n=120, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5)).astype(dtype)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)


def network(kind=RegularizedMLPClassifier, **options):
    options = {"max_iter": 6, "random_state": 0, "learning_rate_init": 0.01} | options
    return kind((8,), **options)


def compare(estimator, X, y, name="alpha", *, fit=None, grid=None, **options):
    """Both searches; every score equal to the bit."""
    fit = {} if fit is None else fit
    ours = PathSearchCV(estimator, ALPHAS, param_grid=grid, **options).fit(X, y, **fit)
    theirs = GridSearchCV(estimator, {name: ALPHAS, **(grid or {})}, **options).fit(X, y, **fit)
    assert [dict(p) for p in ours.cv_results_["params"]] == theirs.cv_results_["params"]
    for key, values in theirs.cv_results_.items():
        if "_score" in key and "time" not in key:
            assert np.array_equal(ours.cv_results_[key], values), key
    return ours, theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3])
def test_scores_are_grid_search_s_to_the_bit(dtype, n_jobs):
    X, y = data(dtype=dtype)
    ours = PathSearchCV(network(), ALPHAS, cv=3, n_jobs=n_jobs, return_train_score=True).fit(X, y)
    theirs = GridSearchCV(network(), {"alpha": ALPHAS}, cv=3, return_train_score=True).fit(X, y)
    for key, values in theirs.cv_results_.items():
        if "_score" in key and "time" not in key:
            assert np.array_equal(ours.cv_results_[key], values), key
    for own, other in zip(ours.best_estimator_.coefs_, theirs.best_estimator_.coefs_, strict=True):
        assert np.array_equal(own, other)


@pytest.mark.parametrize("scoring", ["neg_log_loss", ["accuracy", "neg_log_loss"]])
def test_a_pipeline_s_earlier_steps_are_fitted_once_for_each_split(scoring):
    X, y = data()
    Counting.n_fits = 0
    pipeline = make_pipeline(Counting(), StandardScaler(), network())
    PathSearchCV(pipeline, ALPHAS, cv=3, scoring=scoring, refit=False).fit(X, y)
    assert Counting.n_fits == 3
    compare(pipeline, X, y, NAMES[RegularizedMLPClassifier], cv=3, scoring=scoring, refit=False)


class Counting(TransformerMixin, BaseEstimator):
    n_fits = 0

    def fit(self, X, y=None):
        Counting.n_fits += 1
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


def test_other_parameters_weights_and_splitters():
    X, y = data()
    weights = np.random.default_rng(0).uniform(0, 2, len(X))
    compare(
        network(), X, y, grid={"activation": ["tanh", "relu"], "penalty": ["l1", "l2"]},
        cv=ShuffleSplit(2, random_state=0), fit={"sample_weight": weights},
    )  # fmt: skip
    target = X[:, 0] + X[:, 1] ** 2
    compare(network(RegularizedMLPRegressor, early_stopping=True), X, target, cv=KFold(2))


def test_a_generator_for_random_state_starts_afresh_for_every_fit():
    X, y = data()
    compare(network(random_state=np.random.RandomState(3)), X, y, cv=2, refit=False)
    search = PathSearchCV(network(random_state=None), ALPHAS, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_scorer_that_looks_at_the_pipeline_is_given_it():
    X, y = data()

    def scorer(estimator, X, y):
        assert estimator[0].n_features_in_ == X.shape[1]
        return float(np.abs(estimator[-1].coefs_[0]).sum())

    pipeline = make_pipeline(StandardScaler(), network())
    compare(pipeline, X, y, NAMES[RegularizedMLPClassifier], cv=2, scoring=scorer)


def test_a_failing_candidate_gets_the_error_score():
    X, _ = data()
    target = X[:, 0] * 1e3
    model = network(RegularizedMLPRegressor, solver="sgd", learning_rate_init=1e6)
    search = PathSearchCV(model, ALPHAS, cv=2, error_score=-1.0)
    with pytest.raises(ValueError, match="All the 8 fits failed"):
        search.fit(X, target)
    with pytest.raises(ValueError, match="diverged"):
        search.set_params(error_score="raise").fit(X, target)
    # Sound for one λ only: the others diverge.
    alphas = [1e9, 1e-3]
    search = PathSearchCV(
        network(RegularizedMLPRegressor, solver="sgd", learning_rate_init=1e-3), alphas, cv=2,
        error_score=-1.0,
    )  # fmt: skip
    with pytest.warns(FitFailedWarning):
        search.fit(X, X[:, 0])
    assert (search.cv_results_["split0_test_score"] == [-1.0, -1.0]).tolist()[0]
    assert search.best_params_ == {"alpha": 1e-3}


def test_the_first_exception_ends_what_runs():
    started, ended = threading.Event(), []

    def task(i):
        if i == 0:
            started.wait(10)
            raise KeyError("first")
        started.set()
        try:
            for _ in range(2000):
                time.sleep(0.005)
        except KeyboardInterrupt:
            ended.append(i)
            raise

    begin = time.perf_counter()
    with pytest.raises(KeyError):
        list(network_folds.in_pool(task, [(i,) for i in range(6)], 2))
    assert 1 in ended
    assert len(ended) <= 2
    assert time.perf_counter() - begin < 8


@pytest.mark.parametrize("resource", [None, "epochs"])
def test_ctrl_c_ends_the_search_within_an_epoch_and_leaves_no_thread(resource, monkeypatch):
    X, y = data(400)
    search = PathSearchCV(
        network(max_iter=100_000, n_iter_no_change=np.inf),
        ALPHAS,
        cv=2,
        resource=resource,
        n_jobs=2,
    )
    before = threading.active_count()

    def interrupted(futures):
        time.sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(network_folds, "as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    deadline = time.perf_counter() + 10
    while threading.active_count() > before and time.perf_counter() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


# Halving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"tol": 0.05, "max_iter": 30}])
def test_what_halving_does_not_stop_has_the_scores_of_a_whole_search(options):
    X, y = data()
    model, alphas = network(max_iter=9).set_params(**options), np.geomspace(1, 1e-4, 9)
    whole = PathSearchCV(model, alphas, cv=2, scoring="neg_log_loss").fit(X, y)
    halved = PathSearchCV(model, alphas, cv=2, scoring="neg_log_loss", resource="epochs").fit(X, y)
    results = halved.cv_results_
    rungs = halving.schedule(model.max_iter, 9)
    kept = ~results["stopped"]
    assert sorted(set(results["n_resources"])) == rungs
    assert [np.sum(results["n_resources"] == n) for n in rungs] == [6, 2, 1]
    assert np.array_equal(kept, results["n_resources"] == rungs[-1])
    for j in range(2):
        key = f"split{j}_test_score"
        assert np.array_equal(results[key][kept], whole.cv_results_[key][kept])
    assert kept[halved.best_index_]


def test_a_stopped_candidate_has_the_scores_of_a_network_trained_so_far():
    X, y = data()
    alphas = np.geomspace(1, 1e-4, 6)
    model = network(learning_rate="constant")  # others know how many epochs there are to be
    halved = PathSearchCV(model, alphas, cv=2, resource="epochs").fit(X, y)
    short = clone(model).set_params(max_iter=halving.schedule(6, 6)[0])
    short = PathSearchCV(short, alphas, cv=2).fit(X, y)
    stopped = halved.cv_results_["stopped"]
    assert stopped.sum() == 4
    for j in range(2):
        key = f"split{j}_test_score"
        assert np.array_equal(halved.cv_results_[key][stopped], short.cv_results_[key][stopped])
    # Those that go on were not worse.
    scores = short.cv_results_["mean_test_score"]
    assert scores[~stopped].min() >= scores[stopped].max()


def test_halving_says_which_are_stopped(capsys):
    X, y = data()
    PathSearchCV(network(), ALPHAS, cv=2, resource="epochs", verbose=1).fit(X, y)
    said = capsys.readouterr().out
    assert "after 2 of 6 epochs 2 λ go on; stopped: alpha=" in said


def test_halving_in_a_pipeline_crossed_with_other_parameters_and_several_scores():
    X, y = data()
    pipeline = make_pipeline(StandardScaler(), network())
    search = PathSearchCV(
        pipeline, ALPHAS, param_grid={"regularizedmlpclassifier__activation": ["tanh", "relu"]},
        cv=2, resource="epochs", scoring=["neg_log_loss", "accuracy"], refit="neg_log_loss",
        selection="one_std_err",
    ).fit(X, y)  # fmt: skip
    stopped = search.cv_results_["stopped"]
    assert stopped.sum() == 4
    assert not stopped[search.best_index_]


def test_halving_goes_on_where_a_candidate_fails():
    X, _ = data()
    model = network(RegularizedMLPRegressor, solver="sgd", learning_rate_init=1e-3)
    search = PathSearchCV(model, [1e200, 1e-2, 1e-3], cv=2, resource="epochs")
    with pytest.warns(FitFailedWarning):
        search.fit(X, X[:, 0])
    assert search.cv_results_["stopped"][0]
    search.set_params(error_score="raise")
    with pytest.raises(ValueError, match="diverged"):
        search.fit(X, X[:, 0])


def test_halving_needs_a_network():
    X, _ = data()
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, resource="epochs")
    with pytest.raises(ValueError, match=r'resource="epochs" rations the epochs of networks'):
        search.fit(X, X[:, 0])


def test_few_candidates_or_epochs_are_not_halved():
    assert halving.schedule(100, 2) == [100]
    assert halving.schedule(2, 50) == [2]
    assert halving.schedule(81, 81) == [1, 3, 9, 27, 81]
