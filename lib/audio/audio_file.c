/* Recordings: files through libsndfile, pipes and raw samples through pcm_stream. */
#include "lib/audio/audio_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audio/mix.h"
#include "lib/audio/pcm_stream.h"
#include "lib/base/memory.h"

#define MAX_CHANNELS 1024
#define LOAD_FRAMES 16384 /* sample frames a read in syl_audio_load */

struct syl_audio_file {
    char *name; /* the path, or "standard input" */
    int fd;
    int regular;    /* a file with a size, not a pipe */
    SNDFILE *sound; /* or NULL, then: */
    syl_pcm pcm;
    int rate, channels;
    int64_t frames;   /* -1: not known */
    int64_t position; /* frames read */
    int64_t missing;  /* bytes that the header promises beyond the file's end */
    int exact;        /* `frames` is a promise, not an estimate (MP3) */
    off_t begin;      /* of the raw samples */
    char format[128];
};

/* ---- opening ------------------------------------------------------------------------ */

static syl_status open_descriptor(syl_audio_file *f, const char *path, syl_error *err)
{
    int standard = !strcmp(path, "-");
    struct stat st;

    f->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st))
        return syl_fail(err, SYL_EIO, "%s cannot be opened: %s", f->name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return syl_fail(err, SYL_EIO, "%s is a folder; name a recording in it", f->name);
    if (standard && isatty(f->fd))
        return syl_fail(err, SYL_EIO, "standard input is a terminal; pipe a WAV into it");
    f->regular = S_ISREG(st.st_mode);
    f->begin = f->regular ? lseek(f->fd, 0, SEEK_CUR) : 0;
    if (f->begin < 0) return syl_fail(err, SYL_EIO, "%s: %s", f->name, strerror(errno));
    if (f->regular && st.st_size <= f->begin)
        return syl_fail(err, SYL_EFORMAT, "%s is empty (0 bytes); it holds no recording", f->name);
    return SYL_OK;
}

static syl_status open_pcm(syl_audio_file *f, const char *raw, syl_error *err)
{
    syl_pcm_format format;
    int64_t bytes = -1;

    if (raw)
        SYL_TRY(syl_pcm_parse(&format, raw, err));
    else
        SYL_TRY(syl_wav_read_header(&format, &bytes, f->fd, f->name, err));
    SYL_TRY(syl_pcm_open(&f->pcm, f->fd, f->name, &format, bytes, raw == NULL, err));
    f->rate = format.sample_rate;
    f->channels = format.channels;
    f->frames = -1;
    if (f->regular) {
        struct stat st;
        if (fstat(f->fd, &st)) return syl_fail(err, SYL_EIO, "%s: %s", f->name, strerror(errno));
        f->frames = (int64_t)(st.st_size - f->begin) / (int64_t)syl_pcm_frame_size(&format);
    }
    snprintf(f->format, sizeof f->format, "%s, %s", raw ? "raw" : "WAV",
             syl_pcm_name(format.encoding));
    return SYL_OK;
}

/* libsndfile quietly shortens a WAV whose end is missing, so its header is read here too. Any
 * trouble with the header itself is left for libsndfile to judge. */
static void measure_wav(syl_audio_file *f)
{
    syl_pcm_format format;
    struct stat st;
    int64_t bytes;

    if (syl_wav_read_header(&format, &bytes, f->fd, f->name, NULL) == SYL_OK && bytes > 0 &&
        fstat(f->fd, &st) == 0) {
        int64_t there = (int64_t)st.st_size - (int64_t)lseek(f->fd, 0, SEEK_CUR);
        if (there < 0) there = 0;
        if (bytes > there) f->missing = bytes - there;
    }
}

static int64_t be32(const uint8_t *p)
{
    return (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | (int64_t)p[3];
}

/* The same for AIFF and AU, whose headers tell where the file should end. */
static void measure_other(syl_audio_file *f)
{
    uint8_t head[12];
    struct stat st;
    int64_t end = 0;

    if (pread(f->fd, head, sizeof head, f->begin) != (ssize_t)sizeof head || fstat(f->fd, &st))
        return;
    if (!memcmp(head, "FORM", 4) && !memcmp(head + 8, "AIF", 3)) end = be32(head + 4) + 8;
    if (!memcmp(head, ".snd", 4) && be32(head + 8) != 0xffffffff)
        end = be32(head + 4) + be32(head + 8);
    if (end > (int64_t)(st.st_size - f->begin)) f->missing = end - (int64_t)(st.st_size - f->begin);
}

static const char *format_name(int format)
{
    SF_FORMAT_INFO info = {.format = format};

    return sf_command(NULL, SFC_GET_FORMAT_INFO, &info, sizeof info) == 0 && info.name ? info.name
                                                                                       : "unknown";
}

static void describe(syl_audio_file *f, int format)
{
    const char *major = format_name(format & SF_FORMAT_TYPEMASK);
    int length = (int)strcspn(major, "("); /* "WAV (Microsoft)" */

    while (length > 0 && major[length - 1] == ' ')
        length--;
    snprintf(f->format, sizeof f->format, "%.*s, %s", length, major,
             format_name(format & SF_FORMAT_SUBMASK));
}

static syl_status open_sound(syl_audio_file *f, syl_error *err)
{
    SF_INFO info = {0};

    measure_wav(f);
    measure_other(f);
    if (lseek(f->fd, f->begin, SEEK_SET) < 0)
        return syl_fail(err, SYL_EIO, "%s: %s", f->name, strerror(errno));
    f->sound = sf_open_fd(f->fd, SFM_READ, &info, SF_FALSE);
    if (!f->sound)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is not a recording that can be read (%.100s); convert it with "
                        "\"ffmpeg -i FILE new.wav\"",
                        f->name, sf_strerror(NULL));
    if (info.samplerate < 1 || info.channels < 1 || info.channels > MAX_CHANNELS)
        return syl_fail(err, SYL_EFORMAT, "%s: %d channels at %d Hz; convert it with ffmpeg",
                        f->name, info.channels, info.samplerate);
    f->rate = info.samplerate;
    f->channels = info.channels;
    /* A FLAC stream that was piped does not know its length; libsndfile gives a huge one. */
    f->frames = info.frames < 0 || info.frames >= INT64_MAX / 2 ? -1 : info.frames;
    f->exact = (info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG;
    describe(f, info.format);
    return SYL_OK;
}

syl_status syl_audio_open(syl_audio_file **out, const char *path, const char *raw, syl_error *err)
{
    syl_audio_file *f = syl_calloc(1, sizeof *f);
    syl_status status;

    *out = NULL;
    if (!f) return syl_fail_memory(err, sizeof *f, path);
    f->fd = -1;
    f->name = strdup(strcmp(path, "-") ? path : "standard input");
    if (!f->name)
        status = syl_fail_memory(err, strlen(path) + 1, "a file name");
    else
        status = open_descriptor(f, path, err);
    if (!status) status = raw || !f->regular ? open_pcm(f, raw, err) : open_sound(f, err);
    if (status)
        syl_audio_close(f);
    else
        *out = f;
    return status;
}

void syl_audio_get_info(const syl_audio_file *file, syl_audio_info *info)
{
    info->sample_rate = file->rate;
    info->channels = file->channels;
    info->frames = file->frames;
    info->format = file->format;
}

void syl_audio_close(syl_audio_file *file)
{
    if (!file) return;
    if (file->sound) sf_close(file->sound);
    syl_pcm_close(&file->pcm);
    if (file->fd >= 0) close(file->fd);
    free(file->name);
    free(file);
}

/* ---- reading ------------------------------------------------------------------------ */

/* Nothing more came: was that all? */
static syl_status check_end(const syl_audio_file *f, syl_error *err)
{
    if (f->missing > 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s ends %" PRId64 " bytes before its header says; it was cut off, "
                        "record or copy it again",
                        f->name, f->missing);
    if (f->exact && f->frames > f->position)
        return syl_fail(err, SYL_EFORMAT,
                        "%s ends after %" PRId64 " of %" PRId64 " samples a channel; it was cut "
                        "off, record or copy it again",
                        f->name, f->position, f->frames);
    if (sf_error(f->sound))
        return syl_fail(err, SYL_EFORMAT, "%s is damaged after %" PRId64 " samples: %.100s",
                        f->name, f->position, sf_strerror(f->sound));
    return SYL_OK;
}

static syl_status check_finite(const syl_audio_file *f, const float *buffer, size_t frames,
                               syl_error *err)
{
    size_t n = frames * (size_t)f->channels;

    for (size_t i = 0; i < n; i++) {
        int64_t at = f->position + (int64_t)(i / (size_t)f->channels);
        if (isfinite(buffer[i])) continue;
        return syl_fail(err, SYL_EFORMAT,
                        "%s: sample %" PRId64 " (%.3f s) of channel %d is %s; repair or convert "
                        "the recording",
                        f->name, at, (double)at / f->rate, (int)(i % (size_t)f->channels) + 1,
                        isnan(buffer[i]) ? "not a number" : "infinite");
    }
    return SYL_OK;
}

syl_status syl_audio_read(syl_audio_file *file, float *buffer, size_t max, size_t *got,
                          syl_error *err)
{
    *got = 0;
    if (max == 0) return SYL_OK;
    if (file->sound) {
        sf_count_t n = sf_readf_float(file->sound, buffer, (sf_count_t)max);
        if (n <= 0) return check_end(file, err);
        *got = (size_t)n;
    } else {
        SYL_TRY(syl_pcm_read(&file->pcm, buffer, max, got, err));
    }
    if (check_finite(file, buffer, *got, err)) {
        *got = 0;
        return SYL_EFORMAT;
    }
    file->position += (int64_t)*got;
    return SYL_OK;
}

syl_status syl_audio_rewind(syl_audio_file *file, syl_error *err)
{
    if (!file->regular)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s is a pipe and cannot be read twice; save it "
                        "to a file first",
                        file->name);
    if (file->sound ? sf_seek(file->sound, 0, SEEK_SET) < 0
                    : lseek(file->fd, file->begin, SEEK_SET) < 0)
        return syl_fail(err, SYL_EIO, "%s cannot be read from its beginning again", file->name);
    file->position = 0;
    if (!file->sound) {
        file->pcm.filled = 0;
        file->pcm.left = -1; /* only raw files are read here, and those have no header */
    }
    return SYL_OK;
}

/* ---- whole recordings --------------------------------------------------------------- */

static syl_status load(syl_audio_file *f, float **samples, size_t *n, syl_error *err)
{
    size_t capacity = 0, got, room = 0;
    float *buffer = NULL; /* [LOAD_FRAMES][channels] */
    syl_status status;

    status = syl_grow((void **)&buffer, &room, (size_t)LOAD_FRAMES * (size_t)f->channels,
                      sizeof *buffer, err);
    while (!status) {
        status = syl_audio_read(f, buffer, LOAD_FRAMES, &got, err);
        if (status || got == 0) break;
        status = syl_grow((void **)samples, &capacity, *n + got, sizeof **samples, err);
        if (status) break;
        syl_mix_down(buffer, got, f->channels, *samples + *n);
        *n += got;
    }
    free(buffer);
    /* A recording without a sample still gives a pointer that may be freed. */
    if (!status && !*samples)
        status = syl_grow((void **)samples, &capacity, 1, sizeof **samples, err);
    return status;
}

syl_status syl_audio_load(const char *path, const char *raw, float **samples, size_t *n,
                          syl_audio_info *info, syl_error *err)
{
    syl_audio_file *f;
    syl_status status;

    *samples = NULL;
    *n = 0;
    SYL_TRY(syl_audio_open(&f, path, raw, err));
    status = load(f, samples, n, err);
    if (status) {
        free(*samples);
        *samples = NULL;
        *n = 0;
    } else if (info) {
        syl_audio_get_info(f, info);
        info->frames = (int64_t)*n;
        info->format = ""; /* the name goes with the file */
    }
    syl_audio_close(f);
    return status;
}
