/* sylkit continuum: whether a model hears two words as two, or as a matter of degree. */
#include <math.h>
#include <stdlib.h>

#include "lib/audio/audio_file.h"
#include "lib/audio/resample.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/cli/options.h"
#include "lib/io/npy.h"
#include "sylber/cmd.h"
#include "sylber/discriminability.h"
#include "sylber/model_options.h"
#include "sylber/morph.h"

#define COMMAND "continuum"

static const char help[] =
    "Usage: sylkit continuum [OPTIONS] A B\n"
    "Makes recordings between two recordings of one word each, and tells how the model's vectors\n"
    "go from one to the other: similarities, preference, discriminability index (lower: more like\n"
    "a step), as one JSON object.\n\n"
    "  --steps N                from A to B (10)\n"
    "  --save PREFIX            also write the samples of step I as PREFIXI.npy, at the model's\n"
    "                           rate\n"
    "  -h, --help\n\n";

enum { OPT_STEPS = 1, OPT_SAVE };

typedef struct job {
    syl_model_args model_args;
    const char *inputs[2], *save;
    int steps, help;
    syl_model *model;
    syl_model_info info;
    float *vectors;                   /* [steps + 1][dim] of length 1 */
    double *to_a, *to_b, *preference; /* [steps + 1] */
} job;

static int take_option(job *j, int option, const char *value)
{
    if (option == OPT_STEPS) return syl_option_int(COMMAND, "--steps", value, 1, 1000, &j->steps);
    if (option == 'h')
        j->help = 1;
    else if (option == OPT_SAVE)
        j->save = value;
    else
        return syl_model_args_take(&j->model_args, option, value);
    return SYL_EXIT_OK;
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          {"steps", required_argument, NULL, OPT_STEPS},
                                          {"save", required_argument, NULL, OPT_SAVE},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->help) return SYL_EXIT_OK;
    if (argc - optind != 2)
        return syl_usage(COMMAND, "two recordings are expected, not %d", argc - optind);
    j->inputs[0] = argv[optind];
    j->inputs[1] = argv[optind + 1];
    return SYL_EXIT_OK;
}

static syl_status load(const job *j, const char *path, float **samples, size_t *n, syl_error *err)
{
    float *own;
    size_t count;
    syl_audio_info info;
    SYL_TRY(syl_audio_load(path, j->model_args.raw, &own, &count, &info, err));
    syl_status status =
        syl_resample(samples, n, own, count, info.sample_rate, j->info.sample_rate, err);
    free(own);
    return status;
}

/* The mean over all frames that are in a syllable, scaled to length 1. */
static syl_status embed(const job *j, const float *samples, size_t n, int step, syl_error *err)
{
    float *vector = j->vectors + (size_t)step * (size_t)j->info.dim;
    syl_stream_options options = j->model_args.stream;
    syl_result result;
    options.sample_rate = j->info.sample_rate;
    SYL_TRY(syl_tokenize(&result, j->model, samples, n, &options, err));
    size_t heard = 0;
    for (size_t i = 0; i < result.num_segments; i++) {
        const syl_segment *s = &result.segments[i];
        if (!s->feature) continue;
        heard++;
        for (int k = 0; k < j->info.dim; k++)
            vector[k] += s->feature[k] * (float)(s->end_frame - s->start_frame);
    }
    syl_result_free(&result);
    syl_scale_to(vector, j->info.dim, 1);
    if (heard) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "no syllable is heard at step %d of %d between %s and %s; lower --norm or "
                    "give louder recordings",
                    step, j->steps, j->inputs[0], j->inputs[1]);
}

static syl_status save(const job *j, const float *samples, size_t n, int step, syl_error *err)
{
    char path[4096];
    int64_t shape[] = {(int64_t)n};
    if (!j->save) return SYL_OK;
    int needed = snprintf(path, sizeof path, "%s%d.npy", j->save, step);
    if (needed < 0 || (size_t)needed >= sizeof path)
        return syl_fail(err, SYL_EINVAL, "--save %s is too long a name", j->save);
    return syl_npy_write(path, samples, SYL_F32, 1, shape, err);
}

static syl_status do_step(const job *j, const syl_morph *morph, int step, syl_error *err)
{
    float *samples;
    size_t n;
    SYL_TRY(syl_morph_step(morph, (double)step / j->steps, &samples, &n, err));
    syl_status status = save(j, samples, n, step, err);
    if (!status) status = embed(j, samples, n, step, err);
    free(samples);
    return status;
}

static syl_status walk(const job *j, syl_error *err)
{
    float *samples[2] = {NULL, NULL};
    size_t n[2];
    syl_morph *morph = NULL;
    syl_status status = load(j, j->inputs[0], &samples[0], &n[0], err);
    if (!status) status = load(j, j->inputs[1], &samples[1], &n[1], err);
    if (!status)
        status =
            syl_morph_create(&morph, samples[0], n[0], samples[1], n[1], j->info.sample_rate, err);
    for (int step = 0; step <= j->steps && !status; step++)
        status = do_step(j, morph, step, err);
    syl_morph_free(morph);
    free(samples[0]);
    free(samples[1]);
    return status;
}

static void print_list(const char *name, const double *values, int n)
{
    printf("\"%s\": [", name);
    for (int i = 0; i < n; i++)
        printf("%s%.6f", i ? ", " : "", values[i]);
    fputs("], ", stdout);
}

static syl_status report(const job *j, syl_error *err)
{
    int n = j->steps + 1, dim = j->info.dim;
    for (int i = 0; i < n; i++) {
        const float *x = j->vectors + (size_t)i * (size_t)dim;
        j->to_a[i] = syl_dot(x, j->vectors, dim);
        j->to_b[i] = syl_dot(x, j->vectors + (size_t)j->steps * (size_t)dim, dim);
    }
    syl_discriminability d = syl_discriminate(j->to_a, j->to_b, n, j->preference);
    if (isnan(d.index))
        return syl_fail(err, SYL_EINVAL, "%s and %s are the same to this model; give two words",
                        j->inputs[0], j->inputs[1]);
    putchar('{');
    print_list("similarity_a", j->to_a, n);
    print_list("similarity_b", j->to_b, n);
    print_list("preference", j->preference, n);
    printf("\"crossing\": %.6f, \"index\": %.6f}\n", d.crossing, d.index);
    return SYL_OK;
}

static syl_status run(job *j, syl_error *err)
{
    SYL_TRY(syl_model_args_load(&j->model, &j->model_args, err));
    syl_model_get_info(j->model, &j->info);
    size_t n = (size_t)j->steps + 1;
    j->vectors = syl_calloc(syl_mul_size(n, (size_t)j->info.dim), sizeof *j->vectors);
    j->to_a = syl_calloc(3 * n, sizeof *j->to_a);
    if (!j->vectors || !j->to_a)
        return syl_fail_memory(err, n * (size_t)j->info.dim * sizeof *j->vectors, "vectors");
    j->to_b = j->to_a + n;
    j->preference = j->to_b + n;
    SYL_TRY(walk(j, err));
    return report(j, err);
}

int syl_cmd_continuum(int argc, char **argv)
{
    job j = {.model_args = syl_model_args_defaults(argv[0]), .steps = 10};
    syl_error err;
    int code = parse(&j, argc, argv);
    if (j.help)
        printf("%s%s", help, syl_model_help);
    else if (code == SYL_EXIT_OK && run(&j, &err))
        code = syl_report(NULL, &err);
    syl_model_free(j.model);
    free(j.vectors);
    free(j.to_a);
    return code;
}
