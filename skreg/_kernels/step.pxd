# cython: boundscheck=False, wraparound=False, cdivision=True
"""A step over a mini-batch: what the workers of an epoch do. `network` says how it is cut."""

from libc.math cimport isfinite, pow, sqrt
from libc.string cimport memcpy

from skreg._kernels.activations cimport Activation, add_bias_and_activate, multiply_by_slope
from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.losses cimport Loss, losses_and_gradients
from skreg._kernels.matmul cimport column_sums, matmul_nn, matmul_nt, matmul_tn
from skreg._kernels.optimisers cimport (
    ADAM, NESTEROV, SGD, Optimiser, adam, nesterov, sgd, write_gradient,
)
from skreg._kernels.team cimport Team, meet, next_task

ctypedef fused real:
    float
    double

cdef struct Architecture:
    int n_layers
    Activation activation
    Loss loss
    Py_ssize_t* units      # n_layers + 1
    Py_ssize_t* weights    # start of each layer's weights in θ
    Py_ssize_t* biases     # start of each layer's biases in θ


# The optimiser's numbers for an epoch.
cdef struct Step:
    double eta             # learning rate
    double momentum        # of SGD
    double beta_1, beta_2, epsilon
    double l1, l2          # λ times the penalty's shares of ‖θ‖₁ and ½‖θ‖₂²


cdef struct Tile:
    int layer
    Py_ssize_t first, last    # rows of the layer's weight matrix


# Everything a worker needs; arrays are float or double as θ is.
cdef struct Plan:
    const Architecture* net
    Optimiser optimiser
    Step step
    Team team
    Py_ssize_t n, n_parameters, batch_size, rows_per_task, n_steps_done
    int n_row_tasks, n_tiles
    const Tile* tiles
    const Py_ssize_t* order        # of the rows in this epoch
    const void* X
    const void* Y
    const void* weights            # NULL: all 1
    void* theta
    void* point
    void* slot_1
    void* slot_2
    void* activations              # of the batch, layer after layer from the input
    void* deltas                   # of the batch, layer after layer from the first hidden
    void* targets                  # of the batch
    double* losses                 # of the batch
    const Py_ssize_t* a_start
    const Py_ssize_t* d_start
    bint sums                      # whether a tile's gradient is a sum over the row tasks
    void* gradients                # of every row task, or room for a tile for every worker
    Py_ssize_t gradient_size       # of one of these
    double* task_loss
    double loss                    # Σ wᵢℓᵢ over the epoch
    bint diverged


cdef inline void layer(
    const Architecture* net, int l, const real* theta, Py_ssize_t rows, const real* a, real* z
) noexcept nogil:
    """z ← act(a·W + b) for layer l; the last layer's activation is the identity."""
    cdef Py_ssize_t fan_in = net.units[l], fan_out = net.units[l + 1]
    matmul_nn(rows, fan_out, fan_in, a, theta + net.weights[l], z)
    add_bias_and_activate(
        net.activation if l < net.n_layers - 1 else Activation.IDENTITY,
        rows, fan_out, theta + net.biases[l], z)


cdef inline void epoch(Plan* plan, real* theta, int worker) noexcept nogil:
    """All steps of an epoch, as one worker of the team."""
    cdef Py_ssize_t start = 0, size, t = plan.n_steps_done
    cdef int task
    cdef double loss, total = 0
    while start < plan.n:
        size = min(plan.batch_size, plan.n - start)
        t += 1
        task = worker
        while task < plan.n_row_tasks:
            plan.task_loss[task] = row_task(plan, theta, plan.order + start, size, task)
            task = next_task(&plan.team)
        meet(&plan.team)
        # Every worker adds the tasks' losses in the same order and so decides the same.
        loss = 0
        for task in range(plan.n_row_tasks):
            loss += plan.task_loss[task]
        total += loss
        if not isfinite(loss):
            meet(&plan.team)    # nobody is late in reading the losses when the next epoch begins
            break
        task = worker
        while task < plan.n_tiles:
            tile_task(plan, theta, size, t, task, worker)
            task = next_task(&plan.team)
        meet(&plan.team)
        start += size
    if worker == 0:
        plan.loss, plan.diverged = total, start < plan.n
        # The last step shows in no loss; and where a squared gradient overflows, Adam's step is 0
        # for ever.
        look_for_infinity(plan.n_parameters, <const real*>plan.point, &plan.diverged)
        if plan.optimiser == ADAM:
            look_for_infinity(plan.n_parameters, <const real*>plan.slot_2, &plan.diverged)


cdef inline dispatched look_for_infinity(Py_ssize_t n, const real* x, bint* found) noexcept nogil:
    """``found`` becomes true if an element of x is infinite or NaN."""
    cdef Py_ssize_t i
    cdef real zero = 0
    cdef int bad = 0
    for i in range(n):
        bad |= x[i] - x[i] != zero
    found[0] = found[0] or bad != 0


cdef inline double row_task(
    Plan* plan, real* theta, const Py_ssize_t* order, Py_ssize_t size, int task
) noexcept nogil:
    """Forward and backward pass of a block of the batch's rows; returns its Σ wᵢℓᵢ."""
    cdef const Architecture* net = plan.net
    cdef const real* point = <const real*>plan.point
    cdef real* activations = <real*>plan.activations
    cdef real* deltas = <real*>plan.deltas
    cdef real* gradient = <real*>plan.gradients + task * plan.gradient_size
    cdef Py_ssize_t first = task * plan.rows_per_task
    cdef Py_ssize_t rows = min(plan.rows_per_task, size - first)
    cdef Py_ssize_t n_outputs = net.units[net.n_layers]
    cdef int l, last = net.n_layers - 1
    cdef const real* a
    cdef real* delta = NULL
    cdef double loss
    if rows <= 0:
        return 0
    gather(rows, net.units[0], <const real*>plan.X, order + first,
           activations + first * net.units[0])
    for l in range(net.n_layers):
        a = activations + plan.a_start[l] + first * net.units[l]
        if l < last:
            delta = activations + plan.a_start[l + 1] + first * net.units[l + 1]
        else:
            delta = deltas + plan.d_start[l] + first * n_outputs
        layer(net, l, point, rows, a, delta)
    loss = losses(plan, rows, order + first, first, size, delta)
    for l in range(last, -1, -1):
        a = activations + plan.a_start[l] + first * net.units[l]
        if plan.sums:
            layer_gradient(net, l, rows, a, delta, gradient)
        if l > 0:
            matmul_nt(rows, net.units[l], net.units[l + 1], delta, point + net.weights[l],
                      deltas + plan.d_start[l - 1] + first * net.units[l])
            delta = deltas + plan.d_start[l - 1] + first * net.units[l]
            multiply_by_slope(net.activation, rows * net.units[l], a, delta)
    return loss


cdef inline void layer_gradient(
    const Architecture* net, int l, Py_ssize_t rows, const real* a, const real* delta,
    real* gradient
) noexcept nogil:
    """The gradient of layer l from a block of rows, where it stands in that of θ."""
    cdef Py_ssize_t fan_in = net.units[l], fan_out = net.units[l + 1]
    matmul_tn(fan_in, fan_out, rows, a, fan_in, delta, gradient + net.weights[l])
    column_sums(rows, fan_out, delta, fan_out, gradient + net.biases[l])


cdef inline void gather(
    Py_ssize_t rows, Py_ssize_t width, const real* table, const Py_ssize_t* order, real* out
) noexcept nogil:
    """out (rows × width) ← the rows of the table that ``order`` names."""
    cdef Py_ssize_t i
    if width == 1:    # not worth a call
        for i in range(rows):
            out[i] = table[order[i]]
        return
    for i in range(rows):
        memcpy(out + i * width, table + order[i] * width, width * sizeof(real))


cdef inline double losses(
    Plan* plan, Py_ssize_t rows, const Py_ssize_t* order, Py_ssize_t first, Py_ssize_t size,
    real* f
) noexcept nogil:
    """Σ wᵢℓᵢ of rows of the batch; raw predictions f become the gradient of the batch's mean."""
    cdef Py_ssize_t i, j, n_outputs = plan.net.units[plan.net.n_layers]
    cdef const real* weights = <const real*>plan.weights
    cdef real* targets = <real*>plan.targets + first * n_outputs
    cdef double* values = plan.losses + first
    cdef real one = 1, share = one / size
    cdef double total = 0
    gather(rows, n_outputs, <const real*>plan.Y, order, targets)
    losses_and_gradients(plan.net.loss, rows, n_outputs, targets, f, values)
    if weights == NULL:
        for j in range(rows * n_outputs):
            f[j] *= share
    else:
        for i in range(rows):
            values[i] *= weights[order[i]]
            for j in range(i * n_outputs, (i + 1) * n_outputs):
                f[j] *= weights[order[i]] * share
    for i in range(rows):
        total += values[i]
    return total


cdef inline void tile_task(
    Plan* plan, real* theta, Py_ssize_t size, Py_ssize_t t, int task, int worker
) noexcept nogil:
    """Gradient and update of a block of rows of one weight matrix; the first takes the biases too."""
    cdef const Tile* tile = plan.tiles + task
    cdef const Architecture* net = plan.net
    cdef int l = tile.layer
    cdef Py_ssize_t fan_in = net.units[l], fan_out = net.units[l + 1]
    cdef Py_ssize_t start = net.weights[l] + tile.first * fan_out
    cdef Py_ssize_t n_weights = (tile.last - tile.first) * fan_out, n_parts
    cdef real* g = <real*>plan.gradients
    cdef const real* a = <const real*>plan.activations + plan.a_start[l] + tile.first
    cdef const real* delta = <const real*>plan.deltas + plan.d_start[l]
    if plan.sums:
        n_parts = (size + plan.rows_per_task - 1) // plan.rows_per_task
        column_sums(n_parts, n_weights, g + start, plan.gradient_size, g + start)
        update(plan, theta, t, start, n_weights, g + start, plan.step.l1, plan.step.l2)
        if tile.first == 0:
            g += net.biases[l]
            column_sums(n_parts, fan_out, g, plan.gradient_size, g)
            update(plan, theta, t, net.biases[l], fan_out, g, 0, 0)
        return
    g += worker * plan.gradient_size
    matmul_tn(tile.last - tile.first, fan_out, size, a, fan_in, delta, g)
    update(plan, theta, t, start, n_weights, g, plan.step.l1, plan.step.l2)
    if tile.first == 0:
        column_sums(size, fan_out, delta, fan_out, g)
        update(plan, theta, t, net.biases[l], fan_out, g, 0, 0)


cdef inline void update(
    Plan* plan, real* theta, Py_ssize_t t, Py_ssize_t start, Py_ssize_t n, const real* g,
    double l1, double l2
) noexcept nogil:
    """One step of the optimiser on θ[start : start + n]."""
    cdef const Step* s = &plan.step
    cdef real* slot_1 = <real*>plan.slot_1 + start
    cdef double correction
    if plan.optimiser == ADAM:
        correction = 1 - pow(s.beta_1, t)
        adam(n, <real>(s.eta / correction), <real>s.beta_1, <real>s.beta_2, <real>s.epsilon,
             <real>(1 / sqrt(1 - pow(s.beta_2, t))), <real>(l1 * correction), <real>l2,
             g, theta + start, slot_1, <real*>plan.slot_2 + start)
    elif plan.optimiser == SGD:
        sgd(n, <real>s.eta, <real>s.momentum, <real>l1, <real>l2, g, theta + start, slot_1)
    elif plan.optimiser == NESTEROV:
        nesterov(n, <real>s.eta, <real>s.momentum, <real>l1, <real>l2, g, theta + start,
                 <real*>plan.point + start)
    else:
        write_gradient(n, <real>l1, <real>l2, theta + start, g, slot_1)
