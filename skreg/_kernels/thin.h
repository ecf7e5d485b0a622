/* Small dense loops that keep their sums in vector registers; each is compiled for every vector unit. */
#ifndef SKREG_THIN_H
#define SKREG_THIN_H
#include <stddef.h>
#include <string.h>
#include "dispatch.h"

/* Not every kernel calls all of these. */
#define SKREG_THIN SKREG_DISPATCH SKREG_UNUSED

/* y_r ← y_r − Σ_t a[4t + r]·x_t for four rows x_t and four rows y_r of n numbers. */
SKREG_THIN
static void skreg_subtract_products(ptrdiff_t n, const double *a, const double *restrict x,
                                    ptrdiff_t x_stride, double *restrict y, ptrdiff_t y_stride)
{
    const double *restrict x0 = x, *restrict x1 = x + x_stride;
    const double *restrict x2 = x + 2 * x_stride, *restrict x3 = x + 3 * x_stride;
    for (int r = 0; r < 4; r += 2) {
        const double a0 = a[r], a1 = a[4 + r], a2 = a[8 + r], a3 = a[12 + r];
        const double b0 = a[r + 1], b1 = a[5 + r], b2 = a[9 + r], b3 = a[13 + r];
        double *restrict u = y + r * y_stride, *restrict v = y + (r + 1) * y_stride;
        for (ptrdiff_t j = 0; j < n; j++) {
            u[j] -= (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
            v[j] -= (b0 * x0[j] + b1 * x1[j]) + (b2 * x2[j] + b3 * x3[j]);
        }
    }
}

#ifdef SKREG_VECTORS
/* Eight sums at once; narrower units take them in pieces. */
typedef double skreg_double8 __attribute__((vector_size(64), aligned(8)));
typedef float skreg_float8 __attribute__((vector_size(32), aligned(4)));

#define SKREG_DOTS(name, real, load)                                                              \
    SKREG_THIN                                                                                    \
    static void name(ptrdiff_t n, const real *x, const double *a, const double *b, double *out)   \
    {                                                                                             \
        skreg_double8 p = {0}, q = {0}, u, v, w;                                                  \
        ptrdiff_t i = 0;                                                                          \
        for (; i + 8 <= n; i += 8) {                                                              \
            u = load(x + i);                                                                      \
            memcpy(&v, a + i, sizeof v);                                                          \
            memcpy(&w, b + i, sizeof w);                                                          \
            p += u * v;                                                                           \
            q += u * w;                                                                           \
        }                                                                                         \
        double first = 0, second = 0;                                                             \
        for (int l = 0; l < 8; l++) {                                                             \
            first += p[l];                                                                        \
            second += q[l];                                                                       \
        }                                                                                         \
        for (; i < n; i++) {                                                                      \
            first += x[i] * a[i];                                                                 \
            second += x[i] * b[i];                                                                \
        }                                                                                         \
        out[0] = first;                                                                           \
        out[1] = second;                                                                          \
    }

#define SKREG_LOAD_DOUBLE(at) (*(const skreg_double8 *)(at))
#define SKREG_LOAD_FLOAT(at) __builtin_convertvector(*(const skreg_float8 *)(at), skreg_double8)

/* In halves: a chain of eight sums would take longer than the products of a short row. */
static inline double skreg_sum8(const skreg_double8 *s)
{
    typedef double double4 __attribute__((vector_size(32)));
    double4 low, high;
    memcpy(&low, s, sizeof low);
    memcpy(&high, (const char *)s + sizeof low, sizeof high);
    low += high;
    return (low[0] + low[2]) + (low[1] + low[3]);
}

#define SKREG_ROW_DOTS(name, real, load)                                                          \
    SKREG_THIN                                                                                    \
    static void name(ptrdiff_t n, ptrdiff_t p, const real *x, ptrdiff_t stride,               \
                         const double *d, double *out)                                            \
    {                                                                                             \
        ptrdiff_t i = 0, j;                                                                       \
        skreg_double8 s[4], u;                                                                    \
        for (; i + 4 <= n; i += 4, x += 4 * stride) {                                             \
            memset(s, 0, sizeof s);                                                               \
            for (j = 0; j + 8 <= p; j += 8) {                                                     \
                memcpy(&u, d + j, sizeof u);                                                      \
                _Pragma("GCC unroll 4")                                                           \
                for (int r = 0; r < 4; r++) s[r] += u * load(x + r * stride + j);                 \
            }                                                                                     \
            _Pragma("GCC unroll 4")                                                               \
            for (int r = 0; r < 4; r++) {                                                         \
                double sum = skreg_sum8(&s[r]);                                                    \
                for (ptrdiff_t l = j; l < p; l++) sum += x[r * stride + l] * d[l];                \
                out[i + r] = sum;                                                                 \
            }                                                                                     \
        }                                                                                         \
        for (; i < n; i++, x += stride) {                                                         \
            double sum = 0;                                                                       \
            for (j = 0; j < p; j++) sum += x[j] * d[j];                                           \
            out[i] = sum;                                                                         \
        }                                                                                         \
    }
#else
#define SKREG_DOTS(name, real, load)                                                              \
    static SKREG_UNUSED void name(                                                                \
        ptrdiff_t n, const real *x, const double *a, const double *b, double *out)                \
    {                                                                                             \
        double first = 0, second = 0;                                                             \
        for (ptrdiff_t i = 0; i < n; i++) {                                                       \
            first += x[i] * a[i];                                                                 \
            second += x[i] * b[i];                                                                \
        }                                                                                         \
        out[0] = first;                                                                           \
        out[1] = second;                                                                          \
    }

#define SKREG_ROW_DOTS(name, real, load)                                                          \
    static SKREG_UNUSED void name(ptrdiff_t n, ptrdiff_t p, const real *x, ptrdiff_t stride,      \
                                  const double *d, double *out)                                   \
    {                                                                                             \
        for (ptrdiff_t i = 0; i < n; i++, x += stride) {                                          \
            double sum = 0;                                                                       \
            for (ptrdiff_t j = 0; j < p; j++) sum += x[j] * d[j];                                 \
            out[i] = sum;                                                                         \
        }                                                                                         \
    }
#endif

#define SKREG_ADD_ROWS(name, real)                                                                \
    SKREG_THIN                                                                                    \
    static void name(ptrdiff_t n, ptrdiff_t p, const real *x, ptrdiff_t stride,               \
                         const double *restrict a, double *restrict out)                          \
    {                                                                                             \
        ptrdiff_t i = 0;                                                                          \
        for (; i + 8 <= n; i += 8, x += 8 * stride) {                                             \
            const real *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;                    \
            const real *x4 = x3 + stride, *x5 = x4 + stride, *x6 = x5 + stride, *x7 = x6 + stride;\
            const double *b = a + i;                                                              \
            for (ptrdiff_t j = 0; j < p; j++)                                                     \
                out[j] += ((b[0] * x[j] + b[1] * x1[j]) + (b[2] * x2[j] + b[3] * x3[j])) +        \
                          ((b[4] * x4[j] + b[5] * x5[j]) + (b[6] * x6[j] + b[7] * x7[j]));        \
        }                                                                                         \
        for (; i < n; i++, x += stride)                                                           \
            for (ptrdiff_t j = 0; j < p; j++) out[j] += a[i] * x[j];                              \
    }

/* out ← (xᵀa, xᵀb). */
SKREG_DOTS(skreg_dots_double, double, SKREG_LOAD_DOUBLE)
SKREG_DOTS(skreg_dots_float, float, SKREG_LOAD_FLOAT)

/* out_i ← x_i·d for n rows x_i. */
SKREG_ROW_DOTS(skreg_row_dots_double, double, SKREG_LOAD_DOUBLE)
SKREG_ROW_DOTS(skreg_row_dots_float, float, SKREG_LOAD_FLOAT)

/* out ← out + Σ a_i x_i. */
SKREG_ADD_ROWS(skreg_add_rows_double, double)
SKREG_ADD_ROWS(skreg_add_rows_float, float)
#endif
