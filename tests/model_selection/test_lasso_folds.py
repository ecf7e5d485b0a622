"""The lasso under other losses: every fold beside all rows, against paths of each fold alone."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from search_cases import TABLES, classes
from sklearn.model_selection import KFold, StratifiedKFold

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxLassoClassifier
from skreg.model_selection import path_folds
from skreg.solvers import fold_descent


@pytest.fixture
def taken(monkeypatch):
    """The jobs that the general route is given."""
    jobs, run = [], path_folds.run
    monkeypatch.setattr(path_folds, "run", lambda job: jobs.append(job) or run(job))
    return jobs


def shares_of_errors(search, model, X, y, cv, losses):
    """|score − exact score| of every fold and λ, over the standard error of the latter.

    ``losses(path, X, y)`` are those of single rows for each λ, whose mean the score is. Of null
    models, whose losses are all alike, the standard error counts as a tenth of the largest.
    """
    shares = []
    for j, (train, test) in enumerate(cv.split(X, y)):
        exact = type(model)(**model.get_params() | {"tol": 1e-9})
        path = exact.regularization_path(X[train], y[train], search.alphas)
        rows = losses(path, X[test], y[test])
        error = search.cv_results_[f"split{j}_test_score"] + rows.mean(axis=1)
        spread = rows.std(axis=1) / np.sqrt(len(test))
        shares.append(np.abs(error) / np.maximum(spread, 0.1 * spread.max()))
    return np.array(shares)


def log_losses(path, X, y):
    return -np.log(path.predict_proba(X)[:, np.arange(len(y)), y])


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "params",
    [{}, {"l1_ratio": 0.5}, {"positive": True}, {"fit_intercept": False}],
    ids=["lasso", "elastic net", "positive", "no intercept"],
)
def test_scores_err_by_less_than_tol_of_their_standard_errors(table, params):
    rng = np.random.default_rng(0)
    X = TABLES[table](rng)
    f = X @ rng.standard_normal(X.shape[1])
    y = (f - np.median(f) + 0.5 * f.std() * rng.logistic(size=len(f)) > 0).astype(int)
    model, cv = QuadraticApproxLassoClassifier(**params), StratifiedKFold(4)
    top = model.regularization_path(X, y, 2).alphas.max()
    search = PathSearchCV(
        model, top * np.geomspace(1.1, 1e-2, 9), cv=cv, scoring="neg_log_loss", refit=False
    ).fit(X, y)
    shares = shares_of_errors(search, model, X, y, cv, log_losses)
    assert np.median(shares) <= 2e-4
    assert shares.max() <= 1e-3


def test_counts_with_weights_offsets_and_features_without_a_penalty(taken):
    rng = np.random.default_rng(1)
    X, offset = rng.standard_normal((200, 30)), rng.uniform(-1.0, 1.0, 200)
    y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.5 * X[:, 5] + offset)).astype(float)
    weights = rng.uniform(0.5, 2.0, 200)
    weights[:20] = 0.0
    model = QuadraticApproxLasso(loss="poisson", penalty_factors=[0.0, *np.ones(28), np.inf])
    alphas, params = np.geomspace(0.5, 0.005, 7), {"sample_weight": weights, "offset": offset}
    search = PathSearchCV(model, alphas, cv=KFold(4)).fit(X, y, **params)
    assert not taken
    exact = PathSearchCV(model.set_params(tol=1e-9), alphas, cv=KFold(4), tol=0.0)
    exact.fit(X, y, **params)
    assert taken
    for j in range(4):
        ours, theirs = (one.cv_results_[f"split{j}_test_score"] for one in (search, exact))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    np.testing.assert_allclose(search.path_.coefs, exact.path_.coefs, rtol=0, atol=1e-7)
    assert (search.path_.coefs[:, 0] != 0).all()
    assert not search.path_.coefs[:, -1].any()


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("kind", ["float32", "float32 csr", "csc", "64-bit indices", "by columns"])
def test_kinds_of_rows(kind):
    X, y = classes(150, 12, 2)
    X[np.abs(X) < 0.5] = 0.0
    convert = {
        "float32": lambda X: X.astype(np.float32),
        "float32 csr": lambda X: sparse.csr_array(X.astype(np.float32)),
        "csc": sparse.csc_array,
        "64-bit indices": lambda X: sparse.csr_array(X),
        "by columns": np.asfortranarray,
    }[kind]
    given = convert(X)
    if kind == "64-bit indices":
        given.indices, given.indptr = given.indices.astype(np.int64), given.indptr.astype(np.int64)
    exact = X.astype(np.float32).astype(np.float64) if "32" in kind and "-" not in kind else X
    model, alphas = QuadraticApproxLassoClassifier(), np.geomspace(0.2, 0.002, 5)
    search = PathSearchCV(model, alphas, cv=KFold(3), scoring="neg_log_loss").fit(given, y)
    shares = shares_of_errors(search, model, exact, y, KFold(3), log_losses)
    assert shares.max() <= 1e-3


@pytest.mark.usefixtures("served")
def test_the_path_of_all_rows_is_certified_and_the_best_is_taken_from_it():
    X, y = classes(300, 40, 2)
    alphas = np.array([0.001, 0.1, 0.02, 0.1, 0.005])  # in any order
    search = PathSearchCV(QuadraticApproxLassoClassifier(), alphas).fit(X, y)
    alone = QuadraticApproxLassoClassifier(**search.best_params_).fit(X, y)
    assert np.allclose(search.best_estimator_.coef_, alone.coef_, rtol=0, atol=1e-6)
    assert np.array_equal(search.path_.alphas, alphas)
    assert search.path_.dual_gaps.max() <= 1e-10
    for alpha, coef, b in zip(alphas, search.path_.coefs, search.path_.intercepts, strict=True):
        residual = (expit(X @ coef + b) - y) / len(y)
        slope, on = X.T @ residual, coef != 0
        assert abs(residual.sum()) < 1e-10
        np.testing.assert_allclose(slope[on], -alpha * np.sign(coef[on]), rtol=0, atol=1e-10)
        assert np.abs(slope[~on]).max() <= alpha


def test_where_it_takes_too_long_another_route_is_taken(taken, monkeypatch):
    X, y = classes(60, 3, 2)
    monkeypatch.setattr(fold_descent, "_PASSES", 2)
    search = PathSearchCV(QuadraticApproxLassoClassifier(), [0.1, 0.01], cv=KFold(3)).fit(X, y)
    assert taken
    assert search.path_.dual_gaps.max() <= 1e-10


def test_what_it_does_not_serve(taken, monkeypatch):
    X, y = classes(60, 3, 2)
    _, three = classes(60, 3, 3)

    def is_served(model, y=y, **options):
        taken.clear()
        PathSearchCV(model, [0.1, 0.01], cv=KFold(3), refit=False, **options).fit(X, y)
        return not taken

    model = QuadraticApproxLassoClassifier
    assert is_served(model())
    assert is_served(QuadraticApproxLasso(loss="poisson"), y=np.abs(X[:, 0]))
    assert not is_served(model(), tol=0.0)
    assert not is_served(model(), y=three)
    assert not is_served(model(l1_ratio=0.0))
    assert not is_served(model(max_expansions=1))
    assert not is_served(QuadraticApproxLasso(loss="huber"), y=X[:, 0])
    monkeypatch.setattr(fold_descent, "_SMALL", 100)
    assert not is_served(model())  # tall, dense and not small
