"""Rows of weight zero change no criterion, and nothing that ``alpha="auto"`` chooses."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection.criteria import CHECKS, CRITERIA

LASSO, RIDGE = QuadraticApproxLasso, QuadraticApproxRidge
LASSO_OF_CLASSES, RIDGE_OF_CLASSES = QuadraticApproxLassoClassifier, QuadraticApproxRidgeClassifier
MODELS = {
    "ridge": RIDGE(),
    "lasso": LASSO(),
    "elastic net": LASSO(l1_ratio=0.5),
    "no intercept": LASSO(fit_intercept=False),
    "bounds": LASSO(positive=True),
    "groups": LASSO(groups=[0, 0, 1, 1, 2, 2]),
    "mcp": LASSO(penalty="mcp"),
    "huber ridge": RIDGE(loss="huber"),
    "huber lasso": LASSO(loss="huber"),
    "poisson ridge": RIDGE(loss="poisson"),
    "poisson lasso": LASSO(loss="poisson"),
    "2 classes ridge": RIDGE_OF_CLASSES(),
    "2 classes lasso": LASSO_OF_CLASSES(),
    "2 classes balanced": LASSO_OF_CLASSES(class_weight="balanced"),
    "3 classes ridge": RIDGE_OF_CLASSES(),
    "3 classes lasso": LASSO_OF_CLASSES(),
}
KINDS = {"dense": np.asarray, "sparse": csr_matrix}
ALPHAS = [0.2, 0.05, 0.01]


def pair(name, n, weighted, kind, n_more=15):
    """(X, y, weights) with and without further rows, far out and of weight zero, in between."""
    rng = np.random.default_rng(n)
    X = np.vstack([rng.normal(size=(n, 6)), 30 * rng.normal(size=(n_more, 6))])
    f = np.clip(X[:, 0] - X[:, 1], -3, 3)
    if "classes" in name:
        y = np.arange(n + n_more) % int(name[0])
        y[4:n] = np.where(f[4:n] > 0, y[4:n], 0)
    elif "poisson" in name:
        y = rng.poisson(np.exp(0.5 * f)) + 0.0
    else:
        y = f + rng.normal(size=n + n_more)
        y[n:] *= 1000
    w = rng.uniform(0.3, 3, n + n_more) if weighted else np.ones(n + n_more)
    w[n:] = 0
    order = rng.permutation(n + n_more)
    X, y, w = X[order], y[order], w[order]
    some = w > 0
    return (KINDS[kind](X[some]), y[some], w[some]), (KINDS[kind](X), y, w)


def judged(name):
    """The criteria that judge a model."""
    for criterion, check in CHECKS.items():
        try:
            check(MODELS[name])
        except ValueError:
            continue
        yield criterion


CASES = [(name, criterion) for name in MODELS for criterion in judged(name)]


@pytest.mark.parametrize(
    ("n", "weighted", "kind"), [(30, False, "dense"), (14, True, "sparse"), (20, False, "sparse")]
)
@pytest.mark.parametrize(("name", "criterion"), CASES)
@pytest.mark.filterwarnings("ignore:approximate leave-one-out")
def test_criteria(name, criterion, n, weighted, kind):
    """They diluted doubts, and moved the parts that a jackknife leaves out."""

    def tell(X, y, w):
        w = {"sample_weight": w}
        found = CRITERIA[criterion](MODELS[name], X, y, ALPHAS, w, score_params=w)
        return found.diagnostics | {"scores": found.scores} | {"errors": found.errors_of("score")}

    plain, padded = (tell(*data) for data in pair(name, n, weighted, kind))
    for what, value in plain.items():
        np.testing.assert_allclose(padded[what], value, rtol=1e-5, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("name", ["ridge", "lasso", "poisson ridge", "2 classes lasso"])
@pytest.mark.filterwarnings("ignore:the best λ")
def test_weights_of_one_are_none(name):
    """Standard errors of means had n in the place of n − 1."""
    (X, y, _), padded = pair(name, 30, False, "dense")
    one, other = (PathSearchCV(MODELS[name], ALPHAS, cv="loo", refit=False) for _ in range(2))
    one, other = one.fit(X, y), other.fit(*padded[:2], sample_weight=padded[2])
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(other.cv_results_[key], one.cv_results_[key], rtol=1e-6)


@pytest.mark.parametrize(("weighted", "kind"), [(False, "dense"), (True, "sparse")])
@pytest.mark.parametrize(
    "name",
    [name for name, criterion in CASES if criterion == "loo" and name != "3 classes lasso"],
)
@pytest.mark.filterwarnings("ignore:alpha='auto' chose")
def test_auto(name, weighted, kind):
    """A lasso chose 0.0086, where 0.0109 is right."""
    plain, padded = pair(name, 20, weighted, kind)
    one, other = (
        clone(MODELS[name]).set_params(alpha="auto").fit(X, y, sample_weight=w)
        for X, y, w in (plain, padded)
    )
    assert other.alpha_ == pytest.approx(one.alpha_, rel=1e-6)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", [RegularizedMLPClassifier, RegularizedMLPRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_of_networks(kind, early_stopping):
    """Early stopping held rows of weight zero out, or nothing but them."""
    name = "2 classes" if kind is RegularizedMLPClassifier else "numbers"
    model = kind((8,), max_iter=4, early_stopping=early_stopping, random_state=0)
    one, other = (
        clone(model).fit(X, y, sample_weight=w)
        for X, y, w in pair(name, 60, True, "dense", n_more=300)
    )
    assert other.alpha_ == pytest.approx(one.alpha_, rel=1e-6)
    np.testing.assert_allclose(other.alpha_curve_["loss"], one.alpha_curve_["loss"], rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "gamma", "tweedie"])
def test_scores_of_a_constant_target(loss):
    """That of a log link ended in a division by zero."""
    X, y = np.arange(6.0)[:, None], np.array([2.0, 2.0, 2.0, 1.0, 5.0, 3.0])
    weights = np.array([1.0, 2.0, 1.0, 0.0, 0.0, 0.0])
    model = RIDGE(loss=loss).fit(X, y)
    plain = model.score(X[:3], y[:3], sample_weight=weights[:3])
    assert model.score(X, y, sample_weight=weights) == pytest.approx(plain)
