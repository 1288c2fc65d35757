/* sylkit presegment run: segments of recordings, and their training targets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/cli/options.h"
#include "lib/io/segment_writer.h"
#include "train/presegment/presegment.h"
#include "train/presegment_args.h"

enum { OPT_STATS = 1, OPT_METHOD, OPT_JSONL };

typedef struct job {
    syl_presegment_args args;
    syl_batch_args batch;
    const char *stats_path, *jsonl;
    int method;
    syl_teacher *teacher;
    syl_stats stats;
    syl_progress *progress;
    char **lines; /* [inputs] JSON lines, NULL where an input failed */
} job;

static const char help[] =
    "Usage: sylkit presegment run --teacher T --stats STATS -o DIR [OPTIONS] INPUT...\n"
    "Writes DIR/NAME.safetensors for every recording: segments I32 [M][2] (frames, half open)\n"
    "and means F32 [M][dim], what a student is to give in each of them.\n\n"
    "  --teacher T.safetensors  from egs/sylber_small/local/whisper2safetensors.py\n"
    "  --stats S.safetensors    from sylkit presegment fit\n"
    "  --method NAME            sonority (default), norm-peaks, mincut, probe, greedy\n"
    "  -o DIR                   the same as --out\n"
    "  --jsonl FILE             the segments also as JSON lines, as sylkit segment writes them\n"
    "  --threads N              for the computation within one file (1)\n"
    "  --raw ENC:RATE:CHANNELS  the audio has no header: s16le:16000:1\n\n";

/* ---- options ------------------------------------------------------------------------ */

static int take_option(job *j, int option, const char *value)
{
    int code;
    if (option == 'o') option = SYL_OPT_OUT;
    if (syl_batch_args_take(&j->batch, option, value, &code)) return code;
    switch (option) {
    case OPT_STATS:
        j->stats_path = value;
        return SYL_EXIT_OK;
    case OPT_JSONL:
        j->jsonl = value;
        return SYL_EXIT_OK;
    case OPT_METHOD:
        return syl_option_choice(j->args.command, "--method", value, syl_presegment_method_names,
                                 &j->method);
    default:
        return syl_presegment_args_take(&j->args, option, value);
    }
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_PRESEGMENT_LONG_OPTIONS,
                                          SYL_BATCH_LONG_OPTIONS,
                                          {"stats", required_argument, NULL, OPT_STATS},
                                          {"method", required_argument, NULL, OPT_METHOD},
                                          {"jsonl", required_argument, NULL, OPT_JSONL},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, SYL_BATCH_SHORT_OPTIONS "o:", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->batch.help) return SYL_EXIT_OK;
    if (!j->args.teacher || !j->stats_path || !j->batch.out)
        return syl_usage(j->args.command, "--teacher, --stats and -o DIR are needed");
    if ((code = syl_batch_args_finish(&j->batch, argc, argv, optind))) return code;
    const char *kept[] = {j->args.teacher, j->stats_path};
    return syl_presegment_args_protect(&j->args, &j->batch.inputs, kept, 2, "--jsonl", j->jsonl);
}

/* ---- one recording ------------------------------------------------------------------ */

/* What is said of a recording as a JSON line. */
static syl_status write_line(job *j, const syl_input *input, const syl_span *spans, size_t count,
                             int64_t num_samples, syl_error *err)
{
    if (!j->lines) return SYL_OK;
    size_t size;
    double rate = syl_config_frame_rate(&j->teacher->config);
    syl_segment *segments = syl_calloc(count, sizeof *segments);
    FILE *text = open_memstream(&j->lines[input - j->batch.inputs.items], &size);
    syl_segment_record record = {.file = input->path,
                                 .sample_rate = j->teacher->config.sample_rate,
                                 .num_samples = num_samples,
                                 .frame_rate = rate,
                                 .num_frames = num_samples / syl_config_hop(&j->teacher->config),
                                 .segments = segments,
                                 .num_segments = count};
    for (size_t i = 0; segments && i < count; i++)
        segments[i] = (syl_segment){.start_frame = spans[i].start,
                                    .end_frame = spans[i].end,
                                    .start = spans[i].start / rate,
                                    .end = spans[i].end / rate,
                                    .token = -1,
                                    .residual_token = -1};
    syl_status status = segments && text ? syl_segments_write(text, SYL_FORMAT_JSONL, &record, err)
                                         : syl_fail_memory(err, count * sizeof *segments, "a line");
    if (text && fclose(text) && status == SYL_OK) status = syl_fail_memory(err, size, "a line");
    free(segments);
    return status;
}

static syl_status write_file(const job *j, const char *path, const syl_presegments *p, size_t n,
                             syl_error *err)
{
    int64_t count = (int64_t)p->segments.count, dim = j->teacher->config.dim;
    syl_st_tensor list[] = {{.name = "segments",
                             .dtype = SYL_I32,
                             .ndim = 2,
                             .shape = {count, 2},
                             .data = p->segments.items,
                             .count = 2 * p->segments.count},
                            {.name = "means",
                             .dtype = SYL_F32,
                             .ndim = 2,
                             .shape = {count, dim},
                             .data = p->means,
                             .count = (size_t)(count * dim)}};
    char samples[32];
    snprintf(samples, sizeof samples, "%zu", n);
    json_t *metadata = json_pack("{s:s, s:s}", "num_samples", samples, "method",
                                 syl_presegment_method_names[j->method]);
    syl_status status = syl_safetensors_write(path, list, 2, metadata, err);
    json_decref(metadata);
    return status;
}

static syl_status compute(job *j, const syl_input *input, const char *path, syl_error *err)
{
    float *samples;
    size_t n;
    syl_ctx *ctx = NULL;
    syl_presegments p = {0};
    SYL_TRY(syl_presegment_args_load(&j->args, j->teacher, input->path, &samples, &n, err));
    /* A context a recording: nearly every length needs its own primitives, so that nothing is
     * gained by keeping them. */
    syl_status status = syl_ctx_create(&ctx, j->args.threads, err);
    if (status == SYL_OK)
        status = syl_presegment(j->teacher, &j->stats, ctx, (syl_presegment_method)j->method,
                                samples, n, &p, err);
    if (status == SYL_OK) status = write_file(j, path, &p, n, err);
    if (status == SYL_OK)
        status = write_line(j, input, p.segments.items, p.segments.count, (int64_t)n, err);
    syl_progress_add_seconds(j->progress, (double)n / j->teacher->config.sample_rate);
    syl_presegments_free(&p);
    syl_ctx_free(ctx);
    free(samples);
    return status;
}

/* 1 when `path` holds what this run would make, as far as can be seen without doing it; its
 * line is written then. */
static int is_done(job *j, const syl_input *input, const char *path)
{
    syl_safetensors *file;
    if (syl_safetensors_open(&file, path, NULL)) return 0;
    const syl_st_tensor *segments = syl_safetensors_find(file, "segments");
    const syl_st_tensor *means = syl_safetensors_find(file, "means");
    const char *method = syl_safetensors_metadata(file, "method");
    const char *samples = syl_safetensors_metadata(file, "num_samples");
    int done = segments && segments->dtype == SYL_I32 && segments->ndim == 2 &&
               segments->shape[1] == 2 && means && means->ndim == 2 &&
               means->shape[0] == segments->shape[0] && means->shape[1] == j->teacher->config.dim &&
               method && samples && !strcmp(method, syl_presegment_method_names[j->method]);
    if (done) {
        size_t count = (size_t)segments->shape[0];
        syl_span *spans = syl_calloc(count, sizeof *spans);
        if (spans) memcpy(spans, segments->data, count * sizeof *spans);
        done = spans && !write_line(j, input, spans, count, strtoll(samples, NULL, 10), NULL);
        free(spans);
    }
    syl_safetensors_free(file);
    return done;
}

static syl_status work(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    char *path;
    (void)text;
    SYL_TRY(syl_output_path(&path, j->batch.out, input, "safetensors", err));
    syl_status status = SYL_OK;
    if (!j->batch.resume || !is_done(j, input, path)) status = compute(j, input, path, err);
    free(path);
    return status;
}

/* ---- all ---------------------------------------------------------------------------- */

static syl_status write_lines(const job *j, syl_error *err)
{
    syl_atomic file;
    SYL_TRY(syl_atomic_open(&file, j->jsonl, err));
    for (size_t i = 0; i < j->batch.inputs.count; i++)
        if (j->lines[i]) fputs(j->lines[i], file.stream);
    return syl_atomic_commit(&file, err);
}

static syl_status prepare(job *j, syl_error *err)
{
    SYL_TRY(syl_teacher_load(&j->teacher, j->args.teacher, err));
    SYL_TRY(syl_stats_read(&j->stats, j->stats_path, syl_teacher_levels(j->teacher),
                           j->teacher->config.dim, err));
    if (j->method == SYL_PRESEGMENT_PROBE && !j->stats.probe)
        return syl_fail(err, SYL_EINVAL, "%s holds no probe; make it with presegment fit --labels",
                        j->stats_path);
    if (!j->jsonl) return SYL_OK;
    j->lines = syl_calloc(j->batch.inputs.count, sizeof *j->lines);
    return j->lines ? SYL_OK
                    : syl_fail_memory(err, j->batch.inputs.count * sizeof(char *), "lines");
}

static int run(job *j)
{
    syl_error err;
    int code;
    if (prepare(j, &err))
        code = syl_report(NULL, &err);
    else
        code = syl_batch_args_run(&j->batch, work, j, &j->progress);
    if (j->lines && write_lines(j, &err)) code = syl_report(j->jsonl, &err);
    for (size_t i = 0; j->lines && i < j->batch.inputs.count; i++)
        free(j->lines[i]);
    free(j->lines);
    syl_stats_free(&j->stats);
    syl_teacher_free(j->teacher);
    return code;
}

int syl_cmd_presegment_run(int argc, char **argv)
{
    job j = {.args = syl_presegment_args_defaults(SYL_PRESEGMENT_RUN),
             .batch = syl_batch_args_defaults(SYL_PRESEGMENT_RUN)};
    int code = parse(&j, argc, argv);
    if (j.batch.help)
        printf("%s%s", help, syl_batch_help);
    else if (code == SYL_EXIT_OK)
        code = run(&j);
    syl_batch_args_free(&j.batch);
    return code;
}
