"""The empirical risk of a linear model under any loss."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skreg._kernels import line, losses
from skreg.losses import Loss
from skreg.quadratic.conjugate_gradient import power_method
from skreg.quadratic.expansion import Expansion, expansion
from skreg.quadratic.hessian import Hessian
from skreg.quadratic.point import Rounding, RowPoint, rows_times
from skreg.quadratic.problem import Problem
from skreg.rows import make_rows
from skreg.rows.products import EPS, Array, Indices, by_halves, dot

# Numbers in X beyond which each half of the rows is taken by a thread.
_WORTH_TWO = 5e5
# What rounding may leave of a risk, as a share of it, before the targets are shifted.
_SEEN = 1e-10
# Curvature of a parabola above its loss up to which a row counts as far out on a linear part, and
# the share of rows there that changes the method; those that bend in the null model do not matter.
_FAR, _MANY = 0.0015, 0.1
# The share of such rows from which gradients are looked at in long double.
_SOME = 0.01
# Of the power iteration for the largest eigenvalue: it is right to a few percent.
_POWER_STEPS = 16


class EmpiricalRisk(Problem):
    """R(θ, b) = Σᵢ wᵢ ℓ(yᵢ, θxᵢ + b + oᵢ) / Σᵢ wᵢ, by reference to its rows.

    Parameters
    ----------
    X : ndarray, CSR or CSC of shape (n, p)
    y : ndarray of shape (n, K), float64
        Targets as the loss wants them; ``loss.check_targets`` has passed.
    loss : Loss
    weights : ndarray of shape (n,), default=None
        w ≥ 0, not all 0; None stands for ones.
    offset : ndarray of shape (n,) or (n, K), default=None
        o, kept as (n, 1) or (n, K); None stands for zeros.
    fit_intercept : bool, default=True
        False holds b at 0.

    Attributes
    ----------
    share : ndarray of shape (n,)
        wᵢ / Σw.
    design : Rows
        The products of X.
    n_features, n_outputs : int
        p and K.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> from skreg.quadratic.risk import EmpiricalRisk
    >>> risk = EmpiricalRisk(np.array([[0.0], [1.0]]), np.array([[1.0], [3.0]]), Poisson())
    >>> risk.null_intercept().round(4), round(risk.null_risk, 4)
    (array([0.6931]), 0.2616)
    >>> raw = risk.raw(np.log([[3.0]]), np.zeros(1))
    >>> risk.value_at(raw).__round__(12)
    0.0
    """

    is_quadratic: ClassVar[bool] = False

    def __init__(
        self,
        X: Any,
        y: ArrayLike,
        loss: Loss,
        weights: Array | None = None,
        offset: Array | None = None,
        fit_intercept: bool = True,
    ) -> None:
        self.X, self.y, self.loss = X, np.ascontiguousarray(y, dtype=np.float64), loss
        self.fit_intercept = fit_intercept
        self.offset = None if offset is None else offset.reshape(len(self.y), -1)
        n = X.shape[0]
        self.dtype = np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
        self.weight = float(n) if weights is None else float(weights.sum())
        self.share = np.full(n, 1.0 / n) if weights is None else weights / self.weight
        self.design = make_rows(X, may_center=fit_intercept)
        self.is_convex, self.has_curvature = loss.is_convex, loss.has_curvature
        self.couples_outputs = loss.coupled

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    @property
    def n_outputs(self) -> int:
        return self.y.shape[1]

    @property
    def n_rows(self) -> int:
        return int(np.count_nonzero(self.share))

    def raw(self, coef: ArrayLike, intercept: Array) -> Array:
        """θxᵢ + b + oᵢ, shape (n, K), for coef of shape (K, p) and intercept of shape (K,)."""
        coef = np.asarray(coef, dtype=np.float64)
        out = self.design.dot(coef.T)
        out += intercept + coef @ self.design.center
        if self.offset is not None:
            out += self.offset
        return out

    def value_at(self, raw: Array) -> float:
        """R at raw predictions of shape (n, K)."""
        return self.derivatives_at(raw)[0]

    def value_of(self, coef: ArrayLike, intercept: ArrayLike) -> float:
        coefs, intercepts = np.atleast_2d(coef), np.atleast_1d(intercept)
        return self.value_at(self.raw(coefs, intercepts))

    def hessian_at(self, theta: Array, intercept: Array) -> Hessian:
        """Second derivatives at θ (K, p) and b (K,), as users see them."""
        return Hessian(self, self.derivatives_at(self.raw(theta, intercept))[2])

    def as_seen(self, thetas: Array, intercepts: Array) -> tuple[NDArray, NDArray]:
        if self.n_outputs == 1:
            thetas, intercepts = thetas[:, 0], intercepts[:, 0]
        return thetas.astype(self.dtype), intercepts.astype(self.dtype)

    def derivatives_at(self, raw: Array) -> tuple[float, Array, Array]:
        """R, share·∂ℓ/∂f and share·∂²ℓ/∂f², the last two of shape (n, K).

        For the multinomial log loss the last is the probabilities p, *not* times the share: a row's
        Hessian is share·(diag(p) − ppᵀ).
        """
        alone = raw.shape[1] == 1 and raw.flags.c_contiguous and not self.loss.coupled
        if alone and self.loss.is_compiled:
            return losses.risk(self.loss.name, self.y, raw, self.share, self.loss.parameter)
        loss, gradient, curvature = self.loss.derivatives(self.y, raw)
        gradient *= self.share[:, None]
        if not self.loss.coupled:
            curvature *= self.share[:, None]
        return dot(self.share, loss), gradient, curvature

    def at(
        self,
        theta: Array,
        intercept: Array,
        *,
        raw: Array | None = None,
        derivatives: tuple[float, Array, Array] | None = None,
        gradient: Array | None = None,
    ) -> RowPoint:
        """The `Point` of θ (K·p,) and b (K,), both about the design's center.

        Where raw predictions (n, K), what `derivatives_at` says of them, or ∂R/∂θ (K·p,) are known
        already, they are not computed.
        """
        if raw is None:
            raw = self.design.dot(theta.reshape(self.n_outputs, -1).T)
            raw += intercept
            if self.offset is not None:
                raw += self.offset
        value, residual, curvature = derivatives or self.derivatives_at(raw)
        if gradient is None:
            gradient = self.design.transposed_dot(residual).T.ravel()
        total = np.zeros(self.n_outputs)
        if self.fit_intercept:
            np.add.reduce(residual, axis=0, out=total)
        return RowPoint(theta, intercept, value, gradient, total, raw, residual, curvature)

    def points(self, coefs: Array, intercepts: Array) -> Iterator[RowPoint]:
        """The points that θ (m, K, p) and b (m, K), as users see them, are."""
        for theta, b in zip(coefs, intercepts, strict=True):
            yield self.at(theta.ravel(), b + theta @ self.design.center)

    def along(
        self, raw: Array, d: Array, d_b: Array
    ) -> tuple[Array, tuple[float, Array, Array], Array | None]:
        """A step d (K, p), d_b (K,) from raw predictions of shape (n, K) about the design's center.

        The change of these, what `derivatives_at` says at the step's end, and ∂R/∂θ (K, p) about
        the center there, None where it does not come with the same pass over X.
        """
        in_one_pass = self.loss.is_compiled and self.n_outputs == 1 and self.design.has_plain_rows
        if not in_one_pass:
            change = self.design.dot(d.T) + d_b
            return change, self.derivatives_at(raw + change), None
        change, residual, curvature = np.empty((3, *raw.shape))
        columns = [part[:, 0] for part in (self.y, raw, change, residual, curvature)]
        loss, d = self.loss, np.ascontiguousarray(d[0])

        def part(start: int, stop: int) -> Any:
            y, *others = (column[start:stop] for column in columns)
            rows, share = self.X[start:stop], self.share[start:stop]
            return line.step(loss.name, loss.parameter, rows, d, d_b[0], y, share, *others)

        halves = by_halves(part, len(raw), self.X.size > _WORTH_TWO)
        values, slopes = zip(*halves, strict=True)
        return change, (sum(values), residual, curvature), sum(slopes)[None]

    def gradient(self, residual: Array) -> tuple[Array, Array]:
        """∂R/∂θ of shape (K, p) and ∂R/∂b of shape (K,) from share·∂ℓ/∂f."""
        total = residual.sum(axis=0)
        slope = self.design.transposed_dot(residual).T
        if self.design.is_centered:
            slope = slope + np.outer(total, self.design.center)
        return slope, total if self.fit_intercept else np.zeros_like(total)

    def restricted(self, features: Indices) -> EmpiricalRisk:
        """The risk of these features alone, a copy of their columns."""
        if len(features) == self.n_features:
            return self
        X, weights = self.X[:, features], self.share * self.weight
        return EmpiricalRisk(X, self.y, self.loss, weights, self.offset, self.fit_intercept)

    def about_mean(self, squares: Array, share: Array) -> Array:
        """Σ sᵢ(xᵢⱼ − x̄ⱼ)² from Σ sᵢxᵢⱼ², for s of sum 1: the intercept takes up the means.

        Without one it is ``squares``. A column that rounding makes constant keeps a tiny share.
        """
        return self.spread(squares, share) if self.fit_intercept else squares

    def spread(self, squares: Array, share: Array) -> Array:
        """The same with an intercept and without."""
        means = self.design.transposed_dot(share[:, None])[:, 0]
        return np.maximum(squares - means**2, EPS * squares)

    @property
    def largest_eigenvalue(self) -> float:
        """σ₁ of the Hessian at the null model, to a few percent.

        A loss without curvature stands in with that of a square worth R at a residual of size R.
        """
        design, curvature = self.design, self.null.curvature
        if not self.loss.has_curvature:
            curvature = self.share[:, None] / (self.null.value or 1.0)
        mean = design.mean(self.share) if self.fit_intercept else np.zeros(self.n_features)

        def times(v: NDArray) -> NDArray:
            moved = rows_times(self, curvature, design.dot(v.T) - v @ (mean - design.center))
            return self.gradient(moved)[0] - np.outer(moved.sum(axis=0), mean)

        return power_method(times, self.gradient(self.null.residual)[0], _POWER_STEPS)

    @cached_property
    def null(self) -> RowPoint:
        """The null model: θ = 0 and the best b beside it, 0 without an intercept."""
        b = np.zeros(self.n_outputs)
        if self.fit_intercept:
            b = self.loss.null_intercept(self.y, self.share, self.offset)
        raw = np.zeros((len(self.y), 1)) + b if self.offset is None else self.offset + b
        return self.at(np.zeros(self.n_outputs * self.n_features), b, raw=raw)

    def null_intercept(self) -> Array:
        """The best b at θ = 0, shape (K,); zeros without an intercept."""
        return self.null.intercept.copy()

    @cached_property
    def null_risk(self) -> float:
        """R of the null model; 0 where it is rounding alone, and there is nothing to explain."""
        return self.null.value if self.null.value > self.rounding.least else 0.0

    @cached_property
    def is_piecewise_linear(self) -> bool:
        if self.loss.linear_sides is None:
            return False
        if not self.has_curvature or self.n_outputs > 1:
            return not self.has_curvature
        bend = self.loss.majorizer(self.y, self.null.raw)[:, 0]
        far, near = self.share @ (bend <= _FAR), self.share @ ((bend > _FAR) & (bend < 1))
        return bool(far > max(near, _MANY))

    @cached_property
    def has_far_targets(self) -> bool:
        if not (self.loss.has_flat_parts and self.has_curvature and self.loss.has_identity_link):
            return False
        bend = self.loss.majorizer(self.y, self.null.raw)[:, 0]
        return bool(self.share @ (bend <= _FAR) > _SOME)

    @cached_property
    def rounding(self) -> Rounding:
        """What rounding leaves of R and its gradient in the null model."""
        return Rounding.at(self, self.null)

    @cached_property
    def shifted(self) -> tuple[EmpiricalRisk, Array]:
        """The same risk of targets about 0, and what is missing in its intercepts (K,).

        It is this risk itself unless its targets lie so far from 0 that residuals would be rounded
        to few digits; a difference of two numbers of one size loses none.
        """
        small = _SEEN * self.null_risk
        if not (self.fit_intercept and self.loss.has_identity_link) or self.rounding.value <= small:
            return self, np.zeros(self.n_outputs)
        shift = self.null_intercept()
        y = self.y - shift if self.offset is None else (self.y - self.offset) - shift
        weights = self.share * self.weight
        return EmpiricalRisk(self.X, y, self.loss, weights), shift

    def expand(self, coef: ArrayLike, intercept: ArrayLike) -> Expansion:
        """The quadratic of R about θ₀ (K, p) and b₀ (K,), b at its best: an `Expansion`."""
        return expansion(self, coef, intercept)
