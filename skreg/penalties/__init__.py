"""Penalties J(θ): one a file, each knowing its shape and never its strength λ."""

from skreg.penalties.base import Penalty
from skreg.penalties.elastic_net import ElasticNet
from skreg.penalties.group import Group
from skreg.penalties.l1 import L1
from skreg.penalties.l2 import L2
from skreg.penalties.none import NoPenalty
from skreg.penalties.separable import Separable

#: What ``penalty=`` may name. A penalty is made from the estimator's ``l1_ratio``.
PENALTIES = {
    "none": lambda l1_ratio: NoPenalty(),
    "l2": lambda l1_ratio: L2(),
    "l1": lambda l1_ratio: L1(),
    "elasticnet": ElasticNet,
}


def get_penalty(name, l1_ratio=0.5):
    """The penalty that ``name`` (a key of `PENALTIES`, or None for no penalty) stands for."""
    return PENALTIES["none" if name is None else name](l1_ratio)


__all__ = [
    "L1",
    "L2",
    "PENALTIES",
    "ElasticNet",
    "Group",
    "NoPenalty",
    "Penalty",
    "Separable",
    "get_penalty",
]
