"""Models compared on the same folds: the choice of each λ, of a winner, and who ties with it."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_validate
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV
from skreg.cli.errors import UserError
from skreg.cli.metrics import Estimate, Measure
from skreg.cli.progress import progress_callbacks
from skreg.cli.search import share_cores, splitter

#: From the simplest on: of models that tie, the first is preferred.
SIMPLICITY = ("baseline", "lasso", "ridge", "network")


@dataclass(frozen=True)
class Contender:
    """A model of the comparison.

    Attributes
    ----------
    name : str
        One of `SIMPLICITY`.
    alpha : float or None
        The λ chosen; None for the baseline.
    folds : dict of str to ndarray of shape (n_folds,)
        Each metric on the folds.
    model : fitted estimator
        Fitted to all rows of the search.
    search : PathSearchCV or None
    scale : float
        Of the target, by which the model that was searched is multiplied.
    notes : tuple of str
    """

    name: str
    alpha: float | None
    folds: dict[str, NDArray[np.float64]]
    model: Any
    search: Any = None
    scale: float = 1.0
    notes: tuple[str, ...] = ()

    def mean(self, metric: Measure) -> float:
        """The cross-validated metric."""
        return float(self.folds[metric.name].mean())

    def standard_error(self, metric: Measure) -> float:
        """Its standard error, s/√K."""
        folds = self.folds[metric.name]
        return float(folds.std(ddof=1) / math.sqrt(len(folds)))

    def held_out(self, metric: Measure, X: Any, y: Any) -> Estimate:
        """The metric on rows held out, with a 95 % interval."""
        if hasattr(self.model, "classes_"):
            index = np.searchsorted(self.model.classes_, np.asarray(y))
            return metric.estimate(index, self.model.predict_proba(X))
        return metric.estimate(np.asarray(y), self.model.predict(X))


def compete(
    name: str,
    model: Any,
    alphas: Any,
    X: Any,
    y: Any,
    metrics: dict[str, Measure],
    by: str,
    options,
) -> Contender:
    """Choose λ of a model by cross-validation and fit it to all rows.

    Numeric targets are scaled to variance 1, so that λ means the same for every table.

    Raises
    ------
    UserError
        If a fit fails.
    """
    regression = "rmse" in metrics
    scale = float(np.std(y)) if regression else 1.0
    target = (np.asarray(y) - np.mean(y)) / scale if regression else y
    search = PathSearchCV(
        model,
        sorted(set(alphas), reverse=True),
        scoring={key: metric.scorer for key, metric in metrics.items()},
        refit=by,
        cv=splitter("regression" if regression else "classification", options),
        error_score="raise",
    )
    search.set_callbacks(*progress_callbacks(name, quiet=options.quiet))
    try:
        with share_cores(options.jobs), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search.fit(X, target)
    except ValueError as error:
        raise UserError(f"the {name} could not be fitted: {error}") from error
    folds = {}
    for key, metric in metrics.items():
        scores = [
            search.cv_results_[f"split{k}_test_{key}"][search.best_index_]
            for k in range(options.folds)
        ]
        unit = scale if key in ("rmse", "mae") else 1.0
        folds[key] = unit * metric.measured(np.array(scores))
    best = search.best_estimator_
    whole = _on_its_scale(best).fit(X, y) if regression else best
    return Contender(name, search.best_alpha_, folds, whole, search, scale, _notes(name, caught))


def _on_its_scale(model: Any) -> TransformedTargetRegressor:
    return TransformedTargetRegressor(clone(model), transformer=StandardScaler())


def _notes(name: str, caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """What warnings say, each once."""
    unconverged = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    notes = []
    if unconverged:
        fits = "a fit" if len(unconverged) == 1 else f"{len(unconverged)} fits"
        notes.append(f"{fits} of the {name} warned, the first: {unconverged[0]}")
    for warning in caught:
        if issubclass(warning.category, UserWarning) and str(warning.message) not in unconverged:
            notes.append(f"{name}: {warning.message}")
    return tuple(dict.fromkeys(notes))


def measure_baseline(X: Any, y: Any, metrics: dict[str, Measure], options) -> Contender:
    """Measure, on the same folds, a model that ignores X: the mean, or the classes' shares."""
    regression = "rmse" in metrics
    model = DummyRegressor() if regression else DummyClassifier(strategy="prior")
    scoring = {key: metric.scorer for key, metric in metrics.items()}
    cv = splitter("regression" if regression else "classification", options)
    scores = cross_validate(model, X, y, scoring=scoring, cv=cv)
    folds = {key: metric.measured(scores[f"test_{key}"]) for key, metric in metrics.items()}
    return Contender("baseline", None, folds, model.fit(X, y))


def winner_of(contenders: list[Contender], metric: Measure) -> tuple[Contender, list[Contender]]:
    """The contender to take, and those that tie with it.

    Contenders within one standard error of the best one tie; the simplest of them is taken.

    Parameters
    ----------
    contenders : list of Contender
    metric : Measure

    Returns
    -------
    winner : Contender
    tied : list of Contender
        The others within one standard error, from the best on.
    """
    order = sorted(contenders, key=lambda c: -metric.sign * c.mean(metric))
    best = order[0]
    near = [
        c for c in order if abs(c.mean(metric) - best.mean(metric)) <= best.standard_error(metric)
    ]
    winner = min(near, key=lambda c: SIMPLICITY.index(c.name))
    return winner, [c for c in near if c is not winner]
