"""Sparse rows say what the same rows say dense, and stay sparse."""

import pickle
import re
import tracemalloc

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from solver_cases import solve_ridge

from skreg import QuadraticModel
from skreg.quadratic import Moments, conjugate_gradient, quadratic
from skreg.rows import WeightedRows, make_rows

FORMATS = [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array]


@st.composite
def designs(draw, max_rows=40, max_features=40, far=1e6):
    """A dense array with many zeros; some columns are constant, full, or ``far`` from 0."""
    n, p = draw(st.integers(3, max_rows)), draw(st.integers(1, max_features))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.exponential(size=(n, p)) * (rng.uniform(size=(n, p)) < draw(st.floats(0.02, 0.9)))
    for j in range(p):
        kind = rng.uniform()
        if kind < 0.05:
            X[:, j] = 3.1
        elif kind < 0.1:
            X[:, j] = far + np.round(rng.normal(size=n) * 2**10) / 2**10
        elif kind < 0.15:
            X[:, j] = rng.normal(size=n)
    y = rng.normal(size=(n, draw(st.sampled_from([1, 3]))))
    weights = rng.uniform(0.1, 2.0, size=n) if draw(st.booleans()) else None
    return X, y, weights


def close(actual, desired, rtol=1e-10):
    np.testing.assert_allclose(
        actual, desired, rtol=0, atol=max(rtol * np.abs(desired).max(initial=0.0), 1e-300)
    )


@given(designs(), st.booleans(), st.sampled_from(FORMATS), st.sampled_from(["f", "d"]))
def test_products(design, centered, make, kind):
    X, y, weights = design
    X = X.astype(kind)
    dense, rows = (WeightedRows(data, y, weights, centered) for data in (X, make(X)))
    rng = np.random.default_rng(0)
    n, p = X.shape
    A = dense.columns(slice(None))
    close(rows.x_mean, dense.x_mean, 1e-13)
    width = np.sqrt(dense.column_norms)
    np.testing.assert_allclose(np.sqrt(rows.column_norms), width, rtol=1e-10, atol=1e-9)
    unit = np.where(width > 0, width, 1.0)
    for k in (1, 2, 3):
        theta, r = rng.normal(size=(p, k)) / unit[:, None], rng.normal(size=(n, k))
        close(rows.dot(theta), A @ theta)
        np.testing.assert_allclose(
            rows.transposed_dot(r) / unit[:, None], A.T @ r / unit[:, None], rtol=0, atol=1e-10
        )
    which = rng.permutation(p)[: max(p // 2, 1)]
    others = np.arange(p)
    close(rows.columns(which), dense.columns(which))
    close(rows.some_dot(which, theta[which]), A[:, which] @ theta[which])
    scale = np.outer(unit, unit)
    close(rows.gram() / scale, A.T @ A / scale)
    close(rows.products(which, others) / scale[which], (A.T @ A)[which] / scale[which])
    close(rows.outer_gram(), A @ A.T)
    cache = rows.working_columns(y[:, :1])
    for new in np.array_split(which, 2):
        made = cache.extend(new)
    known = cache.known
    close(
        made / scale[np.ix_(known, known)],
        (A.T @ A)[np.ix_(known, known)] / scale[np.ix_(known, known)],
    )
    residuals = cache.residuals(theta[known, :1].T, theta[known, 1])
    left = y[:, 0] - A[:, known] @ theta[known, 0], A[:, known] @ theta[known, 1]
    close(
        rows.transposed_dot(residuals) / unit[:, None],
        A.T @ np.stack(left, axis=1) / unit[:, None],
        1e-9,
    )


@given(designs(), st.sampled_from(FORMATS))
def test_moments(design, make):
    X, y, weights = design
    made, expected = Moments.of(make(X), y, weights), Moments.of(X, y, weights)
    scale = np.sqrt(np.outer(np.diag(expected.xx), np.diag(expected.xx)))
    assert (np.abs(made.xx - expected.xx) <= 1e-10 * scale + 1e-12).all()
    close(made.x_mean, expected.x_mean, 1e-13)
    np.testing.assert_allclose(made.yy, expected.yy, rtol=1e-10)
    assert (made.weight, made.n_rows) == (pytest.approx(expected.weight), expected.n_rows)
    none = Moments.of(make(X), y, np.zeros(len(X)))
    assert none.weight == 0
    assert (made + none) is made


@given(designs(far=20.0), st.booleans(), st.sampled_from(FORMATS), st.floats(-3, 1))
def test_minimizers(design, fit_intercept, make, exponent):
    X, y, weights = design
    y, alpha = y[:, 0], 10.0**exponent
    models = [
        QuadraticModel.from_data(data, y, weights, fit_intercept=fit_intercept)
        for data in (make(X), X)
    ]
    A, _ = reference.centered(X, y, weights, fit_intercept)
    for call in (lambda m: m.ridge(alpha), lambda m: m.lasso(alpha)):
        one, other = (call(model) for model in models)
        close(A @ one, A @ other, 1e-7)
    factors = np.random.default_rng(0).choice([0.0, 0.5, 2.0], size=X.shape[1])
    one, other = (solve_ridge(model.problem, np.array([alpha]), factors) for model in models)
    close(A @ one.coefs[0], A @ other.coefs[0], 1e-6)
    np.testing.assert_allclose(one.dof, other.dof, rtol=1e-6)
    again = pickle.loads(pickle.dumps(models[0]))
    np.testing.assert_array_equal(again.ridge(alpha), models[0].ridge(alpha))


def test_duplicate_entries_are_summed_and_the_matrix_is_left_alone():
    rows, columns = np.array([0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0])
    X = sparse.csr_matrix((5, 2))
    X = sparse.csr_matrix((np.ones(5), columns, np.array([0, 2, 3, 5, 5, 5])), shape=(5, 2))
    assert len(rows) == X.nnz == 5
    y = np.arange(5.0)
    model = QuadraticModel.from_data(X, y)
    np.testing.assert_allclose(
        model.ridge(0.1), QuadraticModel.from_data(X.toarray(), y).ridge(0.1), rtol=1e-12
    )
    assert X.nnz == 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_entries_that_are_not_finite_are_named(bad):
    X = sparse.random(20, 30, density=0.2, format="csr", random_state=0)
    X.data[3] = bad
    with pytest.raises(ValueError, match=r"Input X contains|X holds 1e\+200"):
        QuadraticModel.from_data(X, np.arange(20.0))


def test_a_wide_lasso_needs_little_beside_x():
    rng = np.random.default_rng(0)
    X = sparse.random(2500, 8_000, density=2e-3, format="csc", random_state=0)
    y = X[:, :50] @ rng.normal(size=50) + 0.01 * rng.normal(size=2500)
    X.indices = X.indices.astype(np.int32)
    size = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    tracemalloc.start()
    model = QuadraticModel.from_data(X, y)
    alphas = model.alpha_max() * np.geomspace(1, 0.05, 10)
    before = tracemalloc.get_traced_memory()[0]
    theta = model.lasso(alphas)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.count_nonzero(theta[-1]) > 10
    assert before < 1.2 * size
    assert peak < 2 * size + 4 * theta.nbytes


def large_design(n, p, seed=0, per_column=4):
    """A sparse X, fast to make, with entries of both signs."""
    rng = np.random.default_rng(seed)
    size = p * per_column
    where = rng.integers(n, size=size), np.repeat(np.arange(p), per_column)
    return sparse.csc_matrix((rng.normal(size=size) + 0.5, where), shape=(n, p)), rng


@pytest.mark.parametrize("shape", [(120, 60), (60, 120)])
@pytest.mark.parametrize("with_factors", ["none", "some free", "positive"])
def test_conjugate_gradients_agree_with_a_decomposition(shape, with_factors, monkeypatch):
    X, rng = large_design(*shape)
    y = rng.normal(size=(shape[0], 2))
    factors = {
        "none": None,
        "some free": rng.choice([0.0, 0.5, 2.0], size=shape[1], p=[0.1, 0.5, 0.4]),
        "positive": rng.uniform(0.5, 2.0, size=shape[1]),
    }[with_factors]
    alphas = np.array([0.01, 1.0, 0.1, 0.1])
    expected = solve_ridge(QuadraticModel.from_data(X.toarray(), y).problem, alphas, factors)
    monkeypatch.setattr(quadratic, "_LARGE", 10)
    model = QuadraticModel.from_data(X, y)
    found = solve_ridge(model.problem, alphas, factors)
    assert found.solver == "cg"
    assert np.isnan(found.dof).all()
    assert (found.gradient_norms <= 1e-10).all()
    close(found.coefs, expected.coefs, 1e-7)
    close(found.intercepts, expected.intercepts, 1e-7)
    np.testing.assert_allclose(found.risk, expected.risk, rtol=1e-8)
    with pytest.raises(ValueError, match="too large to decompose"):
        _ = model.spectrum
    np.testing.assert_allclose(
        model.largest_eigenvalue,
        QuadraticModel.from_data(X.toarray(), y).largest_eigenvalue,
        rtol=0.1,
    )


def test_conjugate_gradients_find_the_minimum_norm_without_a_penalty(monkeypatch):
    X, rng = large_design(30, 60)
    y = rng.normal(size=30)
    expected = QuadraticModel.from_data(X.toarray(), y).minimizer
    monkeypatch.setattr(quadratic, "_LARGE", 10)
    close(QuadraticModel.from_data(X, y).minimizer, expected, 1e-6)


@pytest.mark.parametrize("shape", [(120, 60), (60, 120)])
def test_conjugate_gradients_for_many_alphas_cost_as_much_as_for_the_smallest(shape, monkeypatch):
    X, rng = large_design(*shape)
    monkeypatch.setattr(quadratic, "_LARGE", 10)
    form = QuadraticModel.from_data(X, rng.normal(size=shape[0])).problem
    passes = []
    dot = form.rows.dot
    monkeypatch.setattr(form.rows, "dot", lambda theta: passes.append(theta) or dot(theta))
    found = conjugate_gradient.ridge(form, np.geomspace(10.0, 1e-3, 30))
    # One to check each of them.
    assert len(passes) <= found.n_iter[-1] + 30
    assert (np.diff(found.n_iter) >= 0).all()
    assert (found.gradient_norms <= conjugate_gradient.TOL).all()


def test_conjugate_gradients_precondition_features_of_uneven_scales():
    X, rng = large_design(200, 100)
    X = sparse.csr_matrix(X @ sparse.diags(np.geomspace(1e-3, 1e3, 100)))
    y = rng.normal(size=200)
    form = QuadraticModel.from_data(X, y).problem
    alphas = np.array([1.0, 0.01])
    found = conjugate_gradient.ridge(quadratic.RowQuadratic(X, y[:, None], None, True), alphas)
    assert found.n_iter.max() < 100  # 386 without
    for alpha, theta in zip(alphas, found.thetas, strict=True):
        residual = form.gradient(theta) + alpha * theta
        assert np.linalg.norm(residual) <= 1e-9 * np.linalg.norm(form.cross)


def test_conjugate_gradients_say_when_they_stop_early():
    X, rng = large_design(60, 40)
    model = QuadraticModel.from_data(X, rng.normal(size=60))
    found = conjugate_gradient.ridge(model.problem, np.array([1e-3]), max_iter=2)
    assert re.search(r"stopped at 2 steps .* Raise alpha", found.notes[0])


def test_a_large_sparse_ridge_is_never_dense():
    X, rng = large_design(6000, 7000)
    y = rng.normal(size=6000)
    tracemalloc.start()
    found = solve_ridge(QuadraticModel.from_data(X, y).problem, np.array([0.1, 0.001]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.solver == "cg"
    assert peak < 5e6  # 6000 × 6000 numbers are 288 MB
    y = y - y.mean()
    for alpha, theta in zip(found.alphas, found.coefs, strict=True):
        residual = X @ theta - y
        slope = X.T @ (residual - residual.mean()) / 6000 + alpha * theta
        assert np.linalg.norm(slope) <= 2e-10 * np.linalg.norm(X.T @ y) / 6000


@given(designs(far=1e5), st.sampled_from(FORMATS), st.integers(0, 1000))
def test_products_of_rows_about_any_center_lose_no_digit(design, make, seed):
    X, _, _ = design
    rng = np.random.default_rng(seed)
    (n, p), scale = X.shape, rng.uniform(size=X.shape[1])
    center = np.average(X, axis=0, weights=rng.uniform(0.5, 1.0, size=n))
    Z = (X - center) * scale
    rows = make_rows(make(X)).about(center)
    close(rows.outer_gram(scale), Z @ Z.T)
    theta, r, w = rng.normal(size=(p, 2)), rng.normal(size=(n, 2)), rng.uniform(size=n)
    close(rows.dot(scale[:, None] * theta), Z @ theta)
    unit = np.maximum(np.linalg.norm(X - center, axis=0), 1e-6)
    close(rows.transposed_dot(r) / unit[:, None], (X - center).T @ r / unit[:, None])
    gram, sums = rows.gram(w)
    close(gram / np.outer(unit, unit), ((X - center) / unit).T @ (w[:, None] * (X - center) / unit))
    close(sums / unit, (X - center).T @ w / unit)
    close(rows.squares(w) / unit**2, w @ ((X - center) / unit) ** 2)
