#include "embed/sent/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/sent/saved.h"
#include "lib/base/memory.h"

#define ROOM 64 /* for a tensor's name */

static void free_mlp(syl_reasoner_mlp *mlp)
{
    for (int i = 0; i < mlp->layers; i++)
        syl_weight_free(mlp->weight[i]);
}

void syl_reasoner_free(syl_reasoner *m)
{
    if (!m) return;
    free_mlp(&m->into);
    free_mlp(&m->out_of);
    free_mlp(&m->stop);
    syl_lm_free(m->latent);
    syl_lm_free(m->encoder);
    syl_lm_free(m->decoder);
    syl_sent_tokenizer_free(m->tokenizer);
    free(m);
}

/* A tensor of that many values, or an error that names it. */
static syl_status find(const syl_safetensors *file, const char *name, int64_t rows, int64_t cols,
                       const syl_st_tensor **out, syl_error *err)
{
    const syl_st_tensor *t = *out = syl_safetensors_find(file, name);
    if (!t)
        return syl_fail(err, SYL_EFORMAT, "%s: there is no tensor %s", syl_safetensors_path(file),
                        name);
    bool fits = cols ? t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols
                     : t->ndim == 1 && t->shape[0] == rows;
    if (fits) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: the shape of %s does not fit the configuration",
                    syl_safetensors_path(file), name);
}

/* Layer i of an MLP, "NAME.2i". */
static syl_status load_layer(syl_reasoner_mlp *mlp, int i, const syl_safetensors *file,
                             const char *name, syl_dtype dtype, syl_device *device, syl_error *err)
{
    const syl_st_tensor *weight, *bias;
    char text[ROOM];
    int in = mlp->width[i], out = mlp->width[i + 1];
    snprintf(text, sizeof text, "%s.%d.weight", name, 2 * i);
    SYL_TRY(find(file, text, out, in, &weight, err));
    snprintf(text, sizeof text, "%s.%d.bias", name, 2 * i);
    SYL_TRY(find(file, text, out, 0, &bias, err));
    float *values = syl_calloc(weight->count + bias->count, sizeof *values);
    if (!values) return syl_fail_memory(err, weight->count * sizeof *values, "a projection");
    syl_st_values(file, weight, values);
    syl_st_values(file, bias, values + weight->count);
    syl_status status = syl_weight_linear(&mlp->weight[i], device, values, values + weight->count,
                                          out, in, dtype, err);
    free(values);
    if (!status) mlp->layers = i + 1;
    return status;
}

/* widths [layers + 1] */
static syl_status load_mlp(syl_reasoner_mlp *mlp, const int *widths, int layers,
                           const syl_safetensors *file, const char *name, syl_dtype dtype,
                           syl_device *device, syl_error *err)
{
    for (int i = 0; i <= layers; i++)
        mlp->width[i] = widths[i];
    for (int i = 0; i < layers; i++)
        SYL_TRY(load_layer(mlp, i, file, name, dtype, device, err));
    return SYL_OK;
}

static syl_status load_latent(syl_reasoner *m, const syl_safetensors *file, syl_dtype dtype,
                              syl_error *err)
{
    const syl_sent_config *c = &m->config;
    int outer = c->encoder.dim, inner = c->latent.dim;
    int between = syl_sent_projection_width(outer, inner);
    const int into[] = {outer, between, inner}, out_of[] = {inner, between, outer};
    const int stop[] = {inner, c->stop[0], c->stop[1], 1};
    SYL_TRY(syl_lm_open(&m->latent, file, "latent.", &c->latent, dtype, m->device, err));
    SYL_TRY(load_mlp(&m->into, into, 2, file, "encoder_to_latent", dtype, m->device, err));
    SYL_TRY(load_mlp(&m->out_of, out_of, 2, file, "latent_to_decoder", dtype, m->device, err));
    if (!c->stop[0]) return SYL_OK;
    return load_mlp(&m->stop, stop, 3, file, "stop", dtype, m->device, err);
}

static syl_status load(syl_reasoner *m, const syl_safetensors *file, syl_dtype dtype,
                       syl_error *err)
{
    const syl_sent_config *c = &m->config;
    SYL_TRY(syl_lm_open(&m->decoder, file, "decoder.", &c->decoder, dtype, m->device, err));
    if (syl_sent_has_encoder(c))
        SYL_TRY(syl_lm_open(&m->encoder, file, "encoder.", &c->encoder, dtype, m->device, err));
    return syl_sent_has_latent(c) ? load_latent(m, file, dtype, err) : SYL_OK;
}

syl_status syl_reasoner_open(syl_reasoner **out, const char *path, syl_dtype dtype,
                             syl_device *device, syl_error *err)
{
    syl_sent_saved saved;
    *out = NULL;
    SYL_TRY(syl_sent_saved_open(&saved, path, err));
    syl_reasoner *m = syl_calloc(1, sizeof *m);
    syl_status status = m ? SYL_OK : syl_fail_memory(err, sizeof *m, "a model");
    if (!status) {
        m->config = saved.config;
        m->tokenizer = saved.tokenizer;
        saved.tokenizer = NULL;
        m->device = device;
        status = load(m, saved.file, dtype, err);
    }
    syl_sent_saved_close(&saved);
    if (status)
        syl_reasoner_free(m);
    else
        *out = m;
    return status;
}
