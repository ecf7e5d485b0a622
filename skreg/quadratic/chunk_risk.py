"""The empirical risk of rows in chunks, known at points where a pass has been."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skreg._kernels import losses
from skreg.quadratic.conjugate_gradient import power_method
from skreg.quadratic.expansion import ArrayExpansion
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.point import Point
from skreg.quadratic.problem import Problem
from skreg.quadratic.risk_sums import Places, RiskSums, RiskWork, RowsOfParts, completed
from skreg.rows import Chunks, Moments
from skreg.rows.products import EPS, Array, Indices

#: Bytes that the second derivatives of a pass may take, here or on each worker.
LARGEST_PASS = 2**28
# The same of a single point.
_LARGEST_POINT = 2**30
# Steps in which the best intercept of the null model is found, and how close it comes.
_NULL_STEPS, _NULL_TOL = 60, 1e-13
# Of the power iteration for the largest eigenvalue: as many as for rows in memory.
_POWER_STEPS = 16


class Passes:
    """Passes over chunks at the points of several training parts.

    Parameters
    ----------
    chunks : Chunks
        That can be read more than once.
    rows : RowsOfParts
        How they are read.
    n_rows : int
        Of positive weight.
    on_pass : callable, default=None
        Called with the number of the pass and of the points looked at, before it begins.

    Attributes
    ----------
    n_passes : int
        That have been made.
    """

    def __init__(
        self,
        chunks: Chunks,
        rows: RowsOfParts,
        n_rows: int,
        on_pass: Callable[[int, int], None] | None = None,
    ) -> None:
        self.chunks, self.rows, self.n_rows = chunks, rows, n_rows
        self.on_pass, self.n_passes = on_pass, 0
        self._mark: int | None = None

    def at(self, places: Places) -> RiskSums:
        """The sums at these points, by one pass."""
        self.n_passes += 1
        if self.on_pass is not None:
            self.on_pass(self.n_passes, len(places.parts))
        sums = self.chunks.reduced(RiskWork(self.rows, places))[None]
        if sums.n_rows != self.n_rows:
            raise ValueError(
                f"the source of chunks gave {self.n_rows} rows in one pass and {sums.n_rows} in "
                "another. Let every pass read the same rows."
            )
        mark = sums.mark % 2**64
        if self._mark not in (None, mark):
            raise ValueError(
                "the source of chunks gave other numbers in one pass than in another. Let every "
                "pass read the same rows: a function that draws them begins with the same seed."
            )
        self._mark = mark
        return completed(sums)


@dataclass(eq=False)
class ChunkPoint(Point):
    """A `Point` with what else a pass says of it, see `RiskSums`."""

    bends: Array  # ∂²R/∂b², its diagonal; zeros where no second derivatives were asked for
    is_separated: bool
    moved: float


#: A point, and its second derivatives where they were asked for, which are not kept with it.
Seen = tuple[ChunkPoint, DenseHessian | None]


class ChunkRisk(Problem):
    """R(θ, b) of the rows of one training part, which are read a chunk at a time.

    θ is in the units of (x − shift)/scale, which is what steps ahead of the model make of a row.

    Parameters
    ----------
    passes : Passes
    part : int
        The fold that is left out, or `skreg.quadratic.risk_sums.WHOLE`.
    moments : Moments
        Of the rows of the part as they are read; of y as the loss takes it.
    fit_intercept : bool
    shift, scale : ndarray of shape (p,), default=None
        0 and 1 without such steps.
    """

    is_quadratic: ClassVar[bool] = False
    is_in_chunks: ClassVar[bool] = True

    def __init__(
        self,
        passes: Passes,
        part: int,
        moments: Moments,
        fit_intercept: bool,
        shift: Array | None = None,
        scale: Array | None = None,
    ) -> None:
        p = len(moments.x_mean)
        self.passes, self.part, self.moments = passes, part, moments
        self.loss, self.fit_intercept = passes.rows.loss, fit_intercept
        self.scale = np.ones(p) if scale is None else scale
        shift = np.zeros(p) if shift is None else shift
        # Features about the common center, in these units, plus this are what θ is for.
        self._offset = (passes.rows.center - shift) / self.scale
        self.dtype = np.dtype(np.float64)
        self.is_convex, self.has_curvature = self.loss.is_convex, self.loss.has_curvature
        self.couples_outputs, self.weight = self.loss.coupled, moments.weight
        needed = 8.0 * (self.n_outputs * p) ** 2
        if needed > _LARGEST_POINT:
            raise ValueError(
                f"second derivatives by {self.n_outputs} × {p} coefficients take "
                f"{needed / 2**30:.1f} GiB, more than rows in chunks are worth. Use fewer features "
                "or classes, or arrays, whose solvers need no such matrix."
            )

    @property
    def n_features(self) -> int:
        return len(self.scale)

    @property
    def n_outputs(self) -> int:
        return len(self.moments.y_mean)

    @property
    def n_rows(self) -> int:
        return self.moments.n_rows

    @property
    def null(self) -> ChunkPoint:
        """The null model: θ = 0 and the best b beside it."""
        return self.null_model[0][0]

    @property
    def null_hessian(self) -> DenseHessian:
        """Second derivatives in the null model."""
        hessian = self.null_model[0][1]
        assert hessian is not None
        return hessian

    @property
    def null_sides(self) -> list[ChunkPoint]:
        """Of one output the points beside the null model, at a larger and a smaller b."""
        return [point for point, _ in self.null_model[1:]]

    @cached_property
    def null_model(self) -> list[Seen]:
        """All that was seen there."""
        look_at_null_models([self])
        return self.null_model

    @property
    def null_risk(self) -> float:
        return self.null.value

    @property
    def largest_eigenvalue(self) -> float:
        return self.largest_eigenvalue_of(np.arange(self.n_features))

    def largest_eigenvalue_of(self, features: Indices) -> float:
        """The same on some features."""
        K, p = self.n_outputs, self.n_features
        matrix = self.null_hessian.block((features + p * np.arange(K)[:, None]).ravel())
        start = self.null.gradient.reshape(K, p)[:, features]
        return power_method(lambda v: (matrix @ v.ravel()).reshape(K, -1), start, _POWER_STEPS)

    def value_of(self, coef: ArrayLike, intercept: ArrayLike) -> float:
        return self._look_at(coef, intercept, False)[0].value

    def hessian_at(self, theta: Array, intercept: Array) -> DenseHessian:
        """By a pass."""
        hessian = self._look_at(theta, intercept, True)[1]
        assert hessian is not None
        return hessian

    def expand(self, coef: ArrayLike, intercept: ArrayLike) -> ArrayExpansion:
        """The quadratic about θ₀ (K, p) and b₀ (K,), by a pass: an `Expansion`."""
        point, parts = self._look_at(coef, intercept, True)
        assert parts is not None
        linear = parts.expanded(point.theta, point.intercept, point.gradient, point.total)
        return ArrayExpansion(
            parts, *linear, -self._offset, self.weight, self.n_rows, self.fit_intercept
        )

    def _look_at(self, coef: ArrayLike, intercept: ArrayLike, bends: bool) -> Seen:
        """At θ (K, p) and b (K,) as users see them, by a pass."""
        theta = np.asarray(coef, dtype=np.float64).reshape(self.n_outputs, -1)
        b = np.atleast_1d(np.asarray(intercept, dtype=np.float64)) + theta @ self._offset
        return look([(self, theta.ravel(), b, bends)])[0]

    def as_seen(self, thetas: Array, intercepts: Array) -> tuple[NDArray, NDArray]:
        """For intercepts beside features about the common center."""
        intercepts = intercepts - thetas @ self._offset
        if not self.fit_intercept:
            intercepts = np.zeros_like(intercepts)
        if self.loss.coupled:  # what all classes have in common changes nothing
            intercepts = intercepts - intercepts.mean(axis=1, keepdims=True)
        if self.n_outputs == 1:
            return thetas[:, 0], intercepts[:, 0]
        return thetas, intercepts

    # Between the units of θ and those of a pass ---------------------------------------------------

    def placed(self, theta: Array, b: Array) -> tuple[Array, Array]:
        """θ (K, p) and b (K,) for features as a pass has them."""
        theta = theta.reshape(self.n_outputs, -1)
        if not self.fit_intercept:
            b = theta @ self._offset
        return theta / self.scale, b

    def placed_as_seen(self, coefs: Array, intercepts: Array) -> tuple[Array, Array]:
        """θ (m, K, p) and b (m, K) as users see them, for features as a pass has them."""
        return coefs / self.scale, intercepts + coefs @ self._offset

    def seen(self, theta: Array, b: Array, sums: RiskSums, i: int, h: int | None) -> Seen:
        """What the sums of the i-th point, with the h-th second derivatives, say of θ and b."""
        W, K = self.weight, self.n_outputs
        total, offset = sums.total[i] / W, np.zeros(self.n_features)
        if not self.fit_intercept:
            offset = self._offset
        gradient = sums.gradient[i] / (W * self.scale) + total[:, None] * offset
        hessian, bends = None, np.zeros(K)
        if h is not None:
            units = np.tile(self.scale, K)
            matrix = sums.hessian[h] / W / units / units[:, None]
            mixed, bb = sums.mixed[h] / W / units, sums.bb[h] / W
            if not self.fit_intercept:
                away = np.kron(np.eye(K), offset[:, None])  # (K·p, K)
                matrix += away @ mixed + mixed.T @ away.T + away @ bb @ away.T
            known, bends = (bb, np.diag(bb)) if self.fit_intercept else (None, bends)
            hessian = DenseHessian.of_sums(matrix, mixed, known, self.loss.coupled)
        if not self.fit_intercept:
            total, b = np.zeros(K), np.zeros(K)
        value = float(sums.value[i] / W)
        more = bends, not sums.unseparated[i], float(sums.moved[i])
        return ChunkPoint(theta, b, value, gradient.ravel(), total, *more), hessian


Asked = tuple[ChunkRisk, Array, Array, bool]


def look(asked: Sequence[Asked], ways: Sequence[tuple[Array, Array]] = ()) -> list[Seen]:
    """(risk, θ, b, whether second derivatives are wanted) of risks that share passes: one pass.

    ``ways`` are steps of the first few of them, see `Places`.
    """
    risk = asked[0][0]
    placed = [one.placed(theta, b) for one, theta, b, _ in asked]
    bends = np.array([wanted for *_, wanted in asked])
    steps = [np.column_stack(one[0].placed(*way)) for one, way in zip(asked, ways, strict=False)]
    places = Places(
        np.array([one.part for one, *_ in asked]),
        np.array([theta for theta, _ in placed]),
        np.array([b for _, b in placed]),
        bends,
        np.array(steps) if steps else None,
    )
    sums = risk.passes.at(places)
    which = np.cumsum(bends) - 1
    return [
        one.seen(theta, b, sums, i, int(which[i]) if wanted else None)
        for i, (one, theta, b, wanted) in enumerate(asked)
    ]


def look_at_null_models(risks: Sequence[ChunkRisk]) -> None:
    """Let risks that share passes know their null models.

    Mostly the best intercept is a function of the mean of y, and one pass is enough; else Newton's
    steps, kept in brackets, find it.
    """
    searches = [_NullSearch(risk) for risk in risks]
    for _ in range(_NULL_STEPS):
        left = [search for search in searches if not search.is_done]
        if not left:
            break
        asked = [one for search in left for one in search.asked()]
        seen = look(asked)
        width = len(asked) // len(left)
        for k, search in enumerate(left):
            search.learn(seen[k * width : (k + 1) * width])


class _NullSearch:
    """The best intercept beside θ = 0: where to look next."""

    def __init__(self, risk: ChunkRisk) -> None:
        self.risk, self.is_done = risk, False
        self._steps = losses.InterceptSteps(np.inf)
        mean = risk.moments.y_mean
        self.b = np.zeros(len(mean))
        if risk.fit_intercept:
            self.b = risk.loss.null_intercept(mean[None].copy(), np.ones(1))
        # About the unit of a raw prediction, for dual points on either side.
        self.reach = 1.0
        if risk.loss.has_identity_link:
            self.reach = float(np.sqrt(risk.moments.yy[0] / risk.weight)) or 1.0

    def asked(self) -> list[Asked]:
        """The points to look at."""
        theta = np.zeros(self.risk.n_outputs * self.risk.n_features)
        points: list[Asked] = [(self.risk, theta, self.b, True)]
        if self.risk.n_outputs == 1 and self.risk.fit_intercept:
            points += [(self.risk, theta, self.b + d, False) for d in (self.reach, -self.reach)]
        return points

    def learn(self, seen: list[Seen]) -> None:
        """Keep what was seen, and decide whether to look again."""
        self.risk.null_model, b = seen, self.b
        point, hessian = seen[0]
        assert hessian is not None
        if not len(hessian.inverse_bb):
            self.is_done = True
            return
        step = hessian.inverse_bb @ point.total
        # Half of this is what a step would gain.
        self.is_done = abs(float(step @ point.total)) <= _NULL_TOL**2 * max(point.value, EPS)
        self.b = b - step
        if len(b) > 1:
            return
        if step.any():
            self.b = np.array([self._steps.next(b[0], point.total[0], point.bends[0])])
        self.is_done |= bool(np.abs(self.b - b).max() <= 4 * EPS * max(1.0, np.abs(b).max()))
