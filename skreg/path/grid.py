"""Which λ to look at when the user names none."""

import numbers

import numpy as np

from skreg._validation import check_alphas
from skreg.quadratic.lasso import alpha_max as model_alpha_max

#: How many λ an automatic grid has.
N_ALPHAS = 100


def ridge_alphas(model, alphas=None):
    """λ for a ridge path: the user's, or a geometric grid from 10σ₁ down to 10⁻⁵σ₁.

    σ₁ is the largest eigenvalue of H. At the top no direction keeps more than 1/11 of θ̂; at the
    bottom the strongest keep all but 10⁻⁵, and directions whose variance is below 10⁻⁵ of the
    largest are still damped.

    Parameters
    ----------
    model : QuadraticModel
    alphas : None, int or array-like of shape (n_alphas,)
        None for 100 values, an int for so many, or the values themselves.

    Returns
    -------
    ndarray of shape (n_alphas,)
        The user's values in the user's order; an automatic grid descends.
    """
    return _grid(alphas, lambda: 10.0 * model.largest_eigenvalue, 1e-6)


def lasso_alphas(model, alphas=None, hessian="full", penalty=None):
    """λ for a lasso path: the user's, or a geometric grid from λ_max down to λ_max/1000.

    λ_max = maxⱼ |∂R/∂θⱼ| / (ρfⱼ) is the smallest λ at which every penalised coefficient is 0 (for
    a diagonal H, of that problem); the gradient is taken with these at 0 and features without a
    penalty at their best. With θ ≥ 0 only −∂R/∂θⱼ > 0 counts. A penalty without an L1 part has no
    such λ and takes the grid of `ridge_alphas`. Parameters and result as for `ridge_alphas`;
    ``penalty`` is a `Separable`, None for ‖θ‖₁.
    """
    if penalty is not None and penalty.l1_ratio == 0:
        return ridge_alphas(model, alphas)
    return _grid(alphas, lambda: model_alpha_max(model, hessian, penalty), 1e-3)


def _grid(alphas, largest, ratio):
    if alphas is None:
        alphas = N_ALPHAS
    if not isinstance(alphas, numbers.Integral):
        return check_alphas(alphas)[0]
    if alphas < 1:
        raise ValueError(
            f"alphas={alphas} asks for that many values of λ: give a positive number, "
            "or a list of λ."
        )
    # Without any signal every λ gives 0: any grid will do.
    top = largest() or 1.0
    return np.geomspace(top, top * ratio, int(alphas))
