/* Function multi-versioning for hot loops. */
#ifndef SYL_BASE_CLONES_H
#define SYL_BASE_CLONES_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

/* One binary, fast everywhere: the loader picks the version for the processor. Not under
 * sanitizers, whose runtime is not ready when the loader asks. */
#if defined(__x86_64__) && defined(__linux__) && !defined(SYL_NO_CLONES)
#define SYL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SYL_CLONES
#endif
#define SYL_INLINE static inline __attribute__((always_inline))

#endif
