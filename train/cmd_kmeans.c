/* sylkit kmeans: a codebook from vectors in .npy files. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/cli/inputs.h"
#include "lib/cli/options.h"
#include "lib/cli/progress.h"
#include "sylber/model.h"
#include "sylber/model_writer.h"
#include "train/cmd.h"
#include "train/kmeans.h"
#include "train/ward.h"

#define COMMAND "kmeans"

static const char help[] =
    "Usage: sylkit kmeans [OPTIONS] -o CODEBOOK.npy VECTORS.npy...\n"
    "       sylkit kmeans [OPTIONS] --into MODEL -o NEW.safetensors VECTORS.npy...\n"
    "Clusters rows of float vectors, such as sylkit features --segments writes, and prints one\n"
    "JSON object about the result.\n\n"
    "  --clusters K             (1000)\n"
    "  --init plusplus|parallel|random\n"
    "                           greedy k-means++ on a sample, k-means|| on all rows, or rows\n"
    "                           drawn evenly (parallel)\n"
    "  --sample N               rows for plusplus (4 a cluster, at least 16384)\n"
    "  --batch N                mini-batches of N rows; 0: all rows, Lloyd's algorithm (0)\n"
    "  --iterations N           at most; so many batches with --batch (100)\n"
    "  --tolerance X            stop when the inertia falls by no more than this part; not with\n"
    "                           --batch (1e-4)\n"
    "  --metric euclidean|norm6|spherical  rows are compared as they are, at norm 6, or by their\n"
    "                           cosine (euclidean)\n"
    "  --spherical              the same as --metric spherical\n"
    "  --restarts N             beginnings, of which the best result is kept (1)\n"
    "  --seed N                 (0)\n"
    "  --threads N              (1); the result is the same bits for any number\n"
    "  --device NAME            where rows are assigned: cpu, cuda, cuda:N, auto (cpu)\n"
    "  --list FILE              vectors named in FILE, one path a line; - for standard input\n"
    "  --state FILE             where the run is kept, to be resumed\n"
    "  --state-seconds X        between two writings of it; 0: each iteration (60)\n"
    "  --resume                 go on from --state where it is there\n"
    "  --ward K                 group the centroids into K by Ward's method ...\n"
    "  --reducer FILE.npy       ... and write the group of each, int32 [clusters]\n"
    "  --into MODEL             put the codebook in a copy of this model\n"
    "  -o, --output FILE        codebook [clusters][dim], or the new model\n"
    "  -q, --quiet              no progress bar\n"
    "  -h, --help\n";

enum {
    CLUSTERS = 1000,
    INIT,
    SAMPLE,
    BATCH,
    ITERATIONS,
    TOLERANCE,
    METRIC,
    SPHERICAL,
    RESTARTS,
    SEED,
    THREADS,
    DEVICE,
    LIST,
    STATE,
    STATE_SECONDS,
    RESUME,
    WARD,
    REDUCER,
    INTO
};

static const char *const inits[] = {"plusplus", "parallel", "random", NULL};
static const char *const metrics[] = {"euclidean", "norm6", "spherical", NULL};

typedef struct job {
    syl_kmeans_options options;
    const char *output, *into, *reducer, *list, *device; /* device NULL: the CPU */
    int init, metric, sample, batch, seed, ward;         /* as given; ward 0: none */
    bool quiet, help;
    syl_inputs listed;
    const char **paths; /* [num_paths] */
    size_t num_paths;
    syl_progress *progress;
} job;

/* ---- command line -------------------------------------------------------------------- */

static int take_number(job *j, int option, const char *value)
{
    syl_kmeans_options *o = &j->options;
    switch (option) {
    case CLUSTERS:
        return syl_option_int(COMMAND, "--clusters", value, 1, 10000000, &o->clusters);
    case SAMPLE:
        return syl_option_int(COMMAND, "--sample", value, 1, INT32_MAX, &j->sample);
    case BATCH:
        return syl_option_int(COMMAND, "--batch", value, 0, INT32_MAX, &j->batch);
    case ITERATIONS:
        return syl_option_int(COMMAND, "--iterations", value, 1, INT32_MAX, &o->iterations);
    case TOLERANCE:
        return syl_option_double(COMMAND, "--tolerance", value, 0, 1, &o->tolerance);
    case RESTARTS:
        return syl_option_int(COMMAND, "--restarts", value, 1, 1000000, &o->restarts);
    case SEED:
        return syl_option_int(COMMAND, "--seed", value, 0, INT32_MAX, &j->seed);
    case THREADS:
        return syl_option_int(COMMAND, "--threads", value, 1, 1024, &o->threads);
    case STATE_SECONDS:
        return syl_option_double(COMMAND, "--state-seconds", value, 0, 1e9, &o->state_seconds);
    case WARD:
        return syl_option_int(COMMAND, "--ward", value, 1, INT32_MAX, &j->ward);
    default:
        fputs("Try: sylkit kmeans --help\n", stderr);
        return SYL_EXIT_USAGE;
    }
}

static int take_option(job *j, int option, const char *value)
{
    switch (option) {
    case INIT:
        return syl_option_choice(COMMAND, "--init", value, inits, &j->init);
    case METRIC:
        return syl_option_choice(COMMAND, "--metric", value, metrics, &j->metric);
    case SPHERICAL:
        j->metric = SYL_METRIC_SPHERICAL;
        return SYL_EXIT_OK;
    case DEVICE:
        j->device = value;
        return SYL_EXIT_OK;
    case LIST:
        j->list = value;
        return SYL_EXIT_OK;
    case STATE:
        j->options.state = value;
        return SYL_EXIT_OK;
    case RESUME:
        j->options.resume = true;
        return SYL_EXIT_OK;
    case REDUCER:
        j->reducer = value;
        return SYL_EXIT_OK;
    case INTO:
        j->into = value;
        return SYL_EXIT_OK;
    case 'o':
        j->output = value;
        return SYL_EXIT_OK;
    case 'q':
        j->quiet = true;
        return SYL_EXIT_OK;
    case 'h':
        j->help = true;
        return SYL_EXIT_OK;
    default:
        return take_number(j, option, value);
    }
}

static int check(job *j)
{
    if (!j->num_paths) return syl_usage(COMMAND, "no vectors: name .npy files or give --list FILE");
    if (!j->output || !*j->output) return syl_usage(COMMAND, "say where to: -o FILE");
    if (j->options.resume && !j->options.state)
        return syl_usage(COMMAND, "--resume needs --state FILE: the run that it goes on with");
    if (!j->ward != !j->reducer)
        return syl_usage(COMMAND, "--ward K and --reducer FILE.npy go together");
    if (j->ward > j->options.clusters)
        return syl_usage(COMMAND, "--ward %d is more than --clusters %d", j->ward,
                         j->options.clusters);
    const char *outputs[] = {j->output, j->reducer, j->options.state};
    for (size_t o = 0; o < 3; o++)
        for (size_t i = 0; outputs[o] && i < j->num_paths; i++)
            if (syl_same_file(outputs[o], j->paths[i]))
                return syl_usage(COMMAND, "%s would overwrite the input", outputs[o]);
    return SYL_EXIT_OK;
}

static int gather_paths(job *j, int count, char **names)
{
    syl_error err;
    if (j->list && syl_inputs_add_list(&j->listed, j->list, &err)) return syl_report(j->list, &err);
    j->paths = syl_calloc((size_t)count + j->listed.count, sizeof *j->paths);
    if (!j->paths) {
        syl_fail_memory(&err, (size_t)count * sizeof *j->paths, "a list of files");
        return syl_report(NULL, &err);
    }
    for (int i = 0; i < count; i++)
        j->paths[j->num_paths++] = names[i];
    for (size_t i = 0; i < j->listed.count; i++)
        j->paths[j->num_paths++] = j->listed.items[i].path;
    return SYL_EXIT_OK;
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {{"clusters", required_argument, NULL, CLUSTERS},
                                          {"init", required_argument, NULL, INIT},
                                          {"sample", required_argument, NULL, SAMPLE},
                                          {"batch", required_argument, NULL, BATCH},
                                          {"iterations", required_argument, NULL, ITERATIONS},
                                          {"tolerance", required_argument, NULL, TOLERANCE},
                                          {"metric", required_argument, NULL, METRIC},
                                          {"spherical", no_argument, NULL, SPHERICAL},
                                          {"restarts", required_argument, NULL, RESTARTS},
                                          {"seed", required_argument, NULL, SEED},
                                          {"threads", required_argument, NULL, THREADS},
                                          {"device", required_argument, NULL, DEVICE},
                                          {"list", required_argument, NULL, LIST},
                                          {"state", required_argument, NULL, STATE},
                                          {"state-seconds", required_argument, NULL, STATE_SECONDS},
                                          {"resume", no_argument, NULL, RESUME},
                                          {"ward", required_argument, NULL, WARD},
                                          {"reducer", required_argument, NULL, REDUCER},
                                          {"into", required_argument, NULL, INTO},
                                          {"output", required_argument, NULL, 'o'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "o:qh", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->help) return SYL_EXIT_OK;
    code = gather_paths(j, argc - optind, argv + optind);
    if (code != SYL_EXIT_OK) return code;
    j->options.init = (syl_kmeans_init)j->init;
    j->options.sample = j->sample;
    j->options.batch = j->batch;
    j->options.seed = (uint64_t)j->seed;
    return check(j);
}

/* ---- the run ------------------------------------------------------------------------- */

/* Set by a signal; a handler can reach nothing else. */
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* The second signal of a kind ends the program as ever. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool show(void *user, const syl_kmeans_progress *p)
{
    job *j = user;
    const syl_kmeans_options *o = &j->options;
    char text[100];
    if (p->iteration == 0)
        snprintf(text, sizeof text, "restart %d of %d, choosing centroids: %d of %d",
                 p->restart + 1, o->restarts, p->initialised, o->clusters);
    else
        snprintf(text, sizeof text, "restart %d of %d, inertia %.6g, %d reseeded", p->restart + 1,
                 o->restarts, p->inertia, p->reseeded);
    size_t done = (size_t)p->restart * (size_t)o->iterations + (size_t)p->iteration;
    syl_progress_steps(j->progress, done, "iterations", text);
    return !interrupted;
}

static syl_status write_reducer(const job *j, const syl_kmeans_result *r, syl_error *err)
{
    if (!j->ward) return SYL_OK;
    int32_t *labels = syl_calloc((size_t)r->clusters, sizeof *labels);
    int64_t shape[] = {r->clusters};
    if (!labels) return syl_fail_memory(err, (size_t)r->clusters * sizeof *labels, "a reducer");
    syl_status status =
        syl_ward(r->centroids, NULL, r->clusters, r->dim, j->ward, j->options.threads, labels, err);
    if (!status) status = syl_npy_write(j->reducer, labels, SYL_I32, 1, shape, err);
    free(labels);
    return status;
}

/* A copy of the model with these centroids and the metric that they were made with. */
static syl_status write_model(const job *j, const syl_kmeans_result *r, syl_error *err)
{
    syl_safetensors *file;
    syl_config config;
    syl_npy codebook = {.ndim = 2,
                        .shape = {r->clusters, r->dim},
                        .data = r->centroids,
                        .count = (size_t)r->clusters * (size_t)r->dim};
    syl_model_edit edit = {.dtype = SYL_DTYPE_KEPT, .codebook = &codebook};
    SYL_TRY(syl_model_open(j->into, NULL, &file, &config, err));
    config.metric = (syl_metric)j->metric;
    syl_status status = syl_model_write(j->output, file, &config, &edit, err);
    syl_safetensors_free(file);
    return status;
}

/* Before hours are spent on them. */
static syl_status check_model(const job *j, const syl_rows *rows, syl_error *err)
{
    syl_safetensors *file;
    syl_config config;
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    if (!j->into) return SYL_OK;
    SYL_TRY(syl_model_open(j->into, NULL, &file, &config, err));
    syl_status status = syl_model_build(&model, file, &config, &options, err);
    syl_safetensors_free(file);
    SYL_TRY(status);
    syl_model_free(model);
    if (syl_config_dim(&config) == syl_rows_dim(rows)) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "%s has vectors of %d values, %s of %d; make them with sylkit features "
                    "--model %s",
                    j->into, syl_config_dim(&config), j->paths[0], syl_rows_dim(rows), j->into);
}

static syl_status write_all(const job *j, const syl_rows *rows, const syl_kmeans_result *r,
                            syl_error *err)
{
    int64_t shape[] = {r->clusters, r->dim}, count = syl_rows_count(rows);
    SYL_TRY(write_reducer(j, r, err));
    if (j->into)
        SYL_TRY(write_model(j, r, err));
    else
        SYL_TRY(syl_npy_write(j->output, r->centroids, SYL_F32, 2, shape, err));
    printf("{\"rows\": %" PRId64 ", \"dim\": %d, \"clusters\": %d, \"metric\": \"%s\", "
           "\"inertia\": %.10g, \"iterations\": %d, \"converged\": %s, \"restart\": %d}\n",
           count, r->dim, r->clusters, metrics[j->metric], r->inertia, r->iterations,
           r->converged ? "true" : "false", r->restart);
    return SYL_OK;
}

static syl_status work(job *j, bool *stopped, syl_error *err)
{
    syl_rows *rows;
    syl_kmeans_result result = {0};
    SYL_TRY(syl_rows_open(&rows, j->paths, j->num_paths, (syl_metric)j->metric, err));
    syl_status status = check_model(j, rows, err);
    if (!status && j->device) status = syl_device_open(&j->options.device, j->device, err);
    if (!status) status = syl_kmeans(&result, rows, &j->options, err);
    *stopped = result.stopped;
    if (!status && !*stopped) status = write_all(j, rows, &result, err);
    syl_kmeans_result_free(&result);
    syl_rows_close(rows);
    syl_device_close(j->options.device);
    return status;
}

static int run(job *j)
{
    syl_error err;
    bool stopped = false;
    catch_signals();
    j->progress = syl_progress_create(
        syl_mul_size((size_t)j->options.iterations, (size_t)j->options.restarts), j->quiet);
    syl_status status = work(j, &stopped, &err);
    syl_progress_free(j->progress);
    if (status) return syl_report(NULL, &err);
    if (!stopped) return SYL_EXIT_OK;
    if (j->options.state)
        fprintf(stderr, "sylkit kmeans: stopped; --resume goes on from %s\n", j->options.state);
    else
        fputs("sylkit kmeans: stopped; with --state FILE it could be resumed\n", stderr);
    return SYL_EXIT_FAILED;
}

int syl_cmd_kmeans(int argc, char **argv)
{
    job j = {.options = syl_kmeans_defaults()};
    j.init = j.options.init;
    j.options.progress = show;
    j.options.user = &j;
    int code = parse(&j, argc, argv);
    if (j.help)
        fputs(help, stdout);
    else if (code == SYL_EXIT_OK)
        code = run(&j);
    syl_inputs_free(&j.listed);
    free(j.paths);
    return code;
}
