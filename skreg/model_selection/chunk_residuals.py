"""The score of a fitted estimator on rows in chunks, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pandas import DataFrame

from skreg.estimators._chunked import is_known_by_moments
from skreg.estimators._fitting import LinearModel
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.model_selection.affine import first_imputes
from skreg.model_selection.chunk_scores import score_of_rows
from skreg.model_selection.metrics import square_scores
from skreg.model_selection.pipelines import is_network, last_step
from skreg.model_selection.stream_folds import score_of_network
from skreg.rows import Chunks
from skreg.rows.chunk import Chunk, Work
from skreg.rows.moment_sum import MomentSum


@dataclass(frozen=True, eq=False)
class ResidualWork(Work):
    """The moments of y, as features, and of the residuals of an estimator, as targets."""

    estimator: Any

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        X = chunk.X
        if chunk.names is not None:
            X = DataFrame(X, columns=chunk.names, copy=False)
        residuals = chunk.y - self.estimator.predict(X).reshape(chunk.y.shape)
        sums.setdefault(None, MomentSum()).add(chunk.y, residuals, chunk.weights, None)

    def ended(self, sums: dict[Any, Any]) -> dict[Any, Any]:
        """As moments."""
        return {key: some.total() for key, some in sums.items()}


def score_of_chunks(
    estimator: Any,
    scorer: Any,
    exclude: list[str],
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
) -> Any:
    """The score of a fitted estimator, without the columns to ``exclude``.

    ValueError where one row after the other is not enough.
    """
    last = last_step(estimator)
    chunks = Chunks.of(X, y, sample_weight)
    if chunks is not None and is_network(estimator):
        return score_of_network(estimator, scorer, chunks.read_as(exclude=exclude))
    if chunks is None or not isinstance(last, QuadraticApproxLinear):
        raise ValueError(
            f"score takes rows in memory of {type(last).__name__}, and rows in chunks of networks "
            f"and linear models of this package only, got {type(X).__name__}."
        )
    if not is_known_by_moments(last):
        return score_of_rows(estimator, last, scorer, chunks.read_as(exclude=exclude))
    squares = square_scores(LinearModel(last), {"score": scorer})
    chunks = chunks.read_as(exclude=exclude, may_lack=first_imputes(estimator))
    moments = chunks.reduced(ResidualWork(estimator))[None]
    found = squares.of_residuals(moments)
    if found is None:
        raise ValueError(
            "y is constant, and R² a matter of definition. Give more rows, or "
            'scoring="neg_mean_squared_error".'
        )
    return found
