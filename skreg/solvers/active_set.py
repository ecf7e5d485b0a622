"""The lasso and the elastic net on a quadratic: an active set, λ downwards, with a certificate."""

from __future__ import annotations

from typing import ClassVar

from skreg.solvers.working_set import WorkingSetMethod


class ActiveSet(WorkingSetMethod):
    """Coordinate descent and direct solves on the active features, each target by itself."""

    name = "active_set"
    scope = "L1 and elastic-net penalties, θ ≥ 0 on request, on squared error"
    needs: ClassVar = {"is_quadratic": (True,), "kernel": ("coordinates",)}
    unit = "rounds"
