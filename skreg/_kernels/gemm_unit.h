/* The products for one vector unit, the one that the macros of the compiler tell of. UNIT(x) is defined. */
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define VECTORS 4
#elif defined(__AVX__)
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
#include "gemm_template.h"
#undef REAL
#undef REAL_BYTES
#undef NAME

#define REAL double
#define REAL_BYTES 8
#define NAME(x) UNIT(x##_double)
#include "gemm_template.h"
#undef REAL
#undef REAL_BYTES
#undef NAME

#undef VECTOR_BYTES
#undef VECTORS
