/* A matrix product for the shapes of a mini-batch. Included by gemm.h once for each vector unit and
 * type, with REAL, REAL_BYTES and NAME(x) defined, and VECTOR_BYTES and VECTORS by the unit.
 *
 * A panel of VECTORS vectors of columns of B is packed, at most KC rows at a time so that it stays in
 * the first cache; A is read where it lies, which suits a few hundred rows. Six rows of C by one panel
 * are accumulated in 6·VECTORS registers. The last panel is as narrow as the columns that are left.
 *
 * Images and tables of indicators are mostly zeros, and these lie together: of the terms of six rows of C
 * many are 0·b six times. With ``zeros`` SKREG_TOGETHER these are left out; no bit of C changes (unless b is
 * not finite). With SKREG_SCATTERED every zero is: see gemm_scattered.h.
 * To list the terms that stay takes a twentieth of the time of a product with 256 columns. */
typedef REAL NAME(vec) __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef REAL NAME(vec_at) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(short) __attribute__((vector_size(16), may_alias));
/* Told from 0 as bits, which compares faster. */
#if REAL_BYTES == 4
typedef unsigned __attribute__((may_alias)) NAME(bits);
#else
typedef unsigned long long __attribute__((may_alias)) NAME(bits);
#endif

#define LANES (VECTOR_BYTES / REAL_BYTES)
#define WIDTH (VECTORS * LANES)
/* Elements that stay in the first cache while all of A passes. */
#define IN_CACHE (32768 / REAL_BYTES)
/* Rows of B in a panel. */
#define KC (IN_CACHE / WIDTH)
/* Sixes of rows whose lists of terms are kept at once. */
#define SIXES 32

/* The first ``count`` (at least 1, less than LANES) elements at an address as a vector, and back. Only
 * they are read or written. NOT_ZERO has the bits of those of LANES elements that are not 0. */
#if LEVEL == 4
#define MASK(count) ((1u << (count)) - 1)
#if REAL_BYTES == 4
#define LOAD_PART(at, count) ((NAME(vec))_mm512_maskz_loadu_ps((__mmask16)MASK(count), at))
#define STORE_PART(at, count, x) _mm512_mask_storeu_ps(at, (__mmask16)MASK(count), (__m512)(x))
#define NOT_ZERO(at) _mm512_cmp_ps_mask(_mm512_loadu_ps(at), _mm512_setzero_ps(), _CMP_NEQ_UQ)
#else
#define LOAD_PART(at, count) ((NAME(vec))_mm512_maskz_loadu_pd((__mmask8)MASK(count), at))
#define STORE_PART(at, count, x) _mm512_mask_storeu_pd(at, (__mmask8)MASK(count), (__m512d)(x))
#define NOT_ZERO(at) _mm512_cmp_pd_mask(_mm512_loadu_pd(at), _mm512_setzero_pd(), _CMP_NEQ_UQ)
#endif
#elif LEVEL == 3
#if REAL_BYTES == 4
#define MASK(count) \
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_PART(at, count) ((NAME(vec))_mm256_maskload_ps(at, MASK(count)))
#define STORE_PART(at, count, x) _mm256_maskstore_ps(at, MASK(count), (__m256)(x))
#define NOT_ZERO(at) \
    _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(at), _mm256_setzero_ps(), _CMP_NEQ_UQ))
#else
#define MASK(count) _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3))
#define LOAD_PART(at, count) ((NAME(vec))_mm256_maskload_pd(at, MASK(count)))
#define STORE_PART(at, count, x) _mm256_maskstore_pd(at, MASK(count), (__m256d)(x))
#define NOT_ZERO(at) \
    _mm256_movemask_pd(_mm256_cmp_pd(_mm256_loadu_pd(at), _mm256_setzero_pd(), _CMP_NEQ_UQ))
#endif
#else
static inline NAME(vec) NAME(load_part)(const REAL *at, int count)
{
    NAME(vec) x = {0};
    for (int j = 0; j < count; j++) x[j] = at[j];
    return x;
}

static inline void NAME(store_part)(REAL *at, int count, NAME(vec) x)
{
    for (int j = 0; j < count; j++) at[j] = x[j];
}

#define LOAD_PART NAME(load_part)
#define STORE_PART NAME(store_part)
#endif

/* ``rows`` (at most 6, of one vector 12) by ``columns`` of C over kc terms, those listed if ``terms`` is not NULL; the
 * columns in ``vectors`` vectors. ``rows``, ``vectors`` and whether there is a list are constants once
 * inlined. */
static inline __attribute__((always_inline)) void NAME(tile)(
    const int rows, const int vectors, ptrdiff_t kc, const short *terms, const REAL *a,
    ptrdiff_t row_stride, ptrdiff_t k_stride, const REAL *panel, ptrdiff_t panel_stride, REAL *c,
    ptrdiff_t ldc, int columns, int add)
{
    /* Every index below is a constant once the loops are unrolled; one that is not would send the
     * accumulators to memory. */
    NAME(vec) acc[12][VECTORS];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) acc[i][j] = (NAME(vec)){0};
    for (ptrdiff_t k = 0; k < kc; k++) {
        const REAL *line = panel, *at = a;
        if (terms) {
            line += terms[k] * panel_stride;
            at += terms[k] * k_stride;
        } else {
            panel += panel_stride;
            a += k_stride;
        }
        NAME(vec) b[VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) b[j] = ((const NAME(vec_at) *)line)[j];
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            const REAL x = at[i * row_stride];
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++) acc[i][j] += x * b[j];
        }
    }
    /* The last vector may be wider than what is left of C. */
    const int left = columns - (vectors - 1) * LANES;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++, c += ldc) {
        NAME(vec_at) *out = (NAME(vec_at) *)c;
        const int whole = left == LANES ? vectors : vectors - 1;
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            if (j < whole) {
                if (add) acc[i][j] += out[j];
                out[j] = acc[i][j];
            }
        if (left < LANES) {
            REAL *edge = c + (vectors - 1) * LANES;
            if (add) acc[i][vectors - 1] += LOAD_PART(edge, left);
            STORE_PART(edge, left, acc[i][vectors - 1]);
        }
    }
}

/* STEP columns of B by STEP rows into the panel: a transposition in registers, for B whose columns lie
 * without gaps. Scalar stores would cost a third of the product's time. */
#if LANES >= 8
#define STEP 8
#else
#define STEP 4
#endif
typedef REAL NAME(part)
    __attribute__((vector_size(STEP * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

static inline __attribute__((always_inline)) void NAME(transpose)(
    const REAL *b, ptrdiff_t column_stride, REAL *panel, ptrdiff_t width)
{
#define LOAD(j) *(const NAME(part) *)(b + (j) * column_stride)
#define STORE(k, x) *(NAME(part) *)(panel + (k) * width) = (x)
#define MIX __builtin_shufflevector
#if STEP == 8
    NAME(part) r[8], t[8];
    for (int j = 0; j < 8; j++) r[j] = LOAD(j);
    for (int j = 0; j < 8; j += 2) {
        t[j] = MIX(r[j], r[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[j + 1] = MIX(r[j], r[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int j = 0; j < 8; j += 4)
        for (int i = 0; i < 2; i++) {
            r[j + 2 * i] = MIX(t[j + i], t[j + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            r[j + 2 * i + 1] = MIX(t[j + i], t[j + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        STORE(k, MIX(r[k], r[k + 4], 0, 1, 2, 3, 8, 9, 10, 11));
        STORE(k + 4, MIX(r[k], r[k + 4], 4, 5, 6, 7, 12, 13, 14, 15));
    }
#else
    NAME(part) r[4], t[4];
    for (int j = 0; j < 4; j++) r[j] = LOAD(j);
    for (int j = 0; j < 4; j += 2) {
        t[j] = MIX(r[j], r[j + 1], 0, 4, 2, 6);
        t[j + 1] = MIX(r[j], r[j + 1], 1, 5, 3, 7);
    }
    for (int k = 0; k < 2; k++) {
        STORE(k, MIX(t[k], t[k + 2], 0, 1, 4, 5));
        STORE(k + 2, MIX(t[k], t[k + 2], 2, 3, 6, 7));
    }
#endif
#undef LOAD
#undef STORE
#undef MIX
}

/* ``columns`` of B by kc rows, in rows of ``width``. */
static inline __attribute__((always_inline)) void NAME(pack)(
    const int width, ptrdiff_t kc, int columns, const REAL *b, ptrdiff_t k_stride, ptrdiff_t column_stride,
    REAL *panel)
{
    if (column_stride == 1) {
        const int vectors = width / LANES, left = columns - (vectors - 1) * LANES;
        for (ptrdiff_t k = 0; k < kc; k++, b += k_stride, panel += width) {
            const NAME(vec_at) *in = (const NAME(vec_at) *)b;
            NAME(vec) *out = (NAME(vec) *)panel;
#pragma GCC unroll 4
            for (int j = 0; j < vectors - 1; j++) {
                const NAME(vec) x = in[j]; /* else it is copied in halves */
                out[j] = x;
            }
            out[vectors - 1] = left == LANES
                ? (NAME(vec))in[vectors - 1] : LOAD_PART(b + (vectors - 1) * LANES, left);
        }
        return;
    }
    const int done = k_stride == 1 ? columns / STEP * STEP : 0;
    for (int j = 0; j < done; j += STEP) {
        ptrdiff_t k = 0;
        for (; k + STEP <= kc; k += STEP)
            NAME(transpose)(b + k + j * column_stride, column_stride, panel + k * width + j, width);
        for (; k < kc; k++)
            for (int l = j; l < j + STEP; l++) panel[k * width + l] = b[k + l * column_stride];
    }
    if (done < width)
        for (ptrdiff_t k = 0; k < kc; k++)
            for (int j = done; j < width; j++)
                panel[k * width + j] = j < columns ? b[k * k_stride + j * column_stride] : 0;
}

#include "gemm_vectors.h"

/* For every six rows of A the terms that stay, and how many. */
typedef struct {
    int count[SIXES];
    short terms[SIXES][KC];
} NAME(lists);

/* Of the first terms, KC at most, those in which not all of six rows of A are 0; returns how many. */
static inline int NAME(list)(
    ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride, short *terms)
{
    const NAME(bits) *at = (const NAME(bits) *)a;
    const ptrdiff_t kc = k < KC ? k : KC;
    NAME(bits) any[KC];
    int count = 0;
    for (ptrdiff_t l = 0; l < kc; l++) any[l] = 0;
    if (k_stride == 1)
        for (int i = 0; i < 6; i++)
            for (ptrdiff_t l = 0; l < kc; l++) any[l] |= at[i * row_stride + l];
    else
        for (ptrdiff_t l = 0; l < kc; l++)
            for (int i = 0; i < 6; i++) any[l] |= at[i * row_stride + l * k_stride];
    for (ptrdiff_t l = 0; l < kc; l++) {
        terms[count] = (short)l;
        count += any[l] != 0;
    }
    return count;
}

/* Columns of C, at most ``vectors`` vectors, over kc terms; for every six rows those in their list, if
 * there are lists. */
static inline __attribute__((always_inline)) void NAME(stripe)(
    const int vectors, ptrdiff_t m, int columns, ptrdiff_t kc, const NAME(lists) *lists,
    const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride, const REAL *b, ptrdiff_t b_k_stride,
    ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add)
{
    REAL panel[KC * WIDTH] __attribute__((aligned(VECTOR_BYTES)));
    ptrdiff_t stride = b_k_stride;
    if (b_column_stride != 1 || columns < vectors * LANES || kc * stride > IN_CACHE) {
        stride = vectors * LANES;
        NAME(pack)(stride, kc, columns, b, b_k_stride, b_column_stride, panel);
        b = panel;
    }
#define TILE(rows, kc, terms)                                                                    \
    NAME(tile)(rows, vectors, kc, terms, a, row_stride, k_stride, b, stride, c, ldc, columns, add)
    if (lists)
        for (int i = 0; m >= 6; i++, m -= 6, a += 6 * row_stride, c += 6 * ldc)
            TILE(6, lists->count[i], lists->terms[i]);
    /* Fewer sums than two multiply-adds in each of four cycles wait for each other. With panels of two vectors: one
     * wide, twelve rows are taken at once, and what would be left of sixes, three rows or fewer, makes some of
     * them fives. */
    ptrdiff_t fives = 0;
    if (VECTORS == 2 && m >= 12) {
        if (vectors == 1)
            for (; m >= 12; m -= 12, a += 12 * row_stride, c += 12 * ldc) TILE(12, kc, NULL);
        const ptrdiff_t left = m % 6;
        if (left > 0 && left < 4 && m / 6 + left >= 5) fives = 6 - left;
    }
    for (; m >= 6 + 5 * fives; m -= 6, a += 6 * row_stride, c += 6 * ldc) TILE(6, kc, NULL);
    for (; fives > 0; fives--, m -= 5, a += 5 * row_stride, c += 5 * ldc) TILE(5, kc, NULL);
    switch (m) {
    case 5: TILE(5, kc, NULL); break;
    case 4: TILE(4, kc, NULL); break;
    case 3: TILE(3, kc, NULL); break;
    case 2: TILE(2, kc, NULL); break;
    case 1: TILE(1, kc, NULL); break;
    }
#undef TILE
}

/* The first columns of C, a panel at most, over the first terms, KC at most. */
static void NAME(panel)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const NAME(lists) *lists, const REAL *a,
    ptrdiff_t row_stride, ptrdiff_t k_stride, const REAL *b, ptrdiff_t b_k_stride,
    ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add)
{
    const int columns = n < WIDTH ? (int)n : WIDTH;
#define STRIPE(vectors)                                                                          \
    NAME(stripe)(vectors, m, columns, k < KC ? k : KC, lists, a, row_stride, k_stride, b,        \
                 b_k_stride, b_column_stride, c, ldc, add)
    switch ((columns + LANES - 1) / LANES) {
    case 1: STRIPE(1); break;
    case 2: STRIPE(2); break;
#if VECTORS == 4
    case 3: STRIPE(3); break;
    case 4: STRIPE(4); break;
#endif
    }
#undef STRIPE
}

#include "gemm_scattered.h"

static inline void NAME(at_once)(ptrdiff_t *columns)
{
    *columns = WIDTH;
}

/* C (m×n, rows ldc apart) ← A (m×k)·B (k×n), plus C itself with ``add``; the elements of A and B lie at
 * any strides. */
static void NAME(gemm)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const REAL *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add,
    int zeros)
{
    if (!add && n == 1 && k_stride == 1 && b_k_stride == 1) {
        NAME(times_vector)(m, k, a, row_stride, b, c, ldc);
        return;
    }
    if (!add && m == 1 && b_column_stride == 1) {
        NAME(sum_rows)(n, k, a, k_stride, b, b_k_stride, c);
        return;
    }
    if (!add && k == 1 && b_column_stride == 1) {
        NAME(outer)(m, n, a, row_stride, b, c, ldc);
        return;
    }
    if (zeros == SKREG_SCATTERED_RIGHT) {
        const ptrdiff_t done = NAME(scattered_right)(
            m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add);
        m -= done;
        a += done * row_stride;
        c += done * ldc;
    }
    if (zeros == SKREG_SCATTERED) {
        const ptrdiff_t done = NAME(scattered)(
            m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add);
        n -= done;
        b += done * b_column_stride;
        c += done;
    }
    if (zeros != SKREG_TOGETHER) {
        for (ptrdiff_t j = 0; j < n; j += WIDTH)
            for (ptrdiff_t l = 0; l < k; l += KC)
                NAME(panel)(m, n - j, k - l, NULL, a + l * k_stride, row_stride, k_stride,
                            b + l * b_k_stride + j * b_column_stride, b_k_stride,
                            b_column_stride, c + j, ldc, add || l > 0);
        return;
    }
    for (; m > 0; m -= 6 * SIXES, a += 6 * SIXES * row_stride, c += 6 * SIXES * ldc)
        for (ptrdiff_t l = 0; l < k; l += KC) {
            const ptrdiff_t rows = m < 6 * SIXES ? m : 6 * SIXES;
            NAME(lists) lists;
            for (ptrdiff_t i = 0; i < rows / 6; i++)
                lists.count[i] = NAME(list)(k - l, a + 6 * i * row_stride + l * k_stride,
                                            row_stride, k_stride, lists.terms[i]);
            for (ptrdiff_t j = 0; j < n; j += WIDTH)
                NAME(panel)(rows, n - j, k - l, &lists, a + l * k_stride, row_stride, k_stride,
                            b + l * b_k_stride + j * b_column_stride, b_k_stride,
                            b_column_stride, c + j, ldc, add || l > 0);
        }
}
#undef KC
#undef SIXES
#undef WIDTH
#undef IN_CACHE
#undef LANES
#undef STEP
#undef MASK
#undef LOAD_PART
#undef STORE_PART
#undef NOT_ZERO
