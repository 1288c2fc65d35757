#include "train/sent/rows.h"

#include "lib/nn/layers.h"

int64_t syl_sent_batch_sentences(const syl_sent_batch *b)
{
    int64_t n = 0;
    for (int i = 0; i < b->count; i++)
        n += b->samples[i]->num_sentences;
    return n;
}

static int64_t tokens_of(const syl_sent_batch *b)
{
    int64_t n = 0;
    for (int i = 0; i < b->count; i++)
        n += b->samples[i]->starts[b->samples[i]->num_sentences];
    return n;
}

/* ---- building ------------------------------------------------------------------------------- */

syl_status syl_sent_rows_create(syl_sent_rows *r, syl_tape *tape, int64_t sequences, int64_t rows,
                                syl_error *err)
{
    *r = (syl_sent_rows){.tape = tape};
    sequences += SYL_SENT_ROWS_STEP;
    rows += SYL_SENT_ROWS_STEP;
    SYL_TRY(syl_tape_alloc(tape, (size_t)(sequences + 1) * sizeof *r->begin, &r->begin, err));
    int32_t **arrays[] = {&r->ids, &r->vector, &r->pick, &r->target};
    for (int i = 0; i < 4; i++)
        SYL_TRY(syl_tape_alloc(tape, (size_t)rows * sizeof(int32_t) + 1, arrays[i], err));
    return SYL_OK;
}

void syl_sent_rows_token(syl_sent_rows *r, int32_t id)
{
    r->ids[r->rows] = id;
    r->vector[r->rows++] = -1;
}

void syl_sent_rows_vector(syl_sent_rows *r, int64_t vector)
{
    r->ids[r->rows] = -1;
    r->vector[r->rows++] = (int32_t)vector;
}

void syl_sent_rows_pick(syl_sent_rows *r, int32_t target)
{
    r->pick[r->picked] = (int32_t)(r->rows - 1);
    r->target[r->picked++] = target;
    r->targets += target >= 0;
}

void syl_sent_rows_end(syl_sent_rows *r)
{
    r->begin[++r->count] = r->rows;
}

static int64_t longest(const syl_sent_rows *r)
{
    int64_t most = 1;
    for (int i = 0; i < r->count; i++)
        if (r->begin[i + 1] - r->begin[i] > most) most = r->begin[i + 1] - r->begin[i];
    return most;
}

void syl_sent_rows_round(syl_sent_rows *r, bool picks)
{
    bool all = r->picked == r->rows;
    int64_t most = longest(r);
    while (r->rows % SYL_SENT_ROWS_STEP) {
        syl_sent_rows_token(r, -1);
        if (picks && all) syl_sent_rows_pick(r, -1);
        if (r->rows % SYL_SENT_ROWS_STEP == 0 || r->rows - r->begin[r->count] == most)
            syl_sent_rows_end(r);
    }
    while (picks && r->picked % SYL_SENT_ROWS_STEP)
        syl_sent_rows_pick(r, -1);
}

/* ---- stages --------------------------------------------------------------------------------- */

static void add_lm(syl_sent_rows *r, const syl_sent_tokens *t, bool steps, bool all, int32_t eos)
{
    int question = t->starts[0], end = t->starts[t->num_sentences];
    int from = steps ? question : t->starts[t->num_sentences - 1]; /* of what is said */
    for (int i = 0; i < end; i++) {
        if (i == question) i = from;
        int next = i + 1 == question ? from : i + 1;
        syl_sent_rows_token(r, t->ids[i]);
        if (all || i + 1 >= question) syl_sent_rows_pick(r, next < end ? t->ids[next] : eos);
    }
    syl_sent_rows_end(r);
}

syl_status syl_sent_rows_lm(syl_sent_rows *r, syl_tape *tape, const syl_sent_batch *b, bool steps,
                            bool all, int32_t eos, syl_error *err)
{
    SYL_TRY(syl_sent_rows_create(r, tape, b->count, tokens_of(b), err));
    for (int i = 0; i < b->count; i++)
        add_lm(r, b->samples[i], steps, all, eos);
    syl_sent_rows_round(r, true);
    return SYL_OK;
}

syl_status syl_sent_rows_contexts(syl_sent_rows *r, syl_tape *tape, const syl_sent_batch *b,
                                  syl_error *err)
{
    SYL_TRY(syl_sent_rows_create(r, tape, b->count, tokens_of(b), err));
    for (int i = 0; i < b->count; i++) {
        const syl_sent_tokens *t = b->samples[i];
        for (int at = 0, k = 0; k < t->num_sentences; k++) {
            for (; at < t->starts[k]; at++)
                syl_sent_rows_token(r, t->ids[at]);
            syl_sent_rows_pick(r, -1);
        }
        syl_sent_rows_end(r);
    }
    syl_sent_rows_round(r, false);
    return SYL_OK;
}

syl_status syl_sent_rows_sentences(syl_sent_rows *r, syl_tape *tape, const syl_sent_batch *b,
                                   syl_error *err)
{
    SYL_TRY(syl_sent_rows_create(r, tape, syl_sent_batch_sentences(b), tokens_of(b), err));
    for (int i = 0; i < b->count; i++) {
        const syl_sent_tokens *t = b->samples[i];
        for (int k = 0; k < t->num_sentences; k++) {
            for (int at = t->starts[k]; at < t->starts[k + 1]; at++)
                syl_sent_rows_token(r, t->ids[at]);
            syl_sent_rows_pick(r, -1);
            syl_sent_rows_end(r);
        }
    }
    syl_sent_rows_round(r, false);
    return SYL_OK;
}

static void add_decoder(syl_sent_rows *r, const int32_t *ids, int n, int64_t latent, int32_t eos)
{
    syl_sent_rows_vector(r, latent);
    for (int i = 0; i < n; i++) {
        syl_sent_rows_pick(r, ids[i]);
        syl_sent_rows_token(r, ids[i]);
    }
    syl_sent_rows_pick(r, eos);
    syl_sent_rows_end(r);
}

syl_status syl_sent_rows_decoder(syl_sent_rows *r, syl_tape *tape, const syl_sent_batch *b,
                                 bool newline, int32_t eos, syl_error *err)
{
    int64_t sentences = syl_sent_batch_sentences(b), latent = 0;
    SYL_TRY(syl_sent_rows_create(r, tape, sentences, tokens_of(b) + sentences, err));
    for (int i = 0; i < b->count; i++) {
        const syl_sent_tokens *t = b->samples[i];
        for (int k = 0; k < t->num_sentences; k++)
            add_decoder(r, t->ids + t->starts[k],
                        t->starts[k + 1] - t->starts[k] - (newline ? 0 : 1), latent++, eos);
    }
    syl_sent_rows_round(r, true);
    return SYL_OK;
}

syl_status syl_sent_rows_latent(syl_sent_rows *r, syl_tape *tape, const syl_sent_batch *b,
                                syl_error *err)
{
    int64_t latent = 0;
    SYL_TRY(
        syl_sent_rows_create(r, tape, b->count, tokens_of(b) + syl_sent_batch_sentences(b), err));
    for (int i = 0; i < b->count; i++) {
        const syl_sent_tokens *t = b->samples[i];
        for (int at = 0; at < t->starts[0]; at++)
            syl_sent_rows_token(r, t->ids[at]);
        for (int k = 0; k < t->num_sentences; k++) {
            syl_sent_rows_pick(r, -1);
            if (k + 1 < t->num_sentences) syl_sent_rows_vector(r, latent + k);
        }
        latent += t->num_sentences;
        syl_sent_rows_end(r);
    }
    syl_sent_rows_round(r, false);
    return SYL_OK;
}

/* ---- running -------------------------------------------------------------------------------- */

/* Whether the rows picked are all there are. */
static bool picks_all(const syl_sent_rows *r)
{
    for (int64_t i = 0; i < r->picked; i++)
        if (r->pick[i] != i) return false;
    return r->picked == r->rows;
}

syl_status syl_sent_rows_run(const syl_sent_rows *r, const syl_lm_net *net, syl_var *vectors,
                             syl_var **out, syl_error *err)
{
    syl_var *hidden;
    syl_lm_net_input in = {.sequences = {r->count, r->begin},
                           .ids = r->ids,
                           .vectors = vectors,
                           .vector_rows = vectors ? r->vector : NULL};
    SYL_TRY(syl_lm_net_forward(net, r->tape, &in, &hidden, NULL, err));
    *out = hidden;
    if (picks_all(r)) return SYL_OK;
    return syl_nn_embedding(r->tape, hidden, r->pick, r->picked, out, err);
}
