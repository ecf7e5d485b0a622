/* The headers of skreg/_kernels in a program of their own, for compilers and machines without Python.
 *
 * Prints the level of x86-64 that the products take here, and fails where one is wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "column.h"
#include "exp.h"
#include "gemm.h"
#include "log.h"
#include "normal.h"
#include "team.h"
#include "thin.h"
#include "turn.h"

static int wrong = 0;

static void check(const char *what, double found, double wanted, double allowed)
{
    if (fabs(found - wanted) <= allowed) return;
    printf("%s: %.17g instead of %.17g\n", what, found, wanted);
    wrong = 1;
}

static unsigned long long state = 1;

/* Numbers from −1 to 1 (D. Knuth's linear congruences), every third of them 0. */
static double number(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % 3 == 0 ? 0 : (double)(long long)(state >> 11) / 4503599627370496.0 - 1;
}

#define CHECK_GEMM(real, gemm, eps)                                                               \
    static void check_##gemm(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, int a_rows, int b_rows, int zeros) \
    {                                                                                             \
        real *a = malloc((size_t)(m * k) * sizeof(real)), *b = malloc((size_t)(k * n) * sizeof(real)); \
        real *c = malloc((size_t)(m * n) * sizeof(real));                                         \
        const ptrdiff_t a_i = a_rows ? k : 1, a_l = a_rows ? 1 : m;                               \
        const ptrdiff_t b_l = b_rows ? n : 1, b_j = b_rows ? 1 : k;                               \
        for (ptrdiff_t i = 0; i < m * k; i++) a[i] = (real)number();                              \
        for (ptrdiff_t i = 0; i < k * n; i++) b[i] = (real)number();                              \
        gemm(m, n, k, a, a_i, a_l, b, b_l, b_j, c, n, 0, zeros);                                  \
        gemm(m, n, k, a, a_i, a_l, b, b_l, b_j, c, n, 1, zeros);                                  \
        for (ptrdiff_t i = 0; i < m; i++)                                                         \
            for (ptrdiff_t j = 0; j < n; j++) {                                                   \
                double sum = 0;                                                                   \
                for (ptrdiff_t l = 0; l < k; l++)                                                 \
                    sum += 2 * (double)a[i * a_i + l * a_l] * (double)b[l * b_l + j * b_j];       \
                check(#gemm, (double)c[i * n + j], sum, eps * (double)(k + 1));                   \
            }                                                                                     \
        free(a);                                                                                  \
        free(b);                                                                                  \
        free(c);                                                                                  \
    }
CHECK_GEMM(float, skreg_gemm_float, 2.4e-7)
CHECK_GEMM(double, skreg_gemm_double, 4.5e-16)

static void check_thin(ptrdiff_t n)
{
    double *x = malloc((size_t)(5 * n) * sizeof(double)), *y = x + n, sums[2] = {0}, out[2];
    double row[5], added[4 * 64] = {0};
    for (ptrdiff_t i = 0; i < 5 * n; i++) x[i] = number();
    for (ptrdiff_t i = 0; i < n; i++) {
        sums[0] += x[i] * y[i];
        sums[1] += x[i] * y[n + i];
    }
    skreg_dots_double(n, x, y, y + n, out);
    check("dots", out[0], sums[0], 1e-14 * (double)n);
    check("dots", out[1], sums[1], 1e-14 * (double)n);
    check("column_dot", skreg_column_dot(n, x, y), sums[0], 1e-14 * (double)n);
    skreg_row_dots_double(5, n, x, n, x, row);
    check("row_dots", row[1], sums[0], 1e-14 * (double)n);
    skreg_add_rows_double(5, n, x, n, row, added);
    for (ptrdiff_t i = 0; i < n; i++) {
        double sum = 0;
        for (int r = 0; r < 5; r++) sum += row[r] * x[r * n + i];
        check("add_rows", added[i], sum, 1e-13 * (double)n);
    }
    skreg_column_moments(n, y, x, out);
    check("column_moments", out[0], sums[0], 1e-14 * (double)n);
    free(x);
}

int main(void)
{
    const ptrdiff_t sizes[] = {1, 2, 5, 8, 17, 33, 70, 130};
    for (int i = 0; i < 512; i++)
        for (int zeros = 0; zeros < 4; zeros++) {
            const ptrdiff_t m = sizes[i & 7], n = sizes[i >> 3 & 7], k = sizes[i >> 6];
            check_skreg_gemm_float(m, n, k, i & 1, i >> 1 & 1, zeros);
            check_skreg_gemm_double(m, n, k, i >> 2 & 1, i >> 3 & 1, zeros);
        }
    for (ptrdiff_t n = 1; n <= 64; n++) check_thin(n);
    for (double x = -40; x < 40; x += 0.37) {
        check("exp", skreg_exp(x), exp(x), 1e-15 * exp(x));
        check("expf", (double)skreg_expf((float)x), exp((double)(float)x), 1e-6 * exp(x));
        double cosine, sine;
        float cosine_f, sine_f;
        skreg_turn(x, &cosine, &sine);
        skreg_turnf((float)x, &cosine_f, &sine_f);
        const double turn = 6.283185307179586 * (x - floor(x));
        const double turn_f = 6.283185307179586 * ((double)(float)x - floor((double)(float)x));
        check("cosine", cosine, cos(turn), 2e-15);
        check("sine", sine, sin(turn), 2e-15);
        check("cosf", (double)cosine_f, cos(turn_f), 5e-7);
        check("sinf", (double)sine_f, sin(turn_f), 5e-7);
        check("log", skreg_log(exp(x)), x, 1e-14 * (1 + fabs(x)));
        if (x > 0) check("normal", exp(-x * x / 2) * skreg_normal_ratio(x), erfc(x / sqrt(2)) / 2, 1e-15);
    }
    skreg_team team = {0};
    team.n_workers = 2; /* the second takes its own, then what the first has left */
    int tasks = 0;
    for (int i = 0; i < 4; i++) tasks = 10 * tasks + skreg_take_task(&team, 1, 5);
    check("tasks", tasks, 2340, 0);
    check("tasks", skreg_take_task(&team, 0, 5), 1, 0);
    check("tasks", skreg_take_task(&team, 0, 5), -1, 0);
    team.n_workers = 1;
    skreg_meet(&team);
    check("tasks", skreg_take_task(&team, 0, 5), 0, 0);
    skreg_restore_subnormals(skreg_flush_subnormals());
#ifdef SKREG_LEVELS
    printf("level %d\n", skreg_x86_64_level());
#else
    printf("level 0\n");
#endif
    return wrong;
}
