/* log for double, written so that a loop around it is vectorized.
 *
 * log(m) = 2·atanh(z), z = (m − 1)/(m + 1), by the series of atanh in z²; terms are taken until the
 * next is below half an ulp. What is not finite comes out as NaN. */
#ifndef SKREG_LOG_H
#define SKREG_LOG_H
#include <stdint.h>
#include <string.h>
#include "dispatch.h"

/* log(1 + s) for 0 ≤ s ≤ 1, to a few ulps of the result however small s is: z ≤ 1/3. */
SKREG_INLINE double skreg_log1p(double s) {
    double z = s / (2.0 + s), w = z * z;
    double p = 1.0 / 33.0;
    p = p * w + 1.0 / 31.0;
    p = p * w + 1.0 / 29.0;
    p = p * w + 1.0 / 27.0;
    p = p * w + 1.0 / 25.0;
    p = p * w + 1.0 / 23.0;
    p = p * w + 1.0 / 21.0;
    p = p * w + 1.0 / 19.0;
    p = p * w + 1.0 / 17.0;
    p = p * w + 1.0 / 15.0;
    p = p * w + 1.0 / 13.0;
    p = p * w + 1.0 / 11.0;
    p = p * w + 1.0 / 9.0;
    p = p * w + 1.0 / 7.0;
    p = p * w + 1.0 / 5.0;
    p = p * w + 1.0 / 3.0;
    p = p * w + 1.0;
    return 2.0 * z * p;
}

/* log(x) for x > 0; anything below the smallest normal number counts as that number. */
SKREG_INLINE double skreg_log(double x) {
    x = x < 2.2250738585072014e-308 ? 2.2250738585072014e-308 : x;
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* x = 2^e·m with √½ ≤ m < √2. */
    int64_t shifted = bits - 0x3FE6A09E667F3BCDLL;
    int64_t top = (int64_t)((uint64_t)shifted & 0xFFF0000000000000ULL);
    int64_t mantissa = bits - top;
    double m, e;
    memcpy(&m, &mantissa, sizeof m);
    /* The exponent as a double: its bits added to those of 1.5·2^52 (no vector conversion in AVX2). */
    const double magic = 6755399441055744.0;
    int64_t count;
    memcpy(&count, &magic, sizeof count);
    count += (int64_t)(((uint64_t)top + 0x4000000000000000ULL) >> 52) - 1024;
    memcpy(&e, &count, sizeof e);
    e -= magic;
    double z = (m - 1.0) / (m + 1.0), w = z * z;
    double p = 1.0 / 21.0;
    p = p * w + 1.0 / 19.0;
    p = p * w + 1.0 / 17.0;
    p = p * w + 1.0 / 15.0;
    p = p * w + 1.0 / 13.0;
    p = p * w + 1.0 / 11.0;
    p = p * w + 1.0 / 9.0;
    p = p * w + 1.0 / 7.0;
    p = p * w + 1.0 / 5.0;
    p = p * w + 1.0 / 3.0;
    p = p * w * z;
    double low = e * 1.90821492927058770002e-10;
    /* x − x is 0, or NaN where x is not finite. */
    return e * 0.693147180369123816490 + (low + 2.0 * p + 2.0 * z) + (x - x);
}
#endif
