/* A pipe as a source: another program's sound, handed on as it arrives. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/audio/pcm_stream.h"
#include "lib/base/memory.h"
#include "stream/pace.h"
#include "stream/source.h"
#include "stream/stop.h"

typedef struct pipe_source {
    syl_source base;
    syl_pcm pcm;
    int fd;
    int64_t position; /* sample frames read */
    syl_pace pace;
} pipe_source;

static syl_status check_finite(const pipe_source *s, const float *samples, size_t n, syl_error *err)
{
    for (size_t i = 0; i < n * (size_t)s->base.channels; i++)
        if (!isfinite(samples[i]))
            return syl_fail(err, SYL_EFORMAT,
                            "%s: sample %lld is not a finite number; is the raw format right?",
                            s->base.name,
                            (long long)s->position + (long long)(i / (size_t)s->base.channels));
    return SYL_OK;
}

static syl_status pipe_read(syl_source *base, float *samples, size_t max, size_t *got,
                            syl_error *err)
{
    pipe_source *s = (pipe_source *)base;
    syl_error problem = {0};
    syl_status status = syl_pcm_read(&s->pcm, samples, max, got, &problem);
    if (!status) status = check_finite(s, samples, *got, &problem);
    if (status) {
        *got = 0;
        if (syl_stop_requested()) return SYL_OK; /* the signal cut it off: it is not damaged */
        if (err) *err = problem;
        return status;
    }
    syl_pace_wait(&s->pace, (double)*got / base->sample_rate);
    s->position += (int64_t)*got;
    return SYL_OK;
}

static void pipe_close(syl_source *base)
{
    pipe_source *s = (pipe_source *)base;
    syl_stop_guard(-1);
    syl_pcm_close(&s->pcm);
    if (s->fd >= 0) close(s->fd);
    free(s);
}

static const syl_source_ops pipe_ops = {.read = pipe_read, .close = pipe_close};

static syl_status open_pipe(pipe_source *s, const char *path, const char *raw, syl_error *err)
{
    const char *name = s->base.name;
    syl_pcm_format format;
    int64_t bytes = -1;
    if (raw) SYL_TRY(syl_pcm_parse(&format, raw, err));
    s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) /* waits for the writer */
                              : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (s->fd < 0) return syl_fail(err, SYL_EIO, "%s cannot be opened: %s", name, strerror(errno));
    syl_stop_guard(s->fd);
    if (!raw) SYL_TRY(syl_wav_read_header(&format, &bytes, s->fd, name, err));
    SYL_TRY(syl_pcm_open(&s->pcm, s->fd, name, &format, bytes, raw == NULL, err));
    s->base.sample_rate = format.sample_rate;
    s->base.channels = format.channels;
    return SYL_OK;
}

syl_status syl_source_stdin(syl_source **out, const char *path, const char *raw, bool paced,
                            syl_error *err)
{
    pipe_source *s = syl_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return syl_fail_memory(err, sizeof *s, path);
    s->base.ops = &pipe_ops;
    s->fd = -1;
    s->pace.on = paced;
    snprintf(s->base.name, sizeof s->base.name, "%s", strcmp(path, "-") ? path : "standard input");
    syl_status status = open_pipe(s, path, raw, err);
    if (!status) {
        *out = &s->base;
        return SYL_OK;
    }
    pipe_close(&s->base);
    if (!syl_stop_requested()) return status;
    return syl_fail(err, SYL_ECANCELLED, "stopped before any sound came");
}
