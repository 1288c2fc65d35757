#include "embed/sent/config.h"

#include <string.h>

#include "lib/io/json_fields.h"

#define MAX_STOP 65536

const char *const syl_sent_stage_names[] = {"cot",   "nocot",  "sem", "ctx-b",
                                            "ctx-c", "latent", NULL};
const char *const syl_latent_norm_names[] = {"none", "scale", "rms", NULL};

/* ---- reading ------------------------------------------------------------------------------- */

static int choice(syl_json_fields *r, const char *key, const char *const *names, int missing)
{
    const char *text = syl_json_text(r, key);
    if (r->status != SYL_OK || !text) return missing;
    for (int i = 0; names[i]; i++)
        if (!strcmp(text, names[i])) return i;
    r->status = syl_fail(r->err, SYL_EFORMAT,
                         "%s: configuration key %s is \"%.60s\", which is "
                         "none of its values",
                         r->name, key, text);
    return missing;
}

/* One of the stages that make embeddings. */
static syl_sent_stage embedding(syl_json_fields *r, const char *key, int missing)
{
    int e = choice(r, key, syl_sent_stage_names, missing);
    if (r->status == SYL_OK && (e < SYL_SENT_SEM || e > SYL_SENT_CTX_C))
        r->status = syl_fail(r->err, SYL_EFORMAT,
                             "%s: configuration key %s must be sem, ctx-b or ctx-c", r->name, key);
    return (syl_sent_stage)e;
}

static void shape(syl_json_fields *r, const char *key, syl_lm_shape *out)
{
    const json_t *value = json_object_get(r->root, key);
    if (r->status == SYL_OK) r->status = syl_lm_shape_from_json(out, value, r->name, r->err);
}

static void read_stop(syl_json_fields *r, int stop[2])
{
    if (json_object_get(r->root, "stop")) syl_json_ints(r, "stop", stop, 2, MAX_STOP);
}

static void agree(syl_json_fields *r, const syl_sent_config *c)
{
    if (r->status != SYL_OK || !syl_sent_has_encoder(c)) return;
    if (c->encoder.vocab != c->decoder.vocab || c->encoder.dim != c->decoder.dim ||
        (syl_sent_has_latent(c) && c->latent.vocab != c->decoder.vocab))
        r->status =
            syl_fail(r->err, SYL_EFORMAT,
                     "%s: encoder, latent model and decoder do not fit each other", r->name);
}

syl_status syl_sent_config_from_json(syl_sent_config *c, const json_t *json, const char *name,
                                     syl_error *err)
{
    memset(c, 0, sizeof *c);
    if (!json_is_object(json))
        return syl_fail(err, SYL_EFORMAT, "%s: its configuration is no JSON object", name);
    syl_json_fields r = {.root = json, .name = name, .err = err};
    c->stage = (syl_sent_stage)choice(&r, "stage", syl_sent_stage_names, -1);
    if (r.status == SYL_OK && (int)c->stage < 0)
        return syl_fail(err, SYL_EFORMAT, "%s: configuration key stage is missing", name);
    c->marker = (syl_sent_marker)choice(&r, "marker", syl_sent_marker_names, SYL_SENT_HASHES);
    shape(&r, "decoder", &c->decoder);
    if (r.status == SYL_OK && syl_sent_has_encoder(c)) {
        int missing = syl_sent_has_latent(c) ? -1 : (int)c->stage;
        c->embedding = embedding(&r, "embedding", missing);
        c->decoder_embedding = embedding(&r, "decoder_embedding", (int)c->embedding);
        shape(&r, "encoder", &c->encoder);
    }
    c->latent_scale = 1;
    if (r.status == SYL_OK && syl_sent_has_latent(c)) {
        shape(&r, "latent", &c->latent);
        c->latent_norm = (syl_latent_norm)choice(&r, "latent_norm", syl_latent_norm_names, 0);
        c->latent_scale = syl_json_real(&r, "latent_scale", 1e-9, 1e9, 1);
        read_stop(&r, c->stop);
    }
    agree(&r, c);
    return r.status;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int set(json_t *to, const char *key, json_t *value)
{
    return json_object_set_new(to, key, value);
}

static int set_latent(json_t *to, const syl_sent_config *c)
{
    int failed = set(to, "latent", syl_lm_shape_to_json(&c->latent)) |
                 set(to, "latent_norm", json_string(syl_latent_norm_names[c->latent_norm])) |
                 set(to, "latent_scale", json_real(c->latent_scale));
    if (!c->stop[0]) return failed;
    return failed | set(to, "stop", json_pack("[i, i]", c->stop[0], c->stop[1]));
}

json_t *syl_sent_config_to_json(const syl_sent_config *c)
{
    json_t *to = json_object();
    int failed = set(to, "stage", json_string(syl_sent_stage_names[c->stage])) |
                 set(to, "marker", json_string(syl_sent_marker_names[c->marker])) |
                 set(to, "decoder", syl_lm_shape_to_json(&c->decoder));
    if (syl_sent_has_encoder(c))
        failed |=
            set(to, "embedding", json_string(syl_sent_stage_names[c->embedding])) |
            set(to, "decoder_embedding", json_string(syl_sent_stage_names[c->decoder_embedding])) |
            set(to, "encoder", syl_lm_shape_to_json(&c->encoder));
    if (syl_sent_has_latent(c)) failed |= set_latent(to, c);
    if (!failed) return to;
    json_decref(to);
    return NULL;
}
