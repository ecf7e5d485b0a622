"""What the network classifier and regressor share: validation, fitting, raw predictions."""

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
    is_in_memory,
    surely_finite,
    validated,
    validated_fit,
)
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._mlp_after import AfterTraining
from skreg.estimators._mlp_alpha import chosen
from skreg.estimators._mlp_chunks import Source
from skreg.estimators._mlp_fit import Fit
from skreg.estimators._mlp_parameters import MLPParameters
from skreg.estimators._mlp_prepared import Prepares
from skreg.estimators._mlp_scales import check_scales, warn_of_scales
from skreg.estimators._mlp_seen import with_short_indices
from skreg.estimators._mlp_stored import HELD, check_shapes
from skreg.network.columns import Columns
from skreg.network.members import mean_prediction
from skreg.network.parameters import initial_theta
from skreg.network.prediction import compiled_network, raw_predictions
from skreg.network.state import TrainingState
from skreg.path import NetworkPath


class BaseRegularizedMLP(CallbackSupportMixin, Prepares):
    """A network fitted by mini-batches; subclasses say what targets are and what outputs mean.

    In a subclass's docstring ``{parameters}`` and ``{attributes}`` stand for what `MLPParameters`
    and `AfterTraining` document.
    """

    _held = HELD

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_state" in vars(self):
            check_shapes(self._state, self._architecture)

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

    @validated_fit
    def fit(
        self,
        X: MatrixLike,
        y: MatrixLike | None = None,
        sample_weight: ArrayLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: MatrixLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or Chunks
            float32 stays float32; everything else becomes float64. A sparse X is made dense a
            mini-batch at a time. Rows in `Chunks`, and what these may be made of, are read once
            for each epoch, and twice more; if there are no more than ``shuffle_buffer`` of
            them, once, and the fit is that of the same rows in memory, to the bit.
        y : array-like of shape (n_samples,), or {array-like, sparse matrix} of shape \
                (n_samples, n_outputs), or str
            Numbers; class labels, of at least two classes; or 0 and 1 for each of several labels.
            Of rows in chunks the name of the column, or None for chunks that are tuples.
        sample_weight : array-like of shape (n_samples,) or str, default=None
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
        y: MatrixLike | None = None,
        alphas: ArrayLike | None = None,
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
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or Chunks
        y : array-like, str or None
            As for `fit`.
        alphas : array-like of shape (n_alphas,)
            Values of λ; networks have no grid of their own.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        NetworkPath
        """
        return self._path(X, y, alphas, sample_weight)

    def _fit(self, X, y, sample_weight, X_val=None, y_val=None, *, incremental=False, classes=None):
        """Validate, train, then set every fitted attribute."""
        self._hidden_sizes()
        goes_on = "_state" in vars(self) and (incremental or self.warm_start)
        if incremental and goes_on and self.early_stopping and self._is_over():
            return self
        # A copy, so that a fit that fails has not drawn from it.
        rng = deepcopy(self._rng) if goes_on else check_random_state(self.random_state)
        seed = None
        if self.early_stopping and X_val is None and y_val is None:
            seed = self._split_seed_from(rng, goes_on, incremental)
        rows, how = (X, y, sample_weight, X_val, y_val, classes), dict(seed=seed, goes_on=goes_on)
        given = self._given(*rows, rng=rng, incremental=incremental, **how)
        given, curve = (given, None) if goes_on else self._chosen(given, rng)
        objective = given.objective
        fixed = self._known(given) | dict(_split_seed=seed, _rng=rng)
        if curve is not None:
            fixed["alpha_curve_"] = curve
        before = dict(vars(self)) if goes_on else {}
        n_epochs_done = len(before.get("loss_curve_", ()))
        found = Fit(
            self, objective, self._start(objective, rng, given.sizes), given.target,
            validation=given.validation, before=before, fixed=fixed, rng=rng,
            is_incremental=incremental, told=given.told,
            settings=self._settings(objective.n_samples, incremental, goes_on, n_epochs_done),
        ).run()  # fmt: skip
        if not isinstance(self.alpha, str):
            vars(self).pop("alpha_curve_", None)
        vars(self).update(found)
        return self

    def _given(
        self, X, y, sample_weight, X_val, y_val, classes, *, seed, rng, goes_on, incremental
    ):
        """The rows as training takes them: at hand, or in more chunks than fit in memory."""
        source = None
        if not (incremental or is_in_memory(X)):
            source = Source.of(X, y, sample_weight, has_labels=is_classifier(self))
        classes = classes if source is None else source.classes
        if source is not None and (rows := source.in_memory()) is not None:
            (X, y, sample_weight), source = rows, None
        if source is not None:
            return self._prepared_stream(source, X_val, y_val, seed=seed, rng=rng, goes_on=goes_on)
        rows = (X, y, sample_weight, X_val, y_val, classes)
        return self._prepared(*rows, seed=seed, goes_on=goes_on, incremental=incremental)

    def _chosen(self, given, rng):
        """The same with λ, where that is to be chosen, and the curve that it was chosen by."""
        names, curve = getattr(self, "feature_names_in_", None), None
        check_scales(given.sizes, names)
        if isinstance(self.alpha, str):
            pilots = given.pilots, given.sizes, given.strata, given.own
            alpha, curve = chosen(self, *pilots, rng, given.objective.n_samples)
            regularization = replace(given.objective.regularization, alpha=alpha)
            given = replace(
                given, objective=replace(given.objective, regularization=regularization)
            )
        if given.objective.regularization.penalizes_inputs(len(given.objective.units) - 1):
            warn_of_scales(given.sizes, names)
        return given, curve

    def _known(self, given):
        """Attributes that are known before training."""
        regularization, units = given.objective.regularization, given.objective.units
        alphas, loss = regularization.alpha, given.target.loss
        fixed = dict(
            alpha_=np.array(alphas) if isinstance(alphas, tuple) else alphas,
            _architecture=(units, self.activation, loss, self.n_members, given.objective.waves),
            _target=given.target,
            _columns=given.columns,
            _embedding=given.embedding,
            _seen=given.seen(regularization),
            _dof=None,
            n_layers_=len(units),
            n_outputs_=units[-1] // self.n_members,
            out_activation_=loss.out_activation,
        )
        return fixed if given.target.classes is None else fixed | {"classes_": given.target.classes}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.numerical_embedding is None
        return tags

    def _is_over(self):
        """Whether early stopping over calls of partial_fit has come to its end."""
        return self._best is not None and self._best.is_over

    def _start(self, objective, rng, sizes):
        """The state to train from: fresh, or without sizes a copy of what the last fit left."""
        update = "lbfgs" if self.solver == "lbfgs" else self._optimizer().kernel
        if sizes is not None:
            theta = initial_theta(
                objective.units, rng, objective.X.dtype, init=self.init, n_members=self.n_members,
                waves=objective.waves,
            )  # fmt: skip
            columns = Columns.of(sizes, len(objective.waves))
            if columns is not None:
                objective.suited(columns).start(theta, objective.units)
            state = TrainingState.start(theta, update, columns)
        else:
            state = self._state.copy()
            if state.kernel != update:
                state = TrainingState.start(state.theta, update, state.columns)
        state.scale_inputs(objective.units[0] if self.feature_scaling else 0)
        if any(objective.regularization.dropout) and sizes is not None:
            state.dropout_seed = rng.randint(2**31 - 1)
        return state

    def _predict_raw(self, X) -> np.ndarray:
        """The network's outputs before any link, of shape (n, n_outputs)."""
        raw = self._members_raw(X)
        _, _, loss, n_members, _ = self._architecture
        return mean_prediction(raw, loss, n_members)

    def _members_raw(self, X) -> np.ndarray:
        """The outputs of all members, side by side."""
        state = self._fitted_state
        network = compiled_network(*self._architecture)
        # Columns that a compressed network does not read are not looked at.
        reads_all = self._columns is None
        X = validated(
            self, X, reset=False, dtype=state.theta.dtype, order="C", accept_sparse="csr",
            ensure_all_finite=reads_all,
        )  # fmt: skip
        X = self._read(with_short_indices(X))
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
