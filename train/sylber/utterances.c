#include "train/sylber/utterances.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/load.h"
#include "lib/base/memory.h"
#include "lib/io/safetensors.h"

#define FULL_SCALE 32767.0f
#define MAX_SEGMENTS 1000000

typedef struct entry {
    syl_utterance utterance; /* first, so that one leads to its entry */
    char *path, *key;
    bool held;      /* the utterance is in memory */
    int users;      /* that have it */
    syl_error *why; /* it could not be read; or NULL */
    pthread_mutex_t lock;
} entry;

struct syl_utterances {
    syl_utterances_options options;
    char *segments;
    entry *entry;
    int count;
    pthread_mutex_t room; /* guards what follows */
    size_t bytes;         /* held by all */
    int hand;             /* the entry that may have to go next */
};

syl_status syl_utterances_create(syl_utterances **out, const syl_utterances_options *options,
                                 const char *const *paths, const char *const *keys, int count,
                                 syl_error *err)
{
    syl_utterances *all = *out = syl_calloc(1, sizeof *all);
    if (!all) return syl_fail_memory(err, sizeof *all, "the recordings");
    all->options = *options;
    pthread_mutex_init(&all->room, NULL);
    all->entry = syl_calloc((size_t)count, sizeof *all->entry);
    if (options->segments) all->segments = strdup(options->segments);
    bool good = all->entry && (!options->segments || all->segments);
    for (int i = 0; good && i < count; i++) {
        entry *e = &all->entry[all->count++];
        pthread_mutex_init(&e->lock, NULL);
        e->path = strdup(paths[i]);
        e->key = strdup(keys[i]);
        good = e->path && e->key;
    }
    if (good) return SYL_OK;
    syl_utterances_free(all);
    *out = NULL;
    return syl_fail(err, SYL_ENOMEM, "no memory for a list of %d recordings", count);
}

static void utterance_free(syl_utterance *u)
{
    free(u->audio);
    free(u->segments);
    free(u->means);
    *u = (syl_utterance){0};
}

void syl_utterances_free(syl_utterances *all)
{
    if (!all) return;
    for (int i = 0; i < all->count; i++) {
        entry *e = &all->entry[i];
        pthread_mutex_destroy(&e->lock);
        utterance_free(&e->utterance);
        free(e->path);
        free(e->key);
        free(e->why);
    }
    pthread_mutex_destroy(&all->room);
    free(all->entry);
    free(all->segments);
    free(all);
}

int syl_utterances_count(const syl_utterances *all)
{
    return all->count;
}

const char *syl_utterances_path(const syl_utterances *all, int i)
{
    return all->entry[i].path;
}

/* ---- audio ---------------------------------------------------------------------------------- */

/* Wav2Vec2Processor's scaling: (x - mean) / sqrt(variance + 1e-7). */
static void unit_variance(const float *audio, int64_t n, syl_utterance *u)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += audio[i];
        squares += (double)audio[i] * audio[i];
    }
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    double by = 1 / sqrt((variance > 0 ? variance : 0) + 1e-7);
    u->shift = (float)(-mean * by);
    u->scale *= (float)by;
}

static syl_status keep_audio(const syl_utterances_options *o, const float *audio, int64_t n,
                             syl_utterance *u, syl_error *err)
{
    if (o->max_samples > 0 && n > o->max_samples) n = o->max_samples;
    n -= n % o->hop;
    if (n < o->hop || n < o->min_samples)
        return syl_fail(
            err, SYL_EINVAL, "only %.2f s long; training needs %.2f s", (double)n / o->sample_rate,
            (double)(o->min_samples > o->hop ? o->min_samples : o->hop) / o->sample_rate);
    u->audio = syl_calloc((size_t)n, sizeof *u->audio);
    if (!u->audio) return syl_fail_memory(err, (size_t)n * sizeof *u->audio, "a recording");
    u->samples = n;
    u->scale = 1 / FULL_SCALE;
    for (int64_t i = 0; i < n; i++) {
        float v = audio[i] > 1 ? 1 : audio[i] < -1 ? -1 : audio[i];
        u->audio[i] = (int16_t)lrintf(v * FULL_SCALE);
    }
    if (o->unit_variance) unit_variance(audio, n, u);
    return SYL_OK;
}

static syl_status read_audio(const syl_utterances_options *o, const entry *e, syl_utterance *u,
                             syl_error *err)
{
    float *audio;
    size_t n;
    SYL_TRY(syl_audio_load_at(e->path, NULL, o->sample_rate, &audio, &n, err));
    syl_status status = keep_audio(o, audio, (int64_t)n, u, err);
    free(audio);
    return status;
}

/* ---- segments ------------------------------------------------------------------------------- */

/* What lies beyond the audio that was kept is left out. */
static syl_status take_segments(const syl_utterances_options *o, const syl_st_tensor *spans,
                                syl_utterance *u, syl_error *err)
{
    int64_t frames = u->samples / o->hop;
    if (spans->dtype != SYL_I32 || spans->ndim != 2 || spans->shape[1] != 2 ||
        spans->shape[0] > MAX_SEGMENTS)
        return syl_fail(err, SYL_EFORMAT, "its segments are not [M][2] of I32");
    size_t count = (size_t)spans->shape[0];
    u->segments = syl_calloc(count, sizeof *u->segments);
    if (!u->segments) return syl_fail_memory(err, count * sizeof *u->segments, "segments");
    memcpy(u->segments, spans->data, count * sizeof *u->segments);
    int32_t before = 0;
    for (size_t i = 0; i < count && u->segments[i][0] < frames; i++) {
        int32_t *s = u->segments[i];
        if (s[0] < before || s[1] <= s[0])
            return syl_fail(err, SYL_EFORMAT, "its segment %zu, frames %d to %d, is out of order",
                            i, (int)s[0], (int)s[1]);
        if (s[1] > frames) s[1] = (int32_t)frames;
        before = s[1];
        u->num_segments++;
    }
    return SYL_OK;
}

static syl_status take_means(const syl_utterances_options *o, const syl_st_tensor *means,
                             int64_t spans, syl_utterance *u, syl_error *err)
{
    if (means->ndim != 2 || means->shape[0] != spans || means->shape[1] != o->dim)
        return syl_fail(err, SYL_EFORMAT, "its means are not one of %d values a segment", o->dim);
    u->means = syl_calloc(means->count, sizeof *u->means);
    if (!u->means) return syl_fail_memory(err, means->count * sizeof *u->means, "means");
    syl_st_to_f32(means, u->means);
    for (size_t i = 0; i < means->count; i++)
        if (!isfinite(u->means[i]))
            return syl_fail(err, SYL_EFORMAT, "its means hold a value that is not finite");
    return SYL_OK;
}

static syl_status read_segments(const syl_utterances *all, const entry *e, syl_utterance *u,
                                syl_error *err)
{
    char path[4096];
    syl_safetensors *file;
    if (!all->segments) return SYL_OK;
    int length = snprintf(path, sizeof path, "%s/%s.safetensors", all->segments, e->key);
    if (length < 0 || (size_t)length >= sizeof path)
        return syl_fail(err, SYL_EINVAL, "the path of its segments is too long");
    SYL_TRY(syl_safetensors_open(&file, path, err));
    const syl_st_tensor *spans = syl_safetensors_find(file, "segments");
    const syl_st_tensor *means = syl_safetensors_find(file, "means");
    syl_status status = spans ? take_segments(&all->options, spans, u, err)
                              : syl_fail(err, SYL_EFORMAT, "it has no tensor 'segments'");
    if (status == SYL_OK && all->options.dim > 0)
        status = means ? take_means(&all->options, means, spans->shape[0], u, err)
                       : syl_fail(err, SYL_EFORMAT, "it has no tensor 'means'");
    if (status == SYL_EFORMAT && err) {
        syl_error why = *err;
        syl_fail(err, status, "%.200s: %.180s; make it again with sylkit presegment run", path,
                 why.message);
    }
    syl_safetensors_free(file);
    return status;
}

/* ---- one ------------------------------------------------------------------------------------ */

static syl_status keep_error(entry *e, const syl_error *err)
{
    e->why = syl_calloc(1, sizeof *e->why);
    if (!e->why) return SYL_ENOMEM;
    if (strstr(err->message, e->path))
        *e->why = *err;
    else
        syl_fail(e->why, err->status, "%.200s: %.280s", e->path, err->message);
    return err->status;
}

static syl_status read_entry(const syl_utterances *all, entry *e)
{
    syl_error err = {.status = SYL_OK};
    syl_status status = read_audio(&all->options, e, &e->utterance, &err);
    if (status == SYL_OK) status = read_segments(all, e, &e->utterance, &err);
    e->held = status == SYL_OK;
    if (e->held) return SYL_OK;
    utterance_free(&e->utterance);
    return keep_error(e, &err);
}

static size_t bytes_of(const syl_utterances *all, const syl_utterance *u)
{
    size_t segment =
        sizeof *u->segments + (u->means ? (size_t)all->options.dim * sizeof(float) : 0);
    return (size_t)u->samples * sizeof *u->audio + (size_t)u->num_segments * segment;
}

/* Frees what nobody uses, going round, until there is room; `room` is locked. An entry that is busy
 * is passed over. */
static void make_room(syl_utterances *all)
{
    for (int i = 0; i < all->count && all->bytes > all->options.max_bytes; i++) {
        entry *e = &all->entry[all->hand];
        all->hand = (all->hand + 1) % all->count;
        if (pthread_mutex_trylock(&e->lock)) continue;
        if (e->held && e->users == 0) {
            all->bytes -= bytes_of(all, &e->utterance);
            utterance_free(&e->utterance);
            e->held = false;
        }
        pthread_mutex_unlock(&e->lock);
    }
}

static void count_bytes(syl_utterances *all, const entry *e)
{
    pthread_mutex_lock(&all->room);
    all->bytes += bytes_of(all, &e->utterance);
    if (all->options.max_bytes > 0) make_room(all);
    pthread_mutex_unlock(&all->room);
}

syl_status syl_utterances_get(syl_utterances *all, int i, const syl_utterance **out, syl_error *err)
{
    entry *e = &all->entry[i];
    syl_status status = SYL_OK;
    pthread_mutex_lock(&e->lock);
    bool new = !e->held && !e->why;
    if (new) status = read_entry(all, e);
    if (e->why) {
        status = e->why->status;
        if (err) *err = *e->why;
    } else if (status == SYL_ENOMEM) {
        syl_fail(err, status, "%.200s: no memory", e->path);
    }
    if (status == SYL_OK) e->users++;
    pthread_mutex_unlock(&e->lock);
    *out = &e->utterance;
    if (status == SYL_OK && new) count_bytes(all, e);
    return status;
}

void syl_utterances_release(syl_utterances *all, const syl_utterance *utterance)
{
    entry *e = (entry *)(uintptr_t)utterance;
    (void)all;
    pthread_mutex_lock(&e->lock);
    e->users--;
    pthread_mutex_unlock(&e->lock);
}
