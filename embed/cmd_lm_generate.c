/* sylkit lm generate: goes on with a text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/lm_args.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/io/number.h"

#define COMMAND "lm generate"

typedef struct arguments {
    syl_lm_args model;
    const char *prompt;
    int max_tokens, top_k, context;
    double temperature, top_p;
    const char *seed;
    bool special, ignore_end, with_prompt, stats;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "prompt", prompt, "TEXT to go on with; else standard input"),
    SYL_OPTION_INT(arguments, "max-tokens", max_tokens, 0, 1 << 24, "after the prompt, at most"),
    SYL_OPTION_REAL(arguments, "temperature", temperature, 0, 1000,
                    "of the choice; 0: the most probable token"),
    SYL_OPTION_INT(arguments, "top-k", top_k, 0, 1 << 24,
                   "among the K most probable tokens; 0: all"),
    SYL_OPTION_REAL(arguments, "top-p", top_p, 0, 1,
                    "among the fewest whose probability reaches P; 1: all"),
    SYL_OPTION_TEXT(arguments, "seed", seed, "NUMBER of the random choice"),
    SYL_OPTION_INT(arguments, "context", context, 0, 1 << 24,
                   "positions there is room for; 0: the prompt, --max-tokens, and no more"),
    SYL_OPTION_FLAG(arguments, "special", special,
                    "special tokens, as <|im_start|>, are read in the prompt and printed"),
    SYL_OPTION_FLAG(arguments, "ignore-end", ignore_end, "the token of the end does not end it"),
    SYL_OPTION_FLAG(arguments, "with-prompt", with_prompt, "the prompt is printed before it"),
    SYL_OPTION_FLAG(arguments, "stats", stats, "tokens a second on standard error"),
};
#define NUM_OWN (sizeof own / sizeof *own)

/* How long something took: by the clock, and of all processors together. */
typedef struct stretch {
    double seconds, processors;
} stretch;

typedef struct job {
    arguments args;
    const char *path;
    int64_t seed;
    syl_lm_session session;
    syl_lm_cache *cache;
    syl_lm_sampler *sampler;
    char *text; /* the prompt, from standard input */
    size_t length;
    int32_t *ids; /* [count] of the prompt */
    size_t count;
    float *logits; /* [vocab] */
    stretch prefill, decode;
    int made;
} job;

/* ---- the prompt ------------------------------------------------------------------------------ */

/* A token that begins a text stands before it where the model's file says so, or where there is no
 * text. */
static syl_status begin_with(job *j, syl_error *err)
{
    syl_bpe_info info = syl_bpe_get_info(j->session.bpe);
    if (!info.add_begin && j->count > 0) return SYL_OK;
    if (info.begin < 0 && j->count == 0)
        return syl_fail(err, SYL_EINVAL, "the prompt is empty, and %s has no token to begin with",
                        j->path);
    if (info.begin < 0) return SYL_OK;
    int32_t *longer = syl_calloc(j->count + 1, sizeof *longer);
    if (!longer) return syl_fail_memory(err, (j->count + 1) * sizeof *longer, "a prompt");
    if (j->count) memcpy(longer + 1, j->ids, j->count * sizeof *longer);
    longer[0] = info.begin;
    free(j->ids);
    j->ids = longer;
    j->count++;
    return SYL_OK;
}

static syl_status read_prompt(job *j, syl_error *err)
{
    const char *text = j->args.prompt;
    j->length = text ? strlen(text) : 0;
    if (!text) {
        SYL_TRY(syl_lm_read_text("-", &j->text, &j->length, err));
        text = j->text;
    }
    SYL_TRY(
        syl_bpe_encode(j->session.bpe, text, j->length, j->args.special, &j->ids, &j->count, err));
    if (j->args.with_prompt) fwrite(text, 1, j->length, stdout);
    return begin_with(j, err);
}

static syl_status make_room(job *j, syl_error *err)
{
    const syl_lm_shape *s = syl_lm_shape_of(j->session.lm);
    int64_t room = j->args.context ? j->args.context : s->context;
    if (room > s->context)
        return syl_fail(err, SYL_EINVAL, "--context %d; the model's holds %d", j->args.context,
                        s->context);
    if ((int64_t)j->count > room)
        return syl_fail(err, SYL_EINVAL,
                        "the prompt has %zu tokens, the context holds %lld; shorten it", j->count,
                        (long long)room);
    if (!j->args.context && (int64_t)j->count + j->args.max_tokens < room)
        room = (int64_t)j->count + j->args.max_tokens;
    j->logits = syl_calloc((size_t)s->vocab, sizeof *j->logits);
    if (!j->logits) return syl_fail_memory(err, (size_t)s->vocab * 4, "logits");
    return syl_lm_cache_create(&j->cache, j->session.lm, room, err);
}

/* ---- the text -------------------------------------------------------------------------------- */

/* The logits behind the next ids. */
static syl_status look_ahead(job *j, const int32_t *ids, int64_t count, syl_error *err)
{
    const syl_lm_shape *s = syl_lm_shape_of(j->session.lm);
    syl_ctx *ctx = j->session.ctx;
    syl_mat hidden, logits;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, s->dim, &hidden, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, s->vocab, &logits, err));
    for (; count > SYL_LM_CHUNK; ids += SYL_LM_CHUNK, count -= SYL_LM_CHUNK)
        SYL_TRY(syl_lm_session_feed(&j->session, j->cache, ids, SYL_LM_CHUNK,
                                    syl_mat_rows(hidden, 0, 0), err));
    SYL_TRY(syl_lm_session_feed(&j->session, j->cache, ids, count, hidden, err));
    SYL_TRY(syl_lm_logits(ctx, j->session.lm, hidden, logits, err));
    return syl_download(ctx, logits, j->logits, err);
}

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static syl_status step(job *j, const int32_t *ids, int64_t count, stretch *time, int32_t *next,
                       syl_error *err)
{
    double begin = syl_clock_seconds(), busy = processor_seconds();
    size_t mark = syl_ctx_mark(j->session.ctx);
    syl_status status = look_ahead(j, ids, count, err);
    syl_ctx_release(j->session.ctx, mark);
    if (status == SYL_OK) status = syl_lm_sample(j->sampler, j->logits, next, err);
    time->seconds += syl_clock_seconds() - begin;
    time->processors += processor_seconds() - busy;
    return status;
}

/* Its bytes as they are: a character may be made of several tokens. */
static syl_status print_token(const job *j, int32_t id, syl_error *err)
{
    syl_span bytes = syl_bpe_token(j->session.bpe, id);
    if (syl_bpe_special(j->session.bpe, id) && !j->args.special) return SYL_OK;
    fwrite(bytes.data, 1, bytes.size, stdout);
    if (fflush(stdout) == 0) return SYL_OK;
    syl_note_stdout_failure();
    return syl_fail(err, SYL_ECANCELLED, "standard output is closed");
}

static syl_status generate(job *j, syl_error *err)
{
    int32_t id, end = syl_bpe_get_info(j->session.bpe).end;
    if (j->args.max_tokens == 0) return SYL_OK;
    SYL_TRY(step(j, j->ids, (int64_t)j->count, &j->prefill, &id, err));
    for (;;) {
        if (id == end && !j->args.ignore_end) return SYL_OK;
        j->made++;
        SYL_TRY(print_token(j, id, err));
        if (j->made == j->args.max_tokens) return SYL_OK;
        if (syl_lm_cache_length(j->cache) == syl_lm_cache_capacity(j->cache)) {
            fprintf(stderr, "sylkit: the context of %lld positions is full\n",
                    (long long)syl_lm_cache_capacity(j->cache));
            return SYL_OK;
        }
        SYL_TRY(step(j, &id, 1, &j->decode, &id, err));
    }
}

static void print_stretch(const char *what, const stretch *t, double tokens)
{
    fprintf(stderr, "%s: %.0f tokens, %.3f s, %.1f tokens/s, %.3f s of processors\n", what, tokens,
            t->seconds, t->seconds > 0 ? tokens / t->seconds : 0, t->processors);
}

static void print_stats(const job *j)
{
    fputc('\n', stderr);
    print_stretch("prompt", &j->prefill, (double)j->count);
    print_stretch("behind it", &j->decode, j->made - 1);
}

/* ---- the command ----------------------------------------------------------------------------- */

static syl_status run(job *j, syl_error *err)
{
    syl_lm_sampling sampling = {.temperature = j->args.temperature,
                                .top_k = j->args.top_k,
                                .top_p = j->args.top_p,
                                .seed = (uint64_t)j->seed};
    SYL_TRY(syl_lm_session_open(&j->session, &j->args.model, j->path, err));
    SYL_TRY(
        syl_lm_sampler_create(&j->sampler, &sampling, syl_lm_shape_of(j->session.lm)->vocab, err));
    SYL_TRY(read_prompt(j, err));
    SYL_TRY(make_room(j, err));
    return generate(j, err);
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc != 1) return syl_usage(COMMAND, "name one MODEL");
    j->path = argv[0];
    if (!syl_parse_count((syl_span){j->args.seed, strlen(j->args.seed)}, &j->seed))
        return syl_usage(COMMAND, "--seed %s is no whole number from 0 to 2^63 - 1", j->args.seed);
    int code = syl_exit_code(run(j, &err), &err);
    if (code == SYL_EXIT_OK && j->args.stats && j->made) print_stats(j);
    free(j->text), free(j->ids), free(j->logits);
    syl_lm_cache_free(j->cache);
    syl_lm_sampler_free(j->sampler);
    syl_lm_session_close(&j->session);
    return code;
}

static const char usage[] =
    "Usage: sylkit lm generate [OPTIONS] MODEL\n"
    "Goes on with a text. MODEL: a GGUF file, or a folder with config.json,\n"
    "model.safetensors and tokenizer.json.";

int syl_cmd_lm_generate(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_LM_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_lm_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.model = syl_lm_args_defaults(), .max_tokens = 128, .top_p = 1, .seed = "1"}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
