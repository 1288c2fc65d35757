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
    int pool;
    bool normalise, truncate;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "out", out, "FILE.npy of the vectors, float32 [lines][dim]"),
    SYL_OPTION_CHOICE(arguments, "pool", pool, pools,
                      "the last token's hidden state after the final norm; the mean of all"),
    SYL_OPTION_FLAG(arguments, "normalise", normalise, "to length 1"),
    SYL_OPTION_FLAG(arguments, "truncate", truncate,
                    "of a line longer than the context its beginning; else it is an error"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *path, *input;
    syl_lm_session session;
    syl_lm_cache *cache;
    syl_npy_writer writer;
    char *text;
    float *vector, *rows; /* [dim], [SYL_LM_CHUNK][dim] */
} job;

/* j->vector = the mean or the last of the hidden states of ids. */
static syl_status pool(job *j, const int32_t *ids, int64_t count, syl_error *err)
{
    int64_t dim = syl_lm_shape_of(j->session.lm)->dim;
    memset(j->vector, 0, (size_t)dim * sizeof *j->vector);
    for (int64_t at = 0; at < count; at += SYL_LM_CHUNK) {
        int64_t n = count - at < SYL_LM_CHUNK ? count - at : SYL_LM_CHUNK;
        int64_t wanted = j->args.pool == MEAN ? n : at + n == count;
        syl_mat hidden;
        SYL_TRY(syl_ctx_mat(j->session.ctx, SYL_F32, wanted, dim, &hidden, err));
        SYL_TRY(syl_lm_session_feed(&j->session, j->cache, ids + at, n, hidden, err));
        SYL_TRY(syl_download(j->session.ctx, hidden, j->rows, err));
        for (int64_t i = 0; i < wanted * dim; i++)
            j->vector[i % dim] += j->rows[i];
    }
    for (int64_t i = 0; j->args.pool == MEAN && i < dim; i++)
        j->vector[i] /= (float)count;
    if (j->args.normalise) syl_scale_to(j->vector, dim, 1);
    return SYL_OK;
}

/* A cache of `count` positions or more: as long as the longest line so far, not as the context. */
static syl_status make_room(job *j, int64_t count, syl_error *err)
{
    int64_t context = syl_lm_shape_of(j->session.lm)->context, room = 2 * count;
    if (j->cache && syl_lm_cache_capacity(j->cache) >= count) return SYL_OK;
    syl_lm_cache_free(j->cache);
    j->cache = NULL;
    return syl_lm_cache_create(&j->cache, j->session.lm, room < context ? room : context, err);
}

static syl_status embed_ids(job *j, const int32_t *ids, size_t count, int64_t line, syl_error *err)
{
    int64_t room = syl_lm_shape_of(j->session.lm)->context;
    if (count == 0)
        return syl_fail(err, SYL_EINVAL, "line %lld is empty: there is nothing to embed",
                        (long long)line);
    if ((int64_t)count > room && !j->args.truncate)
        return syl_fail(err, SYL_EINVAL,
                        "line %lld has %zu tokens, the model's context %lld; see --truncate",
                        (long long)line, count, (long long)room);
    int64_t used = (int64_t)count < room ? (int64_t)count : room;
    size_t mark = syl_ctx_mark(j->session.ctx);
    SYL_TRY(make_room(j, used, err));
    syl_lm_cache_clear(j->cache);
    syl_status status = pool(j, ids, used, err);
    syl_ctx_release(j->session.ctx, mark);
    if (status != SYL_OK) return status;
    for (int i = 0; i < syl_lm_shape_of(j->session.lm)->dim; i++)
        if (!isfinite(j->vector[i]))
            return syl_fail(err, SYL_ECOMPUTE, "the vector of line %lld is not finite",
                            (long long)line);
    return syl_npy_writer_append(&j->writer, j->vector, 1, err);
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
    return SYL_OK;
}

static syl_status run(job *j, syl_error *err)
{
    size_t size;
    SYL_TRY(syl_lm_session_open(&j->session, &j->args.model, j->path, err));
    SYL_TRY(syl_lm_read_text(j->input, &j->text, &size, err));
    size_t dim = (size_t)syl_lm_shape_of(j->session.lm)->dim;
    j->vector = syl_calloc(dim, sizeof *j->vector);
    j->rows = syl_calloc(SYL_LM_CHUNK, dim * sizeof *j->rows);
    if (!j->vector || !j->rows) return syl_fail_memory(err, dim * SYL_LM_CHUNK * 4, "vectors");
    SYL_TRY(syl_npy_writer_open(&j->writer, j->args.out, (int64_t)dim, err));
    syl_status status = embed_lines(j, j->text, size, err);
    if (status == SYL_OK) return syl_npy_writer_commit(&j->writer, err);
    syl_npy_writer_discard(&j->writer);
    return status;
}

static int start(job *j)
{
    syl_error err;
    if (!j->args.out) return syl_usage(COMMAND, "say where to: --out FILE.npy");
    if (syl_same_file(j->args.out, j->input) || syl_output_is_of_model(j->args.out, j->path))
        return syl_usage(COMMAND, "%s would overwrite the input", j->args.out);
    int code = run(j, &err) == SYL_OK ? SYL_EXIT_OK : syl_report(NULL, &err);
    free(j->text), free(j->vector), free(j->rows);
    syl_lm_cache_free(j->cache);
    syl_lm_session_close(&j->session);
    return code;
}

int syl_cmd_lm_embed(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_LM_ARGS_MOST];
    syl_arg *rest = syl_args_append(table, own, NUM_OWN, 0);
    size_t count = (size_t)(syl_lm_args_table(rest, offsetof(arguments, model)) - table);
    job j = {.args = {.model = syl_lm_args_defaults()}, .input = "-"};
    json_t *text = json_array();
    bool help = false;
    int first,
        code = syl_args_parse(COMMAND, table, count, &j.args, argc, argv, text, &help, &first);
    if (code == SYL_EXIT_OK && help) {
        puts("Usage: sylkit lm embed [OPTIONS] --out FILE.npy MODEL [TEXT]\n"
             "A vector for each line of the file TEXT, or of standard input.");
        syl_args_help(table, count, &j.args);
    } else if (code == SYL_EXIT_OK && (argc - first < 1 || argc - first > 2)) {
        code = syl_usage(COMMAND, "name one MODEL and at most one TEXT");
    } else if (code == SYL_EXIT_OK) {
        j.path = argv[first];
        if (argc - first == 2) j.input = argv[first + 1];
        code = start(&j);
    }
    json_decref(text);
    return code;
}
