"""One front door, `solve`; behind it a method a file, each with what it serves."""

from skreg.solvers.method import Method, Solution, Task
from skreg.solvers.solve import METHODS, alpha_max, select_method, solve

__all__ = ["METHODS", "Method", "Solution", "Task", "alpha_max", "select_method", "solve"]
