/* sylkit lm perplexity: how well a model predicts a text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/lm_args.h"
#include "lib/base/memory.h"

#define COMMAND "lm perplexity"
#define LOGIT_ROWS 64 /* at a time: vocabularies are wide */

typedef struct arguments {
    syl_lm_args model;
    int window, stride;
    bool json;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_INT(arguments, "window", window, 0, 1 << 24,
                   "tokens that the model sees at a time; 0: its context, at most 1024"),
    SYL_OPTION_INT(arguments, "stride", stride, 0, 1 << 24,
                   "tokens that a window has its own, behind those it sees; 0: half a window"),
    SYL_OPTION_FLAG(arguments, "json", json, "JSON in place of text"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *path, *input;
    syl_lm_session session;
    syl_lm_cache *cache;
    char *text;
    size_t length;
    int32_t *ids; /* [count], and -1 behind them */
    size_t count;
    int64_t scored;
    double loss; /* nats */
} job;

/* Adds the losses of what follows each of the rows of hidden; target -1: none. */
static syl_status add_losses(job *j, syl_mat hidden, const int32_t *target, syl_error *err)
{
    syl_ctx *ctx = j->session.ctx;
    int64_t vocab = syl_lm_shape_of(j->session.lm)->vocab;
    for (int64_t at = 0; at < hidden.rows; at += LOGIT_ROWS) {
        int64_t n = hidden.rows - at < LOGIT_ROWS ? hidden.rows - at : LOGIT_ROWS;
        size_t mark = syl_ctx_mark(ctx);
        syl_mat logits;
        SYL_TRY(syl_ctx_mat(ctx, SYL_F32, n, vocab, &logits, err));
        SYL_TRY(syl_lm_logits(ctx, j->session.lm, syl_mat_rows(hidden, at, n), logits, err));
        j->loss += syl_cross_entropy(ctx, logits, target + at, 1, logits);
        syl_ctx_release(ctx, mark);
        for (int64_t i = 0; i < n; i++)
            j->scored += target[at + i] >= 0;
    }
    return SYL_OK;
}

/* Tokens [begin, end) with an empty past; those that follow `from` and later ones count. */
static syl_status score_window(job *j, size_t begin, size_t from, size_t end, syl_error *err)
{
    int64_t dim = syl_lm_shape_of(j->session.lm)->dim;
    syl_lm_cache_clear(j->cache);
    for (size_t at = begin; at < end; at += SYL_LM_CHUNK) {
        int64_t n = end - at < SYL_LM_CHUNK ? (int64_t)(end - at) : SYL_LM_CHUNK;
        int64_t wanted =
            at + (size_t)n <= from ? 0 : (int64_t)(at + (size_t)n - (from > at ? from : at));
        size_t mark = syl_ctx_mark(j->session.ctx);
        syl_mat hidden;
        SYL_TRY(syl_ctx_mat(j->session.ctx, SYL_F32, wanted, dim, &hidden, err));
        SYL_TRY(syl_lm_session_feed(&j->session, j->cache, j->ids + at, n, hidden, err));
        SYL_TRY(add_losses(j, hidden, j->ids + at + (n - wanted) + 1, err));
        syl_ctx_release(j->session.ctx, mark);
    }
    return SYL_OK;
}

/* Every token but the first is predicted once. The window's last token predicts the first of the
 * next one. */
static syl_status score(job *j, size_t window, size_t stride, syl_error *err)
{
    size_t done = 0; /* tokens that have predicted what follows them */
    while (done + 1 < j->count) {
        size_t end = done == 0 ? window : done + stride;
        if (end > j->count - 1) end = j->count - 1;
        size_t begin = end > window ? end - window : 0;
        SYL_TRY(score_window(j, begin, done, end, err));
        done = end;
    }
    if (isfinite(j->loss)) return SYL_OK;
    return syl_fail(err, SYL_ECOMPUTE, "the loss is not a number; is %s damaged?", j->path);
}

static void print_result(const job *j)
{
    double mean = j->loss / (double)j->scored;
    double bits = j->loss / log(2) / (double)j->length;
    if (j->args.json)
        printf("{\"tokens\": %zu, \"scored\": %lld, \"loss\": %.6f, \"perplexity\": %.6f, "
               "\"bits_per_byte\": %.6f}\n",
               j->count, (long long)j->scored, mean, exp(mean), bits);
    else
        printf("%zu tokens, %lld predicted: %.4f nats each, perplexity %.4f, %.4f bits a byte\n",
               j->count, (long long)j->scored, mean, exp(mean), bits);
}

static syl_status read_ids(job *j, syl_error *err)
{
    int32_t *ids;
    SYL_TRY(syl_lm_read_text(j->input, &j->text, &j->length, err));
    SYL_TRY(syl_bpe_encode(j->session.bpe, j->text, j->length, false, &ids, &j->count, err));
    j->ids = ids;
    if (j->count >= 2) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s has %zu tokens; at least 2 are needed to predict one",
                    syl_lm_text_name(j->input), j->count);
}

static syl_status run(job *j, syl_error *err)
{
    SYL_TRY(syl_lm_session_open(&j->session, &j->args.model, j->path, err));
    int context = syl_lm_shape_of(j->session.lm)->context;
    int window = j->args.window ? j->args.window : context < 1024 ? context : 1024;
    int stride = j->args.stride ? j->args.stride : (window + 1) / 2;
    if (window > context)
        return syl_fail(err, SYL_EINVAL, "--window %d; the model's context holds %d", window,
                        context);
    if (stride > window)
        return syl_fail(err, SYL_EINVAL, "--stride %d is longer than the window of %d", stride,
                        window);
    SYL_TRY(read_ids(j, err));
    SYL_TRY(syl_lm_cache_create(&j->cache, j->session.lm, window, err));
    SYL_TRY(score(j, (size_t)window, (size_t)stride, err));
    print_result(j);
    return SYL_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc < 1 || argc > 2) return syl_usage(COMMAND, "name one MODEL and at most one TEXT");
    j->path = argv[0];
    j->input = argc == 2 ? argv[1] : "-";
    int code = syl_exit_code(run(j, &err), &err);
    free(j->text), free(j->ids);
    syl_lm_cache_free(j->cache);
    syl_lm_session_close(&j->session);
    return code;
}

static const char usage[] = "Usage: sylkit lm perplexity [OPTIONS] MODEL [TEXT]\n"
                            "How well a model predicts the file TEXT, or standard input.";

int syl_cmd_lm_perplexity(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_LM_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_lm_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.model = syl_lm_args_defaults()}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
