"""Where the next λ of a path begins: at the best combination of the last solutions."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from skreg._kernels import group_span
from skreg.rows.products import Array, Indices

# Solutions that are combined, and points on the way to another.
_SOLUTIONS, _POINTS = 4, 4


class PastSolutions:
    """The last few solutions of a path; the best of their combinations is where the next λ begins.

    On the way to a solution it is that of the last points, too. A group that is 0 at the last of
    all is taken out of the others: as its norm has a bend there, it would hold back the rest.

    Parameters
    ----------
    by_rows : bool
        Whether images are Aθ and the target is b; else Hθ and h, for H = AᵀA.

    Attributes
    ----------
    rounding : float
        What rounding may have left in the image of the last combination, where an image that was
        taken anew counts as 1. Each adds an error of that size; those of the images that are
        combined are combined as these are, so what they have in common is not counted twice.
    """

    def __init__(self, by_rows: bool) -> None:
        self._by_rows, self.rounding = by_rows, 1.0
        self._errors = np.empty(0)  # in the image of the last combination, by where they began
        self._solutions: deque[list[Any]] = deque(maxlen=_SOLUTIONS)
        self._points: deque[list[Any]] = deque(maxlen=_POINTS)

    def append(
        self,
        theta: Array,
        image: Array,
        is_solved: bool = True,
        is_anew: bool = True,
        other: Array | None = None,
    ) -> None:
        """Add θ (q, p), which may have grown by new groups, and its image.

        By rows ``is_anew`` says that the image does not come from that of the last combination, and
        ``other`` (p,) is linear in θ, too, and NaN where it is not known.
        """
        if is_solved:
            self._points.clear()
        kept = self._solutions if is_solved else self._points
        errors = None
        if self._by_rows:
            errors = np.append((not is_anew) * self._errors, 1.0)
            self._errors = np.append(self._errors, 0.0)
        kept.append([theta.copy(), image, theta.any(axis=0), errors, other])

    def best(
        self, columns: Array, target: Array, strength: Array, starts: Indices, ridge: Any = 0.0
    ) -> tuple[Array, Array, Array]:
        """The best combination at other strengths, its image, and the same of what else is linear.

        ``columns`` are the images of single coefficients, and ½θ² weighs ``ridge``.
        """
        past, solved = [*self._solutions, *self._points], len(self._solutions)
        basis, spread = _aligned(past, columns, target.shape, starts)
        q, p = basis.shape[1:]
        flat = _differences(basis, solved).reshape(len(past), -1)
        along = _differences(spread, solved).reshape(len(past), -1)
        pair = along if self._by_rows else flat
        gram = along @ pair.T
        if np.any(ridge):
            gram += (basis * ridge).reshape(flat.shape) @ flat.T
        x = group_span.best_combination(basis, gram, pair @ target.ravel(), strength, starts)
        found = (x @ flat).reshape(q, p), (x @ along).reshape(target.shape)
        if not self._by_rows:
            return *found, np.full(p, np.nan)
        share = x @ _differences(np.eye(len(past)), solved)
        self._errors = share @ _stacked([one[3] for one in past], len(self._errors), 0.0)
        self.rounding = float(np.abs(self._errors).sum()) + 1.0
        return *found, share @ _stacked([one[4] for one in past], p, np.nan)


def _aligned(
    past: list[list[Any]], columns: Array, shape: tuple[int, ...], starts: Indices
) -> tuple[Array, Array]:
    """Each θ and its image, of this shape, in arrays of all, without the groups that have gone."""
    last, _, support, *_ = past[-1]
    gone = np.repeat(~np.logical_or.reduceat(support, starts[:-1]), np.diff(starts))
    basis, spread = np.zeros((len(past), *last.shape)), np.empty((len(past), *shape))
    for one, theta, image in zip(past, basis, spread, strict=True):
        size = len(one[2])
        if one[1].shape != shape:
            one[1] = one[0] @ columns[:size]
        lost = np.flatnonzero(gone[:size] & one[2])
        if lost.size:
            one[1] -= one[0][:, lost] @ columns[lost]
            one[0][:, lost], one[2][lost], one[4] = 0.0, False, None
        theta[:, :size], image[...] = one[:2]
    return basis, spread


def _differences(rows: Array, solved: int) -> Array:
    """Differences of the rows, in place: of rising order those of solutions."""
    rows[:-1] = rows[1:] - rows[:-1]
    for stop in range(solved - 2, 0, -1):
        rows[:stop] = rows[1 : stop + 1] - rows[:stop]
    return rows


def _stacked(rows: list[Array | None], size: int, rest: float) -> Array:
    """Rows of this size, where ``rest`` stands for what they do not have."""
    out = np.full((len(rows), size), rest)
    for mine, row in zip(out, rows, strict=True):
        if row is not None:
            mine[: len(row)] = row
    return out
