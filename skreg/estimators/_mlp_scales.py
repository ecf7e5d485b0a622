"""Features whose numbers a network cannot train on are named before it does."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

# Root mean squares above the first, and columns whose largest number is below the second, are
# told. Pixels up to 255 and indicators of rare classes are not: a network learns from them.
_LARGE, _SMALL = 200.0, 1e-3
_SAMPLE = 1000
_NAMED = 5


def warn_of_scales(X: Any, names: NDArray | None = None) -> None:
    """Warn of columns of X on a scale far from 1, by name.

    The start and the steps of a network suit features of about unit variance; on others it ends
    far from the minimum, and λ weighs its inputs unequally.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, p)
        A sample of its rows is looked at.
    names : None or ndarray of shape (p,)

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_scales(np.array([[1.0, 4e4], [2.0, -3e4]]))
    >>> print(caught[0].message)
    X has a column on a scale far from 1: column 1 (about 4e+04). Networks train poorly on such ...
    """
    size, largest = _sizes(X[:: -(-X.shape[0] // _SAMPLE)])
    odd = np.flatnonzero((size > _LARGE) | ((largest > 0) & (largest < _SMALL)))
    if not odd.size:
        return
    order = odd[np.argsort(-np.abs(np.log(size[odd])), kind="stable")]
    told = [
        f"{f'column {j}' if names is None else repr(names[j])} (about {size[j]:.0e})"
        for j in order[:_NAMED]
    ]
    more = f" and {odd.size - _NAMED} more" if odd.size > _NAMED else ""
    kind = "a column on a scale" if odd.size == 1 else "columns on scales"
    warnings.warn(
        f"X has {kind} far from 1: {', '.join(told)}{more}. Networks train poorly on such "
        "numbers, and λ weighs their inputs unequally: put a StandardScaler before the network, "
        "in a Pipeline.",
        UserWarning,
        stacklevel=6,
    )


def _sizes(X):
    """Root mean square and largest absolute value of every column."""
    if issparse(X):
        largest = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
    else:
        largest = np.abs(X).max(axis=0).astype(np.float64)
    unit = np.where(largest > 0, largest, 1.0)
    scaled = X.multiply(1.0 / unit) if issparse(X) else X / unit
    squares = (
        scaled.multiply(scaled).mean(axis=0) if issparse(X) else np.square(scaled).mean(axis=0)
    )
    return unit * np.sqrt(np.asarray(squares, dtype=np.float64).ravel()), largest
