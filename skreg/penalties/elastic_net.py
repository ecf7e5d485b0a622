"""The elastic net and its corners by name: L1, L2 and no penalty."""

from skreg.penalties.separable import Separable


class ElasticNet(Separable):
    """J(θ) = ρ‖θ‖₁ + (1−ρ)·½‖θ‖₂² with ρ = ``l1_ratio`` (Zou & Hastie, 2005).

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        ρ: 1 is the lasso's penalty, 0 the ridge's.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import ElasticNet
    >>> ElasticNet(0.5).prox(np.array([2.0, -0.2, 0.0]), step=1.0)
    array([1., 0., 0.])
    """

    def __init__(self, l1_ratio: float):
        super().__init__(l1_ratio)

    def __repr__(self):
        return f"ElasticNet({self.l1_ratio})"


class L1(Separable):
    """J(θ) = ‖θ‖₁ (Tibshirani, 1996): zeros are exact.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import L1
    >>> L1().prox(np.array([3.0, -2.0, 0.5]), step=1.0)
    array([ 2., -1.,  0.])
    """

    def __init__(self):
        super().__init__(1.0)

    def __repr__(self):
        return "L1()"


class L2(Separable):
    """J(θ) = ½‖θ‖₂² (Hoerl & Kennard, 1970).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import L2
    >>> L2().prox(np.array([3.0, -2.0]), step=1.0)
    array([ 1.5, -1. ])
    """

    def __init__(self):
        super().__init__(0.0)

    def __repr__(self):
        return "L2()"


class NoPenalty(Separable):
    """J(θ) = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import NoPenalty
    >>> NoPenalty().value(np.array([3.0, -2.0]))
    0.0
    """

    def __init__(self):
        super().__init__(0.0, factors=0.0)

    @property
    def l2_share(self) -> float:
        """Weight of ½‖θ‖₂² in J: none."""
        return 0.0

    def __repr__(self):
        return "NoPenalty()"
