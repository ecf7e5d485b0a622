"""Which of the candidates is chosen, and whether the grid was wide enough."""

import warnings

import numpy as np

#: Scores this close, relative to the larger, are the same score.
SAME = 1e-12
#: A gain below this share of a standard error is none.
WORTH = 1e-3


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

    Parameters
    ----------
    means, errors, alphas : ndarray of shape (n_alphas,)
        Of the candidates that differ in λ alone.
    best : int
        Index of the best of them.

    Returns
    -------
    int
        ``best`` where there is no standard error.

    Notes
    -----
    Breiman, Friedman, Olshen & Stone (1984), section 3.4.3; ``lambda.1se`` of R's glmnet.

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
    """On which side the best λ is the last of the grid.

    Returns
    -------
    "smallest", "largest" or ""
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


def warn_of_constant(alphas):
    """Say that no λ does better than the largest."""
    warnings.warn(
        f"no λ does better than the largest tried, alpha={alphas.max():.6g}, which leaves of the "
        "model next to nothing but a constant: by this score the features do not help. Give other "
        "features, or another scoring, or take the constant.",
        UserWarning,
        stacklevel=7,
    )


def warn_of_edge(alphas, best, side):
    """Say that the best λ is the last of the grid, and what to do."""
    beyond = "smaller" if side == "smallest" else "larger"
    warnings.warn(
        f"the best λ, alpha={alphas[best]:.6g}, is the {side} of the {len(alphas)} values tried "
        f"({alphas.min():.3g} to {alphas.max():.3g}): a {beyond} one may be better. Give alphas "
        'beyond it, or alphas="auto", which extends the grid.',
        UserWarning,
        stacklevel=7,
    )
