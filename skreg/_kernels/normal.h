/* The upper tail of the normal law, P(Z > x) = exp(−x²/2)·q(x) for x ≥ 0, written so that a loop around
 * it is vectorized: skreg_normal_ratio gives q, for float and double.
 *
 * q(x) = ½·erfcx(x/√2) falls from ½ like 1/(x√2π). (x + 4)·q(x) is smooth in t = (x − 4)/(x + 4) up to
 * t = 1; its Chebyshev series, computed with 40 digits, is cut where the rest is below half an ulp (degree
 * 9: 3e-8, degree 22: 9e-17) and written in powers of t. */
#ifndef SKREG_NORMAL_H
#define SKREG_NORMAL_H

static inline float skreg_normal_ratiof(float x) {
    const float t = (x - 4.0f) / (x + 4.0f);
    float p = -1.5732057e-4f;
    p = p * t + 1.29325681e-4f;
    p = p * t + 1.5637869e-3f;
    p = p * t - 3.47616789e-3f;
    p = p * t - 7.51223138e-3f;
    p = p * t + 6.03952959e-2f;
    p = p * t - 1.86526711e-1f;
    p = p * t + 3.87137563e-1f;
    p = p * t - 6.07896404e-1f;
    p = p * t + 7.55285127e-1f;
    return p / (x + 4.0f);
}

static inline double skreg_normal_ratio(double x) {
    const double t = (x - 4.0) / (x + 4.0);
    double p = -1.6920427948376846e-9;
    p = p * t - 1.2790690065810937e-9;
    p = p * t + 1.6085198418435306e-8;
    p = p * t + 1.9578968946462311e-8;
    p = p * t - 7.8823827429076558e-8;
    p = p * t - 1.6225199050308425e-7;
    p = p * t + 2.6478471799198814e-7;
    p = p * t + 1.0270086954915864e-6;
    p = p * t - 6.2499495024367216e-7;
    p = p * t - 5.9229119121370146e-6;
    p = p * t + 7.1462199466857423e-7;
    p = p * t + 3.5145610727474808e-5;
    p = p * t - 1.907682323098887e-6;
    p = p * t - 2.3109514018795209e-4;
    p = p * t + 1.3334421039305578e-4;
    p = p * t + 1.63081848588394e-3;
    p = p * t - 3.4796923567910867e-3;
    p = p * t - 7.5401889689298143e-3;
    p = p * t + 6.0396574890368941e-2;
    p = p * t - 1.865218579595771e-1;
    p = p * t + 3.8713740074222642e-1;
    p = p * t - 6.0789664197189298e-1;
    p = p * t + 7.5528513041575145e-1;
    return p / (x + 4.0);
}
#endif
