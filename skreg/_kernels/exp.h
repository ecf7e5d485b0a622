/* exp for float and double, written so that a loop around it is vectorized.
 *
 * exp(x) = 2^n · exp(r), n = round(x / ln 2), |r| ≤ ln(2)/2; exp(r) by its Taylor polynomial, whose
 * remainder there is below half an ulp (degree 7: 6e-9 relative, degree 13: 5e-18). x is clipped to
 * the range in which the result is a normal number. exp(x) − 1 of doubles is 2^n·(exp(r) − 1) + (2^n − 1),
 * right to a few ulps of the result however small x is. */
#ifndef SKREG_EXP_H
#define SKREG_EXP_H
#include <stdint.h>
#include <string.h>
#include "dispatch.h"

SKREG_INLINE float skreg_expf(float x) {
    /* NaN falls through both comparisons and comes out as NaN. */
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    /* Adding 1.5·2^23 rounds to an integer in the low bits. */
    const float magic = 12582912.0f;
    float shifted = x * 1.44269504088896341f + magic;
    float n = shifted - magic;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits;
    float scale;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)((uint32_t)(bits + 127) << 23);
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* exp(x) = scale·(1 + excess): the excess is returned. */
SKREG_INLINE double skreg_exp_parts(double x, double *scale) {
    x = x > 709.0 ? 709.0 : x;
    x = x < -708.0 ? -708.0 : x;
    const double magic = 6755399441055744.0; /* 1.5·2^52 */
    double shifted = x * 1.4426950408889634074 + magic;
    double n = shifted - magic;
    double r = x - n * 0.693147180369123816490;
    r = r - n * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int64_t)((uint64_t)(bits + 1023) << 52);
    memcpy(scale, &bits, sizeof *scale);
    return p * r;
}

SKREG_INLINE double skreg_exp(double x) {
    double scale, excess = skreg_exp_parts(x, &scale);
    return (excess + 1.0) * scale;
}

SKREG_INLINE double skreg_expm1(double x) {
    double scale, excess = skreg_exp_parts(x, &scale);
    return excess * scale + (scale - 1.0);
}
#endif
