"""Risks without a finite minimizer: found, told with the remedy, and answered sensibly at λ = 0."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.losses import MultinomialLogLoss
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.smooth import LossPart

CLASSIFIERS = [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier]
REGRESSORS = [QuadraticApproxRidge, QuadraticApproxLasso]
TOLD = "no finite minimizer .* along the features without a penalty"


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scales", [[1e3, 1e-2], [1e8, 1e-8], [1e-8, 1e6]])
def test_separable_classes_at_no_penalty_are_all_right_at_any_scale(kind, n_classes, scales):
    rng = np.random.default_rng(0)
    z = rng.normal(size=40)
    if n_classes == 2:
        y = (z > 0).astype(int)
        X = np.c_[rng.normal(size=40), z + 0.2 * np.sign(z)] * scales
    else:
        y = np.digitize(z, [-0.5, 0.5])
        X = np.c_[np.cos(2 * y + 0.2 * z), np.sin(2 * y + 0.2 * z)] * scales
    with pytest.warns(ConvergenceWarning, match="the answer at alpha=0 minimizes it plus"):
        model = kind(alpha=0.0).fit(X, y)
    assert model.score(X, y) == 1.0
    # The same problem in other units has the same raw predictions.
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        unit = kind(alpha=0.0).fit(X / scales, y)
    np.testing.assert_allclose(model.predict_proba(X), unit.predict_proba(X / scales), atol=1e-6)


def test_separable_wide_rows_of_any_scale():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 50)) * 10.0 ** rng.uniform(-8, 8, size=50), np.arange(20) % 2
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        model = QuadraticApproxRidgeClassifier(alpha=0.0).fit(X, y)
    assert model.score(X, y) == 1.0


def test_an_answer_at_no_penalty_that_was_cut_off_says_so():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    model = QuadraticApproxRidgeClassifier(alpha=0.0, max_iter=9)
    with pytest.warns(ConvergenceWarning, match="where max_iter=9 steps came to") as said:
        model.fit(X, X @ [1.0, 2.0, -1.0] > 0)
    assert not any("minimizes" in str(w.message) for w in said)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("how", ["fit", "path", "norm_bound"])
def test_an_unpenalized_feature_that_separates_is_told(kind, n_classes, how):
    rng = np.random.default_rng(0)
    z = rng.normal(size=40)
    X, y = np.c_[z, rng.normal(size=40)], np.digitize(z, [0.0] if n_classes == 2 else [-0.5, 0.5])
    if n_classes == 3:
        X = np.c_[np.eye(3)[y], X[:, 1]]
    factors = np.ones(X.shape[1])
    factors[:-1] = 0.0
    model = kind(alpha=0.1, penalty_factors=factors)
    if how == "norm_bound":
        model.set_params(norm_bound=0.1)
    run = model.regularization_path if how == "path" else model.fit
    with pytest.warns(ConvergenceWarning, match=TOLD):
        run(X, y)
    with warnings.catch_warnings():  # the other feature does not separate them
        warnings.simplefilter("error", ConvergenceWarning)
        kind(alpha=0.1, penalty_factors=1.0 - factors).fit(X, y)


@pytest.mark.parametrize(
    "options", [{"groups": [0, 1]}, {"l1_ratio": 0.5}, {"penalty": "mcp"}, {"positive": True}]
)
def test_any_penalty_tells(options):
    rng = np.random.default_rng(0)
    z = rng.normal(size=40)
    X, y = np.c_[z, rng.normal(size=40)], z > 0
    model = QuadraticApproxLassoClassifier(alpha=0.1, penalty_factors=[0, 1], **options)
    with pytest.warns(ConvergenceWarning, match=TOLD):
        model.fit(X, y)
    if "positive" in options:  # the bound holds the feature at 0
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            assert model.fit(X, ~y).coef_[0, 0] == 0.0


@pytest.mark.parametrize("kind", REGRESSORS)
@pytest.mark.parametrize("loss", ["poisson", "tweedie", "negative_binomial"])
def test_an_unpenalized_dummy_whose_rows_are_all_0_is_told(kind, loss):
    rng = np.random.default_rng(0)
    dummy = rng.random(60) < 0.2
    X, y = np.c_[dummy, rng.normal(size=60)], np.where(dummy, 0.0, rng.poisson(2.0, 60))
    model = kind(alpha=0.1, loss=loss, penalty_factors=[0, 1])
    with pytest.warns(ConvergenceWarning, match=TOLD):
        model.fit(X, y)
    y[np.flatnonzero(dummy)[0]] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X, y)


@pytest.mark.parametrize("free", [0, 3])
def test_warm_starts_serve_wide_ridges_too(free):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 120))
    X[:, 2] += 1e3
    y = rng.poisson(np.exp(0.1 * X[:, 0]))
    factors = np.ones(120)
    factors[:free] = 0.0
    model = QuadraticApproxRidge(0.1, loss="poisson", warm_start=True, penalty_factors=factors).fit(
        X, y
    )
    first, coef = model.n_iter_, model.coef_
    assert model.fit(X, y).n_iter_ < first / 2
    np.testing.assert_allclose(model.coef_, coef, atol=1e-8)


def test_a_path_without_minima_does_not_try_as_hard_at_every_alpha():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(14, 28)) * 10.0 ** rng.uniform(-2, 2, 28)
    y = np.r_[0, 1, 2, 3, rng.integers(0, 4, 10)]
    rows, factors = [4, 6, 7, 8, 9, 10, 11, 12, 13], np.r_[0.0, 0.0, np.ones(26)]
    model = QuadraticApproxLassoClassifier(positive=True, penalty_factors=factors)
    with pytest.warns(ConvergenceWarning, match="no finite minimizer .* along the features"):
        path = model.regularization_path(X[rows], y[rows], [3.0, 0.3])
    assert path.n_expansions[0] == 200
    assert (path.n_expansions[1:] <= 20).all()


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 10.0, 30.0])
def test_intercepts_of_classes_far_apart_are_at_their_best(scale):
    X, y = make_blobs(n_samples=21, random_state=0)
    part = LossPart(EmpiricalRisk(X, np.eye(3)[y], MultinomialLogLoss()), Separable(1.0), 1e-8)
    for theta in ([[0, 0], [0, -14], [-13, 0]], [[0, -13], [0, 0], [-14, 0]]):
        point = part.at(scale * np.array(theta, float))
        assert np.abs(point.total).max() < 1e-10  # the risk is convex in them


@pytest.mark.parametrize("penalty", ["mcp", "scad"])
def test_a_concave_penalty_says_that_it_does_not_hold_separated_classes(penalty):
    X, y = make_blobs(n_samples=21, random_state=0)
    model = QuadraticApproxLassoClassifier(alpha=0.05, penalty=penalty, max_iter=30)
    with pytest.warns(ConvergenceWarning, match="If the classes can be separated, .* raise alpha"):
        model.fit(X, y)


@pytest.mark.parametrize("penalty", ["mcp", "scad"])
def test_a_concave_penalty_that_has_ended_is_not_followed_to_infinity(penalty):
    X, y = make_blobs(n_samples=21, random_state=0, cluster_std=0.1)
    model = QuadraticApproxLassoClassifier(penalty=penalty)
    with pytest.warns(ConvergenceWarning, match="If the classes can be separated, .* raise alpha"):
        path = model.regularization_path(X, y, alphas=[0.05, 0.01])
    assert (path.predict(X) == y).all()
    assert (path.n_expansions <= 3).all()
    assert (path.risk < 0.02).all()
