"""The evidence of a Bayesian ridge."""

from collections.abc import Callable
from typing import Any

from skreg.model_selection.criteria.base import CriterionScores, check_kind, fit_path

_NAME = "selection='evidence'"


def evidence(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
) -> CriterionScores:
    """log P(y | λ) of the ridge as a Bayesian model, the noise at its best for each λ.

    The model is that of `QuadraticApproxRidge`'s notes (MacKay, 1992): y ~ N(xᵀθ + b, σ²/w) with
    the prior θ ~ N(0, σ²/(nλ)·I). From the spectrum of H, O(p) for each λ. The λ of the largest
    evidence is ``lambda_/alpha_/n`` of `sklearn.linear_model.BayesianRidge` with flat hyperpriors.

    Parameters
    ----------
    estimator : QuadraticApproxRidge or Pipeline
        With squared error and without ``penalty_factors``.
    X, y, alphas, fit_params, on_solved : see `skreg.model_selection.criteria`
    scorers, score_params : ignored
        It is a score of its own.

    Returns
    -------
    CriterionScores
        Without standard errors.

    Raises
    ------
    ValueError
        For another estimator or loss.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxRidge
    >>> from skreg.model_selection.criteria import evidence
    >>> X, y = load_diabetes(return_X_y=True)
    >>> found = evidence(QuadraticApproxRidge(), X, y, [1e-1, 1e-4, 1e-7])
    >>> found.path.alphas[found.scores.argmax()]
    np.float64(0.0001)
    """
    check_evidence(estimator)
    fit = fit_path(estimator, X, y, alphas, fit_params, _NAME, on_solved, _refuse_sizes)
    scores = fit.path.model.log_evidence(fit.path.alphas)
    return CriterionScores(scores, None, {"dof": fit.path.dof + fit.n_intercepts}, fit.path)


def check_evidence(estimator: Any) -> None:
    """ValueError where it does not judge such an estimator, whatever the rows."""
    check_kind(estimator, _NAME, _refuse)


def _refuse(model):
    if not model.is_ridge or not model.loss.is_quadratic:
        raise ValueError(
            f"{_NAME} needs a Gaussian posterior: QuadraticApproxRidge with loss='squared_error', "
            f"got {type(model.estimator).__name__} with {model.loss.name!r}. Use selection='bic', "
            "or cv='loo'."
        )
    if reason := model.not_bayesian():
        raise ValueError(f"{_NAME} needs {reason}")


def _refuse_sizes(fit):
    if fit.problem.is_large:
        raise ValueError(f"{_NAME} needs the spectrum of H, for which this sparse X is too large.")
