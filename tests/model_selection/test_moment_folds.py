"""Squared error by moments: the scores of fits to the rows, and no row summed more than needed."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, random_array
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, UndefinedMetricWarning
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.metrics import check_scoring, make_scorer, mean_pinball_loss, mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.model_selection import moment_folds, path_folds, refits
from skreg.model_selection.evaluation import followed
from skreg.model_selection.job import Job
from skreg.model_selection.moment_folds import rounds
from skreg.quadratic import Moments

ALPHAS = np.array([1.0, 1e-2, 1e-4])
SCORERS = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error")
SPLITTERS = (
    KFold(5),
    KFold(3, shuffle=True, random_state=0),
    RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    ShuffleSplit(4, test_size=0.2, random_state=0),
    ShuffleSplit(3, test_size=0.5, random_state=0),
    TimeSeriesSplit(3),
    PredefinedSplit(np.r_[np.full(20, -1), np.arange(40) % 4]),
)


def data(n=60, p=7, q=1, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ np.diag(np.geomspace(1, 0.2, p)) + rng.standard_normal(p)
    y = X @ rng.standard_normal((p, q)) + noise * rng.standard_normal((n, q)) + 2.0
    return X, (y[:, 0] if q == 1 else y)


def job_of(estimator, X, y, splits, scoring=SCORERS, alphas=ALPHAS, **params):
    if isinstance(scoring, str):
        scorers = {"score": check_scoring(estimator, scoring)}
    else:
        scorers = {name: check_scoring(estimator, name) for name in scoring}
    splits = list(splits.split(X, y)) if hasattr(splits, "split") else splits
    weights = params.pop("sample_weight", None)
    given = {} if weights is None else {"sample_weight": weights}
    return Job(
        estimator=estimator,
        alpha_name="alpha",
        alphas=np.asarray(alphas, dtype=np.float64),
        X=X,
        y=y,
        splits=splits,
        fit_params={**given, **params.pop("fit_params", {})},
        score_params=given,
        scorers=scorers,
        **params,
    )


def table(scores, name, key):
    """Scores of one name, shape (n_splits, n_alphas)."""
    fits = [[fit[key] for fit in split] for split in scores.fits]
    return [[s[name] if isinstance(s, dict) else s for s in split] for split in fits]


def compare(job, tolerance=1e-8):
    """The scores of moments and of single fits to the rows."""
    assert moment_folds.serves(job)
    ours = followed(moment_folds, job, {})
    theirs = followed(refits, job, {})
    for key in ("test_scores", "train_scores")[: 1 + job.return_train_score]:
        for name in job.scorers:
            tables = (table(scores, name, key) for scores in (ours, theirs))
            np.testing.assert_allclose(*tables, rtol=tolerance, atol=tolerance)
    for split, other_split in zip(ours.fits, theirs.fits, strict=True):
        for one, other in zip(split, other_split, strict=True):
            assert one.keys() >= {"fit_time", "score_time"}
            assert one["n_test_samples"] == other["n_test_samples"]
            assert one["fit_error"] is None is other["fit_error"]
    return ours


@pytest.fixture
def no_rows(monkeypatch):
    """Fail where a split is left to its rows."""

    def refuse(job, j):
        raise AssertionError(f"split {j} was left to the rows")

    monkeypatch.setattr(path_folds, "one_split", refuse)


ESTIMATORS = {
    "ridge": QuadraticApproxRidge(),
    "ridge-origin": QuadraticApproxRidge(fit_intercept=False),
    "ridge-factors": QuadraticApproxRidge(penalty_factors=[0, 1, 2, 3, 1, 1, 0.5]),
    "lasso": QuadraticApproxLasso(),
    "lasso-origin": QuadraticApproxLasso(fit_intercept=False),
    "lasso-factors": QuadraticApproxLasso(penalty_factors=[0, 1, 2, 3, 1, 1, 0.5]),
    "elastic-net": QuadraticApproxLasso(l1_ratio=0.4),
    "positive": QuadraticApproxLasso(positive=True),
    "diagonal": QuadraticApproxLasso(hessian="diagonal"),
    "pca": QuadraticApproxLasso(hessian="pca"),
    "groups": QuadraticApproxLasso(groups=[0, 0, 1, 1, 2, 2, 2], tol=1e-13),
}


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scores_are_those_of_fits_to_the_rows(name, splitter, no_rows):
    X, y = data()
    compare(job_of(ESTIMATORS[name], X, y, splitter, return_train_score=True))


@given(
    name=st.sampled_from([*ESTIMATORS]),
    splitter=st.sampled_from(SPLITTERS),
    scoring=st.sampled_from([*SCORERS, SCORERS, "neg_mean_absolute_error"]),
    weighted=st.booleans(),
    n_targets=st.integers(1, 2),
    form=st.sampled_from([np.asarray, np.asfortranarray, csc_matrix]),
    seed=st.integers(0, 10**6),
)
def test_scores_are_those_of_fits(name, splitter, scoring, weighted, n_targets, form, seed):
    X, y = data(q=n_targets, seed=seed)
    weights = None
    if weighted:
        weights = np.random.default_rng(seed).integers(0, 4, len(X)) / 2.0 + (
            np.arange(60) % 3 == 0
        )
    compare(job_of(ESTIMATORS[name], form(X), y, splitter, scoring, sample_weight=weights))


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_scikit_learn(weighted):
    """Per split, as its λ is a multiple of the rows or their weight for the ridge."""
    X, y = data()
    w = np.random.default_rng(1).uniform(0.5, 2.0, len(y)) if weighted else None
    splits = list(KFold(4).split(X))
    pairs = [
        (QuadraticApproxRidge(), lambda a, total: Ridge(alpha=total * a)),
        (QuadraticApproxLasso(), lambda a, _: Lasso(alpha=a, tol=1e-14, max_iter=10**6)),
        (
            QuadraticApproxLasso(l1_ratio=0.3),
            lambda a, _: ElasticNet(alpha=a, l1_ratio=0.3, tol=1e-14, max_iter=10**6),
        ),
    ]
    for estimator, peer in pairs:
        job = job_of(estimator, X, y, splits, "neg_mean_squared_error", sample_weight=w)
        scores = followed(moment_folds, job, {}).table()
        for j, (train, test) in enumerate(splits):
            v, u = (None, None) if w is None else (w[train], w[test])
            total = len(train) if w is None else v.sum()
            for i, alpha in enumerate(ALPHAS):
                fit = peer(alpha, total).fit(X[train], y[train], sample_weight=v)
                expected = -mean_squared_error(y[test], fit.predict(X[test]), sample_weight=u)
                assert scores[i, j] == pytest.approx(expected, rel=1e-8)


# What is summed --------------------------------------------------------------------------------


class Sums:
    """Moments of rows, and how many rows were summed."""

    def __init__(self, X, y):
        self.X, self.y, self.count = X, y[:, None], 0

    def __call__(self, rows):
        self.count += len(rows)
        return Moments.of(self.X[rows], self.y[rows])


@pytest.mark.parametrize("splitter", [*SPLITTERS, LeaveOneOut()], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("roomy", [True, False])
def test_moments_of_the_parts(splitter, roomy, monkeypatch):
    monkeypatch.setattr("skreg.model_selection.moment_folds._SMALL", 10**9 if roomy else 0)
    X, y = data(p=40)
    sums, splits = Sums(X, y), dict(enumerate(splitter.split(X)))
    found = {}
    for members, parts, whole in rounds(sums, splits, X.shape):
        assert whole is None or (whole.n_rows, whole.weight) == (60, 60.0)
        found |= {j: parts(j) for j in members}
    assert sorted(found) == sorted(splits)
    for j, pair in found.items():
        for part, rows in zip(pair, splits[j], strict=True):
            direct = Sums(X, y)(rows)
            assert (part.n_rows, part.weight) == (direct.n_rows, direct.weight)
            for name in ("x_mean", "y_mean", "xx", "xy", "yy"):
                np.testing.assert_allclose(
                    getattr(part, name), getattr(direct, name), rtol=1e-11, atol=1e-11
                )


@pytest.mark.parametrize(
    ("splitter", "count"),
    [
        (KFold(5), 60),
        (RepeatedKFold(n_splits=3, n_repeats=2), 120),
        (LeaveOneOut(), 60),
        (ShuffleSplit(4, test_size=0.2, random_state=0), 60 + 4 * 12),
        (TimeSeriesSplit(3), (15 + 30 + 45) + 3 * 15),
    ],
)
def test_how_many_rows_are_summed(splitter, count):
    X, y = data()
    sums = Sums(X, y)
    for members, parts, _ in rounds(sums, dict(enumerate(splitter.split(X))), X.shape):
        for j in members:
            parts(j)
    assert sums.count == count


@pytest.mark.parametrize(("splitter", "sums"), [(KFold(5), 5), (ShuffleSplit(3, test_size=0.2), 7)])
def test_rows_are_summed_once_for_all_candidates(splitter, sums, monkeypatch):
    X, y = data()
    calls, of = [], Moments.of.__func__

    def counted(cls, X, y, weights=None):
        calls.append(len(y))
        return of(cls, X, y, weights)

    monkeypatch.setattr(Moments, "of", classmethod(counted))
    grid = {"l1_ratio": [0.5, 1.0], "fit_intercept": [True, False]}
    ours = PathSearchCV(QuadraticApproxLasso(), ALPHAS, param_grid=grid, cv=splitter, refit=False)
    ours.fit(X, y)
    kept = isinstance(splitter, KFold)
    assert len(calls) == (sums if kept else 1 + 4 * 3)
    if kept:
        theirs = GridSearchCV(
            QuadraticApproxLasso(), {**grid, "alpha": ALPHAS}, cv=splitter, refit=False
        ).fit(X, y)
        np.testing.assert_allclose(
            ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8
        )


@pytest.mark.parametrize("name", ["ridge", "lasso", "lasso-origin"])
@pytest.mark.parametrize("splitter", [KFold(5), RepeatedKFold(n_splits=3, n_repeats=2)])
def test_the_grid_of_all_rows(name, splitter):
    X, y = data()
    job = job_of(ESTIMATORS[name], X, y, splitter, alphas=[])
    found = moment_folds.all_rows(job).alphas(20)
    path = ESTIMATORS[name].regularization_path(X, y, 20)
    np.testing.assert_allclose(found, path.alphas, rtol=1e-12)
    assert ("rounds" in job.shared) == isinstance(splitter, KFold)


def test_no_grid_where_the_splits_do_not_tell():
    X, y = data()
    for splitter in (TimeSeriesSplit(3), KFold(2)):
        X_ = X if isinstance(splitter, TimeSeriesSplit) else np.hstack([X] * 9)
        assert moment_folds.all_rows(job_of(QuadraticApproxRidge(), X_, y, splitter)) is None
    X[0, 0] = np.nan
    assert moment_folds.all_rows(job_of(QuadraticApproxRidge(), X, y, KFold(5))) is None


def test_folds_of_wide_moments_are_not_kept(monkeypatch):
    """p×p numbers for each fold would be more than the rows: rows are summed twice instead."""
    monkeypatch.setattr("skreg.model_selection.moment_folds._SMALL", 0)
    X, y = data(p=40)
    sums = Sums(X, y)
    for members, parts, _ in rounds(sums, dict(enumerate(KFold(5).split(X))), X.shape):
        for j in members:
            parts(j)
    assert sums.count == 120


def test_rows_that_repeat_are_not_subtracted():
    X, y = data()
    rng = np.random.default_rng(0)
    splits = [(rng.integers(0, 60, 50), np.arange(3 * k, 3 * k + 10)) for k in range(3)]
    compare(job_of(QuadraticApproxRidge(), X, y, splits))


# Digits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ridge", "lasso"])
@pytest.mark.parametrize("splitter", [KFold(5), ShuffleSplit(3, test_size=0.2, random_state=0)])
def test_means_that_are_large_beside_the_spread(name, splitter):
    X, y = data()
    compare(job_of(ESTIMATORS[name], X + 1e6, y + 1e6, splitter), 1e-7)


@pytest.mark.parametrize("splits", [KFold(5), ShuffleSplit(5, test_size=0.2, random_state=1)])
@pytest.mark.parametrize(("name", "far"), [("ridge", 1e7), ("lasso", 1e4)])
def test_a_fold_that_holds_the_spread(name, far, splits):
    X, y = data()
    X[:12, 2] *= far
    X[12:, 5] = X[12, 5]  # constant elsewhere
    y[:12] *= far
    alphas = ALPHAS if name == "ridge" else [far, 1.0]
    compare(job_of(ESTIMATORS[name], X, y, splits, "neg_mean_squared_error", alphas=alphas))


def test_training_parts_of_lower_rank():
    X, y = data()
    X[:, 3] = X[:, 2]
    X[12:, 5] = 2.0 * X[12:, 4]  # independent in the first fold alone
    for alphas in ([1e-3, 1e-9], [1e-12, 0.0]):
        compare(job_of(QuadraticApproxRidge(), X, y, KFold(5), "r2", alphas=alphas), 1e-7)


def test_a_fit_that_leaves_nothing(no_rows):
    """Mean squares far below what sums over y can tell."""
    X, y = data(noise=1e-7)
    compare(job_of(QuadraticApproxRidge(), X, y, KFold(5), alphas=[1e-12]), 1e-7)


def test_a_test_part_without_spread():
    X, y = data()
    y[:12] = 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(job_of(QuadraticApproxRidge(), X, y, KFold(5)))


@pytest.mark.parametrize("wide", [False, True])
def test_test_parts_of_one_row(wide, monkeypatch):
    """Their squares are known; R² is not, and the scorer says what it says."""
    X, y = data(30, 50 if wide else 7)
    job = job_of(QuadraticApproxRidge(), X, y, LeaveOneOut(), "neg_mean_squared_error")
    with monkeypatch.context() as patch:
        patch.setattr(path_folds, "_score", None)
        compare(job)
    with pytest.warns(UndefinedMetricWarning):
        ours = followed(moment_folds, job_of(QuadraticApproxRidge(), X, y, LeaveOneOut(), "r2"), {})
    assert np.isnan(ours.table()).all()


# Wide ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_wide_ridge(fit_intercept, n_targets, weighted, no_rows, monkeypatch):
    monkeypatch.setattr(moment_folds._MomentFolds, "_path", None)  # products of rows do it all
    X, y = data(40, 90, q=n_targets)
    w = np.arange(40) % 4 / 2.0 if weighted else None
    ridge = QuadraticApproxRidge(fit_intercept=fit_intercept)
    for splitter in (KFold(5), ShuffleSplit(2, random_state=0), TimeSeriesSplit(3)):
        compare(job_of(ridge, X, y, splitter, sample_weight=w))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ridge", {"alphas": [1e-3, 1e-13]}),
        ("ridge", {"return_train_score": True}),
        ("ridge", {"scoring": "neg_mean_absolute_error"}),
        ("lasso", {}),
        ("lasso", {"return_train_score": True}),
    ],
)
def test_wide_by_rows(name, settings, no_rows):
    X, y = data(40, 90)
    compare(job_of(ESTIMATORS[name], X, y, KFold(5), **settings), 1e-7)


def test_wide_ridge_with_a_fold_far_away():
    X, y = data(40, 90)
    X[:8] += 1e7
    compare(job_of(QuadraticApproxRidge(), X, y, KFold(5), "neg_mean_squared_error"), 1e-7)


def test_training_parts_narrower_than_all_rows(no_rows):
    """p between the rows of a training part and all rows."""
    X, y = data(40, 35)
    compare(job_of(QuadraticApproxRidge(), X, y, KFold(5)))
    compare(job_of(QuadraticApproxRidge(), X, y, TimeSeriesSplit(4)))


def test_wide_and_sparse(no_rows):
    X = csc_matrix(random_array((50, 200), density=0.1, random_state=0))
    y = np.random.default_rng(1).standard_normal(50)
    for name in ("ridge", "lasso"):
        compare(job_of(ESTIMATORS[name], X, y, KFold(5)))


# The rest of the contract ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring",
    ["neg_mean_absolute_error", "neg_max_error", make_scorer(mean_pinball_loss, alpha=0.1)],
)
def test_other_scorers_see_fitted_estimators(scoring, no_rows):
    X, y = data()
    job = job_of(QuadraticApproxLasso(), X, y, KFold(4), "r2")
    scorer = check_scoring(job.estimator, scoring)
    object.__setattr__(job, "scorers", {"score": scorer})
    compare(job)
    object.__setattr__(job, "scorers", {"score": lambda fit, X, y: np.count_nonzero(fit.coef_)})
    compare(job)


def test_offset(no_rows):
    """Taken from y for the fit; a scorer that is not given it scores without."""
    X, y = data()
    offset = np.linspace(-1, 1, len(y))
    compare(job_of(QuadraticApproxRidge(), X, y, KFold(5), fit_params={"offset": offset}))


def test_single_precision():
    X, y = data()
    X = X.astype(np.float32)
    compare(job_of(QuadraticApproxRidge(), X, y, KFold(5)), 1e-5)


@pytest.mark.parametrize(
    ("name", "p"), [("ridge", 7), ("lasso", 7), ("elastic-net", 90), ("positive", 90)]
)
def test_the_path_of_all_rows(name, p):
    X, y = data(p=p)
    found = followed(moment_folds, job_of(ESTIMATORS[name], X, y, KFold(5)), {}).path
    path = ESTIMATORS[name].regularization_path(X, y, ALPHAS)
    np.testing.assert_allclose(found.coefs, path.coefs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.intercepts, path.intercepts, rtol=1e-10)
    search = PathSearchCV(ESTIMATORS[name], ALPHAS, cv=5).fit(X, y)
    fit = clone(ESTIMATORS[name]).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_allclose(search.best_estimator_.coef_, fit.coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", [np.nan, np.inf])
def test_rows_that_are_not_finite_fail_as_elsewhere(cell):
    X, y = data()
    X[0, 0] = cell
    settings = {"cv": KFold(5), "error_score": -1.0, "refit": False}
    with pytest.warns(FitFailedWarning):
        ours = PathSearchCV(QuadraticApproxRidge(), ALPHAS, **settings).fit(X, y)
    with pytest.warns(FitFailedWarning):
        theirs = GridSearchCV(QuadraticApproxRidge(), {"alpha": ALPHAS}, **settings).fit(X, y)
    for j in range(5):
        key = f"split{j}_test_score"
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-8)


def test_weights_that_leave_a_training_part_nothing():
    X, y = data()
    weights = np.r_[np.ones(12), np.zeros(48)]
    job = job_of(QuadraticApproxRidge(), X, y, KFold(5), "r2", sample_weight=weights)
    with pytest.warns(UserWarning, match="Scoring failed|UndefinedMetric|zero"):
        ours = followed(moment_folds, job, {})
    failed = [[fit["fit_error"] is not None for fit in fits] for fits in ours.fits]
    assert failed == [[True] * len(ALPHAS)] + [[False] * len(ALPHAS)] * 4


def test_what_it_does_not_serve():
    X, y = data()
    for estimator in (
        QuadraticApproxRidge(loss="huber"),
        Ridge(),
        type("Mine", (QuadraticApproxRidge,), {"predict": lambda self, X: X[:, 0]})(),
    ):
        assert not moment_folds.serves(job_of(estimator, X, y, KFold(5), "r2"))
    named = type("Mine", (QuadraticApproxRidge,), {})()
    assert moment_folds.serves(job_of(named, X, y, KFold(5), "r2"))


def test_interrupted():
    """The splits that were finished are kept."""
    X, y = data()

    class Stop:
        n_ended = 0

        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            self.n_ended += context.task_name == "split-evaluation"
            if self.n_ended == 2:
                raise KeyboardInterrupt

    cv = RepeatedKFold(n_splits=3, n_repeats=2)
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=cv).set_callbacks(Stop())
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.n_splits_ == 2
    assert len(search.cv_results_["split1_test_score"]) == len(ALPHAS)


def test_a_line_for_each_split(capsys):
    X, y = data()
    PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=3, verbose=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == [
        f"[PathSearchCV] split {j}/3" for j in (1, 2, 3)
    ]


def test_threads_do_not_change_the_scores():
    from threadpoolctl import threadpool_limits

    X, y = data(3000, 200)
    job = job_of(QuadraticApproxLasso(), X, y, KFold(5), "r2")
    many = followed(moment_folds, job, {}).table()
    with threadpool_limits(1):
        one = followed(moment_folds, job, {}).table()
    np.testing.assert_allclose(many, one, rtol=1e-12)


@pytest.mark.parametrize(
    ("n", "p", "limit"),
    [
        (40_000, 30, 0.3),  # in shares of X: no copy of it
        (60, 4000, 3.0),  # p × p would be 66 times X
    ],
)
def test_memory(n, p, limit):
    import tracemalloc

    X, y = data(n, p)
    job = job_of(QuadraticApproxRidge(), X, y, KFold(5), "r2")
    followed(moment_folds, job, {})
    tracemalloc.start()
    followed(moment_folds, job, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < limit * X.nbytes, peak / X.nbytes


@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "neg_root_mean_squared_error", "r2"])
@pytest.mark.parametrize("p", [4, 50])
@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_a_test_part_without_weight_has_the_error_score(kind, p, scoring):
    X, y = data(30, p)
    weights = np.ones(30)
    weights[10:20] = 0.0
    options = dict(cv=KFold(3), scoring=scoring, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        search = PathSearchCV(kind(), ALPHAS, error_score=-7.0, **options)
        search.fit(X, y, sample_weight=weights)
        other = GridSearchCV(kind(), {"alpha": ALPHAS}, error_score=-7.0, **options)
        other.fit(X, y, sample_weight=weights)
        for key in ("split0_test_score", "split1_test_score", "mean_test_score"):
            np.testing.assert_allclose(search.cv_results_[key], other.cv_results_[key], rtol=1e-6)
        if "error" in scoring:
            with pytest.raises(ValueError, match=r"[Ww]eights"):
                search.set_params(error_score="raise").fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("cv", ["loo", 5])
def test_weights_are_relative_up_to_the_largest_float(cv):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 5))
    y = X[:, 0] + rng.normal(size=60)
    search = PathSearchCV(QuadraticApproxRidge(), [0.1, 1.0], cv=cv)
    plain = search.fit(X, y).cv_results_["mean_test_score"]
    heavy = search.fit(X, y, sample_weight=np.full(60, 1e308)).cv_results_["mean_test_score"]
    np.testing.assert_allclose(heavy, plain, rtol=1e-12)
