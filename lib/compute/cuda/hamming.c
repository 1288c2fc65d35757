/* The nearest codes: queries in groups whose lists have room in scratch memory. */
#include "lib/compute/cuda/cuda.h"

#define MOST_QUERIES 4096 /* of a launch */

typedef struct search {
    const uint64_t *codes;
    int64_t n;
    int words, k;
} search;

static syl_status search_group(cuda_ctx *ctx, const search *s, const uint64_t *queries,
                               int64_t num_queries, int32_t *distance, int32_t *id, syl_error *err)
{
    void *sent, *distances, *ids, *work;
    size_t hits = (size_t)num_queries * (size_t)s->k * sizeof *id;
    SYL_TRY(cuda_send(ctx, queries, (size_t)num_queries * (size_t)s->words * sizeof *queries, &sent,
                      err));
    SYL_TRY(cuda_take(ctx, hits, &distances, err));
    SYL_TRY(cuda_take(ctx, hits, &ids, err));
    SYL_TRY(cuda_take(ctx, syl_cuda_hamming_work(num_queries, s->n, s->k), &work, err));
    CUDA_TRY("the nearest codes",
             syl_cuda_hamming_search(ctx->compute, s->codes, s->n, sent, num_queries, s->words,
                                     s->k, distances, ids, work));
    SYL_TRY(cuda_fetch(ctx, distances, distance, hits, err));
    return cuda_fetch(ctx, ids, id, hits, err);
}

syl_status cuda_op_hamming(syl_ctx *base, const uint64_t *codes, int64_t n, int words,
                           const uint64_t *queries, int64_t num_queries, int k, int32_t *distance,
                           int32_t *id, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    search s = {codes, n, words, k};
    syl_status status = SYL_OK;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_ctx_may_wait(ctx, "the nearest codes", err));
    for (int64_t q = 0; q < num_queries && status == SYL_OK; q += MOST_QUERIES) {
        size_t mark = ctx->top;
        int64_t here = num_queries - q < MOST_QUERIES ? num_queries - q : MOST_QUERIES;
        status =
            search_group(ctx, &s, queries + q * words, here, distance + q * k, id + q * k, err);
        ctx->top = mark;
    }
    return status;
}
