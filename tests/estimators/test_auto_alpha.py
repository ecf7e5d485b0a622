"""λ chosen within a fit of a linear estimator."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, LeaveOneOut, cross_val_predict

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6))
Y = X @ [2.0, -1.0, 0.0, 0.0, 0.5, 0.0] + RNG.normal(size=40)
CLASSES = (RNG.normal(size=40) + X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("wide", [False, True])
def test_curve_of_a_ridge_is_that_of_fits_without_each_row(kind, wide):
    rows = slice(0, 5) if wide else slice(None)
    A, y = X[rows], np.c_[Y, -(Y**2)][rows]
    model = QuadraticApproxRidge(alpha="auto").fit(kind(A), y)
    curve = model.alpha_curve_
    for i in range(0, len(curve["alpha"]), 20):
        # Ridge takes n·λ of the rows that are left.
        other = Ridge(alpha=curve["alpha"][i] * (len(y) - 1), solver="svd")
        found = cross_val_predict(other, A, y, cv=LeaveOneOut())
        losses = 0.5 * np.square(y - found).sum(axis=1)
        np.testing.assert_allclose(curve["loss"][i], losses.mean(), rtol=1e-9)
        np.testing.assert_allclose(curve["std_error"][i], losses.std() / np.sqrt(len(y)), rtol=1e-9)
    assert model.alpha_ == curve["alpha"][curve["loss"].argmin()]
    assert (np.diff(curve["alpha"]) < 0).all()
    assert not curve["doubt"].any()
    other = clone(model).set_params(alpha=model.alpha_).fit(kind(A), y)
    np.testing.assert_array_equal(model.coef_, other.coef_)


@pytest.mark.parametrize(
    ("estimator", "y", "loss"),
    [
        (QuadraticApproxLasso(), Y, lambda y, f: 0.5 * np.mean(np.square(y - f))),
        (QuadraticApproxRidgeClassifier(), CLASSES, log_loss),
        (QuadraticApproxRidgeClassifier(), np.digitize(Y, [-1, 1]), log_loss),
        (QuadraticApproxRidge(loss="poisson"), np.floor(np.abs(Y)), mean_poisson_deviance),
    ],
    ids=["lasso", "two classes", "three classes", "counts"],
)
def test_choice_is_as_good_as_that_of_fits_without_each_row(estimator, y, loss):
    model = clone(estimator).set_params(alpha="auto").fit(X, y)
    how = "predict_proba" if hasattr(model, "classes_") else "predict"
    grid = model.alpha_curve_["alpha"]
    left = []
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        path = estimator.regularization_path(X[others], y[others], grid)
        left.append(getattr(path, how)(X[[i]])[:, 0])
    errors = [loss(y, found) for found in np.moveaxis(left, 0, 1)]
    chosen = errors[model.alpha_curve_["loss"].argmin()]
    assert chosen <= min(errors) + 0.01 * (errors[0] - min(errors))
    share = model.alpha_curve_["std_error"] / model.alpha_curve_["loss"]
    assert (share > 0).all()
    assert np.isfinite(share).all()


def test_weights_and_offset_have_their_say():
    weights, offset = RNG.integers(0, 3, size=40).astype(float), RNG.normal(size=40)
    model = QuadraticApproxRidge("auto").fit(X, Y + offset, weights, offset)
    kept = weights > 0
    other = QuadraticApproxRidge("auto").fit(X[kept], Y[kept], weights[kept])
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.alpha_curve_["loss"], other.alpha_curve_["loss"], rtol=1e-9)


def test_by_moments_it_is_generalized_cross_validation():
    A, y = load_diabetes(return_X_y=True)
    model = QuadraticApproxRidge(alpha="auto")
    for rows in (slice(0, 200), slice(200, None)):
        model.partial_fit(A[rows], y[rows])
    search = PathSearchCV(QuadraticApproxRidge(), cv="gcv").fit(A, y)
    np.testing.assert_allclose(model.alpha_, search.best_alpha_, rtol=1e-9)
    np.testing.assert_allclose(
        2 * model.alpha_curve_["loss"], -search.cv_results_["mean_test_score"], rtol=1e-8
    )
    assert np.isnan(model.alpha_curve_["std_error"]).all()


def test_searches_over_alpha_go_on_as_before():
    alphas = [1.0, 0.1, 0.01]
    model = QuadraticApproxLasso(alpha="auto")
    path = PathSearchCV(model, alphas, cv=3).fit(X, Y)
    grid = GridSearchCV(model, {"alpha": alphas}, cv=3).fit(X, Y)
    np.testing.assert_allclose(
        path.cv_results_["mean_test_score"], grid.cv_results_["mean_test_score"], rtol=1e-7
    )
    assert not hasattr(path.best_estimator_, "alpha_curve_")
    assert model.regularization_path(X, Y, alphas).coefs.shape == (3, 6)


def test_a_number_leaves_no_curve_of_an_earlier_fit():
    model = QuadraticApproxRidge(alpha="auto").fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.alpha_curve_["loss"], model.alpha_curve_["loss"])
    assert not hasattr(model.set_params(alpha=0.1).fit(X, Y), "alpha_curve_")
    bounded = QuadraticApproxRidge(alpha="auto", norm_bound=0.1).fit(X, Y)
    assert not hasattr(bounded, "alpha_curve_")


def test_a_grid_that_ends_too_soon_is_extended():
    """Without noise the smaller λ the better."""
    model = QuadraticApproxLasso(alpha="auto").fit(X, X @ np.arange(6.0))
    assert model.alpha_ < 1e-4 * model.alpha_curve_["alpha"][0]
    np.testing.assert_allclose(model.coef_, np.arange(6.0), atol=1e-2)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (QuadraticApproxLasso("auto", groups=[0, 0, 0, 1, 1, 1]), "Group couples"),
        (QuadraticApproxRidge("auto", loss="quantile"), "'quantile' has none"),
        (QuadraticApproxLasso("auto", penalty="mcp"), "is not convex"),
        (QuadraticApproxLasso("auto", hessian="pca"), "approximates"),
        (QuadraticApproxRidge("best"), "'auto'"),
    ],
)
def test_what_cannot_leave_rows_out_says_so(model, why):
    with pytest.raises(ValueError, match=why):
        model.fit(X, Y)


def test_one_row_leaves_none_to_fit():
    with pytest.raises(ValueError, match="1 sample"):
        QuadraticApproxRidge(alpha="auto").fit(X[:1], Y[:1])


def test_what_is_in_doubt_is_announced():
    """Of eight rows with a far feature each is one that matters."""
    A, y = X[:8] * [1e3, 1, 1, 1, 1, 1], CLASSES[:8]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = QuadraticApproxRidgeClassifier(alpha="auto").fit(A, y)
    best = model.alpha_curve_["loss"].argmin()
    announced = any("in doubt" in str(word.message) for word in said)
    assert announced == (model.alpha_curve_["doubt"][best] > 0.05)
