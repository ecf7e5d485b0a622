"""Which columns of a table matter: the coefficients of the sparsest lasso that is as good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skreg.cli.comparison import Contender
from skreg.cli.preprocessing import plain_names
from skreg.cli.report import format_alpha, format_table

_SHOWN = 15


@dataclass(frozen=True)
class Important:
    """The features of a sparse model.

    Attributes
    ----------
    alpha : float
        Its λ.
    names : list of str
        The features with a coefficient, from the largest one on.
    coefs : ndarray of shape (n_kept,) or (n_kept, n_classes)
        What one standard deviation of a number, or being in a category, adds: to the target in its
        own unit, or to the log odds of the second class or of each class.
    n_features : int
        How many there are.
    classes : list of str
        Those that ``coefs`` has a column for; [] where it has one column.
    """

    alpha: float
    names: list[str]
    coefs: NDArray[np.float64]
    n_features: int
    classes: list[str]

    @classmethod
    def of(cls, lasso: Contender) -> "Important":
        """The features of the sparsest lasso within one standard error of the best."""
        path = lasso.search.path_
        alpha = lasso.search.alpha_one_std_err_
        coefs = lasso.scale * np.asarray(path.estimator(alpha).coef_)
        coefs = np.atleast_2d(coefs).T  # (n_features, n_outputs)
        size = np.abs(coefs).max(axis=1)
        kept = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
        names = plain_names(path.feature_names)
        classes = [] if coefs.shape[1] == 1 else [str(c) for c in lasso.model.classes_]
        kept_coefs = coefs[kept] if classes else coefs[kept, 0]
        return cls(alpha, [names[i] for i in kept], kept_coefs, len(names), classes)

    def text(self, target: str, positive: str | None) -> str:
        """What is printed of it."""
        of = "the lasso" if self.names else "The sparsest lasso"
        if not self.names:
            return (
                f"{of} within one standard error of its best, λ = {format_alpha(self.alpha)}, "
                "uses no column at all."
            )
        unit = f"log odds of {positive}" if positive else f"unit of {target}"
        unit = "log odds of each class" if self.classes else unit
        title = (
            f"What matters, by {of} with λ = {format_alpha(self.alpha)}, the sparsest within one "
            f"standard error of its best: {len(self.names):,} of {self.n_features:,} features\n"
            f"(coefficients for one standard deviation of a number, or for a category; {unit})"
        )
        header = ["feature", *(self.classes or ["coefficient"])]
        rows = [
            [name, *(f"{one:+.3g}" if one else "0" for one in np.atleast_1d(coef))]
            for name, coef in zip(self.names[:_SHOWN], self.coefs[:_SHOWN], strict=True)
        ]
        more = len(self.names) - _SHOWN
        end = f"\n  and {more:,} more" if more > 0 else ""
        return f"{title}\n\n{format_table(header, rows)}{end}"
