/* Frames: every way of cutting them, and everything that a hostile client may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/daemon/framing.h"

static const syl_framing_limits limits = {.max_header = 100, .max_payload = 1000};

static syl_framing *opened(void)
{
    syl_framing *f;
    assert_int_equal(syl_framing_create(&f, &limits, NULL), SYL_OK);
    return f;
}

/* What was said in text: "TYPE(payload length) payload;" */
static void tell(syl_framing *f, const char *bytes, size_t n, char *said)
{
    size_t used;
    syl_frame frame;
    for (size_t i = 0; i < n; i += used) {
        assert_int_equal(
            syl_framing_next(f, (const uint8_t *)bytes + i, n - i, &used, &frame, NULL), SYL_OK);
        assert_true(used > 0 && used <= n - i);
        if (frame.event == SYL_FRAME_HEADER)
            sprintf(said + strlen(said), "%s(%zu)", frame.type, frame.payload_length);
        if (frame.event == SYL_FRAME_PAYLOAD) {
            strncat(said, (const char *)frame.payload, frame.size);
            if (!frame.left) strcat(said, ";");
        }
    }
}

static void any_cut_gives_the_same(void **state)
{
    static const char bytes[] =
        "{\"type\":\"a\",\"payload_length\":5}\nhe\nlo"
        "{\"type\":\"b\"}\n"
        "{\"type\":\"c\",\"data_length\":8,\"payload_length\":2}\n{\"x\": 1}ok"
        "{\"type\":\"d\",\"data_length\":0,\"payload_length\":null}\r\n";
    size_t n = sizeof bytes - 1;
    (void)state;
    for (size_t step = 1; step <= n; step++) {
        char said[200] = "";
        syl_framing *f = opened();
        for (size_t i = 0; i < n; i += step)
            tell(f, bytes + i, n - i < step ? n - i : step, said);
        assert_string_equal(said, "a(5)he\nlo;b(0)c(2)ok;d(0)");
        assert_true(syl_framing_between(f));
        syl_framing_free(f);
    }
}

static void data_comes_first(void **state)
{
    static const char bytes[] = "{\"type\":\"a\",\"rate\":1,\"data\":{\"rate\":2,\"width\":3},"
                                "\"data_length\":11}\n{\"width\":4}";
    size_t used;
    syl_frame frame;
    syl_framing *f = opened();
    (void)state;
    assert_int_equal(
        syl_framing_next(f, (const uint8_t *)bytes, sizeof bytes - 1, &used, &frame, NULL), SYL_OK);
    assert_int_equal(frame.event, SYL_FRAME_HEADER);
    assert_int_equal(json_integer_value(json_object_get(frame.header, "rate")), 2);
    assert_int_equal(json_integer_value(json_object_get(frame.header, "width")), 4);
    syl_framing_free(f);
}

static void refused(const char *bytes, size_t n, const char *why)
{
    syl_error err;
    syl_frame frame;
    syl_framing *f = opened();
    size_t at = 0, used = 0;
    syl_status status = SYL_OK;
    for (; status == SYL_OK && at < n; at += used)
        status = syl_framing_next(f, (const uint8_t *)bytes + at, n - at, &used, &frame, &err);
    if (status != SYL_EFORMAT && status != SYL_EUNSUPPORTED) fail_msg("taken: %s", bytes);
    if (!strstr(err.message, why)) fail_msg("'%s' lacks '%s'", err.message, why);
    syl_framing_free(f);
}

#define REFUSED(bytes, why) refused(bytes, sizeof bytes - 1, why)

static void hostile_headers_are_refused(void **state)
{
    char line[300];
    (void)state;
    REFUSED("hello\n", "not JSON");
    REFUSED("\n", "not JSON");
    REFUSED("{\"type\":\"a\0\"}\n", "not JSON");
    REFUSED("\0\n", "not JSON");
    REFUSED("{\"type\":\"a\\u0000b\"}\n", "not JSON");
    REFUSED("\xff\xfe{}\n", "not JSON");
    REFUSED("{\"type\":\"a\"\n", "not JSON");
    REFUSED("{\"type\":\"a\"} {}\n", "not JSON");
    REFUSED("{\"type\":\"a\",\"type\":\"b\"}\n", "not JSON");
    REFUSED("[1]\n", "no object");
    REFUSED("{}\n", "\"type\"");
    REFUSED("{\"type\":5}\n", "\"type\"");
    REFUSED("{\"type\":\"a\",\"data\":{\"type\":7}}\n", "\"type\"");
    REFUSED("{\"type\":\"a\",\"data_length\":10}\n{\"type\":7}", "\"type\"");
    REFUSED("{\"type\":\"a\",\"data_length\":3}\n[1]", "no object");
    REFUSED("{\"type\":\"a\",\"payload_length\":-1}\n", "payload_length is -1");
    REFUSED("{\"type\":\"a\",\"payload_length\":1001}\n", "up to 1000");
    REFUSED("{\"type\":\"a\",\"payload_length\":1e9}\n", "whole number");
    REFUSED("{\"type\":\"a\",\"payload_length\":\"5\"}\n", "whole number");
    REFUSED("{\"type\":\"a\",\"payload_length\":9223372036854775807}\n", "up to 1000");
    REFUSED("{\"type\":\"a\",\"payload_length\":99999999999999999999}\n", "not JSON");
    REFUSED("{\"type\":\"a\",\"data_length\":101}\n", "up to 100");
    REFUSED("{\"type\":\"a\",\"data_length\":-5}\n", "negative");
    memset(line, '[', sizeof line);
    refused(line, 100 + 1, "longer than 100");
    memset(line, ' ', sizeof line);
    refused(line, sizeof line, "longer than 100");
}

/* A header of exactly the limit is taken, and half a frame is known to be half. */
static void the_limit_itself_is_taken(void **state)
{
    char line[102] = "{\"type\":\"a\",\"payload_length\":1000}", said[1200] = "";
    (void)state;
    size_t n = strlen(line);
    memset(line + n, ' ', 100 - n);
    line[100] = '\n';
    syl_framing *f = opened();
    tell(f, line, 50, said);
    assert_false(syl_framing_between(f));
    tell(f, line + 50, 51, said);
    assert_string_equal(said, "a(1000)");
    assert_false(syl_framing_between(f));
    syl_framing_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_gives_the_same), cmocka_unit_test(data_comes_first),
        cmocka_unit_test(hostile_headers_are_refused), cmocka_unit_test(the_limit_itself_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
