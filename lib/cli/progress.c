#include "lib/cli/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define FIRST_SECONDS 2.0
#define REDRAW_SECONDS 0.2

struct syl_progress {
    pthread_mutex_t lock;
    size_t files, done;
    double audio_seconds, begin, drawn; /* drawn: when last; 0: nothing on the screen */
    bool terminal;
};

syl_progress *syl_progress_create(size_t files, bool quiet)
{
    syl_progress *p = syl_calloc(1, sizeof *p);
    if (!p) return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->files = files;
    p->begin = syl_clock_seconds();
    p->terminal = !quiet && isatty(STDERR_FILENO);
    return p;
}

static void erase(syl_progress *p)
{
    if (p->drawn > 0) fputs("\r\033[K", stderr);
    p->drawn = 0;
}

void syl_progress_free(syl_progress *p)
{
    if (!p) return;
    erase(p);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* steps: what is counted. */
static void draw(syl_progress *p, const char *steps, const char *text)
{
    double t = syl_clock_seconds(), elapsed = t - p->begin;
    if (!p->terminal || elapsed < FIRST_SECONDS || t - p->drawn < REDRAW_SECONDS) return;
    char bar[21];
    size_t full = p->files ? p->done * (sizeof bar - 1) / p->files : 0;
    for (size_t i = 0; i < sizeof bar - 1; i++)
        bar[i] = i < full ? '#' : '.';
    bar[sizeof bar - 1] = 0;
    fprintf(stderr, "\r[%s] %zu/%zu %s  %s", bar, p->done, p->files, steps, text);
    if (p->done) {
        long left = (long)(elapsed / (double)p->done * (double)(p->files - p->done));
        fprintf(stderr, "  ETA %ld:%02ld:%02ld", left / 3600, left / 60 % 60, left % 60);
    }
    fputs("\033[K", stderr);
    p->drawn = t;
}

static void draw_files(syl_progress *p)
{
    char text[80];
    snprintf(text, sizeof text, "%.0f s audio  %.1fx real time", p->audio_seconds,
             p->audio_seconds / (syl_clock_seconds() - p->begin));
    draw(p, "files", text);
}

void syl_progress_add_seconds(syl_progress *p, double seconds)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->audio_seconds += seconds;
    draw_files(p);
    pthread_mutex_unlock(&p->lock);
}

void syl_progress_file_done(syl_progress *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->done++;
    draw_files(p);
    pthread_mutex_unlock(&p->lock);
}

void syl_progress_steps(syl_progress *p, size_t done, const char *steps, const char *text)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->done = done;
    draw(p, steps, text);
    pthread_mutex_unlock(&p->lock);
}

void syl_progress_message(syl_progress *p, const char *format, ...)
{
    va_list args;
    if (p) {
        pthread_mutex_lock(&p->lock);
        erase(p);
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (p) pthread_mutex_unlock(&p->lock);
}
