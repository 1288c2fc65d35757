/* Sessions of the daemon, with a worker that computes nothing and stops where it is told to. */
#include "tests/golden/golden.h"

#include <pthread.h>

#include "lib/base/clock.h"
#include "stream/daemon/session_task.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int allowed, begun; /* runs of the worker */
static double arrived[64]; /* [begun] what each was told */
static size_t bytes[64];

void syl_task_run(syl_task *t, syl_scratch *scratch)
{
    (void)scratch;
    pthread_mutex_lock(&lock);
    assert_true(begun < 64);
    arrived[begun] = t->arrived;
    bytes[begun++] = t->bytes;
    pthread_cond_broadcast(&changed);
    while (begun > allowed)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void syl_task_close(syl_task *t)
{
    (void)t;
}

static void nothing(void *user)
{
    (void)user;
}

static void let(int runs)
{
    pthread_mutex_lock(&lock);
    allowed = runs;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(int runs)
{
    pthread_mutex_lock(&lock);
    while (begun < runs)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void wait_seconds(double seconds)
{
    struct timespec t = {.tv_nsec = (long)(seconds * 1e9)};
    nanosleep(&t, NULL);
}

/* Audio that waited for a late worker is told with the time when it came, not when the last of the
 * queue did: else the latency of an overloaded daemon would look as if it were idle. */
static void test_arrival(void **state)
{
    static syl_service service = {.options = {.queue_seconds = 5, .max_seconds = 100}};
    static const uint8_t sound[SYL_TASK_BYTES];
    syl_session_format format = {.stream = {.sample_rate = 16000, .channels = 1}};
    syl_session *s;
    syl_error err;
    (void)state;
    assert_int_equal(syl_pool_create(&service.pool, 1, sizeof(syl_scratch), &err), SYL_OK);
    assert_int_equal(syl_session_create(&s, &service, nothing, NULL, &err), SYL_OK);
    assert_int_equal(syl_session_begin(s, &format, &err), SYL_OK);
    wait_for(1); /* it begins the stream, and is held there */
    double first = syl_clock_seconds();
    for (int i = 0; i < 4; i++) {
        syl_session_push(s, sound, sizeof sound);
        wait_seconds(0.2);
    }
    let(64);
    wait_for(5);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(bytes[i], SYL_TASK_BYTES);
        assert_true(arrived[i] >= arrived[i - 1] || i == 1);
        assert_true(arrived[i] >= first && arrived[i] <= syl_clock_seconds() - 0.2);
    }
    assert_true(arrived[1] - first < 0.4); /* 0.15 s, were the clock exact */
    assert_true(arrived[4] - arrived[1] > 0.25);
    syl_session_push(s, sound, 3200); /* nothing waits: as it comes */
    wait_for(6);
    assert_true(syl_clock_seconds() - arrived[5] < 0.15);
    syl_session_abandon(s);
    syl_pool_free(service.pool);
}

/* A client that asks and does not read is full, and none of its answers is lost. */
static void test_full(void **state)
{
    static syl_service service;
    char line[100], text[128];
    syl_session *s;
    syl_error err;
    int said = 0, read = 0;
    (void)state;
    assert_int_equal(syl_session_create(&s, &service, nothing, NULL, &err), SYL_OK);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (; !syl_session_is_full(s) && said < 100000; said++)
        syl_session_say(s, line);
    assert_true(said > 100 && said < 10000);
    syl_session_say(s, line); /* a worker came in between */
    while (syl_session_read(s, text, sizeof text, true) == sizeof line)
        read++;
    assert_int_equal(read, said + 1);
    assert_false(syl_session_is_full(s));
    syl_session_abandon(s);
}

/* What a client asks for does not decide how much memory it gets. */
static void test_queue_is_bounded(void **state)
{
    static syl_service service = {.options = {.queue_seconds = 60, .max_seconds = 100}};
    static const int rates[] = {1000, 16000, 192000};
    static const size_t room[] = {60 * 2000, 60 * 32000, 4194304};
    syl_error err;
    (void)state;
    begun = 0;
    let(64);
    assert_int_equal(syl_pool_create(&service.pool, 1, sizeof(syl_scratch), &err), SYL_OK);
    for (int i = 0; i < 3; i++) {
        int large = rates[i] == 192000;
        syl_session_format format = {
            .is_float = large, .stream = {.sample_rate = rates[i], .channels = large ? 8 : 1}};
        syl_session *s;
        assert_int_equal(syl_session_create(&s, &service, nothing, NULL, &err), SYL_OK);
        assert_int_equal(syl_session_begin(s, &format, &err), SYL_OK);
        assert_int_equal(syl_session_room(s), room[i]);
        syl_session_abandon(s);
    }
    syl_pool_free(service.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrival), cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_queue_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
