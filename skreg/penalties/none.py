"""No penalty: the empirical risk alone."""

from dataclasses import dataclass, field

from skreg.penalties.elastic_net import ElasticNet


@dataclass(frozen=True)
class NoPenalty(ElasticNet):
    """J(θ) = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import NoPenalty
    >>> NoPenalty().value(np.array([3.0, -2.0]))
    0.0
    """

    l1_ratio: float = field(default=0.0, init=False)

    @property
    def l2_share(self):
        """Weight of ½‖θ‖₂² in J: none."""
        return 0.0
