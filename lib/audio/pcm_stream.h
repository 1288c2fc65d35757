/* Uncompressed samples from a descriptor that may be a pipe: raw, or WAV. A read hands out what
 * has arrived, so that live sound is not held back until a buffer is full. */
#ifndef SYL_AUDIO_PCM_STREAM_H
#define SYL_AUDIO_PCM_STREAM_H

#include "lib/base/status.h"

typedef enum syl_pcm_encoding {
    SYL_PCM_U8,
    SYL_PCM_S16,
    SYL_PCM_S24,
    SYL_PCM_S32,
    SYL_PCM_F32,
    SYL_PCM_F64,
    SYL_PCM_OTHER /* a WAV encoding that is read by libsndfile only */
} syl_pcm_encoding;

typedef struct syl_pcm_format {
    syl_pcm_encoding encoding;
    int sample_rate, channels;
} syl_pcm_format;

/* "s16le:16000:1": u8, s16le, s24le, s32le, f32le or f64le; 1..768,000 Hz; 1..1024 channels. */
syl_status syl_pcm_parse(syl_pcm_format *format, const char *raw, syl_error *err);
const char *syl_pcm_name(syl_pcm_encoding encoding);
/* Bytes of one sample of every channel. */
size_t syl_pcm_frame_size(const syl_pcm_format *format);

/* Reads a RIFF or RF64 header up to the first byte of the samples. *bytes is what the header
 * says follows, -1 where a program that could not seek left that open. */
syl_status syl_wav_read_header(syl_pcm_format *format, int64_t *bytes, int fd, const char *name,
                               syl_error *err);

typedef struct syl_pcm {
    int fd;           /* not owned */
    const char *name; /* for messages, not owned */
    int64_t left;     /* bytes still to come; -1: until the end of the input */
    int wav;          /* a piece of a sample at the end is an error only in raw input */
    uint8_t *buffer;  /* owned */
    size_t filled;    /* bytes in it */
    syl_pcm_format format;
} syl_pcm;

syl_status syl_pcm_open(syl_pcm *pcm, int fd, const char *name, const syl_pcm_format *format,
                        int64_t bytes, int wav, syl_error *err);
/* At least one and up to max sample frames into samples [max][channels]; *got = 0 at the end. */
syl_status syl_pcm_read(syl_pcm *pcm, float *samples, size_t max, size_t *got, syl_error *err);
void syl_pcm_close(syl_pcm *pcm);

#endif
