"""EmpiricalRisk: the products of its rows in every form, its null model, its expansions."""

import numpy as np
import pytest
import reference_losses as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from skreg import QuadraticModel
from skreg._threads import one_blas_thread
from skreg.losses import get_loss
from skreg.quadratic.hessian import DenseHessian, Hessian
from skreg.quadratic.point import invert_bb
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows import make_rows

names = pytest.mark.parametrize("name", reference.CURVED)
FORMS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "float32": lambda X: X.astype(np.float32),
    "read-only": lambda X: _locked(X.copy()),
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "csr float32": lambda X: sparse.csr_matrix(X.astype(np.float32)),
}


def _locked(X):
    X.flags.writeable = False
    return X


def rows(name, n=40, p=5, seed=0):
    """X, y, weights, offset; X is exact in float32, and half of it is 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).astype(np.float32).astype(np.float64)
    X[rng.random((n, p)) < 0.5] = 0.0
    f = X @ rng.normal(size=(p, reference.n_outputs(name))) / np.sqrt(p)
    y = reference.targets(name, f, seed + 1)
    return X, y, rng.uniform(0.1, 1, size=n), rng.normal(size=n) / 4


def point(risk, seed=1):
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(risk.n_outputs, risk.n_features)) / 4
    return coef, rng.normal(size=risk.n_outputs) * risk.fit_intercept


def direct(name, X, y, w, o, coef, intercept):
    """R from its formula."""
    value = reference.value(name, y, X @ coef.T + intercept + o[:, None])
    return np.average(value, weights=w)


@names
@pytest.mark.parametrize("form", FORMS)
def test_value_and_gradient_in_every_form_of_rows(name, form):
    X, y, w, o = rows(name)
    risk = EmpiricalRisk(FORMS[form](X), y, get_loss(name), w, o)
    coef, intercept = point(risk)
    raw = risk.raw(coef, intercept)
    value, residual, curvature = risk.derivatives_at(raw)
    assert raw.dtype == residual.dtype == curvature.dtype == np.float64
    assert risk.dtype == (np.float32 if "float32" in form else np.float64)
    np.testing.assert_allclose(value, direct(name, X, y, w, o, coef, intercept), rtol=1e-13)
    assert risk.value_at(raw) == value
    slope, slope_b = risk.gradient(residual)
    h = 1e-6
    for k in range(risk.n_outputs):
        for j in range(risk.n_features):
            step = np.zeros_like(coef)
            step[k, j] = h
            up = direct(name, X, y, w, o, coef + step, intercept)
            down = direct(name, X, y, w, o, coef - step, intercept)
            assert np.isclose(slope[k, j], (up - down) / (2 * h), rtol=1e-6, atol=1e-8)
        step = h * (np.arange(risk.n_outputs) == k)
        up = direct(name, X, y, w, o, coef, intercept + step)
        down = direct(name, X, y, w, o, coef, intercept - step)
        assert np.isclose(slope_b[k], (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


@names
@pytest.mark.parametrize("form", [*FORMS, "rows backwards"])
@pytest.mark.parametrize("p", [1, 21])
def test_a_step_says_what_its_end_says(name, form, p):
    X, y, w, o = rows(name, p=p)
    shaped = X[::-1].copy()[::-1] if form == "rows backwards" else FORMS[form](X)
    risk = EmpiricalRisk(shaped, y, get_loss(name), w, o)
    coef, b = point(risk)
    d, d_b = point(risk, seed=2)
    start = risk.raw(coef, b)
    change, (value, residual, curvature), slope = risk.along(start, d, d_b)
    end = start + X @ d.T + d_b
    np.testing.assert_allclose(start + change, end, atol=1e-13)
    for actual, expected in zip(
        (value, residual, curvature), risk.derivatives_at(end), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)
    in_one_pass = form in ("C", "float32", "read-only", "rows backwards")
    if p > 1:  # one column is in rows in any order
        assert (slope is not None) == (in_one_pass and risk.n_outputs == 1)
    if slope is not None:
        np.testing.assert_allclose(slope, residual.T @ X, rtol=1e-12, atol=1e-14)


def test_a_large_step_is_the_same_to_the_bit_for_any_number_of_threads():
    X, y, w, o = rows("binary_log_loss", n=30_001, p=20)
    risk = EmpiricalRisk(X, y, get_loss("binary_log_loss"), w, o)
    start, (d, d_b) = o[:, None], point(risk)
    ends = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            ends.append(risk.along(start, d, d_b))
    (change, derivatives, slope), other = ends
    for one, two in zip(
        (change, *derivatives, slope), (other[0], *other[1], other[2]), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(slope, derivatives[1].T @ X, rtol=1e-12, atol=1e-15)


@names
@pytest.mark.parametrize("form", ["C", "csr"])
def test_weights_are_repeated_rows_and_offsets_shift_the_intercept(name, form):
    X, y, _, _ = rows(name)
    times = np.random.default_rng(2).integers(0, 4, size=len(X))
    weighted = EmpiricalRisk(FORMS[form](X), y, get_loss(name), times.astype(float))
    repeated = EmpiricalRisk(
        FORMS[form](X.repeat(times, axis=0)), y.repeat(times, axis=0), weighted.loss
    )
    coef, b = point(weighted)
    shifted = EmpiricalRisk(
        FORMS[form](X), y, weighted.loss, times.astype(float), np.full(len(X), 0.7)
    )
    for other, intercept in [(repeated, b), (shifted, b - 0.7)]:
        ours, theirs = weighted.raw(coef, b), other.raw(coef, intercept)
        np.testing.assert_allclose(weighted.value_at(ours), other.value_at(theirs), rtol=1e-12)
        for mine, its in zip(
            weighted.gradient(weighted.derivatives_at(ours)[1]),
            other.gradient(other.derivatives_at(theirs)[1]),
            strict=True,
        ):
            np.testing.assert_allclose(mine, its, rtol=1e-10, atol=1e-14)


@names
@pytest.mark.parametrize("with_offset", [False, True])
def test_null_model_has_the_best_intercept(name, with_offset):
    X, y, w, o = rows(name)
    o = o if with_offset else np.zeros(len(X))
    risk = EmpiricalRisk(X, y, get_loss(name), w, o if with_offset else None)
    b = risk.null_intercept()
    flat = risk.null_risk
    assert np.isclose(flat, direct(name, X, y, w, o, np.zeros((len(b), 5)), b), rtol=1e-13)
    residual = risk.derivatives_at(o[:, None] + b)[1]
    assert np.abs(residual.sum(axis=0)).max() < 1e-13
    alone = EmpiricalRisk(X, y, get_loss(name), w, fit_intercept=False)
    assert not alone.null_intercept().any()


@names
@given(far=st.sampled_from([1e3, 1e6, 1e8]))
def test_features_far_from_0_lose_no_digits(name, far):
    X, y, w, _ = rows(name)
    X = np.round(X * 2**20) / 2**20  # far + X is exact to about a part in a million
    moved = X + far
    loss = get_loss(name)
    away, exact = EmpiricalRisk(moved, y, loss, w), EmpiricalRisk(moved - far, y, loss, w)
    coef, b = point(exact)
    ours, expected = away.design.dot(coef.T), exact.design.dot(coef.T)
    np.testing.assert_allclose(ours - ours[0], expected - expected[0], atol=1e-12)
    _, _, curvature = exact.derivatives_at(exact.raw(coef, b))
    expected = DenseHessian(exact, curvature).matrix
    actual = DenseHessian(away, curvature).matrix
    np.testing.assert_allclose(actual, expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("form", FORMS)
def test_products_of_a_design(form):
    X, _, w, _ = rows("gamma", n=30, p=8)
    products = make_rows(FORMS[form](X))
    A = X - products.center
    rng = np.random.default_rng(0)
    theta, r = rng.normal(size=(8, 2)), rng.normal(size=(30, 2))
    scale, center = rng.uniform(size=8), rng.normal(size=8)
    Z = (X - center) * scale
    for actual, expected in [
        (products.dot(theta), A @ theta),
        (products.dot(theta[:, :1]), A @ theta[:, :1]),
        (products.transposed_dot(r), A.T @ r),
        (products.gram(w)[0], A.T @ (w[:, None] * A)),
        (products.gram(w)[1], A.T @ w),
        (products.squares(w), np.diag(A.T @ (w[:, None] * A))),
        (products.about(center).outer_gram(scale), Z @ Z.T),
        (products.mean(w / w.sum()), np.average(X, axis=0, weights=w)),
        (products.columns(np.array([1, 3])), A[:, [1, 3]]),
    ]:
        np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_the_gram_of_thin_sparse_rows_takes_no_dense_block():
    X = sparse.random_array((400, 60), density=0.02, rng=np.random.default_rng(0), format="csr")
    w = np.random.default_rng(1).uniform(size=400)
    expected = X.toarray().T @ (w[:, None] * X.toarray())
    gram, sums = make_rows(X).gram(w)
    np.testing.assert_allclose(gram, expected, atol=1e-12)
    np.testing.assert_allclose(sums, X.T @ w, atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_gram_is_the_same_to_the_bit_for_any_number_of_threads(order):
    rng = np.random.default_rng(0)
    X, w = np.asarray(rng.normal(size=(12_001, 100)), order=order), rng.uniform(size=12_001)
    with threadpool_limits(1, user_api="blas"):
        alone = make_rows(X).gram(w)
    with threadpool_limits(2, user_api="blas"), one_blas_thread():
        together = make_rows(X).gram(w)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(alone[0], X.T @ (w[:, None] * X), rtol=1e-10, atol=1e-10)


@names
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_curvature_equals_differences_of_the_profiled_gradient(name, fit_intercept):
    X, y, w, o = rows(name)
    risk = EmpiricalRisk(X, y, get_loss(name), w, o, fit_intercept)
    coef, b = point(risk)
    curvature = risk.derivatives_at(risk.raw(coef, b))[2]
    parts = DenseHessian(risk, curvature)
    K, p = coef.shape
    full = np.zeros((K * p + K, K * p + K))
    ones = np.hstack([X, np.ones((len(X), 1))])
    for k in range(K):
        for l in range(K):
            if risk.loss.coupled:
                both = risk.share * curvature[:, k] * ((k == l) - curvature[:, l])
            else:  # huber's straight parts carry a millionth of its curvature
                floor = 1e-6 * risk.share if name == "huber" else 0.0
                both = np.maximum(curvature[:, k], floor) * (k == l)
            block = ones.T @ (both[:, None] * ones)
            at, to = slice(k * p, (k + 1) * p), slice(l * p, (l + 1) * p)
            full[at, to] = block[:p, :p]
            full[at, K * p + l] = full[K * p + l, at] = block[:p, p]
            full[K * p + k, K * p + l] = block[p, p]
    H, mixed, bb = full[: K * p, : K * p], full[K * p :, : K * p], full[K * p :, K * p :]
    expected = H - mixed.T @ np.linalg.pinv(bb, rcond=1e-10) @ mixed if fit_intercept else H
    np.testing.assert_allclose(parts.matrix, expected, atol=1e-13)
    # The operator says the same of products.
    operator = Hessian(risk, curvature)
    v = np.random.default_rng(3).normal(size=(K * p, 3))
    np.testing.assert_allclose(operator.times(v), expected @ v, atol=1e-12)
    # A preconditioner: classes are centered each by itself.
    rtol = 0.02 if risk.loss.coupled else 1e-9
    np.testing.assert_allclose(operator.diagonal, np.diag(expected), rtol=rtol)


@names
@pytest.mark.parametrize("shape", [(60, 4), (12, 20)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_expansion_is_the_second_order_model_with_its_best_intercept(name, shape, fit_intercept):
    X, y, w, o = rows(name, *shape)
    risk = EmpiricalRisk(X, y, get_loss(name), w, o, fit_intercept)
    coef, b = point(risk)
    raw = risk.raw(coef, b)
    value, residual, curvature = risk.derivatives_at(raw)

    def second_order(theta, intercept):
        d = risk.raw(theta, intercept) - raw
        if risk.loss.coupled:
            inner = curvature * d
            bend = risk.share[:, None] * (inner - curvature * inner.sum(axis=1, keepdims=True))
        else:
            bend = curvature * d
        return value + np.vdot(residual, d) + 0.5 * np.vdot(d, bend)

    model = risk.expand(coef, b)
    assert model.dtype == np.float64
    rng = np.random.default_rng(4)
    thetas = coef.ravel() + rng.normal(size=(4, coef.size)) / 4
    coefs, intercepts = model.coefficients(thetas)
    model = QuadraticModel(model)
    truth = np.array([second_order(*pair) for pair in zip(coefs, intercepts, strict=True)])
    ours = np.array([model.value(theta) for theta in thetas])
    # Equal up to a constant; huber's straight parts carry a millionth of its curvature.
    tolerance = 1e-5 if name == "huber" else 1e-11
    np.testing.assert_allclose(np.diff(ours), np.diff(truth), atol=tolerance)
    if fit_intercept:
        best = minimize(lambda c: second_order(coefs[0], c), intercepts[0]).fun
        assert truth[0] <= best + 1e-9
    else:
        assert not intercepts.any()


def test_an_expansion_of_squared_error_is_the_quadratic_itself():
    X, y, w, _ = rows("squared_error")
    risk = EmpiricalRisk(X, y, get_loss("squared_error"), w)
    exact = QuadraticModel.from_data(X, y[:, 0], w)
    model = QuadraticModel(risk.expand(*point(risk)))
    np.testing.assert_allclose(model.hessian, exact.hessian, atol=1e-14)
    np.testing.assert_allclose(model.ridge([0.0, 0.3]), exact.ridge([0.0, 0.3]), rtol=1e-10)
    np.testing.assert_allclose(model.lasso(0.1), exact.lasso(0.1), atol=1e-10)


def test_expansions_do_not_add():
    X, y, w, _ = rows("poisson")
    risk = EmpiricalRisk(X, y, get_loss("poisson"), w)
    model = QuadraticModel(risk.expand(np.zeros((1, 5)), np.zeros(1)))
    with pytest.raises(TypeError, match="only quadratics of squared error add"):
        model + model


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1e-320, 1e-300])
def test_next_to_no_curvature_of_intercepts_has_no_inverse(size, scale):
    assert not invert_bb(scale * (np.eye(size) - 0.1), coupled=size > 1).any()
