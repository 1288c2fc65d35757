/* What a network in training is made of; for its files. */
#ifndef SYL_EMBED_LM_NET_INNER_H
#define SYL_EMBED_LM_NET_INNER_H

#include "embed/lm/model.h"
#include "embed/lm/net.h"

typedef struct syl_net_norm {
    syl_param *gamma, *beta; /* beta NULL: an RMS norm */
} syl_net_norm;

/* Weights that are multiplied as one, below each other: [out][in], GPT-2's one [in][out]. */
#define SYL_NET_PARTS 3
typedef struct syl_net_product {
    int parts, in, out[SYL_NET_PARTS];
    syl_param *weight[SYL_NET_PARTS];
    syl_param *bias;                                    /* NULL: none */
    syl_param *down[SYL_NET_PARTS], *up[SYL_NET_PARTS]; /* adapters; NULL where there is none */
} syl_net_product;

enum { SYL_NET_QKV, SYL_NET_OUT, SYL_NET_UP, SYL_NET_DOWN, SYL_NET_PRODUCTS };

typedef struct syl_net_layer {
    syl_net_norm norm1, norm2;
    syl_net_product product[SYL_NET_PRODUCTS];
} syl_net_layer;

struct syl_lm_net {
    syl_lm_shape shape;
    syl_lm_net_dropout dropout;
    syl_param_set *set;
    size_t prefix;               /* its length */
    int first, last;             /* its parameters in the set */
    syl_param *wte, *wpe, *head; /* wpe: NULL in a Llama; head: NULL where it is wte */
    double *angle;               /* Llama: [head_dim / 2], of rotary positions */
    syl_net_norm norm;
    syl_net_layer *layers;            /* [shape.layers] */
    const syl_param_set *adapter_set; /* NULL: no adapters */
    float lora_scale, lora_dropout;
};

#endif
