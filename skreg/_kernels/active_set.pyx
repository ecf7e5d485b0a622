# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The lasso on a dense H by an active set: signs are held, a Cholesky factor follows the support.

    min ½θᵀHθ − hᵀθ + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ²,    lower ≤ θ ≤ upper

On the support S with signs s the problem is a linear system, θ_S = (H_SS + l2)⁻¹(h_S − l1·s). A step
towards its solution that would change a sign stops at zero, one that would cross a bound stops at
the bound, and that component leaves S; once none does, the components whose slope exceeds what holds
them at zero or at their bound join it, the most promising first (feature-sign search: Lee, Battle,
Raina & Ng, 2007). The objective falls with every step, so this ends, and a path is fast because the
support of one λ is nearly that of the next: the factor is updated by rows and columns, k² flops
each, never made anew. Bounds cost a comparison for each component, and k² flops where one is met.

Nothing here calls BLAS: the pieces are small, and a thread pool would cost more than it gives.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs, sqrt

from skreg._kernels.largest cimport threshold_of_largest
from skreg._kernels.upper_factor cimport (
    drop_column, eliminate_rows, solve_backward, solve_forward, subtract_product,
)

# A pivot below this share of the diagonal means a feature that depends on the others.
cdef double DEPENDENT = 1e-14
# A null direction on which the penalty falls by less than this share of its parts leads nowhere.
cdef double FLAT = 1e-9
# Components that join at once: this many, or a quarter of the support, and none whose gain is
# below this share of the best.
cdef int BATCH = 16
cdef double FAINT = 1e-4


cdef enum State:
    OUT    # at zero
    AT     # at a bound other than zero
    IN     # in S
    LEFT   # without a penalty and dependent on others of its kind: left as it is


cdef class ActiveSet:
    """A lasso whose λ and features change, and what is known of its solution.

    A component without a penalty or a bound (l1 = l2 = 0) has no sign to keep and is in S always,
    unless it depends on others of its kind.

    Attributes
    ----------
    theta, slope : ndarray of shape (p,)
        θ and h − Hθ, for the features that `extend` made known.
    """

    cdef readonly object theta, slope
    cdef const double[:, :] _hessian
    cdef const double[::1] _cross, _slack, _l1, _l2, _lower, _upper
    cdef double[::1] _theta, _slope, _sign, _rest, _step, _gains
    cdef double[:, ::1] _factor
    cdef char[::1] _state
    cdef Py_ssize_t[::1] _support
    cdef bint _bounded, _ridged
    cdef Py_ssize_t _p, _k
    cdef double _alpha

    def __init__(self):
        self.theta, self.slope, self._sign = np.empty((3, 0))
        self._state, self._support = np.empty(0, np.int8), np.empty(0, np.intp)
        self._factor = np.empty((0, 0))

    def extend(self, hessian, cross, slack, l1, l2, lower, upper, slope):
        """Make features known: arrays over all of them, of which the first are known already.

        Those without a penalty or a bound belong to the first call: in S they are before others.
        The rows of H (p, p) are contiguous. Of shape (p,) are h, what rounding leaves in a slope, the
        weights of |θⱼ| and ½θⱼ², which λ multiplies, bounds, infinite or with 0 between them, and h − Hθ.
        """
        cdef Py_ssize_t j, before = self._p
        self._hessian, self._p = hessian, len(cross)
        self.slope = self._slope = np.empty(self._p)
        self.turn(cross, slack, slope)
        more = np.zeros(self._p - before)
        self._sign = np.concatenate((self._sign, more))
        self._state = np.concatenate((self._state, more.astype(np.int8)))
        self._support = np.concatenate((self._support, more.astype(np.intp)))
        self._l1, self._l2, self._lower, self._upper = l1, l2, lower, upper
        self.theta = self._theta = np.concatenate((self.theta, more))
        self._rest, self._step, self._gains = np.empty((3, self._p))
        for j in range(before, self._p):
            self._ridged = self._ridged or self._l2[j] != 0
            self._bounded = self._bounded or not self._is_endless(j)
            if self._is_endless(j) and self._l1[j] + self._l2[j] == 0 and self._hessian[j, j] > 0:
                if before:
                    raise ValueError("features without a penalty have to be known first")
                self._reserve(self._k + 1)
                if not self._append(j, 0.0):
                    self._state[j] = LEFT

    def turn(self, cross, slack, const double[::1] slope):
        """Another h of the same features, and what goes with it."""
        self._cross, self._slack = cross, slack
        self._slope[:] = slope

    def start(self, const double[::1] theta):
        """Go on from ``theta``, which is within its bounds; the non-zeros between them make S."""
        cdef Py_ssize_t j
        self._reserve(self._k + np.count_nonzero(theta))
        self._theta[:] = theta
        for j in range(self._p):
            if self._state[j] == OUT and theta[j] != 0:
                self._sign[j], self._state[j] = 1 if theta[j] > 0 else -1, AT
                if theta[j] != self._bound(j):
                    self._support[self._k], self._state[j] = j, IN
                    self._k += 1
        if not self._ridged:    # else `solve` does, for its λ
            self._factorize()
        self._refresh()

    def solve(self, double alpha, int max_rounds):
        """Go on from the present θ to the solution at λ = ``alpha``; how often the slope was taken.

        That is at most ``max_rounds`` times.
        """
        cdef int rounds = 0, stalled = 0
        cdef double value, best = float("inf")
        cdef bint moved = alpha != self._alpha
        self._alpha = alpha
        with nogil:
            if self._ridged and moved:
                self._factorize()
            while rounds < max_rounds:
                self._descend()
                self._refresh()
                rounds += 1
                value = self._value()
                # Below the best so far, as rounding may lead to and fro between two points.
                stalled = 0 if value < best else stalled + 1
                best = min(best, value)
                if stalled > 1:
                    break
                with gil:
                    PyErr_CheckSignals()
                    self._reserve(self._k + self._room())
                if not (self._enlarge() or self._inexact()):
                    break
        return rounds

    def tangent(self):
        """−dθ/dλ, shape (p,), as long as no component joins or leaves S."""
        cdef Py_ssize_t i, j
        for i in range(self._k):
            j = self._support[i]
            self._step[i] = self._l1[j] * self._sign[j] + self._l2[j] * self._theta[j]
        self._forward()
        self._backward()
        out = np.zeros(self._p)
        out[np.asarray(self._support)[: self._k]] = np.asarray(self._step)[: self._k]
        return out

    cdef inline bint _is_endless(self, Py_ssize_t j) noexcept nogil:
        """Whether a component has no bound."""
        return self._lower[j] == -INFINITY and self._upper[j] == INFINITY

    cdef void _descend(self) noexcept nogil:
        """θ_S to the solution with its signs, or to where components of S end, and they leave."""
        cdef Py_ssize_t i, blocking
        cdef double best
        for i in range(self._k):
            self._rest[i] = self._remainder(self._support[i])
        while self._k:
            for i in range(self._k):
                self._step[i] = self._rest[i]
            self._forward()
            self._backward()
            best = 1
            blocking = self._first_end(&best)
            self._move(best, blocking)
            for i in range(self._k):
                self._rest[i] *= 1 - best
            if blocking < 0:
                return

    cdef inline double _bound(self, Py_ssize_t j) noexcept nogil:
        """The bound on the side of a component's sign."""
        return self._upper[j] if self._sign[j] > 0 else self._lower[j]

    cdef Py_ssize_t _first_end(self, double* best) noexcept nogil:
        """Which component of S first reaches zero or its bound on the way along the step, or −1.

        ``best`` is the length of the step that is looked at, and becomes the one up to there.
        """
        cdef Py_ssize_t i, j, blocking = -1
        cdef double reach, way
        for i in range(self._k):
            j = self._support[i]
            way = self._step[i] * self._sign[j]
            if way < 0:
                reach = -self._theta[j] / self._step[i]
            elif self._bounded and way > 0:
                reach = (self._bound(j) - self._theta[j]) / self._step[i]
            else:
                continue
            if reach < best[0]:
                best[0], blocking = reach, i
        return blocking

    cdef void _move(self, double length, Py_ssize_t blocking) noexcept nogil:
        """θ_S ← θ_S + length·step; components that reach zero or their bound leave."""
        cdef Py_ssize_t i, j
        cdef double sign, way
        for i in range(self._k - 1, -1, -1):
            j = self._support[i]
            self._theta[j] += length * self._step[i]
            sign, way = self._sign[j], self._step[i] * self._sign[j]
            if way < 0:
                if blocking >= 0 and (i == blocking or self._theta[j] * sign <= 0):
                    self._remove(i, 0)
            elif self._bounded and way > 0:
                if i == blocking or self._theta[j] * sign >= self._bound(j) * sign:
                    self._remove(i, self._bound(j))

    cdef bint _enlarge(self) noexcept nogil:
        """Let the components at zero or a bound join that gain most; whether any did."""
        cdef Py_ssize_t j, count = 0, limit = self._room()
        cdef double threshold
        for j in range(self._p):
            self._gains[j] = self._gain(j)
        threshold = threshold_of_largest(self._p, &self._gains[0], limit, FAINT)
        for j in range(self._p):
            if count < limit and self._gain(j) > threshold and self._join(j):
                count += 1
        return count > 0

    cdef inline Py_ssize_t _room(self) noexcept nogil:
        """How many components may join at once."""
        return max(BATCH, self._k // 4)

    cdef inline double _gain(self, Py_ssize_t j) noexcept nogil:
        """How far the slope of a component outside S exceeds what holds it there; in units of b."""
        cdef double size, curvature
        if self._state[j] == OUT:
            if self._bounded and (
                self._upper[j] <= 0 if self._slope[j] > 0 else self._lower[j] >= 0
            ):
                return 0
            size = fabs(self._slope[j]) - self._alpha * self._l1[j]
        elif self._state[j] == AT:
            size = -self._sign[j] * self._remainder(j)
        else:
            return 0
        curvature = self._hessian[j, j]
        return size / sqrt(curvature) if size > self._slack[j] and curvature > 0 else 0

    cdef bint _join(self, Py_ssize_t j) noexcept nogil:
        """Component j joins S, or reaches its other bound; whether it did.

        Where its column depends on those of S, θ moves along their null direction, on which the
        penalty falls and the rest stays, until a component ends and leaves room.
        """
        cdef Py_ssize_t i, blocking
        cdef bint held = self._state[j] == AT
        cdef double sign = self._sign[j] if held else (1 if self._slope[j] > 0 else -1)
        cdef double rate, change, size, best, toward, room, end
        while not self._append(j, sign):
            self._backward()
            toward = -sign if held else sign
            size = self._l1[j]
            rate = size * toward * sign
            for i in range(self._k):
                self._step[i] *= -toward
                change = self._l1[self._support[i]] * self._step[i]
                rate += change * self._sign[self._support[i]]
                size += fabs(change)
            if rate >= -FLAT * size:
                # Not that way: back to where it has come from.
                toward = -toward
                for i in range(self._k):
                    self._step[i] = -self._step[i]
            end = 0
            if toward == sign:
                end = self._upper[j] if sign > 0 else self._lower[j]
            best = room = fabs(end - self._theta[j])
            blocking = self._first_end(&best)
            if room == 0 or best == INFINITY:
                return False
            self._theta[j] += best * toward
            if blocking < 0:
                self._theta[j] = end
                self._state[j] = AT if end != 0 else OUT
                self._sign[j] = sign if end != 0 else 0
                self._move(best, -1)
                return end != 0
            self._move(best, blocking)
        return True

    cdef void _refresh(self) noexcept nogil:
        """slope ← h − Hθ; 2p flops for each non-zero component of θ."""
        self._slope[:] = self._cross
        cdef Py_ssize_t stride = self._hessian.strides[0] // sizeof(double)
        subtract_product(self._p, &self._hessian[0, 0], stride, &self._theta[0], &self._slope[0])

    cdef inline double _remainder(self, Py_ssize_t j) noexcept nogil:
        """The slope of the objective at component j of S, downwards."""
        return self._slope[j] - self._alpha * (
            self._l1[j] * self._sign[j] + self._l2[j] * self._theta[j]
        )

    cdef bint _inexact(self) noexcept nogil:
        """Whether rounding left more in S than it must: another step refines it."""
        cdef Py_ssize_t i, j
        for i in range(self._k):
            j = self._support[i]
            if fabs(self._remainder(j)) > self._slack[j]:
                return True
        return False

    cdef double _value(self) noexcept nogil:
        """The objective but for ½‖b‖²."""
        cdef Py_ssize_t j
        cdef double theta, total = 0
        for j in range(self._p):
            theta = self._theta[j]
            if theta != 0:
                total += 0.5 * theta * (
                    self._alpha * self._l2[j] * theta - self._cross[j] - self._slope[j]
                )
                total += self._alpha * self._l1[j] * fabs(theta)
        return total

    # The factor: H_SS + λ·l2 = UᵀU, U by rows ----------------------------------------------------

    cdef bint _append(self, Py_ssize_t j, double sign) noexcept nogil:
        """A new last column for component j; False, and U⁻ᵀH_Sj in ``step``, if it depends on S."""
        cdef Py_ssize_t i, k = self._k
        cdef double diagonal = self._hessian[j, j] + self._alpha * self._l2[j], square = 0
        for i in range(k):
            self._step[i] = self._hessian[j, self._support[i]]
        self._forward()
        for i in range(k):
            square += self._step[i] * self._step[i]
            self._factor[i, k] = self._step[i]
        if diagonal - square <= DEPENDENT * diagonal:
            return False
        self._factor[k, k] = sqrt(diagonal - square)
        self._support[k], self._sign[j], self._state[j] = j, sign, IN
        self._k = k + 1
        return True

    cdef void _remove(self, Py_ssize_t r, double end) noexcept nogil:
        """Without row and column r; that component goes to ``end``, zero or its bound."""
        cdef Py_ssize_t i, k = self._k, j = self._support[r]
        self._theta[j] = end
        if end != 0:
            self._state[j] = AT
        else:
            self._sign[j], self._state[j] = 0, OUT
        drop_column(&self._factor[0, 0], self._factor.shape[1], k, r)
        for i in range(r, k - 1):
            self._support[i] = self._support[i + 1]
            self._rest[i] = self._rest[i + 1]
            self._step[i] = self._step[i + 1]
        self._k = k - 1

    cdef void _factorize(self) noexcept nogil:
        """U anew, for another λ·l2: k³/6 multiplications, four rows at a time."""
        cdef Py_ssize_t i, j, k = self._k
        for i in range(k):
            for j in range(i, k):
                self._factor[i, j] = self._hessian[self._support[i], self._support[j]]
            self._factor[i, i] += self._alpha * self._l2[self._support[i]]
            self._step[i] = DEPENDENT * self._factor[i, i]
        for i in range(0, k, 4):
            if not eliminate_rows(
                &self._factor[0, 0], self._factor.shape[1], k, i, min(i + 4, k), &self._step[0]
            ):
                # A dependent column: one by one, leaving out what depends on others.
                self._k = 0
                for j in range(k):
                    i = self._support[j]
                    if not self._append(i, self._sign[i]):
                        self._theta[i], self._sign[i], self._state[i] = 0, 0, OUT
                return

    cdef inline void _forward(self) noexcept nogil:
        """step ← U⁻ᵀ·step."""
        solve_forward(&self._factor[0, 0], self._factor.shape[1], self._k, &self._step[0])

    cdef inline void _backward(self) noexcept nogil:
        """step ← U⁻¹·step."""
        solve_backward(&self._factor[0, 0], self._factor.shape[1], self._k, &self._step[0])

    cdef _reserve(self, Py_ssize_t size):
        """Room for a support of this size."""
        if size <= self._factor.shape[0]:
            return
        size = max(64, min(max(size, 2 * self._k), self._p))
        factor = np.empty((size, size))
        factor[: self._k, : self._k] = np.asarray(self._factor)[: self._k, : self._k]
        self._factor = factor
