"""Objectives in long double, and a descent that looks for anything lower.

Nothing here is taken from the package: losses, penalties and steps are written out again. What the
descent gains from a fitted estimator's coefficients is a proof that they were not the minimizer: it
never accuses wrongly, because both objectives are summed in long double.
"""

import numpy as np

LONG = np.longdouble
ZERO, ONE = LONG(0), LONG(1)


def softplus(f):
    return np.maximum(f, ZERO) + np.log1p(np.exp(-np.abs(f)))


class Loss:
    """ℓ(y, f), dℓ/df and d²ℓ/df² by row and output, for one output unless said otherwise."""

    def __init__(self, name, **parameters):
        self.name, self.parameters = name, {k: LONG(v) for k, v in parameters.items()}

    def value(self, y, f):
        return getattr(self, "_" + self.name)(y, f)[0]

    def derivatives(self, y, f):
        return getattr(self, "_" + self.name)(y, f)[1:]

    def _squared_error(self, y, f):
        r = f - y
        return (r * r / 2).sum(axis=1), r, np.ones_like(f)

    def _huber(self, y, f):
        r, delta = f - y, self.parameters["delta"]
        inside = np.abs(r) <= delta
        value = np.where(inside, r * r / 2, delta * np.abs(r) - delta * delta / 2)
        return value.sum(axis=1), np.clip(r, -delta, delta), inside.astype(LONG)

    def _log_loss(self, y, f):
        if f.shape[1] == 1:
            p = ONE / (1 + np.exp(-f))
            return (softplus(f) - y * f).sum(axis=1), p - y, p * (1 - p)
        top = f.max(axis=1, keepdims=True)
        e = np.exp(f - top)
        total = e.sum(axis=1, keepdims=True)
        p = e / total
        value = top[:, 0] + np.log(total[:, 0]) - (y * f).sum(axis=1)
        return value, p - y, p * (1 - p)

    def _poisson(self, y, f):
        mu = np.exp(f)
        entropy = np.where(y > 0, y * np.log(np.where(y > 0, y, ONE)), ZERO)
        return (entropy - y * f - y + mu).sum(axis=1), mu - y, mu

    def _gamma(self, y, f):
        ratio = y * np.exp(-f)
        return (ratio - 1 - np.log(y) + f).sum(axis=1), 1 - ratio, ratio

    def _tweedie(self, y, f):
        p, mu = self.parameters["power"], np.exp(f)
        a, b = y * mu ** (1 - p), mu ** (2 - p)
        value = y ** (2 - p) / ((1 - p) * (2 - p)) - a / (1 - p) + b / (2 - p)
        return value.sum(axis=1), b - a, (2 - p) * b - (1 - p) * a

    def _negative_binomial(self, y, f):
        a, mu = self.parameters["dispersion"], np.exp(f)
        entropy = np.where(y > 0, y * (np.log(np.where(y > 0, y, ONE)) - f), ZERO)
        value = entropy - (y + 1 / a) * np.log((1 + a * y) / (1 + a * mu))
        slope = (mu - y) / (1 + a * mu)
        return value.sum(axis=1), slope, mu * (1 + a * y) / (1 + a * mu) ** 2


class Penalty:
    """Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)θⱼ²/2), by groups if there are any; bounds on every coefficient."""

    def __init__(self, l1_ratio, factors, groups=None, lower=-np.inf, upper=np.inf):
        factors = np.asarray(factors, dtype=LONG)
        self.l1, self.l2 = LONG(l1_ratio) * factors, (1 - LONG(l1_ratio)) * factors
        self.groups, self.lower, self.upper = groups, lower, upper
        if groups is not None:
            self.members = [np.flatnonzero(groups == g) for g in np.unique(groups)]

    def value(self, theta):
        ridge = self._by_feature(self.l2) * theta * theta / 2
        if self.groups is None:
            return (self.l1 * np.abs(theta)).sum() + ridge.sum()
        norms = [np.sqrt(LONG(len(g)) * (theta[:, g] ** 2).sum()) for g in self.members]
        return (self.l1 * np.array(norms)).sum() + ridge.sum()

    def _by_feature(self, factors):
        if self.groups is None:
            return factors
        return factors[np.unique(self.groups, return_inverse=True)[1]]

    def smooth_part(self, theta):
        """Gradient and second derivative (a diagonal) of the penalty where θ is not 0."""
        l2 = self._by_feature(self.l2)
        gradient, second = l2 * theta, np.broadcast_to(l2, theta.shape).copy()
        if self.groups is None:
            return gradient + self.l1 * np.sign(theta), second
        for weight, g in zip(self.l1, self.members, strict=True):
            norm = np.sqrt((theta[:, g] ** 2).sum())
            if norm > 0:
                gradient[:, g] += weight * np.sqrt(LONG(len(g))) * theta[:, g] / norm
                second[:, g] += weight * np.sqrt(LONG(len(g))) / norm
        return gradient, second

    def blocks(self, n_outputs, p):
        """Index arrays (outputs, features) of what is set to 0 together."""
        if self.groups is None:
            return [(np.array([k]), np.array([j])) for k in range(n_outputs) for j in range(p)]
        outputs = np.arange(n_outputs)
        return [(np.repeat(outputs, len(g)), np.tile(g, n_outputs)) for g in self.members]

    def prox(self, block, z, step):
        """argmin ½‖u − z‖² + step·J on one block."""
        features = block[1]
        if self.groups is None:
            l1, l2 = self.l1[features], self.l2[features]
            u = np.sign(z) * np.maximum(np.abs(z) - step * l1, ZERO) / (1 + step * l2)
            return np.clip(u, self.lower, self.upper)
        g = np.searchsorted(np.unique(self.groups), self.groups[features[0]])
        norm, size = np.sqrt((z * z).sum()), LONG(len(self.members[g]))
        if norm == 0:
            return z
        shrunk = np.maximum(1 - step * self.l1[g] * np.sqrt(size) / norm, ZERO)
        return shrunk * z / (1 + step * self.l2[g])


class Problem:
    """Σ wᵢ ℓ(yᵢ, θxᵢ + b + oᵢ)/Σw + λJ(θ)."""

    def __init__(self, X, y, loss, penalty, alpha, weights=None, offset=None, fit_intercept=True):
        self.X, self.y = np.asarray(X, dtype=LONG), np.asarray(y, dtype=LONG)
        self.loss, self.penalty, self.alpha = loss, penalty, LONG(alpha)
        w = np.ones(len(self.y)) if weights is None else weights
        self.share = np.asarray(w, dtype=LONG) / np.asarray(w, dtype=LONG).sum()
        self.offset = ZERO if offset is None else np.asarray(offset, LONG).reshape(len(self.y), -1)
        self.fit_intercept = fit_intercept

    def raw(self, theta, b):
        return self.X @ theta.T + b + self.offset

    def risk(self, f):
        return self.share @ self.loss.value(self.y, f)

    def objective(self, theta, b, f=None):
        f = self.raw(theta, b) if f is None else f
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.risk(f) + self.alpha * self.penalty.value(theta)
        return value if np.isfinite(value) else LONG(np.inf)

    def null_risk(self):
        """The risk of the intercept alone."""
        n_outputs = self.y.shape[1]
        theta, b = np.zeros((n_outputs, self.X.shape[1]), LONG), np.zeros(n_outputs, LONG)
        if not self.fit_intercept:
            return self.risk(self.raw(theta, b))
        if self.loss.name in ("poisson", "gamma", "tweedie", "negative_binomial"):
            b[:] = np.log(self.share @ self.y)
        elif self.loss.name in ("squared_error", "huber"):
            b[:] = self.share @ self.y
        f, best = self.raw(theta, b), LONG(np.inf)
        for _ in range(100):
            f, value = self._best_intercept(f)
            if not value < best:
                return min(best, value)
            best = value
        return best

    def _best_intercept(self, f):
        """One guarded Newton step of the intercepts."""
        slope, curvature = self.loss.derivatives(self.y, f)
        slope, curvature = self.share @ slope, self.share @ curvature
        step, now = -slope / np.where(curvature > 1e-12, curvature, ONE), self.risk(f)
        for _ in range(30):
            value = self.risk(f + step)
            if value <= now:
                return f + step, value
            step = step / 2
        return f, now

    def descend(self, theta, b, sweeps=6, rounds=4):
        """The lowest objective that blocks and Newton steps find from (θ, b)."""
        theta, b = np.array(theta, dtype=LONG), np.array(b, dtype=LONG)
        best = self.objective(theta, b)
        for _ in range(rounds):
            before = best
            for step in [self._sweep] * sweeps + [self._newton] * 3:
                theta, b, now = step(theta, b, best)
                if not now < best and step == self._newton:
                    break
                best = now
            if not best < before:
                break
        return best, theta, b

    def _sweep(self, theta, b, best):
        f = self.raw(theta, b)
        squares = self.X * self.X
        for block in self.penalty.blocks(*theta.shape):
            outputs, features = block
            slope, curvature = self.loss.derivatives(self.y, f)
            seen = self.share[:, None] * slope[:, outputs] * self.X[:, features]
            second = (self.share[:, None] * curvature[:, outputs] * squares[:, features]).sum(
                axis=0
            )
            bend = second.sum()
            if not bend > 0:
                continue
            at, gradient = theta[outputs, features], seen.sum(axis=0)
            for _ in range(3):
                new = self.penalty.prox(block, at - gradient / bend, self.alpha / bend)
                if (new == at).all():
                    break
                trial = theta.copy()
                trial[outputs, features] = new
                moved = f.copy()
                np.add.at(moved.T, outputs, ((new - at) * self.X[:, features]).T)
                value = self.objective(trial, b, moved)
                if value < best:
                    theta, f, best = trial, moved, value
                    break
                bend = bend * 8
        if self.fit_intercept:
            moved, _ = self._best_intercept(f)
            value = self.objective(theta, b + (moved - f)[0], moved)
            if value < best:
                theta, b, best = theta, b + (moved - f)[0], value
        return theta, b, best

    def _newton(self, theta, b, best):
        """One step on the components that are not 0, with the intercepts."""
        slope, curvature = self.loss.derivatives(self.y, self.raw(theta, b))
        gradient, second = self.penalty.smooth_part(theta)
        gradient = (self.share[:, None] * slope).T @ self.X + self.alpha * gradient
        may_be_zero = self.penalty.groups is None and self.penalty.l1 == 0
        active = (theta != 0) | may_be_zero
        active &= (theta > self.penalty.lower) & (theta < self.penalty.upper)
        direction, shift = np.zeros_like(theta), np.zeros_like(b)
        for k in range(len(theta)):  # classes one after the other: any descent will do
            on, last = active[k], int(self.fit_intercept)
            a = np.hstack([self.X[:, on], np.ones((len(self.y), last), LONG)])
            H = (a * (self.share * curvature[:, k])[:, None]).T @ a
            H[np.diag_indices(len(H))] += np.hstack([self.alpha * second[k, on], np.zeros(last)])
            g = np.hstack([gradient[k, on], np.full(last, self.share @ slope[:, k])])
            unit = 1 / np.sqrt(np.maximum(np.diag(H), LONG(1e-300)))
            scaled = np.asarray(H * unit * unit[:, None], dtype=float)
            step = -unit * np.linalg.lstsq(scaled, np.asarray(g * unit, float), rcond=1e-13)[0]
            direction[k, on] = step[: len(step) - last]
            shift[k] = step[-1] if last else 0
        for size in ONE / 4 ** np.arange(10):
            new = np.clip(theta + size * direction, self.penalty.lower, self.penalty.upper)
            if self.penalty.groups is None:
                new[(new * theta < 0) & ~may_be_zero & np.ones_like(active)] = 0
            value = self.objective(new, b + size * shift)
            if value < best:
                return new, b + size * shift, value
        return theta, b, best
