# cython: boundscheck=False, wraparound=False, cdivision=True
"""What a step still owes once all tiles are updated: groups that cross layers, and the constraints.

- groups="neurons": the proximal step of each hidden neuron's incoming and outgoing weights. Neurons of
  one hidden layer share no weights, so their operators together are one. With several hidden layers
  a weight between two of them belongs to two groups; the layers of odd and of even number then take
  their turn (incremental proximal steps: D. Bertsekas, 2011), which is off by a second order in η.
- norm_bound: the projection onto {J(W) ≤ k} in the optimizer's metric, so that a fixed point is a
  minimizer under the constraint. u = soft(z, μ·l1·d)/(1 + μ·l2·d); J(u) falls and is convex in μ, so
  a step of Newton's method lands at most at the root, and climbs to it from there; for l1 with one
  step size μ is the threshold of Duchi et al. (2008).
- max_norm: the incoming weights of a unit, where longer, are scaled back.
"""

from libc.math cimport isfinite, sqrt

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.group_prox cimport group_radius, shrink
from skreg._kernels.optimizers cimport ADAM
from skreg._kernels.plan cimport NEURONS, Block, Plan, Step
from skreg._kernels.team cimport meet, take_task
from skreg._kernels.tiles cimport CHUNK, follow, scaled_steps, step_sizes

ctypedef fused real:
    float
    double

cdef enum:
    COLUMNS = 64     # of a block, at most
    TOGETHER = 8     # neurons whose weights are gathered in one sweep over the rows
    LANES = 16       # sums that run side by side


cdef inline void constrain(Plan* plan, real* theta, const Step* step, int worker) noexcept nogil:
    """All of them, in this order: what comes later breaks nothing that came before."""
    cdef int task, turn
    if plan.n_blocks == 0 and not isfinite(plan.reg.norm_bound):
        return
    if plan.reg.groups == NEURONS:
        for turn in range(2 if plan.net.n_layers > 2 else 1):
            task = take_task(&plan.team, worker, plan.n_blocks)
            while task >= 0:
                if plan.blocks[task].layer % 2 == turn:
                    shrink_neurons(plan, theta, step, plan.blocks + task, worker)
                task = take_task(&plan.team, worker, plan.n_blocks)
            meet(&plan.team)
    if isfinite(plan.reg.norm_bound):
        project(plan, theta, step, worker)
    if isfinite(plan.reg.max_norm):
        task = take_task(&plan.team, worker, plan.n_blocks)
        while task >= 0:
            shorten_columns(plan, theta, plan.blocks + task, worker)
            task = take_task(&plan.team, worker, plan.n_blocks)
        meet(&plan.team)


cdef inline void shrink_neurons(
    Plan* plan, real* theta, const Step* step, const Block* block, int worker
) noexcept nogil:
    """The proximal step of the neurons that are the block's columns, a few at a time."""
    cdef int l = block.layer
    cdef Py_ssize_t fan_in = plan.net.units[l], width = plan.net.units[l + 1]
    cdef Py_ssize_t fan_out, size, first, count, j
    cdef real* z = <real*>plan.scratch + worker * plan.scratch_size
    cdef real* d
    cdef double weight = plan.reg.group[l]
    if l == plan.net.n_layers - 1 or weight == 0:    # the outputs are no neurons
        return
    fan_out = plan.net.units[l + 2]
    size = fan_in + fan_out
    d = z + TOGETHER * size
    first = block.first
    while first < block.last:
        count = min(TOGETHER, block.last - first)
        move_neurons(plan, l, first, count, z, theta, False)
        if plan.optimizer == ADAM:
            move_neurons(plan, l, first, count, d, <real*>plan.slot_2, False)
        for j in range(count):
            steps_of_neuron(plan, step, l, d + j * size)
            shrink(size, z + j * size, d + j * size, <real>weight,
                   <real>group_radius(size, z + j * size, d + j * size, weight))
        if plan.optimizer != ADAM:
            follow_neurons(plan, l, first, count, z, theta)
        move_neurons(plan, l, first, count, z, theta, True)
        first += count


cdef inline void steps_of_neuron(
    Plan* plan, const Step* step, int l, real* d
) noexcept nogil:
    """d ← the step sizes of a neuron's incoming and outgoing weights; before, what Adam keeps of them."""
    cdef Py_ssize_t fan_in = plan.net.units[l], fan_out = plan.net.units[l + 2], i
    if l > 0 or plan.scales == NULL:
        scaled_steps(plan, step, fan_in + fan_out, 1, d, d)
        return
    for i in range(fan_in):
        scaled_steps(plan, step, 1, plan.scales[i], d + i, d + i)
    scaled_steps(plan, step, fan_out, 1, d + fan_in, d + fan_in)


cdef inline void move_neurons(
    Plan* plan, int l, Py_ssize_t first, Py_ssize_t count, real* lines, real* table, bint back
) noexcept nogil:
    """Incoming and outgoing weights of neurons of layer l, line by line, from a table like θ; or back."""
    cdef Py_ssize_t fan_in = plan.net.units[l], width = plan.net.units[l + 1]
    cdef Py_ssize_t fan_out = plan.net.units[l + 2], size = fan_in + fan_out, i, j
    cdef real* inward = table + plan.net.weights[l] + first
    cdef real* outward = table + plan.net.weights[l + 1] + first * fan_out
    if back:
        for i in range(fan_in):
            for j in range(count):
                inward[i * width + j] = lines[j * size + i]
        for j in range(count):
            for i in range(fan_out):
                outward[j * fan_out + i] = lines[j * size + fan_in + i]
    else:
        for i in range(fan_in):
            for j in range(count):
                lines[j * size + i] = inward[i * width + j]
        for j in range(count):
            for i in range(fan_out):
                lines[j * size + fan_in + i] = outward[j * fan_out + i]


cdef inline void follow_neurons(
    Plan* plan, int l, Py_ssize_t first, Py_ssize_t count, const real* lines, const real* theta
) noexcept nogil:
    """What follows θ, before ``lines`` take the place of neurons' weights."""
    cdef Py_ssize_t fan_in = plan.net.units[l], width = plan.net.units[l + 1]
    cdef Py_ssize_t fan_out = plan.net.units[l + 2], size = fan_in + fan_out, i, j, k
    for j in range(count):
        for i in range(fan_in):
            k = plan.net.weights[l] + i * width + first + j
            follow(plan, k, lines[j * size + i] - theta[k])
        for i in range(fan_out):
            k = plan.net.weights[l + 1] + (first + j) * fan_out + i
            follow(plan, k, lines[j * size + fan_in + i] - theta[k])


cdef inline void project(Plan* plan, real* theta, const Step* step, int worker) noexcept nogil:
    """θ's weights ← their projection onto {J ≤ norm_bound}, by all workers together.

    The search for the multiplier begins at that of the step before. Every worker adds up the tiles'
    shares in the same order and so decides the same; two sets of shares take turns, since a worker may
    begin the next turn while another still adds.
    """
    cdef double mu = plan.multiplier, value = 0, slope = 0, bound = plan.reg.norm_bound
    cdef double tolerance = 1e-6 if real is float else 1e-12
    cdef double* shares
    cdef int turn, task
    for turn in range(100):
        shares = plan.tile_sums + (turn % 2) * 2 * plan.n_tiles
        task = take_task(&plan.team, worker, plan.n_tiles)
        while task >= 0:
            sum_along(plan, theta, step, task, worker, mu, shares + 2 * task)
            task = take_task(&plan.team, worker, plan.n_tiles)
        meet(&plan.team)
        value = slope = 0
        for task in range(plan.n_tiles):
            value += shares[2 * task]
            slope += shares[2 * task + 1]
        # From the left of the root, Newton's last value is a little above what it aims at.
        if mu == 0 and value <= bound or value != value:
            break
        if bound * (1 - 3 * tolerance) <= value <= bound * (1 - tolerance):
            break
        # Where all weights are 0 no slope shows the way back.
        mu = mu + (value - bound * (1 - 2 * tolerance)) / slope if slope > 0 else 0
        mu = mu if mu > 0 else 0
    if mu > 0:
        task = take_task(&plan.team, worker, plan.n_tiles)
        while task >= 0:
            move_along(plan, theta, step, task, worker, mu)
            task = take_task(&plan.team, worker, plan.n_tiles)
        meet(&plan.team)
    if worker == 0:
        plan.multiplier = mu    # nobody reads it before the next meeting


cdef inline void sum_along(
    Plan* plan, const real* theta, const Step* step, int task, int worker, double mu,
    double* shares
) noexcept nogil:
    """A tile's share of J at the multiplier μ, and of −∂J/∂μ."""
    cdef Py_ssize_t start, last, n
    cdef real* d = <real*>plan.scratch + worker * plan.scratch_size
    cdef double value, slope
    shares[0] = shares[1] = 0
    span(plan, task, &start, &last)
    while start < last:
        n = min(CHUNK, last - start)
        step_sizes(plan, step, start, n, <const real*>plan.slot_2 + start, d)
        sums_at(n, theta + start, d, <real>mu, <real>plan.reg.bound_l1, <real>plan.reg.bound_l2,
                &value, &slope)
        shares[0] += value
        shares[1] += slope
        start += n


cdef inline void move_along(
    Plan* plan, real* theta, const Step* step, int task, int worker, double mu
) noexcept nogil:
    """A tile's weights ← u(μ)."""
    cdef Py_ssize_t start, last, n, i
    cdef real* d = <real*>plan.scratch + worker * plan.scratch_size
    span(plan, task, &start, &last)
    while start < last:
        n = min(CHUNK, last - start)
        step_sizes(plan, step, start, n, <const real*>plan.slot_2 + start, d)
        values_at(n, theta + start, <real>mu, <real>plan.reg.bound_l1, <real>plan.reg.bound_l2, d)
        for i in range(n):
            if plan.optimizer != ADAM:
                follow(plan, start + i, d[i] - theta[start + i])
            theta[start + i] = d[i]
        start += n


cdef inline void span(
    const Plan* plan, int task, Py_ssize_t* start, Py_ssize_t* last
) noexcept nogil:
    """Where a tile's weights lie in θ."""
    cdef int l = plan.tiles[task].layer
    if l == plan.net.n_layers:    # what is behind the layers has no bound
        start[0] = last[0] = 0
        return
    start[0] = plan.net.weights[l] + plan.tiles[task].first * plan.net.units[l + 1]
    last[0] = plan.net.weights[l] + plan.tiles[task].last * plan.net.units[l + 1]


cdef inline real size_at(real z, real d, real mu, real l1, real l2) noexcept nogil:
    """|u|, u = soft(z, μ·l1·d)/(1 + μ·l2·d)."""
    cdef real zero = 0, one = 1
    cdef real size = (z if z > zero else -z) - mu * l1 * d
    return (zero if size <= zero else size) / (one + mu * l2 * d)


cdef inline dispatched values_at(
    Py_ssize_t n, const real* z, real mu, real l1, real l2, real* d
) noexcept nogil:
    """d, the step sizes, ← u(μ)."""
    cdef Py_ssize_t i
    cdef real zero = 0, size
    for i in range(n):
        size = size_at(z[i], d[i], mu, l1, l2)
        d[i] = size if z[i] > zero else zero - size


cdef inline dispatched sums_at(
    Py_ssize_t n, const real* z, const real* d, real mu, real l1, real l2, double* value,
    double* slope
) noexcept nogil:
    """Σ l1|u| + l2·½u², and Σ d·(l1 + l2|u|)²/(1 + μ·l2·d) over u ≠ 0."""
    cdef real a[LANES]
    cdef real b[LANES]
    cdef real size, pull, zero = 0, one = 1, half = 0.5
    cdef Py_ssize_t i, k, place
    for k in range(LANES):
        a[k] = 0
        b[k] = 0
    for i in range(n // LANES):
        for k in range(LANES):
            place = i * LANES + k
            size = size_at(z[place], d[place], mu, l1, l2)
            pull = l1 + l2 * size if size != zero else zero
            a[k] += size * (l1 + half * l2 * size)
            b[k] += d[place] * pull * pull / (one + mu * l2 * d[place])
    for i in range(n - n % LANES, n):
        size = size_at(z[i], d[i], mu, l1, l2)
        pull = l1 + l2 * size if size != zero else zero
        a[i % LANES] += size * (l1 + half * l2 * size)
        b[i % LANES] += d[i] * pull * pull / (one + mu * l2 * d[i])
    value[0] = slope[0] = 0
    for k in range(LANES):
        value[0] += a[k]
        slope[0] += b[k]


cdef inline void shorten_columns(
    Plan* plan, real* theta, const Block* block, int worker
) noexcept nogil:
    """The block's columns ← columns no longer than max_norm."""
    cdef Py_ssize_t rows = plan.net.units[block.layer], width = plan.net.units[block.layer + 1]
    cdef Py_ssize_t n = block.last - block.first, i, j, start
    cdef double[COLUMNS] factor
    cdef double limit = plan.reg.max_norm
    cdef bint any_longer = False
    start = plan.net.weights[block.layer] + block.first
    column_squares(rows, n, width, theta + start, factor)
    for j in range(n):
        # NaN must not be taken for a short column.
        factor[j] = 1 if factor[j] <= limit * limit else limit / sqrt(factor[j])
        any_longer = any_longer or factor[j] != 1
    if not any_longer:
        return
    for i in range(rows):
        if plan.optimizer != ADAM:
            for j in range(n):
                follow(plan, start + i * width + j,
                       <real>(theta[start + i * width + j] * (factor[j] - 1)))
        for j in range(n):
            theta[start + i * width + j] = <real>(theta[start + i * width + j] * factor[j])


cdef inline dispatched column_squares(
    Py_ssize_t rows, Py_ssize_t n, Py_ssize_t width, const real* W, double* out
) noexcept nogil:
    """Sums of squares of n columns of W, whose rows lie ``width`` apart."""
    cdef Py_ssize_t i, j
    for j in range(n):
        out[j] = 0
    for i in range(rows):
        for j in range(n):
            out[j] += <double>W[i * width + j] * W[i * width + j]
