"""What a ridge leaves of each direction."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skreg._validation import check_alphas
from skreg.penalties.partition import check_feature_factors
from skreg.plotting._canvas import (
    QUIET,
    axes,
    check_count,
    expect,
    numbers_of,
    ordered_styles,
    uncut,
)
from skreg.plotting._fitted import fitted_in


class ShrinkageDisplay:
    """Eigenvalues σᵢ of the Hessian, and the factors σᵢ/(σᵢ+λ) that an L2 penalty leaves of them.

    With H = QΣQᵀ, the ridge multiplies the i-th coordinate of Qᵀθ̂ by σᵢ/(σᵢ+λ): directions with σᵢ
    far above λ survive, those far below are switched off, and at σᵢ = λ a half is left. The sum of
    the factors is the effective degrees of freedom.

    Use `from_estimator` or `from_quadratic`.

    Parameters
    ----------
    eigenvalues : ndarray of shape (r,)
        σ > 0; the directions with σ = 0 are left out, whose factor is 0 for every λ.
    alphas : ndarray of shape (n_alphas,)
    n_free : int, default=0
        Directions without a penalty, whose factor is 1.

    Attributes
    ----------
    factors : ndarray of shape (n_alphas, r)
        σᵢ/(σᵢ+λ).
    dof : ndarray of shape (n_alphas,)
        Their sum, directions without a penalty included.
    ax_ : Axes
    figure_ : Figure
    lines_ : list of Line2D
        The factor as a function of σ, one a λ.
    points_ : list of Line2D
        The factors at the eigenvalues, one a λ.
    halves_ : list of Line2D
        Where σ = λ, one a positive λ.
    rug_ : Line2D
        The eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxRidge
    >>> from skreg.plotting import ShrinkageDisplay
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> ridge = QuadraticApproxRidge(alpha=0.5).fit(X, X @ [3.0, 1.0])
    >>> display = ShrinkageDisplay.from_estimator(ridge)
    >>> display.eigenvalues, display.factors, display.dof
    (array([2. , 0.5]), array([[0.8, 0.5]]), array([1.3]))
    """

    def __init__(self, *, eigenvalues: Any, alphas: Any, n_free: int = 0) -> None:
        self.eigenvalues = numbers_of(eigenvalues, "eigenvalues", None)
        self.alphas = check_alphas(alphas)[0]
        check_count(n_free, "n_free")
        self.n_free = n_free
        self.factors = self.eigenvalues / (self.eigenvalues + self.alphas[:, None])
        self.dof = self.factors.sum(axis=1) + n_free

    @classmethod
    def from_estimator(cls, estimator: Any, *, alphas: Any = None, ax: Any = None) -> Self:
        """Draw the shrinkage of a fitted ridge.

        For another loss than squared error, H is that of the expansion at the solution.

        Parameters
        ----------
        estimator : QuadraticApproxRidge or QuadraticApproxRidgeClassifier
            Fitted, also in a Pipeline or a search. With ``penalty_factors`` the directions are
            those of the features in units of 1/√f, in which the penalty is plain again.
        alphas : None, float or array-like of shape (n_alphas,), default=None
            λ; None for the estimator's own.
        ax : None or Axes, default=None

        Returns
        -------
        ShrinkageDisplay

        Raises
        ------
        ValueError
            If the estimator's penalty is not L2.
        """
        check_is_fitted(estimator)
        estimator, _ = fitted_in(estimator)
        if hasattr(estimator, "store_quadratic") and not hasattr(estimator, "quadratic_"):
            raise ValueError(
                f"{type(estimator).__name__} has not kept its quadratic: fit it with "
                "store_quadratic=True."
            )
        if not hasattr(estimator, "quadratic_") or hasattr(estimator, "l1_ratio"):
            raise ValueError(
                f"{type(estimator).__name__} does not shrink by σ/(σ+λ): give a ridge. For an L1 "
                "penalty there is SoftThresholdDisplay."
            )
        alphas = estimator.alpha_ if alphas is None else alphas
        return cls.from_quadratic(
            estimator.quadratic_, alphas, penalty_factors=estimator.penalty_factors, ax=ax
        )

    @classmethod
    def from_quadratic(
        cls, quadratic: Any, alphas: Any, *, penalty_factors: Any = None, ax: Any = None
    ) -> Self:
        """Draw what these λ leave of a quadratic's directions.

        Parameters
        ----------
        quadratic : QuadraticModel
        alphas : float or array-like of shape (n_alphas,)
        penalty_factors : None or array-like of shape (p,), default=None
        ax : None or Axes, default=None

        Returns
        -------
        ShrinkageDisplay
        """
        wanted = "a QuadraticModel, such as quadratic_ of a fitted estimator"
        expect(quadratic, "quadratic", ("problem",), wanted)
        if penalty_factors is not None:
            check_feature_factors(penalty_factors, quadratic.n_features)
            penalty_factors = np.asarray(penalty_factors, dtype=np.float64)
        spectrum = quadratic.problem.spectrum(0.0, penalty_factors)
        display = cls(
            eigenvalues=spectrum.eigenvalues, alphas=alphas, n_free=int(spectrum.free_rank)
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
        ShrinkageDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes(ax, type(self).__name__, figsize=(8.4, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        sigma = self.eigenvalues
        reach = np.concatenate([sigma, self.alphas[self.alphas > 0]])
        low, high = (reach.min() / 3, reach.max() * 3) if len(reach) else (0.1, 10.0)
        along = np.geomspace(low, high, 300)
        ordered = np.argsort(np.argsort(self.alphas))
        styles = ordered_styles(len(self.alphas))
        self.lines_, self.points_, self.halves_ = [], [], []
        for alpha, factors, dof, i in zip(
            self.alphas, self.factors, self.dof, ordered, strict=True
        ):
            look = styles[i]
            name = f"λ = {alpha:.3g}: {dof:.3g} d.o.f."
            plain = {"color": look["color"], "linestyle": look["linestyle"]}
            self.lines_ += ax.plot(along, along / (along + alpha), lw=1.2, **plain)
            self.points_ += ax.plot(sigma, factors, ms=5, label=name, **look)
            self.points_[-1].set_linestyle("none")
            if alpha > 0:
                self.halves_.append(ax.axvline(alpha, color=look["color"], lw=0.8, ls=":"))
        self.rug_ = ax.plot(sigma, np.full(len(sigma), -0.05), "|", color="black", ms=9)[0]
        ax.axhline(0.5, color=QUIET, lw=0.6, zorder=1)
        ax.set(xscale="log", xlim=(low, high), ylim=(-0.09, 1.05))
        ax.set(xlabel="eigenvalue σᵢ of the Hessian", ylabel="what is left, σᵢ/(σᵢ+λ)")
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
        uncut(self.figure_)
        return self
