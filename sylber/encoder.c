#include "sylber/encoder.h"

#include <stdlib.h>

#include "lib/base/memory.h"

syl_status syl_encoder_load(syl_encoder **out, const syl_config *config, syl_params *params,
                            syl_error *err)
{
    const syl_encoder_ops *ops = config->kind == SYL_ENCODER_MEL ? &syl_mel_ops : &syl_hubert_ops;
    syl_encoder *e = syl_calloc(1, ops->encoder_size);
    *out = NULL;
    if (!e) return syl_fail_memory(err, ops->encoder_size, "an encoder");
    *e = (syl_encoder){
        .ops = ops, .config = *config, .compute = params->compute, .device = params->device};
    syl_status status = ops->load(e, params, err);
    if (status == SYL_OK)
        *out = e;
    else
        syl_encoder_free(e);
    return status;
}

void syl_encoder_free(syl_encoder *e)
{
    if (!e) return;
    e->ops->unload(e);
    free(e);
}

syl_status syl_encoding_open(syl_encoding **out, const syl_encoder *encoder,
                             const syl_encoding_options *options, syl_frame_sink sink, void *user,
                             syl_error *err)
{
    syl_encoding *s = syl_calloc(1, encoder->ops->encoding_size);
    *out = NULL;
    if (!s) return syl_fail_memory(err, encoder->ops->encoding_size, "a stream");
    *s = (syl_encoding){.encoder = encoder, .options = *options, .sink = sink, .user = user};
    syl_status status = syl_ctx_create_on(&s->ctx, encoder->device, options->threads, err);
    if (status == SYL_OK) status = encoder->ops->open(s, err);
    if (status == SYL_OK)
        *out = s;
    else
        syl_encoding_close(s);
    return status;
}

void syl_encoding_close(syl_encoding *s)
{
    if (!s) return;
    s->encoder->ops->close(s);
    syl_ctx_free(s->ctx);
    free(s);
}
