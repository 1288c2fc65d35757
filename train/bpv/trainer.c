#include "train/bpv/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "train/bpv/batches.h"
#include "train/bpv/exchange.h"
#include "train/bpv/tables.h"

#define ROUND 16 /* batches */

typedef struct run {
    const syl_bpv_train_options *o;
    const syl_documents *documents;
    const syl_ranks *ranks;
    syl_bpv *model;
    syl_bpv_tables tables;
    syl_bpv_exchange *exchange; /* with several ranks */
    syl_subsample subsample;
    syl_bpv_batches *batches;
    syl_ctx *ctx;
    float *loss;    /* [ROUND batch]: of each chunk of the round */
    int64_t blamed; /* the document of the first loss that was not finite, or -1 */
    char *identity;
} run;

/* From here on a code has room for dropout, which it learns more with; a shorter one does better
 * with little of it and the sigmoid itself in inference. */
#define LONG_CODE 64

/* Dropout, epochs and inference, chosen on a fifth of the training documents of 20 Newsgroups that
 * were held out. */
static void choose(syl_bpv_train_options *o)
{
    bool rounds = o->shape.kind == SYL_BPV_BINARY_DBOW || o->shape.kind == SYL_BPV_BINARY_DM;
    bool is_long = o->shape.bits >= LONG_CODE;
    o->epochs = 16;
    if (o->shape.kind == SYL_BPV_REAL_BINARY) {
        /* Slowly, so that near documents' codes lie near, too: a search within 2 bits finds some.
         */
        o->epochs = 8;
        o->learning_rate = o->last_rate = 0.06;
        o->shape.infer.learning_rate = 0.02;
        o->shape.infer.sigmoid = 1;
    } else if (rounds && is_long) {
        o->dropout = o->shape.infer.dropout = 0.7;
    } else if (rounds) {
        o->epochs = 8;
        o->dropout = o->shape.infer.dropout = 0.1;
        o->shape.infer.sigmoid = 1;
    } else {
        o->dropout = o->shape.infer.dropout = is_long ? 0.5 : 0.3;
        o->shape.infer.learning_rate = 0.03;
    }
}

syl_bpv_train_options syl_bpv_train_defaults(syl_bpv_kind kind, int bits)
{
    syl_bpv_train_options o = {
        .shape = {.kind = kind,
                  .bits = bits,
                  .dim = kind == SYL_BPV_REAL_BINARY ? 300 : bits,
                  .context = syl_bpv_has_context(kind),
                  .chunk = 25,
                  .negatives = 32,
                  .negatives_weight = 5,
                  .power = 0.75,
                  .spread = syl_bpv_is_binary(kind) ? 0.02 : 0.5 / (bits > 0 ? bits : 1),
                  .accumulator = 0.1,
                  .infer = {.passes = 20, .learning_rate = 0.1, .threads = 1, .seed = 1}},
        .learning_rate = 0.1,
        .last_rate = 0.1,
        .batch = 256,
        .threads = 1,
        .seed = 1,
        .exchange_every = 8,
        .state_seconds = 60};
    choose(&o);
    return o;
}

/* ---- what the course asks for ---------------------------------------------------------------- */

static syl_status begin(void *user, int epoch, int64_t *rounds, syl_error *err)
{
    run *r = user;
    if (r->exchange) SYL_TRY(syl_bpv_exchange_begin(r->exchange, &r->tables, err));
    return syl_bpv_batches_begin(r->batches, epoch, rounds, err);
}

static syl_paragraph_model model_now(const run *r, float learning_rate)
{
    syl_paragraph_model p = syl_bpv_tables_model(&r->tables, r->model);
    p.lr = learning_rate;
    p.dropout = (float)r->o->dropout;
    p.seed = r->o->seed;
    if (r->o->sigmoid && p.function == SYL_CODE_ROUND) p.function = SYL_CODE_SIGMOID;
    return p;
}

static void add_up(run *r, const syl_paragraph_batch *b, const float *loss, syl_course_sums *sums)
{
    for (int32_t i = 0; i < b->chunks; i++) {
        sums->loss += (double)loss[i];
        if (!isfinite(loss[i]) && r->blamed < 0) r->blamed = b->document[i];
    }
    sums->weight += b->begin[b->chunks];
    sums->words += b->begin[b->chunks];
    sums->documents += syl_bpv_batches_documents(r->batches, b);
}

static syl_status one_round(void *user, int epoch, int64_t round, float learning_rate,
                            syl_course_sums *sums, syl_error *err)
{
    run *r = user;
    int count;
    (void)epoch;
    const syl_paragraph_batch *b = syl_bpv_batches_round(r->batches, round, &count);
    syl_paragraph_model p = model_now(r, learning_rate);
    SYL_TRY(syl_paragraph_steps(r->ctx, &p, b, count, r->loss, err));
    const float *loss = r->loss;
    r->blamed = -1;
    for (int i = 0; i < count; i++) {
        add_up(r, &b[i], loss, sums);
        loss += b[i].chunks;
    }
    return SYL_OK;
}

static void blame(void *user, char *text, size_t size)
{
    const run *r = user;
    const char *name =
        r->documents->names && r->blamed >= 0 ? r->documents->names[r->blamed] : NULL;
    if (r->blamed >= 0)
        snprintf(text, size, "document %" PRId64 "%s%.200s", r->blamed + 1, name ? ", " : "",
                 name ? name : "");
}

static syl_status exchange(void *user, const syl_ranks *ranks, syl_error *err)
{
    run *r = user;
    SYL_TRY(syl_ctx_wait(r->ctx, err));
    return syl_bpv_exchange_meet(r->exchange, &r->tables, ranks, err);
}

static syl_status gather(void *user, const syl_ranks *ranks, syl_error *err)
{
    run *r = user;
    SYL_TRY(syl_ctx_wait(r->ctx, err));
    SYL_TRY(syl_bpv_tables_pull(&r->tables, err));
    return ranks->count > 1 ? syl_bpv_exchange_documents(&r->tables, ranks, err) : SYL_OK;
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

/* The corpus as a number: FNV-1a over whole numbers, and the vocabulary's words. */
static uint64_t fingerprint(const run *r)
{
    const syl_documents *d = r->documents;
    const uint64_t prime = 0x100000001b3;
    uint64_t hash = SYL_HASH_START;
    for (int64_t i = 0; i < d->begin[d->count]; i++)
        hash = (hash ^ (uint32_t)d->items[i]) * prime;
    for (int64_t i = 0; i < d->count; i++)
        hash = (hash ^ (uint64_t)d->begin[i + 1]) * prime;
    for (int64_t i = 0; i < r->model->sampler.size; i++)
        hash = syl_hash_text(hash * prime, syl_vocabulary_word(r->model->vocabulary, i));
    return hash;
}

/* What a resumed run must share. */
static syl_status describe(run *r, syl_error *err)
{
    const syl_bpv_train_options *o = r->o;
    const syl_bpv_shape *s = &o->shape;
    const syl_documents *d = r->documents;
    char shape[256], training[256], corpus[128];
    snprintf(shape, sizeof shape, "%s, %d bits, dimension %d, context %d, sign %d, loss %d",
             syl_bpv_kind_names[s->kind], s->bits, s->dim, s->context, s->sign, (int)s->loss);
    snprintf(training, sizeof training,
             "%d epochs, rate %g to %g, dropout %g, subsample %g, sigmoid %d, chunk %d, batch %d, "
             "negatives %d of weight %g, power %g, spread %g, accumulator %g",
             o->epochs, o->learning_rate, o->last_rate, o->dropout, o->subsample, o->sigmoid,
             s->chunk, o->batch, s->negatives, s->negatives_weight, s->power, s->spread,
             s->accumulator);
    snprintf(corpus, sizeof corpus,
             "%" PRId64 " documents, %" PRId64 " words, vocabulary of %" PRId64
             ", checksum %016" PRIx64,
             d->count, d->begin[d->count], r->model->sampler.size, fingerprint(r));
    json_t *all = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "model", shape, "training", training,
                            "corpus", corpus, "seed", json_sprintf("%" PRIu64, o->seed), "ranks",
                            json_sprintf("%d", r->ranks->count), "exchange",
                            json_sprintf("%d", r->ranks->count > 1 ? o->exchange_every : 0));
    r->identity = all ? json_dumps(all, JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return r->identity ? SYL_OK : syl_fail(err, SYL_ENOMEM, "no memory for a run's options");
}

static syl_status check(const run *r, syl_error *err)
{
    const syl_bpv_train_options *o = r->o;
    const syl_documents *d = r->documents;
    if (!(o->dropout >= 0) || o->dropout > 0.99 || !(o->subsample >= 0) || o->subsample > 1 ||
        o->batch < 1 || o->batch > 1 << 16 || o->threads < 1)
        return syl_fail(
            err, SYL_EINVAL,
            "dropout %g (0 to 0.99), subsampling %g (0 to 1), batches of %d chunks (1 to "
            "65536), %d threads (1 or more): out of range",
            o->dropout, o->subsample, o->batch, o->threads);
    if (o->sigmoid && !syl_bpv_is_binary(o->shape.kind))
        return syl_fail(err, SYL_EINVAL, "a real-valued model has no sigmoid");
    if (d->count < 1)
        return syl_fail(err, SYL_EINVAL, "the corpus is empty: there is no document to learn from");
    if (d->count > INT32_MAX)
        return syl_fail(err, SYL_EUNSUPPORTED, "%" PRId64 " documents: %d are the most", d->count,
                        INT32_MAX);
    for (int64_t i = 0; i < d->begin[d->count]; i++)
        if (d->items[i] < 0 || d->items[i] >= r->model->sampler.size)
            return syl_fail(err, SYL_EINVAL,
                            "the documents have an item %d that is not in the "
                            "vocabulary of %" PRId64,
                            d->items[i], r->model->sampler.size);
    return SYL_OK;
}

static syl_status start(run *r, syl_error *err)
{
    const syl_bpv_train_options *o = r->o;
    const syl_bpv_shape *s = &o->shape;
    SYL_TRY(check(r, err));
    SYL_TRY(describe(r, err));
    SYL_TRY(syl_bpv_tables_create(&r->tables, r->model, r->documents->count, o->seed, err));
    if (o->subsample > 0)
        SYL_TRY(syl_subsample_create(&r->subsample, syl_vocabulary_counts(r->model->vocabulary),
                                     r->model->sampler.size, o->subsample, err));
    syl_bpv_batch_options b = {.chunk = s->chunk,
                               .batch = o->batch,
                               .round = ROUND,
                               .negatives = s->negatives,
                               .context = s->context,
                               .seed = o->seed,
                               .rank = r->ranks->rank,
                               .ranks = r->ranks->count,
                               .threads = o->threads};
    SYL_TRY(syl_bpv_batches_create(&r->batches, r->documents, &r->model->sampler,
                                   o->subsample > 0 ? &r->subsample : NULL, &b, err));
    r->loss = syl_calloc((size_t)ROUND * (size_t)o->batch, sizeof *r->loss);
    if (!r->loss) return syl_fail_memory(err, (size_t)o->batch * 4, "losses");
    SYL_TRY(syl_ctx_create_on(&r->ctx, o->device, o->threads, err));
    return syl_bpv_tables_place(&r->tables, o->device, err);
}

static syl_status run_course(run *r, syl_error *err)
{
    const syl_bpv_train_options *o = r->o;
    syl_course_task task = {.user = r,
                            .blocks = r->tables.blocks,
                            .num_blocks = r->tables.num_blocks,
                            .identity = r->identity,
                            .begin = begin,
                            .round = one_round,
                            .blame = blame,
                            .exchange = exchange,
                            .gather = gather};
    syl_course_options course = {.epochs = o->epochs,
                                 .learning_rate = o->learning_rate,
                                 .last_rate = o->last_rate,
                                 .exchange_every = o->exchange_every,
                                 .state = o->state,
                                 .state_seconds = o->state_seconds,
                                 .resume = o->resume,
                                 .ranks = r->ranks,
                                 .progress = o->progress,
                                 .user = o->user};
    if (r->ranks->count > 1) SYL_TRY(syl_bpv_exchange_create(&r->exchange, &r->tables, err));
    return syl_course_run(&task, &course, err);
}

/* Names, and zeros for documents that had nothing to learn from. */
static syl_status keep(run *r, syl_error *err)
{
    const syl_documents *d = r->documents;
    int64_t dim = syl_paragraph_padded(r->o->shape.dim);
    syl_bpv_tables_keep(&r->tables, r->model);
    for (int64_t i = 0; i < d->count; i++) {
        if (d->begin[i] == d->begin[i + 1])
            memset(r->model->documents + i * dim, 0, (size_t)dim * sizeof(float));
        if (!d->names || !d->names[i]) continue;
        r->model->names[i] = strdup(d->names[i]);
        if (!r->model->names[i]) return syl_fail(err, SYL_ENOMEM, "no memory for names");
    }
    return SYL_OK;
}

static void stop(run *r)
{
    syl_ctx_free(r->ctx);
    syl_bpv_exchange_free(r->exchange);
    syl_bpv_batches_free(r->batches);
    syl_subsample_free(&r->subsample);
    syl_bpv_tables_free(&r->tables);
    free(r->loss);
    free(r->identity);
}

syl_status syl_bpv_train(syl_bpv **out, const syl_documents *documents, syl_vocabulary *vocabulary,
                         const syl_text_options *text, const syl_bpv_train_options *options,
                         syl_error *err)
{
    static const syl_ranks alone = {.count = 1};
    run r = {.o = options, .documents = documents};
    r.ranks = options->ranks ? options->ranks : &alone;
    *out = NULL;
    SYL_TRY(syl_bpv_create(&r.model, &options->shape, text, vocabulary, documents->count, err));
    syl_status status = start(&r, err);
    if (status == SYL_OK) status = run_course(&r, err);
    if (status == SYL_OK) status = keep(&r, err);
    stop(&r);
    if (status == SYL_OK)
        *out = r.model;
    else
        syl_bpv_free(r.model);
    return status;
}
