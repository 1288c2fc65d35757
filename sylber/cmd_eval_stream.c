/* sylkit eval stream: how near live output comes to the whole recording's, and how late it is. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/audio_file.h"
#include "lib/cli/inputs.h"
#include "lib/cli/options.h"
#include "sylber/cmd.h"
#include "sylber/model_options.h"
#include "sylber/stream_eval.h"

#define MAX_ROWS 6

enum { OPT_FEED = 1, OPT_LIST, OPT_JSON };

static const double curve[MAX_ROWS] = {0, 0.16, 0.32, 0.64, 1.28, INFINITY};

typedef struct evaluation {
    syl_model_args model_args;
    syl_inputs inputs;
    double feed; /* seconds */
    bool json, help;
    syl_model *model;
    syl_model_info info;
    bool hubert;
    double lookahead[MAX_ROWS];
    syl_stream_score score[MAX_ROWS];
    int rows;
} evaluation;

static const char help[] =
    "Usage: sylkit eval stream [OPTIONS] INPUT...\n"
    "Plays recordings to a stream and compares what it says with the whole recording at once\n"
    "(frames, voicing, boundaries, segments, tokens), and tells how long after its end a syllable\n"
    "is final, in seconds of sound: `ahead` until the model knew its last frame, `lag` of the\n"
    "segmentation. Models of the HuBERT shape get a row for each look-ahead.\n\n"
    "  --feed X                 seconds of sound given at a time (0.02)\n"
    "  --hop X                  hubert models: seconds between windows (0.32)\n"
    "  --lookahead X            hubert models: this one alone, in place of 0, 0.16, 0.32, 0.64,\n"
    "                           1.28 and all\n"
    "  --list FILE              recordings named in FILE, one a line\n"
    "  --json                   one JSON object a row in place of the tables\n\n";

/* ---- measuring ------------------------------------------------------------------------- */

static syl_status add_recording(evaluation *e, const char *path, syl_error *err)
{
    syl_audio_info info;
    float *samples;
    size_t n;
    syl_status status = SYL_OK;
    SYL_TRY(syl_audio_load(path, e->model_args.raw, &samples, &n, &info, err));
    for (int i = 0; i < e->rows && status == SYL_OK; i++) {
        syl_stream_options o = e->model_args.stream;
        o.sample_rate = info.sample_rate;
        if (e->hubert) o.lookahead_seconds = e->lookahead[i];
        /* With all of the future nothing has to be guessed. */
        if (e->hubert && isinf(o.lookahead_seconds)) o.prior_seconds = 0;
        status = syl_stream_score_add(&e->score[i], e->model, &o, e->feed, samples, n, err);
    }
    free(samples);
    return status;
}

static syl_status prepare(evaluation *e, syl_error *err)
{
    SYL_TRY(syl_model_args_load(&e->model, &e->model_args, err));
    syl_model_get_info(e->model, &e->info);
    e->hubert = !strcmp(e->info.encoder, "hubert");
    bool one = !e->hubert || !isnan(e->model_args.lookahead);
    SYL_TRY(syl_live_args_finish(&e->model_args, &e->info, err));
    e->rows = one ? 1 : MAX_ROWS;
    memcpy(e->lookahead, curve, sizeof curve);
    if (one)
        e->lookahead[0] =
            e->hubert ? e->model_args.stream.lookahead_seconds : e->info.lookahead_seconds;
    return SYL_OK;
}

/* Recordings that cannot be read are told of and left out. */
static int measure(evaluation *e)
{
    int code = SYL_EXIT_OK;
    for (size_t i = 0; i < e->inputs.count; i++) {
        const syl_input *input = &e->inputs.items[i];
        syl_error err = {0};
        if (input->error) {
            fprintf(stderr, "sylkit: %s\n", input->error);
            code = SYL_EXIT_FAILED;
        } else if (add_recording(e, input->path, &err)) {
            code = syl_report(input->path, &err);
        }
    }
    if (e->score[0].recordings) return code;
    fputs("sylkit eval stream: no recording could be used\n", stderr);
    return SYL_EXIT_FAILED;
}

/* ---- results --------------------------------------------------------------------------- */

static double part(int64_t some, int64_t all)
{
    return all ? (double)some / (double)all : NAN;
}

static double mean(const syl_sample *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->count; i++)
        sum += s->values[i];
    return s->count ? sum / (double)s->count : NAN;
}

static syl_boundary_score boundaries(const syl_stream_score *s, int frames, double frame_rate)
{
    return syl_boundaries_score(s->hyp, s->ref, s->recordings, 0, 1000 * frames / frame_rate);
}

/* JSON has no NaN: what there is none of is null. */
static json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static void set_sample(json_t *row, const char *name, syl_sample *s)
{
    json_object_set_new(row, name,
                        json_pack("{s:o, s:o, s:I}", "p50", real(syl_sample_quantile(s, 0.5)),
                                  "p95", real(syl_sample_quantile(s, 0.95)), "count",
                                  (json_int_t)s->count));
}

static void print_json(const evaluation *e, syl_stream_score *s, double lookahead)
{
    json_t *row =
        json_pack("{s:s, s:o, s:o, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "encoder",
                  e->info.encoder, "lookahead", real(lookahead), "hop",
                  e->hubert ? json_real(e->model_args.stream.hop_seconds) : json_null(),
                  "recordings", (json_int_t)s->recordings, "seconds", s->seconds, "cosine_mean",
                  real(mean(&s->cosine)), "cosine_p5", real(syl_sample_quantile(&s->cosine, 0.05)),
                  "voiced_agreement", real(part(s->voiced_same, s->frames)), "exact_segments",
                  real(part(s->exact, s->ref_segments)), "segment_ratio",
                  real(part(s->hyp_segments, s->ref_segments)), "token_agreement",
                  real(e->info.tokens ? part(s->same_token, s->exact) : NAN), "revised",
                  real(part(s->revised, s->provisional)), "real_time_factor",
                  real(s->seconds > 0 ? s->compute_seconds / s->seconds : NAN));
    for (int frames = 0; frames <= 2; frames++) {
        static const char *const names[] = {"boundaries_0", "boundaries_1", "boundaries_2"};
        syl_boundary_score b = boundaries(s, frames, e->info.frame_rate);
        json_object_set_new(row, names[frames],
                            json_pack("{s:o, s:o}", "f1", real(b.f1), "r_value", real(b.r_value)));
    }
    set_sample(row, "latency", &s->total);
    set_sample(row, "latency_ahead", &s->ahead);
    set_sample(row, "latency_lag", &s->lag);
    set_sample(row, "latency_first", &s->first);
    json_dumpf(row, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(row);
}

static void print_agreement(const evaluation *e, syl_stream_score *s, double lookahead)
{
    printf(isinf(lookahead) ? "      all" : "%9.2f", lookahead);
    printf(" %9.4f %9.4f %9.4f", mean(&s->cosine), syl_sample_quantile(&s->cosine, 0.05),
           part(s->voiced_same, s->frames));
    for (int frames = 0; frames <= 2; frames++)
        printf(" %9.4f", boundaries(s, frames, e->info.frame_rate).f1);
    printf(" %9.4f %9.4f %9.4f", boundaries(s, 1, e->info.frame_rate).r_value,
           part(s->exact, s->ref_segments), part(s->hyp_segments, s->ref_segments));
    if (e->info.tokens)
        printf(" %9.4f", part(s->same_token, s->exact));
    else
        printf(" %9s", "-");
    printf(" %9.4f %9.4f\n", part(s->revised, s->provisional), s->compute_seconds / s->seconds);
}

static void print_latency(syl_stream_score *s, double lookahead)
{
    syl_sample *samples[] = {&s->total, &s->ahead, &s->lag, &s->first};
    printf(isinf(lookahead) ? "      all" : "%9.2f", lookahead);
    printf(" %9zu", s->total.count);
    for (int i = 0; i < 4; i++)
        printf(" %9.3f %9.3f", syl_sample_quantile(samples[i], 0.5),
               syl_sample_quantile(samples[i], 0.95));
    putchar('\n');
}

static void print_tables(evaluation *e)
{
    printf("recordings %zu, %.1f s, feeds of %g s", e->score[0].recordings, e->score[0].seconds,
           e->feed);
    if (e->hubert) printf(", hop %g s", e->model_args.stream.hop_seconds);
    printf("\n%9s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "lookahead", "cosine", "p5",
           "voiced", "F1 +-0", "F1 +-1", "F1 +-2", "R +-1", "exact", "segments", "tokens",
           "revised", "RTF");
    for (int i = 0; i < e->rows; i++)
        print_agreement(e, &e->score[i], e->lookahead[i]);
    printf("\n%9s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "lookahead", "syllables", "total p50",
           "p95", "ahead p50", "p95", "lag p50", "p95", "first p50", "p95");
    for (int i = 0; i < e->rows; i++)
        print_latency(&e->score[i], e->lookahead[i]);
}

static int run(evaluation *e)
{
    syl_error err;
    if (prepare(e, &err)) return syl_report(e->model_args.path, &err);
    int code = measure(e);
    if (!e->score[0].recordings) return code;
    for (int i = 0; i < e->rows && e->json; i++)
        print_json(e, &e->score[i], e->lookahead[i]);
    if (!e->json) print_tables(e);
    return code;
}

/* ---- command line ---------------------------------------------------------------------- */

static int take_option(evaluation *e, int option, const char *value)
{
    syl_error err;
    switch (option) {
    case OPT_FEED:
        return syl_option_double("eval stream", "--feed", value, 1e-4, 60, &e->feed);
    case OPT_LIST:
        return syl_inputs_add_list(&e->inputs, value, &err) ? syl_report(value, &err) : SYL_EXIT_OK;
    case OPT_JSON:
        e->json = true;
        return SYL_EXIT_OK;
    case 'h':
        e->help = true;
        return SYL_EXIT_OK;
    default:
        return syl_model_args_take(&e->model_args, option, value);
    }
}

static int parse(evaluation *e, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          SYL_LIVE_LONG_OPTIONS,
                                          {"feed", required_argument, NULL, OPT_FEED},
                                          {"list", required_argument, NULL, OPT_LIST},
                                          {"json", no_argument, NULL, OPT_JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    syl_error err;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
        if ((code = take_option(e, option, optarg)) != SYL_EXIT_OK) return code;
    if (e->help) return SYL_EXIT_OK;
    for (int i = optind; i < argc; i++)
        if (syl_inputs_add(&e->inputs, argv[i], &err)) return syl_report(argv[i], &err);
    return e->inputs.count ? SYL_EXIT_OK
                           : syl_usage("eval stream", "at least one recording is expected");
}

int syl_cmd_eval_stream(int argc, char **argv)
{
    evaluation e = {.model_args = syl_model_args_defaults("eval stream"), .feed = 0.02};
    int code = parse(&e, argc, argv);
    if (e.help)
        printf("%s%s", help, syl_model_help);
    else if (code == SYL_EXIT_OK)
        code = run(&e);
    for (int i = 0; i < e.rows; i++)
        syl_stream_score_free(&e.score[i]);
    syl_model_free(e.model);
    syl_inputs_free(&e.inputs);
    return code;
}
