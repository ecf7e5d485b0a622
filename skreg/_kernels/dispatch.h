/* Run-time dispatch: one binary holds a loop compiled for AVX-512, AVX2 and the baseline, and the
 * loader picks the best the machine has (GNU ifunc). Elsewhere the macro is empty. */
#ifndef SKREG_DISPATCH_H
#define SKREG_DISPATCH_H
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define SKREG_DISPATCH \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SKREG_DISPATCH
#endif
#endif
