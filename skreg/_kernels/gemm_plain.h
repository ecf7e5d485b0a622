/* The products of gemm_template.h in standard C, for compilers without vectors of their own. A sum takes its
 * terms in order, so that it does not depend on how C is cut. Included with REAL and NAME(x) defined. */
static void NAME(gemm)(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t row_stride, ptrdiff_t k_stride,
    const REAL *b, ptrdiff_t b_k_stride, ptrdiff_t b_column_stride, REAL *c, ptrdiff_t ldc, int add,
    int zeros)
{
    for (ptrdiff_t i = 0; i < m; i++, a += row_stride, c += ldc) {
        if (!add)
            for (ptrdiff_t j = 0; j < n; j++) c[j] = 0;
        if (b_column_stride != 1) {
            for (ptrdiff_t j = 0; j < n; j++) {
                const REAL *column = b + j * b_column_stride;
                REAL sum = c[j];
                for (ptrdiff_t l = 0; l < k; l++) sum += a[l * k_stride] * column[l * b_k_stride];
                c[j] = sum;
            }
            continue;
        }
        for (ptrdiff_t l = 0; l < k; l++) {
            const REAL x = a[l * k_stride], *row = b + l * b_k_stride;
            if (zeros != SKREG_NO_ZEROS && x == 0) continue;
            for (ptrdiff_t j = 0; j < n; j++) c[j] += x * row[j];
        }
    }
}

static inline void NAME(at_once)(ptrdiff_t *columns)
{
    *columns = 32;
}
