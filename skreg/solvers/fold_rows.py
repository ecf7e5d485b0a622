"""Newton steps of each column by itself, for few rows and as many features.

With w for the curvature of a column's rows times their shares and X about its center, its system is

    M = λF + XᵀWX,    M⁻¹v = (F⁻¹v − F⁻¹Xᵀ√W(λ + √W·XF⁻¹Xᵀ·√W)⁻¹√W·XF⁻¹v)/λ,

and M⁻¹XᵀW = F⁻¹Xᵀ√W(λ + …)⁻¹√W tells what the intercept owes to the features. A step takes r³/3
flops for the r rows of a training part, once XF⁻¹Xᵀ is known: little where r is a few hundred.
Classes that are told apart leave training parts with curvature on rows of their own, so that one
Hessian in place of those of all parts would take ten steps for one or two.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array, Indices

# Rows at most, and the share of them that there must be features.
_MOST_ROWS, _WIDE = 400, 0.5


class RowHessians:
    """The rows of a risk with one output, and their products.

    Parameters
    ----------
    risk : EmpiricalRisk
    factors : ndarray of shape (p,)
        f > 0.
    """

    def __init__(self, risk: EmpiricalRisk, factors: Array):
        self._risk, self._factors = risk, factors
        self._rows = risk.design.columns(np.arange(risk.n_features))
        self._outer = (self._rows / factors) @ self._rows.T

    @classmethod
    def of(cls, risk: EmpiricalRisk, factors: Array) -> RowHessians | None:
        """None where rows are many, or features few or without a penalty."""
        n, p = risk.X.shape
        fits = risk.n_outputs == 1 and n <= _MOST_ROWS and p >= _WIDE * n
        return cls(risk, factors) if fits and (factors > 0).all() else None

    def solve(self, g: Array, alphas: Array, raw: Array, shares: Array) -> Array | None:
        """H⁻¹g for g (A, 1, p + 1), at raw predictions (n, A) of rows with shares (n, A).

        None where the curvature of a column is 0, or not a number.
        """
        y = np.repeat(self._risk.y, len(g), axis=0)
        curvature = self._risk.loss.derivatives(y, raw.reshape(-1, 1))[2].reshape(raw.shape)
        out = np.empty_like(g)
        for a, weights in enumerate((shares * curvature).T):
            rows = np.flatnonzero(weights > 0)
            found = self._solve(g[a, 0], float(alphas[a]), rows, weights[rows])
            if found is None:
                return None
            out[a, 0] = found
        return out

    def _solve(self, g: Array, alpha: float, rows: Indices, weights: Array) -> Array | None:
        root, X = np.sqrt(weights), self._rows[rows]
        system = self._outer[rows][:, rows] * root * root[:, None]
        system[np.diag_indices_from(system)] += alpha
        factor, info = dpotrf(system.T, lower=1, overwrite_a=1)
        if info != 0 or not rows.size:
            return None
        ahead = g[:-1] / self._factors
        sides = np.column_stack([root * (X @ ahead), root])
        inner = dpotrs(factor, sides, lower=1)[0] * root[:, None]
        back, along = (X.T @ inner / self._factors[:, None]).T
        theta = (ahead - back) / alpha
        if not self._risk.fit_intercept:
            return np.append(theta, 0.0)
        # What is left of the intercept's curvature beside the features at their best.
        b = (g[-1] - along @ g[:-1]) / (alpha * inner[:, 1].sum())
        return np.append(theta - b * along, b)
