"""QuadraticModel: what it says of θ, its spectrum, its minimizers, adding rows."""

import pickle

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import assume, given
from hypothesis import strategies as st
from reference_quadratic import alphas, problems

from skreg import QuadraticModel
from skreg.quadratic import Moments

intercepts = st.booleans()


def model_and_rows(problem, fit_intercept=True):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    A, b = reference.centered(X, y, weights, fit_intercept)
    return model, A, b


def close(actual, desired, rtol=1e-8):
    """Equal, measured against the largest component."""
    atol = rtol * np.abs(desired).max(initial=0.0)
    np.testing.assert_allclose(actual, desired, rtol=0, atol=max(atol, 1e-300))


@given(problems(), intercepts)
def test_hessian_value_and_gradient(problem, fit_intercept):
    model, A, b = model_and_rows(problem, fit_intercept)
    close(model.hessian, A.T @ A, 1e-12)
    theta = np.random.default_rng(0).normal(size=model.minimizer.shape)
    if b.ndim == 1:
        expected = 0.5 * np.sum((A @ theta - b) ** 2)
        slope = A.T @ (A @ theta - b)
    else:
        expected = 0.5 * np.sum((A @ theta.T - b) ** 2)
        slope = (A.T @ (A @ theta.T - b)).T
    np.testing.assert_allclose(model.value(theta), expected, rtol=1e-9)
    close(model.gradient(theta), slope)
    # R(θ) = R(θ̂) + ½ (θ − θ̂)ᵀH(θ − θ̂).
    away = np.atleast_2d(theta - model.minimizer)
    quadratic = model.minimum_risk + 0.5 * np.sum((away @ model.hessian) * away)
    np.testing.assert_allclose(quadratic, expected, rtol=1e-8)


@given(problems(), intercepts)
def test_spectrum_decomposes_the_hessian(problem, fit_intercept):
    model, A, _ = model_and_rows(problem, fit_intercept)
    spectrum = model.spectrum
    assert model.spectrum is spectrum
    Q, sigma = spectrum.vectors, spectrum.eigenvalues
    assert (sigma > 0).all()
    assert (np.diff(sigma) <= 0).all()
    assert len(sigma) == np.linalg.matrix_rank(A)
    close(Q.T @ Q, np.eye(len(sigma)), 1e-10)
    close((Q * sigma) @ Q.T, A.T @ A, 1e-11)
    close(Q @ spectrum.coordinates, np.atleast_2d(model.minimizer).T)


@given(problems(), intercepts, alphas)
def test_ridge_is_the_closed_form_and_scales_each_direction(problem, fit_intercept, alpha):
    model, A, b = model_and_rows(problem, fit_intercept)
    theta = model.ridge(alpha)
    H, p = A.T @ A, A.shape[1]
    close(theta, reference.ridge(A, b, alpha))
    close(theta, np.linalg.solve(H + alpha * np.eye(p), H @ model.minimizer.T).T, 1e-7)
    spectrum = model.spectrum
    kept = spectrum.eigenvalues / (spectrum.eigenvalues + alpha)
    close(
        np.atleast_2d(theta) @ spectrum.vectors,
        kept * (np.atleast_2d(model.minimizer) @ spectrum.vectors),
    )
    close(theta, ((spectrum.vectors * kept) @ spectrum.coordinates).T.reshape(theta.shape))


@given(problems(), intercepts)
def test_minimizer_is_the_least_squares_solution_of_smallest_norm(problem, fit_intercept):
    model, A, b = model_and_rows(problem, fit_intercept)
    close(model.minimizer, np.linalg.lstsq(A, b, rcond=1e-13)[0].T)
    np.testing.assert_array_equal(model.ridge(0.0), model.minimizer)


@given(problems(), st.data())
def test_models_add_and_subtract(problem, data):
    X, y, weights = problem
    assume(len(X) >= 4)
    cut = data.draw(st.integers(2, len(X) - 2))
    w = np.ones(len(X)) if weights is None else weights
    first = QuadraticModel.from_data(X[:cut], y[:cut], w[:cut])
    second = QuadraticModel.from_data(X[cut:], y[cut:], w[cut:])
    whole = QuadraticModel.from_data(X, y, w)
    both = first + second
    close(both.ridge(0.5), whole.ridge(0.5))
    close(both.intercept(both.ridge(0.5)), whole.intercept(whole.ridge(0.5)), 1e-7)
    size = np.abs(whole.ridge(0.5)).max()
    back = (both - second).ridge(0.5)
    np.testing.assert_allclose(back, first.ridge(0.5), rtol=0, atol=1e-6 * size)


def test_wide_models_keep_to_the_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 5000)), rng.normal(size=20)
    model = QuadraticModel.from_data(X, y)
    assert model.moments is None
    assert model.spectrum.solver == "eigh-dual"
    close(X @ model.minimizer + model.intercept(model.minimizer), y)
    assert len(model.spectrum.eigenvalues) == 19


def test_wide_products_are_centered_block_by_block_or_afterwards():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 40)), rng.normal(size=12)
    theta = rng.normal(size=40)
    near, far = (QuadraticModel.from_data(X + offset, y) for offset in (1.0, 1e4))
    for call in (lambda m: m.gradient(theta), lambda m: m.ridge(0.1), lambda m: m.lasso(0.05)):
        np.testing.assert_allclose(call(near), call(far), rtol=1e-9, atol=1e-11)


def test_moments_alone_make_a_model():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    streamed = Moments.from_rows(X[:20], y[:20]) + Moments.from_rows(X[20:], y[20:])
    model, whole = QuadraticModel(streamed), QuadraticModel.from_data(X, y[:, 0])
    np.testing.assert_allclose(model.ridge([0.1, 0.0]), whole.ridge([0.1, 0.0]), rtol=1e-12)
    through_origin = QuadraticModel(streamed, fit_intercept=False)
    np.testing.assert_allclose(through_origin.minimizer, np.linalg.lstsq(X, y[:, 0])[0], rtol=1e-10)
    assert through_origin.intercept(through_origin.minimizer) == 0.0


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_pickles_say_the_same(shape):
    rng = np.random.default_rng(0)
    model = QuadraticModel.from_data(rng.normal(size=shape), rng.normal(size=shape[0]))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.ridge([0.1, 1.0]), model.ridge([0.1, 1.0]), rtol=1e-12)
    np.testing.assert_allclose(again.lasso(0.1), model.lasso(0.1), rtol=1e-12)
    assert repr(again) == repr(model)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_solving_changes_nothing(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    X.flags.writeable = y.flags.writeable = False
    model = QuadraticModel.from_data(X, y)
    first = model.ridge(0.3), model.lasso(0.1), model.minimizer
    model.ridge([1e3, 0.0])
    model.lasso([1.0, 0.01], hessian="pca")
    again = model.ridge(0.3), model.lasso(0.1), model.minimizer
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_shapes_follow_y_and_alphas():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    one = QuadraticModel.from_data(X, rng.normal(size=30))
    column = QuadraticModel.from_data(X, rng.normal(size=(30, 1)))
    three = QuadraticModel.from_data(X, rng.normal(size=(30, 3)))
    assert one.ridge(0.1).shape == (4,)
    assert one.ridge([0.1, 1.0]).shape == (2, 4)
    assert column.ridge(0.1).shape == (1, 4)
    assert three.ridge([0.1, 1.0]).shape == (2, 3, 4)
    assert three.intercept(three.minimizer).shape == (3,)
    assert one.lasso([0.1, 1.0]).shape == (2, 4)
    assert (three.n_features, three.n_targets, three.weight) == (4, 3, 30.0)


def test_float32_stays_float32():
    rng = np.random.default_rng(0)
    for shape in ((30, 4), (4, 30)):
        X, y = rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[0])
        model = QuadraticModel.from_data(X, y)
        double = QuadraticModel.from_data(X.astype(np.float64), y)
        for call in (lambda m: m.minimizer, lambda m: m.ridge(0.1), lambda m: m.lasso(0.1)):
            assert call(model).dtype == np.float32
            np.testing.assert_allclose(call(model), call(double), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("alpha", [-1.0, np.nan, np.inf, [], [[1.0]], [0.1, -2.0]])
def test_bad_alphas_are_named(alpha):
    model = QuadraticModel.from_data(np.eye(3), np.arange(3.0))
    for solve in (model.ridge, model.lasso):
        with pytest.raises(ValueError, match="alphas must be"):
            solve(alpha)


def test_bad_use_is_named():
    X = np.random.default_rng(0).normal(size=(10, 3))
    model = QuadraticModel.from_data(X, X[:, 0])
    with pytest.raises(ValueError, match="'hessian' parameter of QuadraticModel"):
        model.lasso(0.1, hessian="ful")
    with pytest.raises(ValueError, match=r"theta must have shape \(3,\), got \(4,\)"):
        model.value(np.zeros(4))
    with pytest.raises(ValueError, match="with and without an intercept"):
        model + QuadraticModel.from_data(X, X[:, 0], fit_intercept=False)
    with pytest.raises(ValueError, match="nothing is left"):
        model - model
    with pytest.raises(TypeError):
        model + 1


@pytest.mark.parametrize(
    "arguments",
    [
        *({"tol": tol} for tol in (-1, 0, np.nan, "small", None)),
        *({"max_iter": n} for n in (-1, 0, 1.5, "many", None)),
        *({"hessian": name} for name in (None, 1, np.zeros(3), ["full", "pca"])),
    ],
    ids=str,
)
def test_settings_of_a_lasso_are_checked_by_name(arguments):
    model = QuadraticModel.from_data(np.eye(3), np.arange(3.0))
    with pytest.raises(ValueError, match=f"'{next(iter(arguments))}' parameter of Quad.*lasso"):
        model.lasso(0.1, **arguments)


def test_arguments_of_a_model_are_checked_by_name():
    X = np.eye(3)
    model = QuadraticModel.from_data(X, np.arange(3.0))
    moments = Moments.from_rows(X, np.arange(3.0))
    for make in (
        lambda fit_intercept: QuadraticModel(moments, fit_intercept=fit_intercept),
        lambda fit_intercept: QuadraticModel(model.problem, fit_intercept=fit_intercept),
        lambda fit_intercept: QuadraticModel.from_data(X, X[0], fit_intercept=fit_intercept),
    ):
        with pytest.raises(ValueError, match="'fit_intercept' parameter of QuadraticModel"):
            make("no")
    with pytest.raises(ValueError, match="fit_intercept=False is for Moments"):
        QuadraticModel(model.problem, fit_intercept=False)
    for theta in ([np.nan, 0, 0], ["a", "b", "c"], None, 1j, object()):
        for method in (model.gradient, model.value, model.intercept):
            with pytest.raises(ValueError, match=r"^theta must|Input theta contains NaN"):
                method(theta)
    with pytest.raises(ValueError, match="'hessian' parameter of QuadraticModel"):
        model.alpha_max(np.zeros(3))
