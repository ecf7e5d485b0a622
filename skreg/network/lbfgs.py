"""L-BFGS on all rows at once, with exact zeros under an L1 penalty."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from skreg._threads import one_blas_thread
from skreg.network.fitting import BestTheta, Patience
from skreg.network.parameters import layer_views

# What rounding of the objective hides, in units of the precision of θ.
_ROUNDING = 8.0
_MEMORY = 10


@dataclass(frozen=True)
class Shares:
    """λ times the penalty's shares of |θⱼ| and ½θⱼ², for every parameter; 0 for biases.

    Parameters
    ----------
    l1, l2 : ndarray of shape (n_parameters,)
    """

    l1: np.ndarray
    l2: np.ndarray

    @classmethod
    def of(cls, regularization, units, n_parameters):
        """Those of an elastic net or one of its corners, alike for all weights of a layer."""
        parts = np.zeros((2, n_parameters))
        alphas = regularization.alphas(len(units) - 1)
        for part, shares in zip(parts, regularization.shares(units).T, strict=True):
            layers = layer_views(part, units)[0]
            for weights, alpha, share in zip(layers, alphas, shares, strict=True):
                weights[...] = alpha * share
        return cls(*parts)


class SignSplit:
    """θ = u − v with u, v ≥ 0 wherever |θⱼ| is penalized, so that the objective is smooth.

    |θⱼ| = min(uⱼ + vⱼ): over the positive orthant λ‖θ‖₁ is linear, and a bound that is met is met
    exactly, so zeros are exact (M. Schmidt, G. Fung, R. Rosales, 2007, "Fast optimization methods
    for L1 regularization").

    Parameters
    ----------
    shares : Shares
    scale : float or ndarray of shape (n_parameters,)
        u and v are in units of 1/scale: the iterations begin in that metric.
    """

    def __init__(self, shares, scale=1.0):
        self.shares, self.scale = shares, scale
        self.split = np.flatnonzero(shares.l1)
        self.pull = (shares.l1 / scale)[self.split]

    def start(self, theta):
        """(u, v) of θ."""
        u = theta.astype(np.float64) * self.scale
        v = -u[self.split]
        u[self.split] = np.maximum(u[self.split], 0)
        return np.concatenate([u, np.maximum(v, 0)])

    def theta(self, x):
        """θ = u − v."""
        theta = x[: len(self.shares.l1)].copy()
        theta[self.split] -= x[len(theta) :]
        return theta / self.scale

    def bounds(self):
        """None, or (lower, upper) for each number."""
        if not len(self.split):
            return None
        lower = np.full(len(self.shares.l1) + len(self.split), -np.inf)
        lower[self.split] = lower[len(self.shares.l1) :] = 0
        return np.column_stack([lower, np.full(len(lower), np.inf)])

    def steepest(self, x, gradient):
        """The largest component of the projected gradient."""
        inside = np.ones(len(x), dtype=bool)
        if len(self.split):
            inside[self.split] = x[self.split] > 0
            inside[len(self.shares.l1) :] = x[len(self.shares.l1) :] > 0
        return float(np.abs(np.where(inside, gradient, np.minimum(gradient, 0.0))).max(initial=0.0))

    def objective(self, x, risk_and_gradient):
        """R + λJ and its gradient in (u, v)."""
        theta = self.theta(x)
        risk, gradient = risk_and_gradient(theta)
        gradient = (gradient + self.shares.l2 * theta) / self.scale
        value = risk + 0.5 * float(np.sum(self.shares.l2 * theta * theta))
        if not len(self.split):
            return value, gradient
        u, v = x[self.split], x[len(theta) :]
        value += float(np.sum(self.pull * (u + v)))
        behind = self.pull - gradient[self.split]
        gradient[self.split] += self.pull
        return value, np.concatenate([gradient, behind])


def fit_lbfgs(
    objective, state, history, settings, *, score=None, loss=lambda: 0.0, on_epoch_begin=None,
    on_epoch_end=None,
):  # fmt: skip
    """Minimize R + λJ by L-BFGS-B; parameters and result as for `fit_epochs`.

    An iteration stands for an epoch. Training stops when no component of the projected gradient is
    above ``settings.tol``, or when rounding hides progress. The gradient by a weight of the first
    layer is in its column's scale. The memory of the iterations is not kept.

    References
    ----------
    R. Byrd, P. Lu, J. Nocedal, C. Zhu (1995), "A limited memory algorithm for bound constrained
    optimization".
    """
    columns, n_parameters = objective.suited(state.columns), len(state.theta)
    split = SignSplit(
        Shares.of(objective.regularization, objective.units, n_parameters),
        1.0 if columns is None else columns.by_parameter(objective.units, n_parameters),
    )
    best = BestTheta(state, history, score, loss)
    watch = _Watch(objective, state, history, settings, score, best, on_epoch_begin, on_epoch_end)
    rounding = _ROUNDING * np.finfo(state.theta.dtype).eps
    with objective.evaluator(columns) as evaluate, one_blas_thread():
        risk_and_gradient = _in_float64(evaluate, state.theta.dtype)

        def met(intermediate_result):
            if watch.is_enough(split.theta(intermediate_result.x), intermediate_result.fun):
                raise StopIteration

        x, value, left = split.start(state.theta), np.inf, settings.max_iter
        while left > 0 and not watch.stopped:
            found = minimize(
                split.objective,
                x,
                args=(risk_and_gradient,),
                method="L-BFGS-B",
                jac=True,
                bounds=split.bounds(),
                callback=met,
                options={
                    "maxiter": left,
                    "maxfun": 100 * left,
                    "maxcor": _MEMORY,
                    "gtol": settings.tol,
                    "ftol": rounding,
                },
            )
            left -= found.nit
            # A step that the line search cut short looks like the end of progress: the gradient
            # and a start without memory tell.
            if split.steepest(found.x, found.jac) <= settings.tol:
                break
            if not found.fun < value - rounding * abs(found.fun):
                break
            x, value = found.x, found.fun
        if not watch.n_met:
            # The start was a minimum already.
            watch.is_enough(split.theta(found.x), float(found.fun))
    watch.best.restore(state)
    return watch.stopped or left > 0


def _in_float64(evaluate, dtype):
    """R and its gradient as L-BFGS-B asks for them, from θ in another precision."""

    def risk_and_gradient(theta):
        risk, gradient = evaluate(theta.astype(dtype))
        if not np.isfinite(risk):
            raise ValueError(
                "Training diverged: the loss is no longer finite with solver='lbfgs'. Scale the "
                "features (and the target of a regression), for example with StandardScaler."
            )
        return risk, gradient.astype(np.float64)

    return risk_and_gradient


class _Watch:
    """What happens after every iteration: history, early stopping, callbacks."""

    def __init__(
        self, objective, state, history, settings, score, best, on_epoch_begin, on_epoch_end
    ):
        self.regularization, self.units = objective.regularization, objective.units
        self.state, self.history, self.score = state, history, score
        self.on_epoch_begin, self.on_epoch_end = on_epoch_begin, on_epoch_end
        self.patience = Patience(settings.tol, settings.n_iter_no_change)
        self.best = best
        self.n_met, self.stopped = 0, False

    def is_enough(self, theta, objective):
        """Take note of an iteration; whether training should stop."""
        self.n_met += 1
        if self.on_epoch_begin is not None:
            self.on_epoch_begin()
        self.state.theta[:] = theta
        self.state.n_steps += 1
        penalty = self.regularization.value(self.state.theta, self.units)
        self.state.risk = float(objective) - penalty
        self.history.loss_curve.append(float(objective))
        if self.score is not None:
            score = self.score(self.state.theta)
            self.history.validation_scores.append(score)
            self.best.note(score, self.state.theta)
            self.stopped = self.patience.is_exhausted_by(-score)
        if self.on_epoch_end is not None:
            self.stopped = bool(self.on_epoch_end(self.history)) or self.stopped
        return self.stopped
