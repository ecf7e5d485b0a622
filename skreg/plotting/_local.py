"""A fitted linear estimator as its pictures see it: one target's θ, θ̂ and quadratic."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skreg.plotting._canvas import name_features, target_index
from skreg.plotting._fitted import fitted_in


@dataclass(frozen=True, eq=False)
class Local:
    """The quadratic over flat coefficients, (p,) or, where classes share a Hessian, (K·p,).

    Attributes
    ----------
    model : QuadraticModel
    coef, minimizer, diagonal : ndarray of shape (P,)
        The estimator's θ, the quadratic's θ̂ and Hᵢᵢ.
    start : int
        Where the target's own p coefficients begin.
    names : ndarray of shape (p,)
    estimator : estimator
        The linear estimator itself.
    row : None or int
        Which of several targets, each with a quadratic of its own.
    """

    model: Any
    coef: np.ndarray
    minimizer: np.ndarray
    diagonal: np.ndarray
    start: int
    names: np.ndarray
    estimator: Any
    row: int | None

    @classmethod
    def of(cls, estimator, target):
        """Of a fitted estimator, also one in a Pipeline or a search.

        ``target`` names one of several targets or classes.
        """
        check_is_fitted(estimator)
        estimator, feature_names = fitted_in(estimator)
        if not hasattr(estimator, "quadratic_"):
            raise ValueError(
                f"{type(estimator).__name__} has no quadratic: give a linear estimator of skreg, "
                "fitted with store_quadratic=True."
            )
        model = estimator.quadratic_
        coefs = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
        q, p = coefs.shape
        t = target_index(target, None if q == 1 else getattr(estimator, "classes_", range(q)))
        minimizer = np.asarray(model.minimizer, dtype=np.float64)
        shared = q > 1 and model.n_targets == 1
        return cls(
            model=model,
            coef=coefs.ravel() if shared else coefs[t],
            minimizer=minimizer.ravel() if shared else np.atleast_2d(minimizer)[t],
            diagonal=np.asarray(model.problem.diagonal, dtype=np.float64),
            start=t * p if shared else 0,
            names=name_features(feature_names, p),
            estimator=estimator,
            row=t if q > 1 and not shared else None,
        )

    @property
    def own(self):
        """The target's own coefficients among the P."""
        return slice(self.start, self.start + len(self.names))

    def index(self, feature):
        """Where a feature, by name or number, stands among the P."""
        names = list(self.names)
        if feature in names:
            return self.start + names.index(feature)
        if isinstance(feature, str) or not -len(names) <= feature < len(names):
            raise ValueError(
                f"feature {feature!r} is none of the {len(names)}: give a name, such as "
                f"{names[0]!r}, or a number from 0 to {len(names) - 1}."
            )
        return self.start + int(feature) % len(names)

    def gradient(self, theta):
        """∇R̃ at θ of shape (P,)."""
        if self.row is None:
            return self.model.gradient(theta)
        full = np.zeros((self.model.n_targets, len(theta)))
        full[self.row] = theta
        return self.model.gradient(full)[self.row]

    def columns(self, chosen):
        """H's columns ``chosen``, shape (P, k), from gradients: no P × P array is made."""
        at_zero = self.gradient(np.zeros(len(self.coef)))
        units = np.zeros((len(chosen), len(self.coef)))
        units[np.arange(len(chosen)), chosen] = 1.0
        return np.column_stack([self.gradient(unit) - at_zero for unit in units])
