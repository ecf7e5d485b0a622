"""The one judge: the objective of every contender's parameters, in float64 NumPy alone.

Nothing here is shared with what is timed, so no library marks its own work.
"""

import numpy as np


def squared_error(y, raw):
    """½(y − f)² for each prediction f in ``raw``."""
    return 0.5 * (y - raw) ** 2


def log_loss(y, raw):
    """−log p(y) for class indices y and logits of shape (n, classes), or (n, 1) for two classes."""
    if raw.shape[1] == 1:
        raw = np.hstack([np.zeros_like(raw), raw])
    top = raw.max(axis=1)
    log_normalizer = top + np.log(np.exp(raw - top[:, None]).sum(axis=1))
    return log_normalizer - raw[np.arange(len(y)), y]


def penalized(losses, penalty, alpha):
    """Mean loss + λ·J."""
    return losses.mean(axis=0) + alpha * penalty


def half_square(*arrays):
    """½‖θ‖₂² over all of θ's pieces."""
    return 0.5 * sum(np.square(a, dtype=np.float64).sum() for a in arrays)


def relative_duality_gap(X, y, coef, intercept, alpha, dual=None):
    """(primal − dual) / primal of the lasso ½·mean((y − Xθ − b)²) + λ‖θ‖₁.

    The residual, centered (the intercept's dual constraint) and shrunk until ‖Xᵀν‖∞ ≤ nλ, is a
    feasible dual point ν, and D(ν) = (νᵀy − ½‖ν‖²)/n bounds the optimum from below: the gap
    certifies the solution without knowing it. A solver may bring a ``dual`` point of its own, of
    any scale; the better of the two counts.
    """
    n = len(y)
    residual = y - X @ coef - intercept
    primal = penalized(0.5 * residual**2, np.abs(coef).sum(), alpha)

    def value(direction):
        nu = direction - direction.mean()
        limit = n * alpha / np.abs(X.T @ nu).max()
        nu *= np.clip(nu @ y / (nu @ nu), -limit, limit)
        return (nu @ y - 0.5 * nu @ nu) / n

    return (primal - max(value(point) for point in _points(residual, dual))) / primal


def _points(own, given):
    return [own] if given is None else [own, given]


def binary_log_loss(y, raw):
    """log(1 + eᶠ) − yf for y in {0, 1} and each logit f in ``raw``."""
    return np.logaddexp(0.0, raw) - y * raw


def logistic_duality_gap(X, y, coef, intercept, alpha, penalty, *, fit_intercept=True, dual=None):
    """(primal − dual) / primal of mean(log(1 + eᶠ) − yf) + λJ(θ), f = Xθ + b, y in {0, 1}.

    For ``penalty`` "l1", J = ‖θ‖₁; for "l2", J = ½‖θ‖². Any ν with y − ν in [0, 1] and, with an
    intercept, Σν = 0 is a dual point, of value

        D(ν) = mean(H(y − ν)) − λJ*(Xᵀν / nλ),   H(p) = −p log p − (1 − p) log(1 − p),

    where J* is ½‖·‖² for "l2" and for "l1" 0 as long as ‖Xᵀν‖∞ ≤ nλ. ν is y − p at the best
    intercept for θ, made balanced by shrinking its positive or its negative part, and shrunk as a
    whole for "l1": y − ν stays in [0, 1], so that D(ν) bounds the optimum from below. A solver may
    bring a ``dual`` ν of its own; the better of the two counts.
    """
    linear = X @ coef
    size = np.abs(coef).sum() if penalty == "l1" else half_square(coef)
    primal = penalized(binary_log_loss(y, linear + intercept), size, alpha)
    best = _best_intercept(y, linear, intercept) if fit_intercept else 0.0

    def value(nu):
        nu = np.clip(nu, y - 1, y)
        if fit_intercept:
            nu = _balance(nu)
        correlation = X.T @ nu / len(y)
        if penalty == "l2":
            return _entropy(y - nu).mean() - half_square(correlation) / alpha
        return _entropy(y - nu * min(1.0, alpha / np.abs(correlation).max())).mean()

    points = _points(y - _sigmoid(linear + best), dual)
    return (primal - max(value(point) for point in points)) / primal


def group_norms(coef, size):
    """√size·‖θ_g‖ of each group of ``size`` adjacent rows of ``coef``, by column."""
    return np.sqrt(size * np.square(coef.reshape(-1, size, coef.shape[1])).sum(axis=1))


def group_duality_gap(X, y, coef, intercept, alpha, size, logistic, *, dual=None):
    """(primal − dual) / primal of the mean loss + λΣ√size·‖θ_g‖, groups of adjacent features.

    The loss is ½(y − f)², or with ``logistic`` log(1 + eᶠ) − yf for y in {0, 1}. A dual point ν
    sums to 0, and ‖X_gᵀν‖ ≤ nλ√size: y − f, or y − p, at the best intercept for θ, shrunk as a
    whole. Another may be given as ``dual``, which is shrunk as well; the better of the two counts.
    """
    linear = X @ coef
    size_of_groups = group_norms(coef[:, None], size).sum()
    if logistic:
        losses = binary_log_loss(y, linear + intercept)
        nu = y - _sigmoid(linear + _best_intercept(y, linear, intercept))
    else:
        losses = squared_error(y, linear + intercept)
        nu = y - linear
    primal = penalized(losses, size_of_groups, alpha)

    def value(nu):
        nu = _balance(np.clip(nu, y - 1, y)) if logistic else nu - nu.mean()
        steepest = (group_norms((X.T @ nu)[:, None], size) / size).max() / len(y)
        nu *= min(1.0, alpha / steepest)
        return (_entropy(y - nu) if logistic else nu * (y - 0.5 * nu)).mean()

    return (primal - max(value(point) for point in _points(nu, dual))) / primal


def poisson_loss(y, raw):
    """Half the deviance of counts y ≥ 0 at means eᶠ, for each f in ``raw``."""
    return np.exp(raw) - y * raw - (y - _times_log(y))


def gamma_loss(y, raw):
    """Half the deviance of amounts y > 0 at means eᶠ, for each f in ``raw``."""
    return raw + y * np.exp(-raw) - 1.0 - np.log(y)


def elastic_net(coef, l1_ratio):
    """ρ‖θ‖₁ + (1 − ρ)/2·‖θ‖², for each column of ``coef``."""
    return l1_ratio * np.abs(coef).sum(axis=0) + 0.5 * (1.0 - l1_ratio) * (coef**2).sum(axis=0)


def glm_duality_gap(family, X, y, coef, intercept, alpha, l1_ratio, *, dual=None):
    """(primal − dual) / primal of the mean half deviance ℓ + λ(ρ‖θ‖₁ + (1 − ρ)/2·‖θ‖²), ρ < 1.

    ``family`` is "poisson" or "gamma", with log link. Any r in the domain of ℓ* that sums to 0 is a
    dual point, of value

        D(r) = −mean(ℓ*(r)) − Σⱼ max(|Xⱼᵀr|/n − λρ, 0)² / 2λ(1 − ρ).

    r is the slope ℓ'(f) at the best intercept for θ. Another may be given as ``dual``, which is
    made balanced as in `logistic_duality_gap`; the better of the two counts.
    """
    linear = X @ coef
    loss = poisson_loss if family == "poisson" else gamma_loss
    primal = penalized(loss(y, linear + intercept), elastic_net(coef, l1_ratio), alpha)
    if family == "poisson":
        slope = np.exp(linear) * (y.sum() / np.exp(linear).sum()) - y
    else:
        share = y * np.exp(-linear)
        slope = 1.0 - share / share.mean()

    def value(r):
        r = np.maximum(r, -y) if family == "poisson" else np.minimum(r, 1.0 - 1e-15)
        r = _balance(r)
        if family == "poisson":
            conjugate = _times_log(r + y) - r - _times_log(y)
        else:
            conjugate = (1.0 - r) * (np.log((1.0 - r) / y) - 1.0) + 1.0 + np.log(y)
        excess = np.maximum(np.abs(X.T @ r) / len(y) - alpha * l1_ratio, 0.0)
        return -conjugate.mean() - half_square(excess) / (alpha * (1.0 - l1_ratio))

    return (primal - max(value(point) for point in _points(slope, dual))) / primal


def _balance(r):
    """r with its positive or its negative part shrunk, so that it sums to 0."""
    up, down = r[r > 0].sum(), -r[r < 0].sum()
    return np.where(r > 0, r * min(1.0, down / up), r * min(1.0, up / down))


def _times_log(y):
    return y * np.log(np.where(y > 0, y, 1.0))


def multinomial_duality_gap(X, y, coef, intercept, alpha, penalty="l2"):
    """(primal − dual) / primal of mean(−log p(y)) + λJ(Θ) for class indices y.

    ``coef`` is (K, p) and ``intercept`` (K,), or of one row for two classes, as in
    `logistic_duality_gap`, whose dual this is with a ν for each class: y − ν are probabilities, and
    each class's ν sums to 0, which the best intercepts see to.
    """
    coef, intercept = np.atleast_2d(coef), np.atleast_1d(intercept)
    linear = X @ coef.T
    size = np.abs(coef).sum() if penalty == "l1" else half_square(coef)
    primal = penalized(log_loss(y, linear + intercept), size, alpha)
    if linear.shape[1] == 1:
        linear = np.hstack([np.zeros_like(linear), linear])
        intercept = np.append(0.0, intercept)
    probabilities = _balanced(np.eye(linear.shape[1])[y], linear, intercept)
    targets = np.eye(linear.shape[1])[y]
    nu = targets - probabilities
    correlation = X.T @ (nu[:, 1:] if len(coef) == 1 else nu) / len(y)
    conjugate = half_square(correlation) / alpha
    if penalty == "l1":
        # Shrunk, it meets the conditions, and y − ν stays in the simplex.
        nu *= min(1.0, alpha / np.abs(correlation).max())
        probabilities, conjugate = targets - nu, 0.0
    inside = np.maximum(probabilities, np.finfo(float).tiny)
    entropy = -(probabilities * np.log(inside)).sum(axis=1).mean()
    return (primal - entropy + conjugate) / primal


def _balanced(targets, linear, start):
    """Probabilities whose mean for each class is that of the targets: Newton's method on b."""
    for _ in range(50):
        raw = linear + start
        p = np.exp(raw - raw.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        missing = (targets - p).sum(axis=0)
        if np.abs(missing).max() < 1e-12 * len(p):
            break
        hessian = np.diag(p.sum(axis=0)) - p.T @ p
        start = start + np.linalg.lstsq(hessian, missing)[0]
    return p


def _best_intercept(y, linear, start):
    """argmin over b of the mean log loss of ``linear`` + b, by Newton's method from ``start``."""
    for _ in range(20):
        p = _sigmoid(linear + start)
        step = (y - p).sum() / (p * (1 - p)).sum()
        start += step
        if not abs(step) > 1e-12 * max(1.0, abs(start)):
            break
    return start


def _sigmoid(raw):
    return 0.5 * (1.0 + np.tanh(0.5 * raw))


def _entropy(p):
    inside = (p > 0) & (p < 1)
    q = np.where(inside, p, 0.5)
    return np.where(inside, -q * np.log(q) - (1 - q) * np.log1p(-q), 0.0)
