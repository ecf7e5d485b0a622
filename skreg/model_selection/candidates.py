"""Which candidates a search has: λ by its name, crossed with the other parameters."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from skreg.model_selection.job import Scores


def alpha_name(estimator):
    """The name of λ in ``estimator.get_params()``.

    ``alpha`` of the estimator itself, of the last step of a Pipeline, else the only one there is of
    the estimators inside, the outermost first.

    Raises
    ------
    ValueError
        If there is none, or several with equal right.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import QuadraticApproxLasso
    >>> alpha_name(make_pipeline(StandardScaler(), QuadraticApproxLasso()))
    'quadraticapproxlasso__alpha'
    """
    names = set(estimator.get_params())
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        prefix += f"{step}__"
    if prefix + "alpha" in names:
        return prefix + "alpha"
    inside = {name for name in names if name.endswith("__alpha")}
    inside = {name for name in inside if name.startswith(prefix)} or inside
    depth = min((name.count("__") for name in inside), default=0)
    nearest = sorted(name for name in inside if name.count("__") == depth)
    if not nearest:
        raise ValueError(
            f"estimator={estimator!r} has no parameter alpha, which is λ here. Give one that has, "
            "or use GridSearchCV over the parameter that it has instead."
        )
    if len(nearest) > 1:
        raise ValueError(
            f"estimator={estimator!r} has several parameters alpha: {', '.join(nearest)}. Use "
            "GridSearchCV over them, or make the one that is λ that of the last step of a Pipeline."
        )
    return nearest[0]


@dataclass
class Combination:
    """One choice of the other parameters, and what its λ came to.

    Attributes
    ----------
    parameters : dict
    place : tuple
        Number of the grid, then of each value in it: where `ParameterGrid` has it.
    alphas : ndarray of shape (n_alphas,)
    scores : Scores
    criterion : CriterionScores or None
        Where a criterion stands in for splits.
    partial : Scores or None
        After Ctrl-C, those of the splits that were finished.
    settled : bool
        Whether λ beyond these have been found not to matter.
    """

    parameters: dict
    place: tuple
    alphas: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: Any = None
    criterion: Any = None
    partial: Any = None
    settled: bool = False

    def estimator(self, base, **alpha):
        """A clone of ``base`` with these parameters, and λ if it is given by its name."""
        parameters = {**self.parameters, **alpha}
        return clone(base).set_params(**clone(parameters, safe=False))


def combinations(param_grid, name):
    """Every choice of the other parameters.

    Parameters
    ----------
    param_grid : None, dict or list of dict
        As for GridSearchCV, without λ.
    name : str
        The name of λ.

    Returns
    -------
    list of Combination

    Raises
    ------
    TypeError, ValueError
        As `ParameterGrid` does, and if λ is among the parameters.
    """
    grids = ParameterGrid({} if param_grid is None else param_grid).param_grid
    found = []
    for g, grid in enumerate(grids):
        if name in grid:
            raise ValueError(
                f"param_grid names {name!r}, which is λ. Give its values as alphas={grid[name]!r}."
            )
        numbers = ParameterGrid({key: range(len(values)) for key, values in grid.items()})
        for chosen in numbers:
            parameters = {key: grid[key][i] for key, i in chosen.items()}
            found.append(Combination(parameters, (g, chosen)))
    return found


def ordered(found, name, crossed):
    """(combination, index of λ) of every candidate, in the order of ``cv_results_``.

    Parameters
    ----------
    found : list of Combination
    name : str
        The name of λ.
    crossed : bool
        Whether all have the same λ: the order is then GridSearchCV's, by the names of the
        parameters. Otherwise one combination follows the other.
    """
    pairs = [(c, i) for c in found for i in range(len(c.alphas))]
    if not crossed:
        return pairs

    def key(pair):
        (g, chosen), i = pair[0].place, pair[1]
        return g, [number for _, number in sorted({**chosen, name: i}.items())]

    return sorted(pairs, key=key)


def fits_of(pairs):
    """The results of single fits as scikit-learn's ``_format_results`` takes them, flat."""
    out = []
    for combination, i in pairs:
        scores: Scores = combination.scores
        for j in range(scores.fit_time.shape[1]):
            fit = {
                "test_scores": _scores_at(scores.test, i, j),
                "fit_time": scores.fit_time[i, j],
                "score_time": scores.score_time[i, j],
                "fit_error": scores.fit_errors.get((i, j)),
            }
            if scores.train:
                fit["train_scores"] = _scores_at(scores.train, i, j)
            out.append(fit)
    return out


def _scores_at(scores, i, j):
    if set(scores) == {"score"}:
        return float(scores["score"][i, j])
    return {name: float(table[i, j]) for name, table in scores.items()}
