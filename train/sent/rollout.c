#include "train/sent/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/sent/stages.h"

/* What a model has said to one question so far. */
typedef struct chain {
    const syl_sent_tokens *sample;
    int32_t *ids; /* [length]: question and sentences */
    int length;
    int sentences;  /* that a language model has ended */
    float *latents; /* [num_latents][dim of the latent model], as it read them */
    int num_latents;
    int32_t *said; /* [said_length] sentence that was decoded last */
    int said_length;
    bool ending, done, right; /* ending: the latent that was made last is the answer's */
} chain;

typedef struct rollout {
    const syl_sent_rollout *by;
    chain *chains; /* [count] */
    int count;
    float *vectors, *fed; /* [count][width] what a sentence is decoded from, what is fed back */
    float *rows;          /* [count][width] */
    int32_t *said;        /* [count][max_tokens] */
} rollout;

syl_status syl_sent_marker_token(const syl_sent_config *config, const syl_sent_tokenizer *tokenizer,
                                 int32_t *out, syl_error *err)
{
    const char *text = config->marker == SYL_SENT_HASHES ? "###" : "<<";
    syl_sent_ids ids = {0};
    syl_status status = tokenizer->encode(tokenizer, text, strlen(text), &ids, NULL);
    *out = status == SYL_OK && ids.count > 0 ? ids.data[0] : -1;
    syl_sent_ids_free(&ids);
    return status == SYL_ENOMEM ? syl_fail(err, status, "no memory for a token") : SYL_OK;
}

static bool is_answer(const syl_sent_rollout *by, int32_t first)
{
    return (first == by->marker) == (by->model->config.marker == SYL_SENT_HASHES);
}

static void clear_tape(const syl_sent_rollout *by)
{
    syl_tape_clear(by->tape, (syl_tape_options){.compute = by->compute});
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* The most probable token after each picked row. */
static syl_status most_probable(const syl_sent_rollout *by, const syl_sent_rows *rows,
                                syl_var *vectors, int32_t *ids, syl_error *err)
{
    syl_var *hidden, *logits;
    SYL_TRY(syl_sent_rows_run(rows, by->model->decoder, vectors, &hidden, err));
    SYL_TRY(syl_lm_net_logits(by->model->decoder, by->tape, hidden, &logits, err));
    int64_t n = logits->value.rows, vocab = by->model->tokenizer->vocab;
    float *host = syl_calloc((size_t)(n * logits->value.cols), sizeof *host);
    if (!host) return syl_fail_memory(err, (size_t)(n * vocab) * sizeof *host, "logits");
    syl_status status = syl_download(syl_tape_ctx(by->tape), logits->value, host, err);
    for (int64_t i = 0; i < n; i++) {
        const float *row = host + i * logits->value.cols;
        ids[i] = 0;
        for (int32_t v = 1; v < vocab; v++)
            if (row[v] > row[ids[i]]) ids[i] = v;
    }
    free(host);
    return status;
}

/* One more token of each sentence that `open` names. */
static syl_status decode_token(rollout *r, const syl_sent_mlp *through, int width, const int *open,
                               int n, int32_t *next, syl_error *err)
{
    syl_sent_rows rows;
    syl_var *vectors;
    int64_t room = 0;
    clear_tape(r->by);
    for (int i = 0; i < n; i++)
        room += 1 + r->chains[open[i]].said_length;
    SYL_TRY(syl_sent_rows_create(&rows, r->by->tape, n, room, err));
    for (int i = 0; i < n; i++) {
        const chain *c = &r->chains[open[i]];
        syl_sent_rows_vector(&rows, open[i]);
        for (int t = 0; t < c->said_length; t++)
            syl_sent_rows_token(&rows, c->said[t]);
        syl_sent_rows_pick(&rows, -1);
        syl_sent_rows_end(&rows);
    }
    syl_sent_rows_round(&rows, false);
    SYL_TRY(syl_sent_constant(r->by->tape, r->vectors, r->count, width, &vectors, err));
    if (through) SYL_TRY(syl_sent_mlp_apply(through, r->by->tape, vectors, &vectors, err));
    return most_probable(r->by, &rows, vectors, next, err);
}

/* Decodes a sentence of at most `most` tokens out of each open chain's vector. */
static syl_status decode(rollout *r, const syl_sent_mlp *through, int width, int most,
                         syl_error *err)
{
    const syl_sent_tokenizer *tokenizer = r->by->model->tokenizer;
    bool semantic = r->by->model->config.decoder_embedding == SYL_SENT_SEM;
    int *open = syl_calloc((size_t)r->count, 2 * sizeof *open), n = 0;
    int32_t *next = open + r->count;
    if (!open) return syl_fail_memory(err, (size_t)r->count * 8, "sentences");
    for (int i = 0; i < r->count; i++) {
        r->chains[i].said = r->said + (size_t)i * (size_t)r->by->max_tokens;
        r->chains[i].said_length = 0;
        if (!r->chains[i].done) open[n++] = i;
    }
    syl_status status = SYL_OK;
    for (int t = 0; t < most && n && status == SYL_OK; t++) {
        int left = 0;
        status = decode_token(r, through, width, open, n, next, err);
        for (int i = 0; status == SYL_OK && i < n; i++) {
            chain *c = &r->chains[open[i]];
            if (next[i] == tokenizer->eos) continue;
            c->said[c->said_length++] = next[i];
            if (semantic || next[i] != tokenizer->newline) open[left++] = open[i];
        }
        n = left;
    }
    free(open);
    return status;
}

/* Whether it says sentence k of the sample; newlines at the end do not matter. */
static bool says(const chain *c, const int32_t *ids, int n, int k, int32_t newline)
{
    const syl_sent_tokens *t = c->sample;
    int want = t->starts[k + 1] - t->starts[k];
    while (n > 0 && ids[n - 1] == newline)
        n--;
    return n == want - 1 && !memcmp(ids, t->ids + t->starts[k], (size_t)n * sizeof *ids);
}

/* The chain has ended, with this sentence. */
static void finish(const rollout *r, chain *c, const int32_t *ids, int n)
{
    c->done = true;
    c->right = says(c, ids, n, c->sample->num_sentences - 1, r->by->model->tokenizer->newline);
}

/* ---- language model ---------------------------------------------------------------------------
 */

static syl_status lm_token(rollout *r, const int *open, int n, int32_t *next, syl_error *err)
{
    syl_sent_rows rows;
    int64_t room = 0;
    clear_tape(r->by);
    for (int i = 0; i < n; i++)
        room += r->chains[open[i]].length;
    SYL_TRY(syl_sent_rows_create(&rows, r->by->tape, n, room, err));
    for (int i = 0; i < n; i++) {
        const chain *c = &r->chains[open[i]];
        for (int t = 0; t < c->length; t++)
            syl_sent_rows_token(&rows, c->ids[t]);
        syl_sent_rows_pick(&rows, -1);
        syl_sent_rows_end(&rows);
    }
    syl_sent_rows_round(&rows, false);
    return most_probable(r->by, &rows, NULL, next, err);
}

/* Takes a token in; false once the text has ended. */
static bool lm_append(const rollout *r, chain *c, int32_t id, int room)
{
    int newline = r->by->model->tokenizer->newline, from = c->length;
    int end = c->sample->starts[0] + r->by->max_said;
    if (r->by->max_said > 0 && end < room) room = end;
    bool ends = id == r->by->model->tokenizer->eos;
    if (!ends) c->ids[c->length++] = id;
    if (!ends && c->length < room && c->sentences < r->by->max_sentences) {
        c->sentences += id == newline;
        return true;
    }
    /* What the last line says. */
    from = c->length;
    while (from > c->sample->starts[0] && c->ids[from - 1] == newline)
        from--;
    while (from > c->sample->starts[0] && c->ids[from - 1] != newline)
        from--;
    finish(r, c, c->ids + from, c->length - from);
    return false;
}

static syl_status run_lm(rollout *r, int room, syl_error *err)
{
    int *open = syl_calloc((size_t)r->count, 2 * sizeof *open), n = r->count;
    int32_t *next = open + r->count;
    if (!open) return syl_fail_memory(err, (size_t)r->count * 8, "chains");
    for (int i = 0; i < n; i++)
        open[i] = i;
    syl_status status = SYL_OK;
    while (n && status == SYL_OK) {
        int left = 0;
        status = lm_token(r, open, n, next, err);
        for (int i = 0; status == SYL_OK && i < n; i++)
            if (lm_append(r, &r->chains[open[i]], next[i], room)) open[left++] = open[i];
        n = left;
    }
    free(open);
    return status;
}

/* ---- embeddings --------------------------------------------------------------------------------
 */

static bool is_open(const rollout *r)
{
    for (int i = 0; i < r->count; i++)
        if (!r->chains[i].done) return true;
    return false;
}

/* Tokens and latents of each open chain, whose last row is picked; the latents go to `all`.
 * Returns how many there are. */
static int64_t add_open(const rollout *r, syl_sent_rows *rows, int width, float *all)
{
    int64_t latents = 0;
    for (int i = 0; i < r->count; i++) {
        const chain *c = &r->chains[i];
        if (c->done) continue;
        for (int t = 0; t < c->length; t++)
            syl_sent_rows_token(rows, c->ids[t]);
        memcpy(all + latents * width, c->latents, (size_t)(c->num_latents * width) * sizeof *all);
        for (int k = 0; k < c->num_latents; k++)
            syl_sent_rows_vector(rows, latents++);
        syl_sent_rows_pick(rows, -1);
        syl_sent_rows_end(rows);
    }
    syl_sent_rows_round(rows, false);
    return latents;
}

/* Rows of open chains, in their order, to each one's row of `to` [count][cols]. */
static syl_status keep(rollout *r, syl_mat rows, float *to, syl_error *err)
{
    const float *from = r->rows;
    SYL_TRY(syl_download(syl_tape_ctx(r->by->tape), rows, r->rows, err));
    for (int i = 0; i < r->count; i++) {
        if (r->chains[i].done) continue;
        memcpy(to + i * rows.cols, from, (size_t)rows.cols * sizeof *to);
        from += rows.cols;
    }
    return SYL_OK;
}

/* What `net` says at the end of each open chain: in `vectors`, and in `fed` as the latent model
 * would be fed it. */
static syl_status last_vectors(rollout *r, const syl_lm_net *net, int width, syl_error *err)
{
    syl_sent_rows rows;
    syl_var *out, *fed, *latents = NULL;
    int64_t room = 0, num_latents = 0;
    clear_tape(r->by);
    for (int i = 0; i < r->count; i++) {
        room += r->chains[i].length + r->chains[i].num_latents;
        num_latents += r->chains[i].num_latents;
    }
    SYL_TRY(syl_sent_rows_create(&rows, r->by->tape, r->count, room, err));
    float *all = syl_calloc((size_t)(num_latents * width), sizeof *all);
    if (!all) return syl_fail_memory(err, (size_t)(num_latents * width) * sizeof *all, "latents");
    num_latents = add_open(r, &rows, width, all);
    syl_status status = SYL_OK;
    if (num_latents)
        status = syl_sent_constant(r->by->tape, all, num_latents, width, &latents, err);
    free(all);
    SYL_TRY(status);
    SYL_TRY(syl_sent_rows_run(&rows, net, latents, &out, err));
    SYL_TRY(keep(r, out->value, r->vectors, err));
    if (!syl_sent_has_latent(&r->by->model->config)) return SYL_OK;
    SYL_TRY(syl_sent_latent_norm(r->by->model, r->by->tape, out, true, &fed, err));
    return keep(r, fed->value, r->fed, err);
}

/* Contextual embeddings: each sentence is decoded, read, and gives the next one's vector. */
static syl_status run_contexts(rollout *r, int room, syl_error *err)
{
    int width = r->by->model->config.decoder.dim;
    for (int step = 0; step < r->by->max_sentences && is_open(r); step++) {
        SYL_TRY(last_vectors(r, r->by->model->encoder, width, err));
        SYL_TRY(decode(r, NULL, width, r->by->max_tokens, err));
        for (int i = 0; i < r->count; i++) {
            chain *c = &r->chains[i];
            if (c->done) continue;
            bool ends = !c->said_length || is_answer(r->by, c->said[0]) ||
                        c->length + c->said_length + 1 >= room;
            if (ends) finish(r, c, c->said, c->said_length);
            if (ends) continue;
            memcpy(c->ids + c->length, c->said, (size_t)c->said_length * sizeof *c->ids);
            c->length += c->said_length;
            if (c->ids[c->length - 1] != r->by->model->tokenizer->newline)
                c->ids[c->length++] = r->by->model->tokenizer->newline;
        }
    }
    return SYL_OK;
}

/* Semantic embeddings: every sentence is restored from its vector. */
static syl_status run_sentences(rollout *r, int64_t *right, int64_t *of, syl_error *err)
{
    int most = 0, width = r->by->model->config.decoder.dim;
    for (int i = 0; i < r->count; i++)
        if (r->chains[i].sample->num_sentences > most) most = r->chains[i].sample->num_sentences;
    for (int k = 0; k < most; k++) {
        for (int i = 0; i < r->count; i++) {
            chain *c = &r->chains[i];
            c->done = k >= c->sample->num_sentences;
            if (c->done) continue;
            c->length = c->sample->starts[k + 1] - c->sample->starts[k];
            memcpy(c->ids, c->sample->ids + c->sample->starts[k],
                   (size_t)c->length * sizeof *c->ids);
        }
        SYL_TRY(last_vectors(r, r->by->model->encoder, width, err));
        SYL_TRY(decode(r, NULL, width, r->by->max_tokens, err));
        for (int i = 0; i < r->count; i++) {
            const chain *c = &r->chains[i];
            if (c->done) continue;
            *right += says(c, c->said, c->said_length, k, r->by->model->tokenizer->newline);
            ++*of;
        }
    }
    return SYL_OK;
}

/* ---- latents ------------------------------------------------------------------------------------
 */

/* Continuous: the latent model's output is its next input; a latent whose first token is that of
 * an answer is the last one. */
static syl_status run_latents(rollout *r, syl_error *err)
{
    const syl_sent_model *m = r->by->model;
    int width = m->config.latent.dim;
    for (int step = 1; step <= r->by->max_sentences && is_open(r); step++) {
        bool ending = false;
        SYL_TRY(last_vectors(r, m->latent, width, err));
        SYL_TRY(decode(r, &m->out_of, width, 1, err));
        for (int i = 0; i < r->count; i++) {
            chain *c = &r->chains[i];
            if (c->done) continue;
            c->ending = step == r->by->max_sentences || !c->said_length ||
                        is_answer(r->by, c->said[0]) ||
                        c->length + c->num_latents + 1 >= m->config.latent.context;
            ending = ending || c->ending;
            if (!c->ending)
                memcpy(c->latents + (size_t)c->num_latents++ * (size_t)width, r->fed + i * width,
                       (size_t)width * sizeof(float));
        }
        if (!ending) continue;
        SYL_TRY(decode(r, &m->out_of, width, r->by->max_tokens, err));
        for (int i = 0; i < r->count; i++) {
            chain *c = &r->chains[i];
            if (!c->done && c->ending) finish(r, c, c->said, c->said_length);
        }
    }
    return SYL_OK;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static void release(rollout *r)
{
    for (int i = 0; r->chains && i < r->count; i++) {
        free(r->chains[i].ids);
        free(r->chains[i].latents);
    }
    free(r->chains);
    free(r->vectors);
    free(r->fed);
    free(r->rows);
    free(r->said);
}

static syl_status prepare(rollout *r, const syl_sent_batch *b, int room, int width, syl_error *err)
{
    r->count = b->count;
    r->chains = syl_calloc((size_t)b->count, sizeof *r->chains);
    size_t vectors = (size_t)b->count * (size_t)width;
    r->vectors = syl_calloc(vectors, sizeof *r->vectors);
    r->fed = syl_calloc(vectors, sizeof *r->fed);
    r->rows = syl_calloc(vectors, sizeof *r->rows);
    r->said = syl_calloc((size_t)b->count * (size_t)r->by->max_tokens, sizeof *r->said);
    bool good = r->chains && r->vectors && r->fed && r->rows && r->said;
    for (int i = 0; good && i < b->count; i++) {
        chain *c = &r->chains[i];
        c->sample = b->samples[i];
        c->length = c->sample->starts[0];
        c->ids = syl_calloc((size_t)room + 1, sizeof *c->ids);
        c->latents =
            syl_calloc((size_t)(r->by->max_sentences + 1) * (size_t)width, sizeof *c->latents);
        good = c->ids && c->latents;
        if (good) memcpy(c->ids, c->sample->ids, (size_t)c->length * sizeof *c->ids);
    }
    return good ? SYL_OK : syl_fail(err, SYL_ENOMEM, "no memory for the validation");
}

syl_status syl_sent_rollout_run(const syl_sent_rollout *by, const syl_sent_batch *b, int64_t *right,
                                int64_t *of, syl_error *err)
{
    rollout r = {.by = by};
    const syl_sent_config *c = &by->model->config;
    int room = c->decoder.context, width = c->decoder.dim;
    bool latent = syl_sent_has_latent(c);
    if (latent && c->latent.dim > width) width = c->latent.dim;
    *right = *of = 0;
    syl_status status = prepare(&r, b, room, width, err);
    if (status == SYL_OK && latent)
        status = run_latents(&r, err);
    else if (status == SYL_OK && c->stage == SYL_SENT_SEM)
        status = run_sentences(&r, right, of, err);
    else if (status == SYL_OK && syl_sent_has_encoder(c))
        status = run_contexts(&r, room, err);
    else if (status == SYL_OK)
        status = run_lm(&r, room, err);
    for (int i = 0; status == SYL_OK && c->stage != SYL_SENT_SEM && i < r.count; i++, ++*of)
        *right += r.chains[i].done && r.chains[i].right;
    release(&r);
    return status;
}
