"""What the network classifier and regressor share: validation, fitting, raw predictions."""

import warnings
from abc import abstractmethod
from copy import deepcopy
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg._kernels import network as kernel
from skreg._validation import check_weights
from skreg.network.fitting import History, Settings, fit_epochs
from skreg.network.optimisers import SGD, Adam
from skreg.network.parameters import initial_theta, layer_views
from skreg.network.schedules import Adaptive, Constant, InverseScaling
from skreg.network.training import Problem, TrainingState
from skreg.penalties import PENALTIES, get_penalty


class BaseRegularizedMLP(CallbackSupportMixin, BaseEstimator):
    """A network fitted by mini-batches; subclasses say what targets are and what outputs mean."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(kernel.ACTIVATIONS))],
        "solver": [StrOptions({"sgd", "adam"})],
        "penalty": [StrOptions(set(PENALTIES)), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.5,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

    @abstractmethod
    def _encode_target(self, y, classes, goes_on):
        """(loss, targets Y of shape (n, n_outputs), what stratifies a split, attributes to set)."""

    @abstractmethod
    def _score_raw(self, raw, Y, sample_weight):
        """The score that early stopping watches, from raw predictions; higher is better."""

    @property
    def coefs_(self):
        """List of weight matrices of shape (fan_in, fan_out), views of the flat parameters."""
        return layer_views(self._fitted_state.theta, self._architecture[0])[0]

    @property
    def intercepts_(self):
        """List of bias vectors, views of the flat parameters."""
        return layer_views(self._fitted_state.theta, self._architecture[0])[1]

    @property
    def _fitted_state(self):
        check_is_fitted(self, "_state")
        return self._state

    def _fit(self, X, y, sample_weight, *, incremental=False, classes=None):
        """Validate, train, then set every fitted attribute."""
        hidden = self._hidden_sizes()
        goes_on = "_state" in vars(self) and (incremental or self.warm_start)
        X, y = validate_data(
            self,
            X,
            y,
            reset=not (incremental and goes_on),
            dtype=self._state.theta.dtype if goes_on else [np.float64, np.float32],
            order="C",
            multi_output=not is_classifier(self),
            y_numeric=not is_classifier(self),
        )
        weights = check_weights(sample_weight, X)
        loss, Y, strata, attributes = self._encode_target(y, classes, goes_on)
        Y = np.ascontiguousarray(Y, dtype=X.dtype)
        units = (X.shape[1], *hidden, Y.shape[1])
        if goes_on and units != (before := self._architecture[0]):
            raise ValueError(
                f"The network fitted before has layers of {before} units; now X, "
                f"hidden_layer_sizes and y ask for {units}. Keep them as they were, or start "
                "afresh with warm_start=False and fit."
            )
        # A copy, so that a fit that fails has not drawn from it.
        rng = deepcopy(self._rng) if goes_on else check_random_state(self.random_state)
        training, validation = (X, Y, weights), None
        if self.early_stopping and not incremental:
            # Kept, so that a warm start does not train on the rows that were held out before.
            seed = vars(self).get("_split_seed") if goes_on else None
            seed = rng.randint(2**31 - 1) if seed is None else seed
            attributes["_split_seed"] = seed
            training, validation = self._split(X, Y, weights, strata, seed)
        penalty = get_penalty(self.penalty, self.l1_ratio)
        problem = Problem(units, self.activation, loss, penalty, float(self.alpha), *training)
        state = self._start(problem, rng, goes_on)
        history = self._history.copy() if goes_on else History()
        n_rows_before = self.t_ - len(history.loss_curve) * problem.n_samples if goes_on else 0
        attributes.update(
            _architecture=(units, self.activation, loss),
            _rng=rng,
            n_layers_=len(units),
            n_outputs_=units[-1],
            out_activation_=loss.out_activation,
        )

        def fitted(state, history):
            scores = history.validation_scores
            return attributes | dict(
                _state=state,
                _history=history,
                loss_curve_=history.loss_curve,
                loss_=history.loss_curve[-1],
                best_loss_=None if scores else min(history.loss_curve),
                validation_scores_=scores or None,
                best_validation_score_=max(scores) if scores else None,
                n_iter_=len(history.loss_curve),
                t_=n_rows_before + len(history.loss_curve) * problem.n_samples,
            )

        told = dict(estimator=self, X=X, y=y)
        if weights is not None:
            told["metadata"] = {"sample_weight": weights}
        self._train(problem, state, history, validation, told, rng, incremental, fitted)
        vars(self).update(fitted(state, history))
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not hold out rows, so it does not take early_stopping=True. Set "
                "early_stopping=False and watch the score on rows of your own."
            )
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
        if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
            raise ValueError(
                "hidden_layer_sizes must hold whole numbers of at least 1, one for each hidden "
                f"layer, got {self.hidden_layer_sizes!r}. Give () for no hidden layer."
            )
        return tuple(int(size) for size in sizes)

    def _split(self, X, Y, weights, strata, seed):
        """(X, Y, weights) to train on, and to validate on."""
        try:
            split = train_test_split(
                np.arange(len(X)),
                test_size=self.validation_fraction,
                random_state=seed,
                stratify=strata,
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction="
                f"{self.validation_fraction} of {len(X)} rows: {error} Give more rows, another "
                "validation_fraction, or early_stopping=False."
            ) from error
        if len(split[1]) < 2:
            raise ValueError(
                f"early_stopping=True holds out one row only with validation_fraction="
                f"{self.validation_fraction} of {len(X)} rows, which makes no score. Give more "
                "rows, a larger validation_fraction, or early_stopping=False."
            )
        if weights is not None and min(weights[rows].max() for rows in split) == 0:
            raise ValueError(
                "early_stopping=True left the training or the validation part with sample_weight "
                "0 in every row. Give weight to more rows, or set early_stopping=False."
            )
        return [(X[rows], Y[rows], None if weights is None else weights[rows]) for rows in split]

    def _start(self, problem, rng, goes_on):
        """The state to train from: fresh, or a copy of the one that the last fit left."""
        kernel = self._optimiser().kernel
        if not goes_on:
            theta = initial_theta(problem.units, rng, problem.X.dtype)
            return TrainingState.start(theta, kernel)
        state = self._state.copy()
        return state if state.kernel == kernel else TrainingState.start(state.theta, kernel)

    def _optimiser(self):
        if self.solver == "sgd":
            return SGD(self.momentum, self.nesterovs_momentum)
        return Adam(self.beta_1, self.beta_2, self.epsilon)

    def _settings(self, n_samples, incremental):
        schedules = {
            "constant": Constant(),
            "invscaling": InverseScaling(self.power_t),
            "adaptive": Adaptive(),
        }
        batch_size = 200 if self.batch_size == "auto" else self.batch_size
        if self.batch_size != "auto" and batch_size > n_samples and not incremental:
            warnings.warn(
                f"batch_size={batch_size} is more than the {n_samples} training rows; all of them "
                "make one batch. Lower batch_size to take more steps an epoch.",
                stacklevel=5,
            )
        return Settings(
            optimiser=self._optimiser(),
            schedule=schedules[self.learning_rate],
            learning_rate=float(self.learning_rate_init),
            batch_size=min(batch_size, n_samples),
            max_iter=1 if incremental else self.max_iter,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )

    def _train(self, problem, state, history, validation, told, rng, incremental, fitted):
        """Run the epochs, with callbacks, early stopping and messages around them."""
        settings = self._settings(problem.n_samples, incremental)
        score = None
        if validation is not None:
            X_val, Y_val, weights_val = validation
            network = problem.network()

            def score(theta):
                return float(
                    self._score_raw(raw_predictions(network, theta, X_val), Y_val, weights_val)
                )

        context = self._init_callback_context(max_subtasks=settings.max_iter)
        context.call_on_fit_task_begin(**told)
        task = None
        # A task costs as much as the epoch of a small network: only for those who watch.
        is_watched = bool(getattr(self, "_skl_callbacks", ()))

        def snapshot():
            return fitted(state.copy(), history.copy())

        def begin():
            nonlocal task
            task = context.subcontext(task_name="epoch").call_on_fit_task_begin(**told)

        def end(history):
            if self.verbose:
                print(f"Epoch {len(history.loss_curve)}, {self._progress(history)}")
            if task is None:
                return False
            return task.call_on_fit_task_end(**told, reconstruction_attributes=snapshot)

        stopped = fit_epochs(
            problem,
            state,
            history,
            settings,
            rng=rng if self.shuffle else None,
            score=score,
            on_epoch_begin=begin if is_watched else None,
            on_epoch_end=end,
        )
        context.call_on_fit_task_end(**told, reconstruction_attributes=snapshot)
        if not (stopped or incremental or np.isinf(self.n_iter_no_change)):
            warnings.warn(
                f"The objective was still falling by more than tol={self.tol:g} after "
                f"max_iter={self.max_iter} epochs. Raise max_iter, or learning_rate_init.",
                ConvergenceWarning,
                stacklevel=6,
            )

    @staticmethod
    def _progress(history):
        line = f"objective {history.loss_curve[-1]:.6g}"
        if history.validation_scores:
            line += f", validation score {history.validation_scores[-1]:.4f}"
        return line

    def _predict_raw(self, X):
        """The network's outputs before any link, of shape (n, n_outputs)."""
        state = self._fitted_state
        X = validate_data(self, X, reset=False, dtype=state.theta.dtype, order="C")
        units, activation, loss = self._architecture
        return raw_predictions(kernel.Network(units, activation, loss.name), state.theta, X)


def raw_predictions(network, theta, X):
    """The outputs of a compiled network for the rows of X."""
    out = np.empty((len(X), network.units[-1]), dtype=theta.dtype)
    network.forward(theta, np.ascontiguousarray(X), out)
    return out
