#include "stream/daemon/model_slot.h"

#include <stdlib.h>

#include "lib/base/memory.h"

static syl_shared_model *exchange(syl_model_slot *slot, syl_shared_model *next)
{
    pthread_mutex_lock(&slot->lock);
    syl_shared_model *before = slot->current;
    slot->current = next;
    pthread_mutex_unlock(&slot->lock);
    return before;
}

syl_status syl_model_slot_put(syl_model_slot *slot, syl_model *model,
                              const syl_stream_options *live, syl_error *err)
{
    syl_shared_model *next = syl_calloc(1, sizeof *next);
    if (!next) return syl_fail_memory(err, sizeof *next, "a model");
    next->model = model;
    next->users = 1;
    syl_model_get_info(model, &next->info);
    next->hop_seconds = live->hop_seconds;
    if (live->hop_seconds > 0) next->info.lookahead_seconds = live->lookahead_seconds;
    syl_shared_model_let_go(exchange(slot, next));
    return SYL_OK;
}

syl_shared_model *syl_model_slot_take(syl_model_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    syl_shared_model *shared = slot->current;
    shared->users++;
    pthread_mutex_unlock(&slot->lock);
    return shared;
}

void syl_shared_model_let_go(syl_shared_model *shared)
{
    if (!shared || --shared->users > 0) return;
    syl_model_free(shared->model);
    free(shared);
}

void syl_model_slot_close(syl_model_slot *slot)
{
    syl_shared_model_let_go(exchange(slot, NULL));
}
