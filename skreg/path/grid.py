"""Which λ to look at when the user names none."""

import numbers

import numpy as np

from skreg._validation import check_alphas

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


def lasso_alphas(model, alphas=None, hessian="full"):
    """λ for a lasso path: the user's, or a geometric grid from λ_max down to λ_max/1000.

    λ_max = ‖∇R(0)‖∞ is the smallest λ at which every coefficient is 0 (for a diagonal H, of that
    problem). Parameters and result as for `ridge_alphas`.
    """
    return _grid(alphas, lambda: model.alpha_max(hessian), 1e-3)


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
