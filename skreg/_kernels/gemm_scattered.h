/* A product whose left factor has zeros here and there, as have activations after ReLU and what is sent back
 * through them. Included by gemm_template.h, whose macros it uses.
 *
 * Six rows of A seldom have a 0 in the same place, so each row of C is made by itself, from the rows of B
 * whose factor is not 0; the bits of a mask name them. STRETCH rows of B, GROUP vectors wide, stay in the first
 * cache, and a row of C in as many registers. Each multiply-add reads a vector, where the dense tile reads two
 * for three: a term that is left takes 1.2 times as long. At a density of 0.4 a product takes 0.6 of the time, at
 * 0.57 0.77, at 0.75 as long (float32, Zen 3). */

/* Vectors of a row of C. */
#define GROUP 8
/* Rows of B at once, at most the bits of a mask. */
#if VECTOR_BYTES == 64
#define STRETCH 32
#else
#define STRETCH 64
#endif
/* Rows of A whose masks are kept at once. */
#define MASKS 256
typedef unsigned long long NAME(mask);

/* Bits from ``start`` on of the masks of LANES rows that lie side by side, as many as an element has. */
static inline void NAME(side_by_side)(
    int count, const REAL *a, ptrdiff_t k_stride, int start, NAME(mask) *masks)
{
    typedef NAME(bits) bits __attribute__((vector_size(VECTOR_BYTES)));
    bits found = {0}, bit = found + 1;
    for (int l = 0; l < count && l < 8 * REAL_BYTES; l++, a += k_stride, bit += bit)
        found |= (bits)((NAME(vec))*(const NAME(vec_at) *)a != (NAME(vec)){0}) & bit;
    for (int i = 0; i < LANES; i++) masks[i] |= (NAME(mask))found[i] << start;
}

/* Masks of m rows (at most MASKS) over ``count`` terms; returns how many elements are not 0. */
static inline ptrdiff_t NAME(masks)(
    ptrdiff_t m, int count, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride, NAME(mask) *masks)
{
    ptrdiff_t total = 0;
    for (ptrdiff_t i = 0; i < m; i++) masks[i] = 0;
    if (k_stride == 1)
        for (ptrdiff_t i = 0; i < m; i++, a += row_stride) {
            int l = 0;
#ifdef NOT_ZERO
            for (; l + LANES <= count; l += LANES) masks[i] |= (NAME(mask))NOT_ZERO(a + l) << l;
#endif
            for (; l < count; l++) masks[i] |= (NAME(mask))(a[l] != 0) << l;
        }
    else {
        const ptrdiff_t side_by_side = row_stride == 1 ? m / LANES * LANES : 0;
        for (ptrdiff_t i = 0; i < side_by_side; i += LANES)
            for (int l = 0; l < count; l += 8 * REAL_BYTES)
                NAME(side_by_side)(count - l, a + l * k_stride + i, k_stride, l, masks + i);
        for (ptrdiff_t i = side_by_side; i < m; i++)
            for (int l = 0; l < count; l++)
                masks[i] |= (NAME(mask))(a[i * row_stride + l * k_stride] != 0) << l;
    }
    for (ptrdiff_t i = 0; i < m; i++) total += __builtin_popcountll(masks[i]);
    return total;
}

/* GROUP vectors of columns of C over ``count`` terms, plus C itself with ``add``. */
static void NAME(rows)(
    ptrdiff_t m, int count, const NAME(mask) *masks, const REAL *a, ptrdiff_t row_stride,
    ptrdiff_t k_stride, const REAL *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, REAL *c,
    ptrdiff_t ldc, int add)
{
    REAL panel[STRETCH * GROUP * LANES] __attribute__((aligned(VECTOR_BYTES)));
    NAME(pack)(GROUP * LANES, count, GROUP * LANES, b, b_k_stride, b_column_stride, panel);
    for (ptrdiff_t i = 0; i < m; i++, a += row_stride, c += ldc) {
        NAME(vec) acc[GROUP];
        NAME(vec_at) *out = (NAME(vec_at) *)c;
#pragma GCC unroll 8
        for (int j = 0; j < GROUP; j++) acc[j] = add ? (NAME(vec))out[j] : (NAME(vec)){0};
        for (NAME(mask) left = masks[i]; left; left &= left - 1) {
            const ptrdiff_t l = __builtin_ctzll(left);
            const REAL x = a[l * k_stride];
            const NAME(vec) *line = (const NAME(vec) *)(panel + l * (GROUP * LANES));
#pragma GCC unroll 8
            for (int j = 0; j < GROUP; j++) acc[j] += x * line[j];
        }
#pragma GCC unroll 8
        for (int j = 0; j < GROUP; j++) out[j] = acc[j];
    }
}

/* The first columns of C ← A·B, plus C itself with ``add``, in whole groups; returns how many. These are none if
 * more than three fifths of the first elements of A are not 0. */
static ptrdiff_t NAME(scattered)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const REAL *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add)
{
    const ptrdiff_t columns = n / (GROUP * LANES) * (GROUP * LANES);
    NAME(mask) masks[MASKS];
    if (columns == 0) return 0;
    for (ptrdiff_t i = 0; i < m; i += MASKS, a += MASKS * row_stride, c += MASKS * ldc) {
        const ptrdiff_t rows = m - i < MASKS ? m - i : MASKS;
        for (ptrdiff_t l = 0; l < k; l += STRETCH) {
            const int count = k - l < STRETCH ? (int)(k - l) : STRETCH;
            const REAL *at = a + l * k_stride;
            const ptrdiff_t found = NAME(masks)(rows, count, at, row_stride, k_stride, masks);
            if (i == 0 && l == 0 && 5 * found > 3 * rows * count) return 0;
            for (ptrdiff_t j = 0; j < columns; j += GROUP * LANES)
                NAME(rows)(rows, count, masks, at, row_stride, k_stride,
                           b + l * b_k_stride + j * b_column_stride, b_k_stride, b_column_stride, c + j, ldc,
                           add || l > 0);
        }
    }
    return columns;
}

/* Stretches of terms, and columns of B, whose masks are kept at once. */
#define STRETCHES 8
#define UNITS 128

/* The first rows of C ← A·B, in whole groups, where many elements of B are 0; returns how many. The product is made
 * as that of the transposes. For A whose columns, and B whose rows, lie without gaps. */
static ptrdiff_t NAME(scattered_right)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const REAL *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add)
{
    const ptrdiff_t width = GROUP * LANES, done = m / width * width;
    NAME(mask) masks[STRETCHES][UNITS];
    REAL block[UNITS * GROUP * LANES] __attribute__((aligned(VECTOR_BYTES)));
    if (add || done == 0 || k > STRETCHES * STRETCH || row_stride != 1 || b_column_stride != 1) return 0;
    for (ptrdiff_t u = 0; u < n; u += UNITS, b += UNITS, c += UNITS) {
        const ptrdiff_t units = n - u < UNITS ? n - u : UNITS, whole = units / STEP * STEP;
        for (ptrdiff_t l = 0; l < k; l += STRETCH) {
            const int count = k - l < STRETCH ? (int)(k - l) : STRETCH;
            const ptrdiff_t found = NAME(masks)(
                units, count, b + l * b_k_stride, 1, b_k_stride, masks[l / STRETCH]);
            if (u == 0 && l == 0 && 5 * found > 3 * units * count) return 0;
        }
        for (ptrdiff_t i = 0; i < done; i += width) {
            for (ptrdiff_t l = 0; l < k; l += STRETCH)
                NAME(rows)(units, k - l < STRETCH ? (int)(k - l) : STRETCH, masks[l / STRETCH],
                           b + l * b_k_stride, 1, b_k_stride, a + l * k_stride + i, k_stride, 1, block, width,
                           l > 0);
            for (ptrdiff_t row = i; row < i + width; row += STEP) {
                const REAL *from = block + row - i;
                REAL *to = c + row * ldc;
                for (ptrdiff_t j = 0; j < whole; j += STEP)
                    NAME(transpose)(from + j * width, width, to + j, ldc);
                for (ptrdiff_t j = whole; j < units; j++)
                    for (int r = 0; r < STEP; r++) to[r * ldc + j] = from[j * width + r];
            }
        }
    }
    return done;
}
#undef STRETCHES
#undef UNITS
#undef GROUP
#undef STRETCH
#undef MASKS
