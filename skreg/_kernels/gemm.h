/* skreg_gemm_float and skreg_gemm_double: see gemm_template.h. The template is compiled for every vector
 * unit, each with the size and the number of its registers, and a call takes the best there is. */
#ifndef SKREG_GEMM_H
#define SKREG_GEMM_H
#include "dispatch.h"

/* What is known of zeros: nothing; that many of A lie together, or here and there; or many of B do. */
enum { SKREG_NO_ZEROS = 0, SKREG_TOGETHER = 1, SKREG_SCATTERED = 2, SKREG_SCATTERED_RIGHT = 3 };
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define UNIT(x) skreg_##x##_baseline
#include "gemm_unit.h"
#undef UNIT

#ifdef SKREG_CLONES
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define UNIT(x) skreg_##x##_v3
#include "gemm_unit.h"
#undef UNIT
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define UNIT(x) skreg_##x##_v4
#include "gemm_unit.h"
#undef UNIT
#pragma GCC pop_options

#define SKREG_CALL(function, ...)                            \
    switch (skreg_x86_64_level()) {                          \
    case 4: skreg_##function##_v4(__VA_ARGS__); break;       \
    case 3: skreg_##function##_v3(__VA_ARGS__); break;       \
    default: skreg_##function##_baseline(__VA_ARGS__);       \
    }
#else
#define SKREG_CALL(function, ...) skreg_##function##_baseline(__VA_ARGS__);
#endif

static inline void skreg_gemm_float(
    long m, long n, long k, const float *a, long row_stride, long k_stride,
    const float *b, long b_k_stride, long b_column_stride, float *c, long ldc, int add, int zeros)
{
    SKREG_CALL(gemm_float, m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c,
               ldc, add, zeros)
}

static inline void skreg_gemm_double(
    long m, long n, long k, const double *a, long row_stride, long k_stride,
    const double *b, long b_k_stride, long b_column_stride, double *c, long ldc,
    int add, int zeros)
{
    SKREG_CALL(gemm_double, m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c,
               ldc, add, zeros)
}
#endif
