"""What the network classifier and regressor share: validation, fitting, raw predictions."""

from abc import abstractmethod
from copy import deepcopy
from dataclasses import replace
from inspect import cleandoc
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import assert_all_finite

from skreg._validation import (
    check_parameters,
    check_weights,
    is_in_memory,
    surely_finite,
    validated,
    validated_fit,
)
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._mlp_after import AfterTraining, Seen, columns_of, with_short_indices
from skreg.estimators._mlp_alpha import chosen
from skreg.estimators._mlp_fit import Fit, Rows, hold_out
from skreg.estimators._mlp_parameters import MLPParameters
from skreg.estimators._mlp_scales import check_scales, warn_of_scales
from skreg.estimators._mlp_stored import HELD
from skreg.estimators._mlp_targets import Target
from skreg.network.columns import Columns, Sizes
from skreg.network.parameters import initial_theta
from skreg.network.prediction import compiled_network, raw_predictions
from skreg.network.training import Objective, TrainingState
from skreg.path import NetworkPath
from skreg.rows.sources import is_chunked


class BaseRegularizedMLP(CallbackSupportMixin, AfterTraining):
    """A network fitted by mini-batches; subclasses say what targets are and what outputs mean.

    In a subclass's docstring ``{parameters}`` and ``{attributes}`` stand for what `MLPParameters`
    and `AfterTraining` document.
    """

    _held = HELD

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.__doc__:  # python -OO leaves none
            cls.__doc__ = (
                cleandoc(cls.__doc__)
                .replace("{parameters}", _last_section(MLPParameters))
                .replace("{attributes}", _last_section(AfterTraining))
            )

    def _validate_params(self):
        check_parameters(self, self._parameter_constraints)

    @abstractmethod
    def _new_target(self, y, weights, classes, incremental) -> Target:
        """What the targets are: `Labels`, `LabelSets` or `Numbers`."""

    @validated_fit
    def fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: MatrixLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32; everything else becomes float64. A sparse X is made dense a
            mini-batch at a time.
        y : array-like of shape (n_samples,), or {array-like, sparse matrix} of shape \
                (n_samples, n_outputs)
            Numbers; class labels, of at least two classes; or 0 and 1 for each of several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; None for equal ones.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows of your own: for the curves, and for ``early_stopping``. In a Pipeline
            see ``set_fit_request`` and the Pipeline's ``transform_input``.
        y_val : array-like, default=None
            Their targets.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            For data or parameters out of their range, or if training diverges; the estimator is
            then as it was before.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` ended the training.
        UserWarning
            If Ctrl-C ended it: the epochs done are kept.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def regularization_path(
        self,
        X: MatrixLike,
        y: MatrixLike,
        alphas: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> NetworkPath:
        """Train a network for each λ, from the smallest on, each from where the last ended.

        From dense to sparse, as for LassoNet: the dense network finds what the features are good
        for before the penalty takes them away (I. Lemhadri, F. Ruan, L. Abraham, R. Tibshirani,
        2021, "LassoNet: a neural network with feature sparsity"). The estimator itself is not
        changed, and ``alpha`` not used. The objective is not convex: a network
        fitted at one λ alone may differ.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like
        alphas : array-like of shape (n_alphas,)
            Values of λ.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        NetworkPath
        """
        return self._path(X, y, alphas, sample_weight)

    def _fit(self, X, y, sample_weight, X_val=None, y_val=None, *, incremental=False, classes=None):
        """Validate, train, then set every fitted attribute."""
        hidden = self._hidden_sizes()
        goes_on = "_state" in vars(self) and (incremental or self.warm_start)
        if incremental and goes_on and self.early_stopping and self._is_over():
            return self
        dtype = self._state.theta.dtype if goes_on else [np.float64, np.float32]
        X, y = self._validated(X, y, dtype, reset=not (incremental and goes_on))
        weights = check_weights(sample_weight, X)
        target = self._target if goes_on else self._new_target(y, weights, classes, incremental)
        if goes_on and classes is not None:
            target.check_classes(classes)
        if not goes_on:
            target.check_range(X.dtype)
        Y, strata = target.encode(y)
        if goes_on and not incremental:
            target.check_complete(y)
        columns = self._columns if goes_on else None
        training = Rows(
            columns_of(X, columns),
            np.ascontiguousarray(Y, dtype=X.dtype),
            self._class_weighted(target, y, weights, incremental),
        )
        units = (training.X.shape[1], *hidden, Y.shape[1])
        if goes_on:
            self._check_units(units)
        chooses = isinstance(self.alpha, str) and not goes_on
        regularization = self._regularization(units, 0.0 if chooses else None)
        # A copy, so that a fit that fails has not drawn from it.
        rng = deepcopy(self._rng) if goes_on else check_random_state(self.random_state)
        validation = self._validation_rows(X_val, y_val, target, X, columns)
        seed = kept = None
        if self.early_stopping and validation is None:
            seed = self._split_seed_from(rng, goes_on, incremental)
            kept, held = hold_out(len(Y), weights, strata, self.validation_fraction, seed)
            # Scores are in the weights given, without those of the classes.
            validation = replace(training, weights=weights).take(held)
            training = training.take(kept)
        objective = Objective(
            units, self.activation, target.loss, regularization, training.X, training.Y,
            training.weights,
        )  # fmt: skip
        sizes, names = None, getattr(self, "feature_names_in_", None)
        if not goes_on:
            sizes = Sizes.of(training.X)
            check_scales(sizes, names)
            if chooses:
                strata = strata if strata is None or kept is None else strata[kept]
                own = None if X_val is None else validation
                alpha, curve = chosen(self, objective, sizes, strata, own, rng)
                regularization = replace(regularization, alpha=alpha)
                objective = replace(objective, regularization=regularization)
            if regularization.penalizes_inputs(len(units) - 1):
                warn_of_scales(sizes, names)
        told = dict(estimator=self, X=X, y=y)
        if weights is not None:
            told["metadata"] = {"sample_weight": weights}
        alphas = regularization.alpha
        fixed = dict(
            alpha_=np.array(alphas) if isinstance(alphas, tuple) else alphas,
            _architecture=(units, self.activation, target.loss),
            _target=target,
            _columns=columns,
            _split_seed=seed,
            _rng=rng,
            _seen=Seen.of(X, training, kept, regularization),
            _dof=None,
            n_layers_=len(units),
            n_outputs_=units[-1],
            out_activation_=target.loss.out_activation,
        )
        if chooses:
            fixed["alpha_curve_"] = curve
        if target.classes is not None:
            fixed["classes_"] = target.classes
        before = dict(vars(self)) if goes_on else {}
        n_epochs_done = len(before.get("loss_curve_", ()))
        found = Fit(
            self, objective, self._start(objective, rng, sizes), target, validation=validation,
            before=before, fixed=fixed, rng=rng, is_incremental=incremental, told=told,
            settings=self._settings(objective.n_samples, incremental, goes_on, n_epochs_done),
        ).run()  # fmt: skip
        if not isinstance(self.alpha, str):
            vars(self).pop("alpha_curve_", None)
        vars(self).update(found)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_units(self, units):
        """Training goes on only with a network of the shape that it had."""
        if units != (before := self._architecture[0]):
            raise ValueError(
                f"The network fitted before has layers of {before} units; now X, "
                f"hidden_layer_sizes and y ask for {units}. Keep them as they were, or start "
                "afresh with warm_start=False and fit."
            )

    def _split_seed_from(self, rng, goes_on, incremental):
        """The seed of the rows held out: a warm start must not train on those of the last fit."""
        if incremental:
            raise ValueError(
                "partial_fit does not hold out rows: with early_stopping=True it needs X_val and "
                "y_val. Give them, or set early_stopping=False."
            )
        before = vars(self).get("_split_seed") if goes_on else None
        return rng.randint(2**31 - 1) if before is None else before

    def _is_over(self):
        """Whether early stopping over calls of partial_fit has come to its end."""
        return self._best is not None and self._best.is_over

    def _validated(self, X, y, dtype, reset=False):
        """X and y as the compiled network takes them."""
        if not is_in_memory(X) and is_chunked(X):
            raise ValueError(
                f"X is rows in chunks ({type(X).__name__}), and {type(self).__name__} takes "
                "arrays. Collect them, or call partial_fit for each chunk."
            )
        X, y = validated(
            self, X, y, numeric=not is_classifier(self), reset=reset, dtype=dtype, order="C",
            accept_sparse="csr", multi_output=True,
        )  # fmt: skip
        return with_short_indices(X), y

    def _class_weighted(self, target, y, weights, incremental):
        """Weights of the rows, times those of their classes if the estimator has such."""
        class_weight = getattr(self, "class_weight", None)
        if class_weight is None:
            return weights
        if incremental and isinstance(class_weight, str):
            raise ValueError(
                f"partial_fit does not take class_weight={class_weight!r}: the classes' shares are "
                "those of one call only. Give a dict of weights, or use sample_weight."
            )
        by_class = target.class_weights(class_weight, y, weights)
        return check_weights(by_class if weights is None else weights * by_class, y)

    def _validation_rows(self, X_val, y_val, target, X, columns):
        """The user's own validation rows, encoded; None without."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}. Give both, or neither.")
        X_val, y_val = self._validated(X_val, y_val, X.dtype)
        Y_val = np.ascontiguousarray(target.encode(y_val)[0], dtype=X.dtype)
        return Rows(columns_of(X_val, columns), Y_val)

    def _start(self, objective, rng, sizes):
        """The state to train from: fresh, or without sizes a copy of what the last fit left."""
        update = "lbfgs" if self.solver == "lbfgs" else self._optimizer().kernel
        if sizes is not None:
            theta = initial_theta(objective.units, rng, objective.X.dtype, init=self.init)
            columns = Columns.of(sizes)
            if columns is not None:
                objective.suited(columns).start(theta, objective.units)
            state = TrainingState.start(theta, update, columns)
        else:
            state = self._state.copy()
            if state.kernel != update:
                state = TrainingState.start(state.theta, update, state.columns)
        if any(objective.regularization.dropout) and sizes is not None:
            state.dropout_seed = rng.randint(2**31 - 1)
        return state

    def _predict_raw(self, X) -> np.ndarray:
        """The network's outputs before any link, of shape (n, n_outputs)."""
        state = self._fitted_state
        network = compiled_network(*self._architecture)
        # Columns that a compressed network does not read are not looked at.
        reads_all = self._columns is None
        X = validated(
            self, X, reset=False, dtype=state.theta.dtype, order="C", accept_sparse="csr",
            ensure_all_finite=reads_all,
        )  # fmt: skip
        X = columns_of(with_short_indices(X), self._columns)
        if not (reads_all or surely_finite(X)):
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        return raw_predictions(network, state.theta, X)


def _last_section(documented: type) -> str:
    """What follows the last underlined title of a class's docstring."""
    return cleandoc(documented.__doc__ or "").rpartition("---\n")[2]


def needs_batches(estimator):
    """Why ``partial_fit`` is missing; empty where it is there."""
    if estimator.solver != "lbfgs":
        return ""
    return (
        "partial_fit takes a step for each mini-batch, and solver='lbfgs' takes all rows at "
        "once. Use solver='adam' or solver='sgd'."
    )
