# cython: boundscheck=False, wraparound=False, cdivision=True
"""What a step still owes once all tiles are updated: groups that cross layers, and the constraints.

- groups="neurons": the proximal step of each hidden neuron's incoming and outgoing weights. Neurons of
  one hidden layer share no weights, so their operators together are one. With several hidden layers
  a weight between two of them belongs to two groups; the layers of odd and of even number then take
  their turn (incremental proximal steps: D. Bertsekas, 2011), which is off by a second order in η.
- norm_bound: the projection onto {J(W) ≤ k} in the optimiser's metric, so that a fixed point is a
  minimiser under the constraint. u = soft(z, μ·l1·d)/(1 + μ·l2·d); J(u) falls and is convex in μ, so
  Newton's method from μ = 0 climbs to the root; for l1 with one step size this is the threshold of
  Duchi et al. (2008).
- max_norm: the incoming weights of a unit, where longer, are scaled back.
"""

from libc.math cimport isfinite, sqrt

from skreg._kernels.group_prox cimport group_radius
from skreg._kernels.plan cimport NEURONS, Block, Plan, Step
from skreg._kernels.team cimport meet, next_task
from skreg._kernels.tiles cimport moved, step_sizes

ctypedef fused real:
    float
    double

cdef enum:
    COLUMNS = 64    # of a block, at most


cdef inline void constrain(Plan* plan, real* theta, const Step* step, int worker) noexcept nogil:
    """All of them, in this order: what comes later breaks nothing that came before."""
    cdef int task, turn
    if plan.n_blocks == 0 and not isfinite(plan.reg.norm_bound):
        return
    if plan.reg.groups == NEURONS:
        for turn in range(2 if plan.net.n_layers > 2 else 1):
            task = worker
            while task < plan.n_blocks:
                if plan.blocks[task].layer % 2 == turn:
                    shrink_neurons(plan, theta, step, plan.blocks + task, worker)
                task = next_task(&plan.team)
            meet(&plan.team)
    if isfinite(plan.reg.norm_bound):
        if worker == 0:
            project(plan, theta, step)
        meet(&plan.team)
    if isfinite(plan.reg.max_norm):
        task = worker
        while task < plan.n_blocks:
            shorten_columns(plan, theta, plan.blocks + task, worker)
            task = next_task(&plan.team)
        meet(&plan.team)


cdef inline void shrink_neurons(
    Plan* plan, real* theta, const Step* step, const Block* block, int worker
) noexcept nogil:
    """The proximal step of the neurons that are the block's columns."""
    cdef int l = block.layer
    cdef Py_ssize_t fan_in = plan.net.units[l], width = plan.net.units[l + 1]
    cdef Py_ssize_t fan_out, size, i, j, start
    cdef real* z = <real*>plan.scratch + worker * plan.scratch_size
    cdef real* d
    cdef real shrunk
    cdef double weight = plan.reg.group[l], r
    if l == plan.net.n_layers - 1 or weight == 0:    # the outputs are no neurons
        return
    fan_out = plan.net.units[l + 2]
    size = fan_in + fan_out
    d = z + size
    for j in range(block.first, block.last):
        start = plan.net.weights[l] + j
        for i in range(fan_in):
            z[i] = theta[start + i * width]
        step_sizes(plan, step, start, width, fan_in, d)
        start = plan.net.weights[l + 1] + j * fan_out
        for i in range(fan_out):
            z[fan_in + i] = theta[start + i]
        step_sizes(plan, step, start, 1, fan_out, d + fan_in)
        r = group_radius(size, z, d, weight)
        for i in range(size):
            shrunk = <real>(z[i] * (r / (r + weight * d[i]))) if r != 0 else <real>0
            start = (plan.net.weights[l] + i * width + j if i < fan_in
                     else plan.net.weights[l + 1] + j * fan_out + i - fan_in)
            moved(plan, start, shrunk - z[i])
            theta[start] = shrunk


cdef inline void project(Plan* plan, real* theta, const Step* step) noexcept nogil:
    """θ's weights ← their projection onto {J ≤ norm_bound}."""
    cdef double mu = 0, value, slope, bound, better
    cdef double tolerance = 1e-6 if real is float else 1e-12
    cdef int turn
    bound = plan.reg.norm_bound * (1 - tolerance)    # the last of Newton's values is a little above
    for turn in range(100):
        value_along(plan, theta, step, mu, &value, &slope)
        if not value > plan.reg.norm_bound * (1 - 0.5 * tolerance) or slope == 0:
            break
        better = mu + (value - bound) / slope
        if not better > mu:
            break
        mu = better
    if mu > 0:
        set_along(plan, theta, step, mu)


cdef inline real along(
    Plan* plan, real z, real d, double mu
) noexcept nogil:
    """soft(z, μ·l1·d)/(1 + μ·l2·d)."""
    cdef double size = z if z > 0 else -z
    size -= mu * plan.reg.bound_l1 * d
    if size <= 0:
        return <real>0
    size /= 1 + mu * plan.reg.bound_l2 * d
    return <real>(size if z > 0 else -size)


cdef inline void value_along(
    Plan* plan, const real* theta, const Step* step, double mu, double* value, double* slope
) noexcept nogil:
    """J at the multiplier μ, and −∂J/∂μ = Σ d·(l1 + l2|u|)²/(1 + μ·l2·d) over u ≠ 0."""
    cdef int l
    cdef Py_ssize_t row, j, width, start
    cdef double size, pull, l1 = plan.reg.bound_l1, l2 = plan.reg.bound_l2
    cdef double J = 0, fall = 0
    cdef real* d = <real*>plan.scratch
    for l in range(plan.net.n_layers):
        width = plan.net.units[l + 1]
        for row in range(plan.net.units[l]):
            start = plan.net.weights[l] + row * width
            step_sizes(plan, step, start, 1, width, d)
            for j in range(width):
                size = along(plan, theta[start + j], d[j], mu)
                size = size if size > 0 else -size
                J += l1 * size + 0.5 * l2 * size * size
                pull = l1 + l2 * size if size != 0 else 0
                fall += d[j] * pull * pull / (1 + mu * l2 * d[j])
    value[0] = J
    slope[0] = fall


cdef inline void set_along(
    Plan* plan, real* theta, const Step* step, double mu
) noexcept nogil:
    """θ's weights ← u(μ)."""
    cdef int l
    cdef Py_ssize_t row, j, width, start
    cdef real* d = <real*>plan.scratch
    cdef real u
    for l in range(plan.net.n_layers):
        width = plan.net.units[l + 1]
        for row in range(plan.net.units[l]):
            start = plan.net.weights[l] + row * width
            step_sizes(plan, step, start, 1, width, d)
            for j in range(width):
                u = along(plan, theta[start + j], d[j], mu)
                moved(plan, start + j, u - theta[start + j])
                theta[start + j] = u


cdef inline void shorten_columns(
    Plan* plan, real* theta, const Block* block, int worker
) noexcept nogil:
    """The block's columns ← columns no longer than max_norm."""
    cdef Py_ssize_t width = plan.net.units[block.layer + 1], i, j
    cdef Py_ssize_t start = plan.net.weights[block.layer]
    cdef double[COLUMNS] factor
    cdef double limit = plan.reg.max_norm
    cdef real z, shorter
    for j in range(block.last - block.first):
        factor[j] = 0
    for i in range(plan.net.units[block.layer]):
        for j in range(block.first, block.last):
            z = theta[start + i * width + j]
            factor[j - block.first] += <double>z * z
    for j in range(block.last - block.first):
        # NaN must not be taken for a short column.
        factor[j] = 1 if factor[j] <= limit * limit else limit / sqrt(factor[j])
    for i in range(plan.net.units[block.layer]):
        for j in range(block.first, block.last):
            z = theta[start + i * width + j]
            shorter = <real>(z * factor[j - block.first])
            moved(plan, start + i * width + j, shorter - z)
            theta[start + i * width + j] = shorter
