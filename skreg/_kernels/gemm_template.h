/* A matrix product for the shapes of a mini-batch. Included by gemm.h once for float and once for
 * double, with REAL, LANES (elements of 32 bytes) and NAME(x) defined.
 *
 * A panel of 2·LANES columns of B is packed, at most KC rows at a time so that it stays in the first
 * cache; A is read where it lies, which suits a few hundred rows. Six rows of C by one panel are
 * accumulated in 12 registers. */
typedef REAL NAME(vec) __attribute__((vector_size(32)));
typedef REAL NAME(vec_at) __attribute__((vector_size(32), aligned(sizeof(REAL)), may_alias));

#define WIDTH (2 * LANES)

/* ``rows`` (at most 6) by ``columns`` (at most WIDTH) of C over kc terms. ``rows`` is a constant once
 * inlined. */
static inline __attribute__((always_inline)) void NAME(tile)(
    const int rows, long kc, const REAL *a, long row_stride, long k_stride,
    const REAL *panel, REAL *c, long ldc, int columns, int add)
{
    /* Every index below is a constant once the loops are unrolled; one that is not would send the
     * accumulators to memory. */
    NAME(vec) acc[6][2];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = (NAME(vec)){0};
    for (long k = 0; k < kc; k++) {
        const NAME(vec) b0 = *(const NAME(vec) *)(panel + k * WIDTH);
        const NAME(vec) b1 = *(const NAME(vec) *)(panel + k * WIDTH + LANES);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const REAL x = a[i * row_stride + k * k_stride];
            acc[i][0] += x * b0;
            acc[i][1] += x * b1;
        }
    }
    REAL edge[6 * WIDTH] __attribute__((aligned(32)));
    const int whole = columns == WIDTH;
    REAL *out = whole ? c : edge;
    const long stride = whole ? ldc : WIDTH;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        NAME(vec_at) *row = (NAME(vec_at) *)(out + i * stride);
        if (whole && add) {
            acc[i][0] += row[0];
            acc[i][1] += row[1];
        }
        row[0] = acc[i][0];
        row[1] = acc[i][1];
    }
    if (!whole)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                c[i * ldc + j] = add ? c[i * ldc + j] + edge[i * WIDTH + j] : edge[i * WIDTH + j];
}

/* LANES columns of B by LANES rows into the panel: a transposition in registers, for B whose columns lie
 * without gaps. Scalar stores would cost a third of the product's time. */
static inline __attribute__((always_inline)) void NAME(transpose)(
    const REAL *b, long column_stride, REAL *panel)
{
#define LOAD(j) *(const NAME(vec_at) *)(b + (j) * column_stride)
#define STORE(k, x) *(NAME(vec) *)(panel + (k) * WIDTH) = (x)
#define MIX __builtin_shufflevector
#if LANES == 8
    NAME(vec) r[8], t[8];
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
    NAME(vec) r[4], t[4];
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

/* WIDTH columns of B by kc rows, in row order; columns past the last are 0. */
static inline __attribute__((always_inline)) void NAME(pack)(
    long kc, int columns, const REAL *b, long k_stride, long column_stride, REAL *panel)
{
    long k = 0;
    if (columns == WIDTH && column_stride == 1) {
        for (; k < kc; k++)
            for (int j = 0; j < WIDTH; j++) panel[k * WIDTH + j] = b[k * k_stride + j];
        return;
    }
    if (columns == WIDTH && k_stride == 1)
        for (; k + LANES <= kc; k += LANES)
            for (int j = 0; j < WIDTH; j += LANES)
                NAME(transpose)(b + k + j * column_stride, column_stride, panel + k * WIDTH + j);
    for (; k < kc; k++) {
        for (int j = 0; j < columns; j++)
            panel[k * WIDTH + j] = b[k * k_stride + j * column_stride];
        for (int j = columns; j < WIDTH; j++) panel[k * WIDTH + j] = 0;
    }
}

/* C (m×1) ← A·b for rows of A and b without gaps: dot products. */
static inline __attribute__((always_inline)) void NAME(times_vector)(
    long m, long k, const REAL *a, long row_stride, const REAL *b, REAL *c, long ldc)
{
    for (long i = 0; i < m; i++, a += row_stride) {
        NAME(vec) acc = {0};
        REAL total = 0;
        long l = 0;
        for (; l + LANES <= k; l += LANES)
            acc += *(const NAME(vec_at) *)(a + l) * *(const NAME(vec_at) *)(b + l);
        for (; l < k; l++) total += a[l] * b[l];
        for (int j = 0; j < LANES; j++) total += acc[j];
        c[i * ldc] = total;
    }
}

/* C (m×n) ← A·B for rows of B without gaps and either one row of A or one column: a sum of rows of B,
 * or an outer product. */
static inline __attribute__((always_inline)) void NAME(scale_rows)(
    long m, long n, long k, const REAL *a, long row_stride, long k_stride,
    const REAL *b, long b_k_stride, REAL *c, long ldc)
{
    for (long i = 0; i < m; i++)
        for (long l = 0; l < k; l++) {
            const REAL x = a[i * row_stride + l * k_stride];
            if (l == 0)
                for (long j = 0; j < n; j++) c[i * ldc + j] = x * b[j];
            else
                for (long j = 0; j < n; j++) c[i * ldc + j] += x * b[l * b_k_stride + j];
        }
}

/* C (m×n, rows ldc apart) ← A (m×k)·B (k×n); the elements of A and B lie at any strides. */
SKREG_DISPATCH static void NAME(gemm)(
    long m, long n, long k, const REAL *a, long row_stride, long k_stride,
    const REAL *b, long b_k_stride, long b_column_stride, REAL *c, long ldc)
{
    enum { KC = 256 };
    REAL panel[KC * WIDTH] __attribute__((aligned(32)));
    if (n == 1 && k_stride == 1 && b_k_stride == 1) {
        NAME(times_vector)(m, k, a, row_stride, b, c, ldc);
        return;
    }
    if ((m == 1 || k == 1) && b_column_stride == 1) {
        NAME(scale_rows)(m, n, k, a, row_stride, k_stride, b, b_k_stride, c, ldc);
        return;
    }
    for (long j = 0; j < n; j += WIDTH) {
        const int columns = n - j < WIDTH ? (int)(n - j) : WIDTH;
        for (long k0 = 0; k0 < k; k0 += KC) {
            const long kc = k - k0 < KC ? k - k0 : KC;
            const REAL *block = a + k0 * k_stride;
            REAL *out = c + j;
            long i = 0;
            NAME(pack)(kc, columns, b + k0 * b_k_stride + j * b_column_stride, b_k_stride,
                       b_column_stride, panel);
#define TILE(rows)                                                                               \
    NAME(tile)(rows, kc, block + i * row_stride, row_stride, k_stride, panel, out + i * ldc, ldc, \
               columns, k0 > 0)
            for (; i + 6 <= m; i += 6) TILE(6);
            switch (m - i) {
            case 5: TILE(5); break;
            case 4: TILE(4); break;
            case 3: TILE(3); break;
            case 2: TILE(2); break;
            case 1: TILE(1); break;
            }
#undef TILE
        }
    }
}
#undef WIDTH
