/* Cosine and sine of 2πv, written so that a loop around it is vectorized.
 *
 * v counts turns, so that r = v − round(v), |r| ≤ ½, is exact. With t = πr both follow from half the angle,
 * cos 2t = 1 − 2 sin² t and sin 2t = 2 sin t cos t; sin t and cos t by their Taylor polynomials, whose
 * remainders for |t| ≤ π/2 are below 6e-8 for floats and 2e-18 for doubles. Beyond ±2^21 turns v is
 * clipped: there floats are whole numbers, nearly. */
#ifndef SKREG_TURN_H
#define SKREG_TURN_H

static inline void skreg_turnf(float v, float *cosine, float *sine) {
    /* NaN falls through both comparisons and comes out as NaN. */
    v = v > 2097152.0f ? 2097152.0f : v;
    v = v < -2097152.0f ? -2097152.0f : v;
    /* Adding 1.5·2^23 rounds to an integer. */
    const float magic = 12582912.0f;
    float shifted = v + magic;
    float t = (v - (shifted - magic)) * 3.14159265358979324f;
    float q = t * t;
    float s = -1.0f / 39916800.0f;
    s = s * q + 1.0f / 362880.0f;
    s = s * q - 1.0f / 5040.0f;
    s = s * q + 1.0f / 120.0f;
    s = s * q - 1.0f / 6.0f;
    s = s * q + 1.0f;
    s = s * t;
    float c = 1.0f / 479001600.0f;
    c = c * q - 1.0f / 3628800.0f;
    c = c * q + 1.0f / 40320.0f;
    c = c * q - 1.0f / 720.0f;
    c = c * q + 1.0f / 24.0f;
    c = c * q - 0.5f;
    c = c * q + 1.0f;
    *cosine = 1.0f - 2.0f * s * s;
    *sine = 2.0f * s * c;
}

static inline void skreg_turn(double v, double *cosine, double *sine) {
    v = v > 2097152.0 ? 2097152.0 : v;
    v = v < -2097152.0 ? -2097152.0 : v;
    const double magic = 6755399441055744.0; /* 1.5·2^52 */
    double shifted = v + magic;
    double t = (v - (shifted - magic)) * 3.14159265358979323846;
    double q = t * t;
    double s = 1.0 / 51090942171709440000.0;
    s = s * q - 1.0 / 121645100408832000.0;
    s = s * q + 1.0 / 355687428096000.0;
    s = s * q - 1.0 / 1307674368000.0;
    s = s * q + 1.0 / 6227020800.0;
    s = s * q - 1.0 / 39916800.0;
    s = s * q + 1.0 / 362880.0;
    s = s * q - 1.0 / 5040.0;
    s = s * q + 1.0 / 120.0;
    s = s * q - 1.0 / 6.0;
    s = s * q + 1.0;
    s = s * t;
    double c = -1.0 / 1124000727777607680000.0;
    c = c * q + 1.0 / 2432902008176640000.0;
    c = c * q - 1.0 / 6402373705728000.0;
    c = c * q + 1.0 / 20922789888000.0;
    c = c * q - 1.0 / 87178291200.0;
    c = c * q + 1.0 / 479001600.0;
    c = c * q - 1.0 / 3628800.0;
    c = c * q + 1.0 / 40320.0;
    c = c * q - 1.0 / 720.0;
    c = c * q + 1.0 / 24.0;
    c = c * q - 0.5;
    c = c * q + 1.0;
    *cosine = 1.0 - 2.0 * s * s;
    *sine = 2.0 * s * c;
}
#endif
