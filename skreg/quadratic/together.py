"""The quadratic of the rows of two."""

import numpy as np

from skreg.quadratic.quadratic import GramQuadratic, Quadratic


def together(one: Quadratic, other: Quadratic, sign: int = 1) -> GramQuadratic:
    """The quadratic with the rows of another, or with ``sign=-1`` without them.

    ValueError if only one of them has an intercept.
    """
    if one.centered != other.centered:
        raise ValueError("models with and without an intercept do not add: make both alike.")
    mine, its = one.as_moments(), other.as_moments()
    dtype = np.result_type(one.dtype, other.dtype)
    single = one.single_target and other.single_target
    moments = mine + its if sign > 0 else mine - its
    return GramQuadratic(moments, one.centered, None, dtype, single)
