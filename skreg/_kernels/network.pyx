# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""Training and evaluation of a dense network: an epoch is one call without the GIL.

θ is one flat array: for each layer its weights, fan_in × fan_out row-major, then its biases.

A step over a mini-batch (`step.pxd`) has two phases, each cut into tasks that touch disjoint memory:

1. *Rows.* A block of rows is gathered and sent forward and backward through all layers; it leaves
   its activations and deltas in the batch's buffers.
2. *Tiles.* A block of rows of one weight matrix gets its gradient, Aᵀ·Δ over the whole batch, and is
   updated at once while the gradient is in cache; the full gradient is never stored.

Where θ is small against a batch's activations, a block of rows leaves its own gradient as well, and a
tile sums those: less to read that another core has written.

Which tasks there are depends on the shapes alone and each is computed by one thread, so the result
is the same to the bit for any number of workers. Workers meet twice a step; they stay in the kernel
from the first epoch to the last, and sleep when nobody calls them for a millisecond.

Cost of a step, B rows, P parameters, first layer d×h: 6·B·P − 2·B·d·h flops in matrix products, and
28·P bytes (float32) of Adam's traffic.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc

import numpy as np

from skreg._kernels.losses import CODES

from skreg._kernels.activations cimport Activation
from skreg._kernels.matmul cimport gemm, limit_level
from skreg._kernels.optimisers cimport Optimiser
from skreg._kernels.step cimport Architecture, Plan, Step, Tile, epoch, layer
from skreg._kernels.team cimport (
    MOST_WORKERS, call, dismiss, flush_subnormals, restore_subnormals, wait_for_call,
)

ctypedef fused real:
    float
    double

# Codes of the kernels, by the public names.
ACTIVATIONS = {"identity": Activation.IDENTITY, "logistic": Activation.LOGISTIC,
               "tanh": Activation.TANH, "relu": Activation.RELU}
OPTIMISERS = {"gradient": Optimiser.GRADIENT, "sgd": Optimiser.SGD,
              "nesterov": Optimiser.NESTEROV, "adam": Optimiser.ADAM}

cdef enum:
    # A task is worth handing to another core from about this many multiply-adds.
    TASK = 1 << 18
    # Fewer rows than this at once waste a BLAS on packing the weights.
    ROWS = 48
    # A tile has at most about this many weights: its gradient and what the optimiser reads with it
    # then stay in a core's own cache.
    TILE = 1 << 15
    # Rows that are predicted at once.
    PREDICTED_ROWS = 256


def product(const real[:, :] A, const real[:, :] B, real[:, ::1] C, *, int level=4):
    """C ← A·B for any strides, as far as x86-64-v``level`` goes (4, 3 or 1): for tests."""
    if A.shape[1] != B.shape[0] or C.shape[0] != A.shape[0] or C.shape[1] != B.shape[1]:
        raise ValueError("the shapes do not make a product")
    if 0 in (A.shape[0], A.shape[1], B.shape[1]):
        raise ValueError("the product is empty")
    limit_level(level)
    try:
        gemm(A.shape[0], B.shape[1], A.shape[1],
             &A[0, 0], A.strides[0] // sizeof(real), A.strides[1] // sizeof(real),
             &B[0, 0], B.strides[0] // sizeof(real), B.strides[1] // sizeof(real),
             &C[0, 0], C.shape[1])
    finally:
        limit_level(4)


def shuffle(Py_ssize_t[::1] order, uint64_t seed):
    """Write the permutation of 0, 1, … that belongs to ``seed`` into ``order``.

    Fisher's and Yates's shuffle with numbers from splitmix64 (G. Steele, D. Lea, C. Flood (2014),
    "Fast splittable pseudorandom number generators"): a few nanoseconds a row, where that of NumPy's
    generators takes ten, as long as a small network's epoch takes a row.
    """
    cdef Py_ssize_t i, j
    cdef uint64_t z
    for i in range(order.shape[0]):
        seed += 0x9E3779B97F4A7C15ULL
        z = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL
        z ^= z >> 31
        j = <Py_ssize_t>((z >> 11) * (1.0 / (1ULL << 53)) * (i + 1))    # at most i, once rounded
        order[i] = order[j]
        order[j] = i


cdef class Network:
    """The shape of a dense network.

    Parameters
    ----------
    units : sequence of int
        Width of the input, of every hidden layer and of the output.
    activation : str
        Of the hidden layers: a key of `ACTIVATIONS`. The output is raw.
    loss : str
        A key of `skreg._kernels.losses.CODES`.
    """

    cdef Architecture shape
    cdef readonly Py_ssize_t n_parameters
    cdef readonly tuple units

    def __cinit__(self, units, activation, loss):
        cdef int l, n_layers = len(units) - 1
        cdef Py_ssize_t offset = 0
        self.units = tuple(units)
        self.shape.n_layers = n_layers
        self.shape.activation = ACTIVATIONS[activation]
        self.shape.loss = CODES[loss]
        self.shape.units = <Py_ssize_t*>malloc(3 * (n_layers + 1) * sizeof(Py_ssize_t))
        if self.shape.units == NULL:
            raise MemoryError
        self.shape.weights = self.shape.units + n_layers + 1
        self.shape.biases = self.shape.weights + n_layers + 1
        for l in range(n_layers + 1):
            self.shape.units[l] = units[l]
        for l in range(n_layers):
            self.shape.weights[l] = offset
            offset += self.shape.units[l] * self.shape.units[l + 1]
            self.shape.biases[l] = offset
            offset += self.shape.units[l + 1]
        self.n_parameters = offset

    def __dealloc__(self):
        free(self.shape.units)

    def tasks(self, Py_ssize_t batch_size):
        """Cut the two phases of a step; a function of the shapes alone.

        Returns
        -------
        rows_per_task : int
        tiles : list of (layer, first, last)
            Rows of the weight matrices.
        """
        cdef Py_ssize_t layer, fan_in, fan_out, rows, first, parts
        parts = max(1, min(2 * batch_size * self.n_parameters // TASK, batch_size // ROWS))
        rows_per_task = _ceil_divide(batch_size, parts)
        tiles = []
        for layer in range(self.shape.n_layers):
            fan_in, fan_out = self.shape.units[layer], self.shape.units[layer + 1]
            parts = max(1, fan_in * fan_out // TILE, min(2, batch_size * fan_in * fan_out // TASK))
            rows = _ceil_divide(fan_in, min(parts, fan_in))
            tiles += [(layer, first, min(first + rows, fan_in))
                      for first in range(0, fan_in, rows)]
        return rows_per_task, tiles

    def max_workers(self, Py_ssize_t batch_size):
        """How many workers can have something to do in both phases of a step."""
        rows_per_task, tiles = self.tasks(batch_size)
        return min(_ceil_divide(batch_size, rows_per_task), len(tiles), MOST_WORKERS)

    def forward(self, const real[::1] theta, const real[:, ::1] X, real[:, ::1] out):
        """Write the raw predictions for the rows of X into ``out``."""
        cdef Py_ssize_t widest = max(self.units), n = X.shape[0], start = 0, rows
        cdef Py_ssize_t block = min(n, PREDICTED_ROWS)
        dtype = np.float32 if real is float else np.float64
        cdef real[:, ::1] buffers = np.empty((2, block * widest), dtype)
        if theta.shape[0] != self.n_parameters or X.shape[1] != self.shape.units[0]:
            raise ValueError("theta or X does not have this network's size")
        if out.shape[0] != n or out.shape[1] != self.shape.units[self.shape.n_layers]:
            raise ValueError("out does not have the shape of the predictions")
        if n == 0:
            return
        with nogil:
            while start < n:
                rows = min(block, n - start)
                _predict(&self.shape, &theta[0], rows, &X[start, 0], &buffers[0, 0],
                         &buffers[1, 0], &out[start, 0])
                start += rows


cdef void _predict(
    const Architecture* net, const real* theta, Py_ssize_t rows, const real* x,
    real* ping, real* pong, real* out
) noexcept nogil:
    """Raw predictions of a block of rows, with two buffers that change places at each layer."""
    cdef int l
    cdef const real* a = x
    cdef real* z
    for l in range(net.n_layers):
        z = out if l == net.n_layers - 1 else (ping if l % 2 == 0 else pong)
        layer(net, l, theta, rows, a, z)
        a = z


cdef class Trainer:
    """Everything an epoch touches, allocated once.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n, n_features)
        float32 or float64, C-contiguous; read only. All floating arrays have its dtype.
    Y : ndarray of shape (n, n_outputs)
        Targets: numbers, {0, 1}, or indicators of the class. Read only.
    weights : ndarray of shape (n,) or None
        Sample weights with mean 1. Read only.
    theta, point, slot_1, slot_2 : ndarray of shape (n_parameters,)
        θ; where the gradient is taken (θ itself, or Nesterov's look-ahead); the optimiser's
        state. Written in place.
    batch_size : int
    optimiser : str
        A key of `OPTIMISERS`. "gradient" leaves θ and writes ∇(R + λJ) into ``slot_1``.
    """

    cdef Plan plan
    cdef tuple owners              # of the memory that the plan points to
    cdef bint is_float
    cdef readonly int max_workers

    def __cinit__(self, Network network, X, Y, weights, theta, point, slot_1, slot_2, *,
                  Py_ssize_t batch_size, optimiser, int max_workers=1):
        self.is_float = theta.dtype == np.float32
        self.max_workers = max_workers
        for name, array in (("X", X), ("Y", Y), ("weights", weights), ("point", point),
                            ("slot_1", slot_1), ("slot_2", slot_2)):
            if array is not None and (array.dtype != theta.dtype or not array.flags.c_contiguous):
                raise ValueError(f"{name} must be C-contiguous with theta's dtype, {theta.dtype}")
        cdef Plan* plan = &self.plan
        plan.net = &network.shape
        plan.optimiser = OPTIMISERS[optimiser]
        plan.n, plan.n_parameters = X.shape[0], network.n_parameters
        plan.batch_size = batch_size
        units = np.array(network.units, dtype=np.intp)
        plan.rows_per_task, tiles = network.tasks(batch_size)
        plan.n_row_tasks = _ceil_divide(batch_size, plan.rows_per_task)
        plan.n_tiles = len(tiles)
        starts = batch_size * np.concatenate([[0], np.cumsum(units)]).astype(np.intp)
        delta_starts = np.ascontiguousarray(starts[1:] - starts[1])
        activations = np.empty(batch_size * units[: plan.net.n_layers].sum(), theta.dtype)
        deltas = np.empty(batch_size * units[1:].sum(), theta.dtype)
        # Where θ is small against a batch's activations and deltas, the rows' own gradients are what
        # cores exchange.
        plan.sums = plan.n_row_tasks * theta.size < 2 * batch_size * units.sum()
        if plan.sums:
            plan.gradient_size = theta.size
            gradients = np.empty((plan.n_row_tasks, theta.size), theta.dtype)
        else:
            plan.gradient_size = max((t[2] - t[1]) * units[t[0] + 1] for t in tiles) + units.max()
            gradients = np.empty((max_workers, plan.gradient_size), theta.dtype)
        tile_table = np.array(tiles, dtype=np.dtype(
            [("layer", np.intc), ("first", np.intp), ("last", np.intp)], align=True))
        targets = np.empty(batch_size * plan.net.units[plan.net.n_layers], theta.dtype)
        losses, task_loss = np.empty(batch_size), np.empty(plan.n_row_tasks)
        self.owners = (network, X, Y, weights, theta, point, slot_1, slot_2, activations, deltas,
                       starts, delta_starts, targets, losses, gradients, tile_table, task_loss)
        plan.X, plan.Y, plan.weights = _address(X), _address(Y), _address(weights)
        plan.theta, plan.point = <void*>_address(theta), <void*>_address(point)
        plan.slot_1, plan.slot_2 = <void*>_address(slot_1), <void*>_address(slot_2)
        plan.activations, plan.deltas = <void*>_address(activations), <void*>_address(deltas)
        plan.a_start = <const Py_ssize_t*>_address(starts)
        plan.d_start = <const Py_ssize_t*>_address(delta_starts)
        plan.targets, plan.losses = <void*>_address(targets), <double*>_address(losses)
        plan.gradients = <void*>_address(gradients)
        plan.tiles = <const Tile*>_address(tile_table)
        plan.task_loss = <double*>_address(task_loss)

    @property
    def loss(self):
        """Σ wᵢℓᵢ over the last epoch, each ℓᵢ taken when its batch came."""
        return self.plan.loss

    @property
    def diverged(self):
        """Whether the last epoch met a loss, or left a parameter, that is not finite."""
        return bool(self.plan.diverged)

    def train(self, const Py_ssize_t[::1] order, *, Py_ssize_t n_steps_done, int n_workers,
              double eta, double momentum, double beta_1, double beta_2, double epsilon,
              double l1, double l2):
        """An epoch over the rows in ``order``, with the help of ``n_workers`` − 1 that `serve`."""
        if order.shape[0] != self.plan.n:
            raise ValueError("order must name every row of X once")
        if not 1 <= n_workers <= self.max_workers:
            raise ValueError("n_workers must be at least 1 and at most max_workers")
        cdef unsigned state
        self.plan.order = &order[0]
        self.plan.n_steps_done = n_steps_done
        self.plan.step = Step(eta, momentum, beta_1, beta_2, epsilon, l1, l2)
        with nogil:
            state = flush_subnormals()
            call(&self.plan.team, n_workers)
            self._epoch(0)
            restore_subnormals(state)

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


cdef Py_ssize_t _ceil_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef const void* _address(array) except? NULL:
    if array is None:
        return NULL
    cdef const unsigned char[::1] octets = array.reshape(-1).view(np.uint8)
    return &octets[0]
