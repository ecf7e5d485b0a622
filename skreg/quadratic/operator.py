"""The Hessian of a risk at a point through its products, where an array would be too large."""

import numpy as np

from skreg.quadratic.curvature import floored, intercept_block, invert_bb, row_weights, rows_times

# Relative residual at which a step counts as solved, and the same for the degrees of freedom.
_STEP, _PROBE = 1e-2, 1e-2
_MAX_ITER = 1000
# Random signs drawn for the trace: its relative error falls with their root.
_DRAWS = 50_000


class CurvatureOperator:
    """What `Curvature` is, without an array: products with H take two passes over X.

    Parameters
    ----------
    risk : LinearRisk
    curvature : ndarray of shape (n, K)
        See `LinearRisk.derivatives_at`.
    """

    def __init__(self, risk, curvature):
        self.risk, self._curvature = risk, floored(risk, curvature)
        K = risk.n_outputs
        weights = [row_weights(risk, curvature, k, k) for k in range(K)]
        self.diagonal = np.concatenate([risk.design.squares(w) for w in weights])
        if risk.fit_intercept:
            bb = intercept_block(risk, self._curvature)
            means = [risk.design.transposed_dot(w[:, None])[:, 0] for w in weights]
            self._inverse_bb = invert_bb(bb, risk.loss.coupled)
            totals = np.diag(bb)
            for k in range(K):
                centred = means[k] ** 2 / max(totals[k], np.finfo(np.float64).tiny)
                part = self.diagonal[k * risk.n_features : (k + 1) * risk.n_features]
                np.maximum(part - centred, 1e-12 * part, out=part)

    def factor(self, ridge):
        """H + diag(ridge) ready to be solved with."""
        return OperatorFactor(self, ridge)

    def rows_times(self, raw):
        """Second derivatives of the rows' losses times a change of raw predictions (n, K, m)."""
        return rows_times(self.risk, self._curvature, raw)

    def eliminate(self, change):
        """The change of b that is best beside this change of raw predictions, (K, m)."""
        if not self.risk.fit_intercept:
            return np.zeros(change.shape[1:])
        return -self._inverse_bb @ self.rows_times(change).sum(axis=0)

    def times(self, v):
        """Hv for v of shape (K·p, m)."""
        K, p, m = self.risk.n_outputs, self.risk.n_features, v.shape[1]
        change = self.raw(v)
        change += self.eliminate(change)
        weighted = self.rows_times(change)
        back = self.risk.design.transposed_dot(np.ascontiguousarray(weighted.reshape(-1, K * m)))
        return back.reshape(p, K, m).transpose(1, 0, 2).reshape(K * p, m)

    def raw(self, v):
        """Changes of raw predictions (n, K, m) by v."""
        K, p, m = self.risk.n_outputs, self.risk.n_features, v.shape[1]
        flat = np.ascontiguousarray(v.reshape(K, p, m).transpose(1, 0, 2).reshape(p, K * m))
        return self.risk.design.dot(flat).reshape(-1, K, m)


class OperatorFactor:
    """Solves with H + diag(ridge) by conjugate gradients, preconditioned by the diagonal."""

    def __init__(self, operator, ridge):
        self._operator, self._ridge = operator, ridge
        diagonal = operator.diagonal + ridge
        self._inverse_diagonal = 1.0 / np.where(diagonal > 0, diagonal, 1.0)

    def solve(self, slope_theta, slope_b, tol=_STEP):
        """A step (d_θ, d_b) that leaves ``tol`` of the quadratic's gradient."""
        operator, K = self._operator, self._operator.risk.n_outputs
        d_b = np.zeros(K)
        g = slope_theta
        if operator.risk.fit_intercept:
            # Minimising over b first: g_θ − H_θb·H_bb⁺·g_b.
            d_b = -operator._inverse_bb @ slope_b
            weighted = operator.rows_times(
                np.broadcast_to(d_b[:, None], (len(operator.risk.y), K, 1))
            )
            g = g + operator.risk.design.transposed_dot(weighted[:, :, 0]).T.ravel()
        d = -self._conjugate_gradients(g[:, None], tol)
        return d[:, 0], d_b + operator.eliminate(operator.raw(d))[:, 0]

    def dof(self):
        """tr(H(H + diag(ridge))⁻¹) from random signs (Hutchinson, 1990), the same in every run."""
        size = len(self._ridge)
        n_probes = min(max(_DRAWS // size, 2), 16)
        probes = np.random.default_rng(0).choice([-1.0, 1.0], size=(size, n_probes))
        solved = self._conjugate_gradients(self._operator.times(probes), _PROBE)
        return float(np.mean(np.sum(probes * solved, axis=0)))

    def _conjugate_gradients(self, rhs, tol):
        """Columns of (H + diag(ridge))⁻¹·rhs, all at once."""
        x, r = np.zeros_like(rhs), rhs.copy()
        z = self._inverse_diagonal[:, None] * r
        d, power = z.copy(), np.sum(r * z, axis=0)
        goal = tol**2 * power
        for _ in range(_MAX_ITER):
            product = self._operator.times(d) + self._ridge[:, None] * d
            bend = np.sum(d * product, axis=0)
            step = np.divide(power, bend, out=np.zeros_like(power), where=bend > 0)
            x += step * d
            r -= step * product
            z = self._inverse_diagonal[:, None] * r
            before, power = power, np.sum(r * z, axis=0)
            if (power <= goal).all():
                break
            d = z + np.divide(power, before, out=np.zeros_like(power), where=before > 0) * d
        return x
