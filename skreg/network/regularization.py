"""Everything that holds a network back: penalties, constraints, dropout."""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from skreg.network.parameters import layer_views
from skreg.penalties import InputGroups, NeuronGroups, NoPenalty, Penalty

NO_PENALTY = NoPenalty()


@dataclass(frozen=True)
class Regularization:
    """λJ of the weights, never of the biases, and what else keeps a network small.

    Parameters
    ----------
    penalty : Penalty, InputGroups or NeuronGroups
        J, summed over the layers of weights.
    alpha : float or sequence of float
        λ ≥ 0, or one for each layer of weights from the input on.
    norm_bound : float or None
        k > 0: J(weights) ≤ k holds after every step, instead of a penalty: ``alpha`` counts as 0.
        The projection is in the optimiser's metric.
    max_norm : float or None
        c > 0: after every step the incoming weights of each hidden and output unit have a Euclidean
        norm of at most c (N. Srivastava et al., 2014).
    dropout : (float, float)
        Chance in [0, 1) that an input, a hidden unit, is left out of a row's step; the others are
        divided by the chance of being kept.
    weight_decay : {"coupled", "decoupled"}
        Whether the ridge's share of J is part of the gradient, and so of the minimised objective;
        or a step of its own, θ ← θ − ηλθ, beside that of the optimiser, which is AdamW with Adam
        (I. Loshchilov, F. Hutter, 2019, "Decoupled weight decay regularization").
    """

    penalty: Penalty | InputGroups | NeuronGroups = NO_PENALTY
    alpha: float | tuple[float, ...] = 0.0
    norm_bound: float | None = None
    max_norm: float | None = None
    dropout: tuple[float, float] = (0.0, 0.0)
    weight_decay: str = "coupled"

    @property
    def has_groups(self):
        """Whether the penalty is of groups."""
        return isinstance(self.penalty, InputGroups | NeuronGroups)

    def alphas(self, n_layers):
        """λ in force for each layer of weights, shape (n_layers,)."""
        if self.norm_bound is not None:
            return np.zeros(n_layers)
        return np.broadcast_to(np.asarray(self.alpha, dtype=np.float64), (n_layers,))

    def value(self, theta, units):
        """λJ(θ); 0 under ``norm_bound``."""
        weights, alphas = self._layers(theta, units)
        if not alphas.any():
            return 0.0
        if self.has_groups:
            return self.penalty.value(weights, alphas)
        return sum(a * self.penalty.value(W) for W, a in zip(weights, alphas, strict=True) if a)

    def meter(self, theta, network):
        """A function that gives `value` of a θ changed in place, as quickly as can be.

        Beside the epoch of a small network the calls of NumPy would show.
        """
        alphas = self.alphas(len(network.units) - 1)
        if self.has_groups:
            return lambda: self.value(theta, network.units)
        shares = np.outer(alphas, (self.penalty.l1_share, 0.5 * self.penalty.l2_share, 0.0))
        if not shares.any():
            return lambda: 0.0
        sums = np.empty_like(shares)

        def value():
            network.sums(theta, sums)
            return float(np.vdot(shares, sums))

        return value

    def gradient(self, theta, units):
        """∇λJ(θ), 0 for biases; at a kink the sub-gradient nearest to 0."""
        weights, alphas = self._layers(theta, units)
        out = np.zeros_like(theta)
        if not alphas.any():
            return out
        if self.has_groups:
            pulls = self.penalty.gradient(weights, alphas)
        else:
            pulls = (a * self.penalty.gradient(W) for W, a in zip(weights, alphas, strict=True))
        for target, pull in zip(layer_views(out, units)[0], pulls, strict=True):
            target[...] = pull
        return out

    def _layers(self, theta, units):
        return layer_views(theta, units)[0], self.alphas(len(units) - 1)

    def numbers(self, units):
        """Arguments of the compiled trainer."""
        alphas = self.alphas(len(units) - 1)
        if self.has_groups:
            numbers = self.penalty.numbers(units, alphas)
        else:
            shares = dict(l1=self.penalty.l1_share, l2=self.penalty.l2_share)
            numbers = {name: share * alphas for name, share in shares.items()}
            if self.norm_bound is not None:
                numbers.update({f"bound_{name}": share for name, share in shares.items()})
                numbers["norm_bound"] = self.norm_bound
        if self.weight_decay == "decoupled":
            numbers["decay"] = numbers.pop("l2", None)
        if self.max_norm is not None:
            numbers["max_norm"] = self.max_norm
        return numbers | dict(dropout=self.dropout)

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
        if isinstance(self.penalty, NeuronGroups) and n_layers < 2:
            raise ValueError(
                "groups='neurons' needs a hidden layer, and hidden_layer_sizes is empty. Use "
                "groups='inputs', or give hidden layers."
            )
        if self.norm_bound is not None and (self.has_groups or not self._bounds_something()):
            raise ValueError(
                f"norm_bound={self.norm_bound!r} needs penalty 'l1', 'l2' or 'elasticnet', whose J "
                "it bounds. Choose one of these, or set norm_bound=None."
            )

    def _bounds_something(self):
        return self.penalty.l1_share > 0 or self.penalty.l2_share > 0
