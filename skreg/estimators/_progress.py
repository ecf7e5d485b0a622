"""What callbacks see of the path of an estimator: one task for each λ."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.callback import CallbackSupportMixin

from skreg.path.grid import size_of


class PathProgress:
    """Tells callbacks of the λ of a path as they are solved, in the order of the walk.

    Parameters
    ----------
    estimator : CallbackSupportMixin
    alphas : None, int or array-like of shape (n_alphas,)
        What is asked for, before the rows are read.
    told : dict
        What every hook may ask for. At the end of a λ, the metadata have it as ``"alpha"``.
    """

    def __init__(
        self, estimator: CallbackSupportMixin, alphas: int | ArrayLike | None, told: dict[str, Any]
    ):
        self._alphas, self._told, self._n_begun = np.empty(0), told, 0
        # A context costs as much as a small solution: only for those who watch.
        self.is_watched = bool(getattr(estimator, "_skl_callbacks", ()))
        self._root = estimator._init_callback_context("path", max_subtasks=size_of(alphas))
        self._root.call_on_fit_task_begin(**told)

    def walk(self, alphas: NDArray[np.float64]) -> NDArray[np.float64]:
        """These are the λ, of which the first is begun."""
        self._alphas = alphas
        self._begin()
        return alphas

    def _begin(self) -> None:
        if self.is_watched and self._n_begun < len(self._alphas):
            self._task = self._root.subcontext(task_name="alpha")
            self._task.call_on_fit_task_begin(**self._told)
            self._n_begun += 1

    def around(self, fit_of: Any) -> AbstractContextManager[None]:
        """While an estimator is fitted for the present λ: the fit is part of that λ's task."""
        return self._task.propagate_callback_context(fit_of) if self.is_watched else nullcontext()

    def solved(self, i: int) -> None:
        """The i-th λ is solved."""
        metadata = {**(self._told["metadata"] or {}), "alpha": float(self._alphas[i])}
        self._task.call_on_fit_task_end(**{**self._told, "metadata": metadata})
        self._begin()

    def end(self) -> None:
        """The path is whole."""
        self._root.call_on_fit_task_end(**self._told)


def told_of(estimator: Any, X: Any, y: Any, rows: dict[str, Any]) -> dict[str, Any]:
    """What every hook of a callback may ask for."""
    weight = rows.get("sample_weight")
    metadata = {} if weight is None else {"sample_weight": weight}
    return {"estimator": estimator, "X": X, "y": y, "metadata": metadata or None}
