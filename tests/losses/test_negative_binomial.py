"""The negative binomial loss: its likelihood, its limits, and what statsmodels makes of it."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from scipy.stats import nbinom

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.losses import NegativeBinomial, Poisson


def rows(n=200, p=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    mean = np.exp(0.5 * X[:, 0] - 0.4 * X[:, 1] + 0.5)
    return X, rng.poisson(mean * rng.gamma(2.0, 0.5, size=n)).astype(float), rng.uniform(0.2, 2, n)


@given(a=st.floats(1e-3, 1e3), y=st.integers(0, 10_000), f=st.floats(-8, 8))
def test_value_is_the_likelihood_ratio_to_the_saturated_model(a, y, f):
    value = NegativeBinomial(a).derivatives(np.array([[float(y)]]), np.array([[f]]))[0][0]
    size = 1 / a
    fitted, best = (nbinom.logpmf(y, size, size / (size + mean)) for mean in (np.exp(f), y))
    best = 0.0 if y == 0 else best
    assert abs(value - (best - fitted)) <= 1e-9 * (1 + abs(best) + abs(fitted))


@given(a=st.floats(1e-4, 1e4), y=st.integers(0, 1000), f=st.floats(-8, 8))
def test_fenchel_young_for_any_dispersion(a, y, f):
    loss, y, f = NegativeBinomial(a), np.array([[float(y)]]), np.array([[f]])
    value, u, _ = loss.derivatives(y, f)
    gap = value + loss.conjugate(y, u) - u[0] * f[0]
    # Rounding of y + u, next to 1/α or to 0, is worth this much.
    assert abs(gap[0]) <= 1e-13 * (1 + 1 / a + y[0, 0]) * (40 + abs(np.log(a)))


def test_without_dispersion_it_is_poisson_s():
    y, f = np.array([[0.0], [3.0]]), np.array([[0.5], [1.5]])
    u = np.array([[0.2], [-1.0]])
    ours, theirs = NegativeBinomial(1e-9), Poisson()
    for one, two in zip(ours.derivatives(y, f), theirs.derivatives(y, f), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.conjugate(y, u), theirs.conjugate(y, u), atol=1e-7)


@pytest.mark.parametrize("dispersion", [0.0, -1.0, np.inf])
def test_a_dispersion_that_is_not_positive_is_refused(dispersion):
    with pytest.raises(ValueError, match="dispersion must be a positive number"):
        NegativeBinomial(dispersion)


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 1e-3])
def test_ridge_minimizes_the_written_out_objective(alpha, with_offset):
    X, y, weights = rows()
    offset = X[:, 4] / 3 if with_offset else np.zeros(len(y))
    share, a = weights / weights.sum(), 0.5

    def objective(v):
        f = X @ v[:-1] + v[-1] + offset
        slope = share * (np.exp(f) - y) / (1 + a * np.exp(f))
        value = share @ ((y + 1 / a) * np.logaddexp(0, f + np.log(a)) - y * f)
        gradient = np.append(X.T @ slope + alpha * v[:-1], slope.sum())
        return value + 0.5 * alpha * v[:-1] @ v[:-1], gradient

    best = minimize(objective, np.zeros(6), jac=True, options=dict(gtol=1e-11))
    model = QuadraticApproxRidge(alpha, loss="negative_binomial", dispersion=a, tol=1e-12)
    known = dict(sample_weight=weights, offset=offset if with_offset else None)
    for form in (np.asarray, sparse.csr_array):
        model.fit(form(X), y, **known)
        np.testing.assert_allclose(model.coef_, best.x[:-1], atol=1e-8)
        np.testing.assert_allclose(model.intercept_, best.x[-1], atol=1e-8)


def test_without_a_penalty_it_is_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = rows()
    family = sm.families.NegativeBinomial(alpha=0.5)
    design = sm.add_constant(X)
    theirs = sm.GLM(y, design, family=family, freq_weights=weights).fit(tol=1e-13)
    ours = QuadraticApproxRidge(0.0, loss="negative_binomial", dispersion=0.5, tol=1e-11)
    ours.fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.params[1:], rtol=1e-6, atol=1e-8)
    explained = 1 - theirs.deviance / theirs.null_deviance
    np.testing.assert_allclose(ours.score(X, y, weights), explained, rtol=1e-7)


def test_lasso_path_search_and_criterion():
    X, y, _ = rows()
    alphas, a = [0.2, 0.05, 0.01], 0.5
    lasso = QuadraticApproxLasso(loss="negative_binomial", dispersion=a, tol=1e-13)
    path = lasso.regularization_path(X, y, alphas)
    for alpha, coef, b in zip(alphas, path.coefs, path.intercepts, strict=True):
        mean = np.exp(X @ coef + b)
        slope = ((mean - y) / (1 + a * mean)) @ X / len(y)
        on = coef != 0
        np.testing.assert_allclose(slope[on], -alpha * np.sign(coef[on]), atol=1e-7)
        assert (np.abs(slope[~on]) <= alpha * (1 + 1e-9)).all()
    assert (path.dual_gaps <= 1e-13).all()
    assert PathSearchCV(lasso, alphas, cv=3).fit(X, y).best_score_ > 0.05
    search = PathSearchCV(lasso, alphas, selection="aic").fit(X, y)
    mean = np.exp(X @ path.coefs[2] + path.intercepts[2])
    likelihood = nbinom.logpmf(y, 1 / a, 1 / (1 + a * mean)).sum()
    saturated = nbinom.logpmf(y, 1 / a, 1 / (1 + a * y)).sum()
    expected = 2 * (likelihood - saturated) - 2 * (np.count_nonzero(path.coefs[2]) + 1)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(scores[2], expected, rtol=1e-8)


def in_long_double(a, y, f):
    """ℓ, ∂ℓ/∂f and ∂²ℓ/∂f²; α·y decides which of two equal forms loses no digits."""
    a, y, f = np.longdouble(a), np.longdouble(y), np.longdouble(f)
    if y == 0:
        mean = np.exp(f)
        return np.log1p(a * mean) / a, mean / (1 + a * mean), mean / (1 + a * mean) ** 2
    sign = 1 if a * y <= 1 else -1
    d, c = sign * (f - np.log(y)), min(a * y, np.longdouble(1)) / (1 + a * y)
    whole, unit = 1 + c * np.expm1(d), y / (1 + a * y)
    value = (y + 1 / a) * np.log1p(c * np.expm1(d)) - min(y, 1 / a) * d
    return value, sign * unit * np.expm1(d) / whole, unit * np.exp(d) / whole**2


@pytest.mark.parametrize("a", [1e-6, 1e-3, 1e-1, 1.0, 10.0, 1e2])
@pytest.mark.parametrize("y", [0.0, 1.0, 7.0, 1e3, 1e6, 1e8])
def test_formulas_keep_their_digits_for_any_count(a, y):
    """To what rounding f, log y and d = f − log y once is worth."""
    away = np.geomspace(1e-6, 40.0, 25)
    f = (np.log(y) if y else 0.0) + np.concatenate([-away, [0.0], away])
    got = NegativeBinomial(a).derivatives(np.full((len(f), 1), y), f[:, None])
    value, slope, bend = np.array([in_long_double(a, y, one) for one in f], dtype=float).T
    eps, size = np.finfo(np.float64).eps, 4.0 + 2.0 * np.abs(f)
    # The part of ℓ that is linear in d is at most min(y, 1/α)·|d|.
    linear = min(y, 1 / a) * np.abs(f - np.log(y)) if y else 0.0
    assert (np.abs(got[0] - value) <= 4 * eps * (size * np.abs(slope) + linear + value)).all()
    assert (np.abs(got[1][:, 0] - slope) <= 4 * eps * (size * bend + np.abs(slope))).all()
    np.testing.assert_allclose(got[2][:, 0], bend, rtol=1e-13)


@pytest.mark.parametrize("loss", [NegativeBinomial(1e-6), NegativeBinomial(1.0), Poisson()])
@pytest.mark.parametrize("y", [0.0, 3.0, 1e4, 1e8])
def test_conjugates_keep_their_digits_for_any_count(loss, y):
    """v·log v − y·log y + w·log(αw) for Poisson's α = 0, too: v = y + u, w = 1/α − u."""
    most = 1.0 / getattr(loss, "dispersion", 1e-300)
    u = min(max(y, 1.0), most) * np.append(np.geomspace(1e-9, 0.99, 20), -np.geomspace(1e-9, 1, 20))
    u = u[u >= -y]
    fine, target = u.astype(np.longdouble), np.longdouble(y)
    v = target + fine
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(v > 0, v * np.log(v), 0.0) - (target * np.log(target) if y else 0.0)
    a = np.longdouble(getattr(loss, "dispersion", 0.0))
    expected += (1 / a - fine) * np.log1p(-a * fine) if a else -fine
    got = loss.conjugate(np.full((len(u), 1), y), u[:, None])
    allowed = 1e-15 * (4 + np.log1p(y)) * np.abs(u) + 1e-18 * y * np.log1p(y)
    assert (np.abs(got - expected.astype(float)) <= allowed).all()


@pytest.mark.parametrize(
    ("level", "dispersion"), [(1e4, 1.0), (1e6, 1e-3), (1e8, 1.0), (1e8, 1e-6)]
)
def test_large_counts_are_fitted_to_tol(level, dispersion):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 5))
    y = np.floor(level * np.exp(0.3 * X[:, 0]) * rng.gamma(5, 0.2, 60))
    known = dict(loss="negative_binomial", dispersion=dispersion)
    for targets in (y, np.full(60, level), np.round(level * (1 + 1e-3 * rng.normal(size=60)))):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            lasso = QuadraticApproxLasso(0.01, **known).fit(X, targets)
            ridge = QuadraticApproxRidge(0.01, **known).fit(X, targets)
        # Of constant counts the gap is not relative to the null model's risk, which is 0.
        size = 1.0 if np.ptp(targets) else min(level, 1 / dispersion)
        assert lasso.dual_gap_ <= 1e-7 * size
        assert ridge.gradient_norm_ <= 1e-8
        assert ridge.n_iter_ <= 10
