"""scikit-learn's linear models, one line each: the same λ in their scale, the same coefficients."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from external.ours import assert_close, estimator
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    MultiTaskElasticNet,
    MultiTaskLasso,
    PoissonRegressor,
    Ridge,
)
from sklearn.preprocessing import scale

from skreg import QuadraticApproxLasso, QuadraticApproxRidge


def _random(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ (np.eye(p) + 0.3 * rng.standard_normal((p, p)) / np.sqrt(p))
    X += rng.standard_normal(p)
    return X, X[:, :5] @ [1.0, -2.0, 0.5, 0.0, 1.5] + 0.5 * rng.standard_normal(n)


def _counts(n, p):
    X, score = _random(n, p)
    return 0.3 * X, np.random.default_rng(1).poisson(np.exp(0.3 * score)).astype(float)


def _sparse(n, p):
    X = sparse.random_array((n, p), density=0.2, format="csr", rng=np.random.default_rng(2))
    X = sparse.csr_matrix(X)
    return X, X @ np.linspace(-2, 2, p) + 0.1 * np.random.default_rng(3).standard_normal(n)


def _bundled(load):
    X, y = load(return_X_y=True)
    return scale(X), y


def _two(X, y):
    return X, (y > np.median(y)).astype(int)


def _targets(X, y):
    return X, np.column_stack([y, 0.5 * y + X[:, 0], X[:, 1] ** 2])


DATA = {
    "tall": lambda: _random(120, 12),
    "wide": lambda: _random(30, 80),
    "sparse": lambda: _sparse(150, 20),
    "diabetes": lambda: _bundled(load_diabetes),
    "targets": lambda: _targets(*_random(100, 10)),
    "wide targets": lambda: _targets(*_random(25, 60)),
    "counts": lambda: _counts(150, 8),
    "wide counts": lambda: _counts(40, 60),
    "positive": lambda: (lambda X, y: (X, y + 1.0))(*_counts(150, 8)),
    "two": lambda: _two(*_random(150, 10)),
    "wide two": lambda: _two(*_random(40, 100)),
    "sparse two": lambda: _two(*_sparse(150, 20)),
    "cancer": lambda: _bundled(load_breast_cancer),
    "wine": lambda: _bundled(load_wine),
    "iris": lambda: _bundled(load_iris),
}
CLASSES = ("two", "wide two", "sparse two", "cancer", "wine", "iris")


@dataclass(frozen=True)
class Pair:
    """``theirs(n, alpha, rho)`` against us: J is ρ‖θ‖₁ + (1 − ρ)½‖θ‖², λ is ``alpha``.

    ``rtol`` is 1e-6 unless theirs cannot be made to converge so far.
    """

    name: str
    theirs: object
    data: tuple[str, ...]
    loss: str = "squared_error"
    rho: float = 0.0
    alphas: tuple[float, ...] = (0.3, 0.01)
    ours: dict = field(default_factory=dict)
    weighted: bool = True
    rtol: float = 1e-6


def ridge(solver, **parameters):
    return lambda n, alpha, rho: Ridge(
        n * alpha, solver=solver, tol=1e-14, max_iter=200_000, random_state=0, **parameters
    )


def logistic(solver, **parameters):
    settings = {"solver": solver, "tol": 1e-11, "max_iter": 200_000, "random_state": 0}
    return lambda n, alpha, rho: LogisticRegression(
        C=1 / (n * alpha), l1_ratio=rho, **settings | parameters
    )


def coordinate(model, **parameters):
    def make(n, alpha, rho):
        mixed = {"l1_ratio": rho} if model in (ElasticNet, MultiTaskElasticNet) else {}
        return model(alpha, tol=1e-14, max_iter=1_000_000, **mixed, **parameters)

    return make


def glm(model):
    return lambda n, alpha, rho: model(
        alpha=alpha, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )


DENSE, REGRESSION = ("tall", "wide", "diabetes"), ("tall", "wide", "diabetes", "sparse")
BINARY = ("two", "wide two", "sparse two", "cancer")
L1_BINARY = ("two", "wide two", "cancer")
PAIRS = [
    Pair("Ridge auto", ridge("auto"), REGRESSION),
    Pair("Ridge svd", ridge("svd"), DENSE),
    Pair("Ridge cholesky", ridge("cholesky"), DENSE),
    Pair("Ridge lsqr", ridge("lsqr"), DENSE),
    Pair("Ridge sparse_cg", ridge("sparse_cg"), REGRESSION),
    Pair("Ridge sag", ridge("sag"), ("tall", "sparse")),
    Pair("Ridge saga", ridge("saga"), ("tall",)),
    Pair(
        *("Ridge lbfgs", ridge("lbfgs", positive=True), ("tall", "diabetes")),
        **{"ours": {"positive": True}, "rtol": 1e-5, "weighted": False},
    ),
    Pair("Ridge, several targets", ridge("svd"), ("targets", "wide targets")),
    Pair(
        "Ridge, no intercept",
        ridge("svd", fit_intercept=False),
        DENSE,
        ours={"fit_intercept": False},
    ),
    Pair("Lasso", coordinate(Lasso), REGRESSION, rho=1.0),
    Pair(
        "Lasso, positive", coordinate(Lasso, positive=True), DENSE, rho=1.0, ours={"positive": True}
    ),
    Pair("ElasticNet", coordinate(ElasticNet), REGRESSION, rho=0.4),
    # On the wide data its last line search fails with five digits.
    Pair("LogisticRegression lbfgs", logistic("lbfgs"), ("two", "sparse two", "cancer"), "log"),
    Pair("LogisticRegression newton-cholesky", logistic("newton-cholesky"), BINARY, "log"),
    Pair("LogisticRegression newton-cg", logistic("newton-cg"), BINARY, "log"),
    Pair("LogisticRegression sag", logistic("sag"), ("two",), "log"),
    Pair("LogisticRegression saga", logistic("saga"), ("two",), "log"),
    Pair(
        *("LogisticRegression liblinear", logistic("liblinear", fit_intercept=False)),
        *(BINARY, "log"),
        ours={"fit_intercept": False},
    ),
    Pair(
        *("LogisticRegression balanced", logistic("newton-cholesky", class_weight="balanced")),
        *(("two", "cancer", "wine"), "log"),
        ours={"class_weight": "balanced"},
    ),
    Pair(
        "LogisticRegression L1 saga", logistic("saga"), ("two", "cancer"), "log", 1.0, (0.1, 0.02)
    ),
    Pair("LogisticRegression elastic net", logistic("saga"), ("two", "cancer"), "log", 0.5, (0.1,)),
    Pair(
        *("LogisticRegression L1 liblinear", logistic("liblinear", fit_intercept=False)),
        *(L1_BINARY, "log", 1.0, (0.1, 0.02)),
        ours={"fit_intercept": False},
    ),
    Pair("LogisticRegression multinomial", logistic("newton-cholesky"), ("wine", "iris"), "log"),
    Pair("LogisticRegression multinomial lbfgs", logistic("lbfgs"), ("wine", "iris"), "log"),
    Pair(
        "LogisticRegression multinomial L1",
        logistic("saga"),
        ("wine", "iris"),
        "log",
        1.0,
        (0.1, 0.02),
    ),
    Pair("PoissonRegressor", glm(PoissonRegressor), ("counts", "wide counts"), "poisson"),
    Pair("GammaRegressor", glm(GammaRegressor), ("positive",), "gamma"),
]


def cases():
    for pair in PAIRS:
        for data in pair.data:
            for weighted in (False, True) if pair.weighted else (False,):
                weights = " weighted" if weighted else ""
                yield pytest.param(pair, data, weighted, id=f"{pair.name}: {data}{weights}")


@pytest.mark.parametrize(("pair", "data", "weighted"), list(cases()))
def test_same_coefficients(pair, data, weighted):
    X, y = DATA[data]()
    n = X.shape[0]
    # Of mean 1: then Σw, by which Ridge and LogisticRegression scale λ, is n.
    weights = np.linspace(0.5, 1.5, n) if weighted else None
    for alpha in pair.alphas:
        theirs = pair.theirs(n, alpha, pair.rho).fit(X, y, sample_weight=weights)
        l1, l2 = alpha * pair.rho, alpha * (1 - pair.rho)
        if pair.ours.get("positive"):
            ours = QuadraticApproxLasso(alpha, l1_ratio=pair.rho, tol=1e-15, positive=True)
        else:
            ours = estimator(pair.loss, l1, l2, **pair.ours)
        ours.fit(X, y, sample_weight=weights)
        assert_close(ours.coef_, theirs.coef_, pair.rtol)
        found, expected = np.ravel(ours.intercept_), np.ravel(theirs.intercept_)
        if len(found) > 2:  # a constant over the classes changes nothing
            found, expected = found - found.mean(), expected - expected.mean()
        scale_of = max(np.abs(expected).max(), np.abs(theirs.coef_).max())
        np.testing.assert_allclose(found, expected, atol=pair.rtol * scale_of)


@pytest.mark.parametrize("data", ["targets", "wide targets"])
@pytest.mark.parametrize("rho", [1.0, 0.5])
def test_each_target_its_own(data, rho):
    """Several targets without groups are one lasso each."""
    X, Y = DATA[data]()
    ours = QuadraticApproxLasso(0.05, l1_ratio=rho, tol=1e-15).fit(X, Y)
    theirs = ElasticNet(0.05, l1_ratio=rho, tol=1e-14, max_iter=1_000_000).fit(X, Y)
    assert_close(ours.coef_, theirs.coef_)
    assert_close(ours.intercept_, theirs.intercept_)


@pytest.mark.parametrize("data", ["targets", "wide targets"])
def test_multi_task_lasso(data):
    X, Y = DATA[data]()
    ours = QuadraticApproxLasso(0.1, groups="targets", tol=1e-14).fit(X, Y)
    theirs = coordinate(MultiTaskLasso)(len(X), 0.1, 1.0).fit(X, Y)
    assert_close(ours.coef_, theirs.coef_)
    assert_close(ours.intercept_, theirs.intercept_)


@pytest.mark.parametrize("data", ["tall", "diabetes"])
@pytest.mark.parametrize("epsilon", [1.1, 1.35, 2.0])
def test_huber_at_its_own_scale(data, epsilon):
    """Given σ it minimizes (2/σ)Σ huber_{εσ}(r) + α‖θ‖²: λ = ασ/n, δ = εσ."""
    X, y = DATA[data]()
    y = y + 20 * y.std() * (np.arange(len(y)) % 17 == 0)  # outliers
    theirs = HuberRegressor(epsilon=epsilon, alpha=0.5, tol=1e-12, max_iter=100_000).fit(X, y)
    ours = QuadraticApproxRidge(
        0.5 * theirs.scale_ / len(y), loss="huber", delta=epsilon * theirs.scale_, tol=1e-14
    ).fit(X, y)

    def objective(coef, intercept):
        r = np.abs(y - X @ coef - intercept) / theirs.scale_
        losses = np.where(r < epsilon, r**2, 2 * epsilon * r - epsilon**2)
        return theirs.scale_ * losses.sum() + 0.5 * coef @ coef

    # L-BFGS stops before its coefficients have six digits, so the objective decides.
    value = objective(theirs.coef_, theirs.intercept_)
    found = objective(ours.coef_, ours.intercept_)
    assert value * (1 - 1e-6) <= found <= value * (1 + 1e-12)
    assert_close(ours.coef_, theirs.coef_, 1e-3)


@pytest.mark.parametrize("data", ["tall", "wide", "diabetes"])
def test_bayesian_ridge_at_its_own_hyperparameters(data):
    X, y = DATA[data]()
    theirs = BayesianRidge(tol=1e-8).fit(X, y)
    ours = QuadraticApproxRidge(theirs.lambda_ / theirs.alpha_ / len(y)).fit(X, y)
    assert_close(ours.coef_, theirs.coef_)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-6)
