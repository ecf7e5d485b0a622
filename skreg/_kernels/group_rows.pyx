# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Block coordinate descent for min ½‖b − Aθ‖² + Σ l_g‖θ_g‖ on the residual: no H.

The columns of A lie one after another, group by group: group g is ``starts[g] : starts[g+1]``. A
block that moves costs 4nk flops and one read of its columns, which are in the cache the second time.
The dual point of `group_problem.pxd` takes 2na flops for the images Av_g of its ways and each of its
moves, and nG² + G³/3 for its system. Ways and system go from one λ to the next, and are extended by
the groups that join: a move along ways somewhat old is somewhat off, which `secants.pxd` mends.

What counts is reads of columns, from the cache beyond L2 where there are many: a λ of a smooth path
takes one or two passes with a look at the slopes after each, and some two moves for each dual point.
Those of groups at 0 are read once a λ, and then only where r has moved far enough to draw them from it.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, sqrt
from scipy.linalg.cython_blas cimport dgemm, dsyrk
from scipy.linalg.cython_lapack cimport dpotrf

from skreg._kernels.group_block cimport subtract_rows
from skreg._kernels.group_columns cimport Seen, dots, look, objective_at, see, sweep
from skreg._kernels.group_eigen cimport decompose
from skreg._kernels.group_moves cimport Ways, excess, follow
from skreg._kernels.group_problem cimport Problem, gap_by, held, square, stays, value, violation
from skreg._kernels.secants cimport SECANTS, Secants, inner, next_step, remember

cdef double EPS = 2.220446049250313e-16
# A dual point of its own is tried after a pass that gains no more than the gap asked for, and again
# after one that gains this much of what would do, but not less than this share of what the last
# gained. Before any pass, if the gap by θ itself, squared, makes it likely to do.
cdef double SOONER = 1, LEAST = 0.01, LIKELY = 4
# It is tried after so many passes at the latest.
cdef int PATIENCE = 4
# Not while groups are further than this share of λ from meeting their conditions.
cdef double LOOSE = 0.02
# Moves by one system, and systems tried at one λ: an old one, that with more groups, a new one.
cdef int MAX_MOVES = 8, MAX_TRIES = 3
cdef double DAMPED = 1e-10  # share of a system's diagonal that is added
# A new system is worth its while where the gap owes it this share.
cdef double OWING = 0.5
# Passes are slow, and a Newton step faster, where the objective falls by this share of the last fall.
cdef double SLOW = 0.5
# Columns to begin with, in rows: what is not used takes no memory.
cdef Py_ssize_t ROOM = 8


cdef class GroupRows:
    """Groups that become known, one after another, and θ on them; of ``most`` features in all.

    Attributes
    ----------
    columns : ndarray of shape (room, n)
        The columns of A that are known, one a row, with room for more.
    starts : ndarray of int, shape (n_groups + 1,)
    values : ndarray of shape (k,)
        Eigenvalues of the blocks A_gᵀA_g, ascending in each.
    theta, slope : ndarray of shape (k,)
        θ and Aᵀr; of groups at 0 the slope may be that of an earlier r, where both are short enough.
    residual : ndarray of shape (n,)
        r = b − Aθ.
    dual, dual_slope, dual_residual : ndarray
        The same of θ′, the dual point that `solve` found.
    """

    cdef readonly object columns, starts, values, b, cross
    cdef public object theta, slope, residual
    cdef readonly object dual, dual_slope, dual_residual
    cdef object _places, _vectors, _slack, _seen, _longest
    cdef object _on, _is_on, _way, _images, _factor
    cdef object _pairs, _products
    cdef Py_ssize_t _n_on, _made, _most

    def __init__(self, b, most=0):
        self._most = min(most, ROOM * len(b))
        self.b = np.ascontiguousarray(b, dtype=np.float64)
        self.residual = self.dual_residual = self.b.copy()
        self.columns = np.empty((0, len(self.b)))
        self.starts, self._places = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
        self.theta = self.slope = self.dual = self.dual_slope = np.empty(0)
        self.values = self._vectors = self._slack = self.cross = np.empty(0)
        self._seen, self._longest = self.b.copy(), np.empty(0)
        self._on, self._is_on = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.uint8)
        self._way = np.empty(0)
        self._images, self._factor, self._n_on = np.empty((0, len(self.b))), np.empty((0, 0)), 0
        self._pairs, self._made = None, 0

    def extend(self, new, sizes, slack):
        """Make groups known: their columns (k, n), and what rounding leaves in slopes of each."""
        known, total = len(self.theta), len(self.theta) + len(new)
        if total > len(self.columns):
            room = np.empty((max(2 * known, total, self._most, 64), len(self.b)))
            room[:known] = self.columns[:known]
            self.columns = room
        self.columns[known:total] = new
        starts = np.cumsum([known, *sizes], dtype=np.intp)
        vectors, values = grams(self.columns, starts), np.empty(len(new))
        decompose(starts, vectors, values)
        self._vectors = np.concatenate([self._vectors, vectors])
        self.values = np.concatenate([self.values, values])
        self.starts = np.concatenate([self.starts, starts[1:]])
        self._places = np.cumsum(np.diff(self.starts, prepend=0) ** 2, dtype=np.intp)
        self._slack = np.concatenate([self._slack, slack])
        cross = slopes(self.columns[known:total], len(new), self.b)
        self.cross = np.concatenate([self.cross, cross])
        self.theta = np.concatenate([self.theta, np.zeros(len(new))])
        self._way = np.concatenate([self._way, np.zeros(len(new))])
        self.slope = np.concatenate([self.slope, np.full(len(new), np.nan)])
        self._longest = np.empty(len(self.starts) - 1)
        self._is_on = np.concatenate([self._is_on, np.zeros(len(sizes), dtype=np.uint8)])

    def start(self, theta, rest=None, slope=None):
        """Go on from ``theta``, with ``rest`` as its residual where that is known.

        So may be its slope, which is NaN where it is not.
        """
        self.theta = np.array(theta)
        self.residual = residual(self.columns, self.theta, self.b) if rest is None else rest
        self.slope = np.full(len(theta), np.nan) if slope is None else slope

    def solve(self, const double[::1] strength, double power, double tol, int wait, int max_passes):
        """Minimize from θ until the duality gap by θ′ is at most ``tol``.

        After ``wait`` passes it gives up where these are slow.

        Returns
        -------
        passes : int
        gap : float
        """
        cdef Py_ssize_t p = len(self.theta), n = len(self.b), n_groups = strength.shape[0]
        cdef double[:, ::1] columns = self.columns
        cdef double[::1] theta = self.theta, slope = self.slope, r = self.residual
        cdef double[::1] room = np.empty(3 * p), cross = self.cross, longest = self._longest
        cdef double[::1] seen_r = self._seen
        cdef unsigned char[::1] is_on = self._is_on
        cdef double[::1] slack = self._slack + 16 * EPS * np.asarray(strength)
        cdef double[::1] vectors = self._vectors, values = self.values
        cdef Py_ssize_t[::1] starts = self.starts, places = self._places
        cdef double gap = power, fall = tol, last = tol, objective, previous, off, bar = INFINITY
        cdef int passes = 0, waited = 0
        cdef bint near, slow, last_look
        cdef Seen seen
        cdef Problem at
        seen.r, seen.longest = &seen_r[0], &longest[0]
        at.p, at.q, at.n_groups, at.power, at.hessian = p, 1, n_groups, power, NULL
        at.cross, at.strength, at.slack = &cross[0], &strength[0], &slack[0]
        at.vectors, at.values, at.starts, at.places = &vectors[0], &values[0], &starts[0], &places[0]
        at.theta, at.slope = &theta[0], &slope[0]
        objective = objective_at(&at, n, &r[0])
        while True:
            near = fall <= min(bar, max(tol, 4 * EPS * power)) or waited >= PATIENCE
            slow = passes >= wait and (fall > SLOW * last or passes >= 3 * wait)
            last_look = slow or passes >= max_passes
            if near or last_look or passes == 0:
                with nogil:
                    if passes == 0:
                        see(&at, n, &columns[0, 0], &r[0], &seen)
                    else:
                        look(
                            &at, n, &columns[0, 0], &r[0], &seen, &is_on[0], True, &theta[0], &slope[0]
                        )
                    gap, off = gap_by(&at, &theta[0], &slope[0]), violation(&at)
                self._reset()
                if not gap > tol and (passes or off <= LOOSE):
                    break
                if off <= LOOSE and (near if passes else gap * gap <= LIKELY * tol * power):
                    gap = self._balance(&at, &seen, tol)
                    if not gap > tol:
                        break
                    # What a pass still gains shrinks as the gap does.
                    bar, waited = max(SOONER * fall * max(tol / gap, LEAST), 4 * EPS * power), 0
                    objective = objective_at(&at, n, &r[0])
            if last_look:
                break
            PyErr_CheckSignals()
            with nogil:
                sweep(&at, n, &columns[0, 0], &r[0], &seen, &room[0])
                previous, objective = objective, objective_at(&at, n, &r[0])
            last, fall = fall, previous - objective
            passes += 1
            waited += 1
        return passes, max(gap, 0.0)

    cdef double _balance(self, const Problem* at, Seen* seen, double tol):
        """The gap by a dual point of its own; +inf where that fails.

        Where this is the better θ as well, it takes its place.
        """
        cdef double gap = INFINITY, natural = gap_by(at, at.theta, at.slope)
        cdef double[::1] theta = self.theta, slope = self.slope, r = self.residual
        cdef bint renewed = self._n_on == 0
        for tries in range(MAX_TRIES):
            if not renewed:
                new = self._held(at)
                if tries and not len(new) and self._lost(at) < OWING * gap:
                    break
                renewed = (tries and not len(new)) or 2 * len(new) > self._n_on
                renewed = renewed or (len(new) and not self._append(at, new))
            if renewed:  # from where the dual point is now, if that is better
                if gap > natural:
                    self._reset()
                self._n_on = self._made = 0
                self._is_on[:] = 0
                new = self._held(at)
                if not len(new) or not self._append(at, new):
                    return INFINITY
            gap = self._move(at, seen, tol)
            if gap <= tol or renewed:
                break
        cdef double[::1] dual = self.dual, dual_slope = self.dual_slope, dual_r = self.dual_residual
        if stays(at, &dual[0]) and (
            value(at, &dual[0], &dual_slope[0]) < value(at, at.theta, at.slope)
        ):
            theta[:] = dual
            slope[:] = dual_slope
            r[:] = dual_r
            gap = gap_by(at, &dual[0], &dual_slope[0])
        return gap

    cdef _reset(self):
        self.dual, self.dual_slope = self.theta.copy(), self.slope.copy()
        self.dual_residual = self.residual.copy()

    cdef double _lost(self, const Problem* at):
        """About what the gap owes to slopes of θ′ that are too long still."""
        cdef double[::1] slope = self.dual_slope
        cdef double worst = 0, norm = 0
        cdef Py_ssize_t g
        for g in range(at.n_groups):
            worst = max(worst, sqrt(square(at, &slope[0], g)) / at.strength[g] - 1)
            norm += at.strength[g] * sqrt(square(at, at.theta, g))
        return worst * norm

    cdef _held(self, const Problem* at):
        """Groups without a way that are not 0, or would not stay so with the slope of θ′."""
        on_array = np.empty(at.n_groups, dtype=np.intp)
        cdef Py_ssize_t[::1] on = on_array
        cdef double[::1] dual_slope = self.dual_slope
        found = on_array[: held(at, &dual_slope[0], &on[0])]
        if not self._n_on:
            return found
        return found[self._is_on[found] == 0]

    cdef bint _append(self, const Problem* at, new):
        """Add the slopes of the groups ``new`` to the ways; False where rounding forbids it."""
        cdef Py_ssize_t n = len(self.b), first = self._n_on, size = first + len(new)
        cdef Py_ssize_t a, c, g, i, stride
        cdef int info, m, some, width, length_
        cdef char upper = b'U', transposed = b'T', plain = b'N'
        cdef double length, rest, unit = 1, zero = 0
        if size > len(self._images):
            stride = max(2 * len(self._images), size, 16)
            images, factor, known = np.empty((stride, n)), np.empty((stride, stride)), self._on
            images[:first] = self._images[:first]
            factor[:first, :first] = self._factor[:first, :first]
            self._images, self._factor, self._on = images, factor, np.empty(stride, dtype=np.intp)
            self._on[:first] = known[:first]
        self._on[first:size], self._is_on[new] = new, 1
        cdef Py_ssize_t[::1] on = self._on
        cdef double[::1] way = self._way, dual_slope = self.dual_slope
        cdef double[:, ::1] images_ = self._images, L = self._factor, columns = self.columns
        cdef double[::1] r = self.residual
        stride = L.shape[0]
        with nogil:
            for a in range(first, size):
                g = on[a]
                length = sqrt(square(at, &dual_slope[0], g))
                for i in range(at.starts[g], at.starts[g + 1]):
                    way[i] = dual_slope[i] / length
                images_[a, :] = 0
                i = at.starts[g]
                subtract_rows(n, at.starts[g + 1] - i, &columns[i, 0], &way[i], &images_[a, 0])
                if square(at, at.theta, g) == 0:  # it may be older than θ
                    dots(n, at.starts[g + 1] - i, &columns[i, 0], &r[0], at.slope + i)
            # Row a of L is its column a for BLAS and LAPACK.
            width, m, some, length_ = <int>stride, <int>size, <int>(size - first), <int>n
            if first == 0:
                dsyrk(&upper, &transposed, &m, &length_, &unit, &images_[0, 0], &length_, &zero,
                      &L[0, 0], &width)
            else:
                dgemm(&transposed, &plain, &m, &some, &length_, &unit, &images_[0, 0], &length_,
                      &images_[first, 0], &length_, &zero, &L[first, 0], &width)
            for a in range(first, size):
                L[a, a] *= 1 + DAMPED
            if first == 0:
                dpotrf(&upper, &m, &L[0, 0], &width, &info)
                if info != 0:
                    self._n_on = 0
                    return False
            else:
                for a in range(first, size):
                    for c in range(a):
                        L[a, c] = (L[a, c] - inner(c, &L[a, 0], &L[c, 0])) / L[c, c]
                    rest = L[a, a] - inner(a, &L[a, 0], &L[a, 0])
                    if not rest > DAMPED * L[a, a]:
                        self._n_on = 0
                        return False
                    L[a, a] = sqrt(rest)
        self._n_on = size
        return True

    cdef double _move(self, const Problem* at, Seen* seen, double tol):
        """Move θ′ along the ways, so that slopes come out as long as they should; its gap."""
        cdef Ways ways = self._ways()
        cdef Secants secants = self._secants()
        cdef double[:, ::1] room = np.empty((4, ways.n_on))
        cdef unsigned char[::1] is_on = self._is_on
        cdef double* off = &room[0, 0]
        cdef double* last = &room[1, 0]
        cdef double* step = &room[2, 0]
        cdef double gap = gap_by(at, ways.dual, ways.slope), fall = INFINITY, before
        cdef Py_ssize_t a
        cdef int moves
        with nogil:
            excess(at, &ways, off)
            for moves in range(MAX_MOVES):
                room[1, :] = room[0]
                next_step(&secants, off, step)
                follow(at, &ways, step, &room[3, 0])
                excess(at, &ways, off)
                for a in range(ways.n_on):
                    last[a] -= off[a]
                remember(&secants, step, last)
                before, gap = gap, gap_by(at, ways.dual, ways.slope)
                before, fall = fall, before - gap
                # Falls that shrink by one factor after the other lead to a limit.
                if gap <= tol or fall <= 0 or (
                    moves and fall < before and gap - fall * fall / (before - fall) > tol
                ):
                    break
            look(at, ways.n, ways.columns, ways.r, seen, &is_on[0], False, ways.dual, ways.slope)
            gap = gap_by(at, ways.dual, ways.slope)
        self._made = secants.made if fall > 0 else 0
        return gap

    cdef Ways _ways(self):
        cdef Ways out
        cdef Py_ssize_t[::1] on = self._on
        cdef double[::1] dual = self.dual, slope = self.dual_slope, r = self.dual_residual
        cdef double[::1] way = self._way
        cdef double[:, ::1] images = self._images, columns = self.columns
        out.n, out.n_on, out.on, out.way = r.shape[0], self._n_on, &on[0], &way[0]
        out.images, out.columns = &images[0, 0], &columns[0, 0]
        out.dual, out.slope, out.r = &dual[0], &slope[0], &r[0]
        return out

    cdef Secants _secants(self):
        """What the last moves along these ways have done."""
        cdef Secants out
        cdef double[:, ::1] factor = self._factor
        if self._pairs is None or self._pairs.shape[2] != factor.shape[0]:
            self._pairs, self._made = np.zeros((2, SECANTS, factor.shape[0])), 0
            self._products = np.zeros((SECANTS, SECANTS))
        cdef double[:, :, ::1] pairs = self._pairs
        cdef double[:, ::1] products = self._products
        out.size, out.stride, out.made = self._n_on, factor.shape[0], self._made
        out.steps, out.falls = &pairs[0, 0, 0], &pairs[1, 0, 0]
        out.products, out.factor = &products[0, 0], &factor[0, 0]
        return out


def slopes(const double[:, ::1] columns, Py_ssize_t k, const double[::1] residual):
    """Aᵀr for the first k columns."""
    out_array = np.empty(k)
    cdef double[::1] out = out_array
    if k:
        with nogil:
            dots(residual.shape[0], k, &columns[0, 0], &residual[0], &out[0])
    return out_array


def grams(const double[:, ::1] columns, const Py_ssize_t[::1] starts):
    """A_gᵀA_g of one group after another, their lower triangles."""
    cdef Py_ssize_t g, place = 0
    cdef int n = <int>columns.shape[1], k
    cdef double unit = 1, zero = 0
    cdef char upper = b'U', transposed = b'T'  # row a is column a for BLAS
    out_array = np.empty(np.sum(np.diff(starts) ** 2))
    cdef double[::1] out = out_array
    for g in range(starts.shape[0] - 1):
        k = <int>(starts[g + 1] - starts[g])
        dsyrk(
            &upper, &transposed, &k, &n, &unit, &columns[starts[g], 0], &n, &zero, &out[place], &k
        )
        place += k * k
    return out_array


def residual(const double[:, ::1] columns, const double[::1] theta, const double[::1] b):
    """b − Aθ for the first columns."""
    out_array = np.array(b)
    cdef double[::1] out = out_array
    if theta.shape[0]:
        with nogil:
            subtract_rows(b.shape[0], theta.shape[0], &columns[0, 0], &theta[0], &out[0])
    return out_array
