/* How many live streams a machine holds, and what one costs.
 *
 *   bench_streams MODEL AUDIO [--feed S] [--threads N] [--seconds S] [--most N] [--hop S]
 *
 * First one stream as fast as it goes, in feeds of 0.1 s: the real-time factor on one core. Then
 * more and more streams over one model, `threads` threads, each stream due every feed, their times
 * spread evenly: a stream has fallen behind when a feed is not done before the next one is due. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/audio/audio_file.h"
#include "lib/base/clock.h"
#include "lib/sylkit.h"
#include "tests/bench/timing.h"

typedef struct bench {
    const char *model_path, *audio_path;
    double feed, seconds, hop;
    int threads, most;
    syl_model *model;
    float *samples;
    size_t n, piece;
    syl_stream_options options;
} bench;

static void need(syl_status status, const syl_error *err)
{
    if (!status) return;
    fprintf(stderr, "bench_streams: %s\n", err->message);
    exit(1);
}

/* One feed of stream number i, everything taken out; how many syllables came. */
static int step(const bench *b, syl_stream *s, int i, long tick)
{
    size_t pieces = b->n / b->piece;
    const float *from = b->samples + b->piece * ((size_t)(tick + 7 * i) % pieces);
    syl_segment segment;
    syl_error err;
    int got = 0;
    need(syl_stream_feed(s, from, b->piece, &err), &err);
    while (syl_stream_get(s, &segment))
        got++;
    return got;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Median of five runs of a minute; the processor's time too, which others on it change less. */
static void one_stream(const bench *b)
{
    enum { RUNS = 5 };
    double factor[RUNS], cpu[RUNS];
    int syllables = 0;
    for (int run = 0; run < RUNS; run++) {
        syl_stream *s;
        syl_error err;
        need(syl_stream_create(&s, b->model, &b->options, &err), &err);
        for (long t = 0; t < 50; t++)
            step(b, s, 0, t);
        double begin = syl_clock_seconds(), begin_cpu = cpu_seconds();
        long ticks = (long)(60 / b->feed);
        for (long t = 0; t < ticks; t++)
            syllables += step(b, s, 0, t);
        factor[run] = (syl_clock_seconds() - begin) / ((double)ticks * b->feed);
        cpu[run] = (cpu_seconds() - begin_cpu) / ((double)ticks * b->feed);
        syl_stream_free(s);
    }
    double median = timing_median(factor, RUNS), median_cpu = timing_median(cpu, RUNS);
    printf("one stream, one core, feeds of %g s: real-time factor %.4f (%.4f to %.4f), of the "
           "processor's time %.4f; %d syllables\n",
           b->feed, median, factor[0], factor[RUNS - 1], median_cpu, syllables);
}

typedef struct worker {
    const bench *bench;
    syl_stream **streams;
    int first, all; /* its streams are first, first + threads, ... */
    double begin, worst, busy;
} worker;

static void sleep_until(double when)
{
    double left = when - syl_clock_seconds();
    if (left <= 0) return;
    struct timespec t = {.tv_sec = (time_t)left, .tv_nsec = (long)(fmod(left, 1) * 1e9)};
    nanosleep(&t, NULL);
}

static void *work(void *user)
{
    worker *w = user;
    const bench *b = w->bench;
    long ticks = (long)(b->seconds / b->feed);
    for (long t = 0; t < ticks; t++) {
        for (int i = w->first; i < w->all; i += b->threads) {
            double due = w->begin + b->feed * ((double)t + (double)i / w->all);
            sleep_until(due);
            double from = syl_clock_seconds();
            step(b, w->streams[i], i, t);
            double now = syl_clock_seconds();
            w->busy += now - from;
            if (now - due > w->worst) w->worst = now - due;
        }
    }
    return NULL;
}

/* Whether `all` streams are held; prints a row. */
static int many_streams(const bench *b, int all)
{
    syl_stream **streams = calloc((size_t)all, sizeof *streams);
    worker w[64];
    pthread_t thread[64];
    syl_error err;
    double worst = 0, busy = 0;
    for (int i = 0; i < all; i++) {
        need(syl_stream_create(&streams[i], b->model, &b->options, &err), &err);
        for (long t = 0; t < 20; t++) /* under way */
            step(b, streams[i], i, t);
    }
    double begin = syl_clock_seconds() + 0.05;
    for (int k = 0; k < b->threads; k++) {
        w[k] = (worker){.bench = b, .streams = streams, .first = k, .all = all, .begin = begin};
        if (pthread_create(&thread[k], NULL, work, &w[k])) exit(1);
    }
    for (int k = 0; k < b->threads; k++) {
        pthread_join(thread[k], NULL);
        worst = fmax(worst, w[k].worst);
        busy += w[k].busy;
    }
    for (int i = 0; i < all; i++)
        syl_stream_free(streams[i]);
    free(streams);
    int held = worst < b->feed;
    printf("| %d | %.1f | %.0f %% | %s |\n", all, 1000 * worst,
           100 * busy / b->seconds / b->threads, held ? "yes" : "no");
    fflush(stdout);
    return held;
}

static void ramp(const bench *b)
{
    int good = 0, bad = 0;
    printf("| streams | latest feed done, ms after it was due | busy, of %d threads | held |\n"
           "|---|---|---|---|\n",
           b->threads);
    for (int all = 10; all <= b->most && !bad; all *= 2) {
        if (many_streams(b, all))
            good = all;
        else
            bad = all;
    }
    while (bad && bad - good > (good > 20 ? good / 10 : 1)) {
        int middle = (good + bad) / 2;
        if (many_streams(b, middle))
            good = middle;
        else
            bad = middle;
    }
    printf("held: %d streams%s\n", good, bad ? "" : " (more were not tried)");
}

static void parse(bench *b, int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: bench_streams MODEL AUDIO [--feed S] [--threads N] [--seconds S] [--most N] "
              "[--hop S]\n",
              stderr);
        exit(2);
    }
    b->model_path = argv[1];
    b->audio_path = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        double value = atof(argv[i + 1]);
        if (!strcmp(argv[i], "--feed")) b->feed = value;
        if (!strcmp(argv[i], "--threads")) b->threads = value < 64 ? (int)value : 64;
        if (!strcmp(argv[i], "--seconds")) b->seconds = value;
        if (!strcmp(argv[i], "--most")) b->most = (int)value;
        if (!strcmp(argv[i], "--hop")) b->hop = value;
    }
}

int main(int argc, char **argv)
{
    bench b = {.feed = 0.1, .seconds = 10, .threads = 2, .most = 640};
    syl_audio_info info;
    syl_error err;
    parse(&b, argc, argv);
    need(syl_model_load(&b.model, b.model_path, NULL, &err), &err);
    need(syl_audio_load(b.audio_path, NULL, &b.samples, &b.n, &info, &err), &err);
    b.options = syl_stream_options_defaults();
    b.options.sample_rate = info.sample_rate;
    b.options.hop_seconds = b.hop;
    b.options.lookahead_seconds = 2 * b.hop;
    b.piece = (size_t)(b.feed * info.sample_rate);
    if (b.n < b.piece || b.piece < 1) {
        fprintf(stderr, "bench_streams: %s is shorter than a feed\n", b.audio_path);
        return 1;
    }
    one_stream(&b);
    ramp(&b);
    syl_model_free(b.model);
    free(b.samples);
    return 0;
}
