"""What a fitted estimator keeps, in memory and in a pickle: no row of X unless asked."""

import gc
import pickle
import weakref

import numpy as np
import pytest
import scipy.sparse as sp

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

MODELS = {
    "ridge": QuadraticApproxRidge(0.1),
    "lasso": QuadraticApproxLasso(0.1),
    "groups": QuadraticApproxLasso(0.1, groups="targets"),
    "poisson": QuadraticApproxRidge(0.1, loss="poisson"),
    "quantile": QuadraticApproxRidge(0.1, loss="quantile"),
    "elastic net, huber": QuadraticApproxLasso(0.1, l1_ratio=0.5, loss="huber"),
    "bounded": QuadraticApproxRidge(norm_bound=0.1),
    "ridge, classes": QuadraticApproxRidgeClassifier(0.1),
    "lasso, classes": QuadraticApproxLassoClassifier(0.1),
}
SHAPES = {"tall": (300, 12), "square": (120, 100), "wide": (40, 120)}
SETTLED = ("gradient_norm_", "noise_variance_", "log_evidence_", "effective_dof_", "dual_gap_")


def problem(name, shape, sparse=False):
    rng = np.random.default_rng(0)
    X = rng.normal(size=SHAPES[shape])
    if sparse:
        X = sp.csr_array(np.where(rng.random(X.shape) < 0.3, X, 0.0))
    y = X[:, [0, 1, 2]].sum(axis=1)
    y = np.asarray(y + rng.normal(size=len(y)))
    if "classes" in name:
        return X, (y > 0).astype(int)
    return X, np.round(np.abs(y)) if "poisson" in name else y


def rows_in(text, X):
    """Whether some row of X, or part of its data, is in a pickle bit for bit."""
    parts = [X.data[i : i + 8] for i in range(0, 80, 8)] if sp.issparse(X) else X
    return any(np.ascontiguousarray(part).tobytes() in text for part in parts)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODELS)
def test_a_pickle_holds_coefficients_and_no_rows(name, shape, sparse):
    X, y = problem(name, shape, sparse)
    model = MODELS[name].fit(X, y)
    text = pickle.dumps(model)
    assert not rows_in(text, X)
    assert len(text) <= 3 * model.coef_.nbytes + 10_000
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    for fact in SETTLED:
        assert getattr(again, fact, None) == getattr(model, fact, None)
    if name == "ridge":
        assert all(hasattr(again, fact) for fact in ("noise_variance_", "log_evidence_"))
        # A closed form with p > n has no gradient without another pass over the rows.
        assert hasattr(again, "gradient_norm_") or shape == "wide" or sparse


@pytest.mark.parametrize("shape", ["tall", "wide"])
@pytest.mark.parametrize("name", MODELS)
def test_no_reference_to_the_rows_is_left(name, shape):
    X, y = problem(name, shape)
    model = MODELS[name].fit(X, y)
    path = model.regularization_path(X, y, [0.3, 0.1])
    taken = path.estimator(0.1)
    assert taken.effective_dof_ > 0  # counted, or it would refer to the rows
    search = PathSearchCV(MODELS[name], [0.3, 0.1], cv=2)
    best = None if model.norm_bound else search.fit(X, y).best_estimator_
    gone = weakref.ref(X)
    del X, path, search
    gc.collect()
    assert gone() is None
    assert taken.coef_.shape == (model if best is None else best).coef_.shape


@pytest.mark.parametrize("name", ["ridge", "lasso", "poisson", "ridge, classes"])
@pytest.mark.parametrize("shape", ["tall", "wide"])
def test_what_was_asked_for_is_kept_in_pickles_too(name, shape):
    X, y = problem(name, shape)
    model = pickle.loads(pickle.dumps(MODELS[name].set_params(store_quadratic=True).fit(X, y)))
    try:
        theta = model.coef_ if name != "ridge, classes" else model.coef_[0]
        assert model.quadratic_.gradient(theta).shape == theta.shape
        if shape == "tall":
            assert model.erm_coef_.shape == model.coef_.shape
        if name == "ridge":
            assert (model.predict(X, return_std=True)[1] > 0).all()
            model.partial_fit(X, y)
            np.testing.assert_allclose(
                model.coef_, MODELS[name].fit(np.r_[X, X], np.r_[y, y]).coef_, rtol=1e-6, atol=1e-9
            )
    finally:
        MODELS[name].set_params(store_quadratic=False)


def test_what_is_missing_names_the_remedy():
    X, y = problem("ridge", "wide")
    model = QuadraticApproxRidge(0.1).fit(X, y)
    for attribute in ("quadratic_", "erm_coef_", "erm_intercept_"):
        with pytest.raises(AttributeError, match=r"store_quadratic=True, and fit again"):
            getattr(model, attribute)
        assert attribute not in dir(model)
    with pytest.raises(ValueError, match=r"return_std=True needs H.*store_quadratic=True"):
        model.predict(X, return_std=True)
    with pytest.raises(ValueError, match=r"partial_fit needs the moments.*store_quadratic=True"):
        model.partial_fit(X, y)


def test_streams_go_on_after_a_pickle():
    X, y = problem("ridge", "square")
    model = QuadraticApproxRidge(0.1).partial_fit(X[:50], y[:50])
    again = pickle.loads(pickle.dumps(model)).partial_fit(X[50:], y[50:])
    np.testing.assert_allclose(again.coef_, QuadraticApproxRidge(0.1).fit(X, y).coef_, rtol=1e-8)


def test_small_moments_are_kept():
    X, y = problem("ridge", "tall")
    model = QuadraticApproxRidge(0.1).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.erm_coef_, model.erm_coef_)
    np.testing.assert_allclose(again.quadratic_.hessian, model.quadratic_.hessian)


@pytest.mark.parametrize("shape", ["tall", "wide"])
def test_paths_and_searches_leave_rows_out_of_pickles(shape):
    X, y = problem("ridge", shape)
    for model in (QuadraticApproxRidge(), QuadraticApproxLasso(l1_ratio=0.5, loss="huber")):
        search = PathSearchCV(model, [0.3, 0.1], cv=2).fit(X, y)
        text = pickle.dumps(search)
        assert not rows_in(text, X)
        again = pickle.loads(text)
        np.testing.assert_array_equal(again.path_.coefs, search.path_.coefs)
        np.testing.assert_array_equal(again.path_.dof, search.path_.dof)
