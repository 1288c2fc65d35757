/* The tables of several ranks brought together (train/bpv/trainer.h says how). */
#ifndef SYL_TRAIN_BPV_EXCHANGE_H
#define SYL_TRAIN_BPV_EXCHANGE_H

#include "train/bpv/tables.h"

typedef struct syl_bpv_exchange syl_bpv_exchange;

syl_status syl_bpv_exchange_create(syl_bpv_exchange **out, const syl_bpv_tables *tables,
                                   syl_error *err);
void syl_bpv_exchange_free(syl_bpv_exchange *exchange);

/* The shared tables are alike on all ranks now: what changes from here on is what will be
 * exchanged. No context may be at work on them, here and below. */
syl_status syl_bpv_exchange_begin(syl_bpv_exchange *exchange, const syl_bpv_tables *tables,
                                  syl_error *err);
/* Shared tables of all ranks become one, on host and device; called by all, and a beginning. */
syl_status syl_bpv_exchange_meet(syl_bpv_exchange *exchange, const syl_bpv_tables *tables,
                                 const syl_ranks *ranks, syl_error *err);
/* Every rank gets, on the host, all documents' vectors. */
syl_status syl_bpv_exchange_documents(const syl_bpv_tables *tables, const syl_ranks *ranks,
                                      syl_error *err);

#endif
