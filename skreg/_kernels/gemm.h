/* skreg_gemm_float and skreg_gemm_double: see gemm_template.h. The template is compiled for every vector
 * unit, each with the size and the number of its registers, and a call takes the best there is. */
#ifndef SKREG_GEMM_H
#define SKREG_GEMM_H
#include <stddef.h>
#include "dispatch.h"

#include "zeros.h"
#if defined(SKREG_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define UNIT(x) skreg_##x##_baseline
#if defined(__AVX512F__)
#define LEVEL 4
#elif defined(__AVX2__)
#define LEVEL 3
#else
#define LEVEL 1
#endif
#include "gemm_unit.h"
#undef UNIT
#undef LEVEL

#ifdef SKREG_LEVELS
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#endif
#define UNIT(x) skreg_##x##_v3
#define LEVEL 3
#include "gemm_unit.h"
#undef UNIT
#undef LEVEL
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi2,fma"))),  \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#endif
#define UNIT(x) skreg_##x##_v4
#define LEVEL 4
#include "gemm_unit.h"
#undef UNIT
#undef LEVEL
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

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
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const float *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, float *c, ptrdiff_t ldc,
    int add, int zeros)
{
    SKREG_CALL(gemm_float, m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c,
               ldc, add, zeros)
}

static inline void skreg_gemm_double(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const double *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, double *c, ptrdiff_t ldc,
    int add, int zeros)
{
    SKREG_CALL(gemm_double, m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c,
               ldc, add, zeros)
}

/* Columns of C that a product makes side by side: a divisor of 32. */
static inline ptrdiff_t skreg_at_once_double(void)
{
    ptrdiff_t columns;
    SKREG_CALL(at_once_double, &columns)
    return columns;
}
#endif
