#include "stream/daemon/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "stream/daemon/session_task.h"
#include "stream/daemon/text.h"

#define OUTPUT_HIGH 32768 /* bytes: not computed while more waits for the client to read */
#define MIN_QUEUE 65536   /* bytes: a few reads of a transport always fit */
#define MAX_QUEUE 4194304 /* bytes: whatever rate and channels a client asks for */

typedef enum phase { IDLE, OPEN, ENDING } phase;

struct syl_session {
    syl_job job; /* first: the pool hands it back */
    syl_service *service;
    pthread_mutex_t lock;
    void (*wake)(void *user);
    void *user;
    phase phase;
    bool begun;     /* the worker knows of this stream */
    bool over;      /* nothing is computed any more; what waits to be read is the last */
    bool scheduled; /* in the pool's hands */
    bool abandoned; /* by the transport: freed when out of the pool's hands */
    syl_session_format format;
    const char *reason; /* of ENDING */
    uint8_t *queue;     /* [capacity], a ring */
    size_t capacity, head, filled;
    uint64_t bytes_left; /* until the stream is too long */
    size_t frame_size, bytes_per_second;
    double oldest, newest; /* when the ends of what waits arrived */
    syl_text out;
    syl_task task; /* of the worker that runs it */
};

/* ---- accounts -------------------------------------------------------------------------- */

static int64_t microseconds(const syl_session *s, size_t bytes)
{
    return s->bytes_per_second ? (int64_t)(1e6 * (double)bytes / (double)s->bytes_per_second) : 0;
}

/* The queue holds `after` bytes now, and the sum of all queues says so. */
static void set_filled(syl_session *s, size_t after)
{
    s->service->metrics.queued_us += microseconds(s, after) - microseconds(s, s->filled);
    s->filled = after;
}

static void throw_away(syl_session *s)
{
    s->service->metrics.discarded_us += (uint64_t)microseconds(s, s->filled);
    set_filled(s, 0);
}

/* ---- life ------------------------------------------------------------------------------ */

static int run(syl_job *job, void *scratch);

syl_status syl_session_create(syl_session **out, syl_service *service, void (*wake)(void *user),
                              void *user, syl_error *err)
{
    *out = NULL;
    syl_session *s = syl_calloc(1, sizeof *s);
    if (!s) return syl_fail_memory(err, sizeof *s, "a client");
    pthread_mutex_init(&s->lock, NULL);
    s->job.run = run;
    s->service = service;
    s->wake = wake;
    s->user = user;
    s->task.service = service;
    *out = s;
    return SYL_OK;
}

static void destroy(syl_session *s)
{
    throw_away(s);
    syl_task_close(&s->task);
    syl_text_free(&s->task.said);
    syl_text_free(&s->out);
    free(s->queue);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void syl_session_abandon(syl_session *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->abandoned = true;
    s->wake = NULL;
    bool held = s->scheduled;
    if (!s->over && (s->phase != IDLE || s->out.head < s->out.end))
        s->service->metrics.drops[SYL_DROP_VANISHED]++;
    throw_away(s);
    pthread_mutex_unlock(&s->lock);
    if (!held) destroy(s);
}

/* ---- the worker's side ------------------------------------------------------------------- */

static bool is_runnable(const syl_session *s)
{
    if (s->over || s->abandoned || s->out.end - s->out.head >= OUTPUT_HIGH) return false;
    return s->phase == ENDING || (s->phase == OPEN && (!s->begun || s->filled >= s->frame_size));
}

/* With the lock held: hands the session to the pool when there is something to do. */
static void schedule(syl_session *s)
{
    if (s->scheduled || !is_runnable(s)) return;
    s->scheduled = true;
    syl_pool_submit(s->service->pool, &s->job);
}

static void take_audio(syl_session *s, uint8_t *to, size_t n)
{
    size_t first = s->capacity - s->head < n ? s->capacity - s->head : n;
    memcpy(to, s->queue + s->head, first);
    memcpy(to + first, s->queue, n - first);
    s->head = (s->head + n) % s->capacity;
    set_filled(s, s->filled - n);
}

/* What the worker shall do now, out of the session's state. */
static void take_task(syl_session *s, syl_scratch *scratch)
{
    syl_task *t = &s->task;
    size_t most = s->filled < SYL_TASK_BYTES ? s->filled : SYL_TASK_BYTES;
    t->begin = !s->begun;
    s->begun = true;
    t->format = s->format;
    t->bytes = most - most % s->frame_size;
    /* Between its ends the queue arrived evenly: so also a long one tells what waiting cost. */
    double part = s->filled > 0 ? (double)t->bytes / (double)s->filled : 1;
    s->oldest += (s->newest - s->oldest) * part;
    t->arrived = s->oldest;
    take_audio(s, scratch->bytes, t->bytes);
    t->queue = 1e-6 * (double)microseconds(s, s->filled);
    t->reason = s->phase == ENDING && s->filled < s->frame_size ? s->reason : NULL;
    t->left_over = t->reason ? s->filled : 0;
}

static void put_result(syl_session *s)
{
    syl_task *t = &s->task;
    if (s->over) return;
    syl_text_put(&s->out, t->said.data + t->said.head, t->said.end - t->said.head);
    if (t->said.failed || s->out.failed) {
        s->over = true;
        s->service->metrics.drops[SYL_DROP_INTERNAL]++;
    }
    if (t->failed) {
        s->over = true;
        s->service->metrics.drops[t->failed_drop]++;
    }
    if (!t->reason) return;
    set_filled(s, 0);
    if (strcmp(t->reason, "eof")) s->over = true;
    s->phase = IDLE;
}

static int run(syl_job *job, void *user)
{
    syl_session *s = (syl_session *)(void *)job;
    syl_scratch *scratch = user;
    pthread_mutex_lock(&s->lock);
    if (is_runnable(s)) {
        take_task(s, scratch);
        pthread_mutex_unlock(&s->lock);
        syl_task_run(&s->task, scratch);
        pthread_mutex_lock(&s->lock);
        put_result(s);
        s->task.said.head = s->task.said.end = 0;
    }
    int more = s->scheduled = is_runnable(s);
    bool abandoned = s->abandoned;
    if (s->wake) s->wake(s->user);
    pthread_mutex_unlock(&s->lock);
    if (abandoned) destroy(s);
    return more;
}

/* ---- the transport's side: in ------------------------------------------------------------ */

static syl_status make_queue(syl_session *s, syl_error *err)
{
    const syl_daemon_options *o = &s->service->options;
    double wanted = o->queue_seconds * (double)s->bytes_per_second;
    size_t capacity = (size_t)fmin(fmax(wanted, MIN_QUEUE), MAX_QUEUE);
    s->head = 0;
    if (capacity == s->capacity) return SYL_OK;
    free(s->queue);
    s->capacity = 0;
    s->queue = syl_calloc(capacity, 1);
    if (!s->queue) return syl_fail_memory(err, capacity, "a client's queue");
    s->capacity = capacity;
    return SYL_OK;
}

syl_status syl_session_begin(syl_session *s, const syl_session_format *format, syl_error *err)
{
    const syl_daemon_options *o = &s->service->options;
    syl_status status = SYL_OK;
    pthread_mutex_lock(&s->lock);
    if (s->phase != IDLE) {
        status = syl_fail(err, SYL_EINVAL, "a stream is open already; end it with audio-stop");
    } else if (!s->over) {
        s->format = *format;
        s->frame_size = (format->is_float ? 4u : 2u) * (size_t)format->stream.channels;
        s->bytes_per_second = s->frame_size * (size_t)format->stream.sample_rate;
        s->bytes_left = (uint64_t)(o->max_seconds * format->stream.sample_rate) * s->frame_size;
        status = make_queue(s, err);
        if (status == SYL_OK) {
            s->begun = false;
            s->phase = OPEN;
            s->service->metrics.streams++;
            schedule(s);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

size_t syl_session_room(syl_session *s)
{
    pthread_mutex_lock(&s->lock);
    size_t room = s->phase == OPEN && !s->over ? s->capacity - s->filled : 0;
    pthread_mutex_unlock(&s->lock);
    return room;
}

static void end_with(syl_session *s, const char *reason)
{
    if (s->phase != OPEN) return;
    s->phase = ENDING;
    s->reason = reason;
    schedule(s);
}

void syl_session_push(syl_session *s, const uint8_t *bytes, size_t n)
{
    pthread_mutex_lock(&s->lock);
    size_t room = s->phase == OPEN && !s->over ? s->capacity - s->filled : 0;
    bool too_long = n > s->bytes_left;
    if (too_long) n = (size_t)s->bytes_left;
    if (n > room) n = room;
    if (n > 0) {
        size_t tail = (s->head + s->filled) % s->capacity;
        size_t first = s->capacity - tail < n ? s->capacity - tail : n;
        memcpy(s->queue + tail, bytes, first);
        memcpy(s->queue, bytes + first, n - first);
        s->newest = syl_clock_seconds();
        if (s->filled < s->frame_size) s->oldest = s->newest;
        set_filled(s, s->filled + n);
        s->bytes_left -= n;
    }
    if (too_long && s->phase == OPEN) s->service->metrics.drops[SYL_DROP_LIMIT]++;
    if (too_long) end_with(s, "limit");
    schedule(s);
    pthread_mutex_unlock(&s->lock);
}

void syl_session_finish(syl_session *s, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    end_with(s, reason);
    /* Without a stream there is nothing to wait for. */
    if (s->phase == IDLE && strcmp(reason, "eof")) s->over = true;
    pthread_mutex_unlock(&s->lock);
}

void syl_session_fail(syl_session *s, syl_drop drop, const char *code, const char *message)
{
    pthread_mutex_lock(&s->lock);
    if (!s->over) {
        syl_text_error(&s->out, code, message);
        s->over = true;
        s->service->metrics.drops[drop]++;
        throw_away(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void syl_session_say(syl_session *s, const char *line)
{
    pthread_mutex_lock(&s->lock);
    if (!s->over) {
        syl_text_put(&s->out, line, strlen(line));
        syl_text_put(&s->out, "\n", 1);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- the transport's side: out ----------------------------------------------------------- */

size_t syl_session_read(syl_session *s, char *out, size_t room, bool whole_line)
{
    pthread_mutex_lock(&s->lock);
    syl_text *t = &s->out;
    size_t n = t->end - t->head;
    if (whole_line && n > 0) {
        const char *end = memchr(t->data + t->head, '\n', n);
        n = end ? (size_t)(end - (t->data + t->head)) + 1 : 0;
        if (n > room) n = 0;
    }
    if (n > room) n = room;
    if (n > 0) memcpy(out, t->data + t->head, n);
    t->head += n;
    schedule(s);
    pthread_mutex_unlock(&s->lock);
    return n;
}

#define ASK(name, type, expression)     \
    type name(syl_session *s)           \
    {                                   \
        pthread_mutex_lock(&s->lock);   \
        type answer = (expression);     \
        pthread_mutex_unlock(&s->lock); \
        return answer;                  \
    }

ASK(syl_session_is_open, bool, s->phase == OPEN && !s->over)
ASK(syl_session_is_ending, bool, s->phase == ENDING && !s->over)
ASK(syl_session_has_output, bool, s->out.head < s->out.end)
ASK(syl_session_is_full, bool, s->out.end - s->out.head >= OUTPUT_HIGH)
ASK(syl_session_is_over, bool, s->over && s->out.head == s->out.end)
ASK(syl_session_is_busy, bool, s->scheduled)
