/* What differs between compilers and systems.
 *
 * SKREG_VECTORS: the compiler knows vectors as GCC and clang write them. Elsewhere, and with SKREG_PLAIN
 * defined, loops of standard C take their place.
 *
 * Run-time dispatch: one binary holds a loop compiled for AVX-512, AVX2 and the baseline. Where the source
 * itself differs (SKREG_LEVELS is defined), skreg_x86_64_level() tells which to call. A function marked
 * SKREG_DISPATCH is compiled for each by GCC, and the loader of glibc picks the best the machine has (GNU
 * ifunc); elsewhere the macro is empty. */
#ifndef SKREG_DISPATCH_H
#define SKREG_DISPATCH_H
#include <limits.h> /* says whether the C library is glibc */

#if defined(__GNUC__) && !defined(SKREG_PLAIN)
#define SKREG_VECTORS
#endif
#if defined(__GNUC__)
#define SKREG_UNUSED __attribute__((unused))
#else
#define SKREG_UNUSED
#endif

/* A loop around a function that is not inlined cannot become vectors, and a compiler that finds many of
 * them in one place stops inlining. */
#if defined(__GNUC__)
#define SKREG_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define SKREG_INLINE static __forceinline
#else
#define SKREG_INLINE static inline
#endif

/* Tests lower it, to run on one machine what is for others. */
static int skreg_level_limit SKREG_UNUSED = 4;

static inline void skreg_limit_level(int level)
{
    skreg_level_limit = level;
}

/* Compiled with AVX2 for everything, it is for one kind of machine. GCC does not align vectors of AVX on
 * the stack of Windows. */
#if defined(SKREG_VECTORS) && defined(__x86_64__) && !defined(__AVX2__) &&                                  \
    (defined(__clang__) || (__GNUC__ >= 11 && !defined(_WIN32)))
#define SKREG_LEVELS

/* 4 for AVX-512, 3 for AVX2, 1 for the baseline. */
static inline int skreg_x86_64_level(void)
{
    if (skreg_level_limit < 3 || !__builtin_cpu_supports("avx2") ||
        !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
        return 1;
    return skreg_level_limit == 4 && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
               ? 4
               : 3;
}
#endif

#if defined(SKREG_LEVELS) && defined(__GLIBC__) && !defined(__clang__)
#define SKREG_DISPATCH                                                                                      \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SKREG_DISPATCH
#endif

/* The resolvers that GCC makes for the loader ask libgcc what the processor has. Linked with
 * --wrap=__cpu_indicator_init (see _build.py) they ask here, and SKREG_MAX_ISA hides what is above it. That is
 * before the kernel's own constructors, but after the C library has been loaded. */
#ifdef SKREG_WRAPPED
#include <stdlib.h>
#include <string.h>

extern unsigned __cpu_features2[] __attribute__((visibility("hidden")));
int __real___cpu_indicator_init(void);

/* Of libgcc's features, which are numbered from 0 on, the second array has those from 32. */
enum { SKREG_X86_64_V3 = 97, SKREG_X86_64_V4 = 98 };

__attribute__((visibility("hidden"))) int __wrap___cpu_indicator_init(void)
{
    const int failed = __real___cpu_indicator_init();
    const char *most = getenv("SKREG_MAX_ISA");
    if (most && (!strcmp(most, "avx2") || !strcmp(most, "baseline")))
        __cpu_features2[SKREG_X86_64_V4 / 32 - 1] &= ~(1u << SKREG_X86_64_V4 % 32);
    if (most && !strcmp(most, "baseline"))
        __cpu_features2[SKREG_X86_64_V3 / 32 - 1] &= ~(1u << SKREG_X86_64_V3 % 32);
    return failed;
}
#endif
#endif
