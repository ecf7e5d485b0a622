"""Other losses: all folds from the path of all rows, against GridSearchCV."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit
from search_cases import TABLES, classes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)

from skreg import PathSearchCV, QuadraticApproxRidge, QuadraticApproxRidgeClassifier
from skreg.model_selection import loss_folds

ALPHAS = np.geomspace(1.0, 1e-4, 7)
SPLITTERS = {
    "folds": KFold(4),
    "stratified": StratifiedKFold(3, shuffle=True, random_state=0),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "shuffled": ShuffleSplit(3, test_size=0.3, random_state=0),
    "in time": TimeSeriesSplit(3),
}


def compare(estimator, X, y, cv, scoring, alphas=ALPHAS, tol=1e-8, **params):
    ours = PathSearchCV(estimator, alphas, cv=cv, scoring=scoring, return_train_score=True, tol=0.0)
    grid = GridSearchCV(
        estimator, {"alpha": alphas}, cv=cv, scoring=scoring, return_train_score=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours.fit(X, y, **params)
        grid.fit(X, y, **params)
    for key, values in grid.cv_results_.items():
        if "_score" in key and "time" not in key and "rank" not in key:
            assert np.allclose(ours.cv_results_[key], values, rtol=0, atol=tol, equal_nan=True), key
    return ours


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("name", SPLITTERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_of_classifiers_are_grid_search_s(name, n_classes):
    X, y = classes(180, 5, n_classes, labels=["a", "b", "c"][:n_classes])
    scoring = ["accuracy", "neg_log_loss", "balanced_accuracy"]
    scoring += ["roc_auc"] if n_classes == 2 else ["roc_auc_ovr"]
    ours = PathSearchCV(
        QuadraticApproxRidgeClassifier(),
        ALPHAS,
        cv=SPLITTERS[name],
        scoring=scoring,
        refit=False,
        tol=0.0,
    )
    grid = GridSearchCV(
        QuadraticApproxRidgeClassifier(), {"alpha": ALPHAS}, cv=SPLITTERS[name], scoring=scoring,
        refit=False,
    )  # fmt: skip
    ours.fit(X, y)
    grid.fit(X, y)
    for metric in scoring:
        for j in range(ours.n_splits_):
            key = f"split{j}_test_{metric}"
            assert np.allclose(ours.cv_results_[key], grid.cv_results_[key], rtol=0, atol=1e-8)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("loss", ["huber", "poisson", "gamma"])
@pytest.mark.parametrize("scoring", [None, "neg_root_mean_squared_error", "neg_max_error"])
def test_scores_of_regressors_are_grid_search_s(loss, scoring):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    mean = np.exp(0.4 * X[:, 0] - 0.2 * X[:, 1])
    y = {"huber": mean, "poisson": rng.poisson(mean), "gamma": rng.gamma(2.0, mean)}[loss]
    compare(QuadraticApproxRidge(loss=loss), X, y, KFold(3), scoring)


@pytest.mark.usefixtures("served")
def test_weights_class_weights_factors_and_names_of_columns():
    X, y = classes(200, 4, 2)
    weights = np.random.default_rng(1).uniform(0.0, 2.0, 200)
    weights[:10] = 0.0
    model = QuadraticApproxRidgeClassifier(
        class_weight="balanced", penalty_factors=[1.0, 0.0, 2.0, 1.0]
    )
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = compare(model, frame, pd.Series(y), 4, None, sample_weight=weights)
    assert list(search.feature_names_in_) == list("abcd")


@pytest.mark.usefixtures("served")
def test_the_path_of_all_rows_is_kept_and_the_best_is_taken_from_it():
    X, y = classes(300, 6, 2)
    search = PathSearchCV(QuadraticApproxRidgeClassifier(), ALPHAS).fit(X, y)
    alone = QuadraticApproxRidgeClassifier(**search.best_params_).fit(X, y)
    assert np.allclose(search.best_estimator_.coef_, alone.coef_, rtol=0, atol=1e-8)
    assert np.array_equal(search.path_.alphas, ALPHAS)
    assert search.path_.gradient_norms.max() <= 1e-8
    exact = QuadraticApproxRidgeClassifier(tol=1e-11).regularization_path(X, y, ALPHAS)
    assert np.allclose(search.path_.coefs, exact.coefs, rtol=0, atol=1e-7)
    assert np.allclose(search.path_.risk, exact.risk, rtol=0, atol=1e-8)
    assert np.allclose(search.path_.norms, exact.norms, rtol=0, atol=1e-7)
    assert np.allclose(search.path_.dof, exact.dof, rtol=0.03)


@pytest.mark.usefixtures("served")
def test_scores_are_those_of_logistic_regression():
    X, y = classes(250, 5, 2)
    n_train = 200
    search = PathSearchCV(
        QuadraticApproxRidgeClassifier(), ALPHAS, cv=KFold(5), scoring="neg_log_loss", tol=0.0
    ).fit(X, y)
    grid = GridSearchCV(
        LogisticRegression(tol=1e-12, max_iter=10_000, solver="newton-cholesky"),
        {"C": 1.0 / (n_train * ALPHAS)}, cv=KFold(5), scoring="neg_log_loss",
    ).fit(X, y)  # fmt: skip
    for j in range(5):
        key = f"split{j}_test_score"
        assert np.allclose(search.cv_results_[key], grid.cv_results_[key], rtol=0, atol=1e-8)


@settings(max_examples=15)
@given(
    st.integers(40, 120), st.integers(2, 5), st.sampled_from([2, 3]), st.booleans(),
    st.sampled_from(["folds", "shuffled", "stratified"]), st.integers(0, 2**20),
)  # fmt: skip
def test_any_data_give_grid_search_s_scores(n, p, n_classes, weighted, splitter, seed):
    X, y = classes(n, p, n_classes, seed)
    rng = np.random.default_rng(seed)
    params = {"sample_weight": rng.uniform(0.1, 3.0, n)} if weighted else {}
    compare(
        QuadraticApproxRidgeClassifier(), X, y, SPLITTERS[splitter], "neg_log_loss",
        alphas=np.array([0.3, 0.01]), **params,
    )  # fmt: skip


def test_separated_folds_are_solved_all_the_same():
    rng = np.random.default_rng(0)
    X = np.sort(rng.standard_normal((60, 1)), axis=0)
    y = (X[:, 0] > 0).astype(int)
    y[30:33] = 1 - y[30:33]
    compare(
        QuadraticApproxRidgeClassifier(), X, y, StratifiedKFold(3), "neg_log_loss",
        alphas=np.array([1.0, 1e-3, 1e-6]),
    )  # fmt: skip


@pytest.mark.parametrize("y_missing", [True, False])
def test_a_fold_without_one_of_the_classes_fails_as_in_grid_search(y_missing):
    X, y = classes(60, 2, 2)
    if y_missing:
        y = np.sort(y)
    search = PathSearchCV(QuadraticApproxRidgeClassifier(), ALPHAS, cv=KFold(2))
    if y_missing:
        with pytest.raises(ValueError, match="All the 14 fits failed"):
            search.fit(X, y)
    else:
        assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()


def test_what_it_does_not_serve():
    from skreg.model_selection.job import Job

    X, y = classes(60, 3, 2)
    scorer = PathSearchCV(QuadraticApproxRidgeClassifier())._get_scorers()[0]

    def serves(estimator, X=X, alphas=ALPHAS, n_splits=3):
        splits = list(KFold(n_splits).split(X))
        return loss_folds.serves(
            Job(estimator, "alpha", alphas, X, y, splits, {}, {}, {"score": scorer})
        )

    model = QuadraticApproxRidgeClassifier
    assert serves(model())
    assert serves(model(), X=sparse.csr_array(X))
    assert not serves(model(), alphas=np.array([1.0, 0.0]))
    assert not serves(model(), n_splits=60)
    assert not serves(model(max_expansions=1))
    assert not serves(QuadraticApproxRidge())


@pytest.mark.parametrize("rows", ["unseen", "all levels"])
def test_features_without_a_penalty_that_a_training_part_cannot_tell_apart(rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    X[:, 1] = np.arange(120) < 12  # of the first fold's test rows only
    factors = [1, 0, 1, 1]
    if rows == "all levels":
        X, factors = np.hstack([X, np.eye(3)[rng.integers(0, 3, 120)]]), [1] * 4 + [0] * 3
    y = rng.poisson(np.exp(0.3 * X[:, 0] + 0.5 * X[:, 1])).astype(float)
    model = QuadraticApproxRidge(loss="poisson", penalty_factors=factors)
    search = compare(model, X, y, KFold(10), None, [0.1, 0.01], tol=1e-7)
    alone = QuadraticApproxRidge(loss="poisson", penalty_factors=factors, **search.best_params_)
    np.testing.assert_allclose(search.best_estimator_.coef_, alone.fit(X, y).coef_, atol=1e-7)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_err_by_about_tol_of_their_standard_errors(table, n_classes):
    """Down to λ at which the classes of every training part are all but told apart."""
    rng = np.random.default_rng(0)
    X = TABLES[table](rng)
    f = X @ rng.standard_normal(X.shape[1])
    f = f / np.std(f) + 0.5 * rng.logistic(size=len(f))
    y = np.digitize(f, np.quantile(f, np.arange(1, n_classes) / n_classes))
    alphas, cv = np.geomspace(1.0, 1e-6, 9), StratifiedKFold(4)
    model, tables = QuadraticApproxRidgeClassifier(), []
    for tol in (1e-3, 0.0):
        search = PathSearchCV(model, alphas, cv=cv, scoring="neg_log_loss", tol=tol, refit=False)
        search.fit(X, y)
        tables.append([search.cv_results_[f"split{j}_test_score"] for j in range(4)])
    scores, exact = np.array(tables)
    for j, (train, test) in enumerate(cv.split(X, y)):
        # Of the losses of single rows, as the fits of a training part have them.
        path = QuadraticApproxRidgeClassifier().regularization_path(X[train], y[train], alphas)
        right = path.predict_proba(X[test])[:, np.arange(len(test)), y[test]]
        standard_errors = np.log(right).std(axis=1) / np.sqrt(len(test))
        shares = np.abs(scores[j] - exact[j]) / standard_errors
        assert np.median(shares) <= 2e-4
        assert shares.max() <= 3e-3


def test_gradient_norms_of_float32_are_those_of_rounded_coefficients():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)).astype(np.float32)
    y = X[:, 0] + rng.normal(size=200) > 0
    alphas = np.geomspace(1, 1e-6, 8)
    search = PathSearchCV(QuadraticApproxRidgeClassifier(), alphas, cv=3).fit(X, y)
    share = y.mean()
    null_risk = -share * np.log(share) - (1 - share) * np.log(1 - share)
    X = X.astype(np.float64)
    scale = np.sqrt(share * (1 - share) * np.append(X.var(axis=0), 1.0) * null_risk)
    for alpha, coef, b, norm in zip(
        alphas,
        search.path_.coefs.astype(np.float64),
        search.path_.intercepts.astype(np.float64),
        search.path_.gradient_norms,
        strict=True,
    ):
        residual = expit(X @ coef + b) - y
        slope = (X - X.mean(axis=0)).T @ residual / len(y) + alpha * coef
        exact = np.max(np.abs(np.append(slope, residual.mean())) / scale)
        assert norm == pytest.approx(exact, rel=1e-3)


def test_scores_are_right_where_parts_tell_classes_apart():
    """Their rows are flat at a small λ: a gradient that is enough elsewhere says little there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 50))[:120]
    y = (X @ rng.normal(size=50) > 0).astype(int)
    alphas = np.logspace(-1, -8, 25)
    found = PathSearchCV(QuadraticApproxRidgeClassifier(), alphas, scoring="neg_log_loss").fit(X, y)
    for i in (0, 12, 22, 23, 24):
        model = QuadraticApproxRidgeClassifier(alpha=alphas[i], tol=1e-10)
        expected = cross_val_score(model, X, y, scoring="neg_log_loss")
        for fold, score in enumerate(expected):
            ours = found.cv_results_[f"split{fold}_test_score"][i]
            assert ours == pytest.approx(score, rel=1e-3)
