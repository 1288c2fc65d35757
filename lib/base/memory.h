/* Allocation with overflow-checked sizes. */
#ifndef SYL_BASE_MEMORY_H
#define SYL_BASE_MEMORY_H

#include "lib/base/status.h"

/* a * b, or SIZE_MAX when that overflows (so that the allocation after it fails). */
size_t syl_mul_size(size_t a, size_t b);

/* 64-byte aligned, zeroed, count * size bytes (0 gives a valid pointer); NULL when there is
 * no memory. Freed with free(). */
void *syl_calloc(size_t count, size_t size);

/* The same for arrays that are gone through as a whole or looked at here and there: where they are
 * large, in large pages, if the system has them. */
void *syl_calloc_large(size_t count, size_t size);

/* Doubles *capacity until it holds `need` elements of `size` bytes; contents are kept, new
 * room is not initialised. */
syl_status syl_grow(void **data, size_t *capacity, size_t need, size_t size, syl_error *err);
/* The same, with memory as of syl_calloc_large. */
syl_status syl_grow_large(void **data, size_t *capacity, size_t need, size_t size, syl_error *err);

#endif
