"""Which λ to look at when the user names none."""

from decimal import Decimal
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skreg._validation import check_alphas
from skreg.penalties import Penalty
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.solvers import alpha_max

#: How many λ an automatic grid has.
N_ALPHAS = 100
#: λ of an extension that are smaller than this share of the largest are not worth a try.
SMALLEST = 1e-14
# How many λ may be asked for by a number, which is more likely a slip from there on.
_MOST = 1_000_000


def path_alphas(
    problem: Problem,
    penalty: Penalty,
    alphas: int | ArrayLike | None = None,
    hessian: str = "full",
) -> NDArray[np.float64]:
    """λ for a path: the user's, or a geometric grid whose range the problem and the penalty say.

    A penalty with kinks starts at λ_max, the smallest λ at which every penalized coefficient is 0
    (for a diagonal H, of that problem), and goes down to λ_max/1000; features without a penalty are
    at their best in λ_max. For the lasso it is maxⱼ |∂R/∂θⱼ| / (ρfⱼ), for θ ≥ 0 of −∂R/∂θⱼ > 0
    only.

    A smooth penalty has no such λ. Its grid goes from 10σ₁ down to 10⁻⁵σ₁, σ₁ the largest
    eigenvalue of the Hessian at the null model, on features that are not excluded. At the top no
    direction keeps more than 1/11 of θ̂; at the bottom the strongest keep all but 10⁻⁵, and
    directions whose variance is below 10⁻⁵ of the largest are still damped.

    Parameters
    ----------
    problem : Problem
    penalty : Penalty
    alphas : None, int or array-like of shape (n_alphas,)
        None for 100 values, an int for so many, or the values themselves.
    hessian : {"full", "diagonal", "pca"}, default="full"

    Returns
    -------
    ndarray of shape (n_alphas,)
        The user's values in the user's order; an automatic grid descends.
    """
    if not (alphas is None or isinstance(alphas, int | np.integer)):
        return check_alphas(alphas)[0]
    n_alphas = size_of(alphas)
    top = np.inf if penalty.is_smooth else alpha_max(problem, penalty, hessian)
    if np.isinf(top):
        return _grid(n_alphas, 10.0 * _largest_eigenvalue(problem, penalty), 1e-6)
    return _grid(n_alphas, top, 1e-3)


def size_of(alphas: int | ArrayLike | None) -> int:
    """How many λ `path_alphas` makes of this."""
    if alphas is None:
        return N_ALPHAS
    if isinstance(alphas, int | np.integer):
        if not 1 <= alphas <= _MOST:
            raise ValueError(
                f"alphas={Decimal(int(alphas)):.3g} asks for that many values of λ: give a "
                f"positive number up to {_MOST}, or a list of λ."
            )
        return int(alphas)
    return len(check_alphas(alphas)[0])


def _largest_eigenvalue(problem: Problem, penalty: Penalty) -> float:
    """σ₁ of the features that are not excluded."""
    some = np.flatnonzero(penalty.admits(problem.n_features))
    if len(some) == problem.n_features:
        return problem.largest_eigenvalue
    if problem.is_in_chunks:
        return cast(ChunkRisk, problem).largest_eigenvalue_of(some)
    if not problem.is_quadratic:
        return cast(EmpiricalRisk, problem).restricted(some).largest_eigenvalue
    quadratic = cast(Quadratic, problem)
    if quadratic.holds_hessian:
        return float(np.linalg.eigvalsh(quadratic.hessian[np.ix_(some, some)]).max(initial=0.0))
    X, y, weights = quadratic.data
    return Quadratic.from_rows(X[:, some], y, weights, quadratic.centered).largest_eigenvalue


def _grid(n_alphas: int, top: float, ratio: float) -> NDArray[np.float64]:
    # Without any signal every λ gives 0: any grid will do.
    top = top or 1.0
    return np.geomspace(top, top * ratio, n_alphas)


def extension(alphas: NDArray[np.float64], side: str) -> NDArray[np.float64]:
    """Further λ on that side, as dense as ``alphas`` and half as many decades again, descending.

    Examples
    --------
    >>> extension(np.array([8.0, 4.0, 2.0, 1.0]), "smallest")
    array([0.5 , 0.25])
    """
    order = np.sort(alphas[alphas > 0])
    ratio = (order[-1] / order[0]) ** (1 / (len(order) - 1))
    more = ratio ** np.arange(1, max(2, len(order) // 2) + 1)
    if side == "largest":
        return order[-1] * more[::-1]
    smaller = order[0] / more
    return smaller[smaller >= SMALLEST * order[-1]]


def one_alpha(alpha: float) -> float:
    """A single λ; ValueError for what is none."""
    values, is_one = check_alphas(alpha, "alpha")
    if not is_one:
        raise ValueError(f"alpha must be one number, got {alpha!r}. Ask for one after another.")
    return float(values[0])


def place_of(alpha: float, alphas: NDArray[np.float64]) -> int:
    """Where λ stands among the ``alphas`` of a path.

    Raises
    ------
    ValueError
        If it is none of them; the message names the nearest.
    """
    i = int(np.abs(alphas - (wanted := one_alpha(alpha))).argmin())
    if not np.isclose(alphas[i], wanted, rtol=1e-9, atol=0.0):
        raise ValueError(
            f"alpha={alpha} is not on this path; the nearest λ that is, is "
            f"{float(alphas[i])!r}. Ask for one of path.alphas, or fit the estimator."
        )
    return i
