/* sylkit presegment fit: the statistics of a corpus that presegmentation needs.
 *
 * Three passes, since each needs what the one before has found: means and deviations of the
 * features; deviations of the curves of the sonority method; the probe. One recording at a time,
 * so that the result does not depend on the order in which threads finish. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/cli/options.h"
#include "train/labels.h"
#include "train/presegment/presegment.h"
#include "train/presegment/speech_regions.h"
#include "train/presegment_args.h"

enum { OPT_LABELS = 1, OPT_AUDIO_DIR };

typedef struct job {
    syl_presegment_args args;
    syl_batch_args batch;
    const char *output, *labels_path, *audio_dir;
    syl_teacher *teacher;
    syl_ctx *ctx;
    syl_labels labels;
    syl_moments features, curves;
    syl_probe_fit probe;
    syl_stats stats;
    bool *failed; /* [inputs] in the first pass, so that it is said once */
    syl_progress *progress;
} job;

static const char help[] =
    "Usage: sylkit presegment fit --teacher T -o STATS [OPTIONS] INPUT...\n"
    "Means and deviations of the teacher's features over the inputs, for presegment run.\n\n"
    "  --teacher T.safetensors  from egs/sylber_small/local/whisper2safetensors.py\n"
    "  -o, --output FILE        the statistics, a safetensors file\n"
    "  --labels L.json          also fit the probe: a list of {\"key\", \"syl\": [[start, end, "
    "...],\n"
    "                           ...]}, seconds\n"
    "  --audio-dir DIR          where the labels' recordings are, as KEY.wav (/ of a key may be\n"
    "                           __)\n"
    "  --threads N              for the computation (1)\n"
    "  --raw ENC:RATE:CHANNELS  the audio has no header: s16le:16000:1\n\n"
    "Inputs and runs:\n"
    "  INPUT                    an audio file, a folder (all audio files below it)\n"
    "  --list FILE              audio files named in FILE, one a line; - for standard input\n"
    "  -q, --quiet              no progress bar, no summary\n"
    "  -h, --help\n";

/* ---- options ------------------------------------------------------------------------ */

static int take_option(job *j, int option, const char *value)
{
    int code;
    switch (option) {
    case 'o':
        j->output = value;
        return SYL_EXIT_OK;
    case OPT_LABELS:
        j->labels_path = value;
        return SYL_EXIT_OK;
    case OPT_AUDIO_DIR:
        j->audio_dir = value;
        return SYL_EXIT_OK;
    default:
        if (syl_batch_args_take(&j->batch, option, value, &code)) return code;
        return syl_presegment_args_take(&j->args, option, value);
    }
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_PRESEGMENT_LONG_OPTIONS,
                                          {"output", required_argument, NULL, 'o'},
                                          {"labels", required_argument, NULL, OPT_LABELS},
                                          {"audio-dir", required_argument, NULL, OPT_AUDIO_DIR},
                                          {"list", required_argument, NULL, SYL_OPT_LIST},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "o:qh", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->batch.help) return SYL_EXIT_OK;
    if (!j->args.teacher || !j->output)
        return syl_usage(j->args.command, "--teacher and -o FILE are needed");
    if (!j->labels_path != !j->audio_dir)
        return syl_usage(j->args.command, "--labels and --audio-dir go together");
    if ((code = syl_batch_args_finish(&j->batch, argc, argv, optind))) return code;
    for (size_t i = 0; i < j->batch.inputs.count; i++)
        if (!strcmp(j->batch.inputs.items[i].path, "-"))
            return syl_usage(j->args.command, "inputs are read twice, so not from standard input");
    const char *kept[] = {j->args.teacher, j->labels_path};
    return syl_presegment_args_protect(&j->args, &j->batch.inputs, kept, 2, "-o", j->output);
}

/* ---- passes ------------------------------------------------------------------------- */

typedef syl_status (*use)(job *j, const syl_heard *utterance, size_t index, syl_error *err);

/* Encodes a recording and hands it to `f`. */
static syl_status with_utterance(job *j, const char *path, bool standardised, use f, size_t index,
                                 syl_error *err)
{
    const syl_config *c = &j->teacher->config;
    float *samples;
    size_t n;
    syl_hidden hidden = {0};
    SYL_TRY(syl_presegment_args_load(&j->args, j->teacher, path, &samples, &n, err));
    syl_status status = syl_teacher_encode(j->teacher, j->ctx, samples, n, &hidden, err);
    if (status == SYL_OK) {
        if (standardised) syl_stats_standardise(&j->stats, &hidden);
        syl_heard u = {.samples = samples,
                       .n = n,
                       .sample_rate = c->sample_rate,
                       .hop = syl_config_hop(c),
                       .hidden = &hidden};
        status = f(j, &u, index, err);
    }
    syl_progress_add_seconds(j->progress, (double)n / c->sample_rate);
    syl_hidden_free(&hidden);
    free(samples);
    return status;
}

static syl_status add_features(job *j, const syl_heard *u, size_t index, syl_error *err)
{
    const syl_hidden *h = u->hidden;
    (void)index, (void)err;
    for (int64_t t = 0; t < h->frames; t++) {
        syl_moments_begin(&j->features);
        for (int level = 0; level < h->levels; level++)
            syl_moments_take(&j->features, level * h->dim, syl_hidden_level(h, level) + t * h->dim,
                             h->dim);
    }
    j->stats.recordings++;
    return SYL_OK;
}

static void add_curve_frame(job *j, const double *curves, int64_t frames, int64_t t)
{
    syl_moments_begin(&j->curves);
    for (int c = 0; c < SYL_NUM_CURVES; c++) {
        float value = (float)curves[c * frames + t];
        syl_moments_take(&j->curves, c, &value, 1);
    }
}

static syl_status add_curves(job *j, const syl_heard *u, size_t index, syl_error *err)
{
    int64_t frames = u->hidden->frames;
    size_t count = syl_mul_size(SYL_NUM_CURVES, (size_t)frames);
    double *curves = syl_calloc(count, sizeof *curves);
    syl_spans speech = {0};
    (void)index;
    if (!curves) return syl_fail_memory(err, count * sizeof *curves, "curves");
    syl_status status = syl_speech_regions(u->samples, u->n, u->hop, &speech, err);
    if (status == SYL_OK) status = syl_sonority_curves(j->ctx, u, curves, err);
    for (size_t i = 0; status == SYL_OK && i < speech.count; i++)
        for (int64_t t = speech.items[i].start; t < speech.items[i].end; t++)
            add_curve_frame(j, curves, frames, t);
    syl_spans_free(&speech);
    free(curves);
    return status;
}

static syl_status add_labels(job *j, const syl_heard *u, size_t index, syl_error *err)
{
    const syl_hidden *h = u->hidden;
    double *boundaries, *target = syl_calloc((size_t)h->frames, sizeof *target);
    size_t count;
    if (!target) return syl_fail_memory(err, (size_t)h->frames * sizeof *target, "targets");
    syl_status status = syl_labels_boundaries(&j->labels, index, &boundaries, &count, err);
    if (status == SYL_OK) {
        syl_probe_target(boundaries, count, (double)u->sample_rate / u->hop, h->frames, target);
        status = syl_probe_fit_add(&j->probe, j->ctx, syl_hidden_level(h, h->levels - 1), h->frames,
                                   target, err);
        free(boundaries);
    }
    if (status == SYL_OK) j->stats.labelled++;
    free(target);
    return status;
}

static syl_status first_pass(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    size_t i = (size_t)(input - j->batch.inputs.items);
    (void)text;
    syl_status status = with_utterance(j, input->path, false, add_features, i, err);
    j->failed[i] = status != SYL_OK;
    return status;
}

static syl_status second_pass(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    size_t i = (size_t)(input - j->batch.inputs.items);
    (void)text;
    return j->failed[i] ? SYL_OK : with_utterance(j, input->path, true, add_curves, i, err);
}

static syl_status label_pass(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    size_t i = (size_t)(input - j->labels.inputs.items);
    (void)text;
    return with_utterance(j, input->path, true, add_labels, i, err);
}

static int run_pass(job *j, const syl_inputs *inputs, syl_batch_work work)
{
    j->progress = syl_progress_create(inputs->count, j->batch.quiet);
    syl_batch batch = {.inputs = inputs,
                       .work = work,
                       .user = j,
                       .progress = j->progress,
                       .jobs = 1,
                       .quiet = j->batch.quiet};
    int code = syl_batch_run(&batch);
    syl_progress_free(j->progress);
    j->progress = NULL;
    return code;
}

/* ---- all ---------------------------------------------------------------------------- */

static syl_status prepare(job *j, syl_error *err)
{
    SYL_TRY(syl_teacher_load(&j->teacher, j->args.teacher, err));
    int levels = syl_teacher_levels(j->teacher), dim = j->teacher->config.dim;
    if (j->labels_path) SYL_TRY(syl_labels_read(&j->labels, j->labels_path, j->audio_dir, err));
    SYL_TRY(syl_ctx_create(&j->ctx, j->args.threads, err));
    SYL_TRY(syl_moments_create(&j->features, levels * dim, err));
    SYL_TRY(syl_moments_create(&j->curves, SYL_NUM_CURVES, err));
    SYL_TRY(syl_stats_create(&j->stats, levels, dim, err));
    j->failed = syl_calloc(j->batch.inputs.count, sizeof *j->failed);
    return j->failed ? SYL_OK : syl_fail_memory(err, j->batch.inputs.count, "the inputs");
}

static syl_status settle_features(job *j, syl_error *err)
{
    syl_stats *s = &j->stats;
    if (j->features.count < 2)
        return syl_fail(err, SYL_EINVAL, "%lld frames of audio are too few to fit anything on",
                        (long long)j->features.count);
    s->frames = j->features.count;
    for (int i = 0; i < s->levels * s->dim; i++) {
        s->mean[i] = (float)j->features.mean[i];
        s->std[i] = (float)syl_moments_deviation(&j->features, i);
    }
    return SYL_OK;
}

static syl_status settle_probe(job *j, syl_error *err)
{
    syl_stats *s = &j->stats;
    size_t size = (size_t)SYL_PROBE_TAPS * (size_t)s->dim;
    s->probe = syl_calloc(size, sizeof *s->probe);
    if (!s->probe) return syl_fail_memory(err, size * sizeof *s->probe, "a probe");
    return syl_probe_fit_solve(&j->probe, s->probe, &s->probe_bias, err);
}

/* *code becomes SYL_EXIT_FAILED when inputs failed; the rest is fitted on all the same. */
static syl_status fit(job *j, int *code, syl_error *err)
{
    SYL_TRY(prepare(j, err));
    *code = run_pass(j, &j->batch.inputs, first_pass);
    SYL_TRY(settle_features(j, err));
    if (run_pass(j, &j->batch.inputs, second_pass)) *code = SYL_EXIT_FAILED;
    for (int c = 0; c < SYL_NUM_CURVES; c++)
        j->stats.scale[c] = (float)syl_moments_deviation(&j->curves, c);
    if (j->labels_path) {
        SYL_TRY(syl_probe_fit_create(&j->probe, j->stats.dim, err));
        if (run_pass(j, &j->labels.inputs, label_pass)) *code = SYL_EXIT_FAILED;
        SYL_TRY(settle_probe(j, err));
    }
    return syl_stats_write(&j->stats, j->output, err);
}

static int run(job *j)
{
    syl_error err;
    int code = SYL_EXIT_OK;
    if (fit(j, &code, &err)) code = syl_report(NULL, &err);
    free(j->failed);
    syl_probe_fit_free(&j->probe);
    syl_stats_free(&j->stats);
    syl_moments_free(&j->features);
    syl_moments_free(&j->curves);
    syl_labels_free(&j->labels);
    syl_ctx_free(j->ctx);
    syl_teacher_free(j->teacher);
    return code;
}

int syl_cmd_presegment_fit(int argc, char **argv)
{
    job j = {.args = syl_presegment_args_defaults(SYL_PRESEGMENT_FIT),
             .batch = syl_batch_args_defaults(SYL_PRESEGMENT_FIT)};
    int code = parse(&j, argc, argv);
    if (j.batch.help)
        fputs(help, stdout);
    else if (code == SYL_EXIT_OK)
        code = run(&j);
    syl_batch_args_free(&j.batch);
    return code;
}
