"""Raw predictions of a network."""

from functools import partial, reduce

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import network as kernel
from skreg._threads import in_stripes
from skreg.network.waves import NO_WAVES

# To look for zeros, and to go round them, takes as long as so many columns of a product.
_COLUMNS_OF_LOOKING = 40
# Multiply-adds that are worth a thread: a sixth of a millisecond.
_SHARE = 1 << 24
# Rows by which it is decided whether to look.
_SAMPLE = 24


def compiled_network(units, activation, loss, n_members=1, waves=NO_WAVES):
    """The compiled network of these widths, with hidden activation, `Loss` and `Waves`."""
    return kernel.Network(
        units, activation, loss.name, loss.parameter, n_members, waves.n_numbers, waves.origins
    )


def zeros_lie_together(X, width):
    """Whether products of X with ``width`` columns are faster if the kernel looks for zeros.

    It leaves out the terms in which six rows of X, in the gradient six neighboring columns of a
    row, are all 0, as in images and tables of indicators: 56 % and 66 % on the MNIST subset. The
    result is the same to the bit.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    width : int
    """
    most = 1 - _COLUMNS_OF_LOOKING / width
    rows = X[:: max(1, X.shape[0] // _SAMPLE)][:_SAMPLE]
    n, d = (size // 6 * 6 for size in rows.shape)
    if most <= 0 or not n or not d:
        return False
    filled = (rows.toarray() if issparse(rows) else rows)[:n, :d] != 0
    if np.count_nonzero(filled) > most * filled.size:
        return False
    shares = [
        np.mean(reduce(np.logical_or, [lines[i::6] for i in range(6)]))
        for lines in (filled, filled.T)
    ]
    return sum(shares) < 2 * most


def raw_predictions(network, theta, X):
    """The outputs, before any link, of a compiled network for the rows of X.

    Threads share the blocks of rows if that is worth it; each block is predicted by itself, so
    their number changes no bit.

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
    n, work = X.shape[0], X.shape[0] * network.n_parameters
    out = np.empty((n, network.units[-1]), dtype=theta.dtype)
    if work < _SHARE and not issparse(X):  # of one row Python's calls take longer than the kernel
        network.forward(theta, np.ascontiguousarray(X), out)
        return out
    has_zeros = work > _SHARE and zeros_lie_together(X, network.units[1])
    if issparse(X):
        part = partial(network.forward_sparse, theta, X.data, X.indices, X.indptr, out, has_zeros)
    else:
        part = partial(network.forward, theta, np.ascontiguousarray(X), out, has_zeros)
    in_stripes(part, n, kernel.PREDICTED_ROWS, work // _SHARE)
    return out
