"""What past steps and solutions tell of the next: BFGS corrections and polynomials in λ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skreg.rows.products import Array


def corrected_step(
    gradient: Array, pairs: Iterable[tuple[Array, Array]], solve: Callable[[Array], Array]
) -> Array:
    """−(BFGS correction of M)⁻¹·gradient, by the two-loop recursion (Nocedal, 1980).

    ``gradient`` has shape (…, size): several problems, each with pairs of its own, may be stacked.
    ``pairs`` are (step, change of the gradient), each shaped like it, the oldest first; one without
    curvature along the step, which only rounding makes, is left out. ``solve`` gives M⁻¹ times an
    array of that shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.solvers.past_steps import corrected_step
    >>> pair = np.array([1.0, 0.0]), np.array([4.0, 0.0])
    >>> corrected_step(np.array([4.0, 1.0]), [pair], solve=lambda g: g)
    array([-1., -1.])
    """
    step, used = -gradient, []
    for s, y in reversed(list(pairs)):
        inverse = _inverse(_dot(s, y))
        share = inverse * _dot(s, step)
        step -= share * y
        used.append((s, y, inverse, share))
    step = solve(step)
    for s, y, inverse, share in reversed(used):
        step += (share - inverse * _dot(y, step)) * s
    return step


def _dot(a: Array, b: Array) -> Any:
    """Along the last axis, which stays; a number for vectors, whose time is all overhead."""
    return a @ b if a.ndim == 1 else np.einsum("...i,...i->...", a, b)[..., None]


def _inverse(bend: Any) -> Any:
    """1/bend, 0 where that is not positive."""
    if np.ndim(bend) == 0:
        return 1.0 / bend if bend > 0 else 0.0
    return np.divide(1.0, bend, out=np.zeros_like(bend), where=bend > 0)


def best_weights(alphas: list[float], values: Array, alpha: float) -> Array:
    """Weights of the last rows of ``values`` that extrapolate them to ``alpha``.

    As many rows as would have told the last row from those before it best.
    """
    best, least = 1, np.inf
    for degree in range(1, len(alphas)):
        weights = lagrange(alphas[-1 - degree : -1], alphas[-1])
        error = np.abs(weights @ values[-1 - degree : -1] - values[-1]).max(initial=0.0)
        if error < least:
            best, least = degree, error
    return lagrange(alphas[-best:], alpha)


def lagrange(nodes: list[float], x: float) -> Array:
    """Weights of a polynomial's values at ``nodes`` in its value at x."""
    weights = []
    for i, node in enumerate(nodes):
        weight = 1.0
        for other in nodes[:i] + nodes[i + 1 :]:
            weight *= (x - other) / (node - other)
        weights.append(weight)
    return np.array(weights)
