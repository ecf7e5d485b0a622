"""What a search found: its table, its choice, and both as fitted attributes."""

import numpy as np
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures

from skreg.model_selection.candidates import fits_of, ordered
from skreg.model_selection.selection import (
    best_finished,
    edge,
    is_constant_best,
    one_std_err,
    standard_errors,
    warn_of_constant,
    warn_of_edge,
)


def scorers_of(scorers):
    """Scorers by name, ``score`` where there is one only."""
    return scorers._scorers if isinstance(scorers, _MultimetricScorer) else {"score": scorers}


class Outcome:
    """The results of a search, tabulated and chosen from.

    Parameters
    ----------
    search : PathSearchCV
    evaluation : Evaluation
    found : list of Combination
        With their scores.

    Attributes
    ----------
    attributes : dict
        Fitted attributes of the search, by name.
    chosen : (Combination, int) or None
        The combination chosen and the index of its λ.

    Raises
    ------
    ValueError
        If all fits failed, or one of several scorers has to be named and is not.

    Warns
    -----
    UserWarning, FitFailedWarning
        If the best λ is the last of its grid; if some fits failed.
    """

    def __init__(self, search, evaluation, found):
        self.search, self.evaluation, self.chosen = search, evaluation, None
        crossed = isinstance(evaluation.choice, np.ndarray)
        self.pairs = ordered(found, evaluation.job.alpha_name, crossed)
        results, multimetric = self._table()
        metric = evaluation.metric
        if multimetric and callable(search.scoring):
            search._check_refit_for_multimetric(found[0].scores.test)
            metric = search.refit
        scorers = evaluation.scorers
        self.attributes = {
            "cv_results_": results,
            "n_splits_": max(1, len(evaluation.job.splits)),
            "multimetric_": multimetric,
            "scorer_": scorers_of(scorers) if hasattr(scorers, "_scorers") else scorers,
            "alphas_": found[0].alphas,
            "criterion_": found[0].criterion,
        }
        if search.refit or not multimetric:
            self._choose(results, metric)

    def _table(self):
        """``cv_results_``, and whether it has scores of several names."""
        search, name, first = self.search, self.evaluation.job.alpha_name, self.pairs[0][0]
        out = fits_of(self.pairs)
        _warn_or_raise_about_fit_failures(out, search.error_score)
        parameters = [
            dict(sorted({**c.parameters, name: c.alphas[i].item()}.items())) for c, i in self.pairs
        ]
        more = {key: [c.scores.more[key][i] for c, i in self.pairs] for key in first.scores.more}
        with np.errstate(invalid="ignore"):  # scores of −inf have no spread
            results = search._format_results(parameters, len(out) // len(self.pairs), out, more)
        if self.evaluation.criterion is not None:
            for scorer in first.scores.test:
                results[f"std_test_{scorer}"] = np.array(
                    [_error_of(c.criterion, scorer, i) for c, i in self.pairs]
                )
        return results, isinstance(out[0]["test_scores"], dict)

    def _choose(self, results, metric):
        search = self.search
        best = search._select_best_index(search.refit, metric, results)
        if not callable(search.refit):
            best = best_finished(results, metric, best)
            simplest = self._simplest(results, metric, best)
            combination, i = self.pairs[simplest]
            self.attributes["alpha_one_std_err_"] = float(combination.alphas[i])
            best = simplest if search.selection == "one_std_err" else best
            self.attributes["best_score_"] = results[f"mean_test_{metric}"][best]
        self.chosen = combination, _ = self.pairs[best]
        self.attributes |= {
            "best_index_": best,
            "best_params_": results["params"][best],
            "alphas_": combination.alphas,
            "criterion_": combination.criterion,
        }

    def _simplest(self, results, metric, best):
        """Index of the candidate within one standard error of the best; edges are warned of."""
        combination, i = self.pairs[best]
        members = np.array([k for k, (c, _) in enumerate(self.pairs) if c is combination])
        members = members[np.argsort([self.pairs[k][1] for k in members])]
        means = results[f"mean_test_{metric}"][members]
        errors = standard_errors(results, metric, self.attributes["n_splits_"])[members]
        side = edge(means, combination.alphas, i)
        extends = isinstance(self.evaluation.choice, str)
        if extends and is_constant_best(means, errors, combination.alphas, i):
            warn_of_constant(combination.alphas)
        elif side and not combination.settled:
            warn_of_edge(combination.alphas, i, side)
        if "stopped" in results:
            means = np.where(results["stopped"][members], np.nan, means)
        return int(members[one_std_err(means, errors, combination.alphas, i)])


def _error_of(criterion, scorer, i):
    errors = criterion.all_std_errors.get(scorer, criterion.std_error)
    return np.nan if errors is None else errors[i]


def frame_of(search, name):
    """``cv_results_`` of a fitted search as a DataFrame, indexed by the λ called ``name``."""
    import pandas as pd

    results, columns = search.cv_results_, {}
    for key in results:
        if key.startswith("param_") and key != f"param_{name}":
            columns[key.removeprefix("param_")] = results[key]
    for key in [key for key in results if key.startswith("mean_test_")]:
        metric = key.removeprefix("mean_test_")
        columns[key] = results[key]
        columns[f"std_error_{metric}"] = standard_errors(results, metric, search.n_splits_)
        columns[f"rank_test_{metric}"] = results[f"rank_test_{metric}"]
        if f"mean_train_{metric}" in results:
            columns[f"mean_train_{metric}"] = results[f"mean_train_{metric}"]
    columns |= {key: results[key] for key in results if key.startswith("split")}
    alphas = np.asarray(results[f"param_{name}"], dtype=np.float64)
    if hasattr(search, "path_") and np.array_equal(search.path_.alphas, alphas):
        columns |= {"dof": search.path_.dof, "n_nonzero": search.path_.n_nonzero}
    return pd.DataFrame(columns, index=pd.Index(alphas, name="alpha"))
