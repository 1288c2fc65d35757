/* Times steps of training (forward, loss, backward, AdamW) of one model over random input:
 * bench_training MODEL BATCH SECONDS THREADS f32|bf16 STEPS [DEVICE]. Prints one JSON line with the
 * median after one step that is not counted; a step on a device is over when the device says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "sylber/model.h"
#include "tests/bench/timing.h"
#include "train/sylber/network.h"

#define MAX_BATCH 64

typedef struct bench {
    syl_network *network;
    syl_device *device; /* NULL: the CPU */
    syl_ctx *ctx;
    syl_tape *tape;
    syl_optimizer optimizer;
    syl_mirror rows_memory, target_memory;
    syl_mat rows, target;
    int64_t begin[MAX_BATCH + 1];
    int batch;
    syl_dtype compute;
} bench;

static syl_status noise(syl_device *device, int64_t rows, int64_t cols, syl_mirror *memory,
                        syl_mat *out, syl_error *err)
{
    syl_random random = {.seed = 1};
    SYL_TRY(syl_mirror_create(memory, rows * cols, "noise", err));
    for (int64_t i = 0; i < rows * cols; i++)
        memory->host[i] = syl_random_normal(&random);
    SYL_TRY(syl_mirror_place(memory, device, err));
    *out = syl_mat_of(memory->data, SYL_F32, rows, cols);
    return SYL_OK;
}

static syl_status load(bench *b, const char *path, double seconds, syl_error *err)
{
    syl_safetensors *file;
    syl_config config;
    float *rows;
    SYL_TRY(syl_model_open(path, NULL, &file, &config, err));
    SYL_TRY(syl_network_create(&b->network, &config, err));
    SYL_TRY(b->network->ops->load(b->network, file, syl_model_prefix(file, &config), err));
    syl_safetensors_free(file);
    int64_t hop = syl_config_hop(&config), n,
            frames = (int64_t)(seconds * config.sample_rate) / hop;
    syl_mirror memory;
    syl_mat audio;
    SYL_TRY(noise(NULL, 1, frames * hop, &memory, &audio, err));
    SYL_TRY(b->network->ops->prepare(&config, audio.data, frames * hop, &rows, &n, err));
    free(rows);
    syl_mirror_free(&memory);
    for (int i = 0; i < b->batch; i++)
        b->begin[i + 1] = b->begin[i] + n;
    SYL_TRY(noise(b->device, b->batch * n, b->network->ops->input_cols(&config), &b->rows_memory,
                  &b->rows, err));
    SYL_TRY(noise(b->device, b->batch * frames, syl_config_dim(&config), &b->target_memory,
                  &b->target, err));
    SYL_TRY(syl_optimizer_start(&b->optimizer, &b->network->set, err));
    SYL_TRY(syl_param_set_place(&b->network->set, b->device, err));
    return syl_optimizer_place(&b->optimizer, b->device, err);
}

static syl_status step(void *at, syl_error *err)
{
    bench *b = at;
    syl_var *x, *frames;
    syl_ragged out;
    double loss, norm;
    syl_param_set_zero_grads(b->ctx, &b->network->set);
    syl_tape_clear(b->tape, (syl_tape_options){.compute = b->compute, .training = true});
    SYL_TRY(syl_tape_input(b->tape, b->rows, false, &x, err));
    SYL_TRY(b->network->ops->forward(b->network, b->tape, x, (syl_ragged){b->batch, b->begin},
                                     &frames, &out, err));
    SYL_TRY(syl_loss_squared(b->tape, frames, b->target, 1.0f / (float)b->target.rows, &loss, err));
    SYL_TRY(syl_tape_backward(b->tape, err));
    syl_optimizer_update(b->ctx, &b->optimizer, &b->network->set, 1, &norm);
    return syl_ctx_wait(b->ctx, err);
}

static void bench_free(bench *b)
{
    syl_optimizer_free(&b->optimizer);
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_network_free(b->network);
    syl_mirror_free(&b->rows_memory);
    syl_mirror_free(&b->target_memory);
    syl_device_close(b->device);
}

int main(int argc, char **argv)
{
    enum { MAX_STEPS = 1000 };
    double median;
    syl_error err;
    if (argc != 7 && argc != 8) {
        fputs("usage: bench_training MODEL BATCH SECONDS THREADS f32|bf16 STEPS [DEVICE]\n",
              stderr);
        return 2;
    }
    int steps = atoi(argv[6]);
    bench b = {.batch = atoi(argv[2]),
               .compute = strcmp(argv[5], "bf16") ? SYL_F32 : SYL_BF16,
               .optimizer = {.adamw = {.lr = 1e-5f, .beta1 = .9f, .beta2 = .95f, .eps = 1e-6f},
                             .clip = 1}};
    if (b.batch < 1 || b.batch > MAX_BATCH || steps < 1 || steps > MAX_STEPS) return 2;
    syl_status status = syl_device_open(&b.device, argc > 7 ? argv[7] : "cpu", &err);
    if (status == SYL_OK) status = syl_ctx_create_on(&b.ctx, b.device, atoi(argv[4]), &err);
    if (status == SYL_OK) status = syl_tape_create(&b.tape, b.ctx, &err);
    if (status == SYL_OK) status = load(&b, argv[1], atof(argv[3]), &err);
    if (status == SYL_OK) status = timing_steps(step, &b, steps, &median, &err);
    if (status == SYL_OK)
        printf("{\"median_s\": %.6f, \"steps\": %d, \"device\": \"%s\"}\n", median, steps,
               syl_device_name(b.device));
    else
        fprintf(stderr, "bench_training: %s\n", err.message);
    bench_free(&b);
    return status != SYL_OK;
}
