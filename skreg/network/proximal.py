"""The proximal step of any penalty in the optimizer's metric, between compiled steps."""

from collections.abc import Sequence

import numpy as np

from skreg.network.parameters import layer_views
from skreg.penalties import Penalty

# Of the inner iteration. Any number leaves the fixed points of training where they are.
_MOST_STEPS, _NEAR = 30, 1e-4


def prox_in_metric(
    penalty: Penalty, z: np.ndarray, steps: np.ndarray, alpha: float, start: np.ndarray
) -> np.ndarray:
    """argmin_u ½Σ(uᵢ − zᵢ)²/dᵢ + P(u; λ) with a step size dᵢ for each component.

    Where P couples components whose step sizes differ, `Penalty.prox` does not know the metric.
    Proximal gradient steps on the first term, of size min d, then replace it, accelerated for
    a convex P. They begin at ``start``, the weights before the optimizer's step: at a stationary
    point of the objective z = start − d·∇R, and the first of them is start − min d·∇R, so that the
    point stays where it is however few steps are made.

    Parameters
    ----------
    penalty : Penalty
    z, steps, start : ndarray of shape (p,)
    alpha : float
        λ.

    References
    ----------
    A. Beck, M. Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm for linear
    inverse problems".
    """
    least = steps.min()
    if least == steps.max():
        return penalty.prox(z, float(least), alpha)
    if len(penalty.blocks(len(z))) == len(z):
        return penalty.prox(z, steps, alpha)
    u, ahead, pace = start, start, 1.0
    for _ in range(_MOST_STEPS):
        before, u = u, penalty.prox(ahead - least / steps * (ahead - z), float(least), alpha)
        if np.abs(u - before).max() <= _NEAR * np.abs(u - start).max():
            break
        faster = 0.5 * (1 + np.sqrt(1 + 4 * pace * pace)) if penalty.is_convex else 1.0
        ahead, pace = u + (pace - 1) / faster * (u - before), faster
    return u


class ProximalSteps:
    """What each mini-batch step still owes where the compiled trainer does not know the penalty.

    Parameters
    ----------
    penalty : Penalty
    alphas : sequence of float
        λ of each layer.
    max_norm : float or None
        Of the incoming weights of a unit, held after the proximal step.
    units : sequence of int
    trainer : Trainer
        Compiled, made without penalty and ``max_norm``.
    theta : ndarray of shape (n_parameters,)
        What the trainer works on.
    """

    def __init__(
        self,
        penalty: Penalty,
        alphas: Sequence[float],
        max_norm: float | None,
        units: Sequence[int],
        trainer,
        theta: np.ndarray,
    ):
        self.penalty, self.alphas, self.max_norm = penalty, alphas, max_norm
        self.units, self.trainer, self.theta = units, trainer, theta
        self.before, self.moved, self.steps = (np.empty_like(theta) for _ in range(3))

    def begin(self) -> None:
        """Note the weights before the optimizer's step."""
        self.before[:] = self.theta

    def end(self, number: int, eta: float) -> None:
        """Follow the optimizer's step ``number`` (from 1) with the proximal one."""
        self.trainer.step_sizes(self.steps, number=number, eta=eta)
        self.moved[:] = self.theta
        layers = (layer_views(x, self.units)[0] for x in (self.moved, self.steps, self.before))
        for W, d, before, alpha in zip(*layers, self.alphas, strict=True):
            if alpha:
                u = prox_in_metric(self.penalty, W.ravel(), d.ravel(), alpha, before.ravel())
                W[...] = u.reshape(W.shape)
            if self.max_norm is not None:
                norms = np.linalg.norm(W, axis=0)
                W *= self.max_norm / np.maximum(norms, self.max_norm)
        self.trainer.move_to(self.moved)
