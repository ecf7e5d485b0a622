"""Criteria that judge every λ by one path on all rows: no folds.

A criterion is a function ``criterion(estimator, X, y, alphas, fit_params, scorers=None,
score_params=None, on_solved=None)`` that returns `CriterionScores`. In a Pipeline it judges the
last step on the rows as the earlier steps, fitted to all rows, give them: what these learn from a
row is not left out with it. That is little for a scaler, and much for steps that look at y.

X, y : as for ``fit``
alphas : None, int or array-like of shape (n_alphas,)
    λ, or how many of them: see `skreg.path.path_alphas`.
fit_params : None or dict
    What ``fit`` is to be given: ``sample_weight``, ``offset``.
scorers : None or dict of str to callable
    None: the estimator's own ``score``.
score_params : None or dict
    What the scorers are to be given.
on_solved : None or callable, default=None
    Called with the place of a λ for each that is done: solved, and judged where that takes long.
"""

from collections.abc import Callable
from functools import partial

from skreg.model_selection.criteria.base import CriterionScores
from skreg.model_selection.criteria.evidence import check_evidence, evidence
from skreg.model_selection.criteria.gcv import check_gcv, gcv
from skreg.model_selection.criteria.information import aic, bic, check_information, ebic
from skreg.model_selection.criteria.loo import check_loo, loo

#: Every criterion by its name.
CRITERIA: dict[str, Callable[..., CriterionScores]] = {
    "loo": loo,
    "gcv": gcv,
    "aic": aic,
    "bic": bic,
    "ebic": ebic,
    "evidence": evidence,
}
#: What raises ValueError where a criterion does not judge an estimator, whatever the rows.
CHECKS: dict[str, Callable[..., None]] = {
    "loo": check_loo,
    "gcv": check_gcv,
    "aic": partial(check_information, name="aic"),
    "bic": partial(check_information, name="bic"),
    "ebic": partial(check_information, name="ebic"),
    "evidence": check_evidence,
}

__all__ = ["CHECKS", "CRITERIA", "CriterionScores", "aic", "bic", "ebic", "evidence", "gcv", "loo"]
