"""Problems as plain data, and made of it again."""

from __future__ import annotations

from typing import Any

import numpy as np

from skreg.losses import loss_from_plain, plain_loss
from skreg.quadratic.expansion import Expansion, expansion_from_arrays
from skreg.quadratic.problem import Problem
from skreg.quadratic.quadratic import GramQuadratic, Quadratic, RowQuadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.moments import Moments, check_shapes


def plain_problem(problem: Problem) -> dict[str, Any] | None:
    """A problem as arrays and numbers: by its moments, or by its rows where it has none.

    None for rows that are read a chunk at a time.

    Raises
    ------
    TypeError
        If there is no such form.
    """
    if isinstance(problem, EmpiricalRisk):
        names = ("X", "y", "share", "weight", "offset", "fit_intercept")
        return {name: getattr(problem, name) for name in names} | {"loss": plain_loss(problem.loss)}
    if isinstance(problem, Expansion):
        return {"expansion": problem.arrays()}
    if not isinstance(problem, Quadratic):
        return None
    plain: dict[str, Any] = {
        "fit_intercept": problem.centered,
        "dtype": problem.dtype.name,
        "single_target": problem.single_target,
    }
    if problem.moments is not None:
        return plain | {"moments": dict(vars(problem.moments))}
    X, y, weights = problem.data() if callable(problem.data) else problem.data
    return plain | {"X": X, "y": y, "sample_weight": weights}


def problem_from_plain(plain: dict[str, Any]) -> Problem:
    """The problem that `plain_problem` was given."""
    if "loss" in plain:
        loss = loss_from_plain(plain["loss"])
        risk = EmpiricalRisk(
            plain["X"], plain["y"], loss, None, plain["offset"], plain["fit_intercept"]
        )
        risk.share, risk.weight = plain["share"], plain["weight"]
        return risk
    if "expansion" in plain:
        return expansion_from_arrays(plain["expansion"])
    how = plain["fit_intercept"], np.dtype(plain["dtype"]), plain["single_target"]
    if "moments" in plain:
        return GramQuadratic(check_shapes(Moments(**plain["moments"])), how[0], None, *how[1:])
    return RowQuadratic(plain["X"], plain["y"], plain["sample_weight"], *how)


def without_rows(plain: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same if it holds no rows, else None."""
    return None if plain is None or "X" in plain else plain
