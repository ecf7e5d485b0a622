"""Raw predictions of a network."""

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import network as kernel


def compiled_network(units, activation, loss):
    """The compiled network of these widths, with hidden activation and `Loss`."""
    return kernel.Network(units, activation, loss.name, loss.parameter)


def raw_predictions(network, theta, X):
    """The outputs, before any link, of a compiled network for the rows of X.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    X : ndarray of shape (n, n_features), or CSR array with int32 indices
        In the dtype of ``theta``. Of a sparse X a few hundred rows at a time are made dense.

    Returns
    -------
    ndarray of shape (n, n_outputs)
    """
    out = np.empty((X.shape[0], network.units[-1]), dtype=theta.dtype)
    if issparse(X):
        network.forward_sparse(theta, X.data, X.indices, X.indptr, out)
    else:
        network.forward(theta, np.ascontiguousarray(X), out)
    return out
