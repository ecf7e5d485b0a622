"""Duality gaps of the group lasso under any loss."""

import numpy as np

from skreg.quadratic.curvature import Curvature, floored, rows_times
from skreg.quadratic.risk import LinearRisk
from skreg.solvers.duality import Certificate


class GroupCertificate(Certificate):
    """Duality gaps with groups: ‖q_g‖₂ ≤ λ f_g √|g| is what bounds a dual point."""

    def __init__(self, risk, penalty):
        weights = penalty.weights[penalty._group]
        every = np.tile(weights, risk.n_outputs)
        super().__init__(risk, every, np.zeros_like(every), positive=False)
        self.shape = risk.n_outputs, risk.n_features
        self.groups = penalty
        self.free_features = np.flatnonzero(weights == 0)
        self.free_part = None

    def certify(self, point, alpha, tol):
        """`gap`, with what that needs of free features."""
        return self.gap(point, alpha, tol, self._orthogonal)

    def penalty(self, theta, alpha):
        """λJ(θ)."""
        return alpha * self.groups.value(theta.reshape(self.shape))

    def _scale(self, slope, alpha):
        on = self.groups.weights > 0
        pull = self.groups.norms(slope.reshape(self.shape))[on]
        return 1.0 / max(1.0, (pull / (alpha * self.groups.weights[on])).max(initial=0.0))

    def _orthogonal(self, point):
        """Residual and −gradient of a dual point orthogonal to free features and intercepts.

        The residual moves as the Newton step of these would move it, to first order.
        """
        risk, k = self.risk, self.risk.n_outputs
        if self.free_part is None:
            self.free_part = restricted(risk, self.free_features)
        gradient = self.free_part.design.transposed_dot(point.residual).T.ravel()
        curvature = Curvature.of(self.free_part, point.curvature)
        step, step_b = curvature.factor(np.zeros(len(gradient))).solve(gradient, point.total)
        move = self.free_part.design.dot(step.reshape(k, -1).T) + step_b
        residual = point.residual + rows_times(risk, floored(risk, point.curvature), move)
        return residual, -risk.design.transposed_dot(residual).T.ravel()


def restricted(risk, features):
    """The same risk with no other features than these, which increase."""
    if len(features) == risk.n_features:
        return risk
    weights = risk.weight * risk.share
    X = risk.X[:, features]
    return LinearRisk(X, risk.y, risk.loss, weights, risk.offset, risk.fit_intercept)
