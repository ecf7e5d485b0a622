"""The evidence of a Bayesian ridge."""

from collections.abc import Callable
from typing import Any

from skreg.model_selection.criteria.base import CriterionScores, fit_path


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
    fit = fit_path(estimator, X, y, alphas, fit_params, "selection='evidence'", on_solved)
    if reason := _missing(fit):
        raise ValueError(f"selection='evidence' needs {reason}")
    scores = fit.path.model.log_evidence(fit.path.alphas)
    return CriterionScores(scores, None, {"dof": fit.path.dof + fit.n_intercepts}, fit.path)


def _missing(fit):
    if not fit.is_ridge or not fit.problem.is_quadratic:
        return (
            "a Gaussian posterior: QuadraticApproxRidge with loss='squared_error', got "
            f"{type(fit.estimator).__name__} with {fit.loss.name!r}. Use selection='bic', or "
            "cv='loo'."
        )
    fit.path.model.estimator.solver_ = fit.path.solver
    return fit.path.model.not_bayesian()
