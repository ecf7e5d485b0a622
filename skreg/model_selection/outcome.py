"""What a search found: its table, its choice, and whether the grid was wide enough."""

from numbers import Real

import numpy as np
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures

from skreg._warnings import warn_user
from skreg.model_selection.paired import gains, surest

#: Words for the one-standard-error rule.
ONE_STD_ERR = ("one_std_err", "1se")
#: Scores this close, relative to the larger, are the same score.
SAME = 1e-12
#: A gain below this share of a standard error is none.
WORTH = 1e-3
#: The same of what a decade of ever smaller λ gains.
FLAT = 1e-2


def scorers_of(scorers):
    """Scorers by name, ``score`` where there is one only."""
    return scorers._scorers if isinstance(scorers, _MultimetricScorer) else {"score": scorers}


def scorer_of(scorers):
    """What a search calls ``scorer_``: a scorer, or a dict of several."""
    return scorers._scorers if hasattr(scorers, "_scorers") else scorers


def finished_of(found, job):
    """After Ctrl-C: the combinations to keep the results of; of the first, some splits will do.

    None unless ``error_score`` is a number.
    """
    if job.error_score == "raise":
        return []
    finished = [combination for combination in found if combination.scores is not None]
    if not finished and found[0].partial is not None:
        finished, found[0].scores = found[:1], found[0].partial
        del job.splits[len(found[0].scores.fits) :]
    return finished


class Outcome:
    """The scores of every `Combination` of a search, tabulated and chosen from.

    ``attributes`` are the fitted attributes of the search, by name; ``chosen`` is the combination
    chosen and the index of its λ, or None. ValueError if all fits failed, or one of several scorers
    has to be named and is not; warns if the best λ is the last of its grid, or some fits failed.
    """

    def __init__(self, search, evaluation, found):
        self.search, self.evaluation, self.chosen = search, evaluation, None
        crossed = isinstance(evaluation.choice, np.ndarray)
        self.pairs = ordered(found, evaluation.job.alpha_name, crossed)
        results, multimetric = self._table()
        metric = evaluation.metric
        if multimetric and callable(search.scoring):
            search._check_refit_for_multimetric(found[0].scores.fits[0][0]["test_scores"])
            metric = search.refit
        scorers = evaluation.scorers
        self.attributes = {
            "cv_results_": results,
            "n_splits_": max(1, len(evaluation.job.splits)),
            "multimetric_": multimetric,
            "scorer_": scorer_of(scorers),
            "alphas_": found[0].alphas,
            "criterion_": found[0].criterion,
        }
        if search.refit or not multimetric:
            self._choose(results, metric)

    def _table(self):
        """``cv_results_``, and whether it has scores of several names."""
        search, name, first = self.search, self.evaluation.job.alpha_name, self.pairs[0][0]
        out = [fits[i] for c, i in self.pairs for fits in c.scores.fits]
        _warn_or_raise_about_fit_failures(out, search.error_score)
        parameters = [c.parameters_at(name, i) for c, i in self.pairs]
        more = {key: [c.scores.more[key][i] for c, i in self.pairs] for key in first.scores.more}
        with np.errstate(invalid="ignore"):  # scores of −inf have no spread
            results = search._format_results(parameters, len(out) // len(self.pairs), out, more)
        if self.evaluation.criterion is not None:
            for scorer in self.evaluation.job.scorers:
                results[f"std_test_{scorer}"] = np.array(
                    [c.criterion.errors_of(scorer)[i] for c, i in self.pairs]
                )
        if self.pairs[0][0].candidates:
            self._add_gains(results)
        return results, isinstance(out[0]["test_scores"], dict)

    def _choose(self, results, metric):
        search = self.search
        best = search._select_best_index(search.refit, metric, results)
        if not callable(search.refit):
            best = best_finished(results, metric, best)
            if self.pairs[best][0].candidates:
                mean, error = (results[f"{key}_gain_{metric}"] for key in ("mean", "std_error"))
                finished = ~results["stopped"]
                best = best if np.isnan(error).all() else surest(mean, error, finished)
            else:
                simplest = self._simplest(results, metric, best)
                combination, i = self.pairs[simplest]
                self.attributes["alpha_one_std_err_"] = float(combination.alphas[i])
                best = simplest if search.selection in ONE_STD_ERR else best
            self.attributes["best_score_"] = results[f"mean_test_{metric}"][best]
        self.chosen = combination, i = self.pairs[best]
        self.attributes |= {
            "best_index_": best,
            "best_params_": results["params"][best],
            "best_alpha_": float(combination.alphas[i]),
            "alphas_": combination.alphas,
            "criterion_": combination.criterion,
        }

    def _add_gains(self, results):
        """Of every candidate and scorer, what is gained on the first."""
        splits = self.evaluation.job.splits
        ratio = float(np.mean([len(test) / len(train) for train, test in splits]))
        means = [key for key in results if key.startswith("mean_test_")]
        for name in (key.removeprefix("mean_test_") for key in means):
            scores = np.array([results[f"split{j}_test_{name}"] for j in range(len(splits))]).T
            mean, error = gains(scores, ratio)
            results[f"mean_gain_{name}"], results[f"std_error_gain_{name}"] = mean, error

    def _simplest(self, results, metric, best):
        """Index of the candidate within one standard error of the best; edges are warned of."""
        combination, i = self.pairs[best]
        members = np.array([k for k, (c, _) in enumerate(self.pairs) if c is combination])
        members = members[np.argsort([self.pairs[k][1] for k in members])]
        means = results[f"mean_test_{metric}"][members]
        errors = standard_errors(results, metric, self.attributes["n_splits_"])[members]
        side = edge(means, combination.alphas, i)
        path, extends = combination.scores.path, isinstance(self.evaluation.choice, str)
        keeps_nothing = side == "largest" and path is not None and not path.norms[i]
        if keeps_nothing or (extends and is_constant_best(means, errors, combination.alphas, i)):
            warn_of_constant(means, combination.alphas)
        elif side and not (combination.settled or is_flat(means, errors, combination.alphas, i)):
            warn_of_edge(combination.alphas, i, side)
        if "stopped" in results:
            means = np.where(results["stopped"][members], np.nan, means)
        return int(members[one_std_err(means, errors, combination.alphas, i)])


def ordered(found, name, crossed):
    """(combination, index of λ) of every candidate, in the order of ``cv_results_``.

    One combination follows the other; but where all have the same λ (``crossed``) the order is
    GridSearchCV's, by the names of the parameters, of which λ is ``name``.
    """
    pairs = [(c, i) for c in found for i in range(len(c.alphas))]
    if not crossed:
        return pairs

    def key(pair):
        (g, chosen), i = pair[0].place, pair[1]
        return g, [number for _, number in sorted({**chosen, name: i}.items())]

    return sorted(pairs, key=key)


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
    more = ("split", "mean_gain_", "std_error_gain_")
    columns |= {key: results[key] for key in results if key.startswith(more)}
    alphas = np.array([a if isinstance(a, Real) else np.nan for a in results[f"param_{name}"]])
    if hasattr(search, "path_") and np.array_equal(search.path_.alphas, alphas):
        columns |= {"dof": search.path_.dof, "n_nonzero": search.path_.n_nonzero}
    return pd.DataFrame(columns, index=pd.Index(alphas, name="alpha"))


def standard_errors(results, metric, n_splits):
    """Standard error of every candidate's mean test score, shape (n_candidates,).

    Of k splits s/√k, with s² = Σ(x − x̄)²/(k − 1); the splits are taken as independent, which they
    are not quite (Hastie, Tibshirani & Friedman, 2009, section 7.10). Where a criterion stands in
    for splits, its own.
    """
    spread = np.asarray(results[f"std_test_{metric}"], dtype=np.float64)
    if n_splits == 1:
        return np.where(spread > 0, spread, np.nan)
    return spread / np.sqrt(n_splits - 1)


def best_finished(results, metric, best):
    """Index of the best candidate that was trained to the end; ``best`` where all were.

    What successive halving has stopped was worse then, but scores may fall later.
    """
    if "stopped" not in results:
        return best
    ranks = np.where(results["stopped"], np.inf, results[f"rank_test_{metric}"])
    return int(ranks.argmin())


def one_std_err(means, errors, alphas, best):
    """Index of the largest λ whose mean score is within one standard error of the best one.

    ``means``, ``errors`` and ``alphas`` are of candidates that differ in λ alone, ``best`` is the
    index of the best of them, and what is returned where there is no standard error. Breiman,
    Friedman, Olshen & Stone (1984), section 3.4.3; ``lambda.1se`` of R's glmnet.

    Examples
    --------
    >>> one_std_err(np.array([1.0, 2.6, 3.0]), np.full(3, 0.5), np.array([9.0, 3.0, 1.0]), 2)
    1
    """
    least = means[best] - np.nan_to_num(errors[best])
    within = np.flatnonzero(means >= least)
    if not within.size:  # the best score itself is NaN: every fit failed
        return int(best)
    return int(within[alphas[within].argmax()])


def edge(means, alphas, best):
    """On which side the best λ is the last of the grid: "smallest" or "largest".

    Empty where it lies inside, where λ = 0 leaves nothing beyond, where the next λ has the same
    score already, and for fewer than three λ.

    Examples
    --------
    >>> edge(np.array([1.0, 2.0, 3.0]), np.array([9.0, 3.0, 1.0]), 2)
    'smallest'
    """
    order = np.argsort(alphas)
    if len(np.unique(alphas)) < 3 or not np.isfinite(means[best]):
        return ""
    for side, last, next_ in (("smallest", order[0], order[1]), ("largest", order[-1], order[-2])):
        if alphas[best] != alphas[last] or alphas[best] == 0:
            continue
        if abs(means[best] - means[next_]) > SAME * max(abs(means[best]), abs(means[next_])):
            return side
    return ""


def is_flat(means, errors, alphas, best):
    """Whether λ is at its smallest, and the last decade gained next to no standard error.

    So it is in a ridge's automatic grid by features that need no penalty: whatever smaller λ is
    tried, the score only creeps up to that of λ = 0.

    Examples
    --------
    >>> alphas = np.geomspace(1, 1e-6, 7)
    >>> is_flat(5.0 - alphas, np.full(7, 0.1), alphas, 6)
    True
    >>> is_flat(5.0 + np.arange(7.0), np.full(7, 0.1), alphas, 6)
    False
    """
    before = alphas[alphas >= 10.0 * alphas[best]]
    if alphas[best] != alphas.min() or not before.size:
        return False
    slack = max(FLAT * np.nan_to_num(errors[best]), SAME * abs(means[best]))
    return bool(means[best] - means[alphas == before.min()].max() <= slack)


def gain_beyond(means, alphas):
    """What λ beyond the largest may gain, about: scores near those of a constant model as 1/λ does.

    Examples
    --------
    >>> alphas = np.array([4.0, 2.0, 1.0])
    >>> gain_beyond(5.0 - 1.0 / alphas, alphas)
    np.float64(0.25)
    """
    *_, before, last = np.argsort(alphas)
    return (means[last] - means[before]) / (alphas[last] / alphas[before] - 1.0)


def is_constant_best(means, errors, alphas, best):
    """Whether the largest λ, which leaves next to no coefficients, does as well as the best one."""
    slack = max(WORTH * np.nan_to_num(errors[best]), SAME * abs(means[best]))
    return bool(means[best] - means[alphas.argmax()] <= slack)


def warn_of_constant(means, alphas):
    """Say that no λ does better than the largest, and how far that was looked at."""
    order = np.argsort(alphas)
    first, second = means[order[:2]]
    beyond, rises = "", np.isfinite(first) and len(alphas) > 2
    if rises and first - second > SAME * max(abs(first), abs(second)):
        beyond = " The score rises again toward the smallest: smaller λ were not looked at."
    warn_user(
        f"no λ does better than the largest tried, alpha={alphas.max():.6g}, which leaves of the "
        f"model next to nothing but a constant: from {alphas.min():.3g} up the features do not "
        f"help by this score.{beyond} Give other features, or another scoring, or take the "
        "constant.",
        UserWarning,
    )


def warn_of_edge(alphas, best, side):
    """Say that the best λ is the last of the grid, and what to do."""
    beyond = "smaller" if side == "smallest" else "larger"
    warn_user(
        f"the best λ, alpha={alphas[best]:.6g}, is the {side} of the {len(alphas)} values tried "
        f"({alphas.min():.3g} to {alphas.max():.3g}): a {beyond} one may be better. Give alphas "
        'beyond it, or alphas="auto", which extends the grid.',
        UserWarning,
    )
