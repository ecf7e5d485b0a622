"""The front door: which method it takes, and what all methods leave to it."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import scale

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.losses import get_loss
from skreg.penalties import MCP, Group, Separable
from skreg.quadratic import EmpiricalRisk, Quadratic
from skreg.solvers import METHODS, select_method, solve

X, Y = load_diabetes(return_X_y=True)
COUNTS = np.round(Y)[:, None]


def problem(loss):
    if loss == "squared_error":
        return Quadratic.from_rows(X, Y, None, True)
    return EmpiricalRisk(X, COUNTS, get_loss(loss))


@pytest.mark.parametrize(
    ("loss", "penalty", "options", "name"),
    [
        ("squared_error", Separable(0.0), {}, "spectral"),
        ("squared_error", Separable(), {}, "active_set"),
        ("squared_error", Separable(0.0, positive=True), {}, "active_set"),
        ("squared_error", Separable(), {"hessian": "diagonal"}, "soft_threshold"),
        ("squared_error", Group(np.arange(10) // 2), {}, "block_coordinate_descent"),
        ("squared_error", MCP(), {}, "proximal_gradient"),
        ("poisson", Separable(0.0), {}, "newton"),
        ("poisson", Separable(), {}, "proximal_newton"),
        ("poisson", Group(np.arange(10) // 2), {}, "proximal_newton"),
        ("poisson", Separable(), {"max_expansions": 1}, "one_shot"),
        ("poisson", Separable(0.0), {"max_expansions": 1}, "newton"),
        ("poisson", Separable(0.0), {"hessian": "pca"}, "one_shot"),
        ("poisson", MCP(), {}, "proximal_gradient"),
    ],
)
def test_the_first_method_that_serves(loss, penalty, options, name):
    method = select_method(problem(loss), penalty, 0.1, **options)
    assert method.name == name
    assert method in METHODS
    assert method.scope


def test_methods_that_do_not_serve_say_so():
    with pytest.raises(ValueError, match=r"method='newton' is for .* Use method='auto', which"):
        solve(problem("squared_error"), Separable(), 0.1, method="newton")
    with pytest.raises(ValueError, match=r"method must be 'auto' or one of \[.*'soft_threshold'"):
        solve(problem("squared_error"), Separable(), 0.1, method="simplex")
    with pytest.raises(ValueError, match=r"no method serves [\s\S]*\n  soft_threshold: L1 and"):
        select_method(problem("squared_error"), MCP(), 0.1, hessian="pca")


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("penalty", [Separable(0.5), Group(np.arange(10) // 2)], ids=repr)
def test_any_method_that_serves_gives_the_same_answer(loss, penalty):
    posed, alphas = problem(loss), np.array([1.0, 0.1])
    best = solve(posed, penalty, alphas, tol=1e-13)
    other = solve(posed, penalty, alphas, tol=1e-10, method="proximal_gradient")
    assert other.solver == "proximal_gradient"
    size = np.abs(best.coefs).max()
    np.testing.assert_allclose(other.coefs, best.coefs, atol=1e-3 * size)
    np.testing.assert_allclose(other.dof, best.dof, rtol=1e-3)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "classes"])
def test_one_problem_has_one_count_of_degrees_of_freedom(loss):
    """A ridge is a ridge, by whatever estimator; and the count is continuous in l1_ratio."""
    if loss == "classes":
        data = load_breast_cancer(return_X_y=True)
        rows, y = scale(data[0]), data[1]
        ridge, lasso = QuadraticApproxRidgeClassifier(0.1), QuadraticApproxLassoClassifier(0.1)
    else:
        rows, y = scale(X), scale(Y)
        ridge, lasso = QuadraticApproxRidge(0.1, loss=loss), QuadraticApproxLasso(0.1, loss=loss)
    expected = ridge.fit(rows, y).effective_dof_
    lasso.set_params(l1_ratio=0.0).fit(rows, y)
    assert lasso.effective_dof_ == pytest.approx(expected, rel=1e-6)
    assert lasso.solver_ == ridge.solver_
    lasso.set_params(l1_ratio=1e-4).fit(rows, y)
    assert lasso.effective_dof_ == pytest.approx(expected, rel=0.02)
    lasso.set_params(l1_ratio=1.0).fit(rows, y)
    assert lasso.effective_dof_ == np.count_nonzero(lasso.coef_)


def test_a_search_counts_as_its_path_and_its_best_estimator_do():
    data, y = load_breast_cancer(return_X_y=True)
    lasso = QuadraticApproxLassoClassifier(l1_ratio=0.1)
    search = PathSearchCV(lasso, [0.1, 0.01], selection="aic").fit(scale(data), y)
    dof = search.criterion_.diagnostics["dof"]
    np.testing.assert_allclose(dof - 1, search.path_.dof)
    at = np.flatnonzero(search.path_.alphas == search.best_params_["alpha"])[0]
    assert search.best_estimator_.effective_dof_ == search.path_.dof[at]


@pytest.mark.parametrize("options", [{}, {"groups": [0, 0, 1]}, {"penalty": "mcp"}])
def test_a_loss_that_is_not_convex_is_named_with_the_remedy(options):
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = QuadraticApproxLasso(0.1, loss="tweedie", power=3, **options)
    with pytest.raises(ValueError, match=r"not convex\. Use .* a power of at most 2, or Quad"):
        model.fit(X, np.exp(X[:, 0]))
