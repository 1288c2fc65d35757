#include "embed/retrieval_task.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "embed/rank_scores.h"
#include "lib/base/memory.h"

#define BLOCK 512 /* queries whose scores are kept apart until they are added up in order */

syl_retrieval_options syl_retrieval_defaults(void)
{
    return (syl_retrieval_options){
        .relevance = SYL_RELEVANCE_SHARED, .seed = 1, .depth = 10, .points = 11, .threads = 1};
}

static syl_status check_options(const syl_retrieval_options *o, syl_error *err)
{
    if (o->depth < 1 || o->depth > 1000)
        return syl_fail(err, SYL_EINVAL, "NDCG at depth %d; 1 to 1000 is possible", o->depth);
    if (o->points < 2 || o->points > 100000)
        return syl_fail(err, SYL_EINVAL, "a curve of %d points; 2 to 100000 are possible",
                        o->points);
    if (o->threads < 1) return syl_fail(err, SYL_EINVAL, "%d threads; at least 1", o->threads);
    return SYL_OK;
}

static syl_status check_labels(const char *which, const syl_labelled *side, syl_error *err)
{
    if (side->labels->count == side->by.count) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "%s: labels of %lld documents for codes or vectors of %lld; one line of labels "
                    "a document is needed",
                    which, (long long)side->labels->count, (long long)side->by.count);
}

syl_status syl_retrieval_prepare(syl_retrieval_task *task, const syl_labelled *queries,
                                 const syl_labelled *database, const syl_retrieval_options *options,
                                 syl_error *err)
{
    *task = (syl_retrieval_task){.queries = queries ? queries : database,
                                 .database = database,
                                 .own = !queries,
                                 .options = options,
                                 .threads = options->threads};
    SYL_TRY(check_options(options, err));
    SYL_TRY(check_labels("queries", task->queries, err));
    SYL_TRY(check_labels("documents to be ranked", database, err));
    if (task->queries->labels->names != database->labels->names)
        return syl_fail(err, SYL_EINVAL, "labels of queries and documents have different names");
    if (task->threads > task->queries->by.count)
        task->threads = task->queries->by.count > 0 ? (int)task->queries->by.count : 1;
    return SYL_OK;
}

syl_status syl_retrieval_match(const syl_retrieval_task *task, syl_ranking_by by, syl_error *err)
{
    const syl_representations *q = &task->queries->by, *d = &task->database->by;
    bool hamming = by == SYL_RANK_HAMMING;
    int query = hamming ? q->bits : q->dim, document = hamming ? d->bits : d->dim;
    SYL_TRY(syl_representations_check(q, by, "queries", err));
    if (query == document) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "queries of %d %s for documents of %d; they must be the same",
                    query, hamming ? "bits" : "dimensions", document);
}

static void room_free(syl_retrieval_room *r)
{
    free(r->relevance);
    free(r->gains);
    free(r->ranked);
    free(r->ranked_again);
    free(r->ends);
    free(r->marks);
    free(r->top);
    free(r->code);
    free(r->unit);
    free(r->keys);
}

static bool room_create(syl_retrieval_room *r, const syl_retrieval_task *task)
{
    size_t n = (size_t)task->database->by.count;
    size_t dim = (size_t)task->database->by.dim, words = (size_t)task->database->by.bits / 64 + 1;
    r->relevance = syl_calloc(n, sizeof *r->relevance);
    r->gains = syl_calloc(n, sizeof *r->gains);
    r->ranked = syl_calloc(n, sizeof *r->ranked);
    r->ranked_again = syl_calloc(n, sizeof *r->ranked_again);
    r->ends = syl_calloc(n, sizeof *r->ends);
    r->marks = syl_calloc((size_t)syl_label_names_count(task->database->labels->names), 1);
    r->top = syl_calloc((size_t)task->options->depth, sizeof *r->top);
    r->code = syl_calloc(words, sizeof *r->code);
    r->unit = syl_calloc(dim, sizeof *r->unit);
    r->keys = syl_calloc(n, sizeof *r->keys);
    return r->relevance && r->gains && r->ranked && r->ranked_again && r->ends && r->marks &&
           r->top && r->code && r->unit && r->keys;
}

static void rooms_free(syl_retrieval_room *rooms, int threads)
{
    for (int t = 0; rooms && t < threads; t++)
        room_free(&rooms[t]);
    free(rooms);
}

/* Rooms for the task's threads. */
static syl_status rooms_create(syl_retrieval_room **rooms, const syl_retrieval_task *task,
                               syl_error *err)
{
    bool there = true;
    *rooms = syl_calloc((size_t)task->threads, sizeof **rooms);
    for (int t = 0; *rooms && there && t < task->threads; t++)
        there = room_create(&(*rooms)[t], task);
    if (*rooms && there) return SYL_OK;
    rooms_free(*rooms, task->threads);
    *rooms = NULL;
    return syl_fail_memory(err, (size_t)task->database->by.count * sizeof(syl_ranked),
                           "a ranking of each thread");
}

const void *syl_retrieval_query(const syl_retrieval_task *task, syl_ranking_by by, int64_t q,
                                syl_retrieval_room *room)
{
    const syl_representations *from = &task->queries->by;
    if (by == SYL_RANK_HAMMING) {
        size_t bytes = ((size_t)from->bits + 7) / 8;
        syl_pack_code(from->codes + (size_t)q * bytes, from->bits, room->code);
        return room->code;
    }
    syl_unit_vector(from->vectors + q * from->dim, from->dim, room->unit);
    return room->unit;
}

double syl_retrieval_relevance(const syl_retrieval_task *task, int64_t q, syl_retrieval_room *room)
{
    syl_relevance_of(task->options->relevance, task->queries->labels, q, task->database->labels,
                     room->marks, room->relevance);
    if (task->own) room->relevance[q] = 0;
    return syl_ideal_dcg(room->relevance, task->database->by.count, task->options->depth,
                         room->top);
}

syl_status syl_retrieval_sum(const syl_retrieval_task *task, syl_score_query *score,
                             const void *context, int width, double *sums, syl_error *err)
{
    syl_retrieval_room *rooms;
    int64_t count = task->queries->by.count;
    size_t bytes = syl_mul_size(BLOCK * (size_t)width, sizeof(double));
    double *scores = malloc(bytes);
    if (!scores) return syl_fail_memory(err, bytes, "scores of queries");
    syl_status status = rooms_create(&rooms, task, err);
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (int64_t first = 0; status == SYL_OK && first < count; first += BLOCK) {
        int64_t size = count - first < BLOCK ? count - first : BLOCK;
        memset(scores, 0, bytes);
#pragma omp parallel for num_threads(task->threads) schedule(dynamic, 4)
        for (int64_t i = 0; i < size; i++)
            score(context, first + i, &rooms[omp_get_thread_num()], scores + i * width);
        for (int64_t i = 0; i < size; i++)
            for (int k = 0; k < width; k++)
                sums[k] += scores[i * width + k];
    }
    rooms_free(rooms, task->threads);
    free(scores);
    return status;
}
