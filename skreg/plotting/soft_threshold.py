"""What an L1 penalty makes of each coefficient."""

from typing import Any, Self

import numpy as np

from skreg.path.grid import one_alpha
from skreg.plotting._canvas import (
    COLORS,
    QUIET,
    apart,
    axes,
    check_count,
    expect,
    name_features,
    numbers_of,
    uncut,
)
from skreg.plotting._fitted import fitted_in
from skreg.plotting._local import Local


class SoftThresholdDisplay:
    """From θ̂ᵢ to the lasso's θᵢ: shrunk toward 0, and exactly 0 in the dead zone ±λfᵢ/Hᵢᵢ.

    Where H is diagonal,

        θᵢ(λ) = sign(θ̂ᵢ) max(|θ̂ᵢ| − λfᵢ/Hᵢᵢ, 0),

    f the penalty factors. The coefficients are drawn in units in which all have the same dead zone:
    plain where Hᵢᵢ/fᵢ is the same for all (standardized features), else times Hᵢᵢ/fᵢ, so that the
    dead zone is ±λ. The estimator's own are marked: on the line for ``hessian="diagonal"`` and, as
    coordinates along the eigenvectors, ``"pca"``; for ``"full"`` their distance from the line is
    what correlation between features makes.

    Use `from_estimator`.

    Parameters
    ----------
    erm_coefs : ndarray of shape (k,)
        θ̂.
    coefs : ndarray of shape (k,)
        The estimator's.
    curvatures : ndarray of shape (k,)
        Hᵢᵢ/fᵢ > 0.
    alpha : float
        λ.
    names : None or array-like of shape (k,), default=None
    unit_name : str, default="Hᵢᵢ"
        What ``curvatures`` are, for the axes.

    Attributes
    ----------
    units : ndarray of shape (k,)
        What coefficients are multiplied by on the axes: 1, or Hᵢᵢ/fᵢ.
    threshold : float
        Half the width of the dead zone in these units.
    ax_ : Axes
    figure_ : Figure
    line_ : Line2D
        The soft threshold.
    identity_ : Line2D
        No penalty.
    points_ : PathCollection
        The coefficients that are not 0.
    zeros_ : PathCollection
        Those that are.
    dead_zone_ : Polygon or Rectangle
    labels_ : list of Annotation

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.plotting import SoftThresholdDisplay
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> lasso = QuadraticApproxLasso(alpha=1.0, hessian="diagonal").fit(X, X @ [3.0, 1.0])
    >>> display = SoftThresholdDisplay.from_estimator(lasso)
    >>> display.units, display.erm_coefs, display.coefs, display.threshold
    (array([0.5, 2. ]), array([3., 1.]), array([1. , 0.5]), 1.0)
    """

    def __init__(
        self,
        *,
        erm_coefs: Any,
        coefs: Any,
        curvatures: Any,
        alpha: float,
        names: Any = None,
        unit_name: str = "Hᵢᵢ",
    ) -> None:
        self.coefs = numbers_of(coefs, "coefs", None)
        given = {"erm_coefs": erm_coefs, "curvatures": curvatures}
        self.erm_coefs, self.curvatures = (
            numbers_of(values, name, len(self.coefs)) for name, values in given.items()
        )
        self.alpha, self.unit_name = one_alpha(alpha), unit_name
        self.names = name_features(names, len(self.coefs))
        alike = np.ptp(self.curvatures) <= 1e-6 * self.curvatures.max(initial=0.0)
        self.units = np.ones(len(self.coefs)) if alike else self.curvatures
        self.threshold = self.alpha / self.curvatures[0] if alike else self.alpha

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, target: Any = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw the threshold of a fitted lasso.

        For another loss than squared error, θ̂ and H are those of the quadratic at the solution.

        Parameters
        ----------
        estimator : QuadraticApproxLasso or QuadraticApproxLassoClassifier
            Fitted, with ``l1_ratio=1`` and neither ``groups`` nor ``positive``; also in a Pipeline
            or a search. Features without a penalty and constant ones have no threshold and are left
            out.
        target : None, int or label, default=None
            The target or class, where there are several.
        ax : None or Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        SoftThresholdDisplay

        Raises
        ------
        ValueError
            If the penalty is another, or ``target`` is missing.
        """
        wanted = "a fitted QuadraticApproxLasso or QuadraticApproxLassoClassifier"
        whole, estimator = estimator, fitted_in(estimator)[0]
        expect(estimator, "estimator", ("l1_ratio", "hessian", "positive"), wanted)
        for name, plain in (("l1_ratio", 1), ("groups", None), ("positive", False)):
            if (value := getattr(estimator, name, "missing")) != plain:
                raise ValueError(
                    f"{name}={value!r} makes another picture than a plain soft threshold: give a "
                    f"QuadraticApproxLasso or its kin, with {name}={plain!r}."
                )
        local = Local.of(whole, target)
        coef, erm, names = local.coef[local.own], local.minimizer[local.own], local.names
        if estimator.hessian == "pca":
            # Zeros along the eigenvectors come back rounded.
            spectrum = local.model.spectrum
            coef, erm = coef @ spectrum.vectors, erm @ spectrum.vectors
            coef = np.where(np.abs(coef) > 1e-10 * np.abs(erm).max(initial=0.0), coef, 0.0)
            curvatures = spectrum.eigenvalues
            names = [f"component {i}" for i in range(len(coef))]
        else:
            factors = np.ones(len(coef))
            if estimator.penalty_factors is not None:
                factors = np.asarray(estimator.penalty_factors, dtype=np.float64)
            with np.errstate(divide="ignore"):
                curvatures = local.diagonal[local.own] / factors
        kept = (curvatures > 0) & np.isfinite(curvatures)
        display = cls(
            erm_coefs=erm[kept],
            coefs=coef[kept],
            curvatures=curvatures[kept],
            alpha=estimator.alpha_,
            names=np.asarray(names, dtype=object)[kept],
            unit_name="Hᵢᵢ" if estimator.penalty_factors is None else "Hᵢᵢ/fᵢ",
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, n_labels: int = 8) -> Self:
        """Draw.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        n_labels : int, default=8
            How many coefficients to name, the largest ones.

        Returns
        -------
        SoftThresholdDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_count(n_labels, "n_labels")
        ax = axes(ax, type(self).__name__, figsize=(6.4, 5.0))
        self.ax_, self.figure_ = ax, ax.figure
        before, after = self.units * self.erm_coefs, self.units * self.coefs
        largest = np.abs([before, after]).max(initial=0.0)
        reach = 1.15 * max(largest, 2.0 * self.threshold) or 1.0
        t = self.threshold
        self.dead_zone_ = ax.axvspan(
            -t, t, color="black", alpha=0.10, lw=0, label=f"dead zone, ±{t:.3g}"
        )
        ax.axhline(0.0, color="black", lw=0.6)
        corner = np.array([-reach, -t, t, reach])
        self.identity_ = ax.plot(
            [-reach, reach], [-reach, reach], color=COLORS[6], ls=":", lw=1, label="no penalty"
        )[0]
        self.line_ = ax.plot(
            corner,
            np.sign(corner) * np.maximum(np.abs(corner) - t, 0.0),
            color=COLORS[0],
            lw=2,
            label="soft threshold",
        )[0]
        on = after != 0
        common = {"s": 34, "color": COLORS[1], "zorder": 3}
        self.points_ = ax.scatter(before[on], after[on], label="kept", **common)
        self.zeros_ = ax.scatter(
            before[~on], after[~on], marker="X", label="switched off", **common
        )
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
        sign = "" if np.all(self.units == 1.0) else f"{self.unit_name} · "
        ax.set(xlabel=f"{sign}θ̂ᵢ, without a penalty", ylabel=f"{sign}θᵢ, at λ = {self.alpha:.3g}")
        self._draw_labels(before, after, n_labels)
        ax.legend(loc="lower right", frameon=False)
        uncut(self.figure_)
        return self

    def _draw_labels(self, before, after, n_labels):
        """Names above the axes, each over its point or as near as the others let it."""
        largest = np.argsort(-np.abs(before), kind="stable")[:n_labels]
        low, high = self.ax_.get_xlim()
        places = apart((before[largest] - low) / (high - low), 0.045, 0.01, 0.99)
        self.labels_ = [
            self.ax_.annotate(
                self.names[i],
                xy=(before[i], after[i]),
                xytext=(place, 1.03),
                textcoords="axes fraction",
                ha="center",
                va="bottom",
                rotation=90,
                fontsize="small",
                arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6},
            )
            for i, place in zip(largest, places, strict=True)
        ]
