"""What a criterion, or ``alpha="auto"``, cannot judge is refused before anything is solved."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.model_selection.criteria import CRITERIA

LASSO, RIDGE = QuadraticApproxLasso, QuadraticApproxRidge
GROUPS = [0, 0, 1, 1]
#: Of leave-one-out, and so of alpha="auto".
NOT_LEFT_OUT = [
    (LASSO(loss="quantile"), "loss 'quantile' has none"),
    (RIDGE(loss="quantile"), "loss 'quantile' has none"),
    (LASSO(groups=GROUPS), "Group couples them"),
    (LASSO(groups=GROUPS, loss="poisson"), "Group couples them"),
    (LASSO(groups="targets"), "Group couples them"),
    (LASSO(penalty="slope"), "couples them"),
    (LASSO(penalty="mcp"), "MCP is not convex"),
    (LASSO(penalty="scad", loss="huber"), "SCAD is not convex"),
    (LASSO(hessian="diagonal"), "hessian='diagonal' approximates"),
    (LASSO(hessian="pca", loss="poisson"), "hessian='pca' approximates"),
    (LASSO(loss="huber", max_expansions=1), "max_expansions=1 may stop short"),
    (RIDGE(loss="huber", max_expansions=3), "max_expansions=3 may stop short"),
    (QuadraticApproxLassoClassifier(groups=GROUPS), "Group couples them"),
    (QuadraticApproxLassoClassifier(penalty="mcp"), "MCP is not convex"),
    (QuadraticApproxRidgeClassifier(max_expansions=1), "max_expansions=1 may stop short"),
]
NOT_GAUSSIAN = "needs a Gaussian posterior"
REFUSED = [
    *(("loo", *pair) for pair in NOT_LEFT_OUT),
    ("gcv", LASSO(loss="huber"), "for squared error, got loss 'huber'"),
    ("gcv", RIDGE(loss="poisson"), "for squared error, got loss 'poisson'"),
    ("gcv", QuadraticApproxLassoClassifier(), "for squared error"),
    ("aic", LASSO(loss="huber"), "none is known of loss 'huber'"),
    ("bic", RIDGE(loss="huber"), "none is known of loss 'huber'"),
    ("ebic", LASSO(loss="huber", groups=GROUPS), "none is known of loss 'huber'"),
    ("evidence", LASSO(), NOT_GAUSSIAN),
    ("evidence", RIDGE(loss="huber"), NOT_GAUSSIAN),
    ("evidence", QuadraticApproxRidgeClassifier(), NOT_GAUSSIAN),
    ("evidence", RIDGE(penalty_factors=[1, 1, 1, 2]), "one prior for all features"),
    *((name, RIDGE(norm_bound=1.0), "decides λ by itself|is ignored") for name in CRITERIA),
    *((name, Ridge(), "for the linear estimators of skreg") for name in CRITERIA),
]


@pytest.fixture(autouse=True)
def unsolved(monkeypatch):
    """Nothing is solved."""

    def solve(*args, **options):
        raise AssertionError("solved")

    monkeypatch.setattr(QuadraticApproxLinear, "_solve", solve)


def rows(estimator, n=12, p=4, classes=2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    if "Classifier" in type(estimator).__name__:
        return X, np.arange(n) % classes
    return X, rng.uniform(1, 2, n)


def asked(name, estimator, alphas, **options):
    """The search that asks for a criterion."""
    by = "cv" if name in ("loo", "gcv") else "selection"
    return PathSearchCV(estimator, alphas, **{by: name}, **options)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
@pytest.mark.parametrize(("name", "estimator", "match"), REFUSED)
def test_nothing_is_solved(name, estimator, match, kind):
    """A path was solved first."""
    X, y = rows(estimator)
    with pytest.raises(ValueError, match=match):
        CRITERIA[name](estimator, kind(X), y, [1.0, 0.1])
    last = type(estimator).__name__.lower() + "__alpha"
    for alphas in ([1.0], 5, "auto", {last: [1.0]}):
        piped = isinstance(alphas, dict)
        step = FunctionTransformer(lambda X: pytest.fail("an earlier step was fitted"))
        model = make_pipeline(step, estimator) if piped else estimator
        with pytest.raises(ValueError, match=match):
            asked(name, model, alphas).fit(kind(X), y)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("estimator", "match"), NOT_LEFT_OUT)
def test_nothing_is_solved_for_auto(estimator, match, weighted):
    X, y = rows(estimator)
    model = clone(estimator).set_params(alpha="auto")
    with pytest.raises(ValueError, match=f"alpha='auto'.*{match}.*PathSearchCV"):
        model.fit(X, y, sample_weight=np.arange(12.0) if weighted else None)


def test_no_combination_is_solved_before_another_is_refused():
    X, y = rows(LASSO())
    search = asked("gcv", RIDGE(), [1.0], param_grid={"loss": ["squared_error", "huber"]})
    with pytest.raises(ValueError, match="for squared error, got loss 'huber'"):
        search.fit(X, y)


@pytest.mark.parametrize("noise_variance", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["aic", "bic", "ebic"])
def test_noise_that_is_none(name, noise_variance):
    X, y = rows(RIDGE())
    with pytest.raises(ValueError, match="must be a positive number"):
        CRITERIA[name](RIDGE(), X, y, [1.0], noise_variance=noise_variance)
    with pytest.raises(ValueError, match="is of squared error"):
        CRITERIA[name](RIDGE(loss="poisson"), X, y, [1.0], noise_variance=1.0)


@pytest.mark.parametrize(
    ("name", "estimator"), [("loo", LASSO(loss="huber")), *((name, RIDGE()) for name in CRITERIA)]
)
def test_a_single_row_of_weight(name, estimator):
    """Leave-one-out of Huber's lasso never came back, and cv="gcv" chose a λ of score −∞."""
    X, y = rows(estimator, n=6)
    weight = {"sample_weight": np.eye(6)[2]}
    with pytest.raises(ValueError, match="one alone has a positive weight"):
        CRITERIA[name](estimator, X, y, [1.0, 0.1], weight)
    with pytest.raises(ValueError, match="one alone has a positive weight"):
        asked(name, estimator, [1.0, 0.1]).fit(X, y, **weight)


@pytest.mark.parametrize("name", ["loo", "gcv", "aic", "bic", "ebic", "evidence", "auto"])
def test_a_sparse_x_that_is_not_decomposed(name):
    X = random_array((5001, 5001), density=1e-4, rng=0, format="csr")
    y = np.random.default_rng(0).normal(size=5001)
    model = RIDGE(alpha="auto") if name == "auto" else asked(name, RIDGE(), [1.0, 0.1])
    with pytest.raises(ValueError, match=r"too large|is not decomposed"):
        model.fit(X, y)


def test_a_hessian_that_is_not_formed():
    model = QuadraticApproxRidgeClassifier(alpha="auto")
    X, y = rows(model, 1100, 1010, classes=3)
    with pytest.raises(ValueError, match=r"cv='loo' takes a Hessian, and one of 3030 .* Use cv=5"):
        asked("loo", model, [1.0]).fit(X, y)
    with pytest.raises(ValueError, match=r"alpha='auto' takes .* 3030 .* Use PathSearchCV"):
        model.fit(X, y)
