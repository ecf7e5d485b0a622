"""Algorithms: each takes a problem and returns a frozen `Solution`."""

from skreg.solvers.group_lasso import solve_group_lasso
from skreg.solvers.lasso import solve_lasso
from skreg.solvers.newton import one_shot_gap, solve_newton
from skreg.solvers.proximal_newton import solve_proximal_newton
from skreg.solvers.ridge import solve_ridge
from skreg.solvers.solution import Solution

__all__ = [
    "Solution",
    "one_shot_gap",
    "solve_group_lasso",
    "solve_lasso",
    "solve_newton",
    "solve_proximal_newton",
    "solve_ridge",
]
