#include "stream/save.h"

#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"

#define PIECE 4096                                     /* values converted at a time */
#define MOST_VALUES (((int64_t)UINT32_MAX - 1024) / 2) /* that a WAV's header can tell of */

struct syl_save {
    syl_atomic file;
    SNDFILE *sound;
    int channels;
    int64_t values; /* written */
    bool failed;
    short piece[PIECE];
};

static void close_all(syl_save *s)
{
    if (s->sound) sf_close(s->sound);
    syl_atomic_discard(&s->file);
    free(s);
}

static syl_status open_sound(syl_save *s, int sample_rate, syl_error *err)
{
    SF_INFO info = {.samplerate = sample_rate,
                    .channels = s->channels,
                    .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    s->sound = sf_open_fd(fileno(s->file.stream), SFM_WRITE, &info, SF_FALSE);
    if (!s->sound)
        return syl_fail(err, SYL_EIO, "%s cannot be recorded to: %.100s", s->file.path,
                        sf_strerror(NULL));
    sf_command(s->sound, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
    return SYL_OK;
}

syl_status syl_save_open(syl_save **out, const char *path, int sample_rate, int channels,
                         syl_error *err)
{
    syl_save *s = syl_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return syl_fail_memory(err, sizeof *s, path);
    s->channels = channels;
    syl_status status = syl_atomic_open(&s->file, path, err);
    if (status == SYL_OK) status = open_sound(s, sample_rate, err);
    if (status == SYL_OK)
        *out = s;
    else
        close_all(s);
    return status;
}

/* The inverse of how 16 bits are read, so that they come back as they were. */
static short to_16_bits(float x)
{
    long value = lrintf(fminf(fmaxf(x, -2), 2) * 32768.0f);
    return (short)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

static syl_status write_piece(syl_save *s, const float *samples, size_t n, syl_error *err)
{
    for (size_t i = 0; i < n; i++)
        s->piece[i] = to_16_bits(samples[i]);
    if (s->values > MOST_VALUES - (int64_t)n)
        return syl_fail(err, SYL_EIO, "%s: recording ended: a WAV holds no more than 4 GB",
                        s->file.path);
    if (sf_write_short(s->sound, s->piece, (sf_count_t)n) != (sf_count_t)n)
        return syl_fail(err, SYL_EIO, "%s: recording ended: %.100s; is the disk full?",
                        s->file.path, sf_strerror(s->sound));
    s->values += (int64_t)n;
    return SYL_OK;
}

syl_status syl_save_write(syl_save *s, const float *samples, size_t n, syl_error *err)
{
    size_t left = n * (size_t)s->channels, most = PIECE / (size_t)s->channels * (size_t)s->channels;
    for (; left > 0 && !s->failed; samples += most, left -= most) {
        if (most > left) most = left;
        syl_status status = write_piece(s, samples, most, err);
        s->failed = status != SYL_OK;
        if (s->failed) return status;
    }
    return SYL_OK;
}

syl_status syl_save_commit(syl_save *s, syl_error *err)
{
    if (!s) return SYL_OK;
    int problem = sf_close(s->sound);
    s->sound = NULL;
    syl_status status = problem ? syl_fail(err, SYL_EIO, "%s could not be finished: %.100s",
                                           s->file.path, sf_error_number(problem))
                                : syl_atomic_commit(&s->file, err);
    close_all(s);
    return status;
}

void syl_save_discard(syl_save *s)
{
    if (s) close_all(s);
}
