# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""Training of a dense network: an epoch is one call without the GIL.

A step over a mini-batch (`step.pxd`) has two phases, each cut into tasks that touch disjoint memory:

1. *Rows.* A block of rows is gathered and sent forward and backward through all layers; it leaves
   its activations and deltas in the batch's buffers.
2. *Tiles.* A block of rows of one weight matrix gets its gradient, Aᵀ·Δ over the whole batch, and is
   updated at once while the gradient is in cache; the full gradient is never stored.

Where θ is small against a batch's activations, a block of rows leaves its own gradient as well, and a
tile sums those: less to exchange with other cores.

Which tasks there are depends on the shapes alone and each is computed by one thread, so the result
is the same to the bit for any number of workers. Workers meet twice a step; they stay in the kernel
from the first epoch to the last, and sleep when nobody calls them for a millisecond.

Cost of a step, B rows, P parameters, first layer d×h: 6·B·P − 2·B·d·h flops in matrix products, and
28·P bytes (float32) of Adam's traffic.

Groups that cross layers, norm_bound and max_norm (`constraints.pxd`) have phases of their own.
"""

from libc.math cimport INFINITY

import numpy as np

from skreg._kernels.activations cimport has_recorded_slope
from skreg._kernels.constraints cimport COLUMNS, TOGETHER
from skreg._kernels.network cimport Network
from skreg._kernels.optimizers cimport Optimizer
from skreg._kernels.penalties cimport Pieces
from skreg._kernels.plan cimport INPUTS, NEURONS, NO_GROUPS, Block, Plan, Rule, Step, Tile
from skreg._kernels.step cimport epoch, number_step
from skreg._kernels.team cimport (
    call, dismiss, flush_subnormals, restore_subnormals, wait_for_call,
)
from skreg._kernels.tiles cimport CHUNK, follow, step_sizes

ctypedef fused real:
    float
    double

# Codes of the kernel, by the public names.
OPTIMIZERS = {"gradient": Optimizer.GRADIENT, "sgd": Optimizer.SGD,
              "nesterov": Optimizer.NESTEROV, "adam": Optimizer.ADAM}
GROUPS = {None: NO_GROUPS, "inputs": INPUTS, "neurons": NEURONS}


cdef class Trainer:
    """Everything an epoch touches, allocated once.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features), or CSR array
        float32 or float64, C-contiguous; read only. All floating arrays have its dtype. Of a sparse
        X (indices in int32) the rows of a batch are made dense.
    Y : ndarray of shape (n, n_outputs)
        Targets: numbers, {0, 1}, or indicators of the class. Read only.
    weights : ndarray of shape (n,) or None
        Sample weights with mean 1. Read only.
    theta, point, slot_1, slot_2 : ndarray of shape (n_parameters,)
        θ; where the gradient is taken (θ itself, or Nesterov's look-ahead); the optimizer's
        state. Written in place.
    batch_size : int
    copies : int
        Of an ensemble: how many of its members each row of a batch trains; they take turns. For the
        "gradient", all of them. What is a member's own gets a gradient that is not divided by their
        number: the metric of the steps.
    has_zeros : bool
        Whether products with X look for zeros that lie together: a matter of time alone.
    optimizer : str
        A key of `OPTIMIZERS`. "gradient" leaves θ and adds the gradient of the mean loss, all
        batches together, to ``slot_1``.
    max_workers : int
    l1, l2, decay, group : sequence of float, one for each layer; None for zeros
        λ times the penalty's shares of ‖W‖₁ and ½‖W‖₂²; ηλ of decoupled decay is η·decay; λ√|g|.
    pieces : ndarray of shape (n_layers, 3, 4), or None
        A penalty of each weight by itself, quadratic by pieces in its size: the end of each piece,
        then the constant, the slope and the curvature there; the last ends at infinity.
    groups : None, "inputs" or "neurons"
    concavity : float
        c > 0 makes ‖W₁[i, :]‖ of "inputs" ln(1 + c‖W₁[i, :]‖)/c.
    norm_bound : float
        Of bound_l1·‖W‖₁ + bound_l2·½‖W‖₂² over all layers.
    max_norm : float
        Of the incoming weights of a unit.
    dropout : (float, float)
        Rates of the inputs and of the hidden units.
    dropout_seed : int
    centers : ndarray of shape (n_features,), or None
        What is subtracted from the columns of a dense X, in its dtype; None for zeros.
    scales : ndarray of shape (n_features,), or None
        Positive, in float64: weights of column j move in units of 1/scales[j], as those of X/scales
        would. None for ones.
    factors : ndarray of shape (3, n_features), or None
        Trained with the weights, in float64: what weights of column j are multiplied by on the way,
        positive, and the optimizer's state of their logarithms. Written in place. None for none.
    """

    cdef Plan plan
    cdef tuple owners              # of the memory that the plan points to
    cdef object groups_in_full     # λ√|g| without the share in force
    cdef object first_weights, norms
    cdef bint is_float
    cdef readonly int max_workers

    def __cinit__(self, Network network, X, Y, weights, theta, point, slot_1, slot_2, *,
                  Py_ssize_t batch_size, optimizer, Py_ssize_t copies=1, bint has_zeros=False,
                  int max_workers=1, l1=None, l2=None,
                  decay=None, group=None, pieces=None, groups=None, double concavity=0, double norm_bound=INFINITY,
                  double bound_l1=0, double bound_l2=0, double max_norm=INFINITY,
                  dropout=(0.0, 0.0), dropout_seed=0, centers=None, scales=None, factors=None):
        self.is_float = theta.dtype == np.float32
        self.max_workers = max_workers
        is_sparse = hasattr(X, "indptr")
        for name, array in (("X", X.data if is_sparse else X), ("Y", Y), ("weights", weights),
                            ("point", point), ("slot_1", slot_1), ("slot_2", slot_2)):
            if array is not None and (array.dtype != theta.dtype or not array.flags.c_contiguous):
                raise ValueError(f"{name} must be C-contiguous with theta's dtype, {theta.dtype}")
        cdef Plan* plan = &self.plan
        plan.net = &network.shape
        plan.optimizer = OPTIMIZERS[optimizer]
        plan.n, plan.n_parameters = X.shape[0], network.n_parameters
        plan.batch_size, plan.copies, plan.has_zeros = batch_size, copies, has_zeros
        if not 1 <= copies <= plan.net.n_members:
            raise ValueError("copies must be at least 1 and at most the number of members")
        plan.Y, plan.weights = _address(Y), _address(weights)
        plan.theta, plan.point = <void*>_address(theta), <void*>_address(point)
        plan.slot_1, plan.slot_2 = <void*>_address(slot_1), <void*>_address(slot_2)
        table = (X.data, X.indices, X.indptr) if is_sparse else (X,)
        plan.X.values = _address(table[0]) if table[0].size else _address(theta)
        if is_sparse:
            if X.indices.dtype != np.int32 or X.indptr.dtype != np.int32:
                raise ValueError("a sparse X must have int32 indices")
            plan.X.starts = <const int*>_address(X.indptr)
            # NULL would mean dense.
            plan.X.indices = <const int*>_address(X.indices if X.indices.size else X.indptr)
        self.owners = (network, *table, Y, weights, theta, point, slot_1, slot_2)
        self._set_penalties(l1, l2, decay, group)
        self._set_pieces(pieces)
        plan.reg.groups = GROUPS[groups]
        plan.reg.concavity = concavity
        self.first_weights = theta[:network.units[0] * network.units[1]].reshape(network.units[:2])
        norms = np.zeros(network.units[0])
        plan.reg.norms = <double*>_address(norms)
        self.norms = norms
        plan.reg.norm_bound = norm_bound
        plan.reg.bound_l1, plan.reg.bound_l2 = bound_l1, bound_l2
        plan.reg.max_norm = max_norm
        plan.reg.input_dropout, plan.reg.hidden_dropout = dropout
        plan.reg.dropout_seed = dropout_seed
        self._set_columns(centers, scales, factors, theta.dtype)
        self._set_tasks(network)
        self._make_buffers(network, theta.dtype)

    cdef _set_penalties(self, l1, l2, decay, group):
        cdef int n_layers = self.plan.net.n_layers
        numbers = np.zeros((4, n_layers))
        for row, values in zip(numbers, (l1, l2, decay, group), strict=True):
            if values is not None:
                row[:] = values
        cdef double[:, ::1] shares = numbers
        self.plan.reg.l1, self.plan.reg.l2 = &shares[0, 0], &shares[1, 0]
        self.plan.reg.decay, self.plan.reg.group = &shares[2, 0], &shares[3, 0]
        self.groups_in_full = numbers[3].copy()
        self.owners += (numbers,)

    cdef _set_pieces(self, pieces):
        if pieces is None:
            self.plan.reg.pieces = NULL
            return
        cdef double[:, :, ::1] given = np.ascontiguousarray(pieces, dtype=np.float64)
        if given.shape[0] != self.plan.net.n_layers or given.shape[1] != 3 or given.shape[2] != 4:
            raise ValueError("pieces must have three pieces of four numbers for each layer")
        table = np.empty((given.shape[0], sizeof(Pieces)), np.uint8)
        cdef Pieces* out = <Pieces*>_address(table)
        for l in range(given.shape[0]):
            out[l].limit = INFINITY
            for k in range(3):
                out[l].end[k], out[l].constant[k] = given[l, k, 0], given[l, k, 1]
                out[l].linear[k], out[l].square[k] = given[l, k, 2], given[l, k, 3]
                if given[l, k, 3] < 0:
                    out[l].limit = min(out[l].limit, -1 / given[l, k, 3])
        self.plan.reg.pieces = out
        self.owners += (table,)

    cdef _set_columns(self, centers, scales, factors, dtype):
        cdef Plan* plan = &self.plan
        if centers is not None and plan.X.indices != NULL:
            raise ValueError("a sparse X cannot have centers")
        if centers is not None:
            centers = np.ascontiguousarray(centers, dtype=dtype)
        if scales is not None:
            scales = np.ascontiguousarray(scales, dtype=np.float64)
        for array in (centers, scales):
            if array is not None and array.shape != (plan.net.units[0],):
                raise ValueError("centers and scales must have a number for each feature")
        bases = None
        if factors is not None:
            if (factors.shape != (3, plan.net.units[0]) or factors.dtype != np.float64
                    or not factors.flags.c_contiguous):
                raise ValueError("factors must be C-contiguous in float64, three for each feature")
            bases = np.ones(plan.net.units[0]) if scales is None else scales
            scales = bases / factors[0]
        plan.centers, plan.scales = _address(centers), <double*>_address(scales)
        plan.factors, plan.bases = <double*>_address(factors), <const double*>_address(bases)
        self.owners += (centers, scales, factors, bases)

    cdef _set_tasks(self, Network network):
        cdef Plan* plan = &self.plan
        plan.rows_per_task, tiles = network.tasks(plan.batch_size, plan.copies)
        plan.n_row_tasks = (plan.batch_size + plan.rows_per_task - 1) // plan.rows_per_task
        plan.n_tiles = len(tiles)
        blocks = []
        if plan.reg.groups == NEURONS or plan.reg.max_norm < INFINITY:
            blocks = [(l, first, min(first + COLUMNS, network.units[l + 1]))
                      for l in range(plan.net.n_layers)
                      for first in range(0, network.units[l + 1], COLUMNS)]
        plan.n_blocks = len(blocks)
        kind = np.dtype([("layer", np.intc), ("first", np.intp), ("last", np.intp)], align=True)
        tile_table, block_table = np.array(tiles, kind), np.array([*blocks, (0, 0, 0)], kind)
        plan.tiles = <const Tile*>_address(tile_table)
        plan.blocks = <const Block*>_address(block_table)
        self.owners += (tile_table, block_table)

    cdef _make_buffers(self, Network network, dtype):
        cdef Plan* plan = &self.plan
        cdef Py_ssize_t batch_size = plan.batch_size * plan.copies, n_layers = plan.net.n_layers
        units = np.array(network.units, dtype=np.intp)
        units[n_layers] = plan.net.n_outputs
        starts = batch_size * np.concatenate([[0], np.cumsum(units)]).astype(np.intp)
        delta_starts = np.ascontiguousarray(starts[1:] - starts[1])
        activations = np.empty(batch_size * units[:n_layers].sum(), dtype)
        deltas = np.empty(batch_size * units[1:].sum(), dtype)
        slopes = None
        if has_recorded_slope(plan.net.activation) or plan.reg.hidden_dropout > 0:
            slopes = np.empty(batch_size * units[1:n_layers].sum(), dtype)
        # What cores exchange: each block's own gradient, written and read; or what tiles read of the
        # activations and deltas.
        plan.sums = plan.net.n_members > 1 or plan.net.n_waves > 0 or (
            2 * plan.n_row_tasks * plan.n_parameters < batch_size * (
                units[:n_layers].sum() + sum(units[plan.tiles[i].layer + 1] for i in range(plan.n_tiles))))
        if plan.sums:
            plan.gradient_size = plan.n_parameters
            gradients = np.empty((plan.n_row_tasks, plan.n_parameters), dtype)
        else:
            plan.gradient_size = units.max() + max(
                (plan.tiles[i].last - plan.tiles[i].first) * units[plan.tiles[i].layer + 1]
                for i in range(plan.n_tiles))
            gradients = np.empty((self.max_workers, plan.gradient_size), dtype)
        # Weights of a few neurons, or a chunk, with their step sizes.
        plan.scratch_size = max(4 * TOGETHER * units.max(), 2 * CHUNK)
        scratch = np.empty((self.max_workers, plan.scratch_size), dtype)
        targets = np.empty(batch_size * units[n_layers], dtype)
        losses, task_loss = np.empty(batch_size), np.empty(plan.n_row_tasks)
        tile_sums = np.empty(4 * plan.n_tiles)
        inputs = input_deltas = rows = wave_slopes = None
        if plan.net.n_waves > 0:
            rows = np.empty(plan.batch_size * plan.net.width, dtype)
            wave_slopes = np.empty(plan.batch_size * units[0], dtype)
            input_deltas = np.empty(batch_size * units[0], dtype)
        if plan.net.n_members > 1:
            inputs, input_deltas = np.empty(plan.batch_size * units[0], dtype), np.empty(batch_size * units[0], dtype)
        plan.rows, plan.wave_slopes = <void*>_address(rows), <void*>_address(wave_slopes)
        plan.inputs, plan.input_deltas = <void*>_address(inputs), <void*>_address(input_deltas)
        plan.activations, plan.deltas = <void*>_address(activations), <void*>_address(deltas)
        plan.slopes = NULL if slopes is None or not slopes.size else <void*>_address(slopes)
        plan.a_start = <const Py_ssize_t*>_address(starts)
        plan.d_start = <const Py_ssize_t*>_address(delta_starts)
        plan.targets, plan.losses = <void*>_address(targets), <double*>_address(losses)
        plan.gradients, plan.scratch = <void*>_address(gradients), <void*>_address(scratch)
        plan.task_loss = <double*>_address(task_loss)
        plan.tile_sums = <double*>_address(tile_sums)
        self.owners += (rows, wave_slopes, inputs, input_deltas, activations, deltas, slopes, starts, delta_starts, targets, losses,
                        gradients, scratch, task_loss, tile_sums)

    @property
    def loss(self):
        """Σ wᵢℓᵢ over the last epoch, each ℓᵢ taken when its batch came."""
        return self.plan.loss

    @property
    def diverged(self):
        """Whether the last epoch met a loss, or left a parameter, that is not finite."""
        return bool(self.plan.diverged)

    def weaken_groups(self, double share):
        """From the next epoch on, the groups' penalty is ``share`` times what it was made with."""
        cdef double[::1] full = self.groups_in_full
        for l in range(full.shape[0]):
            self.plan.reg.group[l] = share * full[l]

    def train(self, const Py_ssize_t[::1] order, const double[::1] etas, *,
              Py_ssize_t n_steps_done, int n_workers, const double[:, ::1] shares=None,
              double momentum=0, double beta_1=0, double beta_2=0, double epsilon=0):
        """An epoch over the rows in ``order``, with the help of ``n_workers`` − 1 that `serve`.

        ``order`` may name some rows only, for a part of an epoch, or be that of several epochs.
        ``etas`` holds the learning rate of each step; ``shares``, (n_steps, 2), in [0, 1], what
        dropout and decoupled decay are multiplied by in it, None for ones.
        """
        if order.shape[0] == 0:
            raise ValueError("order must name rows of X")
        if etas.shape[0] * self.plan.batch_size < order.shape[0]:
            raise ValueError("etas must have one learning rate for each batch")
        if shares is not None and (shares.shape[0] < etas.shape[0] or shares.shape[1] != 2):
            raise ValueError("shares must have two numbers for each of etas")
        if not 1 <= n_workers <= self.max_workers:
            raise ValueError("n_workers must be at least 1 and at most max_workers")
        cdef unsigned state
        self.plan.n, self.plan.order = order.shape[0], &order[0]
        self.plan.etas = &etas[0]
        self.plan.shares = NULL if shares is None else &shares[0, 0]
        self.plan.n_steps_done = n_steps_done
        self.plan.multiplier = 0    # an epoch knows nothing of the last one but θ's state
        if self.plan.reg.concavity > 0:
            np.sqrt(np.einsum("ij,ij->i", self.first_weights, self.first_weights), out=self.norms)
        self.plan.rule = Rule(momentum, beta_1, beta_2, epsilon)
        with nogil:
            state = flush_subnormals()
            call(&self.plan.team, n_workers)
            self._epoch(0)
            restore_subnormals(state)

    def step_sizes(self, real[::1] out, *, Py_ssize_t number, double eta):
        """out ← the step size of each component of θ in that step: the inverse of the metric."""
        cdef Step step
        self._check(out.shape[0], real is float)
        number_step(&self.plan, &step, number, eta)
        step_sizes(&self.plan, &step, 0, self.plan.n_parameters, <const real*>self.plan.slot_2, &out[0])

    def move_to(self, const real[::1] theta):
        """θ ← ``theta``, after a proximal step made outside; the optimizer's memory follows."""
        cdef Py_ssize_t i
        cdef real* here = <real*>self.plan.theta
        self._check(theta.shape[0], real is float)
        for i in range(self.plan.n_parameters):
            follow(&self.plan, i, theta[i] - here[i])
            here[i] = theta[i]

    cdef int _check(self, Py_ssize_t size, bint is_float) except -1:
        if size != self.plan.n_parameters or is_float != self.is_float:
            raise ValueError("the array must have the size and dtype of theta")
        return 0

    def serve(self, int worker):
        """Help with every epoch that calls for more than ``worker`` workers, until `dismiss`."""
        if not 0 < worker < self.max_workers:
            raise ValueError("worker must be at least 1 and below max_workers")
        cdef unsigned state
        cdef int seen = 0
        with nogil:
            state = flush_subnormals()
            while wait_for_call(&self.plan.team, worker, &seen):
                self._epoch(worker)
            restore_subnormals(state)

    def dismiss(self):
        """Let those who `serve` return; nobody can be called any more."""
        dismiss(&self.plan.team)

    cdef void _epoch(self, int worker) noexcept nogil:
        if self.is_float:
            epoch(&self.plan, <float*>self.plan.theta, worker)
        else:
            epoch(&self.plan, <double*>self.plan.theta, worker)


cdef const void* _address(array) except? NULL:
    if array is None:
        return NULL
    cdef const unsigned char[::1] octets = array.reshape(-1).view(np.uint8)
    return &octets[0]
