"""Everything that holds a network back: penalties, constraints, dropout."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real

import numpy as np

from skreg.network.layerwise import Layerwise
from skreg.network.parameters import layer_views, n_parameters
from skreg.network.proximal import ProximalSteps
from skreg.penalties import NetworkPenalty, NoPenalty, Penalty

NO_PENALTY = NoPenalty()


@dataclass(frozen=True)
class Regularization:
    """λJ of the weights, never of the biases, and what else keeps a network small.

    Parameters
    ----------
    penalty : Penalty or NetworkPenalty
        J. A `Penalty` is summed over the layers, each of whose weights it takes as one vector.
    alpha : float or sequence of float
        λ ≥ 0, or one for each layer of weights from the input on.
    norm_bound : float or None
        k > 0: J(weights) ≤ k holds after every step, instead of a penalty: ``alpha`` counts as 0.
        The projection is in the optimizer's metric.
    max_norm : float or None
        c > 0: after every step the incoming weights of each hidden and output unit have a Euclidean
        norm of at most c (N. Srivastava et al., 2014).
    dropout : (float, float)
        Chance in [0, 1) that an input, a hidden unit, is left out of a row's step; the others are
        divided by the chance of being kept.
    weight_decay : {"coupled", "decoupled"}
        Whether the ridge's share of J is part of the gradient, and so of the minimized objective;
        or a step of its own, θ ← θ − ηλθ, beside that of the optimizer, which is AdamW with Adam
        (I. Loshchilov, F. Hutter, 2019, "Decoupled weight decay regularization").
    n_members : int
        Of an ensemble: J of the last layer, which holds those of all members, counts by their mean.
    """

    penalty: Penalty | NetworkPenalty = NO_PENALTY
    alpha: float | tuple[float, ...] = 0.0
    norm_bound: float | None = None
    max_norm: float | None = None
    dropout: tuple[float, float] = (0.0, 0.0)
    weight_decay: str = "coupled"
    n_members: int = 1

    @property
    def layerwise(self) -> Layerwise | None:
        """The penalty of each layer by itself; None for one that spans layers."""
        return None if isinstance(self.penalty, NetworkPenalty) else Layerwise(self.penalty)

    @property
    def over_layers(self) -> NetworkPenalty:
        """The penalty of all layers."""
        return self.penalty if isinstance(self.penalty, NetworkPenalty) else Layerwise(self.penalty)

    def alphas(self, n_layers: int) -> np.ndarray:
        """λ in force for each layer of weights, shape (n_layers,)."""
        alphas = self._trained_alphas(n_layers)
        alphas[-1] /= self.n_members
        return alphas

    def _trained_alphas(self, n_layers: int) -> np.ndarray:
        """The same in the metric of a step: n_members times as long for what is a member's own."""
        alpha = 0.0 if self.norm_bound is not None else self.alpha
        return np.full(n_layers, alpha, dtype=np.float64)

    def value(self, theta, units):
        """λJ(θ); 0 under ``norm_bound``."""
        weights, alphas = self._layers(theta, units)
        return self.over_layers.value(weights, alphas) if alphas.any() else 0.0

    def penalizes_inputs(self, n_layers: int) -> bool:
        """Whether the weights of the first layer cost something, or have a bound."""
        has_bound = self.norm_bound is not None or self.max_norm is not None
        return has_bound or bool(self.alphas(n_layers)[0] > 0)

    def couples_inputs(self, units) -> bool:
        """Whether the proximal step is Python's, and not one of each first-layer weight."""
        alphas, layerwise, size = self.alphas(len(units) - 1), self.layerwise, _sizes(units)[0]
        if layerwise is None or not alphas[0] or layerwise.numbers(units, alphas) is not None:
            return False
        return len(layerwise.penalty.blocks(size)) < size

    def largest_weight(self, units):
        """A power of two: where one weight of the first layer costs 1, or meets a bound.

        At least 1, and infinite where weights are free; at most 2⁶⁴ otherwise.
        """
        if not self.penalizes_inputs(len(units) - 1):
            return np.inf
        one = np.zeros(n_parameters(units))
        for exponent in range(65):
            one[0] = np.exp2(exponent)
            if not self._affords(one, units):
                return one[0]
        return one[0]

    def _affords(self, theta, units):
        """Whether λJ(θ) ≤ 1, and the bounds hold."""
        largest = np.abs(theta).max()
        if self.max_norm is not None and largest > self.max_norm:
            return False
        if self.norm_bound is None:
            return self.value(theta, units) <= 1
        l1, l2 = self.shares(units)[0]
        return l1 * largest + 0.5 * l2 * largest**2 <= self.norm_bound

    def meter(self, theta, network):
        """A function that gives `value` of a θ changed in place, as quickly as can be.

        Beside the epoch of a small network the calls of NumPy would show.
        """
        alphas = self.alphas(len(network.units) - 1)
        if not alphas.any():
            return lambda: 0.0
        shares = self.shares(network.units)
        if shares is None:
            return lambda: self.value(theta, network.units)
        factors = np.column_stack([shares * (1.0, 0.5), np.zeros(len(alphas))])
        factors *= alphas[:, np.newaxis]
        sums = np.empty_like(factors)

        def value():
            network.sums(theta, sums)
            return float(np.vdot(factors, sums))

        return value

    def shares(self, units) -> np.ndarray | None:
        """`Layerwise.shares`; None for a penalty that spans layers."""
        return None if self.layerwise is None else self.layerwise.shares(_sizes(units))

    def gradient(self, theta, units):
        """∇λJ(θ), 0 for biases; at a kink the sub-gradient nearest to 0."""
        weights, alphas = self._layers(theta, units)
        out = np.zeros_like(theta)
        if not alphas.any():
            return out
        pulls = self.over_layers.gradient(weights, alphas)
        for target, pull in zip(layer_views(out, units)[0], pulls, strict=True):
            target[...] = pull
        return out

    def _layers(self, theta, units):
        return layer_views(theta, units)[0], self.alphas(len(units) - 1)

    def numbers(self, units):
        """Arguments of the compiled trainer."""
        numbers = self.over_layers.numbers(units, self._trained_alphas(len(units) - 1))
        if numbers is None:
            return dict(dropout=self.dropout)
        if self.norm_bound is not None:
            bound_l1, bound_l2 = self.shares(units)[0]
            numbers |= dict(norm_bound=self.norm_bound, bound_l1=bound_l1, bound_l2=bound_l2)
        if self.weight_decay == "decoupled":
            numbers["decay"] = numbers.pop("l2", None)
        if self.max_norm is not None:
            numbers["max_norm"] = self.max_norm
        return numbers | dict(dropout=self.dropout)

    def proximal_steps(self, units, trainer, theta) -> ProximalSteps | None:
        """What follows each step of a trainer that does not know the penalty; None if it does."""
        alphas, layerwise = self._trained_alphas(len(units) - 1), self.layerwise
        if layerwise is None or layerwise.numbers(units, alphas) is not None:
            return None
        penalty = layerwise.penalty
        return ProximalSteps(penalty, alphas.tolist(), self.max_norm, units, trainer, theta)

    def check(self, units):
        """Raise ValueError if this does not make sense for a network of these units."""
        n_layers = len(units) - 1
        if not isinstance(self.alpha, Real) and len(self.alpha) != n_layers:
            raise ValueError(
                f"alpha must be one number or one for each of the {n_layers} layers of weights, "
                f"got {len(self.alpha)} numbers: {self.alpha!r}. Count the hidden layers and the "
                "output."
            )
        if not np.all(np.isfinite(self.alpha)) or np.any(np.less(self.alpha, 0)):
            raise ValueError(
                f"alpha must be finite and not negative, got {self.alpha!r}. Use 0 for no penalty."
            )
        if self.penalty.kernel == "neurons" and n_layers < 2:
            raise ValueError(
                "groups='neurons' needs a hidden layer, and hidden_layer_sizes is empty. Use "
                "groups='inputs', or give hidden layers."
            )
        if self.n_members > 1:
            self._check_members(n_layers)
        if self.norm_bound is not None and not self._bounds_something(units):
            raise ValueError(
                f"norm_bound={self.norm_bound!r} needs penalty 'l1', 'l2' or 'elasticnet', whose J "
                "it bounds. Choose one of these, or set norm_bound=None."
            )

    def _check_members(self, n_layers):
        unfit = {
            "hidden_layer_sizes=()": n_layers < 2,
            "groups='neurons'": self.penalty.kernel == "neurons",
            f"norm_bound={self.norm_bound!r}": self.norm_bound is not None,
        }
        for what, is_so in unfit.items():
            if is_so:
                raise ValueError(
                    f"n_members={self.n_members} does not go with {what}: members share the hidden "
                    "layers, and have output layers of their own. Set n_members=1, or change that."
                )

    def _bounds_something(self, units):
        shares = self.shares(units)
        return shares is not None and bool(shares.any()) and bool((shares == shares[0]).all())


def _sizes(units):
    """Number of weights of each layer."""
    return [fan_in * fan_out for fan_in, fan_out in pairwise(units)]
