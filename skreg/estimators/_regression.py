"""The task of the quadratic regressors: numbers, by any loss for them."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skreg._arrays import follows_x, moved
from skreg._labels import as_numbers
from skreg._validation import (
    check_offset,
    check_weights,
    fit_follows_x,
    refuse_out_of_range,
    validated,
    validated_fit,
)
from skreg.estimators._available import only_where, takes_rows
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._lazy import lazily
from skreg.estimators._linear import DTYPES, SPARSE, QuadraticApproxLinear, Sample
from skreg.losses import REGRESSION_LOSSES, Loss, loss_of
from skreg.model import QuadraticModel
from skreg.quadratic import Moments, Quadratic

#: What solving sets.
_SOLVED = frozenset(
    ["coef_", "intercept_", "alpha_", "alpha_curve_", "n_iter_", "n_expansions_", "solver_"]
    + ["dual_gap_", "_dof", "_gradient_norm", "_noise", "_evidence"]
)


def _not_additive(estimator):
    """Why this estimator cannot be fitted in parts."""
    if estimator._is_quadratic():
        return ""
    return (
        f"loss={estimator.loss!r} cannot be fitted in parts: only squared error is known exactly "
        "by moments that add. Use fit on all rows, or loss='squared_error'."
    )


class QuadraticApproxRegressor(RegressorMixin, QuadraticApproxLinear):
    """Base of the regressors."""

    _later = None
    loss: str | Loss
    delta: float
    quantile: float
    power: float
    dispersion: float

    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxLinear._parameter_constraints,
        "loss": [StrOptions(REGRESSION_LOSSES), Loss],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "power": [Real],
        "dispersion": [Interval(Real, 0, None, closed="neither")],
    }

    @fit_follows_x
    @validated_fit
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), Moments or Chunks
            CSR and CSC stay sparse. float32 stays float32; the sums are made in float64.
            Also rows in `Chunks` and all that these may be made of, with ``y`` and
            ``sample_weight`` the names of columns; for squared error, which reads them once, the
            `Moments` as well. Other losses take a pass for every Newton step.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), or str
            Target; several targets for squared error only. Not negative for losses with a
            logarithmic link, positive for ``"gamma"``.
        sample_weight : None, float or array-like of shape (n_samples,), default=None
            Weights, at least one positive. Their scale does not matter.
        offset : None or array-like of shape (n_samples,), default=None
            Added to the raw predictions xᵢᵀθ + b, as it is: for counts, the logarithm of the
            exposure. Give `predict` the offset of its rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y, the weights or the offset are not usable; the message says which
            and why.

        Warns
        -----
        ConvergenceWarning
            If ``tol`` is not reached; the message says what was.
        """
        return self._fit(X, y, sample_weight=sample_weight, offset=offset)

    @only_where(_not_additive)
    @takes_rows
    @fit_follows_x
    @validated_fit
    def partial_fit(self, X, y, sample_weight=None, offset=None):
        """Add rows to those fitted so far, exactly: for squared error.

        Any split of the rows into chunks, in any order, gives what one `fit` to all of them gives.
        Only their moments are kept, in pickles too: O(p²) numbers whatever the number of rows. A
        call costs O(n·p²) for its rows. The problem of all of them is solved once, with the
        parameters of the last call, when ``coef_`` or a prediction is first asked for.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : None, float or array-like of shape (n_samples,), default=None
            On one scale over all calls; None is 1 for every row.
        offset : None or array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            If ``loss`` is not squared error, which alone is known by moments that add.
        ValueError
            For data as in `fit`.
        """
        self._check_parameters()
        before = self._exact
        if before is None and hasattr(self, "coef_") and self._loss.is_quadratic:
            raise ValueError(
                "partial_fit needs the moments of the rows fitted so far, which this estimator has "
                "not kept: a fit with p > n, or a pickle of one, leaves them out. Set "
                "store_quadratic=True before, or begin with partial_fit on a new estimator."
            )
        X, y = self._validate(X, y, reset=before is None, streamed=True)
        self._check_factors(X.shape[1])
        sample = self._sample(X, y, sample_weight, offset)
        # float64, rather than the rows themselves, which the caller may overwrite.
        moments = Moments.of(X, sample.remainder.reshape(len(y), -1), sample.weights)
        model: Quadratic = Quadratic.from_moments(moments, self.fit_intercept)
        model.dtype = X.dtype
        if before is not None:
            model = (QuadraticModel(before) + QuadraticModel(model)).problem
        self._postpone(model)
        return self

    def _postpone(self, problem):
        """Take this problem; attributes that only its solution tells are found when asked for.

        ``_later`` is the estimator as it is now: with its parameters, and the last solution.
        """
        before: dict = {} if self._later is None else vars(self._later)
        self._keep(problem, streamed=True)
        later = self._twin()
        later.__dict__.update(before | vars(self), _later=None)
        for name in _SOLVED & vars(self).keys():
            delattr(self, name)
        self._later = later

    def _solved(self):
        """What the solution of the problem sets."""
        problem = self._exact_for("coef_")
        self._set_fitted(problem, self._solve_one(problem), streamed=True)
        return {name: value for name, value in vars(self).items() if name in _SOLVED}

    def __getattr__(self, name):
        # What is not there, or a property that raises, which then raises again.
        later = vars(self).get("_later")
        if name in _SOLVED and later is not None:
            self.__dict__.update(later._solved())
            self.__dict__.pop("_later", None)
        return object.__getattribute__(self, name)

    @follows_x
    @lazily
    def predict(self, X: MatrixLike, *, offset: Any = None) -> Any:
        """Predict the target: xᵀθ + b, or its exponential for losses with a log link.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like of shape (n_samples,), default=None
            Added to the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        raw, X = self._raw(X)
        return self._from_raw(raw[None], X, offset)[0]

    @takes_rows
    @follows_x
    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """R² of the predictions; for losses with a log link D², the share of deviance explained.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : None or array-like of shape (n_samples,), default=None
        offset : None or array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            1 at best; 0 for the mean of y.
        """
        predicted = self.predict(X, offset=offset)  # which looks at X first
        return self._loss.explained(as_numbers(y), predicted, sample_weight)

    @property
    def out_activation_(self) -> str:
        """Activation of the raw predictions: what ``predict`` makes of xᵀθ + b."""
        check_is_fitted(self, "coef_")
        return self._loss.out_activation

    def _validate(self, X, y, reset=True, streamed=False):
        return validated(
            self,
            X,
            y,
            numeric=True,
            dtype=DTYPES,
            accept_sparse=SPARSE,
            multi_output=True,
            reset=reset,
            # The sums that a quadratic is made of tell of NaN and infinities: no pass for these.
            ensure_all_finite=streamed or not self._is_quadratic(),
        )

    def _column(self, y):
        """One target as a vector, as scikit-learn's Ridge has it."""
        if y.ndim == 2 and y.shape[1] == 1:
            return column_or_1d(y, warn=not self._is_quadratic())
        return y

    def _asked_loss(self):
        try:
            return loss_of(self)
        except (TypeError, ValueError):
            return None

    def _is_quadratic(self) -> bool:
        """Whether the risk is its own quadratic; of a loss that `fit` refuses, True."""
        loss = self._asked_loss()
        return loss is None or loss.is_quadratic

    def _sample(self, X, y, sample_weight=None, offset=None):
        y, weights = self._column(y), check_weights(sample_weight, X)
        offset = check_offset(offset, X)
        self._loss = loss = loss_of(self)
        refuse_out_of_range(y, "y")
        if loss.is_quadratic:
            return Sample(X, y, loss, weights, offset, type(self).__name__)
        if loss.is_for_classes:
            raise ValueError(
                f"loss={self.loss!r} is for classifiers. Use one of {sorted(REGRESSION_LOSSES)}, "
                "or another Loss for numbers."
            )
        if y.ndim == 2:
            raise ValueError(
                f"loss={self.loss!r} takes one target, but y has shape {y.shape}. Wrap "
                f"{type(self).__name__} in sklearn.multioutput.MultiOutputRegressor, or use "
                "loss='squared_error'."
            )
        refuse_out_of_range(X, "X")
        loss.check_targets(y)
        loss.check_infimum(y)
        y = np.ascontiguousarray(y, dtype=np.float64)[:, None]
        return Sample(X, y, loss, weights, offset)

    def _refuse_moments(self):
        if not loss_of(self).is_quadratic:
            raise ValueError(
                f"loss={self.loss!r} needs the rows themselves: only squared error is known by "
                "moments. Give X and y as arrays, rows in Chunks, or use loss='squared_error'."
            )
        self._check_parameters()

    def _set_classes(self, classes):
        self._loss = loss_of(self)

    def _by_moments(self, moments):
        self._see_moments(moments)
        return Quadratic.from_moments(moments, self.fit_intercept)

    def _shifted(self, raw, X, offset):
        """Raw predictions of shape (m, n) or (m, n, q) with the offset."""
        offset = check_offset(offset, X)
        if offset is None:
            return raw
        offset = offset.astype(raw.dtype)
        return raw + (offset if raw.ndim == 2 else offset[:, None])

    def _from_raw(self, raw, X, offset):
        """Predictions from raw ones of shape (m, n) or (m, n, q)."""
        raw = self._shifted(raw, X, offset)
        # An exponential beyond the largest float is inf, and no reason to warn.
        with np.errstate(over="ignore"):
            return self._loss.inverse_link(raw)

    def _probabilities(self, raw):
        raise AttributeError(f"{type(self).__name__} predicts numbers: use predict.")

    def __sklearn_array_api_convert__(self, converter):
        # As scikit-learn moves estimators from one kind of array to another.
        return moved(self, lambda value: converter(value) if np.ndim(value) else value)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        loss = self._asked_loss()
        tags.target_tags.multi_output = loss is None or loss.is_quadratic
        tags.target_tags.single_output = True
        tags.array_api_support = True
        tags.target_tags.positive_only = loss is not None and loss.positive_targets
        return tags
