"""What a network's parameters come to: settings for `skreg.network`."""

from numbers import Integral, Real

import numpy as np

from skreg._warnings import warn_user
from skreg.estimators._mlp_parameters import GROUP_PENALTIES, MLPParameters
from skreg.network.fitting import Settings
from skreg.network.optimizers import SGD, Adam
from skreg.network.regularization import Regularization
from skreg.network.schedules import (
    Adaptive,
    Constant,
    Cosine,
    FlatCosine,
    InverseScaling,
    OneCycle,
)
from skreg.penalties import get_penalty

# What "auto" stands for; benchmarks/network_defaults.py compared some.
_USUAL_DROPOUT = 0.1
_USUAL_RATES = {"adam": 0.01, "sgd": 0.1, "lbfgs": 1.0}
_CYCLES = {"cosine": Cosine, "flat_cosine": FlatCosine, "one_cycle": OneCycle}
#: Share of a fit's epochs in which λ of groups of inputs grows from 0 to its value.
RAMP = 0.6


def usual_batch_size(n_rows: int) -> int:
    """What ``batch_size="auto"`` stands for."""
    return min(max(n_rows // 50, 32), 200)


class MLPSettings(MLPParameters):
    """Turns the parameters into settings for `skreg.network`."""

    alpha_: float | np.ndarray

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
        if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
            raise ValueError(
                "hidden_layer_sizes must hold whole numbers of at least 1, one for each hidden "
                f"layer, got {self.hidden_layer_sizes!r}. Give () for no hidden layer."
            )
        return tuple(int(size) for size in sizes)

    def _regularization(self, units, alpha=None):
        """What is added to the loss and done to the weights, for a network of these units.

        λ is ``alpha``, or without it the parameter; where that is "auto", what was found.
        """
        if self._penalizes_groups() != (self.groups is not None):
            raise ValueError(
                f"penalty={self.penalty!r} and groups={self.groups!r} do not go together. Give "
                "penalty='group' with groups='inputs' or groups='neurons', penalty='group_log' "
                "with groups='inputs', or leave groups None."
            )
        if self.groups == "inputs" and self.numerical_embedding is not None:
            raise ValueError(
                f"numerical_embedding={self.numerical_embedding!r} makes several inputs of a "
                "feature, and groups='inputs' would switch them off one by one. Set one of them to "
                "None."
            )
        regularization = Regularization(
            penalty=get_penalty(self.penalty, self.l1_ratio, self.groups),
            alpha=self._alphas(len(units) - 1) if alpha is None else alpha,
            norm_bound=self.norm_bound,
            max_norm=self.max_norm,
            dropout=self._dropout(),
            weight_decay=self.weight_decay,
            n_members=self.n_members,
        )
        regularization.check(units)
        if self.weight_decay != "decoupled" and self.weight_decay_schedule != "constant":
            raise ValueError(
                f"weight_decay_schedule={self.weight_decay_schedule!r} is of decay beside the "
                f"gradient, and weight_decay={self.weight_decay!r} is part of it. Set "
                "weight_decay='decoupled', or weight_decay_schedule='constant'."
            )
        if self.solver == "lbfgs":
            self._check_lbfgs(regularization, units)
        if self.feature_scaling:
            self._check_scaling(regularization, units)
        return regularization

    def _penalizes_groups(self):
        return isinstance(self.penalty, str) and self.penalty in GROUP_PENALTIES

    def _alphas(self, n_layers):
        """λ: a float, or a tuple of one for each layer of weights."""
        given = self.alpha_ if isinstance(self.alpha, str) else self.alpha
        if isinstance(given, Real):
            return float(given)
        try:
            alphas = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"alpha must be a number or hold numbers, got {self.alpha!r}."
            ) from error
        if alphas.shape != (n_layers,) or not np.all(np.isfinite(alphas) & (alphas >= 0)):
            raise ValueError(
                f"alpha must be a finite number of at least 0, or one such number for each of the "
                f"{n_layers} layers of weights, got {self.alpha!r}. Use 0 for no penalty."
            )
        return tuple(alphas.tolist())

    def _dropout(self):
        """Rates for the inputs and for hidden units."""
        if isinstance(self.dropout, str):
            return (0.0, 0.0) if self.solver == "lbfgs" else (0.0, _USUAL_DROPOUT)
        rates = (0.0, self.dropout) if isinstance(self.dropout, Real) else tuple(self.dropout)
        if len(rates) != 2 or not all(isinstance(r, Real) and 0 <= r < 1 for r in rates):
            raise ValueError(
                "dropout must be a rate in [0, 1) for the hidden units, or two, (input, hidden), "
                f"got {self.dropout!r}."
            )
        return tuple(float(rate) for rate in rates)

    def _check_lbfgs(self, regularization, units):
        """L-BFGS needs one objective with a gradient, the same in every iteration."""
        unfit = {
            "penalty": regularization.shares(units) is None,
            "norm_bound": self.norm_bound is not None,
            "max_norm": self.max_norm is not None,
            "dropout": any(regularization.dropout),
            "weight_decay": self.weight_decay == "decoupled",
            "feature_scaling": self.feature_scaling,
        }
        for name, is_so in unfit.items():
            if is_so:
                raise ValueError(
                    f"solver='lbfgs' does not take {name}={getattr(self, name)!r}. Use "
                    "solver='adam' or solver='sgd' for it."
                )

    def _check_scaling(self, regularization, units):
        """The step on factors needs the gradient of J, and no bound beside it."""
        unfit = {
            "penalty": regularization.shares(units) is None,
            "norm_bound": self.norm_bound is not None,
            "max_norm": self.max_norm is not None,
        }
        for name, is_so in unfit.items():
            if is_so:
                raise ValueError(
                    f"feature_scaling=True does not go with {name}={getattr(self, name)!r}. Use "
                    "penalty 'l2', 'l1' or 'elasticnet' without bounds, or set "
                    "feature_scaling=False."
                )

    def _optimizer(self):
        if self.solver == "sgd":
            return SGD(self.momentum, self.nesterovs_momentum)
        return Adam(self.beta_1, self.beta_2, self.epsilon)

    def _settings(self, n_samples, incremental, goes_on, n_epochs_done):
        ramps = self.groups == "inputs" and not (incremental or goes_on)
        n_epochs = 1 if incremental else self.max_iter
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = usual_batch_size(n_samples)
        elif batch_size > n_samples and not incremental:
            warn_user(
                f"batch_size={batch_size} is more than the {n_samples} training rows; all of them "
                "make one batch. Lower batch_size to take more steps an epoch.",
            )
        rate = self.learning_rate_init
        rate = _USUAL_RATES[self.solver] if rate == "auto" else float(rate)
        is_cycle = self.learning_rate in _CYCLES and self.solver != "lbfgs"
        if is_cycle and incremental:
            rate /= 10
        runs_to_its_end = is_cycle and not self.early_stopping
        return Settings(
            optimizer=self._optimizer(),
            schedule=self._schedule(self.learning_rate, n_epochs_done, incremental),
            learning_rate=rate,
            batch_size=min(batch_size, n_samples),
            max_iter=n_epochs,
            tol=self.tol,
            n_iter_no_change=np.inf if runs_to_its_end else self.n_iter_no_change,
            dropout_schedule=self._schedule(self.dropout_schedule, n_epochs_done, incremental),
            decay_schedule=self._schedule(self.weight_decay_schedule, n_epochs_done, incremental),
            ramp=RAMP * n_epochs if ramps else 0.0,
        )

    def _schedule(self, name, n_epochs_done, incremental):
        """A cycle counts from the first epoch of this fit; partial_fit, without end, has none."""
        if name in _CYCLES and not (incremental or self.solver == "lbfgs"):
            return _CYCLES[name](self.max_iter, n_epochs_done)
        if name == "invscaling":
            return InverseScaling(self.power_t)
        return Adaptive() if name == "adaptive" else Constant()
