"""What a fitted linear model is saved as: plain data, and made of it again."""

from skreg._state import Held
from skreg.losses import loss_from_plain, plain_loss
from skreg.quadratic.stored import plain_problem, problem_from_plain

HELD: dict[str, Held | None] = {
    "_loss": Held("fitted_loss", plain_loss, loss_from_plain),
    "_exact": Held("quadratic", plain_problem, problem_from_plain),
    "_risk": Held("rows", plain_problem, problem_from_plain),
    "_dof": Held("effective_dof"),
    "_noise": Held("noise_variance"),
    "_evidence": Held("log_evidence"),
    "_gradient_norm": Held("gradient_norm"),
    "_streamed": Held("streamed"),
    "_quadratic": None,
    "_erm": None,
    "_known": None,
}
