"""What a fitted linear model is saved as: plain data, and made of it again."""

from typing import Any, cast

from skreg._state import Held
from skreg.losses import loss_from_plain, plain_loss
from skreg.model import QuadraticModel
from skreg.quadratic.expansion import ArrayExpansion
from skreg.quadratic.stored import plain_problem, problem_from_plain


def _expansion(model: QuadraticModel) -> dict[str, Any] | None:
    """The expansion at the solution; None where it is of rows, or can be made again."""
    return plain_problem(model.problem) if isinstance(model.problem, ArrayExpansion) else None


HELD: dict[str, Held | None] = {
    "_loss": Held("fitted_loss", plain_loss, loss_from_plain),
    "_exact": Held("quadratic", plain_problem, problem_from_plain),
    "_risk": Held("rows", plain_problem, problem_from_plain),
    "_dof": Held("effective_dof"),
    "_noise": Held("noise_variance"),
    "_evidence": Held("log_evidence"),
    "_gradient_norm": Held("gradient_norm"),
    "_streamed": Held("streamed"),
    "_quadratic": Held(
        "expansion", _expansion, lambda plain: QuadraticModel(cast(Any, problem_from_plain(plain)))
    ),
    "_erm": None,
    "_known": None,
}
