#include "train/bpv/batches.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

/* Streams of random numbers: below 2^56 those of documents' subsampling, above it by use. */
#define STREAM_ORDER ((uint64_t)1 << 56)
#define STREAM_CHUNK ((uint64_t)2 << 56)

/* A batch and the room that it stands in. */
typedef struct slot {
    int32_t *document, *begin, *target, *negative, *around;
    uint64_t *stream;
    int32_t *output[3], *documents[3], *words[3]; /* row, begin, entry */
} slot;

struct syl_bpv_batches {
    const syl_documents *documents;
    const syl_sampler *sampler;
    const syl_subsample *subsample;
    syl_bpv_batch_options o;
    int epoch;
    int32_t *kept;       /* the epoch's items where some are left out, or NULL */
    int64_t *kept_begin; /* [count + 1] */
    const int32_t *items;
    const int64_t *begin;
    int64_t chunks; /* of this rank, in the epoch */
    int32_t *chunk_document;
    int64_t *chunk_at; /* in the document */
    uint32_t *order;   /* [chunks] */
    int32_t **count;   /* [threads][items or documents]: zero between uses */
    slot *slots;       /* [round] */
    syl_paragraph_batch *batches;
};

/* ---- the epoch ------------------------------------------------------------------------------- */

static int64_t chunks_of(const syl_bpv_batches *b, int64_t document)
{
    int64_t length = b->begin[document + 1] - b->begin[document];
    return (length + b->o.chunk - 1) / b->o.chunk;
}

static void leave_out(syl_bpv_batches *b)
{
    const syl_documents *d = b->documents;
    int64_t end = 0;
    if (!b->kept) return;
    for (int64_t i = 0; i < d->count; i++) {
        b->kept_begin[i] = end;
        end +=
            syl_subsample_items(b->subsample, d->items + d->begin[i], d->begin[i + 1] - d->begin[i],
                                b->o.seed, (uint32_t)b->epoch, i, b->kept + end);
    }
    b->kept_begin[d->count] = end;
}

/* The rank's chunks in an order of this epoch's own (Fisher and Yates); how many the rank with the
 * most has. */
static int64_t arrange(syl_bpv_batches *b)
{
    int64_t most = 0;
    b->chunks = 0;
    for (int rank = 0; rank < b->o.ranks; rank++) {
        int64_t n = 0;
        for (int64_t d = rank; d < b->documents->count; d += b->o.ranks)
            n += chunks_of(b, d);
        most = n > most ? n : most;
    }
    for (int64_t d = b->o.rank; d < b->documents->count; d += b->o.ranks) {
        for (int64_t i = 0; i < chunks_of(b, d); i++, b->chunks++) {
            b->chunk_document[b->chunks] = (int32_t)d;
            b->chunk_at[b->chunks] = i * b->o.chunk;
        }
    }
    syl_random r = {.seed = b->o.seed,
                    .stream = STREAM_ORDER | (uint64_t)b->epoch << 24 | (uint64_t)b->o.rank};
    for (int64_t i = 0; i < b->chunks; i++) {
        uint32_t at = syl_random_below(&r, (uint32_t)(i + 1));
        b->order[i] = b->order[at];
        b->order[at] = (uint32_t)i;
    }
    return most;
}

syl_status syl_bpv_batches_begin(syl_bpv_batches *b, int epoch, int64_t *rounds, syl_error *err)
{
    int64_t round = (int64_t)b->o.batch * b->o.round;
    b->epoch = epoch;
    leave_out(b);
    *rounds = (arrange(b) + round - 1) / round;
    if (*rounds == 0)
        return syl_fail(
            err, SYL_EINVAL,
            "there is nothing to learn from: no document has an item of the vocabulary%s",
            b->kept ? " that subsampling left" : "");
    return SYL_OK;
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* Entries that name the same row, together; negative rows are none. `count` is zero before and
 * after. */
static void group(const int32_t *row_of, int64_t entries, int32_t *count, int32_t *const to[3],
                  syl_row_groups *groups)
{
    int32_t *row = to[0], *begin = to[1], *entry = to[2], rows = 0, end = 0;
    for (int64_t e = 0; e < entries; e++)
        if (row_of[e] >= 0 && count[row_of[e]]++ == 0) row[rows++] = row_of[e];
    for (int32_t i = 0; i < rows; i++) {
        begin[i] = end;
        end += count[row[i]];
        count[row[i]] = begin[i];
    }
    begin[rows] = end;
    for (int64_t e = 0; e < entries; e++)
        if (row_of[e] >= 0) entry[count[row_of[e]]++] = (int32_t)e;
    for (int32_t i = 0; i < rows; i++)
        count[row[i]] = 0;
    *groups = (syl_row_groups){.count = rows, .row = row, .begin = begin, .entry = entry};
}

static void draw(const syl_bpv_batches *b, uint64_t stream, int32_t *negative)
{
    uint32_t word[4];
    for (int i = 0; i < b->o.negatives; i++) {
        if (i % 2 == 0)
            syl_philox(b->o.seed, stream, SYL_PARAGRAPH_NEGATIVES + (uint64_t)i / 2, word);
        negative[i] = syl_sampler_draw(b->sampler, word[i % 2 * 2], word[i % 2 * 2 + 1]);
    }
}

static void fill_chunk(const syl_bpv_batches *b, const slot *s, int32_t i, uint32_t number)
{
    int32_t document = b->chunk_document[number], context = b->o.context;
    const int32_t *items = b->items + b->begin[document];
    int64_t at = b->chunk_at[number], length = b->begin[document + 1] - b->begin[document];
    int32_t n = (int32_t)(length - at < b->o.chunk ? length - at : b->o.chunk), to = s->begin[i];
    s->document[i] = document;
    s->stream[i] = STREAM_CHUNK | (uint64_t)b->epoch << 36 |
                   ((uint64_t)document * 0x9E3779B1u + (uint64_t)at) % ((uint64_t)1 << 36);
    s->begin[i + 1] = to + n;
    memcpy(s->target + to, items + at, (size_t)n * sizeof *items);
    for (int32_t t = 0; t < n; t++)
        for (int32_t j = 0; j < context; j++)
            s->around[(to + t) * context + j] = at + t - 1 - j >= 0 ? items[at + t - 1 - j] : -1;
    draw(b, s->stream[i], s->negative + (int64_t)i * b->o.negatives);
}

/* Targets and negatives of a batch, as numbers of its entries of `output`, stand in one array. */
static void fill(const syl_bpv_batches *b, int64_t first, int32_t chunks, slot *s, int32_t *count,
                 syl_paragraph_batch *batch)
{
    int64_t negatives = (int64_t)chunks * b->o.negatives;
    s->begin[0] = 0;
    for (int32_t i = 0; i < chunks; i++)
        fill_chunk(b, s, i, b->order[first + i]);
    int64_t targets = s->begin[chunks];
    memcpy(s->target + targets, s->negative, (size_t)negatives * sizeof *s->negative);
    *batch = (syl_paragraph_batch){.chunks = chunks,
                                   .document = s->document,
                                   .begin = s->begin,
                                   .target = s->target,
                                   .negative = s->target + targets,
                                   .around = s->around,
                                   .stream = s->stream};
    group(s->target, targets + negatives, count, s->output, &batch->of_output);
    group(s->document, chunks, count, s->documents, &batch->of_documents);
    group(s->around, targets * b->o.context, count, s->words, &batch->of_words);
}

const syl_paragraph_batch *syl_bpv_batches_round(syl_bpv_batches *b, int64_t round, int *count)
{
    int64_t first = round * b->o.round * b->o.batch, left = b->chunks - first;
    int64_t batches = left > 0 ? (left + b->o.batch - 1) / b->o.batch : 0;
    *count = (int)(batches < b->o.round ? batches : b->o.round);
#pragma omp parallel for schedule(dynamic, 1) num_threads(b->o.threads)
    for (int i = 0; i < *count; i++) {
        int64_t at = first + (int64_t)i * b->o.batch, rest = b->chunks - at;
        fill(b, at, (int32_t)(rest < b->o.batch ? rest : b->o.batch), &b->slots[i],
             b->count[omp_get_thread_num()], &b->batches[i]);
    }
    return b->batches;
}

double syl_bpv_batches_documents(const syl_bpv_batches *b, const syl_paragraph_batch *batch)
{
    double sum = 0;
    for (int32_t i = 0; i < batch->chunks; i++) {
        int64_t d = batch->document[i];
        sum += (double)(batch->begin[i + 1] - batch->begin[i]) /
               (double)(b->begin[d + 1] - b->begin[d]);
    }
    return sum;
}

/* ---- creation -------------------------------------------------------------------------------- */

static int32_t *ids(int64_t n, bool *failed)
{
    int32_t *own = syl_calloc((size_t)n, sizeof *own);
    if (!own) *failed = true;
    return own;
}

static void groups_of(int32_t *to[3], int64_t entries, bool *failed)
{
    to[0] = ids(entries, failed);
    to[1] = ids(entries + 1, failed);
    to[2] = ids(entries, failed);
}

static bool make_slot(const syl_bpv_batches *b, slot *s)
{
    int64_t chunks = b->o.batch, targets = chunks * b->o.chunk, n = chunks * b->o.negatives;
    bool failed = false;
    s->document = ids(chunks, &failed);
    s->begin = ids(chunks + 1, &failed);
    s->target = ids(targets + n, &failed);
    s->negative = ids(n, &failed);
    s->around = ids(targets * b->o.context, &failed);
    s->stream = syl_calloc((size_t)chunks, sizeof *s->stream);
    groups_of(s->output, targets + n, &failed);
    groups_of(s->documents, chunks, &failed);
    groups_of(s->words, targets * b->o.context, &failed);
    return !failed && s->stream;
}

static bool make_epoch(syl_bpv_batches *b)
{
    const syl_documents *d = b->documents;
    int64_t chunks = 0;
    b->items = d->items;
    b->begin = d->begin;
    for (int64_t i = b->o.rank; i < d->count; i += b->o.ranks)
        chunks += chunks_of(b, i);
    if (b->subsample) {
        b->items = b->kept = syl_calloc((size_t)d->begin[d->count], sizeof *b->kept);
        b->begin = b->kept_begin = syl_calloc((size_t)d->count + 1, sizeof *b->kept_begin);
    }
    b->chunk_document = syl_calloc((size_t)chunks, sizeof *b->chunk_document);
    b->chunk_at = syl_calloc((size_t)chunks, sizeof *b->chunk_at);
    b->order = syl_calloc((size_t)chunks, sizeof *b->order);
    return b->items && b->begin && b->chunk_document && b->chunk_at && b->order;
}

static bool make_all(syl_bpv_batches *b)
{
    int64_t rows = b->sampler->size > b->documents->count ? b->sampler->size : b->documents->count;
    bool failed = !make_epoch(b);
    b->count = syl_calloc((size_t)b->o.threads, sizeof *b->count);
    b->slots = syl_calloc((size_t)b->o.round, sizeof *b->slots);
    b->batches = syl_calloc((size_t)b->o.round, sizeof *b->batches);
    for (int i = 0; b->count && i < b->o.threads; i++)
        b->count[i] = ids(rows, &failed);
    for (int i = 0; b->slots && i < b->o.round; i++)
        failed |= !make_slot(b, &b->slots[i]);
    return !failed && b->count && b->slots && b->batches;
}

syl_status syl_bpv_batches_create(syl_bpv_batches **out, const syl_documents *documents,
                                  const syl_sampler *sampler, const syl_subsample *subsample,
                                  const syl_bpv_batch_options *options, syl_error *err)
{
    syl_bpv_batches *b = syl_calloc(1, sizeof *b);
    *out = NULL;
    if (b) {
        b->documents = documents;
        b->sampler = sampler;
        b->subsample = subsample;
        b->o = *options;
        if (make_all(b)) {
            *out = b;
            return SYL_OK;
        }
    }
    syl_bpv_batches_free(b);
    return syl_fail_memory(err, (size_t)documents->begin[documents->count] * 4,
                           "the batches of a corpus");
}

static void free_slot(slot *s)
{
    free(s->document);
    free(s->begin);
    free(s->target);
    free(s->negative);
    free(s->around);
    free(s->stream);
    for (int i = 0; i < 3; i++) {
        free(s->output[i]);
        free(s->documents[i]);
        free(s->words[i]);
    }
}

void syl_bpv_batches_free(syl_bpv_batches *b)
{
    if (!b) return;
    for (int i = 0; b->slots && i < b->o.round; i++)
        free_slot(&b->slots[i]);
    for (int i = 0; b->count && i < b->o.threads; i++)
        free(b->count[i]);
    free(b->slots);
    free(b->count);
    free(b->batches);
    free(b->kept);
    free(b->kept_begin);
    free(b->chunk_document);
    free(b->chunk_at);
    free(b->order);
    free(b);
}
