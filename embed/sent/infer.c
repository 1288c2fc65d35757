#include "embed/sent/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/io/utf8.h"

/* One question on its way. */
typedef struct run {
    syl_worker *w;
    const syl_reasoner *model;
    const syl_infer_options *by;
    syl_inference *out;
    syl_random random; /* of noise */
    syl_sent_ids question;
    bool cut;                     /* the chain reached its limit before the classifier ended it */
    size_t room;                  /* of out->sentences */
    float *y, *prefix, *in, *fed; /* latent; what is decoded; the encoder's; what is fed */
    syl_said before;              /* the sentence before the last one, discretized */
} run;

syl_infer_options syl_infer_defaults(void)
{
    return (syl_infer_options){
        .regime = SYL_REGIME_AUTO,
        .stop = SYL_STOP_DECODER,
        .max_sentences = 20,
        .max_tokens = 100,
        .latent_norm = -1,
        .noise = {.probability = 0.5, .seed = 1},
    };
}

void syl_inference_free(syl_inference *i)
{
    for (int k = 0; k < i->num_sentences; k++)
        free(i->sentences[k]);
    free(i->sentences);
    syl_trace_free(&i->trace);
    *i = (syl_inference){0};
}

/* ---- options ---------------------------------------------------------------------------- */

static syl_regime usual_regime(const syl_sent_config *c)
{
    if (syl_sent_has_latent(c)) return SYL_REGIME_CONTINUOUS;
    if (c->stage == SYL_SENT_SEM) return SYL_REGIME_RESTORE;
    return syl_sent_has_encoder(c) ? SYL_REGIME_ROLLOUT : SYL_REGIME_TEXT;
}

static bool can(const syl_sent_config *c, syl_regime regime)
{
    bool semantic = c->embedding == SYL_SENT_SEM;
    switch (regime) {
    case SYL_REGIME_TEXT:
        return !syl_sent_has_encoder(c);
    case SYL_REGIME_RESTORE:
        return syl_sent_has_encoder(c) && semantic && c->decoder_embedding == SYL_SENT_SEM;
    case SYL_REGIME_ROLLOUT:
        return syl_sent_has_encoder(c) && !semantic;
    default:
        return syl_sent_has_latent(c);
    }
}

/* Options that would change nothing are refused: a table of results must not name them. */
static syl_status check_effect(const syl_infer_options *o, syl_error *err)
{
    bool discretized = o->regime == SYL_REGIME_DISCRETIZED;
    bool chain = discretized || o->regime == SYL_REGIME_CONTINUOUS;
    syl_noise_place place = o->noise.place;
    if ((place == SYL_NOISE_INPUT && !discretized) || (place == SYL_NOISE_LATENT && !chain) ||
        (place == SYL_NOISE_OUTPUT && o->regime == SYL_REGIME_TEXT))
        return syl_fail(err, SYL_EINVAL,
                        "noise on the %s has no effect on a model that runs as %s: it is for %s",
                        syl_noise_place_names[place], syl_regime_names[o->regime],
                        place == SYL_NOISE_INPUT    ? "discretized"
                        : place == SYL_NOISE_LATENT ? "continuous and discretized"
                                                    : "all but text");
    if (!chain && (o->stop != SYL_STOP_DECODER || o->latent_norm >= 0 || o->latent_scale > 0))
        return syl_fail(err, SYL_EINVAL,
                        "how a chain of latents ends, and what is fed back, has no effect on a "
                        "model that runs as %s",
                        syl_regime_names[o->regime]);
    return SYL_OK;
}

syl_status syl_infer_check(const syl_reasoner *model, syl_infer_options *o, syl_error *err)
{
    const syl_sent_config *c = &model->config;
    if (o->regime == SYL_REGIME_AUTO) o->regime = usual_regime(c);
    if (!can(c, o->regime))
        return syl_fail(err, SYL_EINVAL, "a model of stage %s cannot run as %s; %s is what it can",
                        syl_sent_stage_names[c->stage], syl_regime_names[o->regime],
                        syl_regime_names[usual_regime(c)]);
    SYL_TRY(check_effect(o, err));
    if (o->stop == SYL_STOP_CLASSIFIER && !model->stop.layers)
        return syl_fail(err, SYL_EINVAL,
                        "the model has no classifier that ends a chain: train one (sylkit sent "
                        "train --stage stop) or stop by the decoder");
    if (o->max_sentences < 1 || o->max_tokens < 1)
        return syl_fail(err, SYL_EINVAL, "%d sentences of %d tokens; at least 1 of 1",
                        o->max_sentences, o->max_tokens);
    if (o->latent_norm < 0) o->latent_norm = (int)c->latent_norm;
    if (o->latent_scale <= 0) o->latent_scale = c->latent_scale;
    return SYL_OK;
}

/* ---- what is said ----------------------------------------------------------------------- */

static syl_status text_of(const run *r, const int32_t *ids, int count, char **text, syl_error *err)
{
    const syl_sent_tokenizer *t = r->model->tokenizer;
    char *raw;
    SYL_TRY(t->decode(t, ids, (size_t)count, &raw, err));
    *text = syl_utf8_clean(raw); /* tokens may be parts of characters */
    free(raw);
    return *text ? SYL_OK : syl_fail_memory(err, 1, "a sentence");
}

static syl_status push(run *r, const syl_said *said, syl_error *err)
{
    void *sentences = r->out->sentences;
    SYL_TRY(syl_grow(&sentences, &r->room, (size_t)r->out->num_sentences + 1,
                     sizeof *r->out->sentences, err));
    r->out->sentences = sentences;
    SYL_TRY(text_of(r, said->ids, said->count, &r->out->sentences[r->out->num_sentences], err));
    r->out->num_sentences++;
    return SYL_OK;
}

/* Whether the sentence that is being said is the answer's; its first token tells. */
static syl_status is_answer(const run *r, const syl_said *said, bool *answer, syl_error *err)
{
    char *text;
    *answer = false;
    if (!said->count) return SYL_OK;
    SYL_TRY(text_of(r, said->ids, 1, &text, err));
    *answer = syl_sent_begins_answer(r->model->config.marker, text);
    free(text);
    return SYL_OK;
}

/* ---- reading ---------------------------------------------------------------------------- */

static syl_status read_question(const run *r, const syl_lm *lm, syl_lm_cache *cache, float *hidden,
                                syl_error *err)
{
    int context = syl_lm_shape_of(lm)->context;
    if (r->question.count > (size_t)syl_lm_cache_capacity(cache))
        return syl_fail(err, SYL_EINVAL, "the question has %zu tokens, the model's context %d",
                        r->question.count, context);
    syl_lm_cache_clear(cache);
    return syl_worker_read(r->w, lm, cache, r->question.data, (int64_t)r->question.count, hidden,
                           err);
}

/* The encoder reads a sentence and its newline. *full: there is no room. */
static syl_status read_sentence(run *r, const syl_said *said, float *hidden, int *read, bool *full,
                                syl_error *err)
{
    syl_worker *w = r->w;
    int64_t left = syl_lm_cache_capacity(w->encoder) - syl_lm_cache_length(w->encoder);
    *full = said->count + 1 > left;
    if (*full) return SYL_OK;
    *read = said->count + 1;
    said->ids[said->count] = r->model->tokenizer->newline; /* syl_worker_begin left room */
    return syl_worker_read(w, r->model->encoder, w->encoder, said->ids, *read, hidden, err);
}

/* ---- token by token --------------------------------------------------------------------- */

/* Takes a chosen token in; *over: the text has ended. */
static syl_status take_token(run *r, syl_said *line, int32_t id, bool *over, syl_error *err)
{
    const syl_sent_tokenizer *t = r->model->tokenizer;
    bool ends = id == t->newline || id == t->eos, answer;
    if (!ends) line->ids[line->count++] = id;
    *over = line->count == line->room;
    if (!ends && !*over) return SYL_OK;
    *over = *over || id == t->eos || !line->count;
    if (!line->count) return SYL_OK;
    SYL_TRY(push(r, line, err));
    SYL_TRY(is_answer(r, line, &answer, err));
    *over = *over || answer || r->out->num_sentences == r->by->max_sentences;
    line->count = 0;
    return SYL_OK;
}

static syl_status run_text(run *r, syl_error *err)
{
    syl_worker *w = r->w;
    const syl_lm *lm = r->model->decoder;
    syl_said line = {.room = r->by->max_tokens};
    line.ids = syl_calloc((size_t)line.room, sizeof *line.ids);
    if (!line.ids) return syl_fail_memory(err, (size_t)line.room * 4, "a sentence");
    syl_status status = read_question(r, lm, w->decoder, r->prefix, err);
    for (bool over = false; !status && !over;) {
        int32_t id = 0;
        status = syl_worker_choose(w, lm, r->prefix, &id, err);
        r->out->trace.chosen++;
        if (!status) status = take_token(r, &line, id, &over, err);
        over = over || syl_lm_cache_length(w->decoder) == syl_lm_cache_capacity(w->decoder);
        if (!status && !over) status = syl_worker_read(w, lm, w->decoder, &id, 1, r->prefix, err);
    }
    syl_said_free(&line);
    return status;
}

/* ---- embeddings ------------------------------------------------------------------------- */

/* Decodes a sentence out of r->prefix; *over: it is the answer's, or empty. */
static syl_status say_whole(run *r, syl_said *said, bool *over, syl_error *err)
{
    bool answer;
    int dim = r->model->config.decoder.dim;
    syl_noise_add(&r->by->noise, SYL_NOISE_OUTPUT, &r->random, r->prefix, dim);
    SYL_TRY(syl_worker_begin(r->w, r->prefix, r->by->max_tokens, said, err));
    SYL_TRY(syl_worker_finish(r->w, said, err));
    SYL_TRY(is_answer(r, said, &answer, err));
    *over = answer || !said->count;
    return SYL_OK;
}

static syl_status roll_out_one(run *r, syl_said *said, bool *over, syl_error *err)
{
    syl_trace_sentence *t = syl_trace_add(&r->out->trace, err);
    if (!t) return SYL_ENOMEM;
    SYL_TRY(say_whole(r, said, over, err));
    t->chosen = said->chosen;
    if (said->count) SYL_TRY(push(r, said, err));
    *over = *over || r->out->num_sentences == r->by->max_sentences;
    return *over ? SYL_OK : read_sentence(r, said, r->prefix, &t->read, over, err);
}

static syl_status run_rollout(run *r, syl_error *err)
{
    r->out->trace.encoded = true;
    syl_status status = read_question(r, r->model->encoder, r->w->encoder, r->prefix, err);
    for (bool over = false; !status && !over;) {
        syl_said said = {0};
        status = roll_out_one(r, &said, &over, err);
        syl_said_free(&said);
    }
    return status;
}

/* Encodes and decodes a sentence of the sample. */
static syl_status restore(run *r, const char *sentence, syl_sent_ids *ids, syl_said *said,
                          syl_error *err)
{
    const syl_sent_tokenizer *t = r->model->tokenizer;
    syl_trace_sentence *trace = syl_trace_add(&r->out->trace, err);
    bool over;
    if (!trace) return SYL_ENOMEM;
    SYL_TRY(t->encode(t, sentence, strlen(sentence), ids, err));
    SYL_TRY(syl_sent_ids_add(ids, t->newline, err));
    if (ids->count > (size_t)syl_lm_cache_capacity(r->w->encoder))
        return syl_fail(err, SYL_EINVAL, "a sentence of %zu tokens does not fit the context",
                        ids->count);
    syl_lm_cache_clear(r->w->encoder);
    SYL_TRY(syl_worker_read(r->w, r->model->encoder, r->w->encoder, ids->data, (int64_t)ids->count,
                            r->prefix, err));
    SYL_TRY(say_whole(r, said, &over, err));
    trace->read = (int)ids->count;
    trace->chosen = said->chosen;
    SYL_TRY(push(r, said, err));
    r->out->restored += !strcmp(r->out->sentences[r->out->num_sentences - 1], sentence);
    return SYL_OK;
}

static syl_status run_restore(run *r, const syl_sent_sample *sample, syl_error *err)
{
    syl_status status = SYL_OK;
    for (int i = 0; !status && i < sample->num_sentences; i++) {
        syl_sent_ids ids = {0};
        syl_said said = {0};
        status = restore(r, sample->sentences[i], &ids, &said, err);
        syl_sent_ids_free(&ids);
        syl_said_free(&said);
    }
    return status;
}

/* ---- latents ---------------------------------------------------------------------------- */

/* A latent as the latent model reads it (syl_latent_norm). own: it is one of its outputs. */
static void normalise(const syl_infer_options *by, bool own, float *x, int dim)
{
    float scale = (float)by->latent_scale;
    if (by->latent_norm == SYL_LATENT_RMS)
        scale /= sqrtf(syl_dot(x, x, dim) / (float)dim + SYL_LATENT_RMS_EPS);
    else if (by->latent_norm == SYL_LATENT_NONE || !own)
        return;
    for (int i = 0; i < dim; i++)
        x[i] *= scale;
}

void syl_infer_feed_back(const syl_infer_options *options, float *y, int dim)
{
    normalise(options, true, y, dim);
}

/* What the discretized chain feeds after a sentence: contextual, the embedding of what stands
 * before the sentence, which predicted it; semantic, the sentence's own. *full: no room. */
static syl_status encode_again(run *r, const syl_said *said, bool *full, syl_error *err)
{
    syl_worker *w = r->w;
    syl_trace *t = &r->out->trace;
    int at = t->num_sentences - 1;
    if (r->model->config.embedding == SYL_SENT_SEM) {
        syl_lm_cache_clear(w->encoder);
        SYL_TRY(read_sentence(r, said, r->in, &t->sentences[at].read, full, err));
    } else if (!t->encoded) {
        t->encoded = true;
        SYL_TRY(read_question(r, r->model->encoder, w->encoder, r->in, err));
    } else {
        SYL_TRY(read_sentence(r, &r->before, r->in, &t->sentences[at - 1].read, full, err));
    }
    if (*full) return SYL_OK;
    syl_noise_add(&r->by->noise, SYL_NOISE_INPUT, &r->random, r->in, r->model->config.encoder.dim);
    t->projected_in++;
    SYL_TRY(syl_worker_mlp(w, &r->model->into, r->in, r->fed, err));
    normalise(r->by, false, r->fed, r->model->config.latent.dim);
    return SYL_OK;
}

/* Feeds the next vector; *over: there is no room for it. */
static syl_status go_on(run *r, const syl_said *said, bool *over, syl_error *err)
{
    syl_worker *w = r->w;
    int dim = r->model->config.latent.dim;
    *over = syl_lm_cache_length(w->latent) == syl_lm_cache_capacity(w->latent);
    if (*over) return SYL_OK;
    if (r->by->regime == SYL_REGIME_DISCRETIZED) {
        SYL_TRY(encode_again(r, said, over, err));
    } else {
        memcpy(r->fed, r->y, (size_t)dim * sizeof *r->fed);
        syl_infer_feed_back(r->by, r->fed, dim);
    }
    if (*over) return SYL_OK;
    r->out->trace.fed++;
    return syl_worker_feed(w, r->model->latent, w->latent, r->fed, r->y, err);
}

/* The beginning of the sentence of the latent r->y. */
static syl_status begin(run *r, syl_said *said, syl_error *err)
{
    SYL_TRY(syl_worker_mlp(r->w, &r->model->out_of, r->y, r->prefix, err));
    syl_noise_add(&r->by->noise, SYL_NOISE_OUTPUT, &r->random, r->prefix,
                  r->model->config.decoder.dim);
    return syl_worker_begin(r->w, r->prefix, r->by->max_tokens, said, err);
}

/* Seconds that a question's own work takes are differences of this. */
static double clock_of(const syl_worker *w)
{
    return syl_clock_seconds() - w->idle;
}

/* Counts as the last one: the rest of the sentence is not part of the chain's cost. */
static syl_status verbalise(run *r, syl_said *said, bool begun, syl_error *err)
{
    double flops = r->w->flops, seconds = clock_of(r->w);
    int64_t calls = r->w->calls;
    if (!begun) SYL_TRY(begin(r, said, err));
    SYL_TRY(syl_worker_finish(r->w, said, err));
    r->out->flops -= r->w->flops - flops;
    r->out->calls -= r->w->calls - calls;
    r->out->seconds -= clock_of(r->w) - seconds;
    return SYL_OK;
}

/* Whether the latent ends the chain; what of its sentence was decoded to know that. */
static syl_status decide(run *r, syl_said *said, bool *begun, bool *last, syl_error *err)
{
    float logit = 0;
    *begun = *last = false;
    if (r->by->stop == SYL_STOP_CLASSIFIER) {
        r->out->trace.classified++;
        SYL_TRY(syl_worker_mlp(r->w, &r->model->stop, r->y, &logit, err));
        *last = logit > 0;
        return SYL_OK;
    }
    *begun = true;
    r->out->trace.projected_out++;
    SYL_TRY(begin(r, said, err));
    if (r->by->stop == SYL_STOP_FIXED) return SYL_OK;
    SYL_TRY(is_answer(r, said, last, err));
    *last = *last || !said->count;
    return SYL_OK;
}

/* Whether what is said counts: a chain of fixed length is searched for its first answer. */
static bool open_still(const run *r)
{
    const syl_inference *out = r->out;
    return r->by->stop != SYL_STOP_FIXED || !out->num_sentences ||
           !syl_sent_begins_answer(r->model->config.marker, out->sentences[out->num_sentences - 1]);
}

/* One latent: what it says as far as that is wanted; *over: it was the last. */
static syl_status think(run *r, syl_said *said, bool *over, syl_error *err)
{
    syl_trace_sentence *t = syl_trace_add(&r->out->trace, err);
    bool begun, last;
    if (!t) return SYL_ENOMEM;
    syl_noise_add(&r->by->noise, SYL_NOISE_LATENT, &r->random, r->y, r->model->config.latent.dim);
    SYL_TRY(decide(r, said, &begun, &last, err));
    bool whole = last || r->by->stop == SYL_STOP_FIXED || r->by->regime == SYL_REGIME_DISCRETIZED;
    if (whole && !begun) {
        r->out->trace.projected_out++;
        SYL_TRY(begin(r, said, err));
    }
    if (whole) SYL_TRY(syl_worker_finish(r->w, said, err));
    t->chosen = said->chosen;
    if (!whole && r->by->verbalise) SYL_TRY(verbalise(r, said, begun, err));
    if ((whole || r->by->verbalise) && said->count && open_still(r)) SYL_TRY(push(r, said, err));
    r->cut = r->by->stop == SYL_STOP_CLASSIFIER && !last;
    *over = last || r->out->trace.num_sentences == r->by->max_sentences;
    return *over ? SYL_OK : go_on(r, said, over, err);
}

static syl_status run_latents(run *r, syl_error *err)
{
    syl_status status = read_question(r, r->model->latent, r->w->latent, r->y, err);
    for (bool over = false; !status && !over;) {
        syl_said said = {0};
        status = think(r, &said, &over, err);
        syl_said_free(&r->before);
        r->before = said;
    }
    return status;
}

/* ---- a question ------------------------------------------------------------------------- */

static syl_status prepare(run *r, const syl_sent_sample *sample, syl_error *err)
{
    const syl_sent_config *c = &r->model->config;
    const syl_sent_tokenizer *t = r->model->tokenizer;
    size_t outer = (size_t)c->decoder.dim,
           inner = syl_sent_has_latent(c) ? (size_t)c->latent.dim : 0;
    r->prefix = syl_calloc(2 * outer + 2 * inner, sizeof *r->prefix);
    if (!r->prefix) return syl_fail_memory(err, outer * sizeof *r->prefix, "vectors");
    r->in = r->prefix + outer;
    r->y = r->in + outer;
    r->fed = r->y + inner;
    SYL_TRY(t->encode(t, sample->question, strlen(sample->question), &r->question, err));
    SYL_TRY(syl_sent_ids_add(&r->question, t->newline, err));
    r->out->trace.question = (int)r->question.count;
    return SYL_OK;
}

static syl_status answer(run *r, const syl_sent_sample *sample, syl_error *err)
{
    switch (r->by->regime) {
    case SYL_REGIME_TEXT:
        return run_text(r, err);
    case SYL_REGIME_RESTORE:
        return run_restore(r, sample, err);
    case SYL_REGIME_ROLLOUT:
        return run_rollout(r, err);
    default:
        return run_latents(r, err);
    }
}

syl_status syl_infer(syl_worker *worker, const syl_infer_options *options,
                     const syl_sent_sample *sample, uint64_t number, syl_inference *out,
                     syl_error *err)
{
    run r = {.w = worker,
             .model = worker->model,
             .by = options,
             .out = out,
             .random = {.seed = options->noise.seed, .stream = number}};
    *out = (syl_inference){.trace = {.regime = options->regime, .stop = options->stop}};
    double flops = worker->flops, seconds = clock_of(worker);
    int64_t calls = worker->calls;
    syl_status status = prepare(&r, sample, err);
    if (!status) status = answer(&r, sample, err);
    out->flops += worker->flops - flops;
    out->seconds += clock_of(worker) - seconds;
    out->calls += worker->calls - calls;
    out->score =
        syl_sent_score_of(sample, worker->model->config.marker, out->sentences, out->num_sentences);
    if (r.cut) out->score.answered = out->score.right = false;
    if (options->regime == SYL_REGIME_RESTORE)
        out->score.right = out->restored == sample->num_sentences;
    syl_sent_ids_free(&r.question);
    syl_said_free(&r.before);
    free(r.prefix);
    if (status) syl_inference_free(out);
    return status;
}
