"""Approximate leave-one-out (ALO): what Newton steps say of the fits without a row.

At the solution of all rows, with fᵢ the raw predictions, leaving row i out and taking one Newton
step on the objective that is left gives its raw predictions without a fit (Rad & Maleki, 2020):

    f₋ᵢ = fᵢ + (I − QᵢΛᵢ)⁻¹(sᵢQᵢ∇ℓᵢ + vᵢ),    Λᵢ = sᵢ∇²ℓᵢ,    Qᵢ = xᵢᵀAxᵢ,    A = (H + λ'D)⁻¹,

x with the intercept's 1, s the shares of the weight, H = Xᵀ diag(Λ) X and D the second derivatives
of J, a sum over coefficients. The mean is over the rows that are left, as everywhere: so λ' =
λ(1 − s), and vᵢ = −sᵢxᵢᵀAΣₖsₖ∇ℓₖxₖ is what this change of λ does. Where J has kinks or bounds only
the active coefficients count, as if they stayed active (Wang et al., 2018). Without the
denominator, the infinitesimal jackknife, λ would come out decades too small.

One step is exact for squared error and a ridge, and close where no row matters much. Where
classes are nearly separated the few rows in between do, so the rows whose loss the step changes
most take a second one, with the same A and the gradient at the first one's end; how far it goes
tells what is still wrong, and how many more rows are to take one.

Cost for each λ: 2np² flops for H and the rows times the root of A, and 4np for each second step.
p > n is reduced to n.
"""

from dataclasses import dataclass

import numpy as np

from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.point import row_roots
from skreg.quadratic.reduction import RowSpace
from skreg.rows.products import EPS, by_halves, product, slices
from skreg.solvers.newton import LARGEST_DENSE, is_wide

#: A leverage from which on a step is not to be trusted.
TRUSTED = 0.95
# Doubt that may remain, as a share of the whole loss, and how many second steps are taken at first.
_SETTLED, _FIRST = 0.005, 8
# What stands for a change of loss that is no number.
_ENDLESS = 1e200
# Of a change of loss, what may be wrong where the active set changes.
_UNSETTLED = 0.3
# Rows of the least doubt whose fits tell what to expect of the others, and the share of the loss
# that these may then be off.
_LOOKED_AT, _CHECKED = 4, 0.05
# Rows up to which each is left out indeed.
_FEW = 16
# Multiply-adds that all refits may take, and how many there may be.
_BUDGET, _MOST = 1e10, 20_000
# Multiply-adds from which a second thread pays, and numbers in a block of second steps.
_WORTH_TWO, _BLOCK = 1e8, 2**21


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Of one λ.

    Attributes
    ----------
    raw : ndarray of shape (n, K)
        Raw predictions of every row by the fit to the others, with the offset if there is one.
    leverage : ndarray of shape (n,)
        The largest eigenvalue of QᵢΛᵢ: 0 to 1.
    doubt : ndarray of shape (n,)
        About how far ℓᵢ(f₋ᵢ) is off.
    """

    raw: np.ndarray
    leverage: np.ndarray
    doubt: np.ndarray


def left_out(risk, penalty, alphas, coefs, intercepts, told=("leave-one-out", "Use cv=5")):
    """Raw predictions of every row by the fit to all the others, approximately, for each λ.

    The penalty is a separable one, and ``coefs`` (n_alphas, K, p) and ``intercepts`` (n_alphas, K)
    are the minimizers for all rows. ValueError if a Hessian would be too large to be formed:
    ``told`` is what cannot be had then, and what to do instead.
    """
    whole = None
    if is_one_ridge(risk, penalty):
        whole = reduced(risk, unit_ridge(risk, penalty))
    for alpha, coef, intercept in zip(alphas, coefs, intercepts, strict=True):
        raw = risk.raw(coef, intercept)
        if whole is not None:
            refuse_large(whole[0], *told)
            yield _Steps(whole[0], raw, np.tile(alpha * whole[1], len(coef))).run(None)
        else:
            yield _on_active_set(risk, penalty, alpha, coef, raw, told)


def _on_active_set(risk, penalty, alpha, coef, raw, told):
    """`LeftOut` of one λ, with the curvature of J on the coefficients that are active."""
    tangent = penalty.curvature(coef, alpha)
    active, bend = tangent.active, np.zeros(coef.shape)
    bend[active] = tangent.diagonal
    used = np.flatnonzero(active.any(axis=0))
    part = risk.restricted(used)
    within, bend = active[:, used], bend[:, used]
    if within.all() and (bend > 0).any() and (bend == bend[0]).all() and (bend >= 0).all():
        small, ridge = reduced(part, bend[0])
        if small is not part:
            refuse_large(small, *told)
            return _Steps(small, raw, np.tile(ridge, len(coef))).run(None)
    refuse_large(part, *told)
    check = _HeldActive(risk, penalty, alpha, coef, active, used, bend)
    return _Steps(part, raw, bend.ravel(), within).run(check)


def is_one_ridge(risk, penalty):
    """Whether J is a ridge that λ multiplies, wherever θ is."""
    is_ridge = penalty.is_smooth and penalty.kernel == "coordinates"
    return is_ridge and not penalty.is_bounded(risk.n_features)


def unit_ridge(risk, penalty):
    """Its factors (p,)."""
    return penalty.curvature(np.zeros((1, risk.n_features)), 1.0).diagonal


def is_large(risk):
    """Whether the Hessian of all coefficients is too large to be formed."""
    return risk.n_outputs * risk.n_features > LARGEST_DENSE


def refuse_large(risk, name, instead):
    """ValueError where it is."""
    if is_large(risk):
        raise ValueError(
            f"{name} takes a Hessian, and one of {risk.n_outputs * risk.n_features} coefficients "
            f"in {risk.n_rows} rows is too large. {instead}, or fewer features."
        )


def reduced(risk, factors):
    """The risk, and the factors of a ridge, of at most n features."""
    if is_wide(risk, factors):
        space = RowSpace(risk, factors)
        if space.risk.n_features:
            return space.risk, space.factors
    return risk, factors


class _HeldActive:
    """What a penalty with kinks or bounds asks of a step: ``active`` (K, p) is to stay as it is.

    ``used`` are the features of which some coefficient is active, and ``bend`` (K, used) are the
    second derivatives of λJ, which are to stay, too.
    """

    def __init__(self, risk, penalty, alpha, coef, active, used, bend):
        self.risk, self.penalty, self.alpha = risk, penalty, alpha
        self.coef, self.active, self.used, self.bend = coef, active, used, bend
        ones, self.held = np.ones(coef.shape[1]), []
        # −∂R/∂θ beyond which a coefficient leaves 0 upwards and downwards: 0 without a kink.
        for pull in (penalty.pull(ones), penalty.pull(-ones)):
            self.held.append(np.divide(alpha, pull, out=np.full_like(ones, np.inf), where=pull > 0))
        self.inward = penalty.gradient(coef, alpha)

    def leaves(self, steps, residual):
        """Whether each of m steps (m, K, used), with s∇ℓ (K, n, m) there, leaves the active set."""
        used, out, new = self.used, np.zeros(len(steps), dtype=bool), self.coef.copy()
        slack = 1e-9 * np.abs(self.inward).max(initial=0.0) + EPS
        for i, step in enumerate(steps):
            new[:, used] = self.coef[:, used] + step
            linear = self.inward[:, used] + self.bend * step
            off = np.abs(self.penalty.gradient(new, self.alpha)[:, used] - linear) > slack
            out[i] = (off & self.active[:, used]).any() or np.isinf(self.penalty.value(new))
        for k, coef in enumerate(self.coef):
            pull = -self.risk.design.transposed_dot(residual[k]).T
            up, down = ((1 + 1e-9) * held + EPS for held in self.held)
            loose = (pull > up) | (-pull > down)
            at_bound = coef != 0  # of those that are not active
            back = np.sign(coef) * (pull - self.inward[k]) < -EPS
            out |= np.where(at_bound, back, loose)[:, ~self.active[k]].any(axis=1)
        return out


class _Steps:
    """Newton steps toward the fits without a row, at one λ.

    ``ridge`` (K·p,) is the diagonal of λD, ``active`` (K, p) marks the coefficients that count.
    """

    def __init__(self, risk, raw, ridge, active=None):
        K, p = risk.n_outputs, risk.n_features
        self.risk, self.raw, self.ridge = risk, raw, ridge
        self.loss = risk.loss.derivatives(risk.y, raw)[0]
        _, self.gradient, self.curvature = risk.derivatives_at(raw)
        hessian = DenseHessian(risk, self.curvature)
        self.B, self.mixed = hessian.inverse_bb, hessian.mixed
        self.root = hessian.half_inverse((1.0 - 1.0 / len(raw)) * ridge, active)
        self.shift = self.B @ (self.mixed @ self.root.T)
        # ∇R over the coefficients: −λ∇J. The intercepts' is 0 at a solution.
        self.slope = risk.design.transposed_dot(self.gradient).T.ravel()
        if active is not None:
            self.slope = np.where(active.ravel(), self.slope, 0.0)
        step, step_b = self.solve(-self.slope[None], np.zeros((1, K)))
        self.drift = step[0].reshape(K, p), step_b[0]

    def solve(self, g, g_b):
        """A times vectors: g (m, K·p) and, of the intercepts, g_b (m, K)."""
        if not len(self.B):
            return product(product(g, self.root.T), self.root), np.zeros_like(g_b)
        side = product(g_b @ self.B, self.mixed)
        step = product(product(g - side, self.root.T), self.root)
        return step, (g_b - product(step, self.mixed.T)) @ self.B

    def run(self, active_set):
        """The first step for all rows, the second for some."""
        risk, n = self.risk, len(self.raw)
        moves, leverage = np.empty_like(self.raw), np.empty(n)

        def some(start, stop):
            for block in slices(stop - start, self.root.shape[1]):
                rows = slice(start + block.start, start + block.stop)
                moves[rows], leverage[rows] = self.first(rows)

        by_halves(some, n, n * self.root.size > _WORTH_TWO)
        raw = self.raw + moves
        loss = risk.loss.derivatives(risk.y, raw)[0]
        change = np.abs(loss - self.loss) * (risk.share > 0)
        change = np.nan_to_num(change, nan=_ENDLESS, posinf=_ENDLESS)
        doubt = np.where(leverage >= TRUSTED, change, 0.0)
        if risk.loss.is_quadratic and active_set is None:
            return LeftOut(raw, leverage, doubt)
        order = np.argsort(-change)
        rest = np.cumsum(change[order][::-1])[::-1]  # of these rows and all after them
        start, height, most = 0, _FIRST, max(_BLOCK // (n * risk.n_outputs), 1)
        wrong = 1.0  # a share of the first steps' changes, as the last second steps have it
        off = change.copy()
        while start < n:
            off[order[start:]] = wrong * change[order[start:]]
            # Of the loss, what is beyond doubt: a first step may be out by orders of magnitude.
            sure = np.fmax(loss - off, self.loss).sum()
            if rest[start] * wrong <= _SETTLED * sure:
                break
            rows = order[start : start + min(height, most)]
            more, leaves = self.second(rows, moves[rows], active_set)
            new = risk.loss.derivatives(risk.y[rows], raw[rows] + more)[0]
            off[rows] = np.abs(new - loss[rows]) + _UNSETTLED * leaves * change[rows]
            off[rows] = np.nan_to_num(off[rows], nan=_ENDLESS, posinf=_ENDLESS)
            closes = np.linalg.norm(more, axis=1) <= 0.5 * np.linalg.norm(moves[rows], axis=1)
            raw[rows] += np.where(closes[:, None], more, 0.0)
            loss[rows] = np.where(closes, new, loss[rows])
            start, height = start + len(rows), 2 * height
            wrong = min(off[rows].sum() / change[rows].sum(), 1.0)
        return LeftOut(raw, leverage, np.maximum(doubt, off))

    def first(self, rows):
        """f₋ᵢ − fᵢ of a slice of rows, and their leverages."""
        x = self.risk.design.block(rows)
        q, bend = self.inner(x), row_roots(self.risk, self.curvature, rows)
        drift, drift_b = self.drift
        drift = product(x, np.asfortranarray(drift.T)) + drift_b
        push = np.einsum("ikl,il->ik", q, self.gradient[rows])
        push += self.risk.share[rows, None] * drift
        return _solved(q, bend, push), _largest_eigenvalue(q, bend)

    def second(self, rows, moves, active_set):
        """What a further step changes of f₋ᵢ; and whether the active set stays as it was."""
        risk, share = self.risk, self.risk.share[rows]
        K, p, m, n = risk.n_outputs, risk.n_features, len(rows), len(self.raw)
        x = np.vstack([risk.design.block(slice(i, i + 1)) for i in rows])
        bend = row_roots(risk, self.curvature, rows)
        u = self.gradient[rows] + (bend @ (np.swapaxes(bend, 1, 2) @ moves[:, :, None]))[:, :, 0]
        step, step_b = self.solve((u[:, :, None] * x[:, None]).reshape(m, K * p), u)
        step += share[:, None] * self.drift[0].ravel()
        step_b += share[:, None] * self.drift[1]
        step = np.asfortranarray(step)
        raw = np.empty((K, n, m))
        for k in range(K):
            raw[k] = risk.design.dot(step[:, k * p : (k + 1) * p].T)
            raw[k] += self.raw[:, [k]] + step_b[:, k]
        residual = np.empty_like(raw)
        for j, i in enumerate(rows):
            residual[:, :, j] = risk.derivatives_at(raw[:, :, j].T)[1].T
            residual[:, i, j] = 0.0
        slope = [risk.design.transposed_dot(residual[k]).T for k in range(K)]
        slope = np.hstack(slope) - (1.0 - share)[:, None] * (self.slope - self.ridge * step)
        back, back_b = self.solve(slope, residual.sum(axis=1).T)
        own = np.einsum("ikj,ij->ik", back.reshape(m, K, p), x) + back_b
        leaves = np.zeros(m, dtype=bool)
        if active_set is not None:
            leaves = active_set.leaves(step.reshape(m, K, p), residual)
        return -_solved(self.inner(x), bend, own), leaves

    def inner(self, x):
        """Qᵢ, shape (m, K, K): with the intercepts eliminated, e_k⊗x − mixedᵀB e_k beside B."""
        p, K = x.shape[1], self.risk.n_outputs
        sides = [product(x, self.root[:, k * p : (k + 1) * p].T) for k in range(K)]
        if len(self.B):
            sides = [side - one for side, one in zip(sides, self.shift, strict=True)]
        q = np.empty((len(x), K, K))
        for k in range(K):
            for l in range(k + 1):
                q[:, k, l] = q[:, l, k] = np.einsum("ia,ia->i", sides[k], sides[l])
        return q + self.B if len(self.B) else q


def _solved(q, bend, push):
    """(I − QBBᵀ)⁻¹push = push + QB(I − BᵀQB)⁻¹Bᵀpush."""
    turned = np.swapaxes(bend, 1, 2)
    left = np.eye(q.shape[1]) * (1.0 + 1e-12) - turned @ q @ bend
    inside = np.linalg.solve(left, turned @ push[:, :, None])
    return push + (q @ bend @ inside)[:, :, 0]


def _largest_eigenvalue(q, bend):
    return np.linalg.eigvalsh(np.swapaxes(bend, 1, 2) @ q @ bend)[:, -1]


def refit_doubtful(raw, doubt, losses, refit, work, has_kinks, least_only=False):
    """Replace predictions in doubt by those of fits without the row, in place.

    ``raw`` (n_alphas, n, K) and ``doubt`` (n_alphas, n) are what `left_out` says, the latter 0
    afterwards where a row was refitted. ``losses(raw)`` gives the losses of all rows, (n_alphas,
    n), and ``refit(i, which)`` row i's raw predictions, (len(which), K), for these λ by fits
    without it, of about ``work`` multiply-adds each. ``has_kinks`` says that the active set may
    change by more than steps can tell: the rows of the least doubt that were refitted then say what
    to expect of the others. ``least_only`` leaves out λ whose loss is beyond
    doubt larger than another's. Returns the mask (n_alphas, n) of those refitted.
    """
    done, limit = np.zeros(doubt.shape, dtype=bool), int(min(_BUDGET / max(work, 1.0), _MOST))
    order = np.argsort(-doubt, axis=1)  # in which rows are refitted
    off = np.zeros(doubt.shape)  # what the fits changed of the losses
    expected = np.zeros((len(doubt), 1))  # what they would change of those that are left
    while True:
        before = losses(raw)
        # What is beyond doubt of the loss: losses in doubt may be out by orders of magnitude.
        sure = np.fmax(before - doubt, 0.0).sum(axis=1)
        wanted = np.array([_largest(*pair) for pair in zip(doubt, _SETTLED * sure, strict=True)])
        # A row of few moves the others, and the active set, by more than its leverage tells.
        wanted = (wanted | (doubt.shape[1] <= _FEW)) & ~done
        for k in np.flatnonzero(has_kinks & done.any(axis=1) & ~wanted.any(axis=1)):
            expected[k], some = _expected(order[k], done[k], off[k], _CHECKED * sure[k])
            wanted[k, some] = True
        if least_only:
            wanted[sure > (before + doubt).sum(axis=1).min()] = False
        share = np.where(wanted, doubt / np.maximum(sure, 1e-300)[:, None], -1.0)
        wanted.flat[np.argsort(-share, axis=None)[max(limit - done.sum(), 0) :]] = False
        if not wanted.any():
            doubt[~done] = np.maximum(doubt, expected)[~done]
            return done
        for i in np.flatnonzero(wanted.any(axis=0)):
            which = np.flatnonzero(wanted[:, i])
            raw[which, i] = refit(i, which)
        off[wanted] = np.abs(losses(raw) - before)[wanted]
        doubt[wanted] = 0.0
        done |= wanted


def _expected(order, done, off, bearable):
    """What a fit would change of a row's loss that is left, and the rows to look at next.

    It is what the last fits changed, of the rows in least doubt; 0 and no rows where that is
    ``bearable`` for all that are left. Where half of the rows were fitted, all are.
    """
    fitted, left = order[done[order]], order[~done[order]]
    typical = off[fitted[-_LOOKED_AT:]].mean()
    if len(fitted) >= len(left):
        return typical, left
    if typical * len(left) <= bearable:
        return 0.0, left[:0]
    return typical, left[:_LOOKED_AT]


def _largest(values, rest):
    """Mask of the largest of values ≥ 0, the others of a sum of at most ``rest``."""
    order, mask = np.argsort(values), np.empty(len(values), dtype=bool)
    mask[order] = np.cumsum(values[order]) > rest
    return mask
