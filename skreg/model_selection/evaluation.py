"""The candidates of a search: what was asked for, and how each is judged."""

import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from skreg.model_selection import (
    chunk_folds,
    halving,
    loss_folds,
    moment_folds,
    network_folds,
    part_folds,
    path_folds,
    refits,
    stream_folds,
)
from skreg.model_selection.chunk_steps import fitted_in_chunks
from skreg.model_selection.chunked_rows import ChunkedRows
from skreg.model_selection.job import Declined, Job, Route, Scores, along_path, scores_of
from skreg.model_selection.metrics import by_lambda
from skreg.model_selection.outcome import WORTH, edge, gain_beyond
from skreg.model_selection.parts import Parts
from skreg.model_selection.pipelines import (
    Prefix,
    Training,
    has_path,
    last_step,
    refuse_norm_bound,
)
from skreg.model_selection.request import automatic
from skreg.path.grid import extension

#: Ways to the scores of a `Job`; the first that serves it is taken.
ROUTES = (moment_folds, halving, network_folds, loss_folds, path_folds, refits)
#: The share of what an extension to larger λ has gained that makes another worth while.
ENOUGH = 1e-2
#: How often a grid is extended at most.
EXTENSIONS = 8


@dataclass
class Combination:
    """One choice of the other parameters, and what its λ came to."""

    parameters: dict
    estimator: Any  # with these parameters, not fitted
    place: tuple  # number of the grid, then of each value in it: where `ParameterGrid` has it
    alphas: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: Any = None  # `Scores` of all splits
    partial: Any = None  # after Ctrl-C, of those that were finished
    criterion: Any = None  # `CriterionScores`, where a criterion stands in for splits
    settled: bool = False  # whether λ beyond these have been found not to matter
    candidates: list = field(default_factory=list)  # parameters of each, where not only λ differs

    def parameters_at(self, name, i):
        """All parameters of the i-th candidate, λ being ``name``, in the order of their names."""
        own = self.candidates[i] if self.candidates else {name: self.alphas[i].item()}
        return dict(sorted({**self.parameters, **own}.items()))


def combinations(param_grid, base, name):
    """A `Combination` for every choice of the other parameters of ``base``, λ being ``name``.

    Raises as `ParameterGrid` does, and ValueError if λ is among the parameters, or not what an
    estimator goes by.
    """
    grids = ParameterGrid({} if param_grid is None else param_grid).param_grid
    if not grids:
        raise ValueError("param_grid is an empty list. Give a dict, or None for λ alone.")
    found = []
    for g, grid in enumerate(grids):
        if name in grid:
            raise ValueError(
                f"param_grid names {name!r}, which is λ. Give its values as alphas={grid[name]!r}."
            )
        numbers = ParameterGrid({key: range(len(values)) for key, values in grid.items()})
        for chosen in numbers:
            parameters = {key: grid[key][i] for key, i in chosen.items()}
            estimator = clone(base).set_params(**clone(parameters, safe=False))
            refuse_norm_bound(estimator, "alpha is ignored: there is nothing to search")
            found.append(Combination(parameters, estimator, (g, chosen)))
    return found


@dataclass(eq=False)
class Evaluation:
    """The data of one search, and how candidates are judged on them."""

    job: Job  # of the base estimator, without λ
    choice: Any  # what `check_choices` makes of ``alphas``
    metric: Any  # name of the scorer that decides where a grid is to be extended
    criterion: Any  # one of `CRITERIA`, in place of splits, or None
    scorers: Any  # as scikit-learn keeps them

    def run(self, combination: Combination) -> None:
        """Give the combination its λ and their scores."""
        estimator = combination.estimator
        if self.job.resource is not None:
            halving.check(estimator)
        if combination.candidates:
            self._judge_candidates(combination)
            return
        if isinstance(self.choice, np.ndarray):
            alphas = self.choice
        else:
            self.job.watch.turns_to("the grid of λ")
            alphas = automatic(estimator, self.choice, lambda: self._all_rows(estimator))
        self._judge(combination, alphas)
        if isinstance(self.choice, str):
            self._extend(combination)

    def _all_rows(self, estimator):
        """The `Fitting` of all rows, summed together with the splits where these go by sums."""
        if isinstance(self.job.X, Parts):
            return self._training(estimator)
        found = moment_folds.all_rows(replace(self.job, estimator=estimator))
        return found or self._training(estimator)

    def _training(self, estimator):
        if isinstance(self.job.X, Parts):
            return self.job.X.training(estimator)
        return Training(estimator, self.job.X, self.job.y, self.job.fit_params)

    def _judge(self, combination, alphas):
        """Scores of these λ beside those that the combination has already."""
        estimator, old = combination.estimator, combination.alphas
        every = np.concatenate([old, alphas])
        # In the order given; λ that are added go where they belong in a descending grid.
        order = np.argsort(-every, kind="stable") if old.size else np.arange(every.size)
        if self.criterion is not None:
            combination.scores = self._by_criterion(combination, every[order])
        else:
            job = replace(self.job, estimator=estimator, alphas=alphas, metric=self.metric)
            done: dict[int, list] = {}
            try:
                scores = routed(job, done)
            except KeyboardInterrupt:
                first = list(takewhile(done.__contains__, range(len(job.splits))))
                if first and not old.size:
                    combination.alphas = alphas
                    combination.partial = scores_of(job, [done[j] for j in first])
                raise
            combination.scores = joined(combination.scores, scores, order) if old.size else scores
        combination.alphas = every[order]

    def _judge_candidates(self, combination):
        """Scores of candidates that differ in more than λ, without those that were not begun."""
        name = self.job.alpha_name
        given = [one.get(name) for one in combination.candidates]
        alphas = np.array([alpha if isinstance(alpha, Real) else np.nan for alpha in given])
        job = replace(
            self.job, estimator=combination.estimator, metric=self.metric, resource="epochs",
            alphas=alphas, candidates=tuple(combination.candidates),
        )  # fmt: skip
        combination.scores = routed(job, {})
        begun = combination.scores.more.pop("number")
        combination.candidates = [combination.candidates[i] for i in begun]
        combination.alphas = alphas[begun]

    def _by_criterion(self, combination, alphas):
        """What a criterion says of all rows, as the scores of one split that holds none out."""
        job, start = self.job, time.perf_counter()
        job.watch.begin(1, len(alphas))
        found = self.criterion(
            combination.estimator, job.X, job.y, alphas, job.fit_params,
            scorers=job.scorers, score_params=job.score_params, on_solved=job.watch.of_split(0),
        )  # fmt: skip
        seconds = time.perf_counter() - start
        combination.criterion = found
        tests = by_lambda(found.all_scores or {"score": found.scores})
        fits = along_path(0, tests, None, seconds, 0.0)
        job.watch.split_done(0, fits)
        return Scores([fits], found.path)

    def _extend(self, combination):
        """Add λ beyond the best one until it is no longer the last, or nothing is gained."""
        gained = 0.0
        for _ in range(EXTENSIONS):
            means, errors = self._summary(combination)
            if np.isnan(means).all():
                return
            best = int(np.nanargmax(means))
            side = edge(means, combination.alphas, best)
            worth = max(WORTH * np.nan_to_num(errors[best]), ENOUGH * gained)
            if side == "largest" and gain_beyond(means, combination.alphas) <= worth:
                combination.settled = True
                return
            more = extension(combination.alphas, side) if side else np.empty(0)
            if not more.size:
                return
            self._judge(combination, more)
            extended, errors = self._summary(combination)
            now = int(np.nanargmax(extended))
            gained = extended[now] - means[best]
            if not gained > WORTH * np.nan_to_num(errors[now]):
                combination.settled = True
                return

    def _summary(self, combination):
        """Mean test score and its standard error for every λ."""
        table = combination.scores.table(self.metric)
        n_splits = table.shape[1]
        if n_splits > 1:
            return table.mean(axis=1), table.std(axis=1) / np.sqrt(n_splits - 1)
        errors = None if combination.criterion is None else combination.criterion.std_error
        return table[:, 0], np.zeros(len(table)) if errors is None else errors

    def has_path(self, combination):
        """Whether the estimator that is fitted to all rows comes from a path."""
        return has_path(combination.estimator) and self.job.y is not None

    def refit(self, combination, i, context, hooks):
        """The estimator fitted to all rows at the i-th λ, and its path where it has one.

        Where it has one the estimator is taken from the path, which is as close there as a fit.
        """
        estimator = combination.estimator
        if self.has_path(combination):
            context.call_on_fit_task_begin(**hooks)
            return self._from_path(combination, i)
        chosen = combination.parameters_at(self.job.alpha_name, i)
        estimator = clone(estimator).set_params(**clone(chosen, safe=False))
        target = () if self.job.y is None else (self.job.y,)
        in_chunks = isinstance(self.job.X, ChunkedRows)
        fitted = last_step(estimator) if in_chunks else estimator
        with context.propagate_callback_context(fitted):
            context.call_on_fit_task_begin(**hooks)
            if in_chunks:
                chunks, verbose = self.job.X.chunks, self.job.verbose
                return fitted_in_chunks(estimator, chunks, fitted, verbose), None
            estimator.fit(self.job.X, *target, **self.job.fit_params)
        return estimator, None

    def _from_path(self, combination, i):
        estimator, path = combination.estimator, combination.scores.path
        if path is not None and np.array_equal(path.alphas, combination.alphas):
            if isinstance(self.job.X, Parts):
                prefix = self.job.X.training(estimator).prefix
            else:
                prefix = Prefix(estimator, self.job.X, self.job.y, self.job.fit_params)
        else:
            training = self._training(estimator)
            prefix, path = training.prefix, training.follow(combination.alphas)
        return prefix.whole(path.model.estimator_at(path, i)), prefix.named(path)


def routed(job: Job, done: dict[int, list]) -> Scores:
    """The scores of the first route that serves the job and does not decline it.

    ``done`` is given the fits of each split as they come.
    """
    of_chunks = isinstance(job.X, Parts | ChunkedRows)
    for route in (chunk_folds, part_folds, stream_folds) if of_chunks else ROUTES:
        if route.serves(job):
            with suppress(Declined):
                return followed(route, job, done)
    raise AssertionError("the last route serves every job")


def followed(route: Route, job: Job, done: dict[int, list]) -> Scores:
    """The same by one route."""
    job.watch.begin(len(job.splits), len(job.alphas))
    with closing(route.run(job)) as splits:
        while True:
            try:
                j, done[j] = next(splits)
            except StopIteration as end:
                scores = scores_of(job, [done[j] for j in range(len(job.splits))])
                return replace(scores, **(end.value or {}))
            job.watch.split_done(j, done[j])


def joined(first: Scores, second: Scores, order: Iterable[int]) -> Scores:
    """Scores of the λ of two jobs on the same splits, put in order."""
    pairs = zip(first.fits, second.fits, strict=True)
    fits = [[[*one, *other][k] for k in order] for one, other in pairs]
    more = {key: [[*first.more[key], *second.more[key]][k] for k in order] for key in first.more}
    return Scores(fits, more=more)
