#include "embed/bpv_texts.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/io/documents.h"
#include "lib/io/utf8.h"

/* ---- options ------------------------------------------------------------------------- */

static const char *const forwards[] = {"model", "sigmoid", "rounded", NULL};

#define WHOLE(name, field, low, high, help) \
    SYL_OPTION_INT(syl_infer_args, name, field, low, high, help)
#define REAL(name, field, low, high, help) \
    SYL_OPTION_REAL(syl_infer_args, name, field, low, high, help)

static const syl_arg table[] = {
    SYL_OPTION_HEADING("How documents are inferred (as the model was trained to unless given):"),
    WHOLE("passes", passes, -1, 100000, "over a document; -1: the model's"),
    REAL("lr", lr, 1e-9, 1e6, "learning rate of AdaGrad"),
    REAL("dropout", dropout, 0, 0.99, "what was rounded under dropout breaks down without it"),
    SYL_OPTION_CHOICE(syl_infer_args, "forward", forward, forwards,
                      "the sigmoid itself, or rounded, leads to the output"),
    WHOLE("batch", batch, 0, 1000000,
          "documents at a time; 0: 1 for standard input, otherwise 1024"),
    WHOLE("threads", threads, 1, 1024, "the result is the same bits for any number"),
    WHOLE("seed", seed, -1, INT32_MAX, "-1: the model's"),
    SYL_OPTION_TEXT(syl_infer_args, "device", device, "cpu, cuda, cuda:N, auto"),
    SYL_OPTION_FLAG(syl_infer_args, "quiet", quiet, "no progress"),
};
#define COUNT (sizeof table / sizeof *table)
_Static_assert(COUNT + SYL_TEXT_ARGS_MOST <= SYL_INFER_ARGS_MOST, "room for all of them");

syl_infer_args syl_infer_args_defaults(void)
{
    syl_text_options words = syl_text_defaults();
    return (syl_infer_args){.text = syl_text_args_defaults(&words),
                            .passes = -1,
                            .lr = NAN,
                            .dropout = NAN,
                            .threads = 1,
                            .seed = -1,
                            .device = "cpu"};
}

syl_arg *syl_infer_args_table(syl_arg *to, size_t offset)
{
    to = syl_text_args_table(to, SYL_TEXT_ARGS_READER, offset + offsetof(syl_infer_args, text));
    return syl_args_append(to, table, COUNT, offset);
}

syl_bpv_infer_options syl_infer_args_options(const syl_infer_args *a, const syl_bpv *model)
{
    syl_bpv_infer_options o = syl_bpv_infer_defaults(model);
    if (a->passes >= 0) o.passes = a->passes;
    if (!isnan(a->lr)) o.learning_rate = a->lr;
    if (!isnan(a->dropout)) o.dropout = a->dropout;
    if (a->forward) o.sigmoid = a->forward == 1;
    if (a->seed >= 0) o.seed = (uint64_t)a->seed;
    o.threads = a->threads;
    o.device = a->device;
    return o;
}

/* ---- batches ------------------------------------------------------------------------- */

typedef struct batch {
    const syl_bpv *model;
    syl_bpv_infer_options options;
    syl_bpv_info info;
    syl_text_encoder *encoder;
    syl_inferred_sink sink;
    void *user;
    int64_t most, count; /* documents */
    char **names;        /* [most] */
    int64_t *begin;      /* [most + 1] */
    int64_t *lengths;    /* [most] */
    int32_t *items;      /* [begin[count]] */
    size_t items_room;
    uint8_t *codes, *empty;
    float *vectors;
    bool bar; /* progress */
    int64_t done;
    double shown, began; /* seconds */
} batch;

static syl_status start(batch *b, const syl_bpv *model, const syl_infer_args *a, int64_t most,
                        syl_error *err)
{
    *b = (batch){.model = model, .most = most, .began = syl_clock_seconds()};
    b->options = syl_infer_args_options(a, model);
    b->bar = !a->quiet && isatty(STDERR_FILENO);
    b->shown = b->began + 2;
    syl_bpv_get_info(model, &b->info);
    size_t n = (size_t)most;
    b->names = syl_calloc(n, sizeof *b->names);
    b->begin = syl_calloc(n + 1, sizeof *b->begin);
    b->lengths = syl_calloc(n, sizeof *b->lengths);
    b->empty = syl_calloc(n, 1);
    b->codes = syl_calloc(n, (size_t)(b->info.bits + 7) / 8);
    b->vectors = syl_calloc(syl_mul_size(n, (size_t)b->info.dim), sizeof *b->vectors);
    if (!b->names || !b->begin || !b->lengths || !b->empty || !b->codes || !b->vectors)
        return syl_fail_memory(err, syl_mul_size(n, (size_t)b->info.dim * 4),
                               "a batch of documents");
    return syl_text_encoder_create(&b->encoder, &model->text, model->vocabulary, err);
}

static void empty_batch(batch *b)
{
    for (int64_t i = 0; i < b->count; i++)
        free(b->names[i]);
    b->count = 0;
}

static void stop(batch *b)
{
    if (b->bar && b->shown > b->began + 2) fputs("\r\033[K", stderr);
    if (b->names) empty_batch(b);
    syl_text_encoder_free(b->encoder);
    free(b->names);
    free(b->begin);
    free(b->lengths);
    free(b->items);
    free(b->codes);
    free(b->empty);
    free(b->vectors);
}

static void show(batch *b)
{
    double now = syl_clock_seconds();
    if (!b->bar || now - b->shown < 0.2) return;
    b->shown = now;
    fprintf(stderr, "\r\033[K%" PRId64 " documents, %.0f documents/s", b->done,
            (double)b->done / (now - b->began));
    fflush(stderr);
}

static syl_status flush(batch *b, syl_error *err)
{
    if (!b->count) return SYL_OK;
    SYL_TRY(syl_bpv_infer(b->model, b->items, b->begin, b->count, &b->options, b->codes, b->vectors,
                          b->empty, err));
    syl_inferred all = {.count = b->count,
                        .names = b->names,
                        .codes = b->codes,
                        .vectors = b->vectors,
                        .empty = b->empty,
                        .items = b->lengths};
    SYL_TRY(b->sink(b->user, &all, err));
    b->done += b->count;
    show(b);
    empty_batch(b);
    return SYL_OK;
}

static syl_status add(batch *b, const char *name, const char *text, size_t length, syl_error *err)
{
    syl_encoded e;
    SYL_TRY(syl_text_encode(b->encoder, text, length, &e, err));
    size_t used = (size_t)b->begin[b->count], n = (size_t)e.count;
    SYL_TRY(syl_grow((void **)&b->items, &b->items_room, used + n + 1, sizeof *b->items, err));
    if (n) memcpy(b->items + used, e.items, n * sizeof *b->items);
    b->names[b->count] = strdup(name);
    if (!b->names[b->count]) return syl_fail_memory(err, strlen(name) + 1, "a document's name");
    b->lengths[b->count] = e.count;
    b->begin[++b->count] = (int64_t)(used + n);
    return b->count == b->most ? flush(b, err) : SYL_OK;
}

static syl_status read_all(batch *b, const char *const *paths, size_t num_paths,
                           const syl_infer_args *a, syl_error *err)
{
    syl_text_reader_options o = syl_text_args_reader(&a->text);
    syl_text_reader *reader;
    syl_text_document d;
    syl_status status, reading;
    SYL_TRY(syl_text_reader_open(&reader, paths, num_paths, &o, err));
    do {
        reading = status = syl_text_reader_next(reader, &d, err);
        if (status == SYL_OK && d.text) status = add(b, d.name, d.text, d.length, err);
    } while (status == SYL_OK && d.text);
    /* What was read before a text that cannot be read is answered, too. */
    if (status == SYL_OK) status = flush(b, err);
    if (reading != SYL_OK) (void)flush(b, NULL);
    syl_text_reader_close(reader);
    return status;
}

syl_status syl_infer_texts(const syl_bpv *model, const char *const *paths, size_t num_paths,
                           const syl_infer_args *args, syl_inferred_sink sink, void *user,
                           syl_error *err)
{
    batch b;
    bool live = false;
    for (size_t i = 0; i < num_paths; i++)
        live = live || !strcmp(paths[i], "-");
    syl_status status = start(&b, model, args, args->batch ? args->batch : live ? 1 : 1024, err);
    b.sink = sink;
    b.user = user;
    if (status == SYL_OK) status = read_all(&b, paths, num_paths, args, err);
    stop(&b);
    return status;
}

syl_status syl_infer_text(const syl_bpv *model, const char *name, const char *text,
                          const syl_infer_args *args, syl_inferred_sink sink, void *user,
                          syl_error *err)
{
    batch b;
    size_t length = strlen(text);
    if (syl_utf8_valid(text, length) != length)
        return syl_fail(err, SYL_EINVAL, "'%s' is not UTF-8", text);
    syl_status status = start(&b, model, args, 1, err);
    b.sink = sink;
    b.user = user;
    if (status == SYL_OK) status = add(&b, name, text, length, err);
    stop(&b);
    return status;
}
