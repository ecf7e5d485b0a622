"""How many weights of each layer the data determine: the spectrum of the Gauss-Newton matrix."""

import numpy as np

from skreg.network.activation import activation_and_slope
from skreg.network.parameters import layer_views

#: The matrix that is decomposed has at most this many rows.
LARGEST = 8000
# Numbers formed at once: 64 MB.
_BLOCK = 1 << 23


def effective_dof(theta, units, activation, loss, X, Y, weights, shrinkage):
    """Effective degrees of freedom of each layer, Σσ/(σ + λ).

    σ are the eigenvalues of the layer's block of the Gauss-Newton matrix G = Σᵢ wᵢ JᵢᵀHᵢJᵢ, with Jᵢ
    the derivatives of row i's raw predictions by the layer's non-zero weights and Hᵢ the loss's
    curvature (J. Moody, 1992, "The effective number of parameters"). The layer's biases, which have
    no penalty, are projected out; the other layers are held.

    Parameters
    ----------
    theta, units, activation, loss
        The network.
    X, Y : ndarray
        Rows.
    weights : ndarray of shape (n,) or None
    shrinkage : sequence of float, one a layer
        λ times the penalty's share of ½‖θ‖²; 0 counts the directions that the data determine, which
        for an L1 penalty is the number of non-zero weights where these are independent.

    Returns
    -------
    ndarray of shape (n_layers,)

    Raises
    ------
    ValueError
        If the loss has no curvature, or the smaller side of a layer's J is above `LARGEST`.
    """
    theta, X = theta.astype(np.float64), np.asarray(X, dtype=np.float64)
    roots, outputs, slopes = _curvature_roots(theta, units, activation, loss, X, Y, weights)
    layers, _ = layer_views(theta, units)
    dof = np.empty(len(layers))
    back = roots  # (n, q, fan_out): √(wᵢHᵢ) ∂f/∂z
    for level in reversed(range(len(layers))):
        dof[level] = _layer_dof(outputs[level], back, layers[level] != 0, shrinkage[level])
        if level:
            back = (back @ layers[level].T) * slopes[level][:, np.newaxis]
    return dof


def _curvature_roots(theta, units, activation, loss, X, Y, weights):
    """Square roots of wᵢHᵢ, (n, q, q); what every layer is given; the slopes there."""
    values, slopes, raw = [X], [None], None
    layers, biases = layer_views(theta, units)
    for W, b in zip(layers, biases, strict=True):
        raw = values[-1] @ W + b
        if len(values) < len(layers):
            value, slope = activation_and_slope(activation, raw)
            values.append(value)
            slopes.append(slope)
    curvature = loss.derivatives(Y, raw)[2]
    if not np.any(curvature > 0):
        raise ValueError(
            f"effective_dof needs a loss with curvature, and {loss.name!r} has none at these rows. "
            "Use another loss, or count the non-zero weights: sparsity_."
        )
    share = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    root = np.sqrt(curvature)
    roots = np.zeros((*root.shape, root.shape[1]))
    diagonal = np.arange(root.shape[1])
    roots[:, diagonal, diagonal] = root
    if loss.coupled:  # diag(p) − ppᵀ = D½(I − uuᵀ)D½ with u = √p of length 1
        roots -= root[:, :, np.newaxis] * curvature[:, np.newaxis, :]
    return roots * np.sqrt(share)[:, np.newaxis, np.newaxis], values, slopes


def _layer_dof(inputs, back, alive, shrinkage):
    """Σσ/(σ + λ) of one layer; inputs (n, fan_in), back (n, q, fan_out), alive as the weights."""
    n, q, _ = back.shape
    i, j = np.nonzero(alive)
    rows, size = n * q, len(i)
    if size == 0:
        return 0.0
    if min(rows, size) > LARGEST:
        raise ValueError(
            f"effective_dof would decompose a matrix of {min(rows, size)} rows ({n} rows of X "
            f"times {q} outputs, or {size} weights); {LARGEST} is the most. Give fewer rows of X."
        )
    flat = back.reshape(rows, -1)
    # Biases: an orthonormal basis of their columns.
    left, strength, _ = np.linalg.svd(flat, full_matrices=False)
    basis = left[:, strength > strength[0] * max(flat.shape) * np.finfo(np.float64).eps]

    gram = np.zeros((min(rows, size),) * 2)
    if rows <= size:
        step = max(1, _BLOCK // rows)
        for part in (slice(start, start + step) for start in range(0, size, step)):
            block = np.repeat(inputs[:, i[part]], q, axis=0) * flat[:, j[part]]
            block -= basis @ (basis.T @ block)
            gram += block @ block.T
    else:
        step = max(1, _BLOCK // (q * size))
        seen = np.zeros((basis.shape[1], size))
        for start in range(0, n, step):
            some = slice(q * start, q * (start + step))
            block = np.repeat(inputs[start : start + step][:, i], q, axis=0) * flat[some][:, j]
            gram += block.T @ block
            seen += basis[some].T @ block
        gram -= seen.T @ seen
    sigma = np.maximum(np.linalg.eigvalsh(gram), 0)
    sigma = sigma[sigma > sigma[-1] * len(sigma) * np.finfo(np.float64).eps]
    return float(np.sum(sigma / (sigma + shrinkage)))
