/* Text as a number (FNV-1a, 64 bits): to tell apart, not to protect. */
#ifndef SYL_BASE_HASH_H
#define SYL_BASE_HASH_H

#include <stdint.h>

#define SYL_HASH_START ((uint64_t)0xcbf29ce484222325)

/* The hash of what `hash` stands for, SYL_HASH_START at first, with text behind it. */
static inline uint64_t syl_hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash;
}

#endif
