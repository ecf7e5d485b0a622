"""``alpha="auto"`` of networks: λ by pilots, within one fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg._threads import worker_threads
from skreg.estimators._auto_alpha import AUTO, Curve
from skreg.estimators._mlp_fit import EncodedRows
from skreg.estimators._mlp_settings import RAMP, MLPSettings, usual_batch_size
from skreg.network.columns import Columns, Sizes
from skreg.network.parameters import initial_theta, n_parameters
from skreg.network.pilots import Pilots, Split, pilot_units
from skreg.network.regularization import Regularization
from skreg.network.training import Objective
from skreg.penalties import get_penalty

__all__ = ["AUTO", "Curve", "chosen", "prior_alpha"]

# The λ of an L2 penalty, times n, that serves most tables; and how much a λ that is so many steps
# away has to gain over it for each of them: this share of the standard error of the difference.
_PRIOR, _DOUBT = 3.0, 0.5
# λ are compared that lie a step from each other, at most so many steps from the prior's.
_STEP, _FURTHEST = 3.0, 4
# A decay beside Adam's step is not divided by the size of the gradients, as the penalty's pull is.
_DECOUPLED = 50.0
# Each round takes two thirds of the way to the prior λ of another penalty than L2, or more.
_ROUNDS = 8
# Of fewer rows none are held out.
_ENOUGH = 20
# Rows that pilots see at most, by halves: one trains them, the other is held out. They take turns
# if that costs less than this share of a fit's products, where so many λ are looked at.
_ROWS, _COST, _LOOKS = 10_000, 0.25, 3.5
# The proximal step of groups costs a pilot about as much as its products.
_GROUPED = 2.0
# A pilot's epochs: as many as the fit's, and of so many at most, if one half can afford them. With
# half of them pilots do not learn wrong labels by heart, and λ is too small.
_MOST_EPOCHS = 50
# In float32 no column is read that is beyond these sizes, or further from 0 in standard deviations.
_SMALLEST, _LARGEST, _FAR = 1e-9, 1e9, 1e3


def chosen(
    estimator: MLPSettings,
    objective: Objective,
    sizes: Sizes,
    strata: NDArray | None,
    validation: EncodedRows | None,
    rng: np.random.RandomState,
    n_rows: int | None = None,
) -> tuple[float, Curve]:
    """λ for the rows of ``objective``, whose own does not count, and how it was found.

    Parameters
    ----------
    estimator : MLPSettings
    objective : Objective
    sizes : Sizes
        Of its columns.
    strata : ndarray of shape (n,) or None
        What the parts of the rows are to have in equal shares.
    validation : Rows or None
        The user's own, to be held out in the place of parts.
    rng : RandomState
        A copy is drawn from, so that the fit is the one that the number λ gives.
    n_rows : int or None
        How many rows there are, where those of ``objective`` are a random part.

    Returns
    -------
    alpha : float
    curve : dict of str to ndarray of shape (n_alphas,)
        ``alpha``, descending; ``loss``, the mean loss of the rows held out, and its ``std_error``.
    """
    objective, weights = objective.of_one_member(), objective.sample_weight
    rows = np.arange(objective.n_samples) if weights is None else np.flatnonzero(weights)
    n = len(rows) if n_rows is None else round(len(rows) * (n_rows / objective.n_samples))
    prior = prior_alpha(objective.regularization, objective.units, n)
    if prior == 0 or (len(rows) < _ENOUGH and validation is None):
        return prior, {"alpha": np.array([prior])} | dict.fromkeys(
            ("loss", "std_error"), np.full(1, np.nan)
        )
    rng = deepcopy(rng)
    rows = np.sort(rng.permutation(rows)[:_ROWS])
    share = len(rows) / n * np.dtype(_dtype(sizes)).itemsize / sizes.dtype.itemsize
    if objective.regularization.layerwise is None:
        share *= _GROUPED
    n_epochs, n_halves = _effort(objective.units, estimator.max_iter, share)
    splits = _halves(len(rows), None if strata is None else strata[rows], rng)[:n_halves]
    if validation is not None:
        trained = splits[0][0] if n_halves == 1 else np.arange(len(rows))
        splits = [(trained, slice(None))]
    n_train = len(splits[0][0])
    with worker_threads(2 * n_halves) as n_threads, ThreadPoolExecutor(n_threads) as pool:
        pilots = Pilots(
            _small(objective, rows, sizes), prior * n / n_train,
            Columns.of(sizes, len(objective.waves)), splits,
            held=None if validation is None else _held(validation, sizes),
            batch_size=usual_batch_size(n_train), n_epochs=n_epochs,
            ramp=RAMP if estimator.groups == "inputs" else 0.0, init=estimator.init,
            seed=rng.randint(2**31 - 1), look=map if n_threads == 1 else pool.map,
        )  # fmt: skip
        search = Search(
            lambda alphas: pilots.losses([a * n / n_train for a in alphas]), prior, pilots.shares()
        )
        return search.run(), search.curve()


def _effort(units: tuple[int, ...], max_iter: int, share: float) -> tuple[int, int]:
    """Epochs of a pilot, and how many halves of the rows are held out in turn.

    ``share`` is what an epoch of a network of these units on all these rows would cost, as one of a
    fit's.
    """
    n_epochs = min(max_iter, _MOST_EPOCHS)
    share *= n_parameters(pilot_units(units)) / n_parameters(units) * n_epochs / max_iter
    cost = share / 2 * (1 + _LOOKS) / 2
    if cost > _COST:
        return max(round(n_epochs * _COST / cost), 1), 1
    return n_epochs, 2 if 2 * cost <= _COST else 1


def prior_alpha(regularization: Regularization, units: tuple[int, ...], n_rows: int) -> float:
    """λ before any row is looked at: c/n for L2; for others, as dear as that at the start."""
    if regularization.norm_bound is not None:
        return 0.0
    theta = initial_theta(units, np.random.RandomState(0), np.float64)
    alpha = _PRIOR / n_rows
    target = Regularization(get_penalty("l2"), alpha=alpha).value(theta, units)
    for _ in range(_ROUNDS):
        cost = replace(regularization, alpha=alpha).value(theta, units)
        if cost in (0.0, target):
            break
        # Penalties grow with λ, or for weights beyond the reach of a concave one with its square.
        alpha *= (target / cost) ** (2 / 3)
    if not cost:
        return 0.0
    return alpha * _DECOUPLED if regularization.weight_decay == "decoupled" else alpha


@dataclass
class Search:
    """The λ of the least held-out loss, unless the prior's is about as good.

    Minimizes the mean of ℓ(λ) − ℓ(λ₀) plus, for each step of λ away from the prior's λ₀, half the
    standard error of that mean. It looks at λ₀ and the next above, below only if that is no better,
    and then on beyond the best for as long as that lies at an end. A parabola says where between
    the steps the least is.

    Parameters
    ----------
    losses : callable
        For a list of λ, the loss of every row held out.
    prior : float
        λ₀ > 0.
    share : ndarray
        Of each of these rows in the mean; they add up to 1.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=500)
    >>> search = Search(
    ...     lambda alphas: [np.log(a / 0.02) ** 2 + noise for a in alphas],
    ...     0.01,
    ...     np.full(500, 1 / 500),
    ... )
    >>> round(search.run(), 3), search.curve()["alpha"].round(4).tolist()
    (0.02, [0.09, 0.03, 0.01])
    """

    losses: Callable[[list[float]], Sequence[NDArray]]
    prior: float
    share: NDArray
    seen: dict[int, NDArray] = field(default_factory=dict)
    worths: dict[int, float] = field(default_factory=dict)

    def run(self) -> float:
        """λ."""
        self._look(0, 1)
        if self._best() == 0:
            self._look(-1)
        best = 0
        while (now := self._best()) != best and abs(now) < _FURTHEST:
            best = now
            self._look(best + (1 if best > 0 else -1))
        return float(self._alpha(now + self._vertex(now)))

    def curve(self) -> Curve:
        """λ that were looked at, descending, mean losses and their standard errors."""
        steps = sorted(self.seen, reverse=True)
        means, errors = zip(*(self._mean(self.seen[k]) for k in steps), strict=True)
        alphas = self._alpha(np.array(steps, dtype=np.float64))
        return {"alpha": alphas, "loss": np.array(means), "std_error": np.array(errors)}

    def _alpha(self, steps: Any) -> Any:
        return self.prior * _STEP**steps

    def _look(self, *steps: int) -> None:
        found = self.losses([self._alpha(k) for k in steps])
        for k, losses in zip(steps, found, strict=True):
            self.seen[k] = losses
            both = np.isfinite(losses) & np.isfinite(self.seen[0])
            gain = np.subtract(losses, self.seen[0], out=np.full_like(losses, np.inf), where=both)
            mean, error = self._mean(gain)
            self.worths[k] = mean + _DOUBT * abs(k) * error

    def _mean(self, losses: NDArray) -> tuple[float, float]:
        """The mean and its standard error; without a number where a loss is not finite."""
        if not np.isfinite(losses).all():
            return np.nan, np.nan
        mean = self.share @ losses
        return float(mean), float(np.sqrt(np.square(losses - mean) @ self.share**2))

    def _best(self) -> int:
        return min(self.worths, key=lambda k: np.nan_to_num(self.worths[k], nan=np.inf))

    def _vertex(self, k: int) -> float:
        """How far beside k the parabola through it and its neighbors is least; at most ½."""
        left, middle, right = (self.worths.get(k + step, np.nan) for step in (-1, 0, 1))
        bend = left - 2 * middle + right
        return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0


def _small(objective: Objective, rows: NDArray, sizes: Sizes) -> Objective:
    """The objective of a pilot, on some of the rows."""
    weights, dtype = objective.sample_weight, _dtype(sizes)
    everything = len(rows) == objective.n_samples
    X, Y = (A if everything else A[rows] for A in (objective.X, objective.Y))
    return replace(
        objective, units=pilot_units(objective.units), X=X.astype(dtype, copy=False),
        Y=Y.astype(dtype, copy=False), sample_weight=None if weights is None else weights[rows],
    )  # fmt: skip


def _held(validation: EncodedRows, sizes: Sizes) -> EncodedRows:
    dtype = _dtype(sizes)
    return replace(validation, X=validation.X.astype(dtype), Y=validation.Y.astype(dtype))


def _dtype(sizes: Sizes) -> Any:
    """float32 where that holds the columns."""
    some = sizes.size[sizes.size > 0]
    is_usual = np.all((some > _SMALLEST) & (some < _LARGEST)) and np.all(sizes.distance < _FAR)
    return np.float32 if is_usual else sizes.dtype


def _halves(n: int, strata: NDArray | None, rng: np.random.RandomState) -> list[Split]:
    """Rows to train on and rows held out, both ways, with strata in equal shares."""
    order = rng.permutation(n)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    parts = np.sort(order[::2]), np.sort(order[1::2])
    return [parts, parts[::-1]]
