/* The ring between the sound card's thread and ours: order, gaps and their places, two threads. */
#include "tests/golden/golden.h"

#include <pthread.h>
#include <sched.h>

#include "lib/base/random.h"
#include "stream/ring.h"

static syl_error err;

static syl_ring *made(size_t frames, int channels)
{
    syl_ring *r;
    if (syl_ring_create(&r, frames, channels, &err)) fail_msg("%s", err.message);
    return r;
}

static void count_up(float *samples, size_t n, float from)
{
    for (size_t i = 0; i < n; i++)
        samples[i] = from + (float)i;
}

static void test_order(void **state)
{
    syl_random rng = {.seed = 5};
    syl_ring *r = made(64, 2);
    float in[200], out[200], next_in = 0, next_out = 0;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        size_t n = syl_random_below(&rng, 33);
        count_up(in, 2 * n, next_in);
        syl_ring_write(r, in, n);
        next_in += 2 * (float)n;
        while (next_in - next_out > 64) { /* values; room for 32 frames more stays */
            size_t got = syl_ring_read(r, out, 1 + syl_random_below(&rng, 40));
            assert_true(got > 0);
            for (size_t k = 0; k < 2 * got; k++)
                assert_true(out[k] == next_out++);
        }
    }
    assert_int_equal(syl_ring_pending(r), 0);
    syl_ring_free(r);
    syl_ring_free(NULL);
}

static void test_gaps(void **state)
{
    syl_ring *r = made(8, 1);
    syl_overrun gap;
    float in[20], out[20];
    (void)state;
    count_up(in, 20, 0);
    syl_ring_write(r, in, 11); /* 3 too many */
    syl_ring_write(r, in, 2);  /* 2 more */
    assert_int_equal(syl_ring_pending(r), 5);
    assert_false(syl_ring_overrun(r, &gap)); /* it has not ended */
    assert_int_equal(syl_ring_read(r, out, 20), 8);
    assert_int_equal(syl_ring_read(r, out, 20), 0);
    syl_ring_write(r, in + 13, 4);
    assert_true(syl_ring_overrun(r, &gap));
    assert_int_equal(gap.at, 8);
    assert_int_equal(gap.frames, 5);
    assert_false(syl_ring_overrun(r, &gap));
    syl_ring_lost(r, 7); /* the card's own loss */
    syl_ring_write(r, in, 1);
    assert_false(syl_ring_overrun(r, &gap)); /* lies behind what is still to be read */
    assert_int_equal(syl_ring_read(r, out, 4), 4);
    assert_true(out[0] == 13 && out[3] == 16);
    assert_true(syl_ring_overrun(r, &gap));
    assert_true(gap.at == 12 && gap.frames == 7);
    syl_ring_lost(r, 9); /* and then the card ended */
    assert_false(syl_ring_overrun(r, &gap));
    syl_ring_end(r);
    assert_false(syl_ring_overrun(r, &gap)); /* one sample is still to be read */
    assert_int_equal(syl_ring_read(r, out, 4), 1);
    assert_true(syl_ring_overrun(r, &gap));
    assert_true(gap.at == 13 && gap.frames == 9);
    assert_int_equal(syl_ring_pending(r), 0);
    syl_ring_end(r);
    assert_false(syl_ring_overrun(r, &gap));
    syl_ring_free(r);
}

/* More gaps than can wait: none of the lost sound is forgotten. */
static void test_many_gaps(void **state)
{
    syl_ring *r = made(1024, 1);
    syl_overrun gap;
    float x = 0, out[1024];
    uint64_t lost = 0;
    (void)state;
    for (int i = 0; i < 200; i++) {
        syl_ring_lost(r, 10);
        syl_ring_write(r, &x, 1);
    }
    assert_int_equal(syl_ring_read(r, out, 1024), 200);
    while (syl_ring_overrun(r, &gap))
        lost += gap.frames;
    assert_int_equal(lost + syl_ring_pending(r), 2000);
    syl_ring_write(r, &x, 1);
    while (syl_ring_overrun(r, &gap))
        lost += gap.frames;
    assert_int_equal(lost, 2000);
    assert_int_equal(syl_ring_pending(r), 0);
    syl_ring_free(r);
}

#define TOTAL 400000

static void *write_all(void *ring)
{
    syl_random rng = {.seed = 6};
    float in[300];
    for (int64_t at = 0; at < TOTAL;) {
        size_t n = 1 + syl_random_below(&rng, 300);
        if ((int64_t)n > TOTAL - at) n = (size_t)(TOTAL - at);
        for (size_t i = 0; i < n; i++)
            in[i] = (float)(at + (int64_t)i);
        syl_ring_write(ring, in, n);
        at += (int64_t)n;
        if (syl_random_below(&rng, 4) == 0) sched_yield();
    }
    return NULL;
}

/* Every value arrives once and in order, or lies in a gap that is reported at its place. */
static void test_two_threads(void **state)
{
    syl_ring *r = made(1000, 1);
    syl_random rng = {.seed = 7};
    pthread_t writer;
    syl_overrun gap;
    float out[500];
    uint64_t lost = 0, heard = 0;
    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_all, r), 0);
    while (heard + lost + syl_ring_pending(r) < TOTAL) {
        size_t got = syl_ring_read(r, out, 1);
        while (got && out[0] != (float)(heard + lost)) { /* then a gap lies right before it */
            assert_true(syl_ring_overrun(r, &gap));
            assert_int_equal(gap.at, heard);
            lost += gap.frames;
        }
        heard += got;
        if (syl_random_below(&rng, 2000) == 0) sched_yield();
    }
    pthread_join(writer, NULL);
    for (size_t got; (got = syl_ring_read(r, out, 500)) > 0;)
        heard += got;
    while (syl_ring_overrun(r, &gap))
        lost += gap.frames;
    assert_int_equal(heard + lost + syl_ring_pending(r), TOTAL);
    print_message("%llu heard, %llu lost\n", (unsigned long long)heard, (unsigned long long)lost);
    syl_ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_many_gaps),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
