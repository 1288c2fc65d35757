/* Allocation with overflow-checked sizes. */
#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64          /* a cache line, and the widest vector register */
#define LARGE ((size_t)1 << 22) /* from here on in pages of 2 MiB, where rows are looked for all over */
#define LARGE_PAGE ((size_t)1 << 21)

size_t syl_mul_size(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

/* Not zeroed; a multiple of the alignment, as aligned_alloc wants. */
static void *allocate(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - ALIGNMENT) return NULL;
    if (bytes == 0) bytes = 1;
    size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
#ifdef MADV_HUGEPAGE
    if (whole >= LARGE && whole <= PTRDIFF_MAX - LARGE_PAGE) {
        void *data = aligned_alloc(LARGE_PAGE, (whole + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);
        if (data) (void)madvise(data, whole, MADV_HUGEPAGE); /* or not; it is only faster */
        return data;
    }
#endif
    return aligned_alloc(ALIGNMENT, whole);
}

void *syl_calloc(size_t count, size_t size)
{
    size_t bytes = syl_mul_size(count, size);
    void *data = allocate(bytes);

    if (data) memset(data, 0, bytes);
    return data;
}

syl_status syl_grow(void **data, size_t *capacity, size_t need, size_t size, syl_error *err)
{
    size_t wanted = *capacity > 0 ? *capacity : 16;
    size_t bytes;
    void *grown;

    if (need <= *capacity) return SYL_OK;
    while (wanted < need)
        wanted = wanted > SIZE_MAX / 2 ? need : 2 * wanted;
    bytes = syl_mul_size(wanted, size);
    grown = allocate(bytes);
    if (!grown) return syl_fail_memory(err, bytes, "a growing buffer");
    if (*data) memcpy(grown, *data, *capacity * size);
    free(*data);
    *data = grown;
    *capacity = wanted;
    return SYL_OK;
}
