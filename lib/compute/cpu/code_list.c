/* A query's nearest codes, by counting. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/hamming.h"

#define FIRST_ITEMS 64

static int distance_of(uint64_t item)
{
    return (int)(item >> 32);
}

syl_status syl_code_list_create(syl_code_list *list, int words, int64_t k, int radius, bool ordered,
                                syl_error *err)
{
    int distances = words * 64 + 1;
    *list = (syl_code_list){.distances = distances, .ordered = ordered};
    list->k = k < 0 ? INT64_MAX : k;
    list->radius = radius < 0 || radius > distances - 1 ? distances - 1 : radius;
    list->limit = list->reach = k == 0 ? 0 : list->radius + 1;
    list->count = syl_calloc((size_t)distances, sizeof *list->count);
    if (!list->count)
        return syl_fail_memory(err, (size_t)distances * sizeof *list->count, "a query's distances");
    return SYL_OK;
}

void syl_code_list_free(syl_code_list *list)
{
    free(list->items);
    free(list->count);
    list->items = NULL;
    list->count = NULL;
}

static int by_item(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Leaves what can still be among the k nearest. */
static void drop_far(syl_code_list *list)
{
    size_t kept = 0;
    int64_t ties = list->k - list->below; /* places left for items at the limit */
    for (size_t i = 0; i < list->size; i++) {
        int d = distance_of(list->items[i]);
        if (d > list->limit) continue;
        if (d == list->limit && list->ordered && ties-- <= 0) continue;
        list->items[kept++] = list->items[i];
    }
    list->size = kept;
    if (list->ordered || (int64_t)kept <= list->k) return;
    qsort(list->items, kept, sizeof *list->items, by_item);
    list->size = (size_t)list->k;
}

static bool make_room(syl_code_list *list)
{
    if (list->capacity) drop_far(list);
    if (list->size * 2 < list->capacity) return true;
    size_t need = list->capacity ? 2 * list->capacity : FIRST_ITEMS;
    void *items = list->items;
    if (syl_grow(&items, &list->capacity, need, sizeof *list->items, NULL)) {
        list->failed = true;
        list->reach = list->limit = 0;
        list->size = 0;
        return false;
    }
    list->items = items;
    return true;
}

void syl_code_list_take(syl_code_list *list, int distance, uint32_t number)
{
    if (list->size == list->capacity && !make_room(list)) return;
    list->items[list->size++] = (uint64_t)distance << 32 | number;
    if (distance >= list->limit) return;
    list->count[distance]++;
    list->below++;
    while (list->below >= list->k)
        list->below -= list->count[--list->limit];
    list->reach = list->ordered || list->limit > list->radius ? list->limit : list->limit + 1;
}

/* Stable, so that ordered items stay by number. */
static void sort_by_distance(syl_code_list *list, uint64_t *to)
{
    uint32_t *at = list->count, sum = 0;
    memset(at, 0, (size_t)list->distances * sizeof *at);
    for (size_t i = 0; i < list->size; i++)
        at[distance_of(list->items[i])]++;
    for (int d = 0; d < list->distances; d++) {
        uint32_t n = at[d];
        at[d] = sum;
        sum += n;
    }
    for (size_t i = 0; i < list->size; i++)
        to[at[distance_of(list->items[i])]++] = list->items[i];
    if (list->ordered) return;
    for (size_t begin = 0, end; begin < list->size; begin = end) {
        end = at[distance_of(to[begin])];
        qsort(to + begin, end - begin, sizeof *to, by_item);
    }
}

syl_status syl_code_list_finish(syl_code_list *list, syl_error *err)
{
    if (list->failed)
        return syl_fail_memory(err, 2 * list->capacity * 8, "a query's nearest codes");
    drop_far(list);
    if (list->size == 0) return SYL_OK;
    uint64_t *sorted = syl_calloc(list->size, sizeof *sorted);
    if (!sorted)
        return syl_fail_memory(err, list->size * sizeof *sorted, "a query's nearest codes");
    sort_by_distance(list, sorted);
    free(list->items);
    list->items = sorted;
    list->capacity = list->size;
    return SYL_OK;
}
