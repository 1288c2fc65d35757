/* Whole networks in training: the HuBERT shape against PyTorch (make_training.py), the log-mel
 * network against the encoder that the program runs. */
#include "lib/base/random.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "sylber/model.h"
#include "tests/golden/golden.h"
#include "train/sylber/network.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

#define STEPS 10

/* A network with the fixture's batch. */
typedef struct bench {
    syl_network *network;
    syl_ctx *ctx;
    syl_tape *tape;
    float *rows;
    int64_t begin[3];
    syl_mat target;
    syl_optimizer optimizer;
} bench;

static syl_network *open_network(const char *path)
{
    syl_safetensors *file;
    syl_config config;
    syl_network *network;
    OK(syl_model_open(path, NULL, &file, &config, &err));
    OK(syl_network_create(&network, &config, &err));
    OK(network->ops->load(network, file, syl_model_prefix(file, &config), &err));
    syl_safetensors_free(file);
    return network;
}

static float *named(const syl_safetensors *fixture, const char *model, const char *what, size_t *n)
{
    char name[512];
    snprintf(name, sizeof name, "%.200s.%.200s", model, what);
    return golden_floats(fixture, name, n);
}

static void append(bench *b, const float *audio, size_t n, int i)
{
    float *rows;
    int64_t count;
    OK(b->network->ops->prepare(&b->network->config, audio, (int64_t)n, &rows, &count, &err));
    b->begin[i + 1] = b->begin[i] + count;
    b->rows = realloc(b->rows, (size_t)b->begin[i + 1] * sizeof *rows);
    memcpy(b->rows + b->begin[i], rows, (size_t)count * sizeof *rows);
    free(rows);
}

static void start(bench *b, const syl_safetensors *fixture, const char *model, int threads)
{
    char path[4096];
    size_t n;
    memset(b, 0, sizeof *b);
    b->network = open_network(golden_path(path, sizeof path, model));
    OK(syl_ctx_create(&b->ctx, threads, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    for (int i = 0; i < 2; i++) {
        float *audio = named(fixture, model, i ? "audio1" : "audio0", &n);
        append(b, audio, n, i);
        free(audio);
    }
    float *target = named(fixture, model, "target", &n);
    int64_t dim = syl_config_dim(&b->network->config);
    b->target = syl_mat_of(target, SYL_F32, (int64_t)n / dim, dim);
    b->optimizer = (syl_optimizer){
        .adamw = {.lr = 1e-3f, .beta1 = .9f, .beta2 = .95f, .eps = 1e-4f, .weight_decay = .1f},
        .clip = .5};
    OK(syl_optimizer_start(&b->optimizer, &b->network->set, &err));
}

static void finish(bench *b)
{
    syl_optimizer_free(&b->optimizer);
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_network_free(b->network);
    free(b->rows);
    free(b->target.data);
}

/* Forward, loss, backward. */
static double gradients(bench *b, syl_dtype compute, syl_var **frames)
{
    syl_var *x;
    syl_ragged out;
    double loss;
    syl_mat rows = syl_mat_of(b->rows, SYL_F32, b->begin[2], 1);
    syl_tape_clear(b->tape, (syl_tape_options){.compute = compute, .training = true});
    syl_param_set_zero_grads(b->ctx, &b->network->set);
    OK(syl_tape_input(b->tape, rows, false, &x, &err));
    OK(b->network->ops->forward(b->network, b->tape, x, (syl_ragged){2, b->begin}, frames, &out,
                                &err));
    assert_int_equal((*frames)->value.rows, b->target.rows);
    OK(syl_loss_squared(b->tape, *frames, b->target, 1.0f / (float)b->target.rows, &loss, &err));
    OK(syl_tape_backward(b->tape, &err));
    return loss;
}

static void check_gradients(const bench *b, const syl_safetensors *fixture, const char *model)
{
    for (int i = 0; i < b->network->set.count; i++) {
        const syl_param *p = b->network->set.item[i];
        char name[512];
        size_t n;
        double size = 0;
        snprintf(name, sizeof name, "grad.%s", p->name);
        float *want = named(fixture, model, name, &n), *got;
        got = syl_param_export(p, b->network->set.grads.host);
        assert_int_equal(n, p->size);
        for (size_t k = 0; k < n; k++)
            size = fabs(want[k]) > size ? fabs(want[k]) : size;
        assert_close(p->name, got, want, n, 1e-4 * (size > 1e-2 ? size : 1e-2));
        free(want);
        free(got);
    }
}

static void hubert_like_pytorch(const char *model, int threads)
{
    bench b;
    syl_var *frames;
    size_t n;
    syl_safetensors *fixture = golden_open("training.safetensors");
    float *losses = named(fixture, model, "losses", &n), got[STEPS];
    float *want = named(fixture, model, "frames", &n);
    start(&b, fixture, model, threads);
    for (int step = 0; step < STEPS; step++) {
        double norm;
        got[step] = (float)gradients(&b, SYL_F32, &frames);
        if (step == 0) {
            assert_close("frames", frames->value.data, want, n, 1e-4);
            check_gradients(&b, fixture, model);
        }
        syl_optimizer_update(b.ctx, &b.optimizer, &b.network->set, 1, &norm);
    }
    for (int step = 0; step < STEPS; step++)
        assert_float_equal(got[step], losses[step], 1e-4 * losses[step]);
    /* The next loss, in bf16, is the same to bf16's accuracy. */
    double f32 = gradients(&b, SYL_F32, &frames), bf16 = gradients(&b, SYL_BF16, &frames);
    assert_float_equal(bf16, f32, 2e-2 * f32);
    finish(&b);
    free(losses);
    free(want);
    syl_safetensors_free(fixture);
}

static void hubert_group_norm(void **state)
{
    (void)state;
    hubert_like_pytorch("hubert-base", 1);
}

static void hubert_layer_norm(void **state)
{
    (void)state;
    hubert_like_pytorch("hubert-large", 2);
}

/* ---- the log-mel network -------------------------------------------------------------------- */

typedef struct sink {
    float *frames;
    size_t count;
} sink;

static syl_status take(void *user, const float *frames, int64_t n, syl_error *e)
{
    sink *s = user;
    (void)e;
    memcpy(s->frames + s->count, frames, (size_t)n * 384 * sizeof *frames);
    s->count += (size_t)n * 384;
    return SYL_OK;
}

/* The encoder lets silence follow, a crop ends: frames further from the end than the look-ahead
 * are compared. */
static void mel_like_the_encoder(void **state)
{
    syl_safetensors *fixture = golden_open("small_check.safetensors");
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    syl_encoding *encoding;
    syl_ctx *ctx;
    syl_tape *tape;
    syl_var *x, *frames;
    syl_ragged out;
    size_t n;
    int64_t begin[2] = {0};
    float *audio = golden_floats(fixture, "audio", &n), *rows;
    sink all = {calloc(2 * n, sizeof(float)), 0};
    (void)state;
    options.precision = SYL_PRECISION_F32;
    OK(syl_model_load(&model, golden_model(), &options, &err));
    OK(syl_encoding_open(&encoding, model->encoder, &(syl_encoding_options){.threads = 1}, take,
                         &all, &err));
    OK(encoding->encoder->ops->feed(encoding, audio, n, &err));
    OK(encoding->encoder->ops->finish(encoding, &err));
    syl_encoding_close(encoding);
    syl_model_free(model);

    syl_network *network = open_network(golden_model());
    OK(network->ops->prepare(&network->config, audio, (int64_t)n, &rows, &begin[1], &err));
    OK(syl_ctx_create(&ctx, 1, &err));
    OK(syl_tape_create(&tape, ctx, &err));
    syl_tape_clear(tape, (syl_tape_options){.compute = SYL_F32});
    OK(syl_tape_input(tape, syl_mat_of(rows, SYL_F32, begin[1], 80), false, &x, &err));
    OK(network->ops->forward(network, tape, x, (syl_ragged){1, begin}, &frames, &out, &err));
    assert_int_equal(frames->value.rows * 384, all.count);
    assert_close("frames", frames->value.data, all.frames, (size_t)(frames->value.rows - 24) * 384,
                 2e-4);
    syl_tape_free(tape);
    syl_ctx_free(ctx);
    syl_network_free(network);
    syl_safetensors_free(fixture);
    free(audio);
    free(rows);
    free(all.frames);
}

/* The loss of the network's frames against 0.3, with its gradients. */
static double mel_loss(syl_network *n, syl_tape *tape, syl_mat rows, float *target)
{
    int64_t begin[2] = {0, rows.rows};
    syl_var *x, *frames;
    syl_ragged out;
    double loss;
    syl_tape_clear(tape, (syl_tape_options){.compute = SYL_F32, .training = true});
    syl_param_set_zero_grads(syl_tape_ctx(tape), &n->set);
    OK(syl_tape_input(tape, rows, false, &x, &err));
    OK(n->ops->forward(n, tape, x, (syl_ragged){1, begin}, &frames, &out, &err));
    syl_mat want = syl_mat_of(target, SYL_F32, frames->value.rows, frames->value.cols);
    OK(syl_loss_squared(tape, frames, want, 1.0f / (float)want.rows, &loss, &err));
    OK(syl_tape_backward(tape, &err));
    return loss;
}

/* Finite differences along random directions: a step of each parameter by itself would drown in
 * the rounding of float32. */
static void mel_gradient_by_differences(void **state)
{
    enum { ROWS = 120 };
    syl_network *n = open_network(golden_model());
    syl_random random = {.seed = 2};
    syl_ctx *ctx;
    syl_tape *tape;
    float *rows = malloc(ROWS * 80 * sizeof *rows), *target = malloc(ROWS * 384 * sizeof *target);
    (void)state;
    for (int i = 0; i < ROWS * 80; i++)
        rows[i] = .3f * syl_random_normal(&random);
    for (int i = 0; i < ROWS * 384; i++)
        target[i] = .3f;
    OK(syl_ctx_create(&ctx, 1, &err));
    OK(syl_tape_create(&tape, ctx, &err));
    syl_mat x = syl_mat_of(rows, SYL_F32, ROWS, 80);
    for (int p = 0; p < n->set.count; p++) {
        const syl_param *param = n->set.item[p];
        float *v = param->value.data, *before = malloc((size_t)param->size * sizeof *v);
        float *way = malloc((size_t)param->size * sizeof *way);
        double slope = 0, size = 0;
        memcpy(before, v, (size_t)param->size * sizeof *v);
        mel_loss(n, tape, x, target);
        for (int64_t i = 0; i < param->size; i++) {
            way[i] = (syl_random_u32(&random) & 1 ? 1 : -1) * 2e-3f;
            slope += (double)way[i] * ((float *)param->grad.data)[i];
            size += fabs((double)way[i] * ((float *)param->grad.data)[i]);
        }
        for (int64_t i = 0; i < param->size; i++)
            v[i] = before[i] + way[i];
        double up = mel_loss(n, tape, x, target);
        for (int64_t i = 0; i < param->size; i++)
            v[i] = before[i] - way[i];
        double down = mel_loss(n, tape, x, target);
        memcpy(v, before, (size_t)param->size * sizeof *v);
        if (fabs((up - down) / 2 - slope) > .03 * fabs(slope) + .003 * size + 1e-5)
            fail_msg("%s: %g by differences, %g by the backward", param->name, (up - down) / 2,
                     slope);
        free(before);
        free(way);
    }
    syl_tape_free(tape);
    syl_ctx_free(ctx);
    syl_network_free(n);
    free(rows);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hubert_group_norm),
        cmocka_unit_test(hubert_layer_norm),
        cmocka_unit_test(mel_like_the_encoder),
        cmocka_unit_test(mel_gradient_by_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
