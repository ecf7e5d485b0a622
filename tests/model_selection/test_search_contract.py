"""The contract of a scikit-learn search: failures, interruption, callbacks, copies, checks."""

import pickle
import warnings

import numpy as np
import pytest
from search_cases import ALPHAS, both, same
from sklearn.base import BaseEstimator, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import DictionaryLearning, SparsePCA
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

X, Y = load_diabetes(return_X_y=True)
XI, YI = load_iris(return_X_y=True)


class Fragile(RegressorMixin, BaseEstimator):
    """A mean that cannot be fitted for some λ, on some rows, or at all."""

    def __init__(self, alpha=1.0, worst=10.0, rows=None):
        self.alpha = alpha
        self.worst = worst
        self.rows = rows

    def fit(self, X, y):
        if self.alpha >= self.worst or (self.rows and len(X) > self.rows):
            raise RuntimeError(f"no fit for alpha={self.alpha}")
        self.mean_ = np.mean(y) / (1 + self.alpha)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


# Failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error_score", [np.nan, -7.0])
@pytest.mark.parametrize(
    "scoring", [None, ["r2", "neg_max_error"], lambda e, X, y: {"r2": e.score(X, y)}]
)
def test_a_candidate_that_fails_is_marked_as_by_grid_search(error_score, scoring):
    refit = "r2" if scoring else True
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        ours, theirs = both(
            Fragile(), X, Y, [100.0, 1.0, 0.1], cv=3, scoring=scoring, refit=refit,
            error_score=error_score, return_train_score=True,
        )  # fmt: skip
    assert same(ours, theirs)
    name = "r2" if scoring else "score"
    for key in (f"rank_test_{name}", f"split1_test_{name}"):
        np.testing.assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])
    assert ours.best_params_ == theirs.best_params_


def test_all_failures_raise_and_error_score_raise_raises():
    with pytest.raises(ValueError, match="All the 9 fits failed"):
        PathSearchCV(Fragile(worst=0.0), [3, 2, 1], cv=3).fit(X, Y)
    with pytest.raises(RuntimeError, match="no fit for alpha=100"):
        PathSearchCV(Fragile(), [100.0, 1.0], cv=3, error_score="raise").fit(X, Y)


def test_a_split_that_a_path_cannot_be_followed_on():
    """One training part holds one class only."""
    y = np.r_[np.zeros(50), np.ones(50)].astype(int)
    rows = XI[:100]
    splits = [(np.arange(50), np.arange(50, 100)), (np.arange(20, 80), np.r_[:20, 80:100])]
    model = make_pipeline(StandardScaler(), QuadraticApproxRidgeClassifier())
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        ours, theirs = both(model, rows, y, [1.0, 0.1, 0.01], cv=splits)
    assert np.isnan(ours.cv_results_["split0_test_score"]).all()
    assert same(ours, theirs)
    with pytest.raises(ValueError, match="one class only"):
        PathSearchCV(model, ALPHAS, cv=splits, error_score="raise").fit(rows, y)


@pytest.mark.parametrize("model", [QuadraticApproxRidge(), Ridge()])
def test_a_scorer_that_fails(model):
    def moody(estimator, X, y):
        if len(X) > 150:
            raise RuntimeError("too many rows")
        return 1.0

    splits = [(np.arange(200), np.arange(200, 400)), (np.arange(200, 442), np.arange(100))]
    with pytest.warns(UserWarning, match="Scoring failed"):
        search = PathSearchCV(model, [1.0, 0.1], cv=splits, scoring=moody).fit(X, Y)
    assert np.isnan(search.cv_results_["split0_test_score"]).all()
    assert (search.cv_results_["split1_test_score"] == 1).all()
    with pytest.raises(RuntimeError, match="too many rows"):
        PathSearchCV(model, [1.0], cv=splits, scoring=moody, error_score="raise").fit(X, Y)


def test_rows_that_cannot_be_scored():
    """A missing value in a test part is the scorer's failure, as in GridSearchCV."""
    holes = X.copy()
    holes[0, 0] = np.nan
    splits = [(np.arange(100, 442), np.arange(50)), (np.arange(100, 442), np.arange(50, 100))]
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=splits, refit=False)
    with pytest.warns(UserWarning, match="Scoring failed"):
        search.fit(holes, Y)
    assert np.isnan(search.cv_results_["split0_test_score"]).all()
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


@pytest.mark.parametrize(
    "last", [QuadraticApproxLasso(), RegularizedMLPRegressor((2,), max_iter=2)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_that_an_earlier_step_cannot_transform(last):
    """A category that the training part has not: the score fails, the fit does not."""
    rows = np.array([["a"], ["b"]] * 30 + [["c"]] * 20)
    model = make_pipeline(OneHotEncoder(sparse_output=False), last)
    splits = [(np.arange(40), np.arange(40, 60)), (np.arange(40), np.arange(40, 80))]
    search = PathSearchCV(model, [1.0, 0.1], cv=splits, scoring=["r2"], refit=False)
    with pytest.warns(UserWarning, match="Scoring failed") as caught:
        search.fit(rows, Y[:80])
    assert not any(issubclass(warning.category, FitFailedWarning) for warning in caught)
    assert np.isfinite(search.cv_results_["split0_test_r2"]).all()
    assert np.isnan(search.cv_results_["split1_test_r2"]).all()
    search.set_params(error_score="raise")
    with pytest.raises(ValueError, match="unknown categories"):
        search.fit(rows, Y[:80])


@pytest.mark.parametrize("model", [QuadraticApproxRidge(), Ridge()])
def test_splits_by_masks_and_negative_indices(model):
    mask = np.arange(len(Y)) % 4 == 0
    splits = [(~mask, mask), (range(-300, 0), list(range(100))), (np.arange(300), np.r_[-9:-1])]
    assert same(*both(model, X, Y, ALPHAS, cv=splits))
    with pytest.raises(IndexError, match="out of bounds"):
        PathSearchCV(model, ALPHAS, cv=[(np.arange(300, 500), np.arange(99))]).fit(X, Y)


# Choices that do not go together -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"selection": "bic", "cv": 5}, "cv=5 is not used"),
        ({"selection": "aic", "scoring": "r2"}, "scoring='r2' is not used"),
        ({"cv": "gcv", "scoring": "r2"}, "scoring='r2' is not used"),
        ({"cv": "gcv", "selection": "one_std_err"}, "has not"),
        ({"selection": "one_std_err", "refit": lambda results: 0}, "both choose"),
        ({"param_grid": {"alpha": [1.0]}}, "which is λ"),
        ({"param_grid": {"nonsense": [1.0]}}, "Invalid parameter 'nonsense'"),
        ({"param_grid": {"fit_intercept": True}}, "needs to be a list"),
        ({"param_grid": {"norm_bound": [None, 3.0]}}, "norm_bound=3.0 of QuadraticApproxRidge"),
        ({"cv": []}, "announces 0 splits"),
        ({"cv": "soon"}, "'cv' parameter of PathSearchCV"),
        ({"selection": "worst"}, "'selection' parameter of PathSearchCV"),
        ({"resource": "minutes"}, "'resource' parameter of PathSearchCV"),
        ({"error_score": "hide"}, "'error_score' parameter of PathSearchCV"),
    ],
)
def test_choices_that_do_not_go_together(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        PathSearchCV(QuadraticApproxRidge(), ALPHAS, **settings).fit(X, Y)


def test_groups_do_not_go_with_leave_one_out():
    with pytest.raises(ValueError, match=r"groups and 'loo' do not go together.*GroupKFold"):
        PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv="loo").fit(X, Y, groups=Y > 100)


def test_norm_bound_decides_by_itself():
    with pytest.raises(ValueError, match=r"norm_bound=1.0 of QuadraticApproxLasso.*GridSearchCV"):
        PathSearchCV(make_pipeline(QuadraticApproxLasso(norm_bound=1.0))).fit(X, Y)


def test_which_parameter_is_lambda():
    model = make_pipeline(SparsePCA(2, max_iter=2), QuadraticApproxRidge())
    search = PathSearchCV(model, [1.0, 0.1], cv=2).fit(X, Y)
    assert set(search.best_params_) == {"quadraticapproxridge__alpha"}
    with pytest.raises(ValueError, match="has no parameter alpha"):
        PathSearchCV(LogisticRegression()).fit(XI, YI)
    two = make_pipeline(SparsePCA(2), DictionaryLearning(2, alpha=1), LogisticRegression())
    with pytest.raises(ValueError, match="several parameters alpha: dictionarylearning__alpha, sp"):
        PathSearchCV(two).fit(XI, YI)


# Interruption ------------------------------------------------------------------------------------


def interrupted(scorings):
    """A scorer that presses Ctrl-C after so many calls."""
    calls = iter(range(scorings))

    def scorer(estimator, X, y):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    return scorer


@pytest.mark.parametrize("model", [make_pipeline(QuadraticApproxRidge()), Ridge()])
def test_ctrl_c_leaves_the_splits_that_were_finished(model):
    search = PathSearchCV(model, [1.0, 0.1, 0.01], cv=5, scoring=interrupted(7))
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    whole = PathSearchCV(model, [1.0, 0.1, 0.01], cv=list(KFold(5).split(X))[:2]).fit(X, Y)
    assert search.n_splits_ == 2
    assert same(search, whole)
    assert search.best_params_ == whole.best_params_
    assert len(search.to_frame()) == 3
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError):
        search.predict(X)


def test_ctrl_c_leaves_the_combinations_that_were_finished():
    grid = {"fit_intercept": [True, False]}
    search = PathSearchCV(
        make_pipeline(QuadraticApproxRidge()), [1.0, 0.1], cv=3, scoring=interrupted(9),
        param_grid={f"quadraticapproxridge__{key}": grid[key] for key in grid},
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert search.n_splits_ == 3
    assert len(search.cv_results_["params"]) == 2
    assert all(
        params["quadraticapproxridge__fit_intercept"] for params in search.cv_results_["params"]
    )


@pytest.mark.parametrize(("calls", "error_score"), [(1, np.nan), (7, "raise")])
def test_ctrl_c_before_anything_was_finished_or_wanted(calls, error_score):
    search = PathSearchCV(
        make_pipeline(QuadraticApproxRidge()), [1.0, 0.1, 0.01], scoring=interrupted(calls),
        error_score=error_score,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


# Callbacks, words, copies ------------------------------------------------------------------------


class Recorder:
    """A callback that keeps the names of tasks."""

    def __init__(self):
        self.begun, self.ended, self.torn_down = [], [], False

    def setup(self, estimator, context):
        self.limits = context.max_subtasks

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)


@pytest.mark.parametrize("model", [QuadraticApproxRidge(), make_pipeline(Ridge())])
def test_callbacks_see_the_search_its_splits_and_the_refit(model):
    recorder = Recorder()
    search = PathSearchCV(model, [1.0, 0.1], cv=4).set_callbacks(recorder)
    search.fit(X, Y)
    assert recorder.begun == [
        "fit", "search", *["split-evaluation"] * 4, "refit-with-best-params",
    ]  # fmt: skip
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert recorder.torn_down


def test_callbacks_are_torn_down_after_an_error():
    recorder = Recorder()
    search = PathSearchCV(Fragile(worst=0.0), [1.0], cv=2).set_callbacks(recorder)
    with pytest.raises(ValueError, match="fits failed"):
        search.fit(X, Y)
    assert recorder.torn_down


def test_progress_bar_also_of_a_network(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    network = RegularizedMLPClassifier((3,), max_iter=2, n_iter_no_change=np.inf, random_state=0)
    search = PathSearchCV(network, [0.1, 0.01], cv=2).set_callbacks(ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(XI, YI)
    shown = capsys.readouterr().out
    assert "PathSearchCV - search" in shown
    assert "100%" in shown


def test_verbose_says_how_much_there_is_to_do(capsys):
    PathSearchCV(make_pipeline(QuadraticApproxRidge()), [1.0, 0.1], cv=3, verbose=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 3 folds for each of 2 candidates, totaling 6 fits, in 3 paths"
    assert sum(line.startswith("[PathSearchCV] split") for line in lines) == 3


def test_copies():
    search = PathSearchCV(QuadraticApproxLasso(), ALPHAS, cv=3, selection="one_std_err").fit(X, Y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert again.alpha_one_std_err_ == search.alpha_one_std_err_
    fresh = clone(search)
    assert not hasattr(fresh, "cv_results_")
    assert fresh.get_params()["selection"] == "one_std_err"
    assert fresh.set_params(estimator__l1_ratio=0.5).estimator.l1_ratio == 0.5


def test_pictures_in_words():
    search = PathSearchCV(QuadraticApproxLasso(), 5)
    assert repr(search) == "PathSearchCV(alphas=5, estimator=QuadraticApproxLasso())"
    assert "QuadraticApproxLasso" in search._repr_html_()
    assert "best_estimator_" in search.fit(X, Y)._repr_html_()


def test_methods_of_the_best_estimator():
    search = PathSearchCV(QuadraticApproxRidgeClassifier(), [0.1, 0.01, 0.001])
    assert is_classifier(search)
    assert is_regressor(PathSearchCV(QuadraticApproxRidge()))
    assert hasattr(search, "predict_proba")
    assert not hasattr(search, "inverse_transform")
    with pytest.raises(NotFittedError):
        search.predict(XI)
    search.fit(XI, YI)
    best = search.best_estimator_
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(search, method)(XI), getattr(best, method)(XI))
    assert search.score(XI, YI) == best.score(XI, YI)
    assert search.n_features_in_ == 4
    assert search.refit_time_ > 0


def test_unsupervised_estimators_transform():
    search = PathSearchCV(
        SparsePCA(2, max_iter=3, random_state=0), [1.0, 0.1], cv=2,
        scoring=lambda e, X, y=None: -np.abs(X - e.inverse_transform(e.transform(X))).mean(),
    ).fit(XI)  # fmt: skip
    assert search.transform(XI).shape == (150, 2)
    assert search.inverse_transform(search.transform(XI)).shape == XI.shape


@parametrize_with_checks(
    [
        PathSearchCV(QuadraticApproxRidge(), [0.1, 0.01], cv=2),
        PathSearchCV(QuadraticApproxRidgeClassifier(), [0.1, 0.01], cv=2),
        PathSearchCV(make_pipeline(StandardScaler(), QuadraticApproxLasso()), 5, cv=2),
    ]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
