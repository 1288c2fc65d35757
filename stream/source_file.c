/* A recording as a source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/audio/audio_file.h"
#include "lib/base/memory.h"
#include "stream/pace.h"
#include "stream/source.h"

typedef struct file_source {
    syl_source base;
    syl_audio_file *audio;
    syl_pace pace;
} file_source;

static syl_status file_read(syl_source *base, float *samples, size_t max, size_t *got,
                            syl_error *err)
{
    file_source *s = (file_source *)base;
    SYL_TRY(syl_audio_read(s->audio, samples, max, got, err));
    syl_pace_wait(&s->pace, (double)*got / base->sample_rate);
    return SYL_OK;
}

static void file_close(syl_source *base)
{
    syl_audio_close(((file_source *)base)->audio);
    free(base);
}

static const syl_source_ops file_ops = {.read = file_read, .close = file_close};

syl_status syl_source_file(syl_source **out, const char *path, const char *raw, bool paced,
                           syl_error *err)
{
    syl_audio_info info;
    file_source *s = syl_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return syl_fail_memory(err, sizeof *s, path);
    s->base.ops = &file_ops;
    s->pace.on = paced;
    syl_status status = syl_audio_open(&s->audio, path, raw, err);
    if (status) {
        free(s);
        return status;
    }
    syl_audio_get_info(s->audio, &info);
    s->base.sample_rate = info.sample_rate;
    s->base.channels = info.channels;
    snprintf(s->base.name, sizeof s->base.name, "%s", strcmp(path, "-") ? path : "standard input");
    *out = &s->base;
    return SYL_OK;
}

/* Anything that cannot be a recording, be it that it is not there, is the file source's to
 * refuse: it knows the words. */
syl_status syl_source_open(syl_source **out, const char *path, const char *raw, bool paced,
                           syl_error *err)
{
    struct stat st;
    bool known = (strcmp(path, "-") ? stat(path, &st) : fstat(0, &st)) == 0;
    if (known && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return syl_source_stdin(out, path, raw, paced, err);
    return syl_source_file(out, path, raw, paced, err);
}
