/* Memory that will be wanted soon is asked for while something else is computed. */
#ifndef SKREG_FETCH_H
#define SKREG_FETCH_H
#include <stddef.h>

enum { SKREG_LINE = 64 };

/* ``bytes`` from an address on will be read. */
static inline void skreg_fetch(const void *at, ptrdiff_t bytes)
{
#if defined(__GNUC__)
    for (ptrdiff_t i = 0; i < bytes; i += SKREG_LINE) __builtin_prefetch((const char *)at + i);
#endif
}

/* They will be written, and no other core is to hold them. GCC knows the instruction for later processors only;
 * on earlier ones it does nothing. */
static inline void skreg_claim(void *at, ptrdiff_t bytes)
{
#if defined(__GNUC__) && defined(__x86_64__)
    for (ptrdiff_t i = 0; i < bytes; i += SKREG_LINE) __asm__ volatile("prefetchw %0" : : "m"(((char *)at)[i]));
#elif defined(__GNUC__)
    for (ptrdiff_t i = 0; i < bytes; i += SKREG_LINE) __builtin_prefetch((char *)at + i, 1);
#endif
}
#endif
