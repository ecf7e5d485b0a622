"""What a criterion asks of an estimator, and what it answers."""

from dataclasses import dataclass, field

import numpy as np

from skreg.estimators._fitting import Fitting
from skreg.model_selection.pipelines import Prefix, Training, is_linear, is_plain, last_step
from skreg.path import RegularizationPath
from skreg.solvers import Solution


@dataclass(frozen=True, eq=False)
class CriterionScores:
    """Scores of every λ.

    Attributes
    ----------
    scores : ndarray of shape (n_alphas,)
        Higher is better; of the first scorer, where scorers are used.
    std_error : ndarray of shape (n_alphas,) or None
        Standard errors of the scores, where there are any.
    diagnostics : dict of str to ndarray of shape (n_alphas,)
        ``dof``, the effective degrees of freedom, and what the criterion has to say of itself.
    path : RegularizationPath
        The path on all rows.
    all_scores, all_std_errors : dict of str to ndarray of shape (n_alphas,)
        By scorer; empty for a criterion that uses none.
    """

    scores: np.ndarray
    std_error: np.ndarray | None
    diagnostics: dict[str, np.ndarray]
    path: RegularizationPath
    all_scores: dict[str, np.ndarray] = field(default_factory=dict)
    all_std_errors: dict[str, np.ndarray] = field(default_factory=dict)


class Fit(Fitting):
    """A linear estimator with the problem of all rows, and its path.

    Attributes
    ----------
    path : RegularizationPath
    X : the rows as the linear estimator sees them
    fit_params : dict
        What its ``fit`` is given beside X and y.
    """

    def __init__(self, fitting: Fitting, solution: Solution, prefix: Prefix) -> None:
        super().__init__(fitting.estimator, fitting.problem)
        self.path = fitting.as_path(solution, prefix.rows)
        self.X, self.fit_params = prefix.rows, prefix.fit_params

    @property
    def n_intercepts(self) -> int:
        """Of K classes K − 1 are free."""
        if not self.estimator.fit_intercept:
            return 0
        return self.problem.n_outputs - bool(self.problem.couples_outputs)


def fit_path(estimator, X, y, alphas, fit_params, name, on_solved=None):
    """The `Fit` of an estimator, or of the last step of a Pipeline on the rows it sees.

    ValueError if that is no linear estimator of this package, or λ is not what it goes by; ``name``
    is the criterion's, as a user asks for it.
    """
    if not is_plain(estimator):
        raise ValueError(
            f"{name} takes a Pipeline whose last step sees what the earlier ones make of the "
            f"rows, got {type(estimator).__name__}. Use cv=5."
        )
    last = last_step(estimator)
    if not is_linear(last):
        raise ValueError(
            f"{name} is for the linear estimators of skreg, alone or as the last step of a "
            f"Pipeline, got {type(last).__name__}. Use cv=5."
        )
    if last.norm_bound is not None:
        raise ValueError(
            f"norm_bound={last.norm_bound} decides λ by itself, and {name} compares values of λ. "
            "Leave norm_bound=None."
        )
    training = Training(estimator, X, y, fit_params or {})
    fitting = training.fitting
    solution = fitting.solve(fitting.alphas(alphas), on_solved=on_solved)
    return Fit(fitting, solution, training.prefix)
