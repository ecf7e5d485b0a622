"""A search's score against λ."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skreg.model_selection.outcome import best_finished, standard_errors
from skreg.model_selection.pipelines import alpha_name
from skreg.plotting._canvas import COLORS, QUIET, axes, expect, numbers_of, uncut
from skreg.plotting._fitted import search_in

_TOPS = {"n_nonzero": "non-zero coefficients", "dof": "degrees of freedom"}


class SearchDisplay:
    """Score against λ with its standard error, the best λ and that of the one-standard-error rule.

    The penalty falls from left to right; λ = 0, which a logarithm has no place for, stands at the
    right end. Use `from_search`.

    Parameters
    ----------
    alphas, scores : array-like of shape (n_alphas,)
        λ, and the mean score; higher is better.
    std_errors : None or array-like of shape (n_alphas,), default=None
        Of the mean score; NaN where there is none.
    best_alpha : float
        The λ of the best score.
    one_std_err_alpha : None or float, default=None
        The largest λ within a standard error of it.
    top : None or array-like of shape (n_alphas,), default=None
        What the upper axis shows for each λ.
    top_name, score_name : str
        What ``top`` and ``scores`` are, for the axes.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    line_ : Line2D
    band_ : FillBetweenPolyCollection or None
    best_line_ : Line2D
    one_std_err_line_ : Line2D or None
    top_axis_ : SecondaryAxis or None

    See Also
    --------
    skreg.PathSearchCV : What is drawn.

    Examples
    --------
    >>> from skreg.plotting import SearchDisplay
    >>> display = SearchDisplay(
    ...     alphas=[1.0, 0.1, 0.01], scores=[0.2, 0.5, 0.4], best_alpha=0.1, score_name="R²"
    ... ).plot()
    >>> display.ax_.get_xlabel(), display.best_line_.get_label()
    ('λ (falling)', 'best, λ = 0.1')
    """

    def __init__(
        self,
        *,
        alphas: Any,
        scores: Any,
        std_errors: Any = None,
        best_alpha: Any,
        one_std_err_alpha: Any = None,
        top: Any = None,
        top_name: str = "",
        score_name: str = "score",
    ) -> None:
        order = np.argsort(-numbers_of(alphas, "alphas", None), kind="stable")
        n = len(order)
        std_errors = np.full(n, np.nan) if std_errors is None else std_errors
        given = {"alphas": alphas, "scores": scores, "std_errors": std_errors}
        self.alphas, self.scores, self.std_errors = (
            numbers_of(values, name, n)[order] for name, values in given.items()
        )
        self.top = None if top is None else numbers_of(top, "top", n)[order]
        self.best_alpha, self.one_std_err_alpha = best_alpha, one_std_err_alpha
        self.top_name, self.score_name = top_name, score_name

    @classmethod
    def from_search(
        cls, search: Any, *, metric: Any = None, top: Any = "auto", ax: Any = None
    ) -> Self:
        """Draw a fitted search over λ.

        Of other parameters searched beside λ, those of the best candidate are shown.

        Parameters
        ----------
        search : PathSearchCV
            Fitted, also at the end of a Pipeline; scikit-learn's GridSearchCV over ``alpha`` does
            too.
        metric : None or str, default=None
            Which of several scores; None for the one that ``refit`` names.
        top : {"auto", "n_nonzero", "dof"} or None, default="auto"
            What the upper axis shows, from ``search.path_``: "auto" is the number of non-zeros
            where a penalty makes zeros, else degrees of freedom. None, or a search without a path:
            nothing.
        ax : None or Axes, default=None

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ValueError
            If the search was not over ``alpha``, or has no such metric.
        """
        search = search_in(search)
        if not hasattr(search, "cv_results_"):
            expect(search, "search", ("cv", "fit"), "a fitted PathSearchCV or GridSearchCV")
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        if metric is None:
            metric = search.refit if isinstance(search.refit, str) else "score"
        if f"mean_test_{metric}" not in results:
            start = "mean_test_"
            known = [key.removeprefix(start) for key in results if key.startswith(start)]
            raise ValueError(f"metric={metric!r} is none of this search's: {known}.")
        name = alpha_name(search.estimator)
        if f"param_{name}" not in results:
            raise ValueError(
                f"the search is not over one alpha: its parameters are {[*results['params'][0]]}."
            )
        alphas = np.asarray(results[f"param_{name}"], dtype=np.float64)
        scores = np.asarray(results[f"mean_test_{metric}"], dtype=np.float64)
        best = best_finished(results, metric, int(np.argmin(results[f"rank_test_{metric}"])))
        rest = [{k: v for k, v in p.items() if k != name} for p in results["params"]]
        rows = np.flatnonzero([other == rest[best] for other in rest])
        errors = standard_errors(results, metric, search.n_splits_)
        simplest = getattr(search, "alpha_one_std_err_", None)
        if not np.isfinite(errors[rows]).any():
            simplest = None
        top_name, top = _top_of(getattr(search, "path_", None), top, alphas[rows])
        display = cls(
            alphas=alphas[rows],
            scores=scores[rows],
            std_errors=errors[rows],
            best_alpha=float(alphas[best]),
            one_std_err_alpha=simplest,
            top=top,
            top_name=top_name,
            score_name=_score_name(search, metric),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.

        Returns
        -------
        SearchDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes(ax, type(self).__name__, figsize=(7.0, 4.6))
        self.ax_, self.figure_ = ax, ax.figure
        at = self._places(self.alphas)
        self.line_ = ax.plot(at, self.scores, "o-", ms=3, lw=1.4, color=COLORS[0], label="mean")[0]
        self.band_ = None
        if np.isfinite(self.std_errors).any():
            self.band_ = ax.fill_between(
                at,
                self.scores - self.std_errors,
                self.scores + self.std_errors,
                color=COLORS[0],
                alpha=0.2,
                linewidth=0,
                label="± standard error",
            )
        ax.set_xscale("log")
        ax.invert_xaxis()
        self.best_line_ = self._mark(self.best_alpha, "best", "-")
        self.one_std_err_line_ = None
        if self.one_std_err_alpha is not None and np.isfinite(self.one_std_err_alpha):
            self.one_std_err_line_ = self._mark(self.one_std_err_alpha, "one standard error", "--")
        ax.set(xlabel="λ (falling)", ylabel=self.score_name)
        ax.grid(alpha=0.25)
        self._draw_zero(at)
        self._draw_top(at)
        ax.legend(frameon=False)
        uncut(self.figure_)
        return self

    def _places(self, alphas):
        """λ itself; 0 stands a half decade below the smallest."""
        alphas = np.asarray(alphas, dtype=np.float64)
        positive = self.alphas[self.alphas > 0]
        return np.where(alphas > 0, alphas, positive.min(initial=1.0) / 3.0)

    def _mark(self, alpha, name, linestyle):
        return self.ax_.axvline(
            self._places(alpha),
            color="black",
            lw=1.1,
            ls=linestyle,
            label=f"{name}, λ = {alpha:.3g}",
        )

    def _draw_zero(self, at):
        if not (self.alphas == 0).any():
            return
        self.ax_.annotate(
            "0",
            xy=(at[self.alphas == 0][0], 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            color=QUIET,
        )

    def _draw_top(self, at):
        """Some seven λ, evenly apart on the axis, and what ``top`` is there."""
        self.top_axis_ = None
        if self.top is None:
            return
        wanted = np.linspace(np.log(at[0]), np.log(at[-1]), 7)
        rows = np.unique([np.abs(np.log(at) - place).argmin() for place in wanted])
        self.top_axis_ = self.ax_.secondary_xaxis("top")
        labels = [f"{value:.0f}" if value >= 10 else f"{value:.3g}" for value in self.top[rows]]
        self.top_axis_.set_xticks(at[rows], labels)
        self.top_axis_.minorticks_off()
        self.top_axis_.set_xlabel(self.top_name)


def _score_name(search, metric):
    """What the scores are; a criterion that stands in for splits gives its name."""
    if getattr(search, "criterion_", None) is not None:
        name = search.cv if isinstance(search.cv, str) else search.selection
        return f"{metric}, {name}"
    return f"mean test {metric}"


def _top_of(path, top, alphas):
    """What the upper axis is called and shows for each λ; None without a path of these λ."""
    if top not in ("auto", "n_nonzero", "dof", None):
        raise ValueError(f"top={top!r} must be 'auto', 'n_nonzero', 'dof' or None.")
    if top is None or path is None or not hasattr(path, "n_nonzero"):
        return "", None
    order = np.argsort(path.alphas)
    known = np.asarray(path.alphas)[order]
    at = np.clip(np.searchsorted(known, alphas), 0, len(known) - 1)
    if not np.allclose(known[at], alphas, rtol=1e-6, atol=0.0):
        return "", None
    if top == "auto":
        total = np.prod(np.shape(path.coefs)[1:])
        top = "n_nonzero" if (path.n_nonzero < total).any() else "dof"
    return _TOPS[top], np.asarray(getattr(path, top), dtype=np.float64)[order][at]
