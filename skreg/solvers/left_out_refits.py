"""Rows whose approximate leave-one-out is in doubt: left out indeed, as far as it is cheap."""

import numpy as np

# Doubt that may remain, as a share of the loss.
_SETTLED = 0.005
# Rows up to which each is left out indeed.
_FEW = 16
# Multiply-adds that all refits may take, and how many there may be.
_BUDGET, _MOST = 1e10, 20_000


def refit_doubtful(raw, doubt, losses, refit, work):
    """Replace predictions in doubt by those of fits without the row, in place.

    Parameters
    ----------
    raw : ndarray of shape (n_alphas, n, K)
    doubt : ndarray of shape (n_alphas, n)
        About how far the loss of a row is off; 0 afterwards where it was refitted.
    losses : ndarray of shape (n_alphas,)
        Sums over rows.
    refit : callable
        ``refit(i, which)`` gives row i's raw predictions, (len(which), K), for these λ by fits
        without it.
    work : float
        Multiply-adds of such a fit, about.

    Returns
    -------
    ndarray of shape (n_alphas, n)
        Which were refitted.
    """
    wanted = np.zeros(doubt.shape, dtype=bool)
    for k, values in enumerate(doubt):
        wanted[k, _largest(values, _SETTLED * losses[k])] = True
    # A row of few moves the others, and the active set, by more than its leverage tells.
    wanted |= doubt.shape[1] <= _FEW
    limit = int(min(_BUDGET / max(work, 1.0), _MOST))
    if wanted.sum() > limit:
        relative = np.where(wanted, doubt / np.maximum(losses, 1e-300)[:, None], 0.0)
        kept = np.argsort(-relative, axis=None)[:limit]
        wanted = np.zeros_like(wanted)
        wanted.flat[kept] = True
    for i in np.flatnonzero(wanted.any(axis=0)):
        which = np.flatnonzero(wanted[:, i])
        raw[which, i] = refit(i, which)
    doubt[wanted] = 0.0
    return wanted


def _largest(values, rest):
    """Indices of the largest of values ≥ 0, the others of a sum of at most ``rest``."""
    order = np.argsort(values)
    return order[np.cumsum(values[order]) > rest]
