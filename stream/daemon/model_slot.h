/* The model in use. A reload puts another in its place; streams keep the one that they began with,
 * and the last of them frees it. */
#ifndef SYL_STREAM_MODEL_SLOT_H
#define SYL_STREAM_MODEL_SLOT_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/status.h"

typedef struct syl_shared_model {
    syl_model *model;
    syl_model_info info; /* its look-ahead: that of live streams */
    double hop_seconds;  /* of live streams of a "hubert" model; 0: another, which needs none */
    atomic_int users;
} syl_shared_model;

typedef struct syl_model_slot {
    pthread_mutex_t lock;
    syl_shared_model *current; /* with one user, the slot itself */
} syl_model_slot;

/* Takes the model over; `live` gives the hop and look-ahead of its streams (hop 0: none). The one
 * before is freed when its last user lets go. On failure the model stays the caller's. The slot
 * begins as {PTHREAD_MUTEX_INITIALIZER, NULL}. */
syl_status syl_model_slot_put(syl_model_slot *slot, syl_model *model,
                              const syl_stream_options *live, syl_error *err);
/* The current model, with one user more. */
syl_shared_model *syl_model_slot_take(syl_model_slot *slot);
/* NULL is allowed. */
void syl_shared_model_let_go(syl_shared_model *shared);
/* Empties the slot. */
void syl_model_slot_close(syl_model_slot *slot);

#endif
