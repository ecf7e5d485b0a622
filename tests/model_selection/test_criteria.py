"""Generalized cross-validation, information criteria and the evidence, against their formulas."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import comb, gammaln
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import BayesianRidge, LassoLarsIC
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.estimators._fitting import Fitting
from skreg.model_selection.criteria import CRITERIA, aic, bic, ebic, evidence, gcv
from skreg.penalties import Separable
from skreg.solvers.method import Freedom

ALPHAS = np.array([10.0, 1.0, 0.1, 1e-3])


def rows(n=50, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 1.0
    return X, X[:, 0] - 2.0 * X[:, 1] + rng.normal(size=n)


def hat(X, alpha, weights):
    """The hat matrix of the ridge with an intercept, by the normal equations."""
    n, p = X.shape
    share = weights / weights.sum()
    Z = np.column_stack([np.ones(n), X])
    D = np.diag([0.0] + [alpha] * p)
    return Z @ np.linalg.solve(Z.T @ (share[:, None] * Z) + D, (share[:, None] * Z).T)


# Generalized cross-validation ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(50, 6), (15, 30)])
@pytest.mark.parametrize("weighted", [False, True])
def test_gcv_is_its_formula(shape, weighted):
    X, y = rows(*shape)
    n = len(y)
    weights = np.random.default_rng(0).uniform(0.5, 2, n) if weighted else np.ones(n)
    found = gcv(QuadraticApproxRidge(), X, y, ALPHAS, {"sample_weight": weights})
    for alpha, score, dof in zip(ALPHAS, found.scores, found.diagnostics["dof"], strict=True):
        S = hat(X, alpha, weights)
        mean = np.average((y - S @ y) ** 2, weights=weights)
        np.testing.assert_allclose(dof, np.trace(S), rtol=1e-8)
        np.testing.assert_allclose(-score, mean / (1 - np.trace(S) / n) ** 2, rtol=1e-8)
    assert found.std_error is None


def test_gcv_sums_over_targets():
    X, y = rows()
    Y = np.column_stack([y, np.cos(y)])
    for estimator in (
        QuadraticApproxRidge(),
        QuadraticApproxLasso(),
        QuadraticApproxLasso(l1_ratio=0.5),
    ):
        both = gcv(estimator, X, Y, ALPHAS)
        parts = [gcv(estimator, X, target, ALPHAS).scores for target in Y.T]
        np.testing.assert_allclose(both.scores, sum(parts), rtol=1e-8)


def test_gcv_where_nothing_is_left():
    X, y = rows(8, 30)
    found = gcv(QuadraticApproxRidge(), X, y, [1.0, 0.0])
    assert np.isfinite(found.scores[0])
    assert found.scores[1] < -1e6 or found.scores[1] == -np.inf


# Information criteria -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aic", "bic"])
def test_lasso_lars_ic_says_the_same(name):
    X, y = load_diabetes(return_X_y=True)
    other = LassoLarsIC(criterion=name).fit(X, y)
    found = CRITERIA[name](QuadraticApproxLasso(), X, y, other.alphas_[:-1])
    # It counts no intercept.
    price = {"aic": 2.0, "bic": np.log(len(y))}[name]
    # Where a coefficient enters or leaves, rounding decides whether it counts.
    active = (np.abs(found.path.coefs) > 1e-9).sum(axis=1)
    expected = other.criterion_[:-1] + price * (found.diagnostics["dof"] - active)
    same = active == found.diagnostics["dof"] - 1
    assert same.mean() > 0.5
    np.testing.assert_allclose(-found.scores[same], expected[same], rtol=1e-7)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_log_losses_are_likelihoods(load):
    X, y = load(return_X_y=True)
    X, n = scale(X)[:, :4], len(y)
    found = {
        criterion: criterion(QuadraticApproxRidgeClassifier(), X, y, [1e-9])
        for criterion in (aic, bic)
    }
    model = sm.MNLogit if y.max() > 1 else sm.Logit
    fit = model(y, sm.add_constant(X)).fit(disp=0, maxiter=200)
    size = fit.params.size
    np.testing.assert_allclose(found[aic].diagnostics["dof"], size, rtol=1e-3)
    np.testing.assert_allclose(-found[aic].scores, -2 * fit.llf + 2 * size, rtol=1e-5)
    np.testing.assert_allclose(-found[bic].scores, -2 * fit.llf + np.log(n) * size, rtol=1e-5)


def test_counts_and_positive_numbers():
    X, y = rows()
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(0.3 * y)).astype(float)
    for loss, family, target in (
        ("poisson", sm.families.Poisson(), counts),
        ("gamma", sm.families.Gamma(sm.families.links.Log()), counts + 0.5),
    ):
        found = aic(QuadraticApproxRidge(loss=loss), X, target, [1e-1, 1e-9])
        fits = [sm.GLM(target, sm.add_constant(Z), family).fit() for Z in (X, X[:, :0])]
        if loss == "poisson":
            expected = fits[0].aic - (2 * gammaln(counts + 1) + _saturated(counts)).sum()
            np.testing.assert_allclose(-found.scores[1], expected, rtol=1e-6)
        else:
            best = found.path.estimator(1e-9)
            mu = best.predict(X)
            shapes = np.geomspace(0.1, 100, 20_000)
            logs = _gamma_logs(target, mu, shapes)
            np.testing.assert_allclose(
                -found.scores[1], -2 * logs.max() - 2 * np.log(target).sum() + 14, rtol=1e-5
            )


def _saturated(y):
    """−2 log likelihood of the model that predicts every count."""
    positive = np.maximum(y, 1e-300)
    return -2 * (np.where(y > 0, y * np.log(positive), 0.0) - y)


def _gamma_logs(y, mu, shapes):
    k = shapes[:, None]
    logs = k * np.log(k / mu) + (k - 1) * np.log(y) - k * y / mu - gammaln(k)
    return logs.sum(axis=1)


def test_more_features_than_rows_take_adjusted_residuals():
    X, y = rows(20, 60)
    alphas = [1.0, 0.5, 0.3, 1e-3]
    found = bic(QuadraticApproxLasso(), X, y, alphas)
    fits = [QuadraticApproxLasso(alpha=alpha).fit(X, y) for alpha in alphas]
    means = np.array([np.mean((y - fit.predict(X)) ** 2) for fit in fits])
    sizes = np.array([np.count_nonzero(fit.coef_) + 1 for fit in fits])
    judged = sizes <= 10  # of 20 rows
    assert judged.tolist() == [True, True, True, False]
    noise = min((means[judged] / (1 - sizes[judged] / 20) ** 2).min(), y.var() / (1 - 1 / 20) ** 2)
    expected = 20 * (np.log(2 * np.pi * noise) + means / noise) + np.log(20) * sizes
    np.testing.assert_allclose(-found.scores[judged], expected[judged], rtol=1e-8)
    assert found.scores[-1] == -np.inf
    known = bic(QuadraticApproxLasso(), X, y, alphas, noise_variance=0.7)
    expected = 20 * (np.log(2 * np.pi * 0.7) + means / 0.7) + np.log(20) * sizes
    np.testing.assert_allclose(-known.scores, expected, rtol=1e-8)


@pytest.mark.parametrize("selection", ["aic", "bic", "ebic"])
@pytest.mark.parametrize("n_true", [0, 5])
def test_information_criteria_do_not_take_the_saturated_model(selection, n_true):
    """100 rows, 200 features: by the residuals of each λ they would take 97."""
    rng = np.random.default_rng(n_true)
    X = rng.normal(size=(600, 200))
    y = X[:, :n_true].sum(axis=1) + rng.normal(size=600)
    for known in (None, 1.0):
        search = PathSearchCV(QuadraticApproxLasso(), 50, selection=selection, noise_variance=known)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on noise λ_max may be the best
            search.fit(X[:100], y[:100])
        n_chosen = np.count_nonzero(search.best_estimator_.coef_)
        assert n_chosen <= (50 if selection == "aic" else 4 * n_true + 5)
        assert search.score(X[100:], y[100:]) > (0.7 if n_true else -0.05)


def test_too_little_left_names_the_remedy():
    X, y = rows(20, 60)
    with pytest.raises(ValueError, match=r"at most n/2 = 10 .* or use cv=5"):
        PathSearchCV(QuadraticApproxRidge(), [1e-3], selection="bic").fit(X, y)
    for options, match in (
        ({"cv": 5}, "is not used by selection='best'"),
        ({"selection": "evidence"}, "is not used by selection='evidence'"),
        ({"selection": "bic"}, "is of squared error"),
    ):
        search = PathSearchCV(QuadraticApproxRidge(loss="poisson"), [1.0], noise_variance=1.0)
        with pytest.raises(ValueError, match=match):
            search.set_params(**options).fit(X, np.round(y - y.min()))


@pytest.mark.parametrize("selection", ["bic", "evidence"])
def test_a_fit_that_leaves_nothing_is_not_taken(selection):
    """Its likelihood has no bound."""
    X, y = rows(20, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", message="One or more of the test scores")
        search = PathSearchCV(QuadraticApproxRidge(), [0.0, 9.0, 2.0, 5.0], selection=selection)
        search.fit(X, y)
    assert search.cv_results_["mean_test_score"][0] == -np.inf
    assert search.best_params_["alpha"] > 0


def test_ebic_prices_the_choice_of_features():
    X, y = rows(40, 30)
    alphas = [1.0, 0.3, 0.1]
    plain = bic(QuadraticApproxLasso(), X, y, alphas)
    found = ebic(QuadraticApproxLasso(), X, y, alphas)
    size = found.path.n_nonzero
    np.testing.assert_allclose(plain.scores - found.scores, 2 * np.log(comb(30, size)), rtol=1e-9)
    half = ebic(QuadraticApproxLasso(), X, y, alphas, gamma=0.5)
    np.testing.assert_allclose(plain.scores - half.scores, np.log(comb(30, size)), rtol=1e-9)


def test_ebic_finds_the_support_where_aic_may_take_too_much():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 400))
    y = 2 * X[:, 0] - 2 * X[:, 1] + rng.normal(size=100)
    alphas = np.geomspace(2, 0.05, 40)
    sizes = {}
    for criterion in (aic, ebic):
        found = criterion(QuadraticApproxLasso(), X, y, alphas)
        sizes[criterion] = found.path.n_nonzero[found.scores.argmax()]
    assert 2 <= sizes[ebic] <= sizes[aic] <= 4


@pytest.mark.parametrize(
    "estimator",
    [
        QuadraticApproxRidgeClassifier(),
        QuadraticApproxLassoClassifier(l1_ratio=0.4),
        QuadraticApproxLassoClassifier(),
    ],
)
def test_degrees_of_freedom_are_a_trace(estimator):
    """Against the Hessian of the active coefficients, formed row by row."""
    X, y = rows()
    labels = (y > y.mean()).astype(int)
    found = aic(estimator, X, labels, [0.1, 0.01])
    for alpha, dof in zip([0.1, 0.01], found.diagnostics["dof"], strict=True):
        fit = found.path.estimator(alpha)
        p = fit.predict_proba(X)[:, 1]
        on = np.flatnonzero(fit.coef_[0])
        Z = np.column_stack([np.ones(len(y)), X[:, on]])
        H = Z.T @ ((p * (1 - p) / len(y))[:, None] * Z)
        l2 = alpha * (1 - getattr(estimator, "l1_ratio", 0.0))
        D = np.diag([0.0] + [l2] * len(on))
        np.testing.assert_allclose(dof, np.trace(np.linalg.solve(H + D, H)), rtol=1e-6)


def test_degrees_of_freedom_of_three_classes():
    X, y = load_wine(return_X_y=True)
    X = scale(X)[:, :5]
    ridge = QuadraticApproxRidgeClassifier()
    found = aic(ridge, X, y, [1.0, 1e-2])
    path = ridge.regularization_path(X, y, [1.0, 1e-2])
    np.testing.assert_allclose(found.diagnostics["dof"], path.dof + 2, rtol=1e-6)


def test_degrees_of_freedom_too_large_to_know(monkeypatch):
    monkeypatch.setattr("skreg.solvers.degrees_of_freedom.LARGEST", 3)
    X, y = rows()
    risk = Fitting.of(QuadraticApproxRidgeClassifier(), X, y > 0).problem
    path = np.array([0.1]), np.zeros((1, 1, 6)), np.zeros((1, 1))
    everywhere = path[0], path[1] + 1.0, path[2]
    assert np.isnan(Freedom.of(risk, Separable(0.5), *everywhere).counts()).all()


# The evidence -------------------------------------------------------------------------------------


def test_evidence_is_largest_where_bayesian_ridge_settles():
    X, y = load_diabetes(return_X_y=True)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    other = BayesianRidge(**flat, tol=1e-12, max_iter=5000).fit(X, y)
    alpha = other.lambda_ / other.alpha_ / len(y)
    found = evidence(QuadraticApproxRidge(), X, y, alpha * np.array([0.5, 0.9, 1.0, 1.1, 2.0]))
    assert found.scores.argmax() == 2
    path = QuadraticApproxRidge().regularization_path(X, y, found.path.alphas)
    np.testing.assert_array_equal(found.scores, path.log_evidence)


# All of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CRITERIA)
def test_a_pipeline_is_judged_on_the_rows_its_last_step_sees(name):
    X, y = rows()
    whole = CRITERIA[name](make_pipeline(StandardScaler(), QuadraticApproxRidge()), X, y, ALPHAS)
    last = CRITERIA[name](QuadraticApproxRidge(), StandardScaler().fit_transform(X), y, ALPHAS)
    np.testing.assert_array_equal(whole.scores, last.scores)
    assert whole.path.coefs.shape == (4, 6)


@pytest.mark.parametrize("name", CRITERIA)
def test_a_grid_of_its_own(name):
    X, y = rows()
    found = CRITERIA[name](QuadraticApproxRidge(), X, y, 7)
    assert found.scores.shape == found.path.alphas.shape == (7,)


@pytest.mark.parametrize(
    ("name", "estimator", "match"),
    [
        ("gcv", QuadraticApproxRidge(loss="huber"), r"cv='gcv' .*'huber'.* Use cv='loo'"),
        ("aic", QuadraticApproxRidge(loss="huber"), r"selection='aic' .*'huber'.* Use cv='loo'"),
        ("evidence", QuadraticApproxLasso(), r"QuadraticApproxLasso .* Use selection='bic'"),
        ("evidence", QuadraticApproxRidge(loss="huber"), r"'huber'. Use selection='bic'"),
        ("evidence", QuadraticApproxRidge(penalty_factors=[1.0] * 6), r"leave penalty_factors out"),
        ("bic", StandardScaler(), r"selection='bic' .* got StandardScaler. Use cv=5"),
    ],
)
def test_errors_name_the_remedy(name, estimator, match):
    X, y = rows()
    with pytest.raises(ValueError, match=match):
        CRITERIA[name](estimator, X, y, ALPHAS)


@pytest.mark.filterwarnings("ignore:(no λ does better|the best λ):UserWarning")
@pytest.mark.parametrize("selection", ["aic", "ebic"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_excluded_features_do_not_count(kind, loss, selection):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 15))
    y = rng.poisson(np.exp(0.5 * X[:, 7])) + 0.0 if loss == "poisson" else X @ rng.normal(size=15)
    y = y + (loss == "squared_error") * rng.normal(size=100)
    factors, alphas = np.where(np.arange(15) < 7, np.inf, 1.0), np.geomspace(1.0, 1e-3, 5)
    search = PathSearchCV(kind(loss=loss, penalty_factors=factors), alphas, selection=selection)
    alone = PathSearchCV(kind(loss=loss), alphas, selection=selection)
    np.testing.assert_allclose(
        search.fit(X, y).criterion_.scores, alone.fit(X[:, 7:], y).criterion_.scores, rtol=1e-7
    )
