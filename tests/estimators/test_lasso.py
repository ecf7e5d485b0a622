"""QuadraticApproxLasso: its laws, its input, its errors."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso

from skreg import QuadraticApproxLasso

HESSIANS = ["full", "diagonal", "pca"]


def correlated(n=60, p=10, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.7 * rng.normal(size=(n, 1))
    return X, X[:, :3].sum(axis=1) + rng.normal(size=n)


@given(problems(targets=0, tall=True), st.floats(0.01, 1.0), st.booleans())
def test_equals_scikit_learn(problem, fraction, fit_intercept):
    X, y, weights = problem
    path = QuadraticApproxLasso(fit_intercept=fit_intercept).regularization_path(X, y, 1, weights)
    alpha = fraction * path.alphas[0]
    ours = QuadraticApproxLasso(alpha=alpha, fit_intercept=fit_intercept).fit(X, y, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other = Lasso(alpha=alpha, fit_intercept=fit_intercept, tol=1e-14, max_iter=50_000)
        other.fit(X, y, weights)
    # Where nearly everything is off, scikit-learn's own tolerance is what is left.
    size = np.abs(other.predict(X)).max() + 1e-3 * np.abs(y).max()
    np.testing.assert_allclose(ours.predict(X), other.predict(X), rtol=0, atol=1e-6 * size)
    np.testing.assert_allclose(
        ours.coef_ * X.std(axis=0), other.coef_ * X.std(axis=0), rtol=0, atol=1e-6 * size
    )


@given(problems(targets=0), st.floats(0.01, 1.0), st.sampled_from(HESSIANS), st.data())
def test_integer_weights_repeat_rows(problem, fraction, hessian, data):
    X, y, _ = problem
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(X), max_size=len(X)))
    counts[:2] = [max(count, 1) for count in counts[:2]]
    alpha = fraction * np.std(y) * 0.3
    estimator = QuadraticApproxLasso(alpha=alpha, hessian=hessian)
    weighted = estimator.fit(X, y, np.array(counts)).predict(X)
    repeated = estimator.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)).predict(X)
    np.testing.assert_allclose(weighted, repeated, rtol=0, atol=1e-6 * np.abs(repeated).max())


@pytest.mark.parametrize("hessian", HESSIANS)
@pytest.mark.parametrize("shape", [(60, 10), (15, 40)])
def test_order_of_rows_and_features_does_not_matter(hessian, shape):
    X, y = correlated(*shape)
    rng = np.random.default_rng(1)
    rows, features = rng.permutation(shape[0]), rng.permutation(shape[1])
    estimator = QuadraticApproxLasso(alpha=0.1, hessian=hessian)
    plain = estimator.fit(X, y).coef_
    mixed = estimator.fit(X[rows][:, features], y[rows]).coef_
    np.testing.assert_allclose(mixed, plain[features], atol=1e-9)


@pytest.mark.parametrize("hessian", HESSIANS)
@pytest.mark.parametrize("shape", [(60, 10), (15, 40)])
def test_offsets_and_layouts_do_not_matter(hessian, shape):
    X, y = correlated(*shape)
    X = np.round(X * 2**20) / 2**20  # so that X + 1e8 is exact
    estimator = QuadraticApproxLasso(alpha=0.1, hessian=hessian)
    plain = estimator.fit(X, y).coef_
    for offset in (1.0, 1e4, 1e8):
        shifted = estimator.fit(X + offset, y - offset).coef_
        np.testing.assert_allclose(shifted, plain, rtol=1e-6, atol=1e-7)
    read_only = X.copy()
    read_only.flags.writeable = False
    for layout in (np.asfortranarray(X), read_only, np.repeat(X, 2, axis=1)[:, ::2]):
        np.testing.assert_allclose(estimator.fit(layout, y).coef_, plain, atol=1e-10)
    single = estimator.fit(X.astype(np.float32), y)
    assert single.coef_.dtype == single.predict(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(single.coef_, plain, atol=1e-5)


def test_fitted_attributes():
    X, y = correlated()
    model = QuadraticApproxLasso(alpha=0.2).fit(X, y)
    assert (model.alpha_, model.n_expansions_, model.solver_) == (0.2, 1, "active_set")
    assert model.n_iter_ >= 1
    assert 0 <= model.dual_gap_ < 1e-12
    assert model.effective_dof_ == np.count_nonzero(model.coef_) > 0
    np.testing.assert_allclose(
        model.erm_coef_, np.linalg.lstsq(X - X.mean(0), y - y.mean())[0], rtol=1e-9
    )
    np.testing.assert_allclose(
        (X @ model.erm_coef_ + model.erm_intercept_).mean(), y.mean(), rtol=1e-9
    )
    diagonal = QuadraticApproxLasso(alpha=0.2, hessian="diagonal").fit(X, y)
    assert diagonal.solver_ == "soft_threshold"
    assert diagonal.dual_gap_ > 1e-6
    rotated = QuadraticApproxLasso(alpha=0.2, hessian="pca").fit(X, y)
    kept = np.count_nonzero(np.abs(rotated.quadratic_.spectrum.vectors.T @ rotated.coef_) > 1e-12)
    assert rotated.effective_dof_ == kept
    assert rotated.dual_gap_ < 1e-12


def test_not_converging_warns_with_the_gap_and_the_remedy():
    X, y = correlated(60, 40)
    with pytest.warns(ConvergenceWarning, match="relative duality gap of .* Raise max_iter"):
        model = QuadraticApproxLasso(alpha=1e-3, max_iter=1).fit(X, y)
    assert model.dual_gap_ > model.tol


def test_several_targets_are_solved_each_by_itself():
    X, y = correlated()
    Y = np.column_stack([y, -y + X[:, 5], X[:, 4]])
    together = QuadraticApproxLasso(alpha=0.1).fit(X, Y)
    assert together.coef_.shape == (3, 10)
    assert together.predict(X).shape == Y.shape
    for k in range(3):
        alone = QuadraticApproxLasso(alpha=0.1).fit(X, Y[:, k])
        np.testing.assert_allclose(together.coef_[k], alone.coef_, atol=1e-10)
    column = QuadraticApproxLasso().fit(X, y[:, None])
    np.testing.assert_array_equal(column.coef_, QuadraticApproxLasso().fit(X, y).coef_)


def test_one_target_only_where_the_loss_is_not_squared_error():
    X, y = correlated()
    with pytest.raises(ValueError, match=r"takes one target, but y has shape \(60, 2\)\. Wrap"):
        QuadraticApproxLasso(loss="huber").fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -1.0),
        ("alpha", np.nan),
        ("alpha", np.inf),
        ("hessian", "fulll"),
        ("hessian", None),
        ("max_iter", 0),
        ("max_iter", 1.5),
        ("tol", 0.0),
        ("tol", np.nan),
        ("fit_intercept", "yes"),
    ],
)
def test_bad_parameters_are_named(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of QuadraticApproxLasso must be"):
        QuadraticApproxLasso(**{name: value}).fit(*correlated())


@pytest.mark.parametrize("shape", [(60, 20), (60, 200)])
@pytest.mark.parametrize("options", [{}, {"positive": True}, {"groups": True}, {"loss": "huber"}])
def test_a_fit_that_is_cut_off_counts_no_more_than_max_iter(shape, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, :5].sum(axis=1) + rng.normal(size=60)
    if "groups" in options:
        options = {"groups": np.arange(shape[1]) // 2}
    for max_iter in (1, 2, 5):
        model = QuadraticApproxLasso(alpha=1e-3, max_iter=max_iter, **options)
        with pytest.warns(ConvergenceWarning, match=f"max_iter={max_iter} "):
            model.fit(X, y)
        assert model.n_iter_ <= max_iter
