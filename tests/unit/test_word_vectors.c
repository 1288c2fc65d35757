/* Numbers, lines and the files of word2vec. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "lib/base/random.h"
#include "lib/io/number.h"
#include "lib/io/word_vectors.h"

#define FILE_NAME "test_word_vectors.tmp"

static syl_span span(const char *text)
{
    return (syl_span){text, strlen(text)};
}

static void test_numbers(void **state)
{
    static const char *const good[] = {
        "0",     "-0",     "1",      "+2.5",         ".5",
        "5.",    "1e3",    "1E-3",   "-1e+2",        "123456789012345678901234",
        "0.000", "1e-310", "1e-400", "3.4028235e38", "0.1234567890123456789012345",
        "00012"};
    static const char *const bad[] = {"",    "-",   ".",   "e5",  "1e",    "1e+", "nan",
                                      "inf", "0x1", "1 2", "1,5", "1e999", "--1", "1e99999999999"};
    double value;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!syl_parse_number(span(good[i]), &value)) fail_msg("\"%s\" is refused", good[i]);
        double want = strtod(good[i], NULL);
        if (!(fabs(value - want) <= 1e-15 * fabs(want) + 1e-320))
            fail_msg("\"%s\" gives %.17g", good[i], value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (syl_parse_number(span(bad[i]), &value)) fail_msg("\"%s\" is accepted", bad[i]);
    int64_t count;
    assert_true(syl_parse_count(span("9223372036854775807"), &count) && count == INT64_MAX);
    assert_false(syl_parse_count(span("9223372036854775808"), &count));
    assert_false(syl_parse_count(span(""), &count) || syl_parse_count(span("-1"), &count));
}

/* Any float comes back as it was. */
static void test_float_text(void **state)
{
    syl_random rng = {.seed = 5};
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = syl_random_u32(&rng);
        float value, again;
        char text[SYL_NUMBER_ROOM];
        double parsed;
        memcpy(&value, &bits, 4);
        if (!isfinite(value)) continue;
        size_t length = (size_t)syl_format_float(text, value);
        if (!syl_parse_number((syl_span){text, length}, &parsed)) fail_msg("%s is refused", text);
        again = (float)parsed;
        if (again != value) fail_msg("%.9g has become %.9g", (double)value, (double)again);
    }
}

static void test_lines(void **state)
{
    syl_lines lines = syl_lines_of("a\tb \r\n\n\t\t", 9);
    syl_span line, field;
    (void)state;
    assert_true(syl_next_line(&lines, &line) && syl_span_is(line, "a\tb "));
    syl_span rest = line;
    assert_true(syl_next_field(&rest, '\t', &field) && syl_span_is(field, "a"));
    assert_true(syl_next_field(&rest, '\t', &field) && syl_span_is(syl_trim(field), "b"));
    assert_false(syl_next_field(&rest, '\t', &field));
    assert_true(syl_next_word(&line, &field) && syl_next_word(&line, &field));
    assert_true(syl_span_is(field, "b"));
    assert_false(syl_next_word(&line, &field));
    assert_true(syl_next_line(&lines, &line) && line.size == 0);
    assert_true(syl_next_line(&lines, &line) && lines.number == 3);
    int fields = 0;
    while (syl_next_field(&line, '\t', &field))
        fields++;
    assert_int_equal(fields, 3);
    assert_false(syl_next_line(&lines, &line));
    lines = syl_lines_of(NULL, 0);
    assert_false(syl_next_line(&lines, &line));
}

/* count vectors written and read, all formats, with and without being told which it is. */
static void round_trip(syl_vector_format format, int64_t count, int dim)
{
    syl_error err;
    syl_vector_writer w;
    syl_word_vectors v;
    syl_random rng = {.seed = (uint64_t)(count * 1000 + dim)};
    float *x = calloc((size_t)(count * dim) + 1, sizeof *x);
    for (int64_t i = 0; i < count * dim; i++)
        x[i] = syl_random_normal(&rng);
    if (syl_vector_writer_open(&w, FILE_NAME, format, count, dim, &err))
        fail_msg("%s", err.message);
    for (int64_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "w\xc3\xa9%d#%d", (int)i, (int)(i % 3) + 1);
        assert_int_equal(syl_vector_writer_add(&w, name, x + i * dim, &err), SYL_OK);
    }
    if (syl_vector_writer_commit(&w, &err)) fail_msg("%s", err.message);
    for (int detect = 0; detect < 2; detect++) {
        if (syl_word_vectors_read(&v, FILE_NAME, detect ? SYL_VECTORS_DETECT : format, &err))
            fail_msg("%s", err.message);
        assert_true(v.count == count && v.dim == dim);
        if (count) assert_memory_equal(v.vectors, x, (size_t)(count * dim) * sizeof *x);
        for (int64_t i = 0; i < count; i++) {
            char name[64];
            snprintf(name, sizeof name, "w\xc3\xa9%d#%d", (int)i, (int)(i % 3) + 1);
            assert_string_equal(v.words[i], name);
        }
        syl_word_vectors_free(&v);
    }
    free(x);
    unlink(FILE_NAME);
}

static void test_round_trip(void **state)
{
    static const int dims[] = {1, 2, 15, 31, 33, 300};
    (void)state;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (int format = 0; format < 2; format++) {
            round_trip((syl_vector_format)format, 0, dims[d]);
            round_trip((syl_vector_format)format, 1, dims[d]);
            round_trip((syl_vector_format)format, 37, dims[d]);
        }
}

static syl_status parse(const char *text, size_t size, syl_vector_format format)
{
    syl_word_vectors v;
    syl_error err = {0};
    syl_status status = syl_word_vectors_parse(&v, text, size, "input", format, &err);
    if (!status) syl_word_vectors_free(&v);
    if (status && !strstr(err.message, "input")) fail_msg("no name in: %s", err.message);
    return status;
}

static void test_bad_text(void **state)
{
    static const char *const bad[] = {
        "",
        "2\n",
        "a b\n",
        "1 2 3\na 1 2\n",
        "1 0\na\n",
        "-1 2\n",
        "1 65537\na 1\n",
        "2147483648 1\na 1\n",
        "9999999999999999999 1\na 1\n",
        "2 2\na 1 2\n",
        "2147483647 65536\na 1 2\n",
        "1 2\na 1\n",
        "1 2\na 1 2 3\n",
        "1 2\na 1 nan\n",
        "1 2\na 1 1e39\n",
        "1 2\na 1 2x\n",
        "1 2\na 1 2\nb 1 2\n",
        "2 2\na 1 2\n     \n",
    };
    char word[SYL_MAX_WORD + 32] = "1 2\n";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], strlen(bad[i]), SYL_VECTORS_TEXT) != SYL_EFORMAT)
            fail_msg("\"%s\" is accepted", bad[i]);
    assert_int_equal(parse("2 2\na 1 2\nb 3 4", 15, SYL_VECTORS_TEXT), SYL_OK);
    assert_int_equal(parse("2 2\r\na 1 2\r\nb 3 4\r\n\r\n", 21, SYL_VECTORS_DETECT), SYL_OK);
    memset(word + 4, 'x', SYL_MAX_WORD);
    strcpy(word + 4 + SYL_MAX_WORD, " 1 2\n");
    assert_int_equal(parse(word, strlen(word), SYL_VECTORS_TEXT), SYL_OK);
    strcpy(word + 4 + SYL_MAX_WORD, "x 1 2\n");
    assert_int_equal(parse(word, strlen(word), SYL_VECTORS_TEXT), SYL_EFORMAT);
}

static void test_bad_binary(void **state)
{
    static const char good[] = "2 1\nab \x00\x00\x80\x3f\ncd \x00\x00\x00\x40\n";
    static const char nan[] = "1 1\nab \x00\x00\xc0\x7f\n", none[] = "1 1\n \x00\x00\x80\x3f\n";
    static const char zero[] = "1 1\na\0b \x00\x00\x80\x3f\n", tab[] = "1 1\na\tb \x00\x00\x80\x3f";
    (void)state;
    size_t n = sizeof good - 1;
    assert_int_equal(parse(good, n, SYL_VECTORS_BINARY), SYL_OK);
    assert_int_equal(parse(good, n, SYL_VECTORS_DETECT), SYL_OK);
    assert_int_equal(parse(good, n - 1, SYL_VECTORS_BINARY), SYL_OK);
    for (size_t cut = 0; cut < n - 1; cut++)
        assert_int_equal(parse(good, cut, SYL_VECTORS_BINARY), SYL_EFORMAT);
    assert_int_equal(parse(nan, sizeof nan - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    assert_int_equal(parse(none, sizeof none - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    assert_int_equal(parse(zero, sizeof zero - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    assert_int_equal(parse(tab, sizeof tab - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    /* word2vec.c cuts long names, maybe inside a character */
    static const char half[] = "1 1\na\xc3 \x00\x00\x80\x3f";
    assert_int_equal(parse(half, sizeof half - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    /* The first name takes the bytes of all that is announced behind it. */
    static const char long_name[] =
        "9 1\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx \x00\x00\x80\x3f"
        "b \x00\x00\x80\x3f";
    assert_int_equal(parse(long_name, sizeof long_name - 1, SYL_VECTORS_BINARY), SYL_EFORMAT);
    /* gensim writes no line's end behind a vector */
    static const char joined[] = "2 1\nab \x00\x00\x80\x3f"
                                 "cd \x00\x00\x00\x40";
    assert_int_equal(parse(joined, sizeof joined - 1, SYL_VECTORS_BINARY), SYL_OK);
}

static void test_bad_writes(void **state)
{
    static const char *const names[] = {"", "a b", "a\n", "\t"};
    float x[2] = {1, NAN};
    syl_vector_writer w;
    syl_error err;
    (void)state;
    assert_int_equal(syl_vector_writer_open(&w, FILE_NAME, SYL_VECTORS_TEXT, 1, 0, &err),
                     SYL_EINVAL);
    assert_int_equal(syl_vector_writer_open(&w, FILE_NAME, SYL_VECTORS_DETECT, 1, 1, &err),
                     SYL_EINVAL);
    assert_int_equal(syl_vector_writer_open(&w, FILE_NAME, SYL_VECTORS_TEXT, 2, 1, &err), SYL_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(syl_vector_writer_add(&w, names[i], x, &err), SYL_EINVAL);
    assert_int_equal(syl_vector_writer_add(&w, "a", x + 1, &err), SYL_EINVAL);
    assert_int_equal(syl_vector_writer_add(&w, "a", x, &err), SYL_OK);
    assert_int_equal(syl_vector_writer_commit(&w, &err), SYL_EINVAL);
    assert_true(access(FILE_NAME, F_OK) != 0);
    assert_int_equal(syl_vector_writer_open(&w, FILE_NAME, SYL_VECTORS_BINARY, 0, 1, &err), SYL_OK);
    assert_int_equal(syl_vector_writer_add(&w, "a", x, &err), SYL_EINVAL);
    syl_vector_writer_discard(&w);
    assert_true(access(FILE_NAME, F_OK) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_float_text),
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bad_text),   cmocka_unit_test(test_bad_binary),
        cmocka_unit_test(test_bad_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
