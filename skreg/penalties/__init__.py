"""Penalties J(θ): one a file, each knowing its shape and never its strength λ."""

from skreg.penalties.base import Blocks, Penalty, Tangent
from skreg.penalties.elastic_net import L1, L2, ElasticNet, NoPenalty
from skreg.penalties.group import Group
from skreg.penalties.network_groups import InputGroups, NeuronGroups
from skreg.penalties.separable import Separable

#: What ``penalty=`` may name. A penalty is made from the estimator's ``l1_ratio``.
PENALTIES = {
    "none": lambda l1_ratio: NoPenalty(),
    "l2": lambda l1_ratio: L2(),
    "l1": lambda l1_ratio: L1(),
    "elasticnet": ElasticNet,
}


#: c of "group_log": a row of weights with norm 1 is shrunk 1 + c times less than a row near 0.
CONCAVITY = 20.0
#: What a network's ``groups=`` may name, with ``penalty="group"``.
GROUPS = {"inputs": InputGroups, "neurons": NeuronGroups}


def get_penalty(name, l1_ratio=0.5, groups=None):
    """The penalty that ``name`` (a key of `PENALTIES`, or None for no penalty) stands for.

    "group" is a network's, of its "inputs" or its "neurons"; "group_log" of its "inputs".
    """
    if name == "group_log":
        if groups != "inputs":
            raise ValueError(f"groups must be 'inputs' with penalty='group_log', got {groups!r}.")
        return InputGroups(CONCAVITY)
    if name == "group":
        if groups not in GROUPS:
            raise ValueError(
                f"groups must be 'inputs' or 'neurons' with penalty='group', got {groups!r}."
            )
        return GROUPS[groups]()
    return PENALTIES["none" if name is None else name](l1_ratio)


__all__ = [
    "CONCAVITY",
    "GROUPS",
    "L1",
    "L2",
    "PENALTIES",
    "Blocks",
    "ElasticNet",
    "Group",
    "InputGroups",
    "NeuronGroups",
    "NoPenalty",
    "Penalty",
    "Separable",
    "Tangent",
    "get_penalty",
]
