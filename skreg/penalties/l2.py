"""Weight decay, the ridge's penalty."""

from dataclasses import dataclass, field

from skreg.penalties.elastic_net import ElasticNet


@dataclass(frozen=True)
class L2(ElasticNet):
    """J(θ) = ½‖θ‖₂² (Hoerl & Kennard, 1970).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import L2
    >>> L2().prox(np.array([3.0, -2.0]), step=1.0)
    array([ 1.5, -1. ])
    """

    l1_ratio: float = field(default=0.0, init=False)
