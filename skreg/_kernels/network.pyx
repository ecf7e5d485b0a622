# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""A dense network, its tasks and its predictions; `trainer` trains it.

θ is one flat array: for each layer its weights, fan_in × fan_out row-major, then its biases.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc

import numpy as np

from skreg._kernels.losses import CODES
from skreg._kernels.vector_unit import highest_level

from skreg._kernels.activations cimport Activation
from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.gemm cimport limit_level
from skreg._kernels.matmul cimport NO_ZEROS, SCATTERED, SCATTERED_RIGHT, TOGETHER, gemm
from skreg._kernels.members cimport spread
from skreg._kernels.plan cimport Rows
from skreg._kernels.step cimport gather_rows, layer
from skreg._kernels.team cimport MOST_WORKERS
from skreg._kernels.waves cimport add_waves

ctypedef fused real:
    float
    double

# Codes of the kernel, by the public names.
ACTIVATIONS = {"identity": Activation.IDENTITY, "logistic": Activation.LOGISTIC,
               "tanh": Activation.TANH, "relu": Activation.RELU, "silu": Activation.SILU,
               "gelu": Activation.GELU}

ZEROS = {None: NO_ZEROS, "together": TOGETHER, "scattered": SCATTERED,
         "scattered_right": SCATTERED_RIGHT}

cdef extern from *:
    const Py_ssize_t PY_SSIZE_T_MAX

cpdef enum:
    # Rows that are predicted at once; threads may share predictions between such blocks.
    PREDICTED_ROWS = 256

cdef enum:
    # A task is worth handing to another core from about this many multiply-adds.
    TASK = 1 << 18
    # Fewer rows than this at once waste a BLAS on packing the weights.
    ROWS = 48
    # Nor fewer copies of an ensemble's rows, each of whose tasks leaves a gradient of its own to be added up.
    COPIES = 128
    # A tile has at most about this many weights: its gradient and what the optimizer reads with it
    # then stay in a core's own cache.
    TILE = 1 << 15
    # Rows of a tile are a multiple of this: groups of columns where zeros here and there are left out.
    ALIGNED = 64
    # Sums that run side by side.
    LANES = 16


def product(
    const real[:, :] A, const real[:, :] B, real[:, ::1] C, *, int level=4, zeros=None
):
    """C ← A·B for any strides, as far as x86-64-v``level`` goes (4, 3 or 1): for tests.

    ``zeros`` of A are None, "together" or "scattered"; those of B "scattered_right".
    """
    cdef int kind = ZEROS[zeros]
    if A.shape[1] != B.shape[0] or C.shape[0] != A.shape[0] or C.shape[1] != B.shape[1]:
        raise ValueError("the shapes do not make a product")
    if 0 in (A.shape[0], A.shape[1], B.shape[1]):
        raise ValueError("the product is empty")
    limit_level(min(level, highest_level()))
    try:
        gemm(A.shape[0], B.shape[1], A.shape[1],
             &A[0, 0], A.strides[0] // sizeof(real), A.strides[1] // sizeof(real),
             &B[0, 0], B.strides[0] // sizeof(real), B.strides[1] // sizeof(real),
             &C[0, 0], C.shape[1], False, kind)
    finally:
        limit_level(highest_level())


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
    loss_parameter : float
        Huber's δ or the quantile's τ.
    n_members : int
        More than one: an ensemble, see `skreg._kernels.members`. The last width is then that of all
        members' outputs, side by side.
    n_numbers : int
        How many of the columns of X, the last ones, are numbers of which waves are made, see
        `skreg._kernels.waves`. The first width is that with waves in their place.
    origins : sequence of int
        Of each wave: its number, in [0, n_numbers).
    """

    def __cinit__(self, units, activation, loss, double loss_parameter=0, Py_ssize_t n_members=1,
                  Py_ssize_t n_numbers=0, origins=()):
        cdef int l, n_layers = len(units) - 1
        cdef Py_ssize_t c, n_waves = len(origins)
        cdef Py_ssize_t offset = 0
        self.units = tuple(units)
        self.shape.n_layers = n_layers
        self.shape.activation = ACTIVATIONS[activation]
        self.shape.loss = CODES[loss]
        self.shape.loss_parameter = loss_parameter
        if n_waves > units[0] or not all(0 <= origin < n_numbers for origin in origins):
            raise ValueError("origins must name numbers, and waves be among the first units")
        self.shape.units = <Py_ssize_t*>malloc((3 * (n_layers + 1) + n_waves) * sizeof(Py_ssize_t))
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
        self.shape.n_members, self.shape.n_outputs = n_members, self.shape.units[n_layers] // n_members
        self.shape.scales = self.shape.shifts = offset
        if n_members > 1:
            self.shape.shifts += n_members * self.shape.units[0]
            offset = self.shape.shifts + n_members * self.shape.units[1]
        self.shape.waves, self.shape.n_waves = offset, n_waves
        self.shape.n_plain = self.shape.units[0] - n_waves
        self.shape.width = self.shape.n_plain + n_numbers
        self.shape.origins = self.shape.biases + n_layers + 1
        for c in range(n_waves):
            self.shape.origins[c] = origins[c]
        self.n_parameters, self.widest = offset + 2 * n_waves, max(*self.units, self.shape.width)

    def __dealloc__(self):
        free(self.shape.units)

    def tasks(self, Py_ssize_t batch_size, Py_ssize_t copies=1):
        """Cut the two phases of a step; a function of the shapes alone.

        ``copies`` of each row are trained on.

        Returns
        -------
        rows_per_task : int
        tiles : list of (layer, first, last)
            Rows of the weight matrices.
        """
        cdef Py_ssize_t layer, fan_in, fan_out, rows, parts, left
        parts = max(1, min(2 * batch_size * copies * self.n_parameters // TASK,
                           batch_size * copies // (ROWS if copies == 1 else COPIES), batch_size))
        if parts > 1:
            parts -= parts % 2    # two workers have as much to do
        rows_per_task = _ceil_divide(batch_size, parts)
        tiles = []
        for layer in range(self.shape.n_layers):
            fan_in, fan_out = self.shape.units[layer], self.shape.units[layer + 1]
            parts = max(1, fan_in * fan_out // TILE, min(2, batch_size * fan_in * fan_out // TASK))
            rows = _ceil_divide(fan_in, min(parts, fan_in))
            if ALIGNED < rows < fan_in:
                rows -= rows % ALIGNED
            left = fan_in % rows if fan_in % rows < min(rows, ALIGNED) // 2 else 0    # no tile of its own
            ends = [*range(rows + left, fan_in, rows), fan_in]
            tiles += [(layer, first, last) for first, last in zip([0, *ends], ends)]
        if self.shape.n_members > 1 or self.shape.n_waves > 0:    # what is behind the layers
            tiles.append((self.shape.n_layers, 0, 0))
        return rows_per_task, tiles

    def max_workers(self, Py_ssize_t batch_size, Py_ssize_t copies=1):
        """How many workers can have something to do in both phases of a step."""
        rows_per_task, tiles = self.tasks(batch_size, copies)
        return min(_ceil_divide(batch_size, rows_per_task), len(tiles), MOST_WORKERS)

    def sums(self, const real[::1] theta, double[:, ::1] out):
        """out[l] ← ‖W_l‖₁, ‖W_l‖₂² and the number of weights that are not 0, for every layer."""
        cdef int l
        if theta.shape[0] != self.n_parameters:
            raise ValueError("theta does not have this network's size")
        if out.shape[0] != self.shape.n_layers or out.shape[1] != 3:
            raise ValueError("out must have three numbers for each layer of weights")
        with nogil:
            for l in range(self.shape.n_layers):
                _sums(self.shape.biases[l] - self.shape.weights[l],
                      &theta[self.shape.weights[l]], &out[l, 0])

    def forward(
        self, const real[::1] theta, const real[:, ::1] X, real[:, ::1] out, bint has_zeros=False,
        Py_ssize_t start=0, Py_ssize_t stop=PY_SSIZE_T_MAX
    ):
        """Write the raw predictions for rows ``start`` to ``stop`` of X into those of ``out``.

        ``has_zeros`` makes the first product look for zeros that lie together.
        """
        cdef Rows table
        self._check(theta.shape[0], X.shape[1], X.shape[0], out.shape[0], out.shape[1])
        if X.shape[0] == 0:
            return
        table.values, table.indices, table.starts = &X[0, 0], NULL, NULL
        _predict(self, &theta[0], &table, has_zeros, start, min(stop, X.shape[0]), &out[0, 0])

    def forward_sparse(
        self, const real[::1] theta, const real[::1] values, const int[::1] indices,
        const int[::1] starts, real[:, ::1] out, bint has_zeros=False, Py_ssize_t start=0,
        Py_ssize_t stop=PY_SSIZE_T_MAX
    ):
        """The same for X in compressed rows; a block of them at a time is made dense."""
        cdef Rows table
        cdef Py_ssize_t n = starts.shape[0] - 1
        self._check(theta.shape[0], self.shape.width, n, out.shape[0], out.shape[1])
        if n == 0:
            return
        table.values = &values[0] if values.shape[0] else NULL
        table.indices = &indices[0] if indices.shape[0] else &starts[0]    # NULL would mean dense
        table.starts = &starts[0]
        _predict(self, &theta[0], &table, has_zeros, start, min(stop, n), &out[0, 0])

    cdef int _check(
        self, Py_ssize_t n_parameters, Py_ssize_t width, Py_ssize_t n, Py_ssize_t n_out,
        Py_ssize_t width_out
    ) except -1:
        if n_parameters != self.n_parameters or width != self.shape.width:
            raise ValueError("theta or X does not have this network's size")
        if n_out != n or width_out != self.shape.units[self.shape.n_layers]:
            raise ValueError("out does not have the shape of the predictions")
        return 0


cdef dispatched _sums(Py_ssize_t n, const real* w, double* out) noexcept nogil:
    """Σ|w|, Σw² and the number of w ≠ 0, in so many sums at once that they become vectors."""
    cdef double[LANES] size
    cdef double[LANES] square
    cdef int[LANES] count
    cdef double x, magnitude
    cdef Py_ssize_t i, k
    for k in range(LANES):
        size[k] = square[k] = 0
        count[k] = 0
    for i in range(n // LANES):
        for k in range(LANES):
            x = w[i * LANES + k]
            magnitude = x if x > 0 else -x
            size[k] += magnitude
            square[k] += x * x
            count[k] += w[i * LANES + k] != 0
    for i in range(n - n % LANES, n):
        x = w[i]
        size[0] += x if x > 0 else -x
        square[0] += x * x
        count[0] += x != 0
    out[0] = out[1] = out[2] = 0
    for k in range(LANES):
        out[0] += size[k]
        out[1] += square[k]
        out[2] += count[k]


cdef int _predict(
    Network network, const real* theta, const Rows* table, bint has_zeros, Py_ssize_t start,
    Py_ssize_t stop, real* out
) except -1:
    """Raw predictions of rows of a table, with two buffers that change places at each layer."""
    cdef const Architecture* net = &network.shape
    cdef Py_ssize_t width = net.width, n_outputs = net.units[net.n_layers], rows, i
    cdef Py_ssize_t copies = net.n_members, at_once = PREDICTED_ROWS
    if not 0 <= start <= stop:
        raise ValueError("start and stop must be a range of rows")
    while at_once > 1 and at_once * copies > PREDICTED_ROWS:    # blocks of blocks
        at_once //= 2
    cdef Py_ssize_t size = network.widest * copies * min(stop - start, at_once)
    cdef Py_ssize_t[PREDICTED_ROWS] order
    cdef real* buffers = <real*>malloc(3 * size * sizeof(real))
    cdef const real* a
    cdef real* z
    cdef int l
    if buffers == NULL:
        raise MemoryError
    with nogil:
        while start < stop:
            rows = min(stop - start, at_once)
            a = <const real*>table.values + start * width
            if table.indices != NULL:
                for i in range(rows):
                    order[i] = start + i
                gather_rows(rows, width, table, order, buffers + 2 * size)
                a = buffers + 2 * size
            if net.n_waves > 0:
                add_waves(net, theta, rows, a, buffers + (0 if copies > 1 else 1) * size, <real*>NULL)
                a = buffers + (0 if copies > 1 else 1) * size
            if copies > 1:
                spread(net, theta, rows, copies, 0, a, buffers + size)
                a = buffers + size
            for l in range(net.n_layers):
                z = out + start * n_outputs if l == net.n_layers - 1 else buffers + l % 2 * size
                layer(net, l, theta, rows * copies, 0, a, z, <real*>NULL, has_zeros)
                a = z
            start += rows
        free(buffers)
    return 0


cdef Py_ssize_t _ceil_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b
