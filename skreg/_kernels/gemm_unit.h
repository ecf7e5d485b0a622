/* The products for one vector unit: level 4, 3 or 1 of x86-64, or another's. UNIT(x) and LEVEL are defined. */
#if LEVEL == 4
#define VECTOR_BYTES 64
#define VECTORS 4
#elif LEVEL == 3
#define VECTOR_BYTES 32
#define VECTORS 2
#elif defined(__x86_64__) || defined(__i386__)
#define VECTOR_BYTES 16
#define VECTORS 2
#else
#define VECTOR_BYTES 16
#define VECTORS 4
#endif

#define REAL float
#define REAL_BYTES 4
#define NAME(x) UNIT(x##_float)
#ifdef SKREG_VECTORS
#include "gemm_template.h"
#else
#include "gemm_plain.h"
#endif
#undef REAL
#undef REAL_BYTES
#undef NAME

#define REAL double
#define REAL_BYTES 8
#define NAME(x) UNIT(x##_double)
#ifdef SKREG_VECTORS
#include "gemm_template.h"
#else
#include "gemm_plain.h"
#endif
#undef REAL
#undef REAL_BYTES
#undef NAME

#undef VECTOR_BYTES
#undef VECTORS
