/* Examples made ahead of their use by threads of their own. Which example comes when depends on
 * its number alone, never on the threads, so that a resumed run sees what it would have seen. */
#ifndef SYL_TRAIN_LOADER_H
#define SYL_TRAIN_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

typedef struct syl_loader syl_loader;

typedef struct syl_loader_source {
    void *user;
    size_t example_size;
    /* Fills a zeroed example. Called from several threads. When it fails it is called again with
     * the next attempt (from 0), so that one bad recording does not stop a run. */
    syl_status (*make)(void *user, uint64_t number, int attempt, void *example, syl_error *err);
    void (*clear)(void *example); /* frees what make took, also half of it */
    /* An example that could not be made; called by the thread that asks for examples. */
    void (*skipped)(void *user, const syl_error *why);
} syl_loader_source;

/* The order of a data-parallel run: rank r of n takes `batch` examples out of every n batch. */
typedef struct syl_loader_order {
    uint64_t first; /* batches of all ranks done before */
    int batch, rank, ranks;
} syl_loader_order;

/* threads 0: each example is made when it is asked for. */
syl_status syl_loader_create(syl_loader **out, const syl_loader_source *source,
                             syl_loader_order order, int threads, syl_error *err);
/* The next `batch` examples, [batch] pointers valid until the next call. */
syl_status syl_loader_next(syl_loader *loader, void ***examples, syl_error *err);
void syl_loader_free(syl_loader *loader);

#endif
