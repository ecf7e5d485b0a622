"""L1 and elastic net under any loss: proximal Newton along a path, with a certificate at every λ.

At a point θ the risk is replaced by its quadratic, with the gradient g there and a Hessian H that
may be older, and the quadratic's lasso on a working set gives the next point (Lee, Sun & Saunders,
2014). Written as ½θᵀHθ + Nᵀθ with N = g − Hθ, all that a step needs to know is N, a smooth function
of λ along the path. So the first point at a new λ takes N *extrapolated* from the last few λ, by
the degree that would have served best at the last of them.

The certificate need not wait until the gradient is right to many digits. The quadratic's own dual
point, the residual linearized about the points that N came from, meets the conditions on the
working set exactly, and the gap it gives is of second order in the error of the quadratic, where
the residual itself gives one of first order. Mostly a λ takes one quadratic.

Steps are accepted on sufficient decrease of the objective (the intercepts always at their best),
and shortened if need be, with a Hessian taken anew first: convergence is global. H is renewed when
the steps that its age has cost weigh as much as a new one.
"""

from typing import ClassVar

from skreg._threads import one_blas_thread
from skreg.solvers.method import Answer, Method, Task
from skreg.solvers.newton import free_directions_notes
from skreg.solvers.penalized_interior import closer_inside
from skreg.solvers.proximal_path import MAX_EXPANSIONS, ProximalPath

# Relative gaps from which on a further step is taken for the digits of θ.
_POLISHED = 1e-12
# Quadratics for one λ, once a λ has shown that the risk has no minimizer.
_ENDLESS = 20


class ProximalNewton(Method):
    """The walk of `ProximalPath`, with a certificate at every λ."""

    name = "proximal_newton"
    scope = "L1, elastic-net and group penalties under any convex loss with a curvature"
    needs: ClassVar = {
        "problem.is_quadratic": (False,),
        "problem.has_curvature": (True,),
        "problem.is_convex": (True,),
        "penalty.kernel": ("coordinates", "groups"),
        "is_full": (True,),
    }
    unit = "passes"
    # Duality gaps are quadratic in the error: it takes a gap of 1e-14 for coefficients to seven
    # digits, and the last step of a Newton method often brings that.
    closer = 1e-6

    def path(self, task: Task) -> Answer:
        """Follow the path downwards in λ; Newton's method answers at λ = 0, unless bounded."""
        limit = task.max_expansions or MAX_EXPANSIONS
        with one_blas_thread():
            answer = Answer.of(task, self.name, _solved(task, limit))
        _complete(task, limit, answer)
        return answer

    def alpha_max(self, task: Task) -> float:
        """Largest pull of the null model, where features without a penalty are at their best."""
        with one_blas_thread():
            return ProximalPath(task.risk, task.penalty, 1e-10, 10_000).alpha_max


def _solved(task, limit):
    """The place of each λ and its `Stop`, downwards."""
    risk, penalty, alphas, starts = task.risk, task.penalty, task.alphas.tolist(), _starts(task)
    path = ProximalPath(risk, penalty, task.tol, task.max_iter, limit)
    for i in task.descending().tolist():
        if alphas[i] == 0 and not penalty.is_bounded(risk.n_features):
            yield i, path.evaluate.unpenalized()
            continue
        stop = path.solve(alphas[i], starts.get(i))
        if stop.n_expansions >= limit and _has_no_minimum(path):
            path.max_expansions = min(limit, _ENDLESS)
        if task.tol <= _POLISHED:
            stop = path.polish(stop)
        yield i, closer_inside(task, i, stop)


def _starts(task):
    """θ (K, p) and b (K,) near the solution at some λ, by its place: of all, or of the largest."""
    if task.start is None:
        return {}
    if task.start[0].ndim == 3:
        return dict(enumerate(zip(*task.start, strict=True)))
    return {task.descending()[0]: task.start}


def _has_no_minimum(path):
    """Whether the risk falls forever along features without a penalty, whatever λ is."""
    thetas = path.point.theta.reshape(1, *path.certificate.shape)
    return bool(free_directions_notes(path.risk, path.penalty, thetas))


def _complete(task, limit, answer):
    """Say where quadratics were spent, and take out what all classes have in common.

    That changes nothing where it costs nothing.
    """
    answer.exhausted |= answer.n_expansions >= limit
    if task.risk.loss.coupled:
        answer.intercepts -= answer.intercepts.mean(axis=1, keepdims=True)
        if not task.penalty.is_bounded(task.risk.n_features):
            free = task.penalty.free(task.risk.n_features)
            answer.thetas[:, :, free] -= answer.thetas[:, :, free].mean(axis=1, keepdims=True)
