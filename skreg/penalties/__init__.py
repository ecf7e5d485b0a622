"""Penalties J(θ): one a file, each knowing its shape and never its strength λ."""

from skreg._state import published
from skreg._validation import Registry, parameters_of
from skreg.penalties.base import Blocks, Penalty, Tangent
from skreg.penalties.elastic_net import L1, L2, ElasticNet, NoPenalty
from skreg.penalties.group import Group
from skreg.penalties.mcp import MCP
from skreg.penalties.network_groups import InputGroups, NetworkPenalty, NeuronGroups
from skreg.penalties.scad import SCAD
from skreg.penalties.separable import Separable
from skreg.penalties.slope import SLOPE
from skreg.penalties.sparse_group import SparseGroup

#: What ``penalty=`` of a linear model may name, and what makes it. Its arguments are taken from the
#: estimator's parameters: ``factors``, ``l2_factors``, ``l1_ratio``, ``positive``, ``bounds``,
#: ``groups``, ``gamma``, ``q``. Add to it to use a penalty of your own by name.
PENALTIES: Registry[Penalty] = Registry(
    "penalty",
    Penalty,
    {
        "l1": Separable,
        "elasticnet": Separable,
        "group": Group,
        "sparse_group": SparseGroup,
        "mcp": MCP,
        "scad": SCAD,
        "slope": SLOPE,
    },
)
make_penalty = PENALTIES.make
#: What ``penalty=`` of a network may name, beside its groups.
NETWORK_PENALTIES = {
    "none": lambda l1_ratio: NoPenalty(),
    "l2": lambda l1_ratio: L2(),
    "l1": lambda l1_ratio: L1(),
    "elasticnet": ElasticNet,
}
#: c of "group_log": a row of weights with norm 1 is shrunk 1 + c times less than a row near 0.
CONCAVITY = 20.0
#: What a network's ``groups=`` may name, with ``penalty="group"``.
GROUPS = {"inputs": InputGroups, "neurons": NeuronGroups}


def get_penalty(
    name: str | Penalty | None, l1_ratio: float = 0.5, groups: str | None = None
) -> Penalty | NetworkPenalty:
    """The penalty of a network that ``name`` stands for.

    Parameters
    ----------
    name : str, Penalty or None
        A key of `NETWORK_PENALTIES` or `PENALTIES`; "group", of the network's "inputs" or its
        "neurons"; "group_log", of its "inputs"; None for no penalty. A `Penalty` is taken as it is.
    l1_ratio : float, default=0.5
        For the penalties that take it.
    groups : {"inputs", "neurons"} or None, default=None

    Raises
    ------
    ValueError
        If there is no such penalty, or it takes more than ``l1_ratio``.
    """
    if isinstance(name, Penalty):
        return name
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
    if name is None or name in NETWORK_PENALTIES:
        return NETWORK_PENALTIES["none" if name is None else name](l1_ratio)
    if name not in PENALTIES:
        known = sorted({*NETWORK_PENALTIES, *PENALTIES, "group", "group_log"})
        raise ValueError(f"penalty must be one of {known}, a Penalty or None, got {name!r}.")
    parameters = parameters_of(PENALTIES[name])
    given = {"l1_ratio": l1_ratio} if "l1_ratio" in parameters else {}
    needed = [p.name for p in parameters.values() if p.default is p.empty]
    if set(needed) - set(given):
        raise ValueError(
            f"penalty={name!r} needs {', '.join(needed)}, which a network does not have. Give a "
            "penalty made with them, or penalty='group' with groups='inputs' or 'neurons'."
        )
    return make_penalty(name, **given)


_PUBLIC = (
    L1, L2, MCP, SCAD, SLOPE, Blocks, ElasticNet, Group, InputGroups, NetworkPenalty, NeuronGroups,
    NoPenalty, Penalty, Separable, SparseGroup, Tangent,
)  # fmt: skip
published(__name__, *_PUBLIC)

__all__ = [
    "CONCAVITY",
    "GROUPS",
    "L1",
    "L2",
    "MCP",
    "NETWORK_PENALTIES",
    "PENALTIES",
    "SCAD",
    "SLOPE",
    "Blocks",
    "ElasticNet",
    "Group",
    "InputGroups",
    "NetworkPenalty",
    "NeuronGroups",
    "NoPenalty",
    "Penalty",
    "Separable",
    "SparseGroup",
    "Tangent",
    "get_penalty",
    "make_penalty",
]
