#include "train/sent/begin.h"

#include <string.h>

#include "train/sent/pretrained.h"

#define STOP_FIRST 4 /* the classifier's widths are dim / 4 and dim / 16: 192 and 48 of 768 */
#define STOP_SECOND 16

/* ---- sources --------------------------------------------------------------------------------- */

static bool is_one_of(syl_sent_stage stage, syl_sent_stage low, syl_sent_stage high)
{
    return stage >= low && stage <= high;
}

/* Which models a stage can go on from. */
static bool follows(const syl_sent_beginning *by, syl_sent_stage from)
{
    if (by->stop) return from == SYL_SENT_LATENT;
    if (by->stage == SYL_SENT_LATENT) return is_one_of(from, SYL_SENT_SEM, SYL_SENT_LATENT);
    return from != SYL_SENT_LATENT;
}

static const char *followed(const syl_sent_beginning *by)
{
    if (by->stop) return "latent";
    return by->stage == SYL_SENT_LATENT ? "sem, ctx-b, ctx-c or latent"
                                        : "cot, nocot, sem, ctx-b or ctx-c";
}

static syl_status check_stage(const syl_sent_saved *s, bool good, const char *what,
                              const char *wanted, syl_error *err)
{
    if (good) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s is of stage %s, which cannot be %s; name a model of %s",
                    syl_safetensors_path(s->file), syl_sent_stage_names[s->config.stage], what,
                    wanted);
}

static syl_status check_dim(const syl_sent_saved *s, const syl_sent_saved *from, syl_error *err)
{
    if (s->config.decoder.dim == from->config.decoder.dim) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s is of width %d, --from's model of %d",
                    syl_safetensors_path(s->file), s->config.decoder.dim, from->config.decoder.dim);
}

/* One and the same list of tokens. */
static syl_status check_vocabulary(const syl_sent_saved *s, const syl_sent_saved *from,
                                   syl_error *err)
{
    json_t *one = s->tokenizer->to_json(s->tokenizer);
    json_t *other = from->tokenizer->to_json(from->tokenizer);
    bool same = one && other && json_equal(one, other);
    json_decref(one);
    json_decref(other);
    if (same) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s and %s have different vocabularies",
                    syl_safetensors_path(s->file), syl_safetensors_path(from->file));
}

static syl_status open_other(syl_sent_saved *s, const char *path, const syl_sent_saved *from,
                             syl_error *err)
{
    SYL_TRY(syl_sent_saved_open(s, path, err));
    return check_vocabulary(s, from, err);
}

static syl_status open_all(syl_sent_sources *s, const syl_sent_beginning *by, syl_error *err)
{
    if (!by->from) return SYL_OK;
    s->pretrained = syl_sent_is_pretrained(by->from);
    SYL_TRY(s->pretrained ? syl_sent_pretrained_open(&s->from, by->from, err)
                          : syl_sent_saved_open(&s->from, by->from, err));
    SYL_TRY(check_stage(&s->from, follows(by, s->from.config.stage), "gone on from here",
                        followed(by), err));
    if (by->semantic) {
        SYL_TRY(open_other(&s->semantic, by->semantic, &s->from, err));
        SYL_TRY(check_stage(&s->semantic, s->semantic.config.stage == SYL_SENT_SEM, "--semantic",
                            "sem", err));
        SYL_TRY(check_dim(&s->semantic, &s->from, err));
    }
    if (by->encoder) {
        SYL_TRY(open_other(&s->encoder, by->encoder, &s->from, err));
        SYL_TRY(check_stage(&s->encoder, syl_sent_has_encoder(&s->encoder.config), "--encoder-from",
                            "sem, ctx-b, ctx-c or latent", err));
        SYL_TRY(check_dim(&s->encoder, &s->from, err));
    }
    return by->latent ? open_other(&s->latent, by->latent, &s->from, err) : SYL_OK;
}

syl_status syl_sent_sources_open(syl_sent_sources *out, const syl_sent_beginning *by,
                                 syl_error *err)
{
    memset(out, 0, sizeof *out);
    syl_status status = open_all(out, by, err);
    if (status != SYL_OK) syl_sent_sources_close(out);
    return status;
}

void syl_sent_sources_close(syl_sent_sources *s)
{
    syl_sent_saved_close(&s->from);
    syl_sent_saved_close(&s->semantic);
    syl_sent_saved_close(&s->encoder);
    syl_sent_saved_close(&s->latent);
    syl_sent_tokenizer_free(s->made);
    s->made = NULL;
}

static syl_status add_text(syl_sent_words *words, const char *text, syl_error *err)
{
    return syl_sent_words_add(words, text, strlen(text), err);
}

static syl_status add_sample(syl_sent_words *words, const syl_sent_sample *s, syl_error *err)
{
    SYL_TRY(add_text(words, s->question, err));
    for (int k = 0; k < s->num_sentences; k++)
        SYL_TRY(add_text(words, s->sentences[k], err));
    return SYL_OK;
}

syl_status syl_sent_sources_vocabulary(syl_sent_sources *s, const syl_sent_dataset *const *of,
                                       int count, syl_error *err)
{
    syl_sent_words *words;
    SYL_TRY(syl_sent_words_create(&words, err));
    syl_status status = SYL_OK;
    for (int d = 0; d < count; d++)
        for (size_t i = 0; of[d] && status == SYL_OK && i < of[d]->count; i++)
            status = add_sample(words, &of[d]->samples[i], err);
    if (status == SYL_OK) status = syl_sent_words_finish(words, &s->made, err);
    syl_sent_words_free(words);
    return status;
}

const syl_sent_tokenizer *syl_sent_sources_tokenizer(const syl_sent_sources *s)
{
    return s->from.tokenizer ? s->from.tokenizer : s->made;
}

/* ---- configuration --------------------------------------------------------------------------- */

static syl_sent_config new_config(const syl_sent_beginning *by, const syl_sent_tokenizer *tokenizer)
{
    syl_sent_config c = {
        .stage = by->stage, .marker = by->marker, .decoder = by->shape, .latent_scale = 1};
    c.decoder.vocab = tokenizer->vocab;
    return c;
}

/* From stage cot or an embedding to an embedding: encoder and decoder are one. */
static void embed(syl_sent_config *c, syl_sent_stage stage)
{
    c->stage = c->embedding = c->decoder_embedding = stage;
    c->encoder = c->decoder;
}

static void to_latent(syl_sent_config *c, const syl_sent_beginning *by, const syl_sent_sources *s)
{
    if (c->stage != SYL_SENT_LATENT) c->latent = c->decoder;
    if (s->latent.file) c->latent = s->latent.config.decoder;
    if (s->encoder.file) {
        c->encoder = s->encoder.config.encoder;
        c->embedding = s->encoder.config.embedding;
    }
    c->stage = SYL_SENT_LATENT;
    c->latent_norm = by->latent_norm;
    if (c->latent_norm != SYL_LATENT_SCALE) c->latent_scale = 1;
    c->stop[0] = c->stop[1] = 0; /* it knew other latents */
}

static void to_stop(syl_sent_config *c)
{
    int d = c->latent.dim;
    c->stop[0] = d < STOP_SECOND ? d : d / STOP_FIRST;
    c->stop[1] = d < STOP_SECOND ? d : d / STOP_SECOND;
    if (c->stop[1] < 4) c->stop[1] = 4;
}

static syl_sent_config config_of(const syl_sent_beginning *by, const syl_sent_sources *s)
{
    if (!s->from.file) return new_config(by, s->made);
    syl_sent_config c = s->from.config;
    c.marker = by->marker;
    if (by->stop)
        to_stop(&c);
    else if (by->stage == SYL_SENT_LATENT)
        to_latent(&c, by, s);
    else if (by->stage >= SYL_SENT_SEM)
        embed(&c, by->stage);
    else
        c.stage = by->stage;
    return c;
}

/* ---- values ---------------------------------------------------------------------------------- */

static syl_status load_latent(syl_sent_model *m, const syl_sent_sources *s, syl_error *err)
{
    const syl_safetensors *from = s->from.file, *encoder = s->encoder.file ? s->encoder.file : from;
    bool goes_on = s->from.config.stage == SYL_SENT_LATENT && !s->latent.file;
    SYL_TRY(syl_lm_net_load(m->encoder, encoder, "encoder.", err));
    SYL_TRY(syl_lm_net_load(m->decoder, from, "decoder.", err));
    if (!goes_on)
        return syl_lm_net_load(m->latent, s->latent.file ? s->latent.file : from, "decoder.", err);
    SYL_TRY(syl_lm_net_load(m->latent, from, "latent.", err));
    SYL_TRY(syl_sent_mlp_load(&m->into, from, err));
    return syl_sent_mlp_load(&m->out_of, from, err);
}

static syl_status fill(syl_sent_model *m, const syl_sent_beginning *by, const syl_sent_sources *s,
                       syl_error *err)
{
    float p = by->dropout;
    syl_sent_model_start(m, by->seed);
    syl_lm_net_set_dropout(m->training_stop || m->latent ? m->latent : m->decoder,
                           (syl_lm_net_dropout){p, p, p});
    if (!s->from.file) {
        syl_lm_net_start(m->decoder, by->seed);
        return SYL_OK;
    }
    if (m->latent) return load_latent(m, s, err);
    SYL_TRY(syl_lm_net_load(m->decoder, s->from.file, s->pretrained ? "" : "decoder.", err));
    return m->semantic ? syl_lm_net_load(m->semantic, s->semantic.file, "encoder.", err) : SYL_OK;
}

syl_status syl_sent_begin(syl_sent_model **out, const syl_sent_beginning *by,
                          const syl_sent_sources *s, syl_error *err)
{
    syl_sent_config config = config_of(by, s);
    SYL_TRY(syl_sent_model_create(out, &config, syl_sent_sources_tokenizer(s), &by->lora, err));
    syl_status status = fill(*out, by, s, err);
    if (status == SYL_OK) return SYL_OK;
    syl_sent_model_free(*out);
    *out = NULL;
    return status;
}
