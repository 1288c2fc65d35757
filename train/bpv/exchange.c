#include "train/bpv/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct syl_bpv_exchange {
    float *value[SYL_BPV_TABLES], *square[SYL_BPV_TABLES]; /* as they were; NULL: not shared */
    float *changed;                                        /* [the most rows of a table] */
};

static bool is_shared(const syl_bpv_tables *t, int which)
{
    return which != SYL_BPV_DOCUMENTS && t->table[which].rows > 0;
}

static size_t bytes_of(const syl_bpv_table *t)
{
    return (size_t)t->value.size * sizeof(float);
}

syl_status syl_bpv_exchange_create(syl_bpv_exchange **out, const syl_bpv_tables *tables,
                                   syl_error *err)
{
    syl_bpv_exchange *x = syl_calloc(1, sizeof *x);
    int64_t most = 0;
    bool failed = !x;
    for (int i = 0; x && i < SYL_BPV_TABLES; i++) {
        if (!is_shared(tables, i)) continue;
        x->value[i] = syl_calloc(bytes_of(&tables->table[i]), 1);
        x->square[i] = syl_calloc(bytes_of(&tables->table[i]), 1);
        failed |= !x->value[i] || !x->square[i];
        if (tables->table[i].rows > most) most = tables->table[i].rows;
    }
    if (x) x->changed = syl_calloc((size_t)most, sizeof *x->changed);
    *out = x;
    if (!failed && x->changed) return SYL_OK;
    syl_bpv_exchange_free(x);
    *out = NULL;
    return syl_fail_memory(err, 2 * bytes_of(&tables->table[SYL_BPV_OUTPUT]),
                           "the exchange between ranks");
}

void syl_bpv_exchange_free(syl_bpv_exchange *x)
{
    if (!x) return;
    for (int i = 0; i < SYL_BPV_TABLES; i++) {
        free(x->value[i]);
        free(x->square[i]);
    }
    free(x->changed);
    free(x);
}

static void remember(syl_bpv_exchange *x, const syl_bpv_table *t, int which)
{
    memcpy(x->value[which], t->value.host, bytes_of(t));
    memcpy(x->square[which], t->square.host, bytes_of(t));
}

syl_status syl_bpv_exchange_begin(syl_bpv_exchange *x, const syl_bpv_tables *tables, syl_error *err)
{
    for (int i = 0; i < SYL_BPV_TABLES; i++) {
        const syl_bpv_table *t = &tables->table[i];
        if (!is_shared(tables, i)) continue;
        SYL_TRY(syl_mirror_pull(&t->value, err));
        SYL_TRY(syl_mirror_pull(&t->square, err));
        remember(x, t, i);
    }
    return SYL_OK;
}

/* What this rank has changed, in place of the values. */
static void subtract(syl_bpv_exchange *x, const syl_bpv_table *t, int which)
{
    const float *value = x->value[which], *square = x->square[which];
    size_t row = (size_t)t->length * sizeof(float);
    for (int64_t r = 0; r < t->rows; r++)
        x->changed[r] = memcmp(t->square.host + r * t->length, square + r * t->length, row) != 0;
    for (int64_t i = 0; i < t->value.size; i++) {
        t->value.host[i] -= value[i];
        t->square.host[i] -= square[i];
    }
}

/* From the sums over ranks. */
static void add_back(const syl_bpv_exchange *x, const syl_bpv_table *t, int which)
{
    for (int64_t r = 0; r < t->rows; r++) {
        float share = x->changed[r] > 1 ? 1 / x->changed[r] : 1;
        for (int64_t i = r * t->length; i < (r + 1) * t->length; i++) {
            t->value.host[i] = x->value[which][i] + share * t->value.host[i];
            t->square.host[i] += x->square[which][i];
        }
    }
}

static syl_status meet(syl_bpv_exchange *x, const syl_bpv_table *t, int which,
                       const syl_ranks *ranks, syl_error *err)
{
    SYL_TRY(syl_mirror_pull(&t->value, err));
    SYL_TRY(syl_mirror_pull(&t->square, err));
    subtract(x, t, which);
    SYL_TRY(syl_ranks_sum(ranks, x->changed, t->rows, err));
    SYL_TRY(syl_ranks_sum(ranks, t->value.host, t->value.size, err));
    SYL_TRY(syl_ranks_sum(ranks, t->square.host, t->square.size, err));
    add_back(x, t, which);
    remember(x, t, which);
    SYL_TRY(syl_mirror_push(&t->value, err));
    return syl_mirror_push(&t->square, err);
}

syl_status syl_bpv_exchange_meet(syl_bpv_exchange *x, const syl_bpv_tables *tables,
                                 const syl_ranks *ranks, syl_error *err)
{
    for (int i = 0; i < SYL_BPV_TABLES; i++)
        if (is_shared(tables, i)) SYL_TRY(meet(x, &tables->table[i], i, ranks, err));
    return SYL_OK;
}

/* A rank knows its own rows; the others' become zero for the sum. */
static syl_status sum_rows(const syl_mirror *m, const syl_bpv_table *t, const syl_ranks *ranks,
                           syl_error *err)
{
    SYL_TRY(syl_mirror_pull(m, err));
    for (int64_t r = 0; r < t->rows; r++)
        if (r % ranks->count != ranks->rank)
            memset(m->host + r * t->length, 0, (size_t)t->length * sizeof(float));
    return syl_ranks_sum(ranks, m->host, m->size, err);
}

syl_status syl_bpv_exchange_documents(const syl_bpv_tables *tables, const syl_ranks *ranks,
                                      syl_error *err)
{
    const syl_bpv_table *t = &tables->table[SYL_BPV_DOCUMENTS];
    SYL_TRY(sum_rows(&t->value, t, ranks, err));
    return sum_rows(&t->square, t, ranks, err);
}
