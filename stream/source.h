/* Where the sound of `sylkit stream` comes from: a file, standard input, a microphone. */
#ifndef SYL_STREAM_SOURCE_H
#define SYL_STREAM_SOURCE_H

#include "stream/ring.h"

typedef struct syl_source syl_source;

typedef struct syl_source_ops {
    syl_status (*read)(syl_source *source, float *samples, size_t max, size_t *got, syl_error *err);
    bool (*overrun)(syl_source *source, syl_overrun *out); /* NULL: it loses nothing */
    void (*close)(syl_source *source);
} syl_source_ops;

/* First member of each kind. */
struct syl_source {
    const syl_source_ops *ops;
    int sample_rate, channels;
    char name[256]; /* for people */
};

/* At least one and up to max sample frames into samples [max][channels], waiting for them; *got is
 * 0 at the end, which syl_stop_requested() brings about. */
static inline syl_status syl_source_read(syl_source *source, float *samples, size_t max,
                                         size_t *got, syl_error *err)
{
    return source->ops->read(source, samples, max, got, err);
}

/* A gap before the sample frames still to be read: true once for each; asked after a read. */
static inline bool syl_source_overrun(syl_source *source, syl_overrun *out)
{
    return source->ops->overrun && source->ops->overrun(source, out);
}

static inline void syl_source_close(syl_source *source)
{
    if (source) source->ops->close(source);
}

/* A recording, "-" if standard input is one; raw: see syl_audio_open. `paced` hands it out no
 * faster than it would be spoken. */
syl_status syl_source_file(syl_source **out, const char *path, const char *raw, bool paced,
                           syl_error *err);

/* A pipe: path, or "-" for standard input; WAV, or raw samples. SYL_ECANCELLED: the signal came
 * before the sound. */
syl_status syl_source_stdin(syl_source **out, const char *path, const char *raw, bool paced,
                            syl_error *err);

/* A microphone through PortAudio. device: its number or (a part of) its name in
 * syl_microphones_list, NULL for the system's default. `rate` is asked for first. */
syl_status syl_source_mic(syl_source **out, const char *device, int rate, syl_error *err);
/* One line a device that can record, on `out` (a FILE). */
syl_status syl_microphones_list(void *out, syl_error *err);
/* Whether this build has microphones. */
bool syl_microphones_built(void);

/* Either of the first two, as the kind of `path` wants. */
syl_status syl_source_open(syl_source **out, const char *path, const char *raw, bool paced,
                           syl_error *err);

#endif
