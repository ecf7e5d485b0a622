"""cv="loo": scores, against GridSearchCV with LeaveOneOut and against fits without every row."""

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from left_out_cases import refitted
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import d2_tweedie_score, get_scorer, log_loss, make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    QuadraticModel,
)
from skreg.losses import SquaredError
from skreg.model_selection.criteria import loo
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.left_out import left_out, refit_doubtful
from skreg.solvers.ridge_left_out import left_out_predictions

MSE = {"mse": get_scorer("neg_mean_squared_error")}
LOSS = {"loss": get_scorer("neg_log_loss")}


def rows(n=40, p=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 1.0
    return X, X[:, 0] - 2.0 * X[:, 1] + rng.normal(size=n)


# Exact: squared error and a ridge -----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 5), (20, 30)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", ["neg_mean_squared_error", "neg_mean_absolute_error"])
def test_scores_are_grid_search_s_with_leave_one_out(shape, weighted, metric):
    X, y = rows(*shape)
    alphas = [10.0, 0.1, 1e-4]
    weights = np.random.default_rng(1).uniform(0.1, 2.0, len(y)) if weighted else None
    given = {} if weights is None else {"sample_weight": weights}
    with config_context(enable_metadata_routing=True):
        ridge = QuadraticApproxRidge().set_fit_request(sample_weight=True)
        scorer = get_scorer(metric).set_score_request(sample_weight=False)
        search = GridSearchCV(ridge, {"alpha": alphas}, cv=LeaveOneOut(), scoring=scorer)
        search.fit(X, y, **given)
    found = loo(QuadraticApproxRidge(), X, y, alphas, given, {"it": get_scorer(metric)})
    results = search.cv_results_
    np.testing.assert_allclose(found.scores, results["mean_test_score"], rtol=1e-8)
    expected = results["std_test_score"] / np.sqrt(len(y) - 1)
    np.testing.assert_allclose(found.std_error, expected, rtol=1e-8)


def test_offset_targets_and_float32():
    X, y = rows()
    alphas, offset = [1.0, 1e-2], np.linspace(-1, 1, len(y))
    ridge = QuadraticApproxRidge()
    plain = loo(ridge, X, y - offset, alphas, {}, MSE)
    found = loo(ridge, X, y, alphas, {"offset": offset}, MSE)
    np.testing.assert_allclose(found.scores, plain.scores, rtol=1e-10)
    both = loo(ridge, X, np.column_stack([y, 3 * y]), alphas, {}, MSE)
    one = loo(ridge, X, y, alphas, {}, MSE)
    np.testing.assert_allclose(both.scores, 5 * one.scores, rtol=1e-10)
    narrow = loo(ridge, X.astype(np.float32), y, alphas, {}, MSE)
    np.testing.assert_allclose(narrow.scores, one.scores, rtol=1e-5)


def test_the_path_is_the_estimator_s():
    X, y = rows()
    found = loo(QuadraticApproxRidge(), X, y, [1.0, 0.1])
    fitted = QuadraticApproxRidge(alpha=0.1).fit(X, y)
    np.testing.assert_allclose(found.path.estimator(0.1).coef_, fitted.coef_, rtol=1e-12)
    np.testing.assert_allclose(found.diagnostics["dof"][1], fitted.effective_dof_ + 1)


def test_a_pipeline_is_judged_on_the_rows_its_last_step_sees():
    X, y = rows()
    whole = loo(make_pipeline(StandardScaler(), QuadraticApproxRidge()), X, y, [1.0, 0.1])
    last = loo(QuadraticApproxRidge(), StandardScaler().fit_transform(X), y, [1.0, 0.1])
    np.testing.assert_array_equal(whole.scores, last.scores)


# Scorers ------------------------------------------------------------------------------------------


def pooled(metric):
    """The scorer again, so that it is called and not read."""
    scorer = get_scorer(metric)
    return lambda estimator, X, y, **params: scorer(estimator, X, y, **params)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", ["neg_mean_squared_error", "neg_mean_absolute_error", "r2"])
def test_means_over_rows_are_what_the_scorer_says(metric, weighted):
    X, y = rows(400)
    params = {"sample_weight": np.linspace(0.1, 1, len(y))} if weighted else {}
    scorers = {"known": get_scorer(metric), "called": pooled(metric)}
    found = loo(QuadraticApproxRidge(), X, y, [1.0, 0.1], {}, scorers, params)
    np.testing.assert_allclose(found.all_scores["known"], found.all_scores["called"], rtol=1e-10)
    # The jackknife over parts and the mean's own standard error estimate the same.
    ratio = found.all_std_errors["called"] / found.all_std_errors["known"]
    assert ((ratio > 0.5) & (ratio < 2)).all()


@pytest.mark.parametrize("metric", ["neg_log_loss", "accuracy"])
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_scores_of_classes(load, metric):
    X, y = load(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    scorers = {"known": get_scorer(metric), "called": pooled(metric)}
    found = loo(QuadraticApproxRidgeClassifier(), scale(X), names, [1.0, 0.1], {}, scorers)
    np.testing.assert_allclose(found.all_scores["known"], found.all_scores["called"], rtol=1e-10)


def test_any_scorer_and_the_estimator_s_own():
    X, y = rows()
    labels = y > y.mean()
    ridge = QuadraticApproxRidgeClassifier()
    scorers = {"auc": get_scorer("roc_auc"), "f1": make_scorer(lambda y, f: np.mean(y == f))}
    found = loo(ridge, X, labels, [1.0, 0.1], {}, scorers)
    own = loo(ridge, X, labels, [1.0, 0.1])
    np.testing.assert_allclose(found.all_scores["f1"], own.scores, rtol=1e-12)
    assert (found.all_scores["auc"] > 0.7).all()
    assert (found.all_std_errors["auc"] > 0).all()
    exact = loo(QuadraticApproxRidge(), X, y, [0.1])
    raw = left_out_predictions(QuadraticModel.from_data(X, y).problem, np.array([0.1]))[0, :, 0]
    np.testing.assert_allclose(exact.scores[0], r2_score(y, raw), rtol=1e-12)


def test_counts_are_scored_by_their_deviance():
    X, y = rows()
    counts = np.random.default_rng(0).poisson(np.exp(0.3 * y)).astype(float)
    ridge = QuadraticApproxRidge(loss="poisson")
    found = loo(ridge, X, counts, [1.0, 0.1])
    means = np.exp(refitted(ridge, X, counts, [1.0, 0.1])[:, :, 0])
    expected = [d2_tweedie_score(counts, mean, power=1) for mean in means]
    np.testing.assert_allclose(found.scores, expected, atol=3e-3)
    assert (found.std_error > 0).all()


# Approximate: other losses, and the lasso ---------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, 4), (15, 25)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_step_is_exact_for_squared_error(shape, fit_intercept):
    X, y = rows(*shape)
    alphas = np.array([1.0, 1e-2])
    model = QuadraticModel.from_data(X, y, fit_intercept=fit_intercept)
    risk = EmpiricalRisk(X, y[:, None], SquaredError(), None, None, fit_intercept)
    thetas = model.ridge(alphas)
    intercepts = model.intercept(thetas[0]), model.intercept(thetas[1])
    steps = left_out(risk, Separable(0.0), alphas, thetas[:, None], np.reshape(intercepts, (2, 1)))
    got = np.array([step.raw for step in steps])
    np.testing.assert_allclose(
        got, left_out_predictions(model.problem, alphas), rtol=1e-8, atol=1e-10
    )


def binarized_diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[::4], (y > np.median(y)).astype(int)[::4]


def wide_logistic():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 300))
    theta = rng.normal(size=300) * (rng.random(300) < 0.05)
    return X, (X @ theta + rng.logistic(size=80) > 0).astype(int)


# The rows, and λ for the ridge and for the lasso.
CLASSES = {
    "breast cancer": (
        lambda: [part[::4] for part in _scaled(load_breast_cancer)],
        np.geomspace(0.1, 1e-5, 3),
        np.geomspace(0.1, 1e-3, 3),
    ),
    "wine": (
        lambda: [part[::4] for part in _scaled(load_wine)],
        np.geomspace(0.1, 1e-5, 3),
        np.geomspace(0.1, 3e-4, 3),
    ),
    "diabetes": (binarized_diabetes, np.geomspace(1.0, 1e-4, 3), np.geomspace(0.1, 1e-3, 3)),
    "wide": (wide_logistic, np.geomspace(10, 1e-3, 3), np.geomspace(0.12, 0.01, 2)),
}


def _scaled(load):
    X, y = load(return_X_y=True)
    return scale(X), y


def log_losses(raw, y):
    """Mean log loss of raw predictions (n_alphas, n, K)."""
    if raw.shape[2] == 1:
        raw = np.concatenate([np.zeros_like(raw), raw], axis=2)
    p = np.exp(raw - raw.max(axis=2, keepdims=True))
    return np.array([log_loss(y, one / one.sum(axis=1, keepdims=True)) for one in p])


@pytest.mark.parametrize(
    ("name", "l1_ratio"), [*product(CLASSES, [0.0, 1.0]), ("wine", 0.5), ("diabetes", 0.5)]
)
def test_classifiers_agree_with_exact_leave_one_out(name, l1_ratio):
    make, ridge_alphas, lasso_alphas = CLASSES[name]
    X, y = make()
    if l1_ratio:
        estimator, alphas = QuadraticApproxLassoClassifier(l1_ratio=l1_ratio), lasso_alphas
    else:
        estimator, alphas = QuadraticApproxRidgeClassifier(), ridge_alphas
    found = loo(estimator, X, y, alphas, {}, LOSS)
    exact = log_losses(refitted(estimator, X, y, alphas), y)
    trusted = found.diagnostics["max_leverage"] < 0.95
    assert trusted.any()
    np.testing.assert_allclose(-found.scores[trusted], exact[trusted], rtol=0.03)
    assert found.scores.argmax() == exact.argmin()


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"positive": True}])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_lasso_on_squared_error(options, n_targets):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:150], y[:150] / 50
    y = np.column_stack([y, np.sin(3 * y)]) if n_targets == 2 else y
    alphas = np.geomspace(0.5, 1e-3, 5)
    lasso = QuadraticApproxLasso(**options)
    found = loo(lasso, X, y, alphas, {}, MSE)
    raw = refitted(lasso, X, y, alphas)
    exact = np.square(raw - y.reshape(len(y), -1)).mean(axis=(1, 2))
    np.testing.assert_allclose(-found.scores, exact, rtol=0.03)
    assert exact[found.scores.argmax()] < 1.001 * exact.min()


@pytest.mark.parametrize(
    "options",
    [
        {"bounds": (-0.3, 0.3)},
        {"bounds": (-0.3, 0.3), "l1_ratio": 0.0},
        {"penalty_factors": [1, 0, 2, 1, np.inf]},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_bounded_and_excluded_coefficients(options, n_targets):
    X, y = rows()
    y = np.column_stack([y, np.sin(y)]) if n_targets == 2 else y
    lasso, alphas = QuadraticApproxLasso(**options), np.array([0.5, 0.1, 0.01])
    found = loo(lasso, X, y, alphas, {}, MSE)
    raw = refitted(lasso, X, y, alphas)
    exact = np.square(raw - y.reshape(len(y), -1)).mean(axis=(1, 2))
    np.testing.assert_allclose(-found.scores, exact, rtol=0.02)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_bounded_coefficients_of_classes(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = (2 * X[:, :n_classes] + rng.gumbel(size=(40, n_classes))).argmax(axis=1)
    model, alphas = QuadraticApproxLassoClassifier(bounds=(-0.5, 0.5)), np.array([0.2, 0.03])
    found = loo(model, X, y, alphas, {}, LOSS)
    exact = log_losses(refitted(model, X, y, alphas), y)
    np.testing.assert_allclose(-found.scores, exact, rtol=0.03)


@pytest.mark.parametrize("loss", ["huber", "poisson", "gamma"])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("lasso", [True, False])
def test_other_losses(loss, plain, lasso):
    rng = np.random.default_rng(0)
    n = 80
    X, w = rng.normal(size=(n, 6)), rng.uniform(0.5, 2, n)
    offset = 0.3 * rng.normal(size=n)
    f = X[:, 0] - 0.5 * X[:, 1] + offset
    targets = {
        "huber": f + rng.standard_t(2, n),
        "poisson": rng.poisson(np.exp(f)).astype(float),
        "gamma": np.exp(f) * rng.gamma(2, 0.5, n),
    }
    options = {} if plain else {"penalty_factors": [0.0, 1.0, 2.0, 0.5, 1.0, 1.0]}
    if lasso:
        estimator = QuadraticApproxLasso(loss=loss, l1_ratio=0.7, **options)
    else:
        estimator = QuadraticApproxRidge(loss=loss, **options)
    given = {"offset": offset} if plain else {"offset": offset, "sample_weight": w}
    alphas = np.array([0.3, 0.03, 1e-3])
    y = targets[loss]
    known = _predictions(estimator, X, y, alphas, given)
    exact = refitted(estimator, X, y, alphas, **given)
    losses = estimator.fit(X, y)._loss
    got, expected = (
        np.array([losses.derivatives(y[:, None], raw)[0].mean() for raw in both])
        for both in (known, exact)
    )
    np.testing.assert_allclose(got, expected, rtol=0.03)
    assert np.corrcoef(known.ravel(), exact.ravel())[0, 1] > 0.995


def _predictions(estimator, X, y, alphas, given):
    """The raw predictions behind the scores."""
    seen = []

    def scorer(known, X, y):
        if len(y) == 80:
            seen.append(known._raw(X)[0])
        return 0.0

    loo(estimator, X, y, alphas, given, {"spy": scorer})
    return np.array(seen)[:, :, None]


def test_rows_in_doubt_are_left_out_by_fits():
    X, y = _scaled(load_wine)
    ridge = QuadraticApproxRidgeClassifier()
    found = loo(ridge, X, y, [1e-1, 1e-3], {}, {"loss": get_scorer("neg_log_loss")})
    assert found.diagnostics["n_refits"][0] == 0 < found.diagnostics["n_refits"][1] < 40
    assert (found.diagnostics["doubt"] < 0.01).all()


def test_warns_where_it_is_not_to_be_trusted(monkeypatch):
    monkeypatch.setattr("skreg.solvers.left_out._BUDGET", 0.0)
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(UserWarning, match=r"leverage of up to 0\.9[5-9], .* Use cv=5"):
        loo(QuadraticApproxRidgeClassifier(), scale(X), y, [1e-2, 1e-5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loo(QuadraticApproxRidgeClassifier(), scale(X), y, [1e-1, 1e-2])


@pytest.mark.parametrize(
    ("estimator", "match"),
    [
        (QuadraticApproxLasso(groups=[0, 0, 1, 1, 1]), r"Group couples them. Use cv=5"),
        (QuadraticApproxLasso(penalty="slope"), r"SLOPE couples them. Use cv=5"),
        (QuadraticApproxLasso(penalty="mcp"), r"MCP is not convex.* Use cv=5"),
        (QuadraticApproxLasso(penalty="scad"), r"SCAD is not convex.* Use cv=5"),
        (QuadraticApproxLasso(hessian="diagonal"), r"hessian='diagonal' .* hessian='full'"),
        (QuadraticApproxRidge(loss="huber", max_expansions=1), r"max_expansions=1 .* cv=5"),
        (QuadraticApproxRidge(norm_bound=1.0), r"norm_bound=1.0 .* Leave norm_bound=None"),
        (StandardScaler(), r"linear estimators of skreg.*got StandardScaler. Use cv=5"),
    ],
)
def test_errors_name_the_remedy(estimator, match):
    X, y = rows()
    with pytest.raises(ValueError, match=match):
        loo(estimator, X, y, [1.0, 0.1])


def test_a_hessian_too_large_to_form(monkeypatch):
    monkeypatch.setattr("skreg.solvers.left_out.LARGEST_DENSE", 3)
    X, y = rows()
    with pytest.raises(ValueError, match=r"5 coefficients in 40 rows .* Use cv=5"):
        loo(QuadraticApproxRidgeClassifier(), X, y > 0, [1.0])


def test_y_that_is_constant_has_no_r2_of_its_own():
    X, y = rows()
    scorer = {"r2": get_scorer("r2")}
    assert loo(QuadraticApproxRidge(), X, np.ones_like(y), [1.0], {}, scorer).scores[0] == 1.0


def test_an_offset_that_scorers_are_given_is_added_once():
    X, y = rows()
    counts = np.random.default_rng(0).poisson(np.exp(0.3 * y)).astype(float)
    given = {"offset": np.linspace(-0.5, 0.5, len(y))}
    model = QuadraticApproxRidge(loss="poisson")
    plain = loo(model, X, counts, [1.0, 0.1], given)
    found = loo(model, X, counts, [1.0, 0.1], given, score_params=given)
    np.testing.assert_allclose(found.scores, plain.scores, rtol=1e-12)


@pytest.mark.parametrize("lasso", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (25, 40)])
def test_sparse_rows_and_data_frames(lasso, shape):
    X, y = rows(*shape)
    X[X < 0.5] = 0.0
    labels = y > np.median(y)
    estimator = QuadraticApproxLassoClassifier() if lasso else QuadraticApproxRidgeClassifier()
    alphas = [0.1, 0.03]
    dense = loo(estimator, X, labels, alphas)
    others = [sparse.csr_matrix(X), sparse.csc_array(X), pd.DataFrame(X).add_prefix("x")]
    for other in others:
        found = loo(estimator, other, labels, alphas)
        np.testing.assert_allclose(found.scores, dense.scores, rtol=1e-7)
        np.testing.assert_allclose(
            found.diagnostics["max_leverage"], dense.diagnostics["max_leverage"], rtol=1e-5
        )


def test_no_penalty_and_no_active_feature():
    X, y = rows(60)
    labels = y + np.random.default_rng(3).normal(size=60) * 3 > 0
    ridge = loo(QuadraticApproxRidgeClassifier(), X, labels, [1e-9, 0.0], {}, LOSS)
    np.testing.assert_allclose(ridge.scores[1], ridge.scores[0], rtol=1e-4)
    lasso = loo(QuadraticApproxLassoClassifier(), X, labels, [10.0, 1.0], {}, LOSS)
    rest = (labels.sum() - labels) / 59
    expected = log_loss(labels, rest)
    np.testing.assert_allclose(-lasso.scores, expected, rtol=1e-4)


def test_of_a_lambda_that_is_beyond_doubt_not_the_best_no_row_is_left_out():
    asked = []

    def refit(i, which):
        asked.extend(which)
        return np.zeros((len(which), 1))

    doubt = np.full((2, 20), 0.3)
    raw = np.stack([np.full((20, 1), 1.0), np.full((20, 1), 4.0)])  # losses, with ± 0.3
    done = refit_doubtful(raw, doubt, lambda r: r[:, :, 0], refit, 1.0, True, least_only=True)
    assert set(asked) == {0}
    assert done[0].any()
    assert not done[1].any()
    refit_doubtful(raw + 1, doubt + 0.3, lambda r: r[:, :, 0], refit, 1.0, True)
    assert set(asked) == {0, 1}
