/* A microphone as a source, through PortAudio. Its callback only copies into a ring: a reader that
 * is late for longer than the ring holds loses sound, and is told how much. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "stream/source.h"

#ifdef HAVE_PORTAUDIO

#include <fcntl.h>
#include <math.h>
#include <portaudio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "stream/stop.h"

#define RING_SECONDS 8
#define POLL_SECONDS 0.01
#define MAX_GAP_SECONDS 60.0 /* clocks that jump further say nothing */

typedef struct mic_source {
    syl_source base;
    PaStream *stream;
    syl_ring *ring;
    bool begun;            /* the callback's: it has been called */
    double expected;       /* the callback's: when its next samples would be recorded; 0: unknown */
    atomic_bool ended;     /* PortAudio will not call any more */
    uint64_t heard;        /* sample frames read */
    bool started, counted; /* the stream runs; Pa_Initialize is to be undone */
} mic_source;

bool syl_microphones_built(void)
{
    return true;
}

/* ---- PortAudio's thread ---------------------------------------------------------------- */

/* The device itself lost sound: the clock tells how much, where the host has one. */
static void note_device_overrun(mic_source *s, const PaStreamCallbackTimeInfo *time)
{
    double gap = s->expected > 0 ? time->inputBufferAdcTime - s->expected : 0;
    if (!(gap > 0 && gap < MAX_GAP_SECONDS)) gap = 0;
    uint64_t frames = (uint64_t)(gap * s->base.sample_rate);
    syl_ring_lost(s->ring, frames ? frames : 1);
}

static int on_sound(const void *input, void *output, unsigned long frames,
                    const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *user)
{
    mic_source *s = user;
    (void)output;
    if (!input) return paContinue;
    if ((flags & paInputOverflow) && s->begun) note_device_overrun(s, time);
    s->begun = true;
    s->expected = time->inputBufferAdcTime > 0
                      ? time->inputBufferAdcTime + (double)frames / s->base.sample_rate
                      : 0;
    syl_ring_write(s->ring, input, frames);
    return paContinue;
}

static void on_end(void *user)
{
    atomic_store(&((mic_source *)user)->ended, true);
}

/* ---- the reader's thread --------------------------------------------------------------- */

/* It ended of itself; sound that it lost just before is told of, too. */
static syl_status over(mic_source *s, syl_error *err)
{
    Pa_AbortStream(s->stream);
    syl_ring_end(s->ring);
    return syl_fail(err, SYL_EIO, "%s ended after %.1f s; was the microphone unplugged?",
                    s->base.name, (double)s->heard / s->base.sample_rate);
}

static syl_status mic_read(syl_source *base, float *samples, size_t max, size_t *got,
                           syl_error *err)
{
    mic_source *s = (mic_source *)base;
    struct timespec pause = {.tv_nsec = (long)(POLL_SECONDS * 1e9)};
    *got = 0;
    while (!syl_stop_requested()) {
        bool ended = atomic_load(&s->ended); /* asked first: what came before it is read */
        *got = syl_ring_read(s->ring, samples, max);
        s->heard += *got;
        if (*got) return SYL_OK;
        if (ended || Pa_IsStreamActive(s->stream) != 1) return over(s, err);
        nanosleep(&pause, NULL);
    }
    return SYL_OK;
}

static bool mic_overrun(syl_source *base, syl_overrun *out)
{
    return syl_ring_overrun(((mic_source *)base)->ring, out);
}

static void mic_close(syl_source *base)
{
    mic_source *s = (mic_source *)base;
    if (s->started) Pa_AbortStream(s->stream);
    if (s->stream) Pa_CloseStream(s->stream);
    if (s->counted) Pa_Terminate();
    syl_ring_free(s->ring);
    free(s);
}

static const syl_source_ops mic_ops = {
    .read = mic_read, .overrun = mic_overrun, .close = mic_close};

/* ---- devices --------------------------------------------------------------------------- */

static syl_status failed(PaError problem, const char *what, syl_error *err)
{
    const PaHostErrorInfo *host =
        problem == paUnanticipatedHostError ? Pa_GetLastHostErrorInfo() : NULL;
    return syl_fail(err, SYL_EIO, "%s: %s; \"sylkit stream --list-devices\" shows what there is",
                    what, host ? host->errorText : Pa_GetErrorText(problem));
}

/* The sound libraries below tell standard error about each device that is not there. */
static syl_status initialise(syl_error *err)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_WRONLY);
    if (kept >= 0 && null >= 0) dup2(null, STDERR_FILENO);
    PaError problem = Pa_Initialize();
    if (kept >= 0) dup2(kept, STDERR_FILENO);
    if (kept >= 0) close(kept);
    if (null >= 0) close(null);
    return problem == paNoError ? SYL_OK : failed(problem, "PortAudio cannot start", err);
}

/* Its number, its name, or a part of its name that no other device has. */
static syl_status find_device(const char *wanted, PaDeviceIndex *out, syl_error *err)
{
    PaDeviceIndex count = Pa_GetDeviceCount(), found = paNoDevice;
    int similar = 0;
    char *end;
    long number = strtol(wanted, &end, 10);
    for (PaDeviceIndex i = 0; i < count; i++) {
        const PaDeviceInfo *d = Pa_GetDeviceInfo(i);
        if (d->maxInputChannels < 1) continue;
        if ((*wanted && !*end && number == i) || !strcmp(d->name, wanted)) {
            *out = i;
            return SYL_OK;
        }
        if (!strstr(d->name, wanted)) continue;
        similar++;
        found = i;
    }
    *out = found;
    if (similar == 1) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "%s microphone '%s'; \"sylkit stream --list-devices\" shows what there is",
                    similar ? "more than one" : "there is no", wanted);
}

static syl_status choose_device(const char *wanted, PaDeviceIndex *out, syl_error *err)
{
    if (wanted) return find_device(wanted, out, err);
    *out = Pa_GetDefaultInputDevice();
    if (*out != paNoDevice) return SYL_OK;
    return syl_fail(err, SYL_EIO,
                    "this system has no microphone; name one with --mic DEVICE (\"sylkit stream "
                    "--list-devices\"), or pipe sound in: arecord -f S16_LE -r 16000 -t raw | "
                    "sylkit stream --raw s16le:16000:1 -");
}

syl_status syl_microphones_list(void *out, syl_error *err)
{
    SYL_TRY(initialise(err));
    PaDeviceIndex count = Pa_GetDeviceCount(), standard = Pa_GetDefaultInputDevice();
    for (PaDeviceIndex i = 0; i < count; i++) {
        const PaDeviceInfo *d = Pa_GetDeviceInfo(i);
        if (d->maxInputChannels < 1) continue;
        fprintf(out, "%d\t%s\t%s, %d channel%s, %.0f Hz%s\n", i, d->name,
                Pa_GetHostApiInfo(d->hostApi)->name, d->maxInputChannels,
                d->maxInputChannels > 1 ? "s" : "", d->defaultSampleRate,
                i == standard ? ", the default" : "");
    }
    Pa_Terminate();
    return SYL_OK;
}

/* ---- opening --------------------------------------------------------------------------- */

static PaError try_rate(mic_source *s, const PaStreamParameters *input, double rate)
{
    s->base.sample_rate = (int)lround(rate);
    return Pa_OpenStream(&s->stream, input, NULL, rate, paFramesPerBufferUnspecified, paClipOff,
                         on_sound, s);
}

static syl_status open_mic(mic_source *s, const char *device, int rate, syl_error *err)
{
    PaStreamParameters input = {.channelCount = 1, .sampleFormat = paFloat32};
    SYL_TRY(initialise(err));
    s->counted = true;
    SYL_TRY(choose_device(device, &input.device, err));
    const PaDeviceInfo *d = Pa_GetDeviceInfo(input.device);
    snprintf(s->base.name, sizeof s->base.name, "%s", d->name);
    input.suggestedLatency = d->defaultHighInputLatency;
    PaError problem = try_rate(s, &input, rate);
    if (problem == paInvalidSampleRate) problem = try_rate(s, &input, d->defaultSampleRate);
    if (problem != paNoError) return failed(problem, s->base.name, err);
    s->base.channels = 1;
    SYL_TRY(syl_ring_create(&s->ring, (size_t)s->base.sample_rate * RING_SECONDS, 1, err));
    Pa_SetStreamFinishedCallback(s->stream, on_end);
    problem = Pa_StartStream(s->stream);
    if (problem != paNoError) return failed(problem, s->base.name, err);
    s->started = true;
    return SYL_OK;
}

syl_status syl_source_mic(syl_source **out, const char *device, int rate, syl_error *err)
{
    mic_source *s = syl_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return syl_fail_memory(err, sizeof *s, "a microphone");
    s->base.ops = &mic_ops;
    syl_status status = open_mic(s, device, rate, err);
    if (status)
        mic_close(&s->base);
    else
        *out = &s->base;
    return status;
}

#else

bool syl_microphones_built(void)
{
    return false;
}

static syl_status left_out(syl_error *err)
{
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "this build has no microphones: PortAudio was left out. On Debian: apt-get "
                    "install portaudio19-dev, then configure and make again; or pipe sound in: "
                    "arecord -f S16_LE -r 16000 -t raw | sylkit stream --raw s16le:16000:1 -");
}

syl_status syl_source_mic(syl_source **out, const char *device, int rate, syl_error *err)
{
    (void)device, (void)rate;
    *out = NULL;
    return left_out(err);
}

syl_status syl_microphones_list(void *out, syl_error *err)
{
    (void)out;
    return left_out(err);
}

#endif
