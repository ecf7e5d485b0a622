# cython: boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses ℓ(y, f) of raw predictions f, with their derivatives in f.

Rows of any number of outputs, in float or double: ``losses_and_gradients``. One number in double,
with the curvature ∂²ℓ/∂f² as well: the functions named ``…_at``.
"""

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.exp cimport exp_, expm1_
from skreg._kernels.log cimport log1p_, log_

ctypedef fused real:
    float
    double

cdef enum Loss:
    SQUARED_ERROR = 0
    BINARY_LOG_LOSS = 1
    MULTINOMIAL_LOG_LOSS = 2
    HUBER = 3
    POISSON = 4
    QUANTILE = 5
    GAMMA = 6
    TWEEDIE = 7
    NEGATIVE_BINOMIAL = 8


cdef inline dispatched squared_error(
    Py_ssize_t rows, Py_ssize_t n, const real* y, real* f, double* loss
) noexcept nogil:
    """Σⱼ ½(yⱼ − fⱼ)²; f ← f − y."""
    cdef Py_ssize_t i, j
    cdef double residual
    for i in range(rows):
        loss[i] = 0
        for j in range(i * n, (i + 1) * n):
            residual = <double>f[j] - <double>y[j]
            loss[i] += 0.5 * residual * residual
            f[j] -= y[j]


cdef inline real log_loss_slope(real y, real f, real small) noexcept nogil:
    """1/(1 + exp(−f)) − y, for ``small`` = exp(−|f|), which never overflows.

    Without a difference of numbers near each other, where y = 1 and f is large.
    """
    cdef real one = 1, zero = 0
    return ((one if f > zero else zero) - y) + (-small if f > zero else small) / (one + small)


cdef inline double log_loss_value(real y, real f, real small) noexcept nogil:
    """log(1 + exp(f)) − yf, for ``small`` = exp(−|f|)."""
    cdef real one = 1, zero = 0
    return log1p_(small) + <double>((one if f > zero else zero) - y) * <double>f


cdef inline double log_loss(real y, real f, real* gradient) noexcept nogil:
    """log(1 + exp(f)) − yf with y in [0, 1], and its gradient."""
    cdef real zero = 0
    cdef real small = exp_(-f if f > zero else f)
    gradient[0] = log_loss_slope(y, f, small)
    return log_loss_value(y, f, small)


cdef inline dispatched binary_log_loss(
    Py_ssize_t rows, Py_ssize_t n, const real* y, real* f, double* loss
) noexcept nogil:
    """Σⱼ log(1 + exp(fⱼ)) − yⱼfⱼ with yⱼ in [0, 1]; f ← 1/(1 + exp(−f)) − y."""
    cdef Py_ssize_t i, j
    if n == 1:    # a loop without a sum becomes vectors
        for i in range(rows):
            loss[i] = log_loss(y[i], f[i], f + i)
        return
    for i in range(rows):
        loss[i] = 0
        for j in range(i * n, (i + 1) * n):
            loss[i] += log_loss(y[j], f[j], f + j)


cdef inline dispatched multinomial_log_loss(
    Py_ssize_t rows, Py_ssize_t n, const real* y, real* f, double* loss
) noexcept nogil:
    """log Σₖ exp(fₖ) − Σⱼ yⱼfⱼ with y ≥ 0 summing to 1; f ← softmax(f) − y.

    Row by row only what a row shares; the exponentials and logarithms are loops over everything.
    """
    cdef Py_ssize_t i, j
    cdef real largest, total
    cdef double share
    for i in range(rows):
        largest = f[i * n]
        for j in range(i * n + 1, (i + 1) * n):
            largest = f[j] if f[j] > largest else largest
        share = 0
        for j in range(i * n, (i + 1) * n):
            f[j] -= largest
            share += <double>y[j] * <double>f[j]
        loss[i] = share
    for j in range(rows * n):
        f[j] = exp_(f[j])
    for i in range(rows):
        total = 0
        for j in range(i * n, (i + 1) * n):
            total += f[j]
        for j in range(i * n, (i + 1) * n):
            f[j] = f[j] / total - y[j]
        loss[i] = log_(total) - loss[i]


cdef inline dispatched regression_losses(
    Loss loss, double parameter, Py_ssize_t rows, Py_ssize_t n, const real* y, real* f,
    double* values
) noexcept nogil:
    """Those that have a function ``…_at``, Σⱼ over a row's outputs; f ← ∂ℓ/∂f."""
    cdef Py_ssize_t i, j
    cdef double gradient = 0, curvature
    for i in range(rows):
        values[i] = 0
        for j in range(i * n, (i + 1) * n):
            if loss == HUBER:
                values[i] += huber_at(y[j], f[j], parameter, &gradient, &curvature)
            elif loss == POISSON:
                values[i] += poisson_at(y[j], f[j], &gradient, &curvature)
            else:
                values[i] += quantile_at(y[j], f[j], parameter, &gradient, &curvature)
            f[j] = <real>gradient


cdef inline void losses_and_gradients(
    Loss loss, double parameter, Py_ssize_t rows, Py_ssize_t n, const real* y, real* f,
    double* values
) noexcept nogil:
    """ℓ of every row of n outputs; f is replaced by ∂ℓ/∂f."""
    if loss == SQUARED_ERROR:
        squared_error(rows, n, y, f, values)
    elif loss == BINARY_LOG_LOSS:
        binary_log_loss(rows, n, y, f, values)
    elif loss == MULTINOMIAL_LOG_LOSS:
        multinomial_log_loss(rows, n, y, f, values)
    else:
        regression_losses(loss, parameter, rows, n, y, f, values)


cdef inline double squared_error_at(
    double y, double f, double* gradient, double* curvature
) noexcept nogil:
    """½(f − y)²."""
    cdef double residual = f - y
    gradient[0] = residual
    curvature[0] = 1
    return 0.5 * residual * residual


cdef inline double huber_at(
    double y, double f, double delta, double* gradient, double* curvature
) noexcept nogil:
    """½r² for |r| ≤ δ, else δ|r| − ½δ²; r = f − y. That is c·(r − ½c), c being r clipped to ±δ."""
    cdef double residual = f - y
    cdef double clipped = residual
    clipped = delta if clipped > delta else clipped
    clipped = -delta if clipped < -delta else clipped
    gradient[0] = clipped
    curvature[0] = 1.0 if clipped == residual else 0.0
    return clipped * (residual - 0.5 * clipped)


cdef inline double quantile_at(
    double y, double f, double level, double* gradient, double* curvature
) noexcept nogil:
    """(y − f)·τ where y ≥ f, else (f − y)·(1 − τ); the subgradient at the kink is 0."""
    cdef double residual = f - y
    gradient[0] = 0 if residual == 0 else (1 - level if residual > 0 else -level)
    gradient[0] = residual if residual != residual else gradient[0]    # NaN must come through
    curvature[0] = 0
    return gradient[0] * residual


cdef inline double poisson_at(
    double y, double f, double* gradient, double* curvature
) noexcept nogil:
    """Half the unit deviance y·log(y/μ) − y + μ, μ = exp(f)."""
    cdef double mean = exp_(f)
    gradient[0] = mean - y
    curvature[0] = mean
    return y * (log_(y) - f) + (mean - y)


cdef inline double gamma_at(double y, double f, double* gradient, double* curvature) noexcept nogil:
    """Half the unit deviance log(μ/y) + y/μ − 1, μ = exp(f)."""
    cdef double log_ratio = f - log_(y)
    cdef double ratio = exp_(-log_ratio)     # y/μ
    gradient[0] = 1 - ratio
    curvature[0] = ratio
    return log_ratio + ratio - 1


cdef inline double tweedie_at(
    double y, double f, double power, double* gradient, double* curvature
) noexcept nogil:
    """Half the unit deviance for 1 < p < 2 and y ≥ 0, or p > 2 and y > 0, with μ = exp(f).

    y·μ^(1−p)/(p − 1) + μ^(2−p)/(2 − p) − y^(2−p)/((p − 1)(2 − p)). For p > 2 it is not convex, and
    the curvature is the expected one, μ^(2−p) (Fisher's scoring).
    """
    cdef double above = power - 1, below = 2 - power
    cdef double log_y = log_(y)
    cdef double rising = exp_(below * f)                           # μ^(2−p)
    cdef double falling = exp_(log_y - above * f)                  # y·μ^(1−p)
    cdef double least = exp_(below * log_y)                        # y^(2−p)
    falling = falling if y > 0 else 0 * f
    least = least if y > 0 else 0
    gradient[0] = rising - falling
    curvature[0] = below * rising + above * falling if below > 0 else rising
    return rising / below + falling / above - least / (above * below)


cdef inline double negative_binomial_at(
    double y, double f, double dispersion, double* gradient, double* curvature
) noexcept nogil:
    """Half the unit deviance y·log(y/μ) − (y + 1/α)·log((1 + αy)/(1 + αμ)), μ = exp(f).

    It is (y + 1/α)·log(1 + c·expm1(t)) − s·t for t = log(μ/y), c = αy/(1 + αy) and s = y, and just
    as well for t = log(y/μ), c = 1/(1 + αy) and s = 1/α. Where c ≤ 1/2, no term is large beside t:
    neither a large count nor a small dispersion costs digits. For y = 0 it is log(1 + αμ)/α.
    """
    cdef double over = dispersion * y, inverse = 1 / dispersion, part = 1 / (1 + over)
    cdef bint is_zero = over < 1e-200
    # 1/α in the place of a y = 0: log(αμ).
    cdef double log_ratio = f - log_(inverse if is_zero else y)
    cdef double c = over * part if over <= 1 else part
    cdef double t = log_ratio if over <= 1 else -log_ratio
    cdef double s = y if over <= 1 else inverse
    cdef double unit = y * part if over <= 1 else -y * part
    cdef double power, excess, step, whole, beyond
    c = 1.0 if is_zero else c
    s = 0.0 if is_zero else s
    unit = inverse if is_zero else unit
    power = exp_(t)
    excess = power if is_zero else expm1_(t)
    step = c * excess
    whole = 1 + step
    beyond = t - 709 if t > 709 else 0.0                           # what exp_ leaves out
    gradient[0] = unit * (excess / whole)
    curvature[0] = (unit if unit > 0 else -unit) * (power / whole) / whole
    # log(1 + step): what 1 + step rounds off is made up for.
    return (y + inverse) * (log_(whole) + (step - (whole - 1)) / whole + beyond) - s * t


cdef inline void log_loss_derivatives(
    double y, double f, double small, double* gradient, double* curvature
) noexcept nogil:
    """Those of `log_loss`; the curvature is s/(1 + s)² with s = ``small`` = exp(−|f|)."""
    gradient[0] = log_loss_slope(y, f, small)
    curvature[0] = small / ((1 + small) * (1 + small))


cdef inline dispatched log_losses_with_curvature(
    Py_ssize_t n, const double* y, const double* f, double* values, double* gradient,
    double* curvature,
) noexcept nogil:
    """`with_curvature` of the log loss.

    A function of its own, as for other long formulas: in one with all the losses the compiler stops
    inlining them, and no loop is vectorized.
    """
    cdef Py_ssize_t i
    cdef double small
    for i in range(n):
        small = exp_(-f[i] if f[i] > 0 else f[i])
        log_loss_derivatives(y[i], f[i], small, gradient + i, curvature + i)
        values[i] = log_loss_value(y[i], f[i], small)


cdef inline dispatched tweedie_with_curvature(
    double power, Py_ssize_t n, const double* y, const double* f, double* values,
    double* gradient, double* curvature,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        values[i] = tweedie_at(y[i], f[i], power, gradient + i, curvature + i)


cdef inline dispatched negative_binomial_with_curvature(
    double dispersion, Py_ssize_t n, const double* y, const double* f, double* values,
    double* gradient, double* curvature,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        values[i] = negative_binomial_at(y[i], f[i], dispersion, gradient + i, curvature + i)


cdef inline dispatched with_curvature(
    Loss loss, double parameter, Py_ssize_t n, const double* y, const double* f, double* values,
    double* gradient, double* curvature,
) noexcept nogil:
    """ℓ, ∂ℓ/∂f and ∂²ℓ/∂f² of n numbers, for every loss but the multinomial one."""
    cdef Py_ssize_t i
    if loss == BINARY_LOG_LOSS:
        log_losses_with_curvature(n, y, f, values, gradient, curvature)
    elif loss == POISSON:
        for i in range(n):
            values[i] = poisson_at(y[i], f[i], gradient + i, curvature + i)
    elif loss == GAMMA:
        for i in range(n):
            values[i] = gamma_at(y[i], f[i], gradient + i, curvature + i)
    elif loss == HUBER:
        for i in range(n):
            values[i] = huber_at(y[i], f[i], parameter, gradient + i, curvature + i)
    elif loss == TWEEDIE:
        tweedie_with_curvature(parameter, n, y, f, values, gradient, curvature)
    elif loss == NEGATIVE_BINOMIAL:
        negative_binomial_with_curvature(parameter, n, y, f, values, gradient, curvature)
    elif loss == QUANTILE:
        for i in range(n):
            values[i] = quantile_at(y[i], f[i], parameter, gradient + i, curvature + i)
    else:
        for i in range(n):
            values[i] = squared_error_at(y[i], f[i], gradient + i, curvature + i)


cdef inline dispatched log_losses_derivatives(
    Py_ssize_t n, const double* y, const double* f, double* gradient, double* curvature
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        log_loss_derivatives(
            y[i], f[i], exp_(-f[i] if f[i] > 0 else f[i]), gradient + i, curvature + i)


cdef inline void derivatives(
    Loss loss, double parameter, Py_ssize_t n, const double* y, const double* f, double* values,
    double* gradient, double* curvature,
) noexcept nogil:
    """`with_curvature`, but ``values`` may be anything: the logarithm takes half of the time."""
    if loss == BINARY_LOG_LOSS:
        log_losses_derivatives(n, y, f, gradient, curvature)
    else:
        with_curvature(loss, parameter, n, y, f, values, gradient, curvature)


cdef inline dispatched multinomial_with_curvature(
    Py_ssize_t n, Py_ssize_t n_classes, const double* y, const double* f, double* loss,
    double* gradient, double* probability,
) noexcept nogil:
    """The multinomial log loss and its gradient; for its curvature the probabilities."""
    cdef Py_ssize_t i
    for i in range(n * n_classes):
        gradient[i] = f[i]
    multinomial_log_loss(n, n_classes, y, gradient, loss)
    for i in range(n * n_classes):
        probability[i] = gradient[i] + y[i]
