#include "embed/sent/lens.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/utf8.h"

syl_lens_options syl_lens_defaults(void)
{
    syl_lens_options o = {.infer = syl_infer_defaults()};
    o.infer.max_tokens = 50;
    return o;
}

void syl_lens_free(syl_lens *lens)
{
    for (int i = 0; lens->texts && i < lens->iterations * lens->layers; i++)
        free(lens->texts[i]);
    free(lens->texts);
    *lens = (syl_lens){0};
}

/* ---- looking ---------------------------------------------------------------------------- */

typedef struct look {
    syl_worker *w;
    const syl_reasoner *model;
    const syl_lens_options *by;
    syl_lens *out;
    size_t room;
    float
        *layers; /* [layers][dim of the latent model]: the stream; the last after the final norm */
    float *prefix; /* [dim of the decoder] */
    int dim;
} look;

/* The residual stream of the last of x's rows, into l->layers. */
static syl_status forward(look *l, syl_mat x, syl_error *err)
{
    syl_worker *w = l->w;
    const syl_lm *lm = l->model->latent;
    syl_mat *stream = syl_calloc((size_t)l->out->layers, sizeof *stream), last;
    if (!stream) return syl_fail_memory(err, sizeof *stream, "layers");
    syl_status status = syl_ctx_mat(w->ctx, SYL_F32, 1, l->dim, &last, err);
    for (int i = 0; !status && i < l->out->layers; i++)
        status = syl_ctx_mat(w->ctx, SYL_F32, x.rows, l->dim, &stream[i], err);
    if (!status) status = syl_lm_forward(w->ctx, lm, w->latent, x, last, stream, err);
    for (int i = 0; !status && i < l->out->layers; i++) {
        syl_mat row = syl_mat_rows(stream[i], x.rows - 1, 1);
        bool norm = l->by->final_norm && i + 1 < l->out->layers;
        if (norm) status = syl_lm_final_norm(w->ctx, lm, row, row, err);
        if (i + 1 == l->out->layers) row = last;
        if (!status) status = syl_download(w->ctx, row, l->layers + (size_t)i * l->dim, err);
    }
    free(stream);
    return status;
}

static syl_status read_question(look *l, const syl_sent_ids *ids, syl_error *err)
{
    syl_worker *w = l->w;
    syl_mat x;
    if (ids->count > (size_t)syl_lm_cache_capacity(w->latent))
        return syl_fail(err, SYL_EINVAL, "the question has %zu tokens, the model's context %d",
                        ids->count, l->model->config.latent.context);
    syl_lm_cache_clear(w->latent);
    SYL_TRY(syl_ctx_mat(w->ctx, SYL_F32, (int64_t)ids->count, l->dim, &x, err));
    SYL_TRY(syl_lm_embed(w->ctx, l->model->latent, ids->data, x, err));
    return forward(l, x, err);
}

static syl_status read_latent(look *l, syl_error *err)
{
    float *last = l->layers + (size_t)(l->out->layers - 1) * l->dim;
    syl_mat x;
    syl_infer_feed_back(&l->by->infer, last, l->dim);
    SYL_TRY(syl_ctx_mat(l->w->ctx, SYL_F32, 1, l->dim, &x, err));
    SYL_TRY(syl_upload(l->w->ctx, last, x, err));
    return forward(l, x, err);
}

/* ids NULL: the last output is fed. */
static syl_status step(look *l, const syl_sent_ids *ids, syl_error *err)
{
    size_t mark = syl_ctx_mark(l->w->ctx);
    syl_status status = ids ? read_question(l, ids, err) : read_latent(l, err);
    syl_ctx_release(l->w->ctx, mark);
    return status;
}

/* ---- saying ----------------------------------------------------------------------------- */

static syl_status say(look *l, const float *v, char **text, syl_error *err)
{
    const syl_sent_tokenizer *t = l->model->tokenizer;
    syl_said said = {0};
    char *raw = NULL;
    SYL_TRY(syl_worker_mlp(l->w, &l->model->out_of, v, l->prefix, err));
    syl_status status = syl_worker_begin(l->w, l->prefix, l->by->infer.max_tokens, &said, err);
    if (!status) status = syl_worker_finish(l->w, &said, err);
    if (!status) status = t->decode(t, said.ids, (size_t)said.count, &raw, err);
    *text = raw ? syl_utf8_clean(raw) : NULL;
    if (!status && !*text) status = syl_fail_memory(err, 1, "a sentence");
    free(raw);
    syl_said_free(&said);
    return status;
}

/* All layers of this iteration as text; the last one's is *final. */
static syl_status say_layers(look *l, const char **final, syl_error *err)
{
    syl_lens *out = l->out;
    void *texts = out->texts;
    size_t at = (size_t)out->iterations * (size_t)out->layers;
    SYL_TRY(syl_grow(&texts, &l->room, at + (size_t)out->layers, sizeof *out->texts, err));
    out->texts = texts;
    memset(out->texts + at, 0, (size_t)out->layers * sizeof *out->texts);
    out->iterations++;
    for (int i = 0; i < out->layers; i++)
        SYL_TRY(say(l, l->layers + (size_t)i * l->dim, &out->texts[at + i], err));
    *final = out->texts[at + out->layers - 1];
    return SYL_OK;
}

/* Whether the chain ends with this latent. */
static syl_status is_last(look *l, const char *final, bool *last, syl_error *err)
{
    const syl_infer_options *o = &l->by->infer;
    const float *y = l->layers + (size_t)(l->out->layers - 1) * l->dim;
    float logit = 0;
    *last = l->out->iterations == o->max_sentences ||
            syl_lm_cache_length(l->w->latent) == syl_lm_cache_capacity(l->w->latent);
    if (o->stop == SYL_STOP_FIXED || *last) return SYL_OK;
    if (o->stop == SYL_STOP_CLASSIFIER)
        SYL_TRY(syl_worker_mlp(l->w, &l->model->stop, y, &logit, err));
    else
        logit = !*final || syl_sent_begins_answer(l->model->config.marker, final);
    *last = logit > 0;
    return SYL_OK;
}

static syl_status run(look *l, const syl_sent_sample *sample, syl_sent_ids *ids, syl_error *err)
{
    const syl_sent_tokenizer *t = l->model->tokenizer;
    const char *final;
    bool last = false;
    SYL_TRY(t->encode(t, sample->question, strlen(sample->question), ids, err));
    SYL_TRY(syl_sent_ids_add(ids, t->newline, err));
    for (const syl_sent_ids *from = ids; !last; from = NULL) {
        SYL_TRY(step(l, from, err));
        SYL_TRY(say_layers(l, &final, err));
        SYL_TRY(is_last(l, final, &last, err));
    }
    return SYL_OK;
}

syl_status syl_lens_look(syl_worker *worker, const syl_lens_options *options,
                         const syl_sent_sample *sample, syl_lens *out, syl_error *err)
{
    const syl_sent_config *c = &worker->model->config;
    syl_sent_ids ids = {0};
    *out = (syl_lens){.layers = c->latent.layers};
    if (!syl_sent_has_latent(c))
        return syl_fail(err, SYL_EINVAL, "a model of stage %s has no latent model to look into",
                        syl_sent_stage_names[c->stage]);
    if (c->latent.layers < 1)
        return syl_fail(err, SYL_EINVAL, "the latent model has no layers to look into");
    look l = {.w = worker, .model = worker->model, .by = options, .out = out, .dim = c->latent.dim};
    size_t count = (size_t)c->latent.layers * (size_t)c->latent.dim;
    l.layers = syl_calloc(count + (size_t)c->decoder.dim, sizeof *l.layers);
    if (!l.layers) return syl_fail_memory(err, count * sizeof *l.layers, "layers");
    l.prefix = l.layers + count;
    syl_status status = run(&l, sample, &ids, err);
    syl_sent_ids_free(&ids);
    free(l.layers);
    if (status) syl_lens_free(out);
    return status;
}

/* ---- JSON and pages --------------------------------------------------------------------- */

static json_t *iteration_to_json(const syl_lens *lens, int iteration)
{
    json_t *object = json_object();
    char key[32];
    for (int i = 0; object && i < lens->layers; i++) {
        snprintf(key, sizeof key, "layer_%d", i);
        if (json_object_set_new(object, key,
                                json_string(lens->texts[iteration * lens->layers + i]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *syl_lens_to_json(const syl_lens *lens)
{
    json_t *object = json_object();
    char key[32];
    for (int i = 0; object && i < lens->iterations; i++) {
        snprintf(key, sizeof key, "iteration_%d", i);
        if (json_object_set_new(object, key, iteration_to_json(lens, i))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            fputc(*text, out);
        }
}

void syl_lens_page_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>", out);
    put_escaped(out, title);
    fputs("</title>\n<style>\n"
          "body { font-family: sans-serif; margin: 2em; }\n"
          "table { border-collapse: collapse; margin: 0.5em 0 2em; }\n"
          "th, td { border: 1px solid #bbb; padding: 0.25em 0.6em; text-align: left; }\n"
          "th { background: #eee; font-weight: normal; }\n"
          "tr.final td { font-weight: bold; }\n"
          "</style>\n</head>\n<body>\n",
          out);
}

static void put_row(FILE *out, const syl_lens *lens, int layer)
{
    bool final = layer + 1 == lens->layers;
    fprintf(out, "<tr%s><th>layer %d%s</th>", final ? " class=\"final\"" : "", layer,
            final ? " (final)" : "");
    for (int i = 0; i < lens->iterations; i++) {
        fputs("<td>", out);
        put_escaped(out, lens->texts[i * lens->layers + layer]);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

void syl_lens_page_add(FILE *out, const syl_sent_sample *sample, const syl_lens *lens)
{
    fputs("<h2>", out);
    put_escaped(out, sample->question);
    fputs("</h2>\n<p>Answer: ", out);
    put_escaped(out, sample->answer);
    fputs("</p>\n<table>\n<tr><th></th>", out);
    for (int i = 0; i < lens->iterations; i++)
        fprintf(out, "<th>latent %d</th>", i + 1);
    fputs("</tr>\n", out);
    for (int layer = lens->layers - 1; layer >= 0; layer--)
        put_row(out, lens, layer);
    fputs("</table>\n", out);
}

void syl_lens_page_end(FILE *out)
{
    fputs("</body>\n</html>\n", out);
}
