"""Solutions between two λ of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skreg.solvers.method import Freedom

if TYPE_CHECKING:
    from skreg.path.path import RegularizationPath


def between(path: RegularizationPath, alpha: float, is_smooth: bool) -> dict[str, Any]:
    """Fields of a path of one λ, interpolated between its neighbors on ``path``.

    Coefficients, intercepts and degrees of freedom are linear in λ where J has kinks: so are the
    lasso's on squared error for as long as no coefficient comes or goes. Where J is smooth
    (``is_smooth``) they are linear in log λ, in which σ/(σ+λ) bends less; in λ below the smallest
    positive one. Nothing is claimed of what was not worked out: risk and norm are NaN, and there is
    no certificate.

    Raises
    ------
    ValueError
        If ``alpha`` lies outside of the path.
    """
    order = np.argsort(path.alphas, kind="stable")
    known = np.asarray(path.alphas, dtype=np.float64)[order]
    if not known[0] <= alpha <= known[-1]:
        raise ValueError(
            f"alpha={alpha} lies outside of this path, {known[0]:.6g} to {known[-1]:.6g}. Ask for "
            "a path over more λ, or fit the estimator."
        )
    above = int(np.searchsorted(known, alpha))
    below = above - 1
    scale = np.log if is_smooth and known[below] > 0 else float
    low, at, high = (scale(value) for value in (known[below], alpha, known[above]))
    share = float((at - low) / (high - low))
    i, j = order[below], order[above]

    def mix(values: Any) -> Any:
        return ((1.0 - share) * values[i] + share * values[j])[None].astype(values.dtype)

    dof = (1.0 - share) * path.freedom.at(i) + share * path.freedom.at(j)
    return {
        "alphas": np.array([alpha]),
        "coefs": mix(path.coefs),
        "intercepts": mix(path.intercepts),
        "freedom": Freedom(np.array([dof])),
        "norms": np.array([np.nan]),
        "risk": np.array([np.nan]),
        "dual_gaps": None,
        "gradient_norms": None if path.gradient_norms is None else np.array([np.nan]),
        "n_iter": np.zeros(1, dtype=int),
        "n_expansions": np.zeros(1, dtype=int),
        "solver": "interpolated",
    }
