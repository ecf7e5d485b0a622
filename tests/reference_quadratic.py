"""Independent NumPy twins of the quadratic family: slow, dense and plain."""

import numpy as np
from hypothesis import strategies as st


def centered(X, y, weights=None, fit_intercept=True):
    """A and b of the weighted, normalized, centered least-squares problem, in float64."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=np.float64)
    w = w / w.sum()
    if fit_intercept:
        # The mean is taken about the first row, as 1e8 + noise would lose it otherwise.
        X, y = X - X[0], y - y[0]
        X, y = X - w @ X, y - w @ y
    root = np.sqrt(w)
    return X * root[:, None], (y.T * root).T


def ridge(A, b, alpha):
    """The ridge by an SVD of A, shape (p,) or (q, p); ``alpha=0`` gives the minimum norm."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    keep = s > max(A.shape) * np.finfo(float).eps * s.max(initial=0.0)
    U, s, Vt = U[:, keep], s[keep], Vt[keep]
    return (Vt.T @ ((s / (s**2 + alpha)) * (U.T @ b).T).T).T


def factored_ridge(A, b, alpha, factors):
    """The ridge with penalty λ·½Σ fⱼθⱼ², as least squares on A with the rows √(λf) below it."""
    targets = b.reshape(len(b), -1)
    below = np.diag(np.sqrt(alpha * factors))
    stacked = np.vstack([A, below]), np.vstack([targets, np.zeros((len(below), targets.shape[1]))])
    unit = np.linalg.norm(stacked[0], axis=0)
    unit[unit == 0] = 1.0
    theta = np.linalg.lstsq(stacked[0] / unit, stacked[1], rcond=1e-13)[0] / unit[:, None]
    return theta.T.reshape((-1, A.shape[1])[b.ndim == 1 :])


def precise_centered(X, y, fit_intercept=True):
    """A and b in extended precision, unweighted."""
    X, y = np.asarray(X, dtype=np.longdouble), np.asarray(y, dtype=np.longdouble)
    if fit_intercept:
        X, y = X - X[0], y - y[0]
        X, y = X - X.mean(axis=0), y - y.mean()
    root = np.sqrt(np.longdouble(len(X)))
    return X / root, y / root


def precise_ridge(A, b, alpha):
    """The ridge in extended precision: QR of A with √λ·I below, by Gram–Schmidt done twice."""
    p = A.shape[1]
    Q = np.vstack([A, np.sqrt(np.longdouble(alpha)) * np.eye(p, dtype=np.longdouble)])
    R, rest = np.zeros((p, p), dtype=np.longdouble), np.concatenate([b, np.zeros(p)])
    target = np.zeros(p, dtype=np.longdouble)
    for j in range(p):
        for _ in range(2):
            part = Q[:, :j].T @ Q[:, j]
            R[:j, j] += part
            Q[:, j] -= Q[:, :j] @ part
        R[j, j] = np.sqrt((Q[:, j] ** 2).sum())
        Q[:, j] /= R[j, j]
        target[j] = Q[:, j] @ rest
        rest = rest - target[j] * Q[:, j]
    theta = np.zeros(p, dtype=np.longdouble)
    for j in reversed(range(p)):
        theta[j] = (target[j] - R[j, j + 1 :] @ theta[j + 1 :]) / R[j, j]
    return theta


def lasso(A, b, alpha, passes=20_000, l1=1.0, l2=0.0, lower=-np.inf, upper=np.inf):
    """The lasso by plain cyclic coordinate descent on the residual, with weights and bounds."""
    p = A.shape[1]
    l1, l2, lower, upper = (np.broadcast_to(part, p) for part in (l1, l2, lower, upper))
    norms = (A**2).sum(axis=0)
    theta, residual = np.zeros(A.shape[1]), b.astype(float).copy()
    for _ in range(passes):
        largest = 0.0
        for j in np.flatnonzero(norms):
            old = theta[j]
            target = A[:, j] @ residual + norms[j] * old
            kept = np.sign(target) * max(abs(target) - alpha * l1[j], 0.0)
            theta[j] = np.clip(kept / (norms[j] + alpha * l2[j]), lower[j], upper[j])
            residual -= (theta[j] - old) * A[:, j]
            largest = max(largest, abs(theta[j] - old) * np.sqrt(norms[j]))
        if largest < 1e-15 * np.sqrt(b @ b + 1e-300):
            break
    return theta


def lasso_violation(A, b, alpha, theta):
    """How far θ is from the KKT conditions: 0 ∈ −Aᵀ(b − Aθ) + λ∂‖θ‖₁, as a fraction of ‖Aᵀb‖∞."""
    slope = A.T @ (b - A @ theta)
    on = theta != 0
    inside = np.abs(slope[on] - alpha * np.sign(theta[on])).max(initial=0.0)
    outside = (np.abs(slope[~on]) - alpha).max(initial=0.0)
    return max(inside, outside) / max(np.abs(A.T @ b).max(initial=0.0), 1e-300)


@st.composite
def problems(draw, max_rows=24, max_features=12, targets=None, tall=False):
    """A design with correlated columns, a target with noise, and weights or None."""
    p = draw(st.integers(1, max_features))
    n = draw(st.integers(p + 3 if tall else 2, max(max_rows, p + 4)))
    q = targets if targets is not None else draw(st.sampled_from([None, 1, 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    X *= 10.0 ** rng.uniform(-1, 1, size=p)
    shape = (n,) if q in (None, 0) else (n, q)
    signal = X @ rng.normal(size=(p, *shape[1:]))
    y = signal + 0.3 * rng.normal(size=shape) * (1 + signal.std()) + 5.0
    weights = None
    if draw(st.booleans()):
        weights = rng.uniform(0.1, 3.0, size=n)
    return X, y, weights


alphas = st.floats(-4, 2).map(lambda e: 10.0**e)
