/* Times steps of training (forward, cross-entropy of every next token, backward, AdamW) of GPT-2
 * with 124 million parameters, random ones, over random tokens:
 * bench_lm_training BATCH LENGTH THREADS f32|bf16 STEPS. Prints one JSON line with the median after
 * one step that is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/net.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "tests/bench/timing.h"

#define MAX_BATCH 64
#define MAX_LENGTH 1024
#define MAX_STEPS 1000

typedef struct bench {
    syl_param_set set;
    syl_lm_net *net;
    syl_ctx *ctx;
    syl_tape *tape;
    syl_optimizer optimizer;
    int64_t begin[MAX_BATCH + 1];
    int32_t *ids, *targets; /* [batch length] */
    int batch;
    syl_dtype compute;
} bench;

static syl_status make(bench *b, int length, syl_error *err)
{
    static const syl_lm_shape small = {.kind = SYL_LM_GPT2,
                                       .vocab = 50257,
                                       .dim = 768,
                                       .layers = 12,
                                       .heads = 12,
                                       .kv_heads = 12,
                                       .ff = 3072,
                                       .context = 1024,
                                       .eps = 1e-5f,
                                       .tied = true};
    syl_random random = {.seed = 1};
    SYL_TRY(syl_lm_net_create(&b->net, &small, &b->set, "", err));
    SYL_TRY(syl_param_set_finish(&b->set, err));
    syl_lm_net_start(b->net, 1);
    size_t n = (size_t)(b->batch * length);
    b->ids = syl_calloc(n, sizeof *b->ids);
    b->targets = syl_calloc(n, sizeof *b->targets);
    if (!b->ids || !b->targets) return syl_fail_memory(err, 8 * n, "tokens");
    for (size_t i = 0; i < n; i++) {
        b->ids[i] = (int32_t)syl_random_below(&random, (uint32_t)small.vocab);
        b->targets[i] = (int32_t)syl_random_below(&random, (uint32_t)small.vocab);
    }
    for (int i = 0; i < b->batch; i++)
        b->begin[i + 1] = b->begin[i] + length;
    return syl_optimizer_start(&b->optimizer, &b->set, err);
}

static syl_status step(void *at, syl_error *err)
{
    bench *b = at;
    syl_var *hidden, *logits;
    double loss, norm;
    syl_lm_net_input in = {.sequences = {b->batch, b->begin}, .ids = b->ids};
    syl_param_set_zero_grads(b->ctx, &b->set);
    syl_tape_clear(b->tape, (syl_tape_options){.compute = b->compute, .training = true});
    SYL_TRY(syl_lm_net_forward(b->net, b->tape, &in, &hidden, NULL, err));
    SYL_TRY(syl_lm_net_logits(b->net, b->tape, hidden, &logits, err));
    SYL_TRY(syl_loss_cross_entropy(b->tape, logits, b->targets, 1 / (float)b->begin[b->batch],
                                   &loss, err));
    SYL_TRY(syl_tape_backward(b->tape, err));
    syl_optimizer_update(b->ctx, &b->optimizer, &b->set, 1, &norm);
    return SYL_OK;
}

static void bench_free(bench *b)
{
    syl_optimizer_free(&b->optimizer);
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_lm_net_free(b->net);
    syl_param_set_free(&b->set);
    free(b->ids);
    free(b->targets);
}

int main(int argc, char **argv)
{
    double median;
    syl_error err;
    if (argc != 6) {
        fputs("usage: bench_lm_training BATCH LENGTH THREADS f32|bf16 STEPS\n", stderr);
        return 2;
    }
    int length = atoi(argv[2]), steps = atoi(argv[5]);
    bench b = {.batch = atoi(argv[1]),
               .compute = strcmp(argv[4], "bf16") ? SYL_F32 : SYL_BF16,
               .optimizer = {.adamw = {.lr = 1e-5f, .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f}}};
    if (b.batch < 1 || b.batch > MAX_BATCH || length < 1 || length > MAX_LENGTH || steps < 1 ||
        steps > MAX_STEPS)
        return 2;
    syl_status status = syl_ctx_create(&b.ctx, atoi(argv[3]), &err);
    if (status == SYL_OK) status = syl_tape_create(&b.tape, b.ctx, &err);
    if (status == SYL_OK) status = make(&b, length, &err);
    if (status == SYL_OK) status = timing_steps(step, &b, steps, &median, &err);
    if (status == SYL_OK)
        printf("{\"median_s\": %.6f, \"tokens_per_second\": %.2f, \"steps\": %d}\n", median,
               (double)b.begin[b.batch] / median, steps);
    else
        fprintf(stderr, "bench_lm_training: %s\n", err.message);
    bench_free(&b);
    return status != SYL_OK;
}
