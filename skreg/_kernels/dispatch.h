/* Run-time dispatch: one binary holds a loop compiled for AVX-512, AVX2 and the baseline. A function
 * marked SKREG_DISPATCH is compiled for each, and the loader picks the best the machine has (GNU ifunc);
 * where the source itself differs, skreg_x86_64_level() tells. Elsewhere the macro is empty. */
#ifndef SKREG_DISPATCH_H
#define SKREG_DISPATCH_H
/* Tests lower it, to run on one machine what is for others. */
static int skreg_level_limit __attribute__((unused)) = 4;

static inline void skreg_limit_level(int level)
{
    skreg_level_limit = level;
}

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#if !defined(__AVX2__) /* else it is compiled for one kind of machine */
#define SKREG_CLONES
#endif
#define SKREG_DISPATCH \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

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
#else
#define SKREG_DISPATCH
#endif
#endif
