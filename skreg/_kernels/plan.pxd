# cython: boundscheck=False, wraparound=False, cdivision=True
"""What the workers of an epoch share: the network, the data, the buffers, the tasks."""

from libc.stdint cimport uint64_t

from skreg._kernels.activations cimport Activation
from skreg._kernels.losses cimport Loss
from skreg._kernels.matmul cimport NO_ZEROS, SCATTERED, SCATTERED_RIGHT, TOGETHER
from skreg._kernels.optimizers cimport Optimizer
from skreg._kernels.penalties cimport Pieces
from skreg._kernels.team cimport Team


cdef struct Architecture:
    int n_layers
    Activation activation
    Loss loss
    double loss_parameter
    Py_ssize_t* units      # n_layers + 1
    Py_ssize_t* weights    # start of each layer's weights in θ
    Py_ssize_t* biases     # start of each layer's biases in θ
    Py_ssize_t n_members, n_outputs    # members of the ensemble; outputs of each of them
    Py_ssize_t scales, shifts          # start in θ of what members do to inputs and to the first hidden layer
    Py_ssize_t n_waves, n_plain, width # waves among the inputs; the inputs before them; the columns of X
    Py_ssize_t waves                   # start in θ of the waves' frequencies and phases
    Py_ssize_t* origins                # of each wave: its number, among the columns of X behind the plain ones


cdef inline int zeros_after(const Architecture* net, int l, bint has_zeros) noexcept nogil:
    """Zeros of what comes out of layer l of the hidden ones, or is sent back to it; of the input if l is −1.

    ``has_zeros`` is said of the input.
    """
    if l < 0:
        return TOGETHER if has_zeros else NO_ZEROS
    return SCATTERED if l < net.n_layers - 1 and net.activation == Activation.RELU else NO_ZEROS


cdef inline int zeros_of_gradient(const Architecture* net, int l, bint has_zeros) noexcept nogil:
    """Zeros of the factors that the gradient of layer l is made of: activations, and what is sent back."""
    cdef int before = zeros_after(net, l - 1, has_zeros)
    if before == NO_ZEROS and zeros_after(net, l, False) == SCATTERED:
        return SCATTERED_RIGHT
    return before


# The optimizer's numbers for an epoch; SGD has one momentum, Adam the others.
cdef struct Rule:
    double momentum
    double beta_1, beta_2, epsilon


# The numbers of one step.
cdef struct Step:
    Py_ssize_t size, number    # rows in the batch; steps taken, this one included
    double eta                 # learning rate
    double correction          # 1 − β₁ᵗ of Adam
    double scale_2             # 1/√(1 − β₂ᵗ) of Adam
    double dropout, decay      # shares in force of the rates of dropout, and of decoupled decay


cdef enum Groups:
    NO_GROUPS = 0
    INPUTS = 1
    NEURONS = 2


# The penalty and the constraints; an array has one number for each layer of weights, λ times a share.
cdef struct Regularization:
    double* l1             # of ‖W‖₁
    double* l2             # of ½‖W‖₂², part of the gradient
    double* decay          # of ½‖W‖₂², a step of its own
    const Pieces* pieces   # of Σ P(|w|), P quadratic by pieces; NULL: none
    double* group          # of Σ √|g| ‖θ_g‖
    double concavity       # c > 0: of Σ √|g| ln(1 + c‖θ_g‖)/c instead, for groups of inputs
    double* norms          # ‖θ_g‖ of the inputs before the step; used only if c > 0
    Groups groups
    double norm_bound      # infinite: none
    double bound_l1, bound_l2    # the shares in the J that norm_bound bounds
    double max_norm        # infinite: none
    double input_dropout, hidden_dropout
    uint64_t dropout_seed


cdef struct Tile:
    int layer
    Py_ssize_t first, last    # rows of the layer's weight matrix


# Columns of a weight matrix: units with all their incoming weights.
cdef struct Block:
    int layer
    Py_ssize_t first, last


# Rows of a table, dense, or sparse with the columns of row i at indices[starts[i] : starts[i + 1]].
cdef struct Rows:
    const void* values
    const int* indices             # NULL: dense
    const int* starts


# Everything a worker needs; arrays are float or double as θ is.
cdef struct Plan:
    const Architecture* net
    Optimizer optimizer
    Rule rule
    Regularization reg
    Team team
    Py_ssize_t n, n_parameters, batch_size, rows_per_task, n_steps_done
    Py_ssize_t copies              # of each row of a batch: members that it trains
    int n_row_tasks, n_tiles, n_blocks
    const Tile* tiles
    const Block* blocks
    const Py_ssize_t* order        # of the rows in this epoch
    const double* etas             # learning rate of each step
    const double* shares           # of dropout and of decay in each step, side by side; NULL: all 1
    Rows X
    const void* centers            # of the columns of a dense X, subtracted from its rows; NULL: all 0
    double* scales                 # of the columns, the units of the first layer's steps; NULL: all 1
    double* factors                # by which scales are divided, and the optimizer's state; NULL: none
    const double* bases            # scales without factors
    bint has_zeros                 # whether products with X look for zeros
    const void* Y
    const void* weights            # NULL: all 1
    void* theta
    void* point
    void* slot_1
    void* slot_2
    void* rows                     # of X in the batch; NULL: without waves they are the inputs
    void* wave_slopes              # of the inputs of the batch
    void* inputs                   # of the batch, as members share them; NULL: only one member
    void* input_deltas             # of the copies, beside them
    void* activations              # of the batch, layer after layer from the input
    void* slopes                   # of the batch, as deltas; NULL: the activations tell
    void* deltas                   # of the batch, layer after layer from the first hidden
    void* targets                  # of the batch
    double* losses                 # of the batch
    const Py_ssize_t* a_start
    const Py_ssize_t* d_start
    bint sums                      # whether a tile's gradient is a sum over the row tasks
    void* gradients                # of every row task, or room for a tile for every worker
    Py_ssize_t gradient_size       # of one of these
    void* scratch                  # room for a group's step sizes and more, for every worker
    Py_ssize_t scratch_size
    double* task_loss
    double* tile_sums              # of norm_bound: two sets of two for every tile
    double multiplier              # of norm_bound, in the last step of this epoch
    double loss                    # Σ wᵢℓᵢ over the epoch
    bint diverged
