"""What a risk says of a point, with the intercepts brought to their best there."""

import numpy as np

from skreg.quadratic.point import Point
from skreg.quadratic.row_curvature import intercept_block, invert_bb

# The intercepts' Newton steps go this far at first, and twice as far each time.
_REACH = 20.0
_STEPS = 100


class Evaluator:
    """Makes `Point`s of coefficients.

    ``certificate`` is that of the risk, and ``tol`` the relative duality gap that intercepts have
    to serve.
    """

    def __init__(self, certificate, tol):
        self.risk = certificate.risk
        # ∂R/∂b that a counterweight makes good at a small share of the gap asked for.
        self.total_tol = 1e-3 * min(max(tol, 1e-12), 1e-3) * certificate.smallest_weight

    def __call__(self, theta, intercept, model=None):
        """The point at θ, whose best intercept is near ``intercept``.

        With a `WorkingHessian` that keeps its columns, θ is 0 outside these and the gradient is
        found on them alone.
        """
        risk, k = self.risk, self.risk.n_outputs
        kept = model is not None and model.columns is not None
        raw = model.dot(theta) if kept else risk.design.dot(theta.reshape(k, -1).T)
        if risk.offset is not None:
            raw += risk.offset
        raw += intercept
        if risk.fit_intercept:
            intercept, derivatives = self._best_intercept(raw, intercept)
        else:
            derivatives = risk.derivatives_at(raw)
        value, residual, curvature = derivatives
        total = residual.sum(axis=0)
        point = Point(
            theta, intercept, raw, value, residual, curvature, np.zeros_like(theta), total, False
        )
        if kept:
            point.gradient[model.which] = model.transposed_dot(residual)
        else:
            self.complete(point)
        return point

    def complete(self, point):
        """Find the whole gradient."""
        if not point.complete:
            slope = self.risk.design.transposed_dot(point.residual)
            point.gradient, point.complete = slope.T.ravel(), True

    def _best_intercept(self, raw, intercept):
        """(b, the derivatives there) from ``raw``, which has ``intercept`` in it and is changed.

        Newton's method, until a counterweight makes good what is left of ∂R/∂b.
        """
        reach, intercept = _REACH, np.array(intercept, dtype=np.float64)
        if self.risk.loss.has_identity_link:  # b has the units of y
            reach = max(reach, float(np.abs(raw).max(initial=0.0)))
        low, high = np.full_like(intercept, -np.inf), np.full_like(intercept, np.inf)
        for _ in range(_STEPS):
            derivatives = self.risk.derivatives_at(raw)
            _, residual, curvature = derivatives
            total = residual.sum(axis=0)
            if not np.abs(total).max() > self.total_tol:  # NaN, far away: no point to stay at
                return intercept, derivatives
            if self.risk.loss.coupled:
                step = invert_bb(intercept_block(self.risk, curvature), True) @ total
                new = intercept - step / max(1.0, np.abs(step).max() / 5.0)
            else:
                high = np.where(total > 0, intercept, high)
                low = np.where(total > 0, low, intercept)
                bend = np.maximum(curvature.sum(axis=0), np.abs(total) / reach)
                new = intercept - total / bend
                reach *= 2
                if not low < new < high and np.isfinite(high - low):
                    new = 0.5 * (low + high)
            if (new == intercept).all():  # as near as rounding lets it
                return intercept, derivatives
            raw += new - intercept
            intercept = new
        return intercept, self.risk.derivatives_at(raw)
