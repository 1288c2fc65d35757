/* Skip-gram's kernel against plain loops in double. */
#include "tests/cuda/memory.h"

#include "lib/compute/cuda/kernels.h"

#define LR 0.05f

/* A case's arrays on the host; gradients as the deterministic mode lays them out. */
typedef struct skipgram_case {
    int windows, words, context, negatives, dim, stride;
    int32_t *centre, *contexts, *negative;
    float *input, *output;     /* [words][stride] */
    float *d_input, *d_output; /* expected */
    double *loss;
} skipgram_case;

static int32_t pick(uint32_t *seed, int words)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (int32_t)((*seed >> 8) % (uint32_t)words);
}

/* Some contexts are missing, some negatives are the centre, some rows come twice. */
static skipgram_case make_case(int windows, int words, int context, int negatives, int dim, int gap)
{
    skipgram_case c = {windows, words, context, negatives, dim, dim + gap, 0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t seed = (uint32_t)dim;
    size_t n = (size_t)windows, table = (size_t)(words * c.stride), d = (size_t)dim;
    c.centre = host_bytes(n * sizeof *c.centre);
    c.contexts = host_bytes(n * (size_t)context * sizeof *c.contexts);
    c.negative = host_bytes(n * (size_t)negatives * sizeof *c.negative);
    for (int w = 0; w < windows; w++) {
        c.centre[w] = pick(&seed, words);
        for (int j = 0; j < context; j++)
            c.contexts[w * context + j] = j > 0 && pick(&seed, 4) == 0 ? -1 : pick(&seed, words);
        for (int i = 0; i < negatives; i++)
            c.negative[w * negatives + i] = pick(&seed, 4) ? pick(&seed, words) : c.centre[w];
    }
    c.input = random_floats(1, table);
    c.output = random_floats(2, table);
    c.d_input = host_bytes(n * (size_t)context * d * sizeof(float));
    c.d_output = host_bytes(n * (size_t)(1 + negatives) * d * sizeof(float));
    c.loss = host_bytes(n * sizeof *c.loss);
    return c;
}

static void free_case(skipgram_case *c)
{
    free(c->centre), free(c->contexts), free(c->negative), free(c->input), free(c->output);
    free(c->d_input), free(c->d_output), free(c->loss);
}

/* One pair of window w: context j with candidate i. */
static void reference_pair(skipgram_case *c, int w, int j, int i)
{
    int32_t centre = c->centre[w], context = c->contexts[w * c->context + j];
    int32_t row = i ? c->negative[w * c->negatives + i - 1] : centre;
    if (context < 0 || (i && row == centre)) return;
    const float *u = c->input + context * c->stride, *v = c->output + row * c->stride;
    float *du = c->d_input + (w * c->context + j) * c->dim;
    float *dv = c->d_output + (w * (1 + c->negatives) + i) * c->dim;
    double dot = 0;
    for (int d = 0; d < c->dim; d++)
        dot += (double)u[d] * v[d];
    double g = ((i ? 0 : 1) - 1 / (1 + exp(-dot))) * (double)LR;
    c->loss[w] += log(1 + exp(i ? dot : -dot));
    for (int d = 0; d < c->dim; d++) {
        du[d] += (float)(g * v[d]);
        dv[d] += (float)(g * u[d]);
    }
}

static void reference(skipgram_case *c)
{
    for (int w = 0; w < c->windows; w++)
        for (int j = 0; j < c->context; j++)
            for (int i = 0; i <= c->negatives; i++)
                reference_pair(c, w, j, i);
}

static syl_mat table_of(const skipgram_case *c, const float *x)
{
    syl_mat m =
        syl_mat_of(device_floats(x, (size_t)(c->words * c->stride)), SYL_F32, c->words, c->dim);
    m.stride = c->stride;
    return m;
}

static syl_cuda_skipgram upload(const skipgram_case *c)
{
    size_t n = (size_t)c->windows;
    return (syl_cuda_skipgram){
        .windows = c->windows,
        .context = c->context,
        .negatives = c->negatives,
        .dim = c->dim,
        .centre = device_bytes(c->centre, n * sizeof *c->centre),
        .contexts = device_bytes(c->contexts, n * (size_t)c->context * sizeof *c->contexts),
        .negative = device_bytes(c->negative, n * (size_t)c->negatives * sizeof *c->negative),
        .lr = LR,
        .input = table_of(c, c->input),
        .output = table_of(c, c->output),
        .loss = device_bytes(NULL, n * sizeof(double))};
}

static void release_all(syl_cuda_skipgram *s)
{
    release(s->centre), release(s->contexts), release(s->negative), release(s->loss);
    release(s->input.data), release(s->output.data), release(s->d_input), release(s->d_output);
}

static void check_loss(const skipgram_case *c, const syl_cuda_skipgram *s)
{
    double *loss = host_bytes((size_t)c->windows * sizeof *loss);
    fetch(loss, s->loss, (size_t)c->windows * sizeof *loss);
    for (int w = 0; w < c->windows; w++)
        assert_true(fabs(loss[w] - c->loss[w]) <= 1e-5 * (1 + c->loss[w]));
    free(loss);
}

static void check_gradients(const skipgram_case *c)
{
    size_t n = (size_t)(c->windows * c->context * c->dim);
    size_t m = (size_t)(c->windows * (1 + c->negatives) * c->dim);
    syl_cuda_skipgram s = upload(c);
    s.d_input = device_floats(NULL, n);
    s.d_output = device_floats(NULL, m);
    ok(syl_cuda_skipgram_step(0, &s));
    check_loss(c, &s);
    same_on_device("d_input", s.d_input, c->d_input, n, 1e-5);
    same_on_device("d_output", s.d_output, c->d_output, m, 1e-5);
    same_on_device("input", s.input.data, c->input, (size_t)(c->words * c->stride), 0);
    same_on_device("output", s.output.data, c->output, (size_t)(c->words * c->stride), 0);
    release_all(&s);
}

/* Windows are given one at a time, because each begins from what another left. */
static void check_updates(const skipgram_case *c)
{
    size_t table = (size_t)(c->words * c->stride);
    for (int w = 0; w < c->windows; w++) {
        skipgram_case one = *c;
        one.windows = 1;
        one.centre += w, one.contexts += w * c->context, one.negative += w * c->negatives;
        one.loss += w;
        float *input = host_bytes(table * sizeof *input),
              *output = host_bytes(table * sizeof *output);
        memcpy(input, c->input, table * sizeof *input);
        memcpy(output, c->output, table * sizeof *output);
        for (int i = 0; i < c->context * c->dim; i++)
            if (one.contexts[i / c->dim] >= 0)
                input[one.contexts[i / c->dim] * c->stride + i % c->dim] +=
                    c->d_input[w * c->context * c->dim + i];
        for (int i = 0; i < (1 + c->negatives) * c->dim; i++) {
            int row = i < c->dim ? *one.centre : one.negative[i / c->dim - 1];
            output[row * c->stride + i % c->dim] +=
                c->d_output[w * (1 + c->negatives) * c->dim + i];
        }
        syl_cuda_skipgram s = upload(&one);
        ok(syl_cuda_skipgram_step(0, &s));
        check_loss(&one, &s);
        same_on_device("input", s.input.data, input, table, 1e-6);
        same_on_device("output", s.output.data, output, table, 1e-6);
        release_all(&s);
        free(input), free(output);
    }
}

static void windows(void **state)
{
    static const int cases[][6] = {
        /* windows, words, contexts, negatives, dim, gap */
        {1, 2, 1, 1, 1, 0},   {3, 5, 4, 2, 31, 0},   {5, 9, 3, 9, 33, 3},  {2, 9, 10, 5, 64, 0},
        {3, 9, 2, 16, 70, 2}, {2, 5, 2, 3, 130, 0},  {2, 5, 2, 3, 300, 4}, {1, 5, 2, 3, 400, 0},
        {1, 5, 2, 3, 600, 0}, {2, 3, 1, 2, 1024, 0}, {2, 5, 3, 0, 8, 0},   {1, 9, 1, 13, 1024, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int *n = cases[i];
        skipgram_case c = make_case(n[0], n[1], n[2], n[3], n[4], n[5]);
        reference(&c);
        check_gradients(&c);
        check_updates(&c);
        free_case(&c);
    }
}

static void nothing_to_do(void **state)
{
    syl_cuda_skipgram s = {.windows = 0, .dim = 8};
    (void)state;
    ok(syl_cuda_skipgram_step(0, &s));
    s.windows = 1;
    s.dim = 1025;
    assert_int_equal(syl_cuda_skipgram_step(0, &s), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test(nothing_to_do),
    };
    if (no_device()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
