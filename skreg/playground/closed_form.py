"""A network without hidden layers is a linear model: its exact path, and the risk around it."""

import warnings
from threading import Lock

import numpy as np

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.playground.run import penalty_parameters

_RIDGES = (QuadraticApproxRidgeClassifier, QuadraticApproxRidge)
_LASSOS = (QuadraticApproxLassoClassifier, QuadraticApproxLasso)
_noting = Lock()  # catch_warnings is the process's
_PATH = np.geomspace(100.0, 1e-4, 61)


def closed_form(state, data):
    """The minimizers that training makes for, in numbers and arrays.

    The linear estimators minimize the same objective as the network: ½ the mean squared error, or
    the mean log loss, plus λJ over the same features.

    Parameters
    ----------
    state : State
    data : Data

    Returns
    -------
    figures : dict
        ``l1_ratio`` of the penalty (0: L2), ``scale`` s: J is that of θ/s, and ``note``, what is to
        be said of the result.
    arrays : dict
        ``alphas`` (m,) and ``coefs`` (m, p), the path; ``theta`` (p,), the minimizer at the state's
        λ; ``hessian`` (p, p) and ``gradient`` (p,) of the risk there: contours of a section.
    """
    wanted = penalty_parameters(state)
    l1_ratio = {"l1": 1.0, "elasticnet": state.l1_ratio}.get(wanted["penalty"], 0.0)
    X, y = data.train
    scale = 1.0
    if data.is_regression:  # as the network does: λ is that of a target of variance 1
        scale = float(np.std(y)) or 1.0
        y = y / scale
    if l1_ratio:
        estimator = _LASSOS[data.is_regression](l1_ratio=l1_ratio, store_quadratic=True)
    else:
        estimator = _RIDGES[data.is_regression](store_quadratic=True)
    with _noting, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = estimator.regularization_path(X, y, _PATH)
        estimator.set_params(alpha=wanted["alpha"]).fit(X, y)
        theta = estimator.coef_
        quadratic = estimator.quadratic_
    arrays = dict(
        alphas=_PATH,
        coefs=scale * path.coefs,
        theta=scale * theta.ravel(),
        hessian=quadratic.hessian,
        gradient=scale * quadratic.gradient(theta).ravel(),
    )
    notes = dict.fromkeys(str(warning.message) for warning in caught)
    if state.max_norm:
        notes["Max-norm, which training obeys as well, is not part of it."] = None
    return dict(l1_ratio=l1_ratio, scale=scale, note=" ".join(notes)), arrays
