# cython: boundscheck=False, wraparound=False, cdivision=True
"""A step over a mini-batch: what the workers of an epoch do. `network` says how it is cut."""

from libc.math cimport isfinite, pow, sqrt
from libc.string cimport memcpy, memset

from skreg._kernels.activations cimport (
    Activation, add_bias_activate_and_record, add_bias_and_activate, multiply, multiply_by_slope,
)
from skreg._kernels.constraints cimport constrain
from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.dropout cimport drop, dropout_key
from skreg._kernels.losses cimport losses_and_gradients
from skreg._kernels.matmul cimport matmul_nn, matmul_nt
from skreg._kernels.members cimport (
    head_gradients, heads, heads_back, member_gradients, shift, spread,
)
from skreg._kernels.optimizers cimport ADAM, GRADIENT
from skreg._kernels.plan cimport Architecture, Plan, Rows, Step, zeros_after
from skreg._kernels.team cimport meet, take_task
from skreg._kernels.tiles cimport layer_gradient, tile_task
from skreg._kernels.waves cimport add_waves, wave_gradients

cdef extern from "fetch.h" nogil:
    void fetch "skreg_fetch"(const void* at, Py_ssize_t n_bytes) noexcept

ctypedef fused real:
    float
    double


cdef inline void layer(
    const Architecture* net, int l, const real* theta, Py_ssize_t rows, Py_ssize_t first,
    const real* a, real* z, real* slopes, bint has_zeros
) noexcept nogil:
    """z ← act(a·W + b) for layer l, its slopes too if not NULL; the last layer has no activation.

    ``has_zeros`` is said of the input's rows, of which ``first`` is the number of the first.
    """
    cdef Py_ssize_t fan_in = net.units[l], fan_out = net.units[l + 1]
    cdef const real* bias = theta + net.biases[l]
    cdef int zeros = zeros_after(net, l - 1, has_zeros)
    if net.n_members > 1 and l == net.n_layers - 1:
        heads(net, theta, rows, first, a, z, zeros)
        return
    matmul_nn(rows, fan_out, fan_in, a, theta + net.weights[l], z, zeros)
    if net.n_members > 1 and l == 0:
        shift(net, theta, rows, first, z)
    if l == net.n_layers - 1:
        add_bias_and_activate(Activation.IDENTITY, rows, fan_out, bias, z)
    elif slopes == NULL:
        add_bias_and_activate(net.activation, rows, fan_out, bias, z)
    else:
        add_bias_activate_and_record(net.activation, rows, fan_out, bias, z, slopes)


cdef inline void epoch(Plan* plan, real* theta, int worker) noexcept nogil:
    """All steps of an epoch, as one worker of the team."""
    cdef Py_ssize_t start = 0, n_done = 0
    cdef Step step
    cdef int task
    cdef double loss, total = 0
    while start < plan.n:
        step.size = min(plan.batch_size, plan.n - start)
        number_step(plan, &step, plan.n_steps_done + n_done + 1, plan.etas[n_done])
        if plan.shares != NULL:
            step.dropout, step.decay = plan.shares[2 * n_done], plan.shares[2 * n_done + 1]
        n_done += 1
        task = take_task(&plan.team, worker, plan.n_row_tasks)
        while task >= 0:
            plan.task_loss[task] = row_task(plan, theta, &step, plan.order + start, task)
            task = take_task(&plan.team, worker, plan.n_row_tasks)
        meet(&plan.team)
        # Every worker adds the tasks' losses in the same order and so decides the same.
        loss = 0
        for task in range(plan.n_row_tasks):
            loss += plan.task_loss[task]
        total += loss
        if not isfinite(loss):
            meet(&plan.team)    # nobody is late in reading the losses when the next epoch begins
            break
        task = take_task(&plan.team, worker, plan.n_tiles)
        while task >= 0:
            tile_task(plan, theta, &step, task, worker)
            task = take_task(&plan.team, worker, plan.n_tiles)
        meet(&plan.team)
        constrain(plan, theta, &step, worker)
        start += step.size
    if worker == 0:
        plan.loss, plan.diverged = total, start < plan.n
        # The last step shows in no loss; and where a squared gradient overflows, Adam's step is 0
        # for ever.
        look_for_infinity(plan.n_parameters, <const real*>plan.point, &plan.diverged)
        if plan.optimizer == ADAM:
            look_for_infinity(plan.n_parameters, <const real*>plan.slot_2, &plan.diverged)


cdef inline void number_step(
    const Plan* plan, Step* step, Py_ssize_t number, double eta
) noexcept nogil:
    """What the number of a step and its learning rate say."""
    step.number, step.eta, step.correction, step.scale_2 = number, eta, 1, 1
    step.dropout = step.decay = 1
    if plan.optimizer == ADAM:
        step.correction = 1 - pow(plan.rule.beta_1, number)
        step.scale_2 = 1 / sqrt(1 - pow(plan.rule.beta_2, number))


cdef inline dispatched look_for_infinity(Py_ssize_t n, const real* x, bint* found) noexcept nogil:
    """``found`` becomes true if an element of x is infinite or NaN."""
    cdef Py_ssize_t i
    cdef real zero = 0
    cdef int bad = 0
    for i in range(n):
        bad |= x[i] - x[i] != zero
    found[0] = found[0] or bad != 0


cdef inline double row_task(
    Plan* plan, real* theta, const Step* step, const Py_ssize_t* order, int task
) noexcept nogil:
    """Forward and backward pass of a block of the batch's rows; returns its Σ wᵢℓᵢ."""
    cdef const Architecture* net = plan.net
    cdef const real* point = <const real*>plan.point
    cdef real* activations = <real*>plan.activations
    cdef real* deltas = <real*>plan.deltas
    cdef real* slopes = <real*>plan.slopes
    cdef real* gradient = <real*>plan.gradients + task * plan.gradient_size
    cdef Py_ssize_t first = task * plan.rows_per_task
    cdef Py_ssize_t rows = min(plan.rows_per_task, step.size - first)
    cdef int l, last = net.n_layers - 1
    cdef bint is_ensemble = net.n_members > 1
    cdef const real* a
    cdef const real* behind
    cdef real* delta = NULL
    cdef double loss
    if rows <= 0:
        return 0
    delta = forward(plan, point, step, order + first, first, rows)
    loss = losses(plan, rows, order + first, first, step.size, delta)
    first *= plan.copies
    rows *= plan.copies
    for l in range(last, -1, -1):
        a = activations + plan.a_start[l] + first * net.units[l]
        if is_ensemble and l == last:
            head_gradients(net, rows, first, a, delta, gradient)
        elif plan.sums:
            layer_gradient(net, l, rows, a, delta, gradient, plan.has_zeros)
        if l > 0:
            behind = delta
            delta = deltas + plan.d_start[l - 1] + first * net.units[l]
            if is_ensemble and l == last:
                heads_back(net, point, rows, first, behind, delta)
            else:
                matmul_nt(rows, net.units[l], net.units[l + 1], behind, point + net.weights[l],
                          delta, zeros_after(net, l, False))
            if slopes == NULL:
                multiply_by_slope(net.activation, rows * net.units[l], a, delta)
            else:
                multiply(rows * net.units[l],
                         slopes + plan.d_start[l - 1] + first * net.units[l], delta)
    if is_ensemble:
        member_gradients(
            net, point, rows, plan.copies, first,
            <const real*>plan.inputs + task * plan.rows_per_task * net.units[0], delta,
            <real*>plan.input_deltas + first * net.units[0], gradient)
    if net.n_waves > 0:
        wave_gradients(
            net, point, rows // plan.copies, plan.copies, first,
            <const real*>plan.rows + task * plan.rows_per_task * net.width,
            <const real*>plan.wave_slopes + task * plan.rows_per_task * net.units[0], delta,
            <real*>plan.input_deltas + first * net.units[0], gradient)
    return loss


cdef inline real* forward(
    Plan* plan, const real* point, const Step* step, const Py_ssize_t* order, Py_ssize_t first,
    Py_ssize_t rows
) noexcept nogil:
    """Forward pass of rows of the batch; returns where the raw predictions are."""
    cdef const Architecture* net = plan.net
    cdef bint is_ensemble = net.n_members > 1
    cdef real* a = <real*>(plan.inputs if is_ensemble else plan.activations) + first * net.units[0]
    cdef real* z = NULL
    cdef real* slopes = NULL
    cdef int l, last = net.n_layers - 1
    cdef double rate = step.dropout * plan.reg.hidden_dropout
    cdef double input_rate = step.dropout * plan.reg.input_dropout
    if net.n_waves > 0:
        z = <real*>plan.rows + first * net.width
        slopes = <real*>plan.wave_slopes + first * net.units[0]
        gather_rows(rows, net.width, &plan.X, order, z)
        add_waves(net, point, rows, z, a, slopes)
    else:
        gather_rows(rows, net.units[0], &plan.X, order, a)
    if plan.centers != NULL:
        subtract(rows, net.units[0], <const real*>plan.centers, a)
    if input_rate > 0:
        drop(rows, net.units[0], input_rate,
             dropout_key(plan.reg.dropout_seed, step.number, 0), first, a, slopes)
    slopes = NULL
    if is_ensemble:
        z = <real*>plan.activations + first * plan.copies * net.units[0]
        spread(net, point, rows, plan.copies, first * plan.copies, a, z)
        first *= plan.copies
        rows *= plan.copies
        a = z
    for l in range(net.n_layers):
        if l < last:
            z = <real*>plan.activations + plan.a_start[l + 1] + first * net.units[l + 1]
            if plan.slopes != NULL:
                slopes = <real*>plan.slopes + plan.d_start[l] + first * net.units[l + 1]
        else:
            z = <real*>plan.deltas + plan.d_start[l] + first * net.n_outputs
        layer(net, l, point, rows, first, a, z, slopes, plan.has_zeros)
        if rate > 0 and l < last:
            drop(rows, net.units[l + 1], rate,
                 dropout_key(plan.reg.dropout_seed, step.number, l + 1), first, z, slopes)
        a = z
    return z


cdef inline void gather_rows(
    Py_ssize_t n_rows, Py_ssize_t width, const Rows* table, const Py_ssize_t* order, real* out
) noexcept nogil:
    """out (n_rows × width) ← the rows of the table that ``order`` names, dense."""
    cdef Py_ssize_t i
    cdef int j
    cdef const real* values = <const real*>table.values
    if table.indices == NULL:
        gather(n_rows, width, values, order, out)
        return
    memset(out, 0, n_rows * width * sizeof(real))
    for i in range(n_rows):
        for j in range(table.starts[order[i]], table.starts[order[i] + 1]):
            out[i * width + table.indices[j]] += values[j]    # duplicates add up


cdef inline dispatched subtract(
    Py_ssize_t rows, Py_ssize_t width, const real* centers, real* a
) noexcept nogil:
    """a ← a − centers, row by row."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(width):
            a[i * width + j] -= centers[j]


cdef inline void gather(
    Py_ssize_t rows, Py_ssize_t width, const real* table, const Py_ssize_t* order, real* out
) noexcept nogil:
    """out (rows × width) ← the rows of the table that ``order`` names.

    They lie anywhere: the next is asked for while one is copied.
    """
    cdef Py_ssize_t i
    if width == 1:    # not worth a call
        for i in range(rows):
            out[i] = table[order[i]]
        return
    for i in range(rows):
        if i + 1 < rows:
            fetch(table + order[i + 1] * width, width * sizeof(real))
        memcpy(out + i * width, table + order[i] * width, width * sizeof(real))


cdef inline double losses(
    Plan* plan, Py_ssize_t rows, const Py_ssize_t* order, Py_ssize_t first, Py_ssize_t size,
    real* f
) noexcept nogil:
    """Σ wᵢℓᵢ of rows of the batch; raw predictions f become the gradient of the batch's mean.

    Where the gradient is all that is wanted, it is that of the mean over all batches. In an ensemble
    ℓᵢ is the mean over the members that the row trains, and the gradient that of each member's mean.
    """
    cdef Py_ssize_t i, j, copies = plan.copies, n_outputs = plan.net.n_outputs
    cdef const real* weights = <const real*>plan.weights
    cdef real* targets = <real*>plan.targets + first * copies * n_outputs
    cdef double* values = plan.losses + first * copies
    cdef real one = 1, share = one / (plan.n if plan.optimizer == GRADIENT else size)
    cdef double total = 0
    if copies == 1:
        gather(rows, n_outputs, <const real*>plan.Y, order, targets)
    else:
        for i in range(rows * copies):
            gather(1, n_outputs, <const real*>plan.Y, order + i // copies, targets + i * n_outputs)
    share *= <real>plan.net.n_members / copies
    rows *= copies
    losses_and_gradients(
        plan.net.loss, plan.net.loss_parameter, rows, n_outputs, targets, f, values)
    if weights == NULL:
        for j in range(rows * n_outputs):
            f[j] *= share
    else:
        for i in range(rows):
            values[i] *= weights[order[i // copies]]
            for j in range(i * n_outputs, (i + 1) * n_outputs):
                f[j] *= weights[order[i // copies]] * share
    for i in range(rows):
        total += values[i]
    return total / copies
