# cython: boundscheck=False, wraparound=False, cdivision=True
"""The second phase of a step: a tile of a weight matrix gets its gradient and is updated."""

from skreg._kernels.group_prox cimport group_radius, shrink
from libc.math cimport exp, sqrt

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.matmul cimport column_sums, matmul_tn
from skreg._kernels.members cimport scale as multiply_by
from skreg._kernels.optimizers cimport (
    ADAM, GRADIENT, NESTEROV, SGD, accumulate, adam, adam_steps, nesterov, sgd,
)
from skreg._kernels.penalties cimport Pieces, piecewise_prox
from skreg._kernels.plan cimport INPUTS, Architecture, Plan, Step, Tile, zeros_of_gradient

cdef extern from "fetch.h" nogil:
    void claim "skreg_claim"(void* at, Py_ssize_t n_bytes) noexcept

ctypedef fused real:
    float
    double

cdef enum:
    CHUNK = 512      # weights whose step sizes are at hand at once
    FACTOR_PACE = 6  # how much faster the logarithms of factors move with Adam
    WAVE_UNIT = 10   # frequencies and phases move in units of a tenth: at weights' rates they fit noise


cdef inline void layer_gradient(
    const Architecture* net, int l, Py_ssize_t rows, const real* a, const real* delta,
    real* gradient, bint has_zeros
) noexcept nogil:
    """The gradient of layer l from a block of rows, where it stands in that of θ."""
    cdef Py_ssize_t fan_in = net.units[l], fan_out = net.units[l + 1]
    matmul_tn(fan_in, fan_out, rows, a, fan_in, delta, gradient + net.weights[l],
              zeros_of_gradient(net, l, has_zeros))
    column_sums(rows, fan_out, delta, fan_out, gradient + net.biases[l])


cdef inline void tile_task(
    Plan* plan, real* theta, const Step* step, int task, int worker
) noexcept nogil:
    """Gradient and update of a block of rows of one weight matrix; the first takes the biases too."""
    cdef const Tile* tile = plan.tiles + task
    cdef const Architecture* net = plan.net
    cdef int l = tile.layer
    cdef Py_ssize_t fan_in, fan_out, start, n_weights, n_parts
    cdef real* g = <real*>plan.gradients
    cdef const real* a
    cdef const real* delta
    n_parts = (step.size + plan.rows_per_task - 1) // plan.rows_per_task
    if l == net.n_layers:
        update_inputs(plan, theta, step, n_parts, g + net.scales)
        return
    fan_in, fan_out = net.units[l], net.units[l + 1]
    start = net.weights[l] + tile.first * fan_out
    n_weights = (tile.last - tile.first) * fan_out
    a = <const real*>plan.activations + plan.a_start[l] + tile.first
    delta = <const real*>plan.deltas + plan.d_start[l]
    if plan.sums:
        if n_parts > 1:
            column_sums(n_parts, n_weights, g + start, plan.gradient_size, g + start)
        update_rows(plan, theta, step, tile, g + start)
        if tile.first == 0:
            g += net.biases[l]
            if n_parts > 1:
                column_sums(n_parts, fan_out, g, plan.gradient_size, g)
            update(plan, theta, step, net.biases[l], fan_out, g, -1, 1)
    else:
        g += worker * plan.gradient_size
        matmul_tn(tile.last - tile.first, fan_out, step.size, a, fan_in, delta, g,
                  zeros_of_gradient(net, l, plan.has_zeros))
        update_rows(plan, theta, step, tile, g)
        if tile.first == 0:
            column_sums(step.size, fan_out, delta, fan_out, g)
            update(plan, theta, step, net.biases[l], fan_out, g, -1, 1)
    if plan.reg.pieces != NULL:
        shrink_by_pieces(plan, theta, step, start, n_weights, plan.reg.pieces + l, worker)
    if l == 0 and plan.reg.groups == INPUTS and plan.reg.group[0] > 0:
        shrink_inputs(plan, theta, step, tile.first, tile.last, worker)


cdef inline void update_inputs(
    Plan* plan, real* theta, const Step* step, Py_ssize_t n_parts, real* g
) noexcept nogil:
    """What is the members' own beside their outputs, and waves, get their gradients and are updated."""
    cdef Py_ssize_t n = plan.n_parameters - plan.net.scales, n_own = plan.net.waves - plan.net.scales
    if n_parts > 1:
        column_sums(n_parts, n, g, plan.gradient_size, g)
    update(plan, theta, step, plan.net.scales, n_own, g, -1, 1)
    update(plan, theta, step, plan.net.waves, n - n_own, g + n_own, -1, WAVE_UNIT)


cdef inline void update_rows(
    Plan* plan, real* theta, const Step* step, const Tile* tile, const real* g
) noexcept nogil:
    """One step of the optimizer on the tile's weights; of the first layer in the columns' units."""
    cdef int l = tile.layer
    cdef Py_ssize_t width = plan.net.units[l + 1], row
    cdef Py_ssize_t start = plan.net.weights[l] + tile.first * width
    if l > 0 or plan.scales == NULL:
        update(plan, theta, step, start, (tile.last - tile.first) * width, g, l, 1)
        return
    for row in range(tile.first, tile.last):
        if plan.factors == NULL or plan.optimizer == GRADIENT:
            update(plan, theta, step, start, width, g, l, plan.scales[row])
        else:
            update_with_factor(plan, theta, step, row, g)
        start += width
        g += width


cdef inline void update_with_factor(
    Plan* plan, real* theta, const Step* step, Py_ssize_t row, const real* g
) noexcept nogil:
    """One step of the optimizer on a row of the first weights, w = s·u, as on u; then one on ln s.

    By u the gradient is s times that by w: the steps are those of a column on the scale 1/s. By ln s it is
    ⟨w, ∂(R + λJ)/∂w⟩, and the row moves along with s.
    """
    cdef Py_ssize_t width = plan.net.units[1], n = plan.net.units[0]
    cdef Py_ssize_t start = plan.net.weights[0] + row * width
    cdef double* m = plan.factors + n + row
    cdef double* v = m + n
    cdef double slope, by
    pull(width, <const real*>plan.point + start, g, plan.reg.l1[0], plan.reg.l2[0], &slope)
    update(plan, theta, step, start, width, g, 0, plan.scales[row])
    if plan.optimizer == ADAM:
        m[0] = plan.rule.beta_1 * m[0] + (1 - plan.rule.beta_1) * slope
        v[0] = plan.rule.beta_2 * v[0] + (1 - plan.rule.beta_2) * slope * slope
        by = -FACTOR_PACE * step.eta / step.correction * m[0] / (sqrt(v[0]) * step.scale_2 + plan.rule.epsilon)
    else:
        m[0] = plan.rule.momentum * m[0] - step.eta * slope
        by = m[0]
    by = exp(by)
    plan.factors[row] *= by
    plan.scales[row] = plan.bases[row] / plan.factors[row]
    multiply_by(width, <real>by, theta + start)
    if plan.optimizer == SGD:
        multiply_by(width, <real>by, <real*>plan.slot_1 + start)
    elif plan.optimizer == NESTEROV:
        multiply_by(width, <real>by, <real*>plan.point + start)


cdef inline dispatched pull(
    Py_ssize_t n, const real* w, const real* g, double l1, double l2, double* out
) noexcept nogil:
    """Σ w·(g + l2·w) + l1·|w|, in so many sums at once that they become vectors."""
    cdef double[16] sums
    cdef double x
    cdef Py_ssize_t i, k
    for k in range(16):
        sums[k] = 0
    for i in range(n // 16):
        for k in range(16):
            x = w[i * 16 + k]
            sums[k] += x * (g[i * 16 + k] + l2 * x) + l1 * (x if x > 0 else -x)
    for i in range(n - n % 16, n):
        x = w[i]
        sums[0] += x * (g[i] + l2 * x) + l1 * (x if x > 0 else -x)
    out[0] = 0
    for k in range(16):
        out[0] += sums[k]


cdef inline double rate(const Plan* plan, const Step* step, double scale) noexcept nogil:
    """The learning rate of weights of a column of that scale s: η/s with Adam, else η/s².

    It moves s·w as the rate η moves the weight of the column x/s. With Adam ε becomes ε·s.
    """
    return step.eta / (scale if plan.optimizer == ADAM else scale * scale)


cdef inline void update(
    Plan* plan, real* theta, const Step* step, Py_ssize_t start, Py_ssize_t n, const real* g, int l,
    double scale
) noexcept nogil:
    """One step of the optimizer on θ[start : start + n], weights of layer l; biases if l is −1.

    Every worker has read θ, and a core that writes it waits until the others have given it up: what comes
    next is claimed meanwhile.
    """
    cdef Py_ssize_t last = start + n, size
    while start < last:
        size = min(CHUNK, last - start)
        claim(theta + start + size, min(CHUNK, last - start - size) * sizeof(real))
        update_chunk(plan, theta, step, start, size, g, l, scale)
        start += size
        g += size


cdef inline void update_chunk(
    Plan* plan, real* theta, const Step* step, Py_ssize_t start, Py_ssize_t n, const real* g, int l,
    double scale
) noexcept nogil:
    """The same for a few of them."""
    cdef real* slot_1 = <real*>plan.slot_1 + start
    cdef double eta = rate(plan, step, scale)
    cdef double l1 = plan.reg.l1[l] if l >= 0 else 0
    cdef double l2 = plan.reg.l2[l] if l >= 0 else 0
    cdef double decay = step.decay * plan.reg.decay[l] if l >= 0 else 0
    cdef double keep = 1 - eta * decay
    theta += start
    if plan.optimizer == ADAM:
        adam(n, <real>(eta / step.correction), <real>plan.rule.beta_1,
             <real>plan.rule.beta_2, <real>(plan.rule.epsilon * scale), <real>step.scale_2,
             <real>(l1 * step.correction), <real>l2, <real>keep,
             g, theta, slot_1, <real*>plan.slot_2 + start)
    elif plan.optimizer == SGD:
        sgd(n, <real>eta, <real>plan.rule.momentum, <real>l1, <real>l2, <real>keep, g, theta,
            slot_1)
    elif plan.optimizer == NESTEROV:
        nesterov(n, <real>eta, <real>plan.rule.momentum, <real>l1, <real>(l2 + decay), g, theta,
                 <real*>plan.point + start)
    else:
        accumulate(n, g, slot_1)


cdef inline void step_sizes(
    Plan* plan, const Step* step, Py_ssize_t start, Py_ssize_t n, const real* v, real* out
) noexcept nogil:
    """out ← the step sizes of θ[start : start + n]: the optimizer's metric, inverted.

    ``v`` is what Adam keeps of them; it may be ``out``.
    """
    cdef Py_ssize_t width = plan.net.units[1], last = plan.net.units[0] * width, row, size
    if plan.scales != NULL:
        while n > 0 and start < last:
            row = start / width
            size = min(n, (row + 1) * width - start)
            scaled_steps(plan, step, size, plan.scales[row], v, out)
            start += size
            n -= size
            v += size
            out += size
    if n > 0:
        scaled_steps(plan, step, n, 1, v, out)


cdef inline void scaled_steps(
    const Plan* plan, const Step* step, Py_ssize_t n, double scale, const real* v, real* out
) noexcept nogil:
    """`step_sizes` of weights of a column of that scale."""
    cdef Py_ssize_t i
    cdef real eta = <real>rate(plan, step, scale)
    if plan.optimizer == ADAM:
        adam_steps(n, eta, <real>(plan.rule.epsilon * scale), <real>step.scale_2, v, out)
    else:
        for i in range(n):
            out[i] = eta


cdef inline void follow(Plan* plan, Py_ssize_t i, real by) noexcept nogil:
    """A proximal step has moved θᵢ once more: so must go what follows θ."""
    cdef real one = 1
    if plan.optimizer == SGD:
        (<real*>plan.slot_1)[i] += by
    elif plan.optimizer == NESTEROV:
        (<real*>plan.point)[i] += (one + <real>plan.rule.momentum) * by


cdef inline void shrink_by_pieces(
    Plan* plan, real* theta, const Step* step, Py_ssize_t start, Py_ssize_t n, const Pieces* pieces,
    int worker
) noexcept nogil:
    """The proximal step of a penalty of each weight by itself on θ[start : start + n]."""
    cdef Py_ssize_t size, i, last = start + n
    cdef real* d = <real*>plan.scratch + worker * plan.scratch_size
    cdef real* moved = d + CHUNK
    while start < last:
        size = min(CHUNK, last - start)
        step_sizes(plan, step, start, size, <const real*>plan.slot_2 + start, d)
        piecewise_prox(size, theta + start, d, pieces, moved)
        for i in range(size):
            if plan.optimizer != ADAM:
                follow(plan, start + i, moved[i] - theta[start + i])
            theta[start + i] = moved[i]
        start += size


cdef inline void shrink_inputs(
    Plan* plan, real* theta, const Step* step, Py_ssize_t first, Py_ssize_t last, int worker
) noexcept nogil:
    """The proximal step of groups="inputs" on rows of the first weight matrix.

    A concave penalty is replaced by its tangent at the norm before the step, which lies above it.
    """
    cdef Py_ssize_t width = plan.net.units[1], row, start, j
    cdef double weight = plan.reg.group[0]
    cdef bint is_concave = plan.reg.concavity > 0
    cdef real* d = <real*>plan.scratch + worker * plan.scratch_size
    cdef real* before = d + width
    cdef real* z
    cdef real r
    for row in range(first, last):
        start = plan.net.weights[0] + row * width
        z = theta + start
        step_sizes(plan, step, start, width, <const real*>plan.slot_2 + start, d)
        if is_concave:
            weight = plan.reg.group[0] / (1 + plan.reg.concavity * plan.reg.norms[row])
        r = <real>group_radius(width, z, d, weight)
        if is_concave:
            plan.reg.norms[row] = r
        if plan.optimizer == ADAM:
            shrink(width, z, d, <real>weight, r)
            continue
        for j in range(width):
            before[j] = z[j]
        shrink(width, z, d, <real>weight, r)
        for j in range(width):
            follow(plan, start + j, z[j] - before[j])
