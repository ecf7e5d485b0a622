"""Effective degrees of freedom of a fit by any loss, with the curvature where it ended."""

import numpy as np

from skreg.quadratic.curvature import Curvature
from skreg.solvers.left_out import columns, inverse_root, reduced
from skreg.solvers.newton import LARGEST_DENSE


def degrees_of_freedom(risk, penalty, alphas, coefs, intercepts):
    """tr H(H + λD)⁻¹ over the active coefficients, D the second derivatives of J.

    The intercepts are not counted. For the lasso D = 0 and it is the number of independent active
    coefficients (Zou, Hastie & Tibshirani, 2007; with an L2 part Tibshirani & Taylor, 2012).

    Parameters
    ----------
    risk : LinearRisk
    penalty : Separable
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_alphas, K, p)
    intercepts : ndarray of shape (n_alphas, K)

    Returns
    -------
    ndarray of shape (n_alphas,)
        NaN where the Hessian is too large to be formed.
    """
    l2, free = penalty.l2(risk.n_features), penalty.unpenalised(risk.n_features)
    whole = reduced(risk, l2) if penalty.l1_ratio == 0 else None
    out = np.empty(len(alphas))
    for i, (alpha, coef, intercept) in enumerate(zip(alphas, coefs, intercepts, strict=True)):
        raw = risk.raw(coef, intercept)
        if whole is not None:
            out[i] = _trace(*whole, raw, alpha, None)
            continue
        active = (coef != 0) | free
        used = np.flatnonzero(active.any(axis=0))
        out[i] = _trace(columns(risk, used), l2[used], raw, alpha, active[:, used])
    return out


def _trace(risk, factors, raw, alpha, active):
    size = risk.n_features * risk.n_outputs
    if size > LARGEST_DENSE:
        return np.nan
    if not size:
        return 0.0
    bends, ridge = Curvature.of(risk, risk.derivatives_at(raw)[2]), alpha * factors
    ridge = np.tile(ridge, risk.n_outputs)
    if active is None or active.all():
        return bends.factor(ridge).dof()
    root = inverse_root(bends, ridge, active)
    return len(root) - float(ridge @ np.einsum("ij,ij->j", root, root))
