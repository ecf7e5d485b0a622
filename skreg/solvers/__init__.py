"""Algorithms: each takes a problem and returns a frozen `Solution`."""

from skreg.solvers.lasso import solve_lasso
from skreg.solvers.ridge import solve_ridge
from skreg.solvers.solution import Solution

__all__ = ["Solution", "solve_lasso", "solve_ridge"]
