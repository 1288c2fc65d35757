/* sylkit plot: a picture of a recording and its syllables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/audio_file.h"
#include "lib/audio/mix.h"
#include "lib/base/memory.h"
#include "lib/cli/inputs.h"
#include "lib/cli/options.h"
#include "lib/io/utf8.h"
#include "sylber/cmd.h"
#include "sylber/model_options.h"
#include "sylber/plot.h"
#include "sylber/recording.h"
#include "sylber/spectrogram.h"

#define MAX_SECONDS 300     /* cairo's images end at 32,767 columns */
#define DEFAULT_SECONDS 30  /* of a longer recording when nothing is said */
#define PIXELS_A_SECOND 150 /* so that a token fits into its syllable */
#define BLOCK 16384

enum { OPT_START = 1, OPT_END, OPT_WIDTH, OPT_HEIGHT, OPT_KIND };

typedef struct job {
    syl_model_args model_args;
    const char *input, *output;
    double start, end; /* seconds; end 0: not given */
    int width, height, kind, verbose, help;
    syl_audio_info info;
    float *samples; /* [count], the part shown, one channel */
    size_t count;
} job;

static const char *const kinds[] = {"mel", "stft", NULL};

static const char help[] =
    "Usage: sylkit plot [OPTIONS] -o FILE.png|FILE.svg INPUT\n"
    "Draws waveform, spectrogram and syllables with their tokens.\n\n"
    "  -o, --output FILE        PNG or SVG, by its ending\n"
    "  --start S, --end S       the part to draw, at most 300 s (all, but of a recording of more\n"
    "                           than 300 s the first 30)\n"
    "  --spectrogram mel|stft   (mel)\n"
    "  --width N, --height N    pixels (150 a second, 480)\n"
    "  -v, --verbose            say what is done to the recording\n"
    "  -h, --help\n\n";

static int take_option(job *j, int option, const char *value)
{
    switch (option) {
    case OPT_START:
        return syl_option_double("plot", "--start", value, 0, 1e7, &j->start);
    case OPT_END:
        return syl_option_double("plot", "--end", value, 0.001, 1e7, &j->end);
    case OPT_WIDTH:
        return syl_option_int("plot", "--width", value, 200, 32767, &j->width);
    case OPT_HEIGHT:
        return syl_option_int("plot", "--height", value, 150, 32767, &j->height);
    case OPT_KIND:
        return syl_option_choice("plot", "--spectrogram", value, kinds, &j->kind);
    case 'o':
        j->output = value;
        return SYL_EXIT_OK;
    case 'v':
        j->verbose = 1;
        return SYL_EXIT_OK;
    case 'h':
        j->help = 1;
        return SYL_EXIT_OK;
    default:
        return syl_model_args_take(&j->model_args, option, value);
    }
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          {"start", required_argument, NULL, OPT_START},
                                          {"end", required_argument, NULL, OPT_END},
                                          {"width", required_argument, NULL, OPT_WIDTH},
                                          {"height", required_argument, NULL, OPT_HEIGHT},
                                          {"spectrogram", required_argument, NULL, OPT_KIND},
                                          {"output", required_argument, NULL, 'o'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, "o:vh", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->help) return SYL_EXIT_OK;
    if (argc - optind != 1) return syl_usage("plot", "one input is expected");
    j->input = argv[optind];
    if (!strcmp(j->input, "-"))
        return syl_usage("plot", "a picture reads its recording twice, which standard input "
                                 "cannot; save it to a file first");
    if (!j->output) return syl_usage("plot", "say where to: -o FILE.png or -o FILE.svg");
    if (syl_same_file(j->output, j->input))
        return syl_usage("plot", "-o %s would overwrite the input", j->output);
    if (j->end > 0 && (j->end <= j->start || j->end - j->start > MAX_SECONDS))
        return syl_usage("plot", "--end must be up to %d s after --start", MAX_SECONDS);
    return SYL_EXIT_OK;
}

/* Which samples to show: [*from, *to). */
static void choose_range(job *j, size_t *from, size_t *to)
{
    double rate = j->info.sample_rate, end = j->end;
    double length = j->info.frames < 0 ? INFINITY : (double)j->info.frames / rate; /* not known */
    if (end == 0) end = length - j->start <= MAX_SECONDS ? length : j->start + DEFAULT_SECONDS;
    if (end < length && j->end == 0)
        fprintf(stderr, "sylkit: %s: only %g to %g s are drawn; see --start and --end\n", j->input,
                j->start, end);
    *from = (size_t)(j->start * rate);
    *to = (size_t)(end * rate + 0.5);
}

/* Averages the channels of the frames [from, to) and keeps them. */
static syl_status keep(job *j, const float *block, size_t from, size_t to, size_t *capacity,
                       syl_error *err)
{
    size_t channels = (size_t)j->info.channels;
    SYL_TRY(syl_grow((void **)&j->samples, capacity, j->count + to - from, sizeof(float), err));
    syl_mix_down(block + from * channels, to - from, j->info.channels, j->samples + j->count);
    j->count += to - from;
    return SYL_OK;
}

static syl_status read_range(job *j, syl_audio_file *audio, float *block, syl_error *err)
{
    size_t from, to, at = 0, got, capacity = 0;
    choose_range(j, &from, &to);
    while (at < to) {
        SYL_TRY(syl_audio_read(audio, block, BLOCK, &got, err));
        if (!got) break;
        size_t first = from > at ? from - at : 0, last = to - at < got ? to - at : got;
        if (first < last) SYL_TRY(keep(j, block, first, last, &capacity, err));
        at += got;
    }
    if (j->count) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s: there is no audio from %g s on", j->input, j->start);
}

static syl_status load_range(job *j, syl_error *err)
{
    syl_audio_file *audio;
    SYL_TRY(syl_audio_open(&audio, j->input, j->model_args.raw, err));
    syl_audio_get_info(audio, &j->info);
    j->info.format = NULL; /* the file's, which is closed below */
    float *block = syl_calloc(syl_mul_size(BLOCK, (size_t)j->info.channels), sizeof(float));
    syl_status status = block ? read_range(j, audio, block, err)
                              : syl_fail_memory(err, BLOCK * sizeof(float), "a block");
    free(block);
    syl_audio_close(audio);
    return status;
}

static syl_status find_segments(job *j, syl_segment_list *list, syl_error *err)
{
    syl_model *model;
    SYL_TRY(syl_model_args_load(&model, &j->model_args, err));
    syl_recording recording = {.model = model,
                               .stream = j->model_args.stream,
                               .raw = j->model_args.raw,
                               .verbose = j->verbose,
                               .sink = {.segment = syl_segment_list_take, .user = list}};
    syl_recording_totals totals;
    syl_status status = syl_recording_run(&recording, j->input, &totals, err);
    syl_model_free(model);
    return status;
}

static int default_width(const job *j)
{
    double width = PIXELS_A_SECOND * (double)j->count / j->info.sample_rate + 80;
    return width < 800 ? 800 : width > 32767 ? 32767 : (int)width;
}

static syl_status draw(job *j, const syl_segment_list *list, const syl_spectrogram *bands,
                       syl_error *err)
{
    char *title = syl_utf8_clean(j->input); /* cairo refuses other bytes */
    if (!title) return syl_fail_memory(err, strlen(j->input), "a title");
    syl_picture picture = {.title = title,
                           .samples = j->samples,
                           .num_samples = j->count,
                           .sample_rate = j->info.sample_rate,
                           .start = j->start,
                           .spectrogram = bands->values,
                           .columns = bands->columns,
                           .bands = bands->bands,
                           .band_name = j->kind == SYL_SPECTROGRAM_MEL ? "log-mel" : "0-8 kHz",
                           .segments = list->items,
                           .num_segments = list->count,
                           .width = j->width ? j->width : default_width(j),
                           .height = j->height};
    syl_status status = syl_plot_write(&picture, j->output, err);
    free(title);
    return status;
}

static syl_status run(job *j, syl_error *err)
{
    syl_segment_list list = {0};
    syl_spectrogram bands = {0};
    syl_status status = load_range(j, err);
    if (!status) status = find_segments(j, &list, err);
    if (!status)
        status = syl_spectrogram_create(&bands, (syl_spectrogram_kind)j->kind, j->samples, j->count,
                                        j->info.sample_rate, err);
    if (!status) status = draw(j, &list, &bands, err);
    syl_spectrogram_free(&bands);
    free(list.items);
    free(j->samples);
    return status;
}

int syl_cmd_plot(int argc, char **argv)
{
    job j = {.model_args = syl_model_args_defaults(argv[0]), .height = 480};
    syl_error err;
    int code = parse(&j, argc, argv);
    if (j.help) printf("%s%s", help, syl_model_help);
    if (code || j.help) return code;
    return run(&j, &err) ? syl_report(NULL, &err) : SYL_EXIT_OK;
}
