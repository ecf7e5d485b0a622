/* Products in which a factor is a vector. Included by gemm_template.h, whose macros it uses. */

/* C (m×1) ← A·b for rows of A and b without gaps: dot products. */
static inline __attribute__((always_inline)) void NAME(times_vector)(
    ptrdiff_t m, ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, const REAL *b, REAL *c, ptrdiff_t ldc)
{
    for (ptrdiff_t i = 0; i < m; i++, a += row_stride) {
        NAME(vec) acc = {0};
        ptrdiff_t l = 0;
        for (; l + LANES <= k; l += LANES)
            acc += *(const NAME(vec_at) *)(a + l) * *(const NAME(vec_at) *)(b + l);
        if (l < k) acc += LOAD_PART(a + l, (int)(k - l)) * LOAD_PART(b + l, (int)(k - l));
        NAME(short) part[VECTOR_BYTES / 16], sum = {0};
        *(NAME(vec_at) *)part = acc;
        for (int j = 0; j < VECTOR_BYTES / 16; j++) sum += part[j];
        REAL total = sum[0] + sum[1];
        for (int j = 2; j < 16 / REAL_BYTES; j++) total += sum[j];
        c[i * ldc] = total;
    }
}

/* c (n) ← a·B, a weighted sum of rows of B, whose elements lie without gaps; n fills ``vectors`` vectors,
 * the last perhaps in part. */
static inline __attribute__((always_inline)) void NAME(sum_stripe)(
    const int vectors, int n, ptrdiff_t k, const REAL *a, ptrdiff_t k_stride, const REAL *b,
    ptrdiff_t b_k_stride, REAL *c)
{
    const int left = n - (vectors - 1) * LANES;
    NAME(vec) acc[8];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) acc[j] = (NAME(vec)){0};
    for (ptrdiff_t l = 0; l < k; l++, a += k_stride, b += b_k_stride) {
#pragma GCC unroll 8
        for (int j = 0; j < vectors - 1; j++) acc[j] += *a * ((const NAME(vec_at) *)b)[j];
        const REAL *last = b + (vectors - 1) * LANES;
        acc[vectors - 1] +=
            *a * (left == LANES ? (NAME(vec))*(const NAME(vec_at) *)last : LOAD_PART(last, left));
    }
#pragma GCC unroll 8
    for (int j = 0; j < vectors - 1; j++) ((NAME(vec_at) *)c)[j] = acc[j];
    if (left == LANES)
        ((NAME(vec_at) *)c)[vectors - 1] = acc[vectors - 1];
    else
        STORE_PART(c + (vectors - 1) * LANES, left, acc[vectors - 1]);
}

static inline __attribute__((always_inline)) void NAME(sum_rows)(
    ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t k_stride, const REAL *b, ptrdiff_t b_k_stride, REAL *c)
{
    for (ptrdiff_t j = 0; j < n; j += 8 * LANES) {
        const int columns = n - j < 8 * LANES ? (int)(n - j) : 8 * LANES;
#define SUM(v) case v: NAME(sum_stripe)(v, columns, k, a, k_stride, b + j, b_k_stride, c + j); break
        switch ((columns + LANES - 1) / LANES) {
            SUM(1); SUM(2); SUM(3); SUM(4); SUM(5); SUM(6); SUM(7); SUM(8);
        }
#undef SUM
    }
}

/* C (m×n) ← a·bᵀ for b without gaps: an outer product. */
static inline __attribute__((always_inline)) void NAME(outer)(
    ptrdiff_t m, ptrdiff_t n, const REAL *a, ptrdiff_t row_stride, const REAL *b, REAL *c, ptrdiff_t ldc)
{
    for (ptrdiff_t i = 0; i < m; i++, c += ldc) {
        const REAL x = a[i * row_stride];
        ptrdiff_t j = 0;
        for (; j + LANES <= n; j += LANES)
            *(NAME(vec_at) *)(c + j) = x * *(const NAME(vec_at) *)(b + j);
        if (j < n) STORE_PART(c + j, (int)(n - j), x * LOAD_PART(b + j, (int)(n - j)));
    }
}
