"""Huber, Poisson and gamma regressors: against scikit-learn's, offsets, scores, input, errors."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxLasso, QuadraticApproxRidge

LOSSES = ["huber", "poisson", "gamma"]


def rows_of(loss, n=200, p=5, seed=0):
    """Rows with targets that the loss is made for, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    raw = 0.4 * X[:, 0] - 0.3 * X[:, 1] + 0.2
    if loss == "poisson":
        y = rng.poisson(np.exp(raw)).astype(float)
    elif loss == "gamma":
        y = rng.gamma(2.0, np.exp(raw) / 2.0) + 1e-3
    else:
        y = raw + rng.standard_t(1.5, size=n)
    return X, y, rng.uniform(0.2, 2.0, size=n)


def huber_by_hand(X, y, weights, alpha, delta):
    """argmin of the written-out objective."""
    share = weights / weights.sum()

    def objective(v):
        r = X @ v[:-1] + v[-1] - y
        bent = np.where(np.abs(r) <= delta, 0.5 * r * r, delta * np.abs(r) - 0.5 * delta**2)
        slope = share * np.clip(r, -delta, delta)
        gradient = np.append(X.T @ slope + alpha * v[:-1], slope.sum())
        return share @ bent + 0.5 * alpha * v[:-1] @ v[:-1], gradient

    options = {"gtol": 1e-12, "maxiter": 10_000}
    return minimize(objective, np.zeros(X.shape[1] + 1), jac=True, options=options).x


@pytest.mark.parametrize("alpha", [1.0, 1e-2, 0.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_ridge_equals_the_others(loss, alpha):
    X, y, weights = rows_of(loss)
    ours = QuadraticApproxRidge(alpha, loss=loss, delta=0.8, tol=1e-11).fit(X, y, weights)
    if loss == "huber":
        expected = huber_by_hand(X, y, weights, alpha, 0.8)
        coef, intercept = expected[:-1], expected[-1]
    else:
        kind = PoissonRegressor if loss == "poisson" else GammaRegressor
        other = kind(alpha=alpha, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        other.fit(X, y, weights)
        coef, intercept = other.coef_, other.intercept_
        np.testing.assert_allclose(ours.predict(X), other.predict(X), rtol=1e-6)
        np.testing.assert_allclose(ours.score(X, y, weights), other.score(X, y, weights), rtol=1e-6)
    np.testing.assert_allclose(ours.coef_, coef, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, intercept, rtol=1e-6, atol=1e-7)
    assert isinstance(ours.intercept_, float)
    assert ours.gradient_norm_ <= 1e-11


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
@pytest.mark.parametrize("loss", LOSSES)
def test_lasso_is_optimal(loss, l1_ratio):
    """The conditions of optimality, with the loss written out."""
    X, y, weights = rows_of(loss)
    alpha, share = 0.1, weights / weights.sum()
    model = QuadraticApproxLasso(alpha, loss=loss, l1_ratio=l1_ratio, tol=1e-12)
    model.fit(X, y, weights)
    raw = X @ model.coef_ + model.intercept_
    slope = {
        "huber": np.clip(raw - y, -1.35, 1.35),
        "poisson": np.exp(raw) - y,
        "gamma": 1 - y * np.exp(-raw),
    }[loss]
    gradient = X.T @ (share * slope) + alpha * (1 - l1_ratio) * model.coef_
    on = model.coef_ != 0
    assert 0 < on.sum() < 5 or l1_ratio < 1
    np.testing.assert_allclose(
        gradient[on], -alpha * l1_ratio * np.sign(model.coef_[on]), atol=1e-6
    )
    assert (np.abs(gradient[~on]) <= alpha * l1_ratio + 1e-6).all()
    assert abs(share @ slope) < 1e-6
    assert model.dual_gap_ < 1e-8


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
@pytest.mark.parametrize("loss", ["squared_error", *LOSSES])
def test_an_offset_is_added_to_the_raw_prediction(kind, loss):
    X, y, weights = rows_of("poisson" if loss == "squared_error" else loss)
    offset = np.random.default_rng(1).normal(size=len(y)) * 0.5
    plain = kind(1e-3, loss=loss, tol=1e-10).fit(X, y, weights)
    zero = kind(1e-3, loss=loss, tol=1e-10).fit(X, y, weights, offset=np.zeros(len(y)))
    np.testing.assert_allclose(zero.coef_, plain.coef_, rtol=1e-7, atol=1e-9)
    # A constant offset is taken up by the intercept alone.
    moved = kind(1e-3, loss=loss, tol=1e-10).fit(X, y, weights, offset=np.full(len(y), 0.7))
    np.testing.assert_allclose(moved.coef_, plain.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moved.intercept_, plain.intercept_ - 0.7, rtol=1e-5)
    # An offset that is a feature whose coefficient is 1 leaves the others to explain the rest.
    column = np.column_stack([X, offset])
    shifted = kind(0.0, loss=loss, tol=1e-10).fit(X, y, weights, offset=offset + 0.0)
    both = kind(0.0, loss=loss, tol=1e-10).fit(column, y, weights, offset=offset)
    free = kind(0.0, loss=loss, tol=1e-10).fit(column, y, weights)
    np.testing.assert_allclose(both.coef_[:-1], free.coef_[:-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(both.coef_[-1], free.coef_[-1] - 1.0, rtol=1e-5, atol=1e-6)
    raw = X @ shifted.coef_ + shifted.intercept_ + offset
    expected = np.exp(raw) if loss in ("poisson", "gamma") else raw
    np.testing.assert_allclose(shifted.predict(X, offset=offset), expected, rtol=1e-9)
    path = kind(loss=loss).regularization_path(X, y, [0.1, 0.01], weights, offset=offset)
    one = path.estimator(0.01)
    np.testing.assert_allclose(
        path.predict(X, offset=offset)[1], one.predict(X, offset=offset), rtol=1e-9
    )


def test_exposure_is_an_offset_or_a_weight():
    """Counts over an exposure: the log of it as offset, or rates with it as weight."""
    X, _, _ = rows_of("poisson")
    rng = np.random.default_rng(2)
    exposure = rng.uniform(0.5, 5.0, size=len(X))
    counts = rng.poisson(exposure * np.exp(0.3 * X[:, 0]))
    as_offset = QuadraticApproxRidge(0.0, loss="poisson").fit(X, counts, offset=np.log(exposure))
    as_weight = QuadraticApproxRidge(0.0, loss="poisson").fit(X, counts / exposure, exposure)
    np.testing.assert_allclose(as_offset.coef_, as_weight.coef_, rtol=1e-5, atol=1e-7)


def test_offset_is_routed_as_metadata():
    X, y, _ = rows_of("poisson")
    offset = np.random.default_rng(3).normal(size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = QuadraticApproxRidge(0.1, loss="poisson")
        model.set_fit_request(offset=True, sample_weight=False)
        model.set_predict_request(offset=True, return_std=False)
        model.set_score_request(offset=True, sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, y, offset=offset)
        by_hand = QuadraticApproxRidge(0.1, loss="poisson")
        Z = StandardScaler().fit_transform(X)
        by_hand.fit(Z, y, offset=offset)
        np.testing.assert_allclose(pipeline[-1].coef_, by_hand.coef_)
        np.testing.assert_allclose(
            pipeline.predict(X, offset=offset), by_hand.predict(Z, offset=offset)
        )
        search = GridSearchCV(pipeline, {"quadraticapproxridge__alpha": [1e-3, 10.0]}, cv=3)
        search.fit(X, y, offset=offset)
        assert search.best_params_["quadraticapproxridge__alpha"] == 1e-3
        scores = cross_validate(pipeline, X, y, cv=3, params={"offset": offset})
        assert np.isfinite(scores["test_score"]).all()


@given(st.sampled_from(LOSSES), st.data())
def test_integer_weights_repeat_rows(loss, data):
    X, y, _ = rows_of(loss, n=40, p=3, seed=data.draw(st.integers(0, 1000)))
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=40, max_size=40)))
    counts[:5] = 1
    weighted = QuadraticApproxRidge(0.1, loss=loss, tol=1e-10).fit(X, y, counts)
    repeated = QuadraticApproxRidge(0.1, loss=loss, tol=1e-10)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
@pytest.mark.parametrize("loss", ["squared_error", *LOSSES])
def test_rows_come_in_many_forms(kind, loss):
    X, y, weights = rows_of("gamma" if loss == "squared_error" else loss)
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    expected = kind(0.02, loss=loss, tol=1e-10).fit(X, y, weights)
    names = [f"c{j}" for j in range(X.shape[1])]
    read_only = X.copy()
    read_only.flags.writeable = False
    forms = [np.asfortranarray(X), read_only, sparse.csr_matrix(X), sparse.csc_array(X)]
    forms += [pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)]
    for form in forms:
        again = kind(0.02, loss=loss, tol=1e-10).fit(form, y, weights)
        np.testing.assert_allclose(again.coef_, expected.coef_, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(again.predict(form), expected.predict(X), rtol=1e-5)
        path = again.regularization_path(form, y, [0.1, 0.02], weights)
        np.testing.assert_allclose(path.predict(form)[1], expected.predict(X), rtol=1e-3)
    assert list(again.feature_names_in_) == names
    assert list(path.to_frame().columns[-5:]) == names
    single = kind(0.02, loss=loss).fit(X.astype(np.float32), y, weights)
    assert single.coef_.dtype == single.predict(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(single.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_shot_gap(loss):
    X, y, weights = rows_of(loss)
    gap = QuadraticApproxRidge(1.0, loss=loss).one_shot_gap(X, y, weights)
    assert gap > 1e-7
    assert abs(QuadraticApproxRidge(1.0).one_shot_gap(X, y, weights)) < 1e-12
    once = QuadraticApproxRidge(1.0, loss=loss, max_expansions=1).fit(X, y, weights)
    exact = QuadraticApproxRidge(1.0, loss=loss).fit(X, y, weights)
    assert once.n_expansions_ == 1
    assert not np.allclose(once.coef_, exact.coef_, rtol=1e-4)


def test_minimizer_and_quadratic_are_at_hand():
    X, y, weights = rows_of("poisson")
    model = QuadraticApproxRidge(0.1, loss="poisson", store_quadratic=True).fit(X, y, weights)
    free = QuadraticApproxRidge(0.0, loss="poisson").fit(X, y, weights)
    np.testing.assert_allclose(model.erm_coef_, free.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.erm_intercept_, free.intercept_, rtol=1e-5)
    gradient = model.quadratic_.gradient(model.coef_) + 0.1 * model.coef_
    np.testing.assert_allclose(gradient, 0.0, atol=1e-7)


@pytest.mark.parametrize(
    ("loss", "bad", "message"),
    [("poisson", -1.0, "y .*-1"), ("gamma", 0.0, "y .*0"), ("gamma", -2.0, "y .*-2")],
)
def test_targets_that_a_loss_is_not_defined_for_are_named(loss, bad, message):
    X, y, _ = rows_of(loss)
    y[3] = bad
    for kind in (QuadraticApproxRidge, QuadraticApproxLasso):
        with pytest.raises(ValueError, match=message):
            kind(loss=loss).fit(X, y)


def test_bad_offsets_and_parameters_are_named():
    X, y, _ = rows_of("poisson")
    for offset, message in (([1.0], "offset must have one number"), (y * np.nan, "offset")):
        with pytest.raises(ValueError, match=message):
            QuadraticApproxRidge(loss="poisson").fit(X, y, offset=offset)
        with pytest.raises(ValueError, match=message):
            QuadraticApproxRidge(loss="poisson").fit(X, y).predict(X, offset=offset)
    for parameters in ({"loss": "absolute"}, {"delta": 0.0}, {"max_expansions": 0}, {"tol": 0.0}):
        with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
            QuadraticApproxRidge(**parameters).fit(X, y)
    for factors in ([1.0, 2.0], [-1.0, 1, 1, 1, 1], [np.nan, 1, 1, 1, 1]):
        with pytest.raises(ValueError, match="penalty_factors must"):
            QuadraticApproxLasso(penalty_factors=factors).fit(X, y)
    with pytest.raises(ValueError, match="hessian='diagonal' does not go with groups"):
        QuadraticApproxLasso(groups=[0, 0, 1, 1, 1], hessian="diagonal").fit(X, y)
    with pytest.raises(ValueError, match="bounds does not go with penalty='slope'"):
        QuadraticApproxLasso(penalty="slope", bounds=(0, 1)).fit(X, y)
    for parameters in ({"positive": True}, {"penalty_factors": [1, 1, 1, 1, 0]}):
        with pytest.raises(ValueError, match="hessian='pca' penalizes their principal components"):
            QuadraticApproxLasso(hessian="pca", **parameters).fit(X, y)
