"""The quadratic of any risk about an anchor, in the terms of `Quadratic`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.point import own_weights
from skreg.quadratic.quadratic import GramQuadratic, Quadratic, RowQuadratic
from skreg.rows.products import Array

if TYPE_CHECKING:
    from skreg.quadratic.risk import EmpiricalRisk


def expansion(risk: EmpiricalRisk, coef: ArrayLike, intercept: ArrayLike) -> Expansion:
    """The `Expansion` of an `EmpiricalRisk` about coef (K, p) and intercept (K,)."""
    coef = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    intercept = np.atleast_1d(np.asarray(intercept, dtype=np.float64))
    raw = risk.raw(coef, intercept)
    _, residual, curvature = risk.derivatives_at(raw)
    if risk.n_features > len(risk.y) and risk.n_outputs == 1:
        return _WideExpansion(risk, raw, residual, own_weights(risk, curvature)[:, 0])
    parts, design = DenseHessian(risk, curvature), risk.design
    slope, b = design.transposed_dot(residual).T.ravel(), intercept + coef @ design.center
    linear = parts.expanded(coef.ravel(), b, slope, residual.sum(axis=0))
    return ArrayExpansion(
        parts, *linear, design.center, risk.weight, risk.n_rows, risk.fit_intercept, risk.dtype
    )


class Expansion(Quadratic):
    """R̃(θ) = gᵀ(θ − θ₀) + ½(θ − θ₀)ᵀH(θ − θ₀), up to a constant; the intercept at its best.

    A `Quadratic` of one target whose θ̂ is the minimizer of R̃. Values are measured from that
    minimum: ``minimum_risk`` is 0, and ``value`` is not the risk but its excess; only with p > n,
    where rows are kept, a constant is left in. For K outputs θ is their K·p coefficients, output
    by output; `coefficients` takes θ apart.
    """

    def coefficients(self, thetas: ArrayLike) -> tuple[Array, Array]:
        """coefs (m, K, p) and intercepts (m, K) for θ of shape (m, K·p)."""
        thetas = np.asarray(thetas, dtype=np.float64)
        return thetas[:, None], self.y_mean - thetas @ self.x_mean[:, None]

    def arrays(self) -> dict[str, Any]:
        """All that the expansion is made of."""
        raise TypeError(
            "the expansion of a risk with more features than rows holds the rows: keep the "
            "estimator, which works it out again."
        )


class ArrayExpansion(Expansion, GramQuadratic):
    """H and h = Hθ₀ − g as arrays.

    Parameters
    ----------
    parts : DenseHessian
        H.
    cross : ndarray of shape (K·p,)
        h.
    at_zero : ndarray of shape (K,)
        The best intercepts beside θ = 0, features being about ``center``.
    center : ndarray of shape (p,)
    weight, n_rows, centered, dtype
        As of a `Quadratic`.
    """

    def __init__(
        self,
        parts: DenseHessian,
        cross: Array,
        at_zero: Array,
        center: Array,
        weight: float,
        n_rows: int,
        centered: bool,
        dtype: DTypeLike = np.float64,
    ) -> None:
        Quadratic.__init__(self, dtype)
        K, single = len(at_zero), len(at_zero) == 1
        self.centered, self.weight, self.n_rows = centered, weight, n_rows
        self.hessian = np.ascontiguousarray(parts.matrix)
        self.hessian.flags.writeable = False
        self.diagonal = np.diag(self.hessian)
        # The intercepts that are best beside θ: at_zero − mixed_means·θ.
        self.mixed_means, self.at_zero = np.zeros((K, cross.size)), np.zeros(K)
        if centered:
            mixed = parts.inverse_bb @ parts.mixed
            self.mixed_means, self.at_zero = mixed + np.kron(np.eye(K), center), at_zero
        self.cross = cross[:, None]
        self.power = np.array([cross @ parts.factor(np.zeros(cross.size)).inverse_times(cross)])
        self.x_mean = self.mixed_means[0] if single else np.zeros(cross.size)
        self.y_mean = self.at_zero if single else np.zeros(1)

    def arrays(self) -> dict[str, Any]:
        """All that the expansion is made of."""
        own = dict(vars(self))
        return {n: v for n, v in own.items() if n not in ("_spectra", "diagonal", "data")} | {
            "dtype": self.dtype.name
        }

    def coefficients(self, thetas: ArrayLike) -> tuple[Array, Array]:
        if len(self.at_zero) == 1:
            return super().coefficients(thetas)
        thetas = np.asarray(thetas, dtype=np.float64)
        intercepts = self.at_zero - thetas @ self.mixed_means.T
        return thetas.reshape(*intercepts.shape, -1), intercepts


class _WideExpansion(Expansion, RowQuadratic):
    """p > n: the rows of H, √s·(x − x̄) for curvatures s, and the working targets z = f − ℓ′/ℓ″."""

    # Its rows are those of the anchor only.
    as_moments = Quadratic.as_moments

    def __init__(self, risk: EmpiricalRisk, raw: Array, residual: Array, weights: Array) -> None:
        linear = raw if risk.offset is None else raw - risk.offset
        step = np.divide(residual[:, 0], weights, out=np.zeros(len(weights)), where=weights > 0)
        targets = linear - step[:, None]
        RowQuadratic.__init__(self, risk.X, targets, weights, risk.fit_intercept, risk.dtype)
        # `Rows` divides the weights by their sum.
        self.rows.rescale(np.sqrt(weights.sum()))
        self.power = np.einsum("ij,ij->j", self.rows.b, self.rows.b)
        self.weight = risk.weight


def expansion_from_arrays(arrays: dict[str, Any]) -> ArrayExpansion:
    """The expansion whose ``arrays()`` these are; ValueError where they do not go together."""
    p = len(arrays["x_mean"])
    if arrays["hessian"].shape != (p, p) or arrays["cross"].shape != (p, 1):
        raise ValueError("the arrays of this expansion have shapes that do not go together.")
    made = ArrayExpansion.__new__(ArrayExpansion)
    Quadratic.__init__(made, arrays["dtype"])
    vars(made).update(arrays | {"dtype": made.dtype, "diagonal": np.diag(arrays["hessian"])})
    return made
