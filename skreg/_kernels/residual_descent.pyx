# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Coordinate descent for the lasso on sparse columns: memory for θ and a residual, and no more."""

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.math cimport fabs

from skreg._kernels.penalties cimport soft_threshold

ctypedef fused index:
    int
    long


def descend(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[::1] share, const double[::1] mean, const double[::1] curvature,
    const Py_ssize_t[::1] which, const double[::1] l1, const double[::1] l2,
    const double[::1] lower, const double[::1] upper, double[::1] theta,
    double[::1] rho, double tol, int max_passes,
):
    """Minimise ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² over the features ``which``, from ``theta``.

    θ stays within ``lower`` and ``upper``, which is two comparisons for each step.

    A = diag(√share)·(X − mean), with X by columns. ``rho`` is √share·(b − Aθ), whose sum is 0
    wherever ``mean`` is not. What centring takes from it is one number times ``share``, which is
    kept aside, so that a step costs the entries of its column. Passes over all of ``which``
    alternate with passes over the non-zeros; they end once one over all lowers the objective by
    less than ``tol``.

    Returns
    -------
    passes : int
    """
    cdef Py_ssize_t k, j, i, n = rho.shape[0]
    cdef int passes = 0
    cdef double level = 0, old, new, slope, step, gain = 0, equal = share[0] if n else 0
    cdef bint whole = True, uniform = True
    for i in range(n):
        uniform = uniform and share[i] == equal
    while passes < max_passes:
        PyErr_CheckSignals()
        gain = 0
        with nogil:
            for k in range(which.shape[0]):
                j = which[k]
                old = theta[j]
                if (old == 0 and not whole) or curvature[j] <= 0:
                    continue
                slope = level * mean[j]
                for i in range(indptr[j], indptr[j + 1]):
                    slope += data[i] * rho[indices[i]]
                step = curvature[j] + l2[j]
                new = slope + curvature[j] * old
                new = soft_threshold(new, l1[j]) / step
                new = min(max(new, lower[j]), upper[j])
                if new != old:
                    gain += 0.5 * step * (new - old) * (new - old)
                    theta[j] = new
                    new -= old
                    level += new * mean[j]
                    if uniform:    # one scattered read less
                        new *= equal
                        for i in range(indptr[j], indptr[j + 1]):
                            rho[indices[i]] -= new * data[i]
                    else:
                        for i in range(indptr[j], indptr[j + 1]):
                            rho[indices[i]] -= new * share[indices[i]] * data[i]
        passes += 1
        if whole and gain <= tol:
            break
        # The non-zeros by themselves until they stand nearly still, then all again.
        whole = gain <= 0.3 * tol if not whole else False
    with nogil:
        for i in range(n):
            rho[i] += level * share[i]
    return passes
