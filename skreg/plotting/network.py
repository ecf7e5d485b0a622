"""A network as a graph."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skreg._validation import lies_between
from skreg.plotting._canvas import (
    NEGATIVE,
    POSITIVE,
    QUIET,
    axes,
    check_count,
    name_features,
    uncut,
)
from skreg.plotting._fitted import fitted_in


class NetworkDisplay:
    """Units as circles, weights as lines, the wider the larger.

    Lines are blue and solid where a weight is positive, orange and dashed where it is negative. A
    unit is dead if no chain of weights other than 0 leads through it from an input to an output;
    its circle and its weights are faint. Weights of 0 are not drawn.

    Use `from_estimator`.

    Parameters
    ----------
    coefs : list of ndarray of shape (fan_in, fan_out)
        Weights.
    feature_names, output_names : None or array-like of str, default=None

    Attributes
    ----------
    is_live : list of ndarray of bool
        Of each layer's units, the inputs' and the outputs' included.
    shown : list of ndarray of int
        The units drawn of each layer.
    ax_ : Axes
    figure_ : Figure
    units_ : list of PathCollection
        One a layer.
    links_ : list of LineCollection
        One a layer of weights; empty where all are 0.
    labels_ : list of Text

    Examples
    --------
    >>> from skreg import RegularizedMLPRegressor
    >>> from skreg.datasets import make_playground
    >>> from skreg.plotting import NetworkDisplay
    >>> X, y = make_playground("plane", random_state=0)
    >>> network = RegularizedMLPRegressor((4, 2), penalty="l1", alpha=0.01, tol=1e-3).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(network, feature_names=["x1", "x2"])
    >>> [len(units.get_offsets()) for units in display.units_]
    [2, 4, 2, 1]
    """

    def __init__(self, *, coefs: Any, feature_names: Any = None, output_names: Any = None) -> None:
        self.coefs = [np.asarray(weights, dtype=np.float64) for weights in coefs]
        self.feature_names = name_features(feature_names, len(self.coefs[0]))
        n_outputs = self.coefs[-1].shape[1]
        if output_names is None:
            output_names = (
                ["output"] if n_outputs == 1 else [f"output {i}" for i in range(n_outputs)]
            )
        self.output_names = name_features(output_names, n_outputs)
        self.is_live = _live(self.coefs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, feature_names: Any = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw a fitted network.

        Parameters
        ----------
        estimator : RegularizedMLPClassifier or RegularizedMLPRegressor
            Fitted, also in a Pipeline or a search; scikit-learn's MLPs do too.
        feature_names : None or array-like of str, default=None
            None for the names of the columns it was fitted on, which earlier steps of a Pipeline
            tell, or x0, x1, ….
        ax : None or Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        NetworkDisplay
        """
        check_is_fitted(estimator)
        estimator, names = fitted_in(estimator)
        if not hasattr(estimator, "coefs_"):
            raise ValueError(
                f"{type(estimator).__name__} has no coefs_: give a fitted network, such as "
                "RegularizedMLPClassifier."
            )
        if feature_names is None and names is not None:
            # Inputs of a compressed network, or of an embedding, are not the columns of X.
            feature_names = names if len(names) == len(estimator.coefs_[0]) else None
        n_outputs = estimator.coefs_[-1].shape[1]
        classes = list(getattr(estimator, "classes_", ()))
        if n_outputs == 1:
            classes = classes[1:]  # of two, the output is the second's
        output_names = [str(label) for label in classes] if len(classes) == n_outputs else None
        display = cls(
            coefs=estimator.coefs_, feature_names=feature_names, output_names=output_names
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, max_units: int = 12, max_width: float = 5.0) -> Self:
        """Draw.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        max_units : int, default=12
            Of a larger layer so many units are drawn, those with the largest weights, and a line
            below says how many are not.
        max_width : float, default=5.0
            Width of the largest weight's line, in points.

        Returns
        -------
        NetworkDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_count(max_units, "max_units")
        if not lies_between(max_width, 0, None):
            raise ValueError(f"max_width must be a positive number, got {max_width!r}.")
        self.shown = [self._largest(layer, max_units) for layer in range(len(self.is_live))]
        tallest = max(len(units) for units in self.shown)
        size = (1.6 + 1.7 * len(self.shown), max(2.4, 0.42 * tallest + 0.9))
        ax = axes(ax, type(self).__name__, figsize=size)
        self.ax_, self.figure_ = ax, ax.figure
        places = [
            np.column_stack([np.full(len(units), layer), _spread(len(units), tallest)])
            for layer, units in enumerate(self.shown)
        ]
        widest = max((np.abs(w).max(initial=0.0) for w in self.coefs), default=0.0) or 1.0
        self.links_ = [
            self._draw_links(layer, places[layer], places[layer + 1], max_width / widest)
            for layer in range(len(self.coefs))
        ]
        self.units_: list[Any] = []
        self.labels_: list[Any] = []
        for layer, units in enumerate(self.shown):
            self._draw_units(layer, units, places[layer])
        ax.set(xlim=(-0.75, len(places) - 0.25), ylim=(-tallest / 2 - 0.9, tallest / 2 + 0.3))
        ax.set_axis_off()
        self._draw_key(max_width, widest)
        uncut(self.figure_)
        return self

    def _largest(self, layer, max_units):
        """Units of a layer to draw, in their order."""
        size = np.zeros(len(self.is_live[layer]))
        if layer > 0:
            size += np.square(self.coefs[layer - 1]).sum(axis=0)
        if layer < len(self.coefs):
            size += np.square(self.coefs[layer]).sum(axis=1)
        return np.sort(np.argsort(-size, kind="stable")[:max_units])

    def _draw_links(self, layer, before, after, width):
        from matplotlib.collections import LineCollection

        rows, columns = self.shown[layer], self.shown[layer + 1]
        weights = self.coefs[layer][np.ix_(rows, columns)]
        live = self.is_live[layer][rows][:, None] & self.is_live[layer + 1][columns]
        # The large ones last, above the others.
        i, j = np.nonzero(weights)
        order = np.argsort(np.abs(weights[i, j]), kind="stable")
        i, j = i[order], j[order]
        drawn = weights[i, j]
        links = LineCollection(
            np.stack([before[i], after[j]], axis=1),
            linewidths=np.maximum(width * np.abs(drawn), 0.15),
            colors=[POSITIVE if weight > 0 else NEGATIVE for weight in drawn],
            linestyles=["-" if weight > 0 else (0, (3, 1.2)) for weight in drawn],
            alpha=np.where(live[i, j], 0.85, 0.12) if len(drawn) else None,
            zorder=1,
        )
        return self.ax_.add_collection(links)

    def _draw_units(self, layer, units, places):
        live = self.is_live[layer][units]
        self.units_.append(
            self.ax_.scatter(
                *places.T,
                s=130,
                facecolors=["white" if alive else "#F4F4F4" for alive in live],
                edgecolors=["black" if alive else "#CFCFCF" for alive in live],
                linewidths=1.2,
                zorder=2,
            )
        )
        last = len(self.shown) - 1
        if layer in (0, last):
            names = self.feature_names if layer == 0 else self.output_names
            side, shift = ("right", -0.14) if layer == 0 else ("left", 0.14)
            for name, (x, y), alive in zip(names[units], places, live, strict=True):
                color = "black" if alive else QUIET
                self.labels_.append(
                    self.ax_.text(x + shift, y, name, ha=side, va="center", color=color)
                )
        if missing := len(self.is_live[layer]) - len(units):
            x, y = layer, places[:, 1].min() - 0.8
            self.labels_.append(
                self.ax_.text(x, y, f"and {missing} more", ha="center", fontsize="small")
            )

    def _draw_key(self, max_width, widest):
        from matplotlib.lines import Line2D

        self.ax_.legend(
            handles=[
                Line2D([], [], color=POSITIVE, lw=max_width, label=f"weight {widest:.3g}"),
                Line2D(
                    [], [], color=NEGATIVE, lw=max_width, ls=(0, (3, 1.2)), label=f"−{widest:.3g}"
                ),
            ],
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=2,
            frameon=False,
            handlelength=3,
        )


def _live(coefs):
    """Which units of each layer a chain of weights other than 0 leads through."""
    reached = [np.ones(len(coefs[0]), dtype=bool)]
    for weights in coefs:
        reached.append((weights[reached[-1]] != 0).any(axis=0))
    heard = [np.ones(coefs[-1].shape[1], dtype=bool)]
    for weights in reversed(coefs):
        heard.insert(0, (weights[:, heard[0]] != 0).any(axis=1))
    return [a & b for a, b in zip(reached, heard, strict=True)]


def _spread(n, tallest):
    """Heights of n units around 0, farther apart in a smaller layer."""
    step = 1.0 if n == 1 else min(tallest / n, 2.0)
    return step * (np.arange(n)[::-1] - (n - 1) / 2)
