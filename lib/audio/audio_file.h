/* Recordings through libsndfile: WAV, FLAC, Ogg/Vorbis/Opus, MP3, AIFF, ..., "-" for standard
 * input (WAV, or raw samples with a raw format given). */
#ifndef SYL_AUDIO_AUDIO_FILE_H
#define SYL_AUDIO_AUDIO_FILE_H

#include "lib/base/status.h"

typedef struct syl_audio_file syl_audio_file;

typedef struct syl_audio_info {
    int sample_rate, channels;
    int64_t frames;     /* -1: not known before the end (standard input) */
    const char *format; /* "WAV, Signed 16 bit PCM"; owned by the file */
} syl_audio_info;

/* raw is NULL, or "s16le:16000:1" / "f32le:48000:2" (encoding:rate:channels). */
syl_status syl_audio_open(syl_audio_file **out, const char *path, const char *raw, syl_error *err);
void syl_audio_get_info(const syl_audio_file *file, syl_audio_info *info);

/* Reads up to `max` sample frames, interleaved, into buffer [max][channels]; *got is 0 at the
 * end. A file shorter than its header says is SYL_EFORMAT, naming how much is missing, after
 * what is there was returned (MP3 and Ogg make no such promise, so a cut one just ends early).
 * NaN and infinities are SYL_EFORMAT naming the position. */
syl_status syl_audio_read(syl_audio_file *file, float *buffer, size_t max, size_t *got,
                          syl_error *err);
/* Back to the beginning; SYL_EUNSUPPORTED on a pipe. */
syl_status syl_audio_rewind(syl_audio_file *file, syl_error *err);
void syl_audio_close(syl_audio_file *file);

/* Everything, down-mixed to one channel. *samples is owned by the caller (free). info may be
 * NULL; its format is "" here, since the file that owns the name is closed. */
syl_status syl_audio_load(const char *path, const char *raw, float **samples, size_t *n,
                          syl_audio_info *info, syl_error *err);

#endif
