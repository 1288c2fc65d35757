/* Times one model over synthetic audio: bench_encoder MODEL [--seconds S] [--threads N]
 * [--precision f32|bf16] [--runs R] [--seed N] [--device NAME]. Prints one JSON line with the
 * median. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/sylkit.h"
#include "tests/bench/timing.h"

typedef struct settings {
    const char *model, *device; /* device NULL: the CPU */
    double seconds;
    int threads, runs;
    uint64_t seed;
    syl_precision precision;
} settings;

static int parse(settings *s, int argc, char **argv)
{
    static const struct option table[] = {{"seconds", required_argument, NULL, 's'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"precision", required_argument, NULL, 'p'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {"device", required_argument, NULL, 'd'},
                                          {0}};
    int option;
    *s = (settings){.seconds = 10, .threads = 1, .runs = 5, .seed = 1};
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 's')
            s->seconds = atof(optarg);
        else if (option == 't')
            s->threads = atoi(optarg);
        else if (option == 'r')
            s->runs = atoi(optarg);
        else if (option == 'd')
            s->device = optarg;
        else if (option == 'e')
            s->seed = strtoull(optarg, NULL, 10);
        else if (option == 'p')
            s->precision = strcmp(optarg, "bf16") ? SYL_PRECISION_F32 : SYL_PRECISION_BF16;
        else
            return 2;
    }
    s->model = argv[optind];
    return s->model && s->runs > 0 && s->seconds > 0 ? 0 : 2;
}

static syl_status measure(const settings *s, const syl_model *model, const float *audio, size_t n,
                          double *times, syl_error *err)
{
    syl_stream_options options = syl_stream_options_defaults();
    options.threads = s->threads;
    for (int i = -1; i < s->runs; i++) { /* the first is not counted */
        syl_result result;
        double begin = syl_clock_seconds();
        syl_status status = syl_tokenize(&result, model, audio, n, &options, err);
        if (status != SYL_OK) return status;
        if (i >= 0) times[i] = syl_clock_seconds() - begin;
        syl_result_free(&result);
    }
    return SYL_OK;
}

static syl_status bench(const settings *s, syl_error *err)
{
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    size_t n = (size_t)(s->seconds * 16000);
    options.precision = s->precision;
    options.device = s->device;
    syl_status status = syl_model_load(&model, s->model, &options, err);
    if (status != SYL_OK) return status;
    float *audio = syl_calloc(n, sizeof *audio);
    double *times = syl_calloc((size_t)s->runs, sizeof *times);
    syl_random random = {.seed = s->seed};
    for (size_t i = 0; i < n; i++)
        audio[i] = 0.1f * syl_random_normal(&random);
    status = measure(s, model, audio, n, times, err);
    if (status == SYL_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        double median = timing_median(times, s->runs);
        printf("{\"rtf\": %.6f, \"median_s\": %.6f, \"peak_mb\": %.1f}\n", median / s->seconds,
               median, (double)usage.ru_maxrss / 1024);
    }
    free(times);
    free(audio);
    syl_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    settings s;
    syl_error err;
    if (parse(&s, argc, argv)) {
        fprintf(stderr, "Usage: bench_encoder MODEL [--seconds S] [--threads N] [--precision "
                        "f32|bf16] [--runs R] [--seed N] [--device NAME]\n");
        return 2;
    }
    if (bench(&s, &err) != SYL_OK) {
        fprintf(stderr, "bench_encoder: %s\n", err.message);
        return 1;
    }
    return 0;
}
