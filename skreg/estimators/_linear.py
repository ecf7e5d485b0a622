"""What the quadratic regressors share."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import (
    _get_feature_names,
    check_is_fitted,
    check_X_y,
    column_or_1d,
    validate_data,
)

from skreg._validation import check_weights
from skreg.estimators._fitting import all_or_nothing
from skreg.path import RegularizationPath
from skreg.quadratic import QuadraticModel

_DTYPES = [np.float64, np.float32]


class QuadraticApproxRegressor(RegressorMixin, BaseEstimator):
    """Base: a subclass says how λ is solved (`_solve`) and which λ a path takes (`_alphas`)."""

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Dense. float32 stays float32; the sums are made in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target; several targets for the ridge only.
        sample_weight : None, float or array-like of shape (n_samples,), default=None
            Weights, at least one positive. Their scale does not matter.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or the weights are not usable; the message says which and why.
        """
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, y_numeric=True)
        model = self._model(X, y, sample_weight)
        solution = self._solve(model, np.array([self.alpha], dtype=np.float64))

        self.coef_ = solution.coefs[0]
        self.intercept_ = solution.intercepts[0]
        self.alpha_ = float(self.alpha)
        self.effective_dof_ = float(solution.dof[0])
        self.n_expansions_ = 1  # squared error is its own quadratic
        self.n_iter_ = int(solution.n_iter[0])
        self.solver_ = solution.solver
        self.quadratic_ = model.without_rows()
        if solution.dual_gaps is not None:
            self.dual_gap_ = float(solution.dual_gaps[0])
        return self

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, reset=False)
        return X @ self.coef_.T + self.intercept_

    def regularization_path(self, X, y, alphas=None, sample_weight=None):
        """Solve for many λ at once; the estimator itself is not changed, and ``alpha`` not used.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        alphas : None, int or array-like of shape (n_alphas,), default=None
            Values of λ. An int asks for an automatic grid of so many values, None for 100: see
            `skreg.path.ridge_alphas` and `skreg.path.lasso_alphas` for its range.
        sample_weight : None, float or array-like of shape (n_samples,), default=None

        Returns
        -------
        RegularizationPath
        """
        self._validate_params()
        names = _get_feature_names(X)
        X, y = check_X_y(X, y, dtype=_DTYPES, multi_output=True, y_numeric=True)
        model = self._model(X, y, sample_weight)
        solution = self._solve(model, self._alphas(model, alphas))
        return RegularizationPath.from_solution(solution, names)

    @property
    def erm_coef_(self):
        """θ̂, the minimiser of the risk without a penalty, of smallest norm; shape of ``coef_``.

        Worked out when first asked for, from ``quadratic_``.
        """
        check_is_fitted(self)
        return self.quadratic_.minimiser

    @property
    def erm_intercept_(self):
        """The intercept that goes with ``erm_coef_``."""
        return self.quadratic_.intercept(self.erm_coef_)

    def _model(self, X, y, sample_weight):
        weights = check_weights(sample_weight, X)
        if not self._multi_output and y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"{type(self).__name__} takes one target, but y has shape {y.shape}. Wrap it "
                "in sklearn.multioutput.MultiOutputRegressor, or use QuadraticApproxRidge."
            )
        if y.ndim == 2 and y.shape[1] == 1:  # one target, as scikit-learn's Ridge has it
            y = column_or_1d(y, warn=not self._multi_output)
        return QuadraticModel._from_checked(X, y, weights, self.fit_intercept)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._multi_output
        tags.target_tags.single_output = True
        return tags
