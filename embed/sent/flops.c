#include "embed/sent/flops.h"

#include <stdlib.h>

#include "lib/base/memory.h"

const char *const syl_regime_names[] = {"auto",       "text",        "restore", "rollout",
                                        "continuous", "discretized", NULL};
const char *const syl_stop_rule_names[] = {"decoder", "classifier", "fixed", NULL};

syl_trace_sentence *syl_trace_add(syl_trace *trace, syl_error *err)
{
    void *sentences = trace->sentences;
    size_t room = (size_t)trace->room;
    if (syl_grow(&sentences, &room, (size_t)trace->num_sentences + 1, sizeof *trace->sentences,
                 err))
        return NULL;
    trace->sentences = sentences;
    trace->room = (int)room;
    trace->sentences[trace->num_sentences] = (syl_trace_sentence){0};
    return &trace->sentences[trace->num_sentences++];
}

void syl_trace_free(syl_trace *trace)
{
    free(trace->sentences);
    *trace = (syl_trace){0};
}

/* ---- parts ------------------------------------------------------------------------------ */

/* Weights of the products of all layers. */
static double layer_weights(const syl_lm_shape *s)
{
    double dim = s->dim, kv = (double)s->dim * s->kv_heads / s->heads;
    double attention = dim * (2 * dim + 2 * kv);
    double ff = dim * s->ff * (s->kind == SYL_LM_LLAMA ? 3 : 2);
    return s->layers * (attention + ff);
}

double syl_flops_position(const syl_lm_shape *s, double n)
{
    return 2 * layer_weights(s) + 4.0 * s->dim * n * s->layers;
}

double syl_flops_positions(const syl_lm_shape *s, double first, double last)
{
    double count = last - first + 1;
    return count > 0 ? count * syl_flops_position(s, (first + last) / 2) : 0;
}

double syl_flops_head(const syl_lm_shape *s)
{
    return 2.0 * s->dim * s->vocab;
}

double syl_flops_projection(int from, int to)
{
    return 2.0 * syl_sent_projection_width(from, to) * (from + to);
}

double syl_flops_classifier(const syl_sent_config *c)
{
    return 2 * ((double)c->latent.dim * c->stop[0] + (double)c->stop[0] * c->stop[1] + c->stop[1]);
}

/* ---- of a trace ------------------------------------------------------------------------- */

/* A sentence of so many chosen tokens out of a vector at position 1. */
static double decoding(const syl_lm_shape *s, int chosen)
{
    return syl_flops_positions(s, 1, chosen) + chosen * syl_flops_head(s);
}

static double encoding(const syl_sent_config *c, const syl_trace *t)
{
    bool alone = c->embedding == SYL_SENT_SEM; /* each sentence by itself */
    double sum = t->encoded ? syl_flops_positions(&c->encoder, 1, t->question) : 0;
    double at = t->question;
    for (int i = 0; i < t->num_sentences; i++) {
        int read = t->sentences[i].read;
        double first = alone ? 1 : at + 1;
        sum += syl_flops_positions(&c->encoder, first, first + read - 1);
        at += read;
    }
    return sum;
}

double syl_flops_of(const syl_sent_config *c, const syl_trace *t)
{
    if (t->regime == SYL_REGIME_TEXT)
        return syl_flops_positions(&c->decoder, 1, t->question + t->chosen - 1) +
               t->chosen * syl_flops_head(&c->decoder);
    double sum = encoding(c, t);
    for (int i = 0; i < t->num_sentences; i++)
        sum += decoding(&c->decoder, t->sentences[i].chosen);
    if (t->regime != SYL_REGIME_CONTINUOUS && t->regime != SYL_REGIME_DISCRETIZED) return sum;
    sum += syl_flops_positions(&c->latent, 1, t->question + t->fed);
    sum +=
        (t->projected_in + t->projected_out) * syl_flops_projection(c->encoder.dim, c->latent.dim);
    return sum + t->classified * syl_flops_classifier(c);
}

double syl_flops_published(const syl_sent_config *c, const syl_trace *t)
{
    double all = t->regime == SYL_REGIME_TEXT ? t->question - 1 : 0;
    return syl_flops_of(c, t) + all * syl_flops_head(&c->decoder);
}

/* ---- of means --------------------------------------------------------------------------- */

syl_costs syl_flops_means(const syl_sent_config *c, const syl_cost_means *m)
{
    const syl_lm_shape *decoder = &c->decoder;
    double head = syl_flops_head(decoder), first = syl_flops_position(decoder, 1) + head;
    double projection = syl_flops_projection(c->encoder.dim, c->latent.dim);
    double text = m->sentences * (m->tokens + 1);
    double answer = syl_flops_positions(decoder, 1, m->answer) + m->answer * head;
    double latents = syl_flops_positions(&c->latent, 1, m->question + m->sentences - 1) +
                     m->sentences * projection;
    double sentence = syl_flops_positions(decoder, 1, m->tokens) + m->tokens * head;
    syl_costs costs = {
        .cot = syl_flops_positions(decoder, 1, m->question + text) + (text + 1) * head,
        .no_cot = syl_flops_positions(decoder, 1, m->question) +
                  syl_flops_positions(decoder, m->question + 1, m->question + m->answer) +
                  m->answer * head,
        .continuous = latents + m->sentences * first + answer,
        .continuous_classifier = latents + first + answer + m->sentences * syl_flops_classifier(c),
    };
    costs.cot_published = costs.cot + (m->question - 1) * head;
    costs.discretized = costs.continuous + m->sentences * sentence +
                        syl_flops_positions(&c->encoder, 1, m->question + text);
    return costs;
}
