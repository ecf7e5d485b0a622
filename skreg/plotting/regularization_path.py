"""Coefficients along a path."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skreg.model_selection.pipelines import alpha_name, last_step, path_of
from skreg.plotting._canvas import (
    QUIET,
    apart,
    axes,
    check_count,
    expect,
    name_features,
    numbers_of,
    style,
    target_index,
    uncut,
)
from skreg.plotting._fitted import estimator_in, fitted_in, search_in


class RegularizationPathDisplay:
    """Coefficients against λ, ‖θ‖ or degrees of freedom, in the order in which they enter.

    The penalty falls from left to right on each of the three scales. Names stand at the right end
    of the lines; where a penalty switches coefficients off, each line starts with a dot, and its
    name carries its place in the order of entry.

    Use `from_path`, `from_estimator` or `from_search`.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, in any order.
    coefs : ndarray of shape (n_alphas, p)
    dof, norms : ndarray of shape (n_alphas,)
        Degrees of freedom, and ‖θ‖.
    feature_names : None or array-like of shape (p,), default=None
    norm_name : str, default="‖θ‖"
        What ``norms`` are, for the axis.
    marks : dict of str to float, default=None
        λs to mark, by what is written there.

    Attributes
    ----------
    entered : ndarray of shape (p,)
        The largest λ at which each coefficient is not 0; NaN where it is 0 all along.
    ax_ : Axes
    figure_ : Figure
    lines_ : list of Line2D
        One for each feature.
    labels_ : list of Annotation
        The names that are written.
    entries_ : None or PathCollection
        The dots where coefficients enter; None where none is ever switched off.
    marks_ : list of Line2D

    See Also
    --------
    skreg.RegularizationPath : What is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.plotting import RegularizationPathDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> display = RegularizationPathDisplay.from_estimator(QuadraticApproxLasso(), X, y)
    >>> display.feature_names[display.order_of_entry][:4].tolist()
    ['bmi', 's5', 'bp', 's3']
    >>> [label.get_text() for label in display.labels_][2:4]
    ['1 bmi', '3 bp']
    """

    def __init__(
        self,
        *,
        alphas: Any,
        coefs: Any,
        dof: Any,
        norms: Any,
        feature_names: Any = None,
        norm_name: str = "‖θ‖",
        marks: Any = None,
    ) -> None:
        order = np.argsort(-numbers_of(alphas, "alphas", None), kind="stable")
        n = len(order)
        self.coefs = numbers_of(coefs, "coefs", n, None)[order]
        given = {"alphas": alphas, "dof": dof, "norms": norms}
        self.alphas, self.dof, self.norms = (
            numbers_of(values, name, n)[order] for name, values in given.items()
        )
        self.feature_names = name_features(feature_names, self.coefs.shape[1])
        self.norm_name = norm_name
        if marks is not None:
            expect(marks, "marks", ("keys",), "a dict of λ by name, or None")
        self.marks = dict(marks or {})
        on = self.coefs != 0
        self.entered = np.where(on.any(axis=0), self.alphas[on.argmax(axis=0)], np.nan)

    @classmethod
    def from_path(
        cls, path: Any, *, target: Any = None, marks: Any = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw a path.

        Parameters
        ----------
        path : RegularizationPath
        target : None, int or label, default=None
            The target or class, where there are several.
        marks : None or dict of str to float, default=None
            λs to mark.
        ax : None or Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        RegularizationPathDisplay

        Raises
        ------
        ValueError
            If ``target`` is missing, or names none of the targets.
        """
        wanted = "a RegularizationPath, as estimator.regularization_path(X, y) returns it"
        expect(path, "path", ("alphas", "coefs", "source"), wanted)
        coefs = np.asarray(path.coefs)
        if coefs.ndim == 2:
            coefs, targets = coefs[:, None], None
        else:
            targets = getattr(path.source, "classes_", range(coefs.shape[1]))
        display = cls(
            alphas=path.alphas,
            coefs=coefs[:, target_index(target, targets)],
            dof=path.dof,
            norms=path.norms,
            feature_names=path.feature_names,
            norm_name=_norm_name(path),
            marks=marks,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        alphas: Any = 100,
        target: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Follow the path of a linear estimator, and draw it.

        Parameters
        ----------
        estimator : estimator
            With ``regularization_path``, a Pipeline that ends in one, or a search over either. It
            need not be fitted, and is left as it is.
        X, y : array-like
            As for its ``fit``.
        alphas : int or array-like, default=100
            As for its ``regularization_path``.
        target, ax, **kwargs
            As for `from_path`.

        Returns
        -------
        RegularizationPathDisplay
        """
        estimator = estimator_in(estimator)
        wanted = "a linear estimator of skreg, or a Pipeline that ends in one"
        expect(last_step(estimator), "estimator", ("regularization_path",), wanted)
        path = path_of(estimator, X, y, alphas)
        return cls.from_path(path, target=target, ax=ax, **kwargs)

    @classmethod
    def from_search(cls, search: Any, *, target: Any = None, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the path of all rows that a fitted search kept, its choices marked.

        Parameters
        ----------
        search : PathSearchCV
            Fitted, with ``path_``; also at the end of a Pipeline, whose earlier steps tell the
            names of the features.
        target, ax, **kwargs
            As for `from_path`.

        Returns
        -------
        RegularizationPathDisplay
        """
        given, search = search, search_in(search)
        expect(search, "search", ("estimator", "cv"), "a fitted PathSearchCV")
        path = getattr(search, "path_", None)
        if path is None:
            raise ValueError(
                "the search has no path_: fit it, with refit=True, on an estimator that has "
                "regularization_path."
            )
        chosen = search.best_params_[alpha_name(search.estimator)]
        marks = {"chosen": chosen}
        simplest = getattr(search, "alpha_one_std_err_", chosen)
        if simplest != chosen:
            marks["1 s.e."] = simplest
        if (names := fitted_in(given)[1]) is not None:
            path = replace(path, given_names=names)
        return cls.from_path(path, target=target, marks=marks, ax=ax, **kwargs)

    def plot(
        self, ax: Any = None, *, x: str = "alpha", n_labels: int = 12, line_kw: Any = None
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        x : {"alpha", "norm", "dof"}, default="alpha"
            What runs along the axis: λ on a logarithmic scale, where λ = 0 has no place and is left
            out; ‖θ‖; or degrees of freedom.
        n_labels : int, default=12
            How many features to name, those with the largest coefficients; the others' lines are
            gray.
        line_kw : None or dict, default=None
            For ``Axes.plot``.

        Returns
        -------
        RegularizationPathDisplay
            Itself.

        Raises
        ------
        ValueError
            If ``x`` is none of the three.
        ImportError
            If matplotlib is not installed.
        """
        if x not in ("alpha", "norm", "dof"):
            raise ValueError(f"x={x!r} must be 'alpha', 'norm' or 'dof'.")
        check_count(n_labels, "n_labels")
        if line_kw is not None:
            expect(line_kw, "line_kw", ("keys",), "a dict of arguments for Axes.plot, or None")
        ax = axes(ax, type(self).__name__, figsize=(7.2, 4.8))
        self.ax_, self.figure_ = ax, ax.figure
        shown = self.alphas > 0 if x == "alpha" else np.ones(len(self.alphas), dtype=bool)
        at = {"alpha": self.alphas, "norm": self.norms, "dof": self.dof}[x][shown]
        coefs = self.coefs[shown]
        size = np.abs(coefs).max(axis=0, initial=0.0)
        named = np.argsort(-size, kind="stable")[:n_labels]
        named = np.sort(named[size[named] > 0])
        self.lines_ = []
        styles = {j: style(i) for i, j in enumerate(named)}
        for j in range(coefs.shape[1]):
            look = styles.get(j, {"color": QUIET, "linewidth": 0.7, "zorder": 1.5})
            self.lines_ += ax.plot(at, _from_entry(coefs[:, j]), **{**look, **(line_kw or {})})
        ax.axhline(0.0, color="black", linewidth=0.6, zorder=1)
        if x == "alpha":
            ax.set_xscale("log")
            ax.invert_xaxis()
        names = {"alpha": "λ (falling)", "norm": self.norm_name, "dof": "degrees of freedom"}
        ax.set(xlabel=names[x], ylabel="coefficient")
        self._draw_entries(at, shown)
        self._draw_labels(at, coefs, named)
        self._draw_marks(at, shown)
        uncut(self.figure_)
        return self

    @property
    def order_of_entry(self) -> NDArray:
        """Indices of the features that enter, the first first; empty where all enter at once."""
        known = np.flatnonzero(~np.isnan(self.entered))
        # All at the first λ and none missing: nothing tells them apart.
        if len(known) == len(self.entered) and len(set(self.entered[known])) <= 1:
            return np.array([], dtype=int)
        return known[np.argsort(-self.entered[known], kind="stable")]

    def _draw_entries(self, at, shown):
        """A dot at the last λ at which a coefficient is 0 still."""
        self.entries_ = None
        order = self.order_of_entry
        if not len(order):
            return
        rows = np.flatnonzero(shown)
        first = np.searchsorted(-self.alphas[rows], -self.entered[order])
        before = np.clip(first - 1, 0, len(rows) - 1)
        colors = [self.lines_[j].get_color() for j in order]
        self.entries_ = self.ax_.scatter(
            at[before], np.zeros(len(order)), s=14, c=colors, zorder=3, linewidths=0
        )

    def _draw_labels(self, at, coefs, named):
        place = {j: i for i, j in enumerate(self.order_of_entry, start=1)}
        low, high = self.ax_.get_ylim()
        ends = coefs[-1, named] if len(coefs) else np.zeros(len(named))
        heights = apart((ends - low) / (high - low), 0.05, 0.01, 0.99)
        self.labels_ = []
        for j, end, height in zip(named, ends, heights, strict=True):
            name = f"{place[j]} {self.feature_names[j]}" if j in place else self.feature_names[j]
            arrow = {"arrowstyle": "-", "color": self.lines_[j].get_color(), "linewidth": 0.8}
            self.labels_.append(
                self.ax_.annotate(
                    name,
                    xy=(at[-1], end),
                    xycoords="data",
                    xytext=(1.04, height),
                    textcoords="axes fraction",
                    va="center",
                    fontsize="small",
                    annotation_clip=False,
                    arrowprops=arrow,
                )
            )

    def _draw_marks(self, at, shown):
        self.marks_ = []
        for text, alpha in self.marks.items():
            rows = self.alphas[shown]
            position = at[np.abs(rows - alpha).argmin()]
            self.marks_.append(self.ax_.axvline(position, color="black", ls=":", lw=1.0))
            self.ax_.annotate(
                text,
                xy=(position, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize="small",
            )


def _from_entry(coef):
    """A coefficient along the path, without the zeros before the last one ahead of its entry."""
    on = np.flatnonzero(coef)
    start = max(on[0] - 1, 0) if len(on) else len(coef)
    return np.where(np.arange(len(coef)) < start, np.nan, coef)


def _norm_name(path):
    source = path.source
    if path.dual_gaps is None:
        return "‖θ‖₂"
    plain = getattr(source, "penalty_factors", None) is None and (
        getattr(source, "groups", None) is None
    )
    return "‖θ‖₁" if plain and getattr(source, "l1_ratio", 1.0) == 1 else "J(θ)"
