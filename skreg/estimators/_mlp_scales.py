"""Features whose scale makes a penalty all or nothing are named before training."""

import numpy as np
from numpy.typing import NDArray

from skreg._warnings import warn_user
from skreg.network.columns import Sizes

# Root mean squares above the first, and columns whose largest number is below the second, are
# told. Pixels up to 255 and indicators of rare classes are not.
_LARGE, _SMALL = 200.0, 1e-3
_NAMED = 5


def check_scales(sizes: Sizes, names: NDArray | None = None) -> None:
    """Raise ValueError where a column's squares leave the range of its dtype."""
    j = int(np.argmax(sizes.size))
    if sizes.size[j] > sizes.limit:
        raise ValueError(
            f"X has numbers of about {sizes.size[j]:.0e} in {_name(j, names)}, and networks train "
            f"on no more than {sizes.limit:.0e} in {sizes.dtype}. Scale X down, for example with "
            "StandardScaler, or give it in float64."
        )


def warn_of_scales(sizes: Sizes, names: NDArray | None = None) -> None:
    """Warn of columns of X on a scale far from 1, by name.

    `Columns` lets a network train on them, but the objective stays that of X: the weights of a
    large column are small, and a penalty hardly acts on them; those of a small one are too dear.

    Parameters
    ----------
    sizes : Sizes
        Of the columns of X.
    names : None or ndarray of shape (p,)

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_scales(Sizes.of(np.array([[1.0, 4e4], [2.0, -3e4]])))
    >>> print(caught[0].message)
    X has a column on a scale far from 1: column 1 (about 4e+04). λ hardly penalizes the ...
    """
    share = np.where(sizes.share > 0, sizes.share, 1.0)
    size, largest = sizes.size * np.sqrt(share), sizes.largest
    odd = np.flatnonzero((size > _LARGE) | ((largest > 0) & (largest < _SMALL)))
    if not odd.size:
        return
    order = odd[np.argsort(-np.abs(np.log(size[odd])), kind="stable")]
    told = [f"{_name(j, names)} (about {size[j]:.0e})" for j in order[:_NAMED]]
    more = f" and {odd.size - _NAMED} more" if odd.size > _NAMED else ""
    kind = "a column on a scale" if odd.size == 1 else "columns on scales"
    warn_user(
        f"X has {kind} far from 1: {', '.join(told)}{more}. λ hardly penalizes the weights "
        "of large columns, and those of small ones too much: put a StandardScaler before the "
        "network, in a Pipeline.",
        UserWarning,
    )


def _name(j, names):
    return f"column {j}" if names is None else repr(names[j])
