"""An answer at λ = 0 where the risk has no finite minimizer, and what is said of such risks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.quadratic.hessian import Hessian
from skreg.solvers.anchor import Recession, is_separated

Array = NDArray[np.float64]

# λ₀ in units in which the null model's curvature is 1 along every coefficient, from the first to
# the last: the first at which all rows that can be are on the right side is taken.
_FIRST, _LAST = 1e-6, 1e-13


class Limit:
    """The minimizer of R + λ₀·½Σⱼ Hⱼⱼθⱼ² for a small λ₀, H the Hessian of the null model.

    Hⱼⱼ makes λ₀ the same for columns of any scale. λ₀ is as small as it takes to classify the rows
    as the limit λ₀ → 0 does, and for the risk not to be above ``ceiling``, that of a λ > 0.

    Parameters
    ----------
    risk : EmpiricalRisk
    prepare : callable
        From a risk and factors to a reduction (or None) and a `Descent`, as Newton's method does.
    kind : Recession
        SOME or ALL.

    Attributes
    ----------
    coef, intercept : ndarray of shape (K, p), (K,)
    value, dof, gradient_norm : float
    steps : int
    note : str
        What users are to be told.
    """

    def __init__(
        self,
        risk: Any,
        prepare: Callable[..., Any],
        kind: Recession,
        tol: float,
        max_iter: int,
        ceiling: float = np.inf,
    ):
        space, descent, _ = prepare(risk, _curvatures(risk))
        alpha, self.steps = _FIRST, 0
        while True:
            steps, self.gradient_norm = descent.run(alpha, tol, max(max_iter - self.steps, 1))
            self.steps += steps
            settled = kind is not Recession.ALL or is_separated(descent)
            settled = settled and descent.point.value <= ceiling
            if settled or self.steps >= max_iter or alpha <= _LAST:
                break
            alpha *= 0.1
        descent.renew(alpha)
        self.value, self.dof = descent.point.value, descent.factor(alpha).dof()
        theta = descent.point.theta.reshape(1, risk.n_outputs, -1)
        b = descent.point.intercept - theta[0] @ descent.risk.design.centre
        thetas, intercepts = (theta, b[None]) if space is None else space.lift(theta, b[None])
        self.coef, self.intercept = thetas[0], intercepts[0]
        self.note = (
            f"the risk has no finite minimizer ({risk.loss.no_minimum}): the answer at alpha=0 "
            f"minimizes it plus {0.5 * alpha:.3g}·Σⱼ Hⱼⱼθⱼ², H the null model's Hessian. Use "
            "alpha > 0."
        )
        if self.gradient_norm > tol and self.steps >= max_iter:
            self.note = (
                f"the risk has no finite minimizer ({risk.loss.no_minimum}), and the answer at "
                f"alpha=0 is where max_iter={max_iter} steps came to. Use alpha > 0."
            )


def _curvatures(risk: Any) -> Array:
    """Hⱼⱼ of the null model, the mean of the classes; 1 for constant columns."""
    raw = risk.constant_raw(risk.null_intercept())
    diagonal = Hessian(risk, risk.derivatives_at(raw)[2]).diagonal
    mean = diagonal.reshape(risk.n_outputs, -1).mean(axis=0)
    return np.where(mean > 0, mean, 1.0)
