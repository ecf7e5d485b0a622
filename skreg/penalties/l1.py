"""The lasso's penalty."""

from dataclasses import dataclass, field

from skreg.penalties.elastic_net import ElasticNet


@dataclass(frozen=True)
class L1(ElasticNet):
    """J(θ) = ‖θ‖₁ (Tibshirani, 1996): zeros are exact.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import L1
    >>> L1().prox(np.array([3.0, -2.0, 0.5]), step=1.0)
    array([ 2., -1.,  0.])
    """

    l1_ratio: float = field(default=1.0, init=False)
