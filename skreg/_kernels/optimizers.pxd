# cython: boundscheck=False, wraparound=False, cdivision=True
"""One update of a slice of θ from its gradient g: the formulas of the optimizers.

The penalty enters in two parts. Its smooth share l2·½‖θ‖² adds l2·θ to the gradient. Its kink l1·‖θ‖₁
is handled by a proximal step in the optimizer's own metric, so zeros are exact and the fixed point
is the minimizer of the mean loss plus λJ whatever the momentum or the scaling.

Cost of Adam: about 12 flops, one square root and one division a parameter; 28 bytes read and
written a float32 parameter (θ, m, v in and out, g in).
"""

from libc.math cimport sqrt, sqrtf

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.penalties cimport soft_threshold

ctypedef fused real:
    float
    double

cdef enum Optimizer:
    GRADIENT = 0
    SGD = 1
    NESTEROV = 2
    ADAM = 3


cdef inline real root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cdef inline dispatched accumulate(Py_ssize_t n, const real* g, real* out) noexcept nogil:
    """out ← out + g: θ stays, the gradient is wanted."""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += g[i]


cdef inline dispatched sgd(
    Py_ssize_t n, real eta, real momentum, real l1, real l2, real keep,
    const real* g, real* theta, real* velocity,
) noexcept nogil:
    """Proximal heavy ball: θ⁺ = prox(k·θ + μ·v − η(g + l2·θ)), v⁺ = θ⁺ − k·θ.

    The velocity is the step really taken, after the proximal operator: the usual μ·v − η·g would
    settle where g = (1 − μ)·l1 and so weaken λ by the momentum. ``keep``, k, is 1 − ηλ where the
    weight decay is decoupled, else 1.
    """
    cdef Py_ssize_t i
    cdef real step, moved
    for i in range(n):
        step = momentum * velocity[i] - eta * (g[i] + l2 * theta[i])
        moved = soft_threshold(keep * theta[i] + step, eta * l1)
        # Without a kink keep v = step itself: θ⁺ − θ would round.
        velocity[i] = step if l1 == 0 else moved - keep * theta[i]
        theta[i] = moved


cdef inline dispatched nesterov(
    Py_ssize_t n, real eta, real momentum, real l1, real l2,
    const real* g, real* theta, real* lookahead,
) noexcept nogil:
    """Accelerated proximal gradient: θ⁺ = prox(z − η(g + l2·z)), z⁺ = θ⁺ + μ(θ⁺ − θ), g at z.

    Without a metric of its own, decay that is decoupled is decay that is coupled.
    """
    cdef Py_ssize_t i
    cdef real moved
    for i in range(n):
        moved = soft_threshold(lookahead[i] - eta * (g[i] + l2 * lookahead[i]), eta * l1)
        lookahead[i] = moved + momentum * (moved - theta[i])
        theta[i] = moved


cdef inline dispatched adam(
    Py_ssize_t n, real eta, real beta_1, real beta_2, real epsilon, real scale_2,
    real l1, real l2, real keep, const real* g, real* theta, real* m, real* v,
) noexcept nogil:
    """Adam (Kingma & Ba, 2015) with the l1 proximal step in its metric.

    m⁺ = β₁m + (1−β₁)g, v⁺ = β₂v + (1−β₂)g², ηᵢ = eta / (√v⁺·scale_2 + ε),
    θ⁺ = soft(k·θ − ηᵢm⁺, ηᵢ·l1·c)

    where ``eta`` is η/(1−β₁ᵗ), ``scale_2`` is 1/√(1−β₂ᵗ); l1 comes multiplied by c = 1−β₁ᵗ, so that
    its threshold uses η and not η/(1−β₁ᵗ). ``keep``, k, is 1 − ηλ where the weight decay is
    decoupled (AdamW: Loshchilov & Hutter, 2019), else 1.
    """
    cdef Py_ssize_t i
    cdef real gradient, step, moved, fresh_1 = 1 - beta_1, fresh_2 = 1 - beta_2
    for i in range(n):
        gradient = g[i] + l2 * theta[i]
        m[i] = beta_1 * m[i] + fresh_1 * gradient
        v[i] = beta_2 * v[i] + fresh_2 * gradient * gradient
        step = eta / (root(v[i]) * scale_2 + epsilon)
        moved = keep * theta[i] - step * m[i]
        theta[i] = moved if l1 == 0 else soft_threshold(moved, step * l1)    # a loop of its own for each


cdef inline dispatched adam_steps(
    Py_ssize_t n, real eta, real epsilon, real scale_2, const real* v, real* out
) noexcept nogil:
    """out ← eta/(√v·scale_2 + ε): the metric of Adam's last step is 1/out."""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = eta / (root(v[i]) * scale_2 + epsilon)
