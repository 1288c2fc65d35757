/* sylkit stream: syllables of live sound, as soon as they are final. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/cli/options.h"
#include "stream/cmd.h"
#include "stream/events.h"
#include "stream/live.h"
#include "stream/save.h"
#include "stream/source.h"
#include "stream/stop.h"
#include "sylber/model_options.h"

#define BLOCKS_A_SECOND 10 /* pieces that sound is read in, at most */

enum { OPT_MIC = 1, OPT_LIST, OPT_REALTIME, OPT_SAVE, OPT_SECONDS, OPT_PROVISIONAL };

typedef struct run {
    syl_model_args model_args;
    const char *input; /* a path, "-", a microphone; NULL: the default microphone */
    const char *save_path;
    bool mic, list, realtime, quiet, help;
    double limit; /* seconds; 0: none */
    syl_model *model;
    syl_source *source;
    syl_stream *stream;
    syl_save *save;
    bool save_failed;
    float *samples; /* [block][channels] */
    size_t block;
    int64_t heard; /* sample frames */
    syl_live live;
    syl_stream_totals totals;
} run;

static const char help[] =
    "Usage: sylkit stream [OPTIONS] FILE|-\n"
    "       sylkit stream [OPTIONS] --mic [DEVICE]\n"
    "Prints the syllables of live sound as soon as they are final: one JSON object a line.\n\n"
    "  FILE, -                  a recording or a pipe; standard input (WAV, or --raw)\n"
    "  --mic [DEVICE]           the microphone DEVICE: number, name or a part of it\n"
    "  --list-devices           the microphones that there are\n"
    "  --realtime               a file no faster than it would be spoken\n"
    "  --seconds X              ends after so much sound\n"
    "  --save OUT.wav           records what was heard\n"
    "  --provisional            also syllables whose end may still move: \"final\": false\n"
    "  --hop X, --lookahead X   hubert models: seconds between windows (0.32), future that\n"
    "                           a frame sees (0.64)\n"
    "  -q, --quiet              no line on the terminal\n\n";

/* ---- output ---------------------------------------------------------------------------- */

static syl_status printed(syl_error *err)
{
    if (!fflush(stdout) && !ferror(stdout)) return SYL_OK;
    syl_note_stdout_failure();
    return syl_fail(err, SYL_EIO, "standard output: %s", strerror(errno));
}

static syl_status drain(run *r, syl_error *err)
{
    syl_segment segment;
    bool any = false;
    while (syl_stream_get(r->stream, &segment)) {
        if (!any) syl_live_erase(&r->live);
        any = true;
        syl_event_segment(stdout, &segment);
        if (segment.silence || segment.provisional) continue;
        r->totals.syllables++;
        syl_live_token(&r->live, segment.token);
    }
    return any ? printed(err) : SYL_OK;
}

static syl_status report_overruns(run *r, syl_error *err)
{
    double rate = r->source->sample_rate;
    syl_overrun gap;
    bool any = false;
    while (syl_source_overrun(r->source, &gap)) {
        double seconds = (double)gap.frames / rate;
        syl_live_erase(&r->live);
        syl_event_overrun(stdout, (double)gap.at / rate, seconds);
        if (!r->quiet)
            fprintf(stderr, "sylkit: %s: %.3f s of sound were lost at %.2f s (overrun)\n",
                    r->source->name, seconds, (double)gap.at / rate);
        r->totals.overruns++;
        r->totals.overrun_seconds += seconds;
        any = true;
    }
    return any ? printed(err) : SYL_OK;
}

/* A recording that cannot go on does not end the stream. */
static void save(run *r, size_t n)
{
    syl_error err;
    if (!r->save || !syl_save_write(r->save, r->samples, n, &err)) return;
    syl_live_erase(&r->live);
    syl_report(r->save_path, &err);
    r->save_failed = true;
}

/* ---- the stream ------------------------------------------------------------------------ */

static syl_status timed(run *r, syl_status (*step)(run *r, size_t n, syl_error *err), size_t n,
                        syl_error *err)
{
    double begin = syl_clock_seconds();
    syl_status status = step(r, n, err);
    double took = syl_clock_seconds() - begin;
    r->totals.compute_seconds += took;
    if (took > r->totals.behind_seconds) r->totals.behind_seconds = took;
    return status;
}

static syl_status feed(run *r, size_t n, syl_error *err)
{
    return syl_stream_feed(r->stream, r->samples, n, err);
}

static syl_status finish(run *r, size_t n, syl_error *err)
{
    (void)n;
    return syl_stream_finish(r->stream, err);
}

/* Until the end, whatever it is; *done tells which. */
static syl_status pump(run *r, syl_error *err)
{
    int64_t limit = r->limit > 0 ? (int64_t)(r->limit * r->source->sample_rate) : INT64_MAX;
    size_t got;
    for (;;) {
        int64_t left = limit - r->heard;
        size_t most = (int64_t)r->block < left ? r->block : (size_t)left;
        r->totals.ended = syl_stop_requested() ? "signal" : "limit";
        if (syl_stop_requested() || most == 0) return SYL_OK;
        r->totals.ended = "error";
        SYL_TRY(syl_source_read(r->source, r->samples, most, &got, err));
        SYL_TRY(report_overruns(r, err));
        r->totals.ended = syl_stop_requested() ? "signal" : "end";
        if (got == 0) return SYL_OK;
        r->totals.ended = "error";
        r->heard += (int64_t)got;
        save(r, got);
        syl_live_sound(&r->live, r->samples, got * (size_t)r->source->channels,
                       (double)got / r->source->sample_rate);
        SYL_TRY(timed(r, feed, got, err));
        SYL_TRY(drain(r, err));
        syl_live_draw(&r->live);
    }
}

/* What was heard is finished also when the source failed. */
static syl_status conclude(run *r, syl_error *err)
{
    SYL_TRY(report_overruns(r, err));
    SYL_TRY(timed(r, finish, 0, err));
    SYL_TRY(drain(r, err));
    syl_live_erase(&r->live);
    r->totals.seconds = (double)r->heard / r->source->sample_rate;
    r->totals.samples = syl_stream_num_samples(r->stream);
    r->totals.frames = syl_stream_num_frames(r->stream);
    syl_event_end(stdout, &r->totals);
    return printed(err);
}

static syl_status prepare(run *r, syl_error *err)
{
    syl_model_info info;
    SYL_TRY(syl_model_args_load(&r->model, &r->model_args, err));
    syl_model_get_info(r->model, &info);
    SYL_TRY(syl_live_args_finish(&r->model_args, &info, err));
    if (r->mic)
        SYL_TRY(syl_source_mic(&r->source, r->input, info.sample_rate, err));
    else
        SYL_TRY(syl_source_open(&r->source, r->input, r->model_args.raw, r->realtime, err));
    syl_stream_options options = r->model_args.stream;
    options.sample_rate = r->source->sample_rate;
    options.channels = r->source->channels;
    SYL_TRY(syl_stream_create(&r->stream, r->model, &options, err));
    r->block = (size_t)(r->source->sample_rate / BLOCKS_A_SECOND);
    r->samples =
        syl_calloc(syl_mul_size(r->block, (size_t)r->source->channels), sizeof *r->samples);
    if (!r->samples) return syl_fail_memory(err, r->block * sizeof(float), "a block of sound");
    if (!r->save_path) return SYL_OK;
    return syl_save_open(&r->save, r->save_path, r->source->sample_rate, r->source->channels, err);
}

/* A failure of standard output is told at the program's end. */
static int report(const syl_error *err)
{
    return ferror(stdout) ? SYL_EXIT_FAILED : syl_report(NULL, err);
}

static int run_stream(run *r)
{
    syl_error err = {0}, later = {0};
    if (syl_stop_install(&err)) return syl_report(NULL, &err);
    syl_status status = prepare(r, &err);
    if (status == SYL_ECANCELLED) { /* a signal before any sound: nothing was heard */
        r->totals.ended = "signal";
        syl_event_end(stdout, &r->totals);
        return SYL_EXIT_OK;
    }
    if (status) return syl_report(NULL, &err);
    r->live = syl_live_begin(r->quiet);
    status = pump(r, &err);
    int code = SYL_EXIT_OK;
    if (conclude(r, &later)) code = report(&later);
    if (status && code == SYL_EXIT_OK) code = report(&err);
    if (syl_save_commit(r->save, &later)) code = syl_report(r->save_path, &later);
    r->save = NULL;
    return r->save_failed ? SYL_EXIT_FAILED : code;
}

/* ---- command line ---------------------------------------------------------------------- */

static int take_option(run *r, int option, const char *value)
{
    switch (option) {
    case OPT_MIC:
        r->mic = true;
        return SYL_EXIT_OK;
    case OPT_LIST:
        r->list = true;
        return SYL_EXIT_OK;
    case OPT_REALTIME:
        r->realtime = true;
        return SYL_EXIT_OK;
    case OPT_SAVE:
        r->save_path = value;
        return SYL_EXIT_OK;
    case OPT_SECONDS:
        return syl_option_double("stream", "--seconds", value, 1e-3, 1e9, &r->limit);
    case OPT_PROVISIONAL:
        r->model_args.stream.provisional = 1;
        return SYL_EXIT_OK;
    case 'q':
        r->quiet = true;
        return SYL_EXIT_OK;
    case 'h':
        r->help = true;
        return SYL_EXIT_OK;
    default:
        return syl_model_args_take(&r->model_args, option, value);
    }
}

static int check(run *r, int argc, char **argv)
{
    int inputs = argc - optind;
    if (r->list && (inputs || r->mic))
        return syl_usage("stream", "--list-devices stands alone, without an input");
    if (r->list) return SYL_EXIT_OK;
    if (inputs > 1) return syl_usage("stream", "one input at a time, not %d", inputs);
    if (inputs < 1 && !r->mic) return syl_usage("stream", "an input is expected: FILE, - or --mic");
    if (r->mic && (r->realtime || r->model_args.raw))
        return syl_usage("stream", "%s is for files and pipes, not for --mic",
                         r->realtime ? "--realtime" : "--raw");
    r->input = inputs ? argv[optind] : NULL;
    return SYL_EXIT_OK;
}

static int parse(run *r, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          {"mic", no_argument, NULL, OPT_MIC},
                                          {"list-devices", no_argument, NULL, OPT_LIST},
                                          {"realtime", no_argument, NULL, OPT_REALTIME},
                                          {"save", required_argument, NULL, OPT_SAVE},
                                          {"seconds", required_argument, NULL, OPT_SECONDS},
                                          {"provisional", no_argument, NULL, OPT_PROVISIONAL},
                                          SYL_LIVE_LONG_OPTIONS,
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "hq", table, NULL)) != -1)
        if ((code = take_option(r, option, optarg)) != SYL_EXIT_OK) return code;
    return r->help ? SYL_EXIT_OK : check(r, argc, argv);
}

static int list_devices(void)
{
    syl_error err;
    return syl_microphones_list(stdout, &err) ? syl_report(NULL, &err) : SYL_EXIT_OK;
}

int syl_cmd_stream(int argc, char **argv)
{
    run r = {.model_args = syl_model_args_defaults("stream"), .totals.ended = "error"};
    int code = parse(&r, argc, argv);
    if (r.help)
        printf("%s%s", help, syl_model_help);
    else if (code == SYL_EXIT_OK)
        code = r.list ? list_devices() : run_stream(&r);
    syl_save_discard(r.save);
    syl_stream_free(r.stream);
    syl_source_close(r.source);
    syl_model_free(r.model);
    free(r.samples);
    return code;
}
