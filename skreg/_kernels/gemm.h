/* gemm_float and gemm_double: see gemm_template.h. */
#ifndef SKREG_GEMM_H
#define SKREG_GEMM_H
#include "dispatch.h"

#define REAL float
#define LANES 8
#define NAME(x) skreg_##x##_float
#include "gemm_template.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL double
#define LANES 4
#define NAME(x) skreg_##x##_double
#include "gemm_template.h"
#undef REAL
#undef LANES
#undef NAME
#endif
