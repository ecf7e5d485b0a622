"""The group lasso on a quadratic: block coordinate descent, λ downwards, with a certificate."""

from __future__ import annotations

from typing import ClassVar

from skreg.solvers.working_set import WorkingSetMethod


class BlockDescent(WorkingSetMethod):
    """Exact steps on groups of features, which all targets share."""

    name = "block_coordinate_descent"
    scope = "group penalties on squared error"
    needs: ClassVar = {"is_quadratic": (True,), "kernel": ("groups",)}
    unit = "passes"
