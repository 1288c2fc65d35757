/* Allocation with overflow-checked sizes. */
#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64 /* a cache line, and the widest vector register */
#define LARGE_PAGE ((size_t)2 << 20)

size_t syl_mul_size(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

/* Not zeroed; a multiple of the alignment, as aligned_alloc wants. */
static void *allocate(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - ALIGNMENT) return NULL;
    if (bytes == 0) bytes = 1;
    return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

/* Small arrays would waste most of a page. */
static void *allocate_large(size_t bytes)
{
    void *data;

    if (bytes < 2 * LARGE_PAGE || bytes > PTRDIFF_MAX - LARGE_PAGE) return allocate(bytes);
    bytes = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    data = aligned_alloc(LARGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
    if (data) (void)madvise(data, bytes, MADV_HUGEPAGE); /* a wish */
#endif
    return data;
}

static void *cleared(void *data, size_t bytes)
{
    if (data) memset(data, 0, bytes);
    return data;
}

void *syl_calloc(size_t count, size_t size)
{
    size_t bytes = syl_mul_size(count, size);

    return cleared(allocate(bytes), bytes);
}

void *syl_calloc_large(size_t count, size_t size)
{
    size_t bytes = syl_mul_size(count, size);

    return cleared(allocate_large(bytes), bytes);
}

static syl_status grow(void *allocate_bytes(size_t), void **data, size_t *capacity, size_t need,
                       size_t size, syl_error *err)
{
    size_t wanted = *capacity > 0 ? *capacity : 16;
    size_t bytes;
    void *grown;

    if (need <= *capacity) return SYL_OK;
    while (wanted < need)
        wanted = wanted > SIZE_MAX / 2 ? need : 2 * wanted;
    bytes = syl_mul_size(wanted, size);
    grown = allocate_bytes(bytes);
    if (!grown) return syl_fail_memory(err, bytes, "a growing buffer");
    if (*data) memcpy(grown, *data, *capacity * size);
    free(*data);
    *data = grown;
    *capacity = wanted;
    return SYL_OK;
}

syl_status syl_grow(void **data, size_t *capacity, size_t need, size_t size, syl_error *err)
{
    return grow(allocate, data, capacity, need, size, err);
}

syl_status syl_grow_large(void **data, size_t *capacity, size_t need, size_t size, syl_error *err)
{
    return grow(allocate_large, data, capacity, need, size, err);
}
