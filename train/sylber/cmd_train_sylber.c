/* sylkit train sylber */
#include <fnmatch.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/cli/inputs.h"
#include "lib/cli/option_table.h"
#include "sylber/model.h"
#include "train/cmd.h"
#include "train/labels.h"
#include "train/presegment/presegment.h"
#include "train/sylber/trainer.h"
#include "train/watch.h"

#define COMMAND "train sylber"
#define MIN_SECONDS 0.3

typedef struct arguments {
    const char *init, *config, *stats, *segments, *out, *list, *exclude, *noise;
    const char *valid_labels, *valid_audio, *device;
    int targets, precision, schedule;
    int steps, batch, accumulate, threads, loaders, cache, seed, log_every, checkpoint_every,
        validate_every, warmup, max_gap;
    double lr, min_factor, beta1, beta2, eps, weight_decay, clip, crop, max_seconds, ema, norm;
    double dropout, layer_drop, mix_noise, mix_speech, coloured_noise, babble, no_speech,
        change_speed, equalise;
    float merge[2], gain[2], noise_gain[2], speech_gain[2], snr[2], babble_snr[2], speed[2],
        warp[2];
    bool collage, freeze_convs, resume, quiet;
} arguments;

static const char *const target_names[] = {"means", "segments", "online", NULL};
static const char *const precision_names[] = {"f32", "bf16", NULL};
static const char *const schedule_names[] = {"constant", "cosine", "linear", NULL};

#define TEXT(name, field, help)                                             \
    {                                                                       \
        name, SYL_ARG_TEXT, offsetof(arguments, field), help, 0, 0, NULL, 1 \
    }
#define PLACE(name, field, help)                                            \
    {                                                                       \
        name, SYL_ARG_TEXT, offsetof(arguments, field), help, 0, 0, NULL, 0 \
    }
#define WHOLE(name, field, low, high, help)                                     \
    {                                                                           \
        name, SYL_ARG_INT, offsetof(arguments, field), help, low, high, NULL, 1 \
    }
#define FREE_WHOLE(name, field, low, high, help)                                \
    {                                                                           \
        name, SYL_ARG_INT, offsetof(arguments, field), help, low, high, NULL, 0 \
    }
#define REAL(name, field, low, high, help)                                       \
    {                                                                            \
        name, SYL_ARG_REAL, offsetof(arguments, field), help, low, high, NULL, 1 \
    }
#define RANGE(name, field, low, high, help)                                       \
    {                                                                             \
        name, SYL_ARG_RANGE, offsetof(arguments, field), help, low, high, NULL, 1 \
    }
#define CHOICE(name, field, names, help)                                       \
    {                                                                          \
        name, SYL_ARG_CHOICE, offsetof(arguments, field), help, 0, 0, names, 1 \
    }
#define FLAG(name, field, recorded, help)                                          \
    {                                                                              \
        name, SYL_ARG_FLAG, offsetof(arguments, field), help, 0, 0, NULL, recorded \
    }
#define HEADING(text)                                 \
    {                                                 \
        NULL, SYL_ARG_HEADING, 0, text, 0, 0, NULL, 0 \
    }

/* clang-format off */
static const syl_arg table[] = {
    HEADING("Model and data:"),
    TEXT("init", init, "weights to begin with: a sylkit model, a folder with a HubertModel"),
    TEXT("config", config, "configuration of the student (JSON), in place of the weights' own"),
    TEXT("stats", stats, "of `sylkit presegment fit`: the head starts as their standardisation"),
    CHOICE("targets", targets, target_names, "segments and their means from files; segments from files, "
           "means by\n        the teacher (stage 1); both by the teacher (stage 2)"),
    TEXT("segments", segments, "folder of `sylkit presegment run`, for --targets means and segments"),
    PLACE("out", out, "folder of the run: checkpoint, models, metrics"),
    TEXT("list", list, "recordings, one path a line, beside those on the command line"),
    TEXT("exclude-list", exclude, "recordings to leave out: patterns (*, ?) of their paths below the\n"
         "        folder given, without ending, one a line"),
    REAL("max-seconds", max_seconds, 0, 86400, "of a recording, the rest is not used; 0: all"),
    HEADING("Teacher (online targets):"),
    REAL("ema", ema, 0, 1, "decay of its moving average of the student; 1: frozen"),
    RANGE("merge", merge, -1, 1, "merge threshold, drawn anew for each batch"),
    REAL("norm", norm, 0, 1e9, "norm threshold; 0: follows the norms of speech and silence"),
    HEADING("Optimisation:"),
    FREE_WHOLE("steps", steps, 1, 1000000000, "updates in all"),
    WHOLE("batch", batch, 1, 4096, "crops of a micro-batch and rank"),
    WHOLE("accumulate", accumulate, 1, 4096, "micro-batches of an update"),
    REAL("lr", lr, 0, 10, "learning rate"),
    CHOICE("schedule", schedule, schedule_names, "of the learning rate after the warm-up"),
    WHOLE("warmup", warmup, 0, 1000000000, "updates in which the rate rises from 0"),
    REAL("min-factor", min_factor, 0, 1, "of the rate at the end"),
    REAL("beta1", beta1, 0, 0.999999, "of AdamW"),
    REAL("beta2", beta2, 0, 0.999999, "of AdamW"),
    REAL("eps", eps, 1e-20, 1, "of AdamW"),
    REAL("weight-decay", weight_decay, 0, 10, "of AdamW"),
    REAL("clip", clip, 0, 1e9, "largest norm of the gradient; 0: any"),
    REAL("dropout", dropout, 0, 0.9, "of hidden states, activations and attention"),
    REAL("layer-drop", layer_drop, 0, 0.9, "HuBERT shape: of whole layers"),
    FLAG("freeze-convs", freeze_convs, 1, "the convolutions before the transformer stay as they are"),
    CHOICE("precision", precision, precision_names, "of matrix products"),
    HEADING("Crops and noise (what the student hears):"),
    REAL("crop", crop, 0.1, 600, "seconds of a crop"),
    FLAG("collage", collage, 1, "fill a crop with several recordings"),
    WHOLE("max-gap", max_gap, 0, 1000, "frames of silence between them"),
    RANGE("gain", gain, -60, 60, "dB, of each recording of a collage"),
    PLACE("noise", noise, "list of noise recordings, one path a line"),
    REAL("mix-noise", mix_noise, 0, 1, "probability of a noise or of another speaker"),
    REAL("mix-speech", mix_speech, 0, 1, "share of these that is another speaker (all without --noise)"),
    RANGE("noise-gain", noise_gain, 0, 100, "factor of the noise"),
    RANGE("speech-gain", speech_gain, 0, 100, "factor of the other speaker"),
    REAL("coloured-noise", coloured_noise, 0, 1, "probability of white, low-passed, pink or brown noise"),
    RANGE("snr", snr, -40, 100, "dB, of that noise"),
    REAL("babble", babble, 0, 1, "probability of a babble of 3 to 6 other recordings"),
    RANGE("babble-snr", babble_snr, -40, 100, "dB, of the babble"),
    REAL("no-speech", no_speech, 0, 1, "probability of a crop with nothing but noise"),
    REAL("change-speed", change_speed, 0, 1, "collage: probability of another voice by resampling"),
    RANGE("speed", speed, 0.2, 5, "its factor"),
    REAL("equalise", equalise, 0, 10, "log-mel: deviation of a smooth random offset of channels"),
    RANGE("warp", warp, 0.5, 2, "log-mel: factor by which channels are moved"),
    HEADING("Validation (also chooses the thresholds in the model file):"),
    TEXT("valid-labels", valid_labels, "JSON list of {\"key\", \"syl\": [[start, end, ...], ...]}"),
    TEXT("valid-audio", valid_audio, "folder of its recordings, KEY.wav"),
    HEADING("The run:"),
    PLACE("device", device, "cpu, cuda, cuda:N, or auto: CUDA where it is there"),
    FREE_WHOLE("threads", threads, 1, 1024, "of computation"),
    FREE_WHOLE("loaders", loaders, 0, 256, "threads that make crops; 0: none"),
    FREE_WHOLE("cache", cache, 1, 1000000, "megabytes of recordings that stay in memory"),
    WHOLE("seed", seed, 0, 2147483647, "of everything that is drawn"),
    FREE_WHOLE("log-every", log_every, 1, 1000000, "steps between lines of metrics"),
    FREE_WHOLE("checkpoint-every", checkpoint_every, 1, 100000000, "steps between checkpoints"),
    FREE_WHOLE("validate-every", validate_every, 1, 100000000, "steps between validations"),
    FLAG("resume", resume, 0, "go on from the checkpoint in --out"),
    FLAG("quiet", quiet, 0, "no progress"),
};
/* clang-format on */
#define NUM_OPTIONS (sizeof table / sizeof *table)

static arguments defaults(void)
{
    return (arguments){.targets = SYL_TARGET_MEANS,
                       .steps = 3000,
                       .batch = 8,
                       .accumulate = 1,
                       .device = "cpu",
                       .threads = omp_get_max_threads(),
                       .loaders = 1,
                       .cache = 4000,
                       .seed = 1,
                       .log_every = 25,
                       .checkpoint_every = 200,
                       .validate_every = 500,
                       .lr = 3e-4,
                       .schedule = SYL_COSINE,
                       .warmup = 20,
                       .min_factor = 0.05,
                       .beta1 = 0.9,
                       .beta2 = 0.95,
                       .eps = 1e-6,
                       .weight_decay = 0.01,
                       .clip = 1,
                       .crop = 3.2,
                       .ema = 1,
                       .merge = {0.8f, 0.9f},
                       .gain = {-8, 6},
                       .max_gap = 15,
                       .mix_speech = 0.25,
                       .noise_gain = {0.05f, 0.7f},
                       .speech_gain = {0.05f, 0.2f},
                       .snr = {10, 40},
                       .babble_snr = {5, 30},
                       .speed = {0.78f, 1.28f},
                       .warp = {1, 1}};
}

static int check(const arguments *a)
{
    if (!a->init) return syl_usage(COMMAND, "give the weights to begin with (--init)");
    if (!a->out || !*a->out) return syl_usage(COMMAND, "give the folder of the run (--out)");
    if (a->targets != SYL_TARGET_ONLINE && !a->segments)
        return syl_usage(COMMAND, "--targets %s needs --segments", target_names[a->targets]);
    if (!a->valid_labels != !a->valid_audio)
        return syl_usage(COMMAND, "--valid-labels and --valid-audio go together");
    if (a->change_speed > 0 && (!a->collage || a->targets != SYL_TARGET_MEANS))
        return syl_usage(COMMAND, "--change-speed needs --collage and --targets means");
    return SYL_EXIT_OK;
}

/* ---- what the run is made of --------------------------------------------------------------------
 */

typedef struct job {
    arguments args;
    syl_ranks ranks;
    syl_device *device;
    syl_inputs inputs, noises;
    syl_sylber_trainer trainer;
    syl_example_source source;
    syl_validation validation;
    size_t num_references;
    syl_terminal terminal;
} job;

static syl_status load_student(job *j, syl_error *err)
{
    syl_safetensors *file;
    syl_config config;
    SYL_TRY(syl_model_open(j->args.init, j->args.config, &file, &config, err));
    syl_network **student = &j->trainer.student;
    syl_status status = syl_network_create(student, &config, err);
    if (status == SYL_OK)
        status = (*student)->ops->load(*student, file, syl_model_prefix(file, &config), err);
    syl_safetensors_free(file);
    return status;
}

static syl_status start_head(job *j, syl_error *err)
{
    syl_stats stats;
    const char *path = j->args.stats;
    int dim = j->trainer.student->config.dim;
    if (!path) return SYL_OK;
    SYL_TRY(syl_stats_read(&stats, path, 0, dim, err));
    int64_t last = (int64_t)(stats.levels - 1) * dim;
    syl_status status = syl_network_start_head(j->trainer.student, stats.mean + last,
                                               stats.std + last, SYL_TARGET_SCALE, err);
    syl_stats_free(&stats);
    return status;
}

static void prepare_student(job *j)
{
    const arguments *a = &j->args;
    syl_network *n = j->trainer.student;
    float drop = (float)a->dropout;
    n->dropout = (syl_network_dropout){drop, drop, drop, drop, (float)a->layer_drop};
    for (int i = 0; a->freeze_convs && i < n->set.count; i++)
        n->set.item[i]->frozen = !strncmp(n->set.item[i]->name, "feature_extractor.", 18) ||
                                 !strncmp(n->set.item[i]->name, "stem.", 5);
}

static bool is_excluded(const char *relative, const syl_inputs *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!fnmatch(patterns->items[i].path, relative, 0)) return true;
    return false;
}

/* Folders that could not be read, and the like. */
static syl_status check_inputs(const syl_inputs *inputs, syl_error *err)
{
    for (size_t i = 0; i < inputs->count; i++)
        if (inputs->items[i].error)
            return syl_fail(err, SYL_EIO, "%s: %s", inputs->items[i].path, inputs->items[i].error);
    return SYL_OK;
}

/* Inputs that are to be used, as paths and keys; returns how many. */
static int choose(const syl_inputs *inputs, const syl_inputs *patterns, const char **paths,
                  const char **keys)
{
    int n = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        if (is_excluded(inputs->items[i].relative, patterns)) continue;
        paths[n] = inputs->items[i].path;
        keys[n++] = inputs->items[i].relative;
    }
    return n;
}

static syl_status make_utterances(const syl_inputs *inputs, const syl_inputs *patterns,
                                  const syl_utterances_options *options, const char *what,
                                  syl_utterances **out, syl_error *err)
{
    SYL_TRY(check_inputs(inputs, err));
    const char **names = syl_calloc(2 * inputs->count, sizeof *names);
    if (!names) return syl_fail_memory(err, 2 * inputs->count * sizeof *names, "a list");
    int n = choose(inputs, patterns, names, names + inputs->count);
    syl_status status =
        n ? syl_utterances_create(out, options, names, names + inputs->count, n, err)
          : syl_fail(err, SYL_EINVAL, "no recordings %s; name files, folders or --list", what);
    free(names);
    return status;
}

static syl_utterances_options audio_options(const job *j)
{
    const syl_config *c = &j->trainer.student->config;
    return (syl_utterances_options){.sample_rate = c->sample_rate,
                                    .hop = syl_config_hop(c),
                                    .dim =
                                        j->args.targets == SYL_TARGET_MEANS ? syl_config_dim(c) : 0,
                                    .unit_variance = c->kind == SYL_ENCODER_HUBERT,
                                    .max_bytes = (size_t)j->args.cache * 1000000};
}

static syl_status open_speech(job *j, syl_error *err)
{
    syl_utterances_options options = audio_options(j);
    syl_inputs patterns = {0};
    if (j->args.list) SYL_TRY(syl_inputs_add_list(&j->inputs, j->args.list, err));
    if (j->args.exclude) SYL_TRY(syl_inputs_add_list(&patterns, j->args.exclude, err));
    options.min_samples = (int64_t)(MIN_SECONDS * options.sample_rate);
    options.max_samples = (int64_t)(j->args.max_seconds * options.sample_rate);
    options.segments = j->args.targets == SYL_TARGET_ONLINE ? NULL : j->args.segments;
    syl_status status =
        make_utterances(&j->inputs, &patterns, &options, "to train on", &j->source.speech, err);
    syl_inputs_free(&patterns);
    return status;
}

static syl_status open_noises(job *j, syl_error *err)
{
    syl_utterances_options options = audio_options(j);
    syl_inputs none = {0};
    if (!j->args.noise) return SYL_OK;
    SYL_TRY(syl_inputs_add_list(&j->noises, j->args.noise, err));
    return make_utterances(&j->noises, &none, &options, "in --noise", &j->source.noises, err);
}

static syl_status read_reference(const syl_labels *labels, size_t i, syl_boundaries *out,
                                 syl_error *err)
{
    double *times;
    size_t count;
    SYL_TRY(syl_labels_boundaries(labels, i, &times, &count, err));
    syl_status status =
        syl_boundaries_create(out, (const double(*)[2])(const void *)times, count / 2, false, err);
    free(times);
    return status;
}

/* Read now, so that one that is missing is not found out hours later. */
static syl_status read_validation(syl_utterances *speech, syl_error *err)
{
    const syl_utterance *u;
    for (int i = 0; i < syl_utterances_count(speech); i++) {
        SYL_TRY(syl_utterances_get(speech, i, &u, err));
        syl_utterances_release(speech, u);
    }
    return SYL_OK;
}

static syl_status open_validation(job *j, syl_error *err)
{
    syl_labels labels;
    syl_inputs none = {0};
    syl_utterances_options options = audio_options(j);
    if (!j->args.valid_labels) return SYL_OK;
    SYL_TRY(syl_labels_read(&labels, j->args.valid_labels, j->args.valid_audio, err));
    size_t n = labels.inputs.count;
    syl_status status = make_utterances(&labels.inputs, &none, &options, "to validate with",
                                        &j->validation.speech, err);
    if (status == SYL_OK) status = read_validation(j->validation.speech, err);
    j->validation.reference = syl_calloc(n, sizeof *j->validation.reference);
    if (status == SYL_OK && !j->validation.reference)
        status = syl_fail_memory(err, n * sizeof *j->validation.reference, "references");
    for (; status == SYL_OK && j->num_references < n; j->num_references++)
        status = read_reference(&labels, j->num_references,
                                &j->validation.reference[j->num_references], err);
    syl_labels_free(&labels);
    j->trainer.validation = &j->validation;
    return status;
}

static syl_range range(const float value[2])
{
    return (syl_range){value[0], value[1]};
}

static void describe_source(job *j)
{
    const arguments *a = &j->args;
    const syl_network *n = j->trainer.student;
    j->source.config = &n->config;
    j->source.ops = n->ops;
    j->source.clean = a->targets != SYL_TARGET_MEANS;
    j->source.seed = (uint64_t)a->seed;
    j->source.options = (syl_example_options){
        .frames = (int64_t)(a->crop * syl_config_frame_rate(&n->config) + 0.5),
        .collage = a->collage,
        .max_gap = a->max_gap,
        .gain_db = range(a->gain),
        .mix_noise = (float)a->mix_noise,
        .mix_speech = (float)a->mix_speech,
        .noise_gain = range(a->noise_gain),
        .speech_gain = range(a->speech_gain),
        .coloured_noise = (float)a->coloured_noise,
        .babble = (float)a->babble,
        .no_speech = (float)a->no_speech,
        .snr_db = range(a->snr),
        .babble_snr_db = range(a->babble_snr),
        .change_speed = (float)a->change_speed,
        .speed = range(a->speed),
        .equalise = (float)a->equalise,
        .warp = range(a->warp)};
}

static void describe_trainer(job *j)
{
    const arguments *a = &j->args;
    syl_sylber_trainer *t = &j->trainer;
    t->options = (syl_sylber_options){.targets = (syl_target_kind)a->targets,
                                      .ema_decay = a->ema,
                                      .merge = range(a->merge),
                                      .norm = a->norm,
                                      .thresholder = syl_thresholder_released(),
                                      .compute = a->precision ? SYL_BF16 : SYL_F32};
    t->optimizer = (syl_optimizer){
        .adamw = {.lr = (float)a->lr,
                  .beta1 = (float)a->beta1,
                  .beta2 = (float)a->beta2,
                  .eps = (float)a->eps,
                  .weight_decay = (float)a->weight_decay},
        .clip = a->clip,
        .schedule = {(syl_schedule_kind)a->schedule, a->warmup, a->steps, a->min_factor}};
    t->source = &j->source;
    t->ranks = &j->ranks;
    t->seed = (uint64_t)a->seed;
    t->user = &j->terminal;
    t->skipped = syl_terminal_skipped;
}

static syl_status set_up(job *j, syl_error *err)
{
    SYL_TRY(syl_train_device(&j->device, j->args.device, &j->ranks, err));
    SYL_TRY(load_student(j, err));
    SYL_TRY(start_head(j, err));
    prepare_student(j);
    SYL_TRY(open_speech(j, err));
    SYL_TRY(open_noises(j, err));
    SYL_TRY(open_validation(j, err));
    describe_source(j);
    describe_trainer(j);
    return syl_sylber_trainer_start(&j->trainer, err);
}

/* The names of a set of recordings as a number (FNV-1a), so that a resumed run has the same. */
static void add_recordings(json_t *to, const char *key, const syl_utterances *all)
{
    uint64_t hash = SYL_HASH_START;
    char text[64];
    for (int i = 0; all && i < syl_utterances_count(all); i++) {
        const char *path = syl_utterances_path(all, i), *name = strrchr(path, '/');
        hash = syl_hash_text(hash, name ? name : path);
    }
    snprintf(text, sizeof text, "%d, %016llx", all ? syl_utterances_count(all) : 0,
             (unsigned long long)hash);
    json_object_set_new(to, key, json_string(text));
}

/* What a resumed run must share: the recorded options, the recordings, the number of processes, and
 * where the learning rate falls, until when. Owned by the caller; NULL: no memory. */
static char *identity_of(const job *j)
{
    char number[32], *text = syl_args_record(table, NUM_OPTIONS, &j->args);
    json_t *all = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!all) return NULL;
    add_recordings(all, "recordings", j->source.speech);
    add_recordings(all, "noise recordings", j->source.noises);
    snprintf(number, sizeof number, "%d", j->ranks.count);
    json_object_set_new(all, "processes", json_string(number));
    snprintf(number, sizeof number, "%d", j->args.steps);
    if (j->args.schedule != SYL_CONSTANT) json_object_set_new(all, "steps", json_string(number));
    text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(all);
    return text;
}

static syl_status run(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    SYL_TRY(set_up(j, err));
    char *identity = identity_of(j);
    if (!identity) return syl_fail(err, SYL_ENOMEM, "no memory for the options");
    syl_train_task task = syl_sylber_task(&j->trainer, identity);
    syl_train_options options = {.folder = a->out,
                                 .resume = a->resume,
                                 .steps = a->steps,
                                 .checkpoint_every = a->checkpoint_every,
                                 .validate_every = a->validate_every,
                                 .log_every = a->log_every,
                                 .batch = a->batch,
                                 .accumulate = a->accumulate,
                                 .device = j->device,
                                 .threads = a->threads,
                                 .loaders = a->loaders,
                                 .compute = j->trainer.options.compute,
                                 .seed = (uint64_t)a->seed};
    syl_train_watch watch = syl_terminal_watch(&j->terminal);
    syl_status status = syl_train_run(&task, &options, &j->ranks, &watch, err);
    free(identity);
    return status;
}

static void job_free(job *j)
{
    syl_sylber_trainer_free(&j->trainer);
    syl_utterances_free(j->source.speech);
    syl_utterances_free(j->source.noises);
    syl_utterances_free(j->validation.speech);
    for (size_t i = 0; i < j->num_references; i++)
        syl_boundaries_free(&j->validation.reference[i]);
    free(j->validation.reference);
    syl_inputs_free(&j->inputs);
    syl_inputs_free(&j->noises);
    syl_device_close(j->device);
}

/* Adds what stands behind the options. */
static syl_status take_inputs(job *j, int argc, char **argv, syl_error *err)
{
    for (int i = 0; i < argc; i++)
        SYL_TRY(syl_inputs_add(&j->inputs, argv[i], err));
    return SYL_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    int code = check(&j->args);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = syl_training_begin(&j->terminal, &j->ranks, j->args.quiet, &err);
    if (status == SYL_OK) status = take_inputs(j, argc, argv, &err);
    if (status == SYL_OK) status = run(j, &err);
    code = syl_training_end(&j->terminal, &j->ranks, status, &err);
    job_free(j);
    return code;
}

static const char usage[] =
    "Usage: sylkit train sylber --init WEIGHTS --out DIR [OPTIONS] RECORDINGS...\n"
    "Trains a syllabic encoder by self-segmentation distillation (Cho et al. 2025): frames of a\n"
    "segment learn the mean of their segment, silence learns 0. RECORDINGS are files and\n"
    "folders. A run that was stopped goes on with --resume.";

/* So that the help shows the defaults whatever was given. */
static void refine(void *args)
{
    *(arguments *)args = defaults();
}

int syl_cmd_train_sylber(int argc, char **argv)
{
    syl_arg_command command = {.name = COMMAND,
                               .usage = usage,
                               .table = table,
                               .count = NUM_OPTIONS,
                               .start = start,
                               .footer = SYL_TRAINING_FOOTER,
                               .refine = refine};
    job j = {.args = defaults()};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
