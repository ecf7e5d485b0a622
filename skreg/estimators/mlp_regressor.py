"""`RegularizedMLPRegressor`."""

from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions

from skreg._validation import validated_fit
from skreg.estimators._available import only_where, takes_rows
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._lazy import lazily
from skreg.estimators._mlp import BaseRegularizedMLP, needs_batches
from skreg.estimators._mlp_chunks import NumberTally
from skreg.estimators._mlp_targets import Numbers
from skreg.losses import loss_of


@dataclass(eq=False, repr=False)
class RegularizedMLPRegressor(RegressorMixin, BaseRegularizedMLP):
    """Network regressor with penalized weights.

    Minimizes Σᵢ wᵢℓ(zᵢ, f(xᵢ)) / Σᵢ wᵢ + alpha·J(weights), with z the target brought to mean 0 and
    variance 1, column by column. Biases are never penalized.

    Parameters
    ----------
    {parameters}

    loss : {"squared_error", "huber", "poisson", "quantile"}, default="squared_error"
        ℓ: ½(z − f)²; that up to ``delta`` and linear beyond; half the Poisson deviance, for targets
        that are not negative, with f the logarithm of the prediction; or the pinball loss, whose
        minimizer is the ``quantile``. Summed over targets.

    delta : float, default=1.35
        Where Huber's loss becomes linear, in standard deviations of the target.

    quantile : float, default=0.5
        In (0, 1).

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RegularizedMLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Its λ is ``alpha`` divided by the weight of the batch.

    Notes
    -----
    The target's mean and standard deviation s are those of the rows of ``fit``, or of the first
    call of ``partial_fit`` (for loss="poisson" there is no shift, and the scale is the mean). So
    λ does not depend on the units of y: fit(X, c·y) gives c times the predictions. Without hidden
    layers this is ``Ridge(alpha=n_samples * alpha)``, and with penalty="l1"
    ``Lasso(alpha=s * alpha)``, whatever the solver and the batch size.

    The defaults were chosen by inner folds of tables with standardized features, by the loss and
    the time of a fit (``python -m benchmarks network-candidates``), and λ is meant for such.
    Features on other scales train as well, since the first layer starts and moves in units of each
    column; but the penalty is on the weights of X as it is.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skreg import RegularizedMLPRegressor
    >>> X, y = make_regression(200, 5, random_state=0)
    >>> network = RegularizedMLPRegressor((32,), learning_rate_init=0.01, max_iter=300,
    ...                                   random_state=0)
    >>> network.fit(X, y).score(X, y) > 0.99
    True
    >>> path = network.set_params(penalty="l1").regularization_path(X, y, [1e-4, 1e-2, 1.0])
    >>> path.to_frame()[["n_nonzero", "n_selected"]].iloc[-1].tolist()
    [0, 0]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseRegularizedMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "huber", "poisson", "quantile"})],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    _: KW_ONLY
    loss: str = "squared_error"
    delta: float = 1.35
    quantile: float = 0.5

    @only_where(needs_batches)
    @takes_rows
    @validated_fit
    def partial_fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: MatrixLike | None = None,
    ) -> Self:
        """Train for one epoch over the given rows.

        With ``early_stopping`` the score on ``X_val`` is noted at each call; when it has not
        improved for more than ``n_iter_no_change`` calls, the best parameters come back and further
        calls change nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, relative to each other within this call.
        X_val, y_val : array-like, default=None
            Validation rows; needed with ``early_stopping``.

        Returns
        -------
        self : RegularizedMLPRegressor
        """
        return self._fit(X, y, sample_weight, X_val, y_val, incremental=True)

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predicted target of each row: for loss="quantile" the quantile.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._predict_raw(X)
        return self._target.predict(raw)

    score = takes_rows(RegressorMixin.score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _new_target(self, y, weights, classes, incremental) -> Numbers:
        return Numbers.of(y, loss_of(self), weights)

    def _tally(self) -> NumberTally:
        return NumberTally(loss_of(self))
