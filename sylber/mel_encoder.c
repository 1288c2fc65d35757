#include "sylber/mel_encoder.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"

int syl_mel_lookahead(const syl_config *config)
{
    return config->layers * config->mel.right;
}

syl_status syl_mel_load_block(syl_block *b, const syl_config *c, syl_params *p, int i,
                              bool relative, syl_error *err)
{
    char base[64], name[80];
    int64_t bias_shape[] = {c->heads, c->mel.left + c->mel.right + 1, 0};
    snprintf(base, sizeof base, "layers.%d", i);
#define NAME(leaf) (snprintf(name, sizeof name, "%s.%s", base, leaf), name)
    *b = (syl_block){.pre_norm = true,
                     .dim = c->dim,
                     .heads = c->heads,
                     .ff = c->ff,
                     .eps = (float)c->norm_eps,
                     .device = p->device};
    SYL_TRY(syl_params_norm(p, NAME("ln1"), c->dim, &b->norm1, err));
    SYL_TRY(syl_params_norm(p, NAME("ln2"), c->dim, &b->norm2, err));
    SYL_TRY(syl_params_linear(p, NAME("qkv"), 3 * c->dim, c->dim, &b->qkv, err));
    SYL_TRY(syl_params_linear(p, NAME("out"), c->dim, c->dim, &b->out, err));
    SYL_TRY(syl_params_linear(p, NAME("ff1"), c->ff, c->dim, &b->ff1, err));
    SYL_TRY(syl_params_linear(p, NAME("ff2"), c->dim, c->ff, &b->ff2, err));
    if (relative) {
        SYL_TRY(syl_params_take(p, NAME("rel_bias"), bias_shape, &b->rel_bias, err));
        SYL_TRY(syl_params_place(p, &b->rel_bias, bias_shape[0] * bias_shape[1], err));
    }
#undef NAME
    return SYL_OK;
}

syl_status syl_mel_load(syl_encoder *base, syl_params *p, syl_error *err)
{
    syl_mel_encoder *e = (syl_mel_encoder *)base;
    const syl_config *c = &e->base.config;
    /* Padding is the stream's business, so the convolutions have none. */
    syl_conv_shape conv1 = {
        .c_in = c->mel.mels, .c_out = c->dim, .kernel = 3, .stride = 1, .groups = 1};
    syl_conv_shape conv2 = {.c_in = c->dim, .c_out = c->dim, .kernel = 3, .stride = 2, .groups = 1};
    SYL_TRY(syl_params_conv(p, "stem.conv1", conv1, true, &e->conv1, err));
    SYL_TRY(syl_params_conv(p, "stem.conv2", conv2, true, &e->conv2, err));
    SYL_TRY(syl_params_norm(p, "ln", c->dim, &e->norm, err));
    SYL_TRY(syl_params_linear(p, "head", c->mel.out_dim, c->dim, &e->head, err));
    e->block = syl_calloc((size_t)c->layers, sizeof *e->block);
    if (!e->block) return syl_fail_memory(err, (size_t)c->layers * sizeof *e->block, "layers");
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(syl_mel_load_block(&e->block[i], c, p, i, true, err));
    return SYL_OK;
}

void syl_mel_unload(syl_encoder *base)
{
    syl_mel_encoder *e = (syl_mel_encoder *)base;
    syl_weight_free(e->conv1);
    syl_weight_free(e->conv2);
    syl_weight_free(e->head);
    syl_norm_free(&e->norm);
    for (int i = 0; e->block && i < base->config.layers; i++)
        syl_block_free(&e->block[i]);
    free(e->block);
}
