#include "train/watch.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/cli/options.h"

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    asked_to_stop = 1;
    signal(number, SIG_DFL);
}

void syl_terminal_start(syl_terminal *t, bool quiet)
{
    *t = (syl_terminal){.quiet = quiet, .bar = isatty(STDERR_FILENO), .units = "documents"};
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

static bool stop(void *user)
{
    (void)user;
    return asked_to_stop;
}

static void time_text(double seconds, char *out, size_t size)
{
    int64_t s = seconds < 1e9 ? (int64_t)seconds : 1000000000;
    int minutes = (int)(s / 60 % 60), rest = (int)(s % 60);
    if (s >= 3600)
        snprintf(out, size, "%lld:%02d:%02d", (long long)(s / 3600), minutes, rest);
    else
        snprintf(out, size, "%d:%02d", minutes, rest);
}

static void report(void *user, const syl_train_report *r)
{
    const syl_terminal *t = user;
    char left[32];
    if (t->quiet) return;
    time_text(r->seconds_left, left, sizeof left);
    if (t->bar) fputs("\r\033[K", stderr);
    if (r->note) {
        fprintf(stderr, "step %lld: %s\n", (long long)r->step, r->note);
        return;
    }
    fprintf(stderr,
            "step %lld/%lld  loss %.4f  |g| %.3f  lr %.2g  %.2f steps/s  %.0f %s/s  ETA %s%s",
            (long long)r->step, (long long)r->steps, r->loss, r->grad_norm, r->learning_rate,
            r->steps_per_second, r->work_per_second,
            !strcmp(r->unit, "audio") ? "s of audio" : r->unit, left, t->bar ? "" : "\n");
    fflush(stderr);
}

syl_train_watch syl_terminal_watch(syl_terminal *terminal)
{
    return (syl_train_watch){.user = terminal, .report = report, .stop = stop};
}

/* Whether a line is due: on a terminal after 0.2 s, otherwise after a minute. */
static bool is_due(syl_terminal *t)
{
    double now = syl_clock_seconds();
    if (now - t->shown < (t->bar ? 0.2 : 60)) return false;
    t->shown = now;
    return true;
}

const char *syl_json_loss(double loss, char text[32])
{
    if (isfinite(loss))
        snprintf(text, 32, "%.6g", loss);
    else
        snprintf(text, 32, "null");
    return text;
}

bool syl_terminal_course(void *user, const syl_course_progress *p)
{
    syl_terminal *t = user;
    char left[32];
    int done = p->epoch + (p->round == p->rounds && !p->note); /* told before the epoch is over */
    bool news = p->note || done > t->epoch;
    if (done > t->epoch) t->epoch = done;
    if (t->quiet || !(is_due(t) || news)) return !asked_to_stop;
    if (t->bar) fputs("\r\033[K", stderr);
    if (p->note) {
        fprintf(stderr, "epoch %d/%d: %s\n", done, p->epochs, p->note);
        return !asked_to_stop;
    }
    time_text(p->seconds_left, left, sizeof left);
    double share = p->rounds > 0 ? 100.0 * (double)p->round / (double)p->rounds : 0;
    fprintf(stderr, "epoch %d/%d %3.0f%%  loss %.4f  %.0f %s/s  %.0f words/s  ETA %s%s",
            p->epoch + 1, p->epochs, share, p->loss, p->documents_per_second, t->units,
            p->words_per_second, left, t->bar ? "" : "\n");
    fflush(stderr);
    return !asked_to_stop;
}

bool syl_terminal_text(void *user, int64_t documents, int64_t bytes)
{
    syl_terminal *t = user;
    if (!t->quiet && t->bar && is_due(t)) {
        fprintf(stderr, "\r\033[Kreading: %lld documents, %.1f MB", (long long)documents,
                (double)bytes / 1e6);
        fflush(stderr);
    }
    return !asked_to_stop;
}

/* A recording is drawn again and again; it is named once. */
static bool is_news(syl_terminal *t, uint64_t hash)
{
    for (size_t i = 0; i < t->skipped; i++)
        if (t->told[i] == hash) return false;
    if (syl_grow((void **)&t->told, &t->told_room, t->skipped + 1, sizeof *t->told, NULL) == SYL_OK)
        t->told[t->skipped++] = hash;
    return true;
}

void syl_terminal_skipped(void *user, const syl_error *why)
{
    syl_terminal *t = user;
    if (is_news(t, syl_hash_text(SYL_HASH_START, why->message)))
        fprintf(stderr, "%ssylkit: left out: %s\n", t->bar ? "\r\033[K" : "", why->message);
}

void syl_terminal_finish(syl_terminal *t)
{
    if (t->bar && !t->quiet) fputc('\n', stderr);
    if (t->skipped) fprintf(stderr, "sylkit: %zu recordings were left out\n", t->skipped);
    free(t->told);
}

syl_status syl_training_begin(syl_terminal *t, syl_ranks *ranks, bool quiet, syl_error *err)
{
    syl_terminal_start(t, quiet);
    syl_status status = syl_ranks_start(ranks, err);
    if (ranks->rank) t->quiet = true;
    return status;
}

int syl_training_end(syl_terminal *t, syl_ranks *ranks, syl_status status, const syl_error *err)
{
    int code = SYL_EXIT_OK;
    syl_terminal_finish(t);
    if (status != SYL_OK) code = syl_report(NULL, err);
    syl_ranks_finish(ranks, status != SYL_OK && status != SYL_ECANCELLED);
    return code;
}
