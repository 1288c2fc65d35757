/* Uncompressed samples from a descriptor that may be a pipe. */
#include "lib/audio/pcm_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"

#define BUFFER 65536 /* bytes; above the largest sample frame, 1024 channels of 8 bytes */
#define MAX_RATE 768000
#define MAX_CHANNELS 1024
#define MAX_CHUNKS 10000 /* before the samples of a WAV */

static const struct encoding_entry {
    const char *name;
    size_t size;
} encodings[] = {{"u8", 1},    {"s16le", 2}, {"s24le", 3}, {"s32le", 4},
                 {"f32le", 4}, {"f64le", 8}, {"other", 0}};

/* ---- raw formats -------------------------------------------------------------------- */

/* A decimal number up to `mark` (or the end for '\0'); 0 when it is none or out of range. */
static int read_number(const char **text, char mark, int most)
{
    char *end;
    long value;

    if (**text < '0' || **text > '9') return 0;
    value = strtol(*text, &end, 10);
    if (*end != mark || value < 1 || value > most) return 0;
    *text = mark ? end + 1 : end;
    return (int)value;
}

syl_status syl_pcm_parse(syl_pcm_format *format, const char *raw, syl_error *err)
{
    const char *rest = strchr(raw, ':');
    int encoding = 0;

    if (rest) {
        size_t n = (size_t)(rest - raw);
        rest++;
        while (encoding < SYL_PCM_OTHER && (strlen(encodings[encoding].name) != n ||
                                            strncmp(encodings[encoding].name, raw, n) != 0))
            encoding++;
        format->encoding = (syl_pcm_encoding)encoding;
        format->sample_rate = read_number(&rest, ':', MAX_RATE);
        format->channels = format->sample_rate ? read_number(&rest, '\0', MAX_CHANNELS) : 0;
    }
    if (!rest || encoding == SYL_PCM_OTHER || !format->sample_rate || !format->channels)
        return syl_fail(err, SYL_EINVAL,
                        "raw format \"%.60s\" is not understood; give encoding:rate:channels, for "
                        "example s16le:16000:1 (u8 s16le s24le s32le f32le f64le)",
                        raw);
    return SYL_OK;
}

const char *syl_pcm_name(syl_pcm_encoding encoding)
{
    return encodings[encoding].name;
}

size_t syl_pcm_frame_size(const syl_pcm_format *format)
{
    return encodings[format->encoding].size * (size_t)format->channels;
}

/* ---- reading ------------------------------------------------------------------------ */

/* read(2) that waits through signals and non-blocking input; -1 with errno on failure. */
static ssize_t read_some(int fd, void *data, size_t size)
{
    for (;;) {
        ssize_t n = read(fd, data, size);
        if (n >= 0) return n;
        if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR) return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

/* Exactly size bytes unless the input ends; returns how many, -1 on failure. */
static ssize_t read_full(int fd, void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read_some(fd, (char *)data + done, size - done);
        if (n < 0) return -1;
        if (n == 0) break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static syl_status need(int fd, void *data, size_t size, const char *name, syl_error *err)
{
    ssize_t n = read_full(fd, data, size);

    if (n < 0) return syl_fail(err, SYL_EIO, "%s cannot be read: %s", name, strerror(errno));
    if ((size_t)n < size)
        return syl_fail(err, SYL_EFORMAT, "%s ends inside its WAV header; record or copy it again",
                        name);
    return SYL_OK;
}

static syl_status skip(int fd, uint64_t size, const char *name, syl_error *err)
{
    uint8_t trash[4096];

    if (size > 0 && lseek(fd, (off_t)size, SEEK_CUR) >= 0) return SYL_OK;
    while (size > 0) {
        size_t part = size < sizeof trash ? (size_t)size : sizeof trash;
        SYL_TRY(need(fd, trash, part, name, err));
        size -= part;
    }
    return SYL_OK;
}

/* ---- WAV ---------------------------------------------------------------------------- */

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static syl_status read_fmt(syl_pcm_format *format, int fd, uint32_t size, const char *name,
                           syl_error *err)
{
    uint8_t fmt[40] = {0};
    uint32_t tag, bits, align, part = size < sizeof fmt ? size : sizeof fmt;

    if (size < 16)
        return syl_fail(err, SYL_EFORMAT, "%s: a WAV format chunk of %u bytes (at least 16)", name,
                        size);
    SYL_TRY(need(fd, fmt, part, name, err));
    SYL_TRY(skip(fd, (uint64_t)size + (size & 1) - part, name, err));
    tag = le16(fmt);
    if (tag == 0xfffe && size >= 40) tag = le16(fmt + 24); /* extensible: the true tag */
    align = le16(fmt + 12);
    bits = le16(fmt + 14);
    if (le16(fmt + 2) < 1 || le16(fmt + 2) > MAX_CHANNELS || le32(fmt + 4) < 1 ||
        le32(fmt + 4) > MAX_RATE)
        return syl_fail(err, SYL_EFORMAT, "%s: %u channels at %u Hz (1..%d, 1..%d)", name,
                        le16(fmt + 2), le32(fmt + 4), MAX_CHANNELS, MAX_RATE);
    format->channels = (int)le16(fmt + 2);
    format->sample_rate = (int)le32(fmt + 4);
    format->encoding = SYL_PCM_OTHER;
    for (int e = 0; e < SYL_PCM_OTHER; e++) {
        uint32_t wanted = e >= SYL_PCM_F32 ? 3 : 1;
        if (tag == wanted && bits == 8 * encodings[e].size &&
            align == encodings[e].size * (size_t)format->channels)
            format->encoding = (syl_pcm_encoding)e;
    }
    return SYL_OK;
}

/* What writers that cannot seek back leave in the size field: ffmpeg and GStreamer all ones or a
 * header less, SoX 0x7ffff000, arecord 2^31 or just below it, others 0. */
static int is_placeholder(uint32_t size)
{
    return size == 0 || size >= 0xffffff00u || size == 0x7ffff000u ||
           (size >= 0x7fffff00u && size <= 0x80000000u);
}

static syl_status read_riff(int fd, const char *name, syl_error *err)
{
    uint8_t riff[12] = {0};
    ssize_t n = read_full(fd, riff, sizeof riff);

    if (n < 0) return syl_fail(err, SYL_EIO, "%s cannot be read: %s", name, strerror(errno));
    if (n == 0) return syl_fail(err, SYL_EFORMAT, "%s is empty; it holds no recording", name);
    if (n < 12 || (memcmp(riff, "RIFF", 4) != 0 && memcmp(riff, "RF64", 4) != 0) ||
        memcmp(riff + 8, "WAVE", 4) != 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is not WAV; convert it with \"ffmpeg -i FILE -f wav -\", or give the "
                        "raw format of its samples",
                        name);
    return SYL_OK;
}

syl_status syl_wav_read_header(syl_pcm_format *format, int64_t *bytes, int fd, const char *name,
                               syl_error *err)
{
    int64_t long_size = -1; /* from the ds64 chunk of RF64 */
    int have_format = 0;

    *bytes = -1;
    SYL_TRY(read_riff(fd, name, err));
    for (int i = 0; i < MAX_CHUNKS; i++) {
        uint8_t chunk[8], ds64[16];
        uint32_t size;
        SYL_TRY(need(fd, chunk, sizeof chunk, name, err));
        size = le32(chunk + 4);
        if (!memcmp(chunk, "data", 4)) {
            if (!have_format)
                return syl_fail(err, SYL_EFORMAT, "%s: its samples come before their format", name);
            *bytes = size == 0xffffffffu ? long_size : is_placeholder(size) ? -1 : (int64_t)size;
            return SYL_OK;
        }
        if (!memcmp(chunk, "fmt ", 4)) {
            SYL_TRY(read_fmt(format, fd, size, name, err));
            have_format = 1;
        } else if (!memcmp(chunk, "ds64", 4) && size >= sizeof ds64) {
            SYL_TRY(need(fd, ds64, sizeof ds64, name, err));
            SYL_TRY(skip(fd, (uint64_t)size + (size & 1) - sizeof ds64, name, err));
            long_size = (int64_t)((uint64_t)le32(ds64 + 12) << 32 | le32(ds64 + 8));
            if (long_size <= 0) long_size = -1;
        } else {
            SYL_TRY(skip(fd, (uint64_t)size + (size & 1), name, err));
        }
    }
    return syl_fail(err, SYL_EFORMAT, "%s: no samples in %d chunks; it is no WAV", name,
                    MAX_CHUNKS);
}

/* ---- samples ------------------------------------------------------------------------ */

static void decode(syl_pcm_encoding encoding, const uint8_t *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = src + i * encodings[encoding].size;
        double wide;
        switch (encoding) {
        case SYL_PCM_U8:
            dst[i] = ((float)*p - 128.0f) / 128.0f;
            break;
        case SYL_PCM_S16:
            dst[i] = (float)(int16_t)le16(p) * 0x1p-15f;
            break;
        case SYL_PCM_S24:
            dst[i] = (float)((int32_t)((le16(p) | (uint32_t)p[2] << 16) << 8) / 256) * 0x1p-23f;
            break;
        case SYL_PCM_S32:
            dst[i] = (float)(int32_t)le32(p) * 0x1p-31f;
            break;
        case SYL_PCM_F32:
            memcpy(&dst[i], p, sizeof dst[i]);
            break;
        case SYL_PCM_F64:
            memcpy(&wide, p, sizeof wide);
            dst[i] = (float)wide;
            break;
        case SYL_PCM_OTHER:
            break;
        }
    }
}

syl_status syl_pcm_open(syl_pcm *pcm, int fd, const char *name, const syl_pcm_format *format,
                        int64_t bytes, int wav, syl_error *err)
{
    memset(pcm, 0, sizeof *pcm);
    if (format->encoding == SYL_PCM_OTHER)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: this WAV encoding cannot be read from a pipe; convert it with "
                        "\"ffmpeg -i FILE -c:a pcm_s16le -f wav -\"",
                        name);
    pcm->fd = fd;
    pcm->name = name;
    pcm->format = *format;
    pcm->left = bytes;
    pcm->wav = wav;
    pcm->buffer = malloc(BUFFER);
    return pcm->buffer ? SYL_OK : syl_fail_memory(err, BUFFER, name);
}

/* At the end of the input: is anything missing? */
static syl_status check_end(syl_pcm *pcm, syl_error *err)
{
    int64_t missing = pcm->left;
    size_t piece = pcm->filled;

    pcm->left = 0;
    pcm->filled = 0;
    if (missing > 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s ends %" PRId64 " bytes before its WAV header says; it was cut off, "
                        "record or copy it again",
                        pcm->name, missing);
    if (piece > 0 && !pcm->wav)
        return syl_fail(err, SYL_EFORMAT,
                        "%s ends inside a sample (%zu bytes of %zu); is it really %s with %d "
                        "channels?",
                        pcm->name, piece, syl_pcm_frame_size(&pcm->format),
                        syl_pcm_name(pcm->format.encoding), pcm->format.channels);
    return SYL_OK;
}

syl_status syl_pcm_read(syl_pcm *pcm, float *samples, size_t max, size_t *got, syl_error *err)
{
    size_t frame = syl_pcm_frame_size(&pcm->format), room = BUFFER / frame * frame;

    *got = 0;
    if (max == 0) return SYL_OK;
    if (max < room / frame) room = max * frame;
    while (pcm->filled < frame) {
        size_t want = room - pcm->filled;
        ssize_t n = 0;
        if (pcm->left >= 0 && (uint64_t)pcm->left < want) want = (size_t)pcm->left;
        if (want > 0) n = read_some(pcm->fd, pcm->buffer + pcm->filled, want);
        if (n < 0)
            return syl_fail(err, SYL_EIO, "%s cannot be read: %s", pcm->name, strerror(errno));
        if (n == 0) return check_end(pcm, err);
        pcm->filled += (size_t)n;
        if (pcm->left > 0) pcm->left -= n;
    }
    *got = pcm->filled / frame;
    decode(pcm->format.encoding, pcm->buffer, samples, *got * (size_t)pcm->format.channels);
    pcm->filled -= *got * frame;
    memmove(pcm->buffer, pcm->buffer + *got * frame, pcm->filled);
    return SYL_OK;
}

void syl_pcm_close(syl_pcm *pcm)
{
    free(pcm->buffer);
    pcm->buffer = NULL;
}
