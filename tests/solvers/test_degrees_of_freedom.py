"""Degrees of freedom: dense NumPy, known values, and how much fits follow their targets."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import reference_losses as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxLassoClassifier, QuadraticApproxRidgeClassifier
from skreg.losses import get_loss
from skreg.penalties.base import Tangent
from skreg.quadratic.hessian import Hessian, QuadraticHessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.degrees_of_freedom import degrees_of_freedom

LAYOUTS = {"dense": np.asarray, "fortran": np.asfortranarray, "sparse": sparse.csr_array}
STRENGTH = 0.005


def blocks(active, sizes, strengths, rng):
    """A tangent of groups on the active components: (l/‖θ‖)(I − uuᵀ) on each block."""
    m = int(active.sum())
    owner = np.repeat(np.arange(len(sizes)), sizes)[:m]
    u = rng.normal(size=(m, len(sizes))) * (owner[:, None] == np.arange(len(sizes)))
    u /= np.maximum(np.linalg.norm(u, axis=0), 1e-300)
    return Tangent(active, strengths[owner], u * np.sqrt(strengths))


def dense(block, tangent):
    """tr H(H + D)⁺ by the textbook."""
    D = np.diag(tangent.diagonal)
    if tangent.factors is not None:
        D = D - tangent.factors @ tangent.factors.T
    return np.trace(block @ np.linalg.pinv(block + D, rcond=1e-10, hermitian=True))


def problem(name, n, p, seed, fit_intercept=True, layout="dense"):
    """A risk, its curvature at a random point, and the Hessian of θ by the textbook."""
    rng = np.random.default_rng(seed)
    k = reference.n_outputs(name)
    X = rng.normal(size=(n, p))
    coef, b = rng.normal(size=(k, p)) / np.sqrt(p), rng.normal(size=k) * fit_intercept
    y = reference.targets(name, X @ coef.T, seed)
    weights = rng.uniform(0.2, 1.0, size=n)
    risk = EmpiricalRisk(LAYOUTS[layout](X), y, get_loss(name), weights, None, fit_intercept)
    curvature = risk.derivatives_at(risk.raw(coef, b))[2]
    H = np.zeros((k, p + 1, k, p + 1))
    for i, x in enumerate(np.column_stack([X, np.ones(n)])):
        bend = np.diag(curvature[i])
        if risk.loss.coupled:
            bend = risk.share[i] * (bend - np.outer(curvature[i], curvature[i]))
        H += np.einsum("kl,i,j->kilj", bend, x, x)
    whole = H[:, :p, :, :p].reshape(k * p, k * p)
    if fit_intercept:
        mixed, bb = H[:, :p, :, p].reshape(k * p, k), H[:, p, :, p]
        whole = whole - mixed @ np.linalg.pinv(bb, rcond=1e-10) @ mixed.T
    return risk, curvature, whole


def of_array(H, n_outputs=1):
    """H of squared error as an array."""
    return QuadraticHessian(lambda some: H[np.ix_(some, some)], len(H), n_outputs)


def of_rows(A, n_outputs=1):
    """The same from rows A with H = AᵀA."""
    rows = SimpleNamespace(shape=A.shape, columns=lambda some: A[:, some])
    return QuadraticHessian(lambda some: A[:, some].T @ A[:, some], A.shape[1], n_outputs, rows)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["poisson", "binary_log_loss", "multinomial_log_loss"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_block_and_root_of_any_coefficients(name, fit_intercept, layout):
    risk, curvature, H = problem(name, 30, 6, 0, fit_intercept, layout)
    hessian = Hessian(risk, curvature)
    rng = np.random.default_rng(1)
    for which in (np.arange(len(H)), np.sort(rng.permutation(len(H))[:4]), np.array([5, 1])):
        expected = H[np.ix_(which, which)]
        np.testing.assert_allclose(hessian.block(which), expected, atol=1e-13)
        root = hessian.root(which)
        np.testing.assert_allclose(root.T @ root, expected, atol=1e-13)


def test_block_of_several_targets():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 7))
    which = np.array([1, 5, 8, 12, 13])
    expected = np.kron(np.eye(2), A.T @ A)[np.ix_(which, which)]
    for hessian in (of_array(A.T @ A, 2), of_rows(A, 2)):
        np.testing.assert_allclose(hessian.block(which), expected, atol=1e-13)
    root = hessian.root(which)
    assert len(root) == hessian.n_rows
    np.testing.assert_allclose(root.T @ root, expected, atol=1e-13)


@given(
    seed=st.integers(0, 1000),
    name=st.sampled_from(["poisson", "binary_log_loss", "multinomial_log_loss"]),
    shape=st.sampled_from([(25, 6), (8, 40)]),
    kind=st.sampled_from(["ridge", "lasso", "elastic", "free", "groups"]),
)
def test_equals_dense_numpy(seed, name, shape, kind):
    risk, curvature, H = problem(name, *shape, seed)
    rng = np.random.default_rng(seed)
    size = len(H)
    active = np.ones(size, dtype=bool) if kind == "ridge" else rng.random(size) < 0.7
    m = int(active.sum())
    diagonal = {
        "ridge": np.full(m, 0.1),
        "lasso": np.zeros(m),
        "elastic": 10.0 ** rng.uniform(-3, 0, m),
        "free": np.where(rng.random(m) < 0.1, 0.0, 0.3),
    }
    if kind == "groups":
        sizes = np.full(-(-max(m, 1) // 8), 8)
        bends = blocks(active, sizes, rng.uniform(0.1, 1.0, len(sizes)), rng)
    else:
        bends = Tangent(active, diagonal[kind])
    which = np.flatnonzero(active)
    expected = dense(H[np.ix_(which, which)], bends) if m else 0.0
    found = degrees_of_freedom(Hessian(risk, curvature), bends)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        degrees_of_freedom(of_array(H), bends), expected, rtol=1e-7, atol=1e-9
    )


def test_known_values():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(12, 5))
    A[:, 4] = A[:, 0] + A[:, 1]
    hessian, every = of_array(A.T @ A), np.ones(5, dtype=bool)
    sigma = np.linalg.eigvalsh(A.T @ A)
    ridge = degrees_of_freedom(hessian, Tangent(every, np.full(5, 0.3)))
    np.testing.assert_allclose(ridge, np.sum(sigma / (sigma + 0.3)), rtol=1e-12)
    assert degrees_of_freedom(hessian, Tangent(every, np.zeros(5))) == pytest.approx(4)
    assert degrees_of_freedom(hessian, Tangent(np.zeros(5, dtype=bool), np.zeros(0))) == 0.0


@pytest.mark.parametrize("curvature", [1e-300, 1e-310, 0.0])
def test_a_free_coefficient_with_hardly_any_curvature(curvature):
    """It counts as one, or not at all, and what its inverse overflows to weighs nothing."""
    hessian, every = of_array(np.diag([curvature, 1.0])), np.ones(2, dtype=bool)
    dof = degrees_of_freedom(hessian, Tangent(every, np.array([0.0, 0.25])))
    assert dof == pytest.approx(0.8 + (curvature > 0))


def test_continuous_from_the_lasso_to_the_ridge():
    _, _, H = problem("poisson", 40, 6, 0)
    hessian, every = of_array(H), np.ones(6, dtype=bool)
    steps = np.linspace(0.0, 1.0, 201)
    dof = [degrees_of_freedom(hessian, Tangent(every, np.full(6, 0.01 * t))) for t in steps]
    assert dof[0] == 6
    assert (np.diff(dof) < 0).all()
    assert np.abs(np.diff(dof)).max() < 0.2


def test_classes_without_the_direction_they_share():
    risk, curvature, _ = problem("multinomial_log_loss", 40, 3, 0)
    every = np.ones(9, dtype=bool)
    found = degrees_of_freedom(Hessian(risk, curvature), Tangent(every, np.zeros(9)))
    assert found == pytest.approx(6)


@pytest.mark.parametrize("shape", [(30, 4), (6, 20)])
def test_coordinates_of_clusters(shape):
    """A basis: coefficients of one absolute value move together, as under SLOPE."""
    A = np.random.default_rng(0).normal(size=shape)
    p = shape[1]
    basis = np.kron(np.eye(p // 2), [[1.0], [-1.0]])
    diagonal = np.full(p // 2, 0.2)
    reduced = basis.T @ A.T @ A @ basis
    expected = dense(reduced, Tangent(None, diagonal))
    bends = Tangent(np.ones(p, dtype=bool), diagonal, None, basis)
    for hessian in (of_array(A.T @ A), of_rows(A)):
        np.testing.assert_allclose(degrees_of_freedom(hessian, bends), expected, rtol=1e-10)


# How much fits follow their targets ---------------------------------------------------------------


def fitted(risk, free, smooth):
    """Raw predictions at the minimum over the coefficients ``free``, by Newton's method."""
    p = risk.n_features
    theta, b = np.zeros(p), np.zeros(1)
    theta[free] = 0.1
    gradient, bend = smooth
    A = np.column_stack([np.asarray(risk.X)[:, free], np.ones(len(risk.y))])
    for _ in range(100):
        raw = risk.raw(theta[None], b)
        _, residual, curvature = risk.derivatives_at(raw)
        slope = A.T @ residual[:, 0]
        slope[:-1] += gradient(theta[free])
        H = (A * curvature).T @ A
        H[:-1, :-1] += bend(theta[free])
        step = np.linalg.solve(H, slope)
        theta[free] -= step[:-1]
        b = b - step[-1]
        if np.abs(step).max() < 1e-13:
            break
    else:
        raise AssertionError("the fit did not converge")
    return risk.raw(theta[None], b)[:, 0], theta, curvature


def norm_penalty(strength):
    """strength·‖θ‖, a group, near a θ that is not 0."""

    def bend(t):
        u = t / np.linalg.norm(t)
        return strength / np.linalg.norm(t) * (np.eye(len(t)) - np.outer(u, u))

    return lambda t: strength * t / np.linalg.norm(t), bend


@pytest.mark.parametrize("name", ["squared_error", "poisson", "binary_log_loss"])
@pytest.mark.parametrize("kind", ["ridge", "group"])
def test_is_the_divergence_of_the_fit(name, kind):
    """1 + dof = Σᵢ ℓ″ᵢ ∂f̂ᵢ/∂yᵢ, by differences (Stein, 1981; the 1 is the intercept's)."""
    rng = np.random.default_rng(0)
    n, p = 25, 5
    X = rng.normal(size=(n, p))
    y = rng.uniform(0.2, 0.8, size=(n, 1)) + 0.3 * (X[:, [0]] > 0) * (name != "binary_log_loss")
    free = np.array([0, 1, 3])
    smooth = norm_penalty(STRENGTH)
    if kind == "ridge":
        smooth = (lambda t: 0.05 * t), lambda t: 0.05 * np.eye(len(t))

    def fit(y):
        return fitted(EmpiricalRisk(X, y, get_loss(name)), free, smooth)

    risk = EmpiricalRisk(X, y, get_loss(name))
    _, theta, curvature = fit(y)
    total, h = 0.0, 1e-5
    for i in range(n):
        d = np.zeros_like(y)
        d[i] = h
        total += n * curvature[i, 0] * (fit(y + d)[0][i] - fit(y - d)[0][i]) / (2 * h)
    active = np.isin(np.arange(p), free)
    norm = np.linalg.norm(theta)
    if kind == "ridge":
        bends = Tangent(active, np.full(3, 0.05))
    else:
        u = theta[free, None] / norm
        bends = Tangent(active, np.full(3, STRENGTH / norm), np.sqrt(STRENGTH / norm) * u)
    found = degrees_of_freedom(Hessian(risk, curvature), bends)
    np.testing.assert_allclose(1.0 + found, total, rtol=1e-6)


@pytest.mark.parametrize("kind", [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier])
@pytest.mark.parametrize("seed", [0, 16, 19, 30, 36])
def test_classes_near_separation_have_no_more_than_all_but_one_of_them(kind, seed):
    rng = np.random.default_rng(seed)
    n, p, k = int(rng.integers(20, 80)), int(rng.integers(1, 7)), int(rng.integers(3, 6))
    X = rng.normal(size=(n, p)) * 10 ** rng.uniform(-3, 3, size=p)
    raw = X @ (rng.normal(size=(p, k)) / np.abs(X).max(axis=0)[:, None])
    y = np.argmax(10 ** rng.uniform(0, 3) * raw + rng.gumbel(size=(n, k)), axis=1)
    most = (len(np.unique(y)) - 1) * p
    counts = []
    for alpha in (1e-3, 1e-9, 1e-16, 0.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # there is no minimizer
            model = kind(alpha).fit(X, y)
            counts.append(model.effective_dof_)
    assert max(counts) <= most + 1e-9
    if model.n_iter_ >= model.max_iter:  # at λ = 0 rows have lost what curvature they had
        counts.pop()
    if kind is QuadraticApproxRidgeClassifier:  # continuously up to λ = 0
        assert (np.diff(counts) >= -1e-6).all()
        assert len(counts) < 4 or counts[-1] == most


def test_of_overlapping_classes_they_go_on_to_no_penalty():
    X = np.random.default_rng(0).normal(size=(200, 3)) * [1e-4, 1.0, 1e4]
    y = np.random.default_rng(1).integers(4, size=200)
    scale = 1e-9  # of λ against the least curvature
    for kind in (QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier):
        near, at = (kind(alpha).fit(X, y).effective_dof_ for alpha in (scale * 1e-9, 0.0))
        assert at == 9.0
        assert near == pytest.approx(9.0, abs=1e-6)
