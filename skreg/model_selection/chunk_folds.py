"""Any loss from rows in chunks: the λ of all training parts side by side, by passes they share."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import numpy as np
from sklearn.base import clone

from skreg.estimators._chunked import (
    Reading,
    is_known_by_moments,
    model_of,
    reading_of,
    refuse,
)
from skreg.estimators._fitting import Fitting, LinearModel
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.model_selection.affine import AffinePrefix, check_prefix, composed, first_imputes
from skreg.model_selection.chunk_scores import ScoreWork, Term, null_of, terms_of
from skreg.model_selection.chunk_steps import (
    fit_steps,
    head_of,
    named,
    shifts_and_scales,
    units_of,
)
from skreg.model_selection.chunked_rows import ChunkedRows, Part
from skreg.model_selection.job import along_path
from skreg.model_selection.parts import Folded, Parts
from skreg.model_selection.pipelines import last_step
from skreg.path import RegularizationPath
from skreg.quadratic.chunk_risk import ChunkRisk, Passes
from skreg.quadratic.risk_sums import WHOLE
from skreg.rows import Chunks, spark_chunks
from skreg.rows.sources import is_chunked
from skreg.solvers.method import by_targets
from skreg.solvers.shared_passes import solve_in_chunks


class ChunkParts(Parts):
    """Rows in chunks that have been read once, and how they fall into folds.

    Parameters
    ----------
    reading : Reading
    cv : None, int, str or HashKFold
    """

    def __init__(self, reading: Reading, cv: Any = None) -> None:
        super().__init__(reading.moments)
        self.reading, self._cv = reading, cv
        self._made: tuple[Any, list[ChunkTraining]] = None, []

    def training(self, estimator: Any) -> ChunkTraining:
        """The problem of all rows."""
        return self.trainings(estimator)[-1]

    def trainings(self, estimator: Any, on_pass: Any = None) -> list[ChunkTraining]:
        """The problem of each training part, then that of all rows; they share passes."""
        made, trainings = self._made
        if made is not estimator:
            loss = model_of(last_step(estimator), self.reading.classes).loss
            passes = self.reading.passes(loss)
            parts = [*enumerate(self.trains), (WHOLE, self.whole)]
            trainings = [
                ChunkTraining(estimator, self.reading, *part, passes, head)
                for part, head in zip(parts, self._heads(estimator), strict=True)
            ]
            self._made = estimator, trainings
        trainings[0].risk.passes.on_pass = on_pass
        return trainings

    def _heads(self, estimator: Any) -> list[list[Any]]:
        """First steps that moments do not fit, fitted to each training part and to all rows."""
        head, n_folds = head_of(estimator), len(self.names)
        if not head:
            return [[] for _ in range(n_folds + 1)]
        rows = ChunkedRows(self.reading.chunks, self._cv)
        found = fit_steps(head, rows, [*map(Part, range(n_folds)), Part()])
        return [*found[:-1], named(found[-1], rows.chunks)]


class ChunkTraining(Fitting):
    """The `AffinePrefix` of an estimator, and the problem rows in chunks pose to its last step."""

    def __init__(
        self,
        estimator: Any,
        reading: Reading,
        part: int,
        moments: Any,
        passes: Passes,
        head: list[Any],
    ) -> None:
        units = units_of(head)
        self.prefix = AffinePrefix(
            estimator, moments if units is None else moments.scaled(*units), head
        )
        units = composed(units, self.prefix.units)
        last = clone(self.prefix.last)
        refuse(last, reading.chunks)
        self.risk: ChunkRisk = reading.risk(last, part, moments, passes, units)
        super().__init__(last, self.risk)

    def follow(self, alphas: Any, on_solved: Any = None) -> RegularizationPath:
        """`RegularizationPath` as close at every λ as one fit is."""
        return self.prefix.named(self.as_path(self.solve_closely(alphas, on_solved), None))


def goes_by_passes(estimator: Any, X: Any) -> bool:
    """Whether X is rows in chunks, and the loss of the estimator none that moments tell."""
    last = last_step(estimator)
    if not isinstance(last, QuadraticApproxLinear) or not (isinstance(X, Chunks) or is_chunked(X)):
        return False
    return not is_known_by_moments(last)


def check(estimator: Any, chunks: Chunks, scorers: dict[str, Any]) -> None:
    """Raise ValueError, before a pass, where an estimator cannot be searched from chunks."""
    refuse(last_step(estimator), chunks)
    if first_imputes(estimator):
        raise ValueError(
            "SimpleImputer ahead of a loss that is no square is for rows in memory: each training "
            "part has other means. Fill in missing values in the chunks."
        )
    head = head_of(estimator)
    check_prefix(estimator, head if all(map(shifts_and_scales, head)) else ())
    terms_of(model_of(last_step(estimator)), scorers)


def chunk_parts_of(
    estimator: Any, X: Any, y: Any, cv: Any, sample_weight: Any, scorers: dict[str, Any]
) -> ChunkParts:
    """The `ChunkParts` of rows in chunks, by one pass, or two where classes are looked for."""
    chunks = Chunks.of(X, y, sample_weight)
    assert chunks is not None
    check(estimator, chunks, scorers)
    folded = Folded.of(chunks, cv)
    if folded.column is None and spark_chunks.serves(chunks.source):
        raise ValueError(
            f"cv={cv!r} goes by numbers of rows, which those of Spark need not keep in every pass. "
            "Give HashKFold(5, by='column') or cv='column:NAME'."
        )
    reading = reading_of(last_step(estimator), folded.chunks, folded)
    folded.check(reading.moments)
    return ChunkParts(reading, cv)


def serves(job: Any) -> bool:
    """Rows in chunks, and a loss that moments do not tell."""
    return isinstance(job.X, ChunkParts)


def run(job: Any) -> Generator[tuple[int, list[dict]], None, dict[str, Any]]:
    """Solve every λ on the training part of each split, and score it. See `Route`."""
    start, parts = time.perf_counter(), job.X
    trainings = parts.trainings(job.estimator, job.watch.on_pass)
    whole, n_folds = trainings[-1], len(trainings) - 1
    last = whole.estimator

    def on_solved(j: int, i: int) -> None:
        if j < n_folds:
            job.watch.solved(j, i)

    solutions = solve_in_chunks(
        [t.risk for t in trainings], whole.penalty(whole.risk.n_features), job.alphas,
        tol=last.tol, max_iter=last.max_iter, closely=True, enough=job.enough,
        on_solved=on_solved if job.watch.is_on else None,
    )  # fmt: skip
    for solution in solutions:
        solution.warn()
    solved = time.perf_counter()
    terms = terms_of(whole, job.scorers)
    work = _work(parts, trainings[:-1], solutions[:-1], terms, job.return_train_score)
    sums = parts.reading.chunks.reduced(work)
    seconds = (solved - start) / n_folds, (time.perf_counter() - solved) / n_folds
    for j, (train, test) in enumerate(zip(parts.trains, parts.tests, strict=True)):
        trains = work.scores(sums, True, j, train) if job.return_train_score else None
        yield j, along_path(test.n_rows, work.scores(sums, False, j, test), trains, *seconds)
    return {"path": whole.prefix.named(whole.as_path(solutions[-1], None))}


def _work(
    parts: ChunkParts,
    trainings: list[ChunkTraining],
    solutions: list[Any],
    terms: dict[str, Term],
    with_train: bool,
) -> ScoreWork:
    """The pass that scores these solutions."""
    pairs = zip(trainings, solutions, strict=True)
    placed = [t.risk.placed_as_seen(*by_targets(solution)) for t, solution in pairs]
    rows, loss = trainings[0].risk.passes.rows, trainings[0].loss
    nulls = {(False, j): null_of(loss, part) for j, part in enumerate(parts.tests)}
    nulls |= {(True, j): null_of(loss, part) for j, part in enumerate(parts.trains)}
    model = LinearModel(trainings[0].estimator)  # the problem stays here
    thetas, intercepts = (np.array(part) for part in zip(*placed, strict=True))
    return ScoreWork(rows, thetas, intercepts, terms, nulls, with_train, model)
