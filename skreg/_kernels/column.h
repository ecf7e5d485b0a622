/* Sums over one dense column, as coordinate descent takes them; compiled for every vector unit. */
#ifndef SKREG_COLUMN_H
#define SKREG_COLUMN_H
#include "thin.h"

#ifdef SKREG_VECTORS
/* Σ xᵢrᵢ. */
SKREG_THIN
static double skreg_column_dot(ptrdiff_t n, const double *x, const double *r)
{
    skreg_double8 s[4] = {{0}}, u, v;
    ptrdiff_t i = 0;
    for (; i + 32 <= n; i += 32)
        _Pragma("GCC unroll 4")
        for (int l = 0; l < 4; l++) {
            memcpy(&u, x + i + 8 * l, sizeof u);
            memcpy(&v, r + i + 8 * l, sizeof v);
            s[l] += u * v;
        }
    for (; i + 8 <= n; i += 8) {
        memcpy(&u, x + i, sizeof u);
        memcpy(&v, r + i, sizeof v);
        s[0] += u * v;
    }
    u = (s[0] + s[1]) + (s[2] + s[3]);
    double sum = skreg_sum8(&u);
    for (; i < n; i++) sum += x[i] * r[i];
    return sum;
}

/* out ← (Σ wᵢxᵢ, Σ wᵢxᵢ²). */
SKREG_THIN
static void skreg_column_moments(ptrdiff_t n, const double *w, const double *x, double *out)
{
    skreg_double8 s[4] = {{0}}, u, v;
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16)
        _Pragma("GCC unroll 2")
        for (int l = 0; l < 2; l++) {
            memcpy(&u, x + i + 8 * l, sizeof u);
            memcpy(&v, w + i + 8 * l, sizeof v);
            v *= u;
            s[2 * l] += v;
            s[2 * l + 1] += v * u;
        }
    u = s[0] + s[2];
    v = s[1] + s[3];
    double sum = skreg_sum8(&u), square = skreg_sum8(&v);
    for (; i < n; i++) {
        sum += w[i] * x[i];
        square += w[i] * x[i] * x[i];
    }
    out[0] = sum;
    out[1] = square;
}
#else
static SKREG_UNUSED double skreg_column_dot(ptrdiff_t n, const double *x, const double *r)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) sum += x[i] * r[i];
    return sum;
}

static SKREG_UNUSED void skreg_column_moments(ptrdiff_t n, const double *w, const double *x, double *out)
{
    out[0] = out[1] = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        out[0] += w[i] * x[i];
        out[1] += w[i] * x[i] * x[i];
    }
}
#endif

/* r ← r − a·w·x, number by number. */
SKREG_THIN
static void skreg_column_subtract(ptrdiff_t n, double a, const double *restrict w,
                                  const double *restrict x, double *restrict r)
{
    for (ptrdiff_t i = 0; i < n; i++) r[i] -= a * w[i] * x[i];
}
#endif
