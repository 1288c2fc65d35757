/* sylkit lm embed: a vector for each line of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/lm_args.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/cli/inputs.h"
#include "lib/io/npy.h"

#define COMMAND "lm embed"

enum { LAST, MEAN };
static const char *const pools[] = {"last", "mean", NULL};

typedef struct arguments {
    syl_lm_args model;
    const char *out;
    int pool, batch;
    bool normalise, truncate;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "out", out, "FILE.npy of the vectors, float32 [lines][dim]"),
    SYL_OPTION_CHOICE(arguments, "pool", pool, pools,
                      "the last token's hidden state after the final norm; the mean of all"),
    SYL_OPTION_FLAG(arguments, "normalise", normalise, "to length 1"),
    SYL_OPTION_FLAG(arguments, "truncate", truncate,
                    "of a line longer than the context its beginning; else it is an error"),
    SYL_OPTION_INT(arguments, "batch", batch, 0, SYL_LM_CHUNK,
                   "short lines in one pass; 0: 16, of weights in blocks 1"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *path, *input;
    syl_lm_session session;
    syl_npy_writer writer;
    char *text;
    float *vector, *rows; /* [dim], [SYL_LM_CHUNK][dim] */
    /* Lines that wait for a pass: */
    syl_lm_cache **caches; /* [args.batch], as they are needed */
    int32_t *ids;          /* [SYL_LM_CHUNK] */
    int64_t *begin;        /* [args.batch + 1] */
    int64_t first;         /* number of the first */
    int waiting;
} job;

/* A cache of `count` positions or more: as long as the longest line so far, not as the context. */
static syl_status make_room(job *j, int i, int64_t count, syl_error *err)
{
    int64_t context = syl_lm_shape_of(j->session.lm)->context, room = 2 * count;
    if (j->caches[i]) syl_lm_cache_clear(j->caches[i]);
    if (j->caches[i] && syl_lm_cache_capacity(j->caches[i]) >= count) return SYL_OK;
    syl_lm_cache_free(j->caches[i]);
    j->caches[i] = NULL;
    return syl_lm_cache_create(&j->caches[i], j->session.lm, room < context ? room : context, err);
}

static void add_rows(job *j, const float *rows, int64_t count, int64_t dim)
{
    for (int64_t i = 0; i < count * dim; i++)
        j->vector[i % dim] += rows[i];
}

/* j->vector holds the sum of the wanted rows of a line of `count` tokens. */
static syl_status write_vector(job *j, int64_t count, int64_t line, syl_error *err)
{
    int64_t dim = syl_lm_shape_of(j->session.lm)->dim;
    for (int64_t i = 0; j->args.pool == MEAN && i < dim; i++)
        j->vector[i] /= (float)count;
    if (j->args.normalise) syl_scale_to(j->vector, dim, 1);
    for (int64_t i = 0; i < dim; i++)
        if (!isfinite(j->vector[i]))
            return syl_fail(err, SYL_ECOMPUTE, "%s: the vector of line %lld is not finite",
                            syl_lm_text_name(j->input), (long long)line);
    syl_status status = syl_npy_writer_append(&j->writer, j->vector, 1, err);
    memset(j->vector, 0, (size_t)dim * sizeof *j->vector);
    return status;
}

/* A line that one pass is too short for: part by part. */
static syl_status embed_long(job *j, const int32_t *ids, int64_t count, int64_t line,
                             syl_error *err)
{
    int64_t dim = syl_lm_shape_of(j->session.lm)->dim;
    SYL_TRY(make_room(j, 0, count, err));
    for (int64_t at = 0; at < count; at += SYL_LM_CHUNK) {
        int64_t n = count - at < SYL_LM_CHUNK ? count - at : SYL_LM_CHUNK;
        int64_t wanted = j->args.pool == MEAN ? n : at + n == count;
        syl_mat hidden;
        SYL_TRY(syl_ctx_mat(j->session.ctx, SYL_F32, wanted, dim, &hidden, err));
        SYL_TRY(syl_lm_session_feed(&j->session, j->caches[0], ids + at, n, hidden, err));
        SYL_TRY(syl_download(j->session.ctx, hidden, j->rows, err));
        add_rows(j, j->rows, wanted, dim);
    }
    return write_vector(j, count, line, err);
}

/* The lines that wait, in one pass. */
static syl_status embed_waiting(job *j, syl_error *err)
{
    int64_t dim = syl_lm_shape_of(j->session.lm)->dim;
    int n = j->waiting;
    bool mean = j->args.pool == MEAN;
    syl_mat hidden;
    for (int i = 0; i < n; i++)
        SYL_TRY(make_room(j, i, j->begin[i + 1] - j->begin[i], err));
    SYL_TRY(syl_ctx_mat(j->session.ctx, SYL_F32, mean ? j->begin[n] : n, dim, &hidden, err));
    SYL_TRY(syl_lm_session_feed_batch(&j->session, j->caches, (syl_ragged){n, j->begin}, j->ids,
                                      hidden, err));
    SYL_TRY(syl_download(j->session.ctx, hidden, j->rows, err));
    for (int i = 0; i < n; i++) {
        int64_t count = j->begin[i + 1] - j->begin[i];
        add_rows(j, j->rows + (mean ? j->begin[i] : i) * dim, mean ? count : 1, dim);
        SYL_TRY(write_vector(j, count, j->first + i, err));
    }
    return SYL_OK;
}

static syl_status flush(job *j, syl_error *err)
{
    size_t mark = syl_ctx_mark(j->session.ctx);
    syl_status status = j->waiting ? embed_waiting(j, err) : SYL_OK;
    syl_ctx_release(j->session.ctx, mark);
    j->waiting = 0;
    return status;
}

static syl_status embed_ids(job *j, const int32_t *ids, size_t count, int64_t line, syl_error *err)
{
    int64_t room = syl_lm_shape_of(j->session.lm)->context;
    if (count == 0)
        return syl_fail(err, SYL_EINVAL, "%s: line %lld is empty: there is nothing to embed",
                        syl_lm_text_name(j->input), (long long)line);
    if ((int64_t)count > room && !j->args.truncate)
        return syl_fail(err, SYL_EINVAL,
                        "%s: line %lld has %zu tokens, the model's context %lld; see --truncate",
                        syl_lm_text_name(j->input), (long long)line, count, (long long)room);
    int64_t used = (int64_t)count < room ? (int64_t)count : room;
    if (j->waiting == j->args.batch || j->begin[j->waiting] + used > SYL_LM_CHUNK)
        SYL_TRY(flush(j, err));
    if (used > SYL_LM_CHUNK) {
        size_t mark = syl_ctx_mark(j->session.ctx);
        syl_status status = embed_long(j, ids, used, line, err);
        syl_ctx_release(j->session.ctx, mark);
        return status;
    }
    if (!j->waiting) j->first = line;
    memcpy(j->ids + j->begin[j->waiting], ids, (size_t)used * sizeof *ids);
    j->begin[j->waiting + 1] = j->begin[j->waiting] + used;
    j->waiting++;
    return SYL_OK;
}

static syl_status embed_lines(job *j, const char *text, size_t size, syl_error *err)
{
    syl_lines lines = syl_lines_of(text, size);
    syl_span line;
    while (syl_next_line(&lines, &line)) {
        int32_t *ids;
        size_t count;
        SYL_TRY(syl_bpe_encode(j->session.bpe, line.data, line.size, false, &ids, &count, err));
        syl_status status = embed_ids(j, ids, count, lines.number, err);
        free(ids);
        SYL_TRY(status);
    }
    return flush(j, err);
}

static syl_status take_memory(job *j, syl_error *err)
{
    size_t dim = (size_t)syl_lm_shape_of(j->session.lm)->dim, batch = (size_t)j->args.batch;
    j->vector = syl_calloc(dim, sizeof *j->vector);
    j->rows = syl_calloc(SYL_LM_CHUNK, dim * sizeof *j->rows);
    j->caches = syl_calloc(batch, sizeof(syl_lm_cache *));
    j->ids = syl_calloc(SYL_LM_CHUNK, sizeof *j->ids);
    j->begin = syl_calloc(batch + 1, sizeof *j->begin);
    if (j->vector && j->rows && j->caches && j->ids && j->begin) return SYL_OK;
    return syl_fail_memory(err, dim * SYL_LM_CHUNK * 4, "vectors");
}

static syl_status run(job *j, syl_error *err)
{
    size_t size;
    SYL_TRY(syl_lm_session_open(&j->session, &j->args.model, j->path, err));
    SYL_TRY(syl_lm_read_text(j->input, &j->text, &size, err));
    if (!j->args.batch) j->args.batch = syl_lm_has_blocks(j->session.lm) ? 1 : 16;
    SYL_TRY(take_memory(j, err));
    SYL_TRY(syl_npy_writer_open(&j->writer, j->args.out, syl_lm_shape_of(j->session.lm)->dim, err));
    syl_status status = embed_lines(j, j->text, size, err);
    if (status == SYL_OK) return syl_npy_writer_commit(&j->writer, err);
    syl_npy_writer_discard(&j->writer);
    return status;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc < 1 || argc > 2) return syl_usage(COMMAND, "name one MODEL and at most one TEXT");
    j->path = argv[0];
    j->input = argc == 2 ? argv[1] : "-";
    if (!j->args.out) return syl_usage(COMMAND, "say where to: --out FILE.npy");
    if (syl_same_file(j->args.out, j->input) || syl_output_is_of_model(j->args.out, j->path))
        return syl_usage(COMMAND, "%s would overwrite the input", j->args.out);
    int code = syl_exit_code(run(j, &err), &err);
    free(j->text), free(j->vector), free(j->rows);
    for (int i = 0; j->caches && i < j->args.batch; i++)
        syl_lm_cache_free(j->caches[i]);
    free(j->caches), free(j->ids), free(j->begin);
    syl_lm_session_close(&j->session);
    return code;
}

static const char usage[] = "Usage: sylkit lm embed [OPTIONS] --out FILE.npy MODEL [TEXT]\n"
                            "A vector for each line of the file TEXT, or of standard input.";

int syl_cmd_lm_embed(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_LM_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_lm_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.model = syl_lm_args_defaults()}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
