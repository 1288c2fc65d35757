/* Labels from text and from names, and relevance by plain sets. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "embed/label_sets.h"
#include "lib/base/random.h"

static syl_error err;

static int start(void **state)
{
    return syl_label_names_create((syl_label_names **)state, &err) != SYL_OK;
}

static int finish(void **state)
{
    syl_label_names_free(*state);
    return 0;
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static void expect(const syl_label_sets *sets, int64_t document, const char *labels)
{
    char got[256] = "";
    for (int64_t k = sets->begin[document]; k < sets->begin[document + 1]; k++) {
        strcat(got, syl_label_name(sets->names, sets->labels[k]));
        strcat(got, " ");
    }
    assert_string_equal(got, labels);
}

static void test_text(void **state)
{
    static const char text[] = "b a, b\r\n\n-\n ,\tc,,a \n-,a\nlast";
    syl_label_sets sets;
    ok(syl_label_sets_parse(&sets, *state, text, sizeof text - 1, "text", &err));
    assert_int_equal(sets.count, 6);
    expect(&sets, 0, "b a "); /* by number, and none twice */
    expect(&sets, 1, "");
    expect(&sets, 2, "");
    expect(&sets, 3, "a c ");
    expect(&sets, 4, "a - "); /* not alone: a label like any other */
    expect(&sets, 5, "last ");
    syl_label_sets_free(&sets);
}

static void test_file(void **state)
{
    char path[] = "/tmp/sylkit-labels-XXXXXX";
    syl_label_sets sets;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "x\ny\n", 4), 4);
    close(fd);
    ok(syl_label_sets_read(&sets, *state, path, &err));
    assert_int_equal(sets.count, 2);
    expect(&sets, 1, "y ");
    syl_label_sets_free(&sets);
    assert_int_equal(truncate(path, 0), 0);
    ok(syl_label_sets_read(&sets, *state, path, &err));
    assert_int_equal(sets.count, 0);
    syl_label_sets_free(&sets);
    unlink(path);
    assert_int_equal(syl_label_sets_read(&sets, *state, path, &err), SYL_EIO);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(syl_label_sets_read(&sets, *state, "/tmp", &err), SYL_EIO);
    assert_null(sets.begin);
}

static void refused(syl_label_names *names, const char *text, size_t size, const char *message)
{
    syl_label_sets sets;
    assert_int_equal(syl_label_sets_parse(&sets, names, text, size, "bad.txt", &err), SYL_EFORMAT);
    if (!strstr(err.message, "bad.txt: line 2: ") || !strstr(err.message, message))
        fail_msg("%s", err.message);
    assert_null(sets.begin);
    assert_null(sets.labels);
}

static void test_hostile(void **state)
{
    char text[2 + SYL_LABEL_MAX + 1] = "a\n";
    syl_label_sets sets;
    refused(*state, "a\nb\0c\n", 6, "byte 0x00");
    refused(*state, "a\nb\x1b[0m", 7, "byte 0x1b");
    memset(text + 2, 'x', SYL_LABEL_MAX + 1);
    refused(*state, text, 2 + SYL_LABEL_MAX + 1, "256 bytes");
    ok(syl_label_sets_parse(&sets, *state, text, 2 + SYL_LABEL_MAX, "longest", &err));
    assert_int_equal(sets.count, 2);
    syl_label_sets_free(&sets);
}

/* More labels than the first table has slots, in an order of their own. */
static void test_many(void **state)
{
    enum { N = 5000 };
    char *text = malloc(N * 8), *to = text;
    syl_label_sets sets;
    for (int i = 0; i < N; i++)
        to += sprintf(to, "%d\n", i * 7919 % N);
    ok(syl_label_sets_parse(&sets, *state, text, (size_t)(to - text), "many", &err));
    int before = syl_label_names_count(*state);
    syl_label_sets_free(&sets);
    ok(syl_label_sets_parse(&sets, *state, text, (size_t)(to - text), "again", &err));
    assert_int_equal(syl_label_names_count(*state), before);
    for (int i = 0; i < N; i++)
        assert_int_equal(atoi(syl_label_name(*state, sets.labels[sets.begin[i]])), i * 7919 % N);
    syl_label_sets_free(&sets);
    free(text);
}

static void test_paths(void **state)
{
    const char *paths[] = {"test/sci.med/5", "sci.med/6", "/rec.autos/7", "8", "/9",
                           "a b,c/10",       "x//11"};
    syl_label_sets sets;
    ok(syl_label_sets_from_paths(&sets, *state, paths, 7, &err));
    expect(&sets, 0, "sci.med ");
    expect(&sets, 1, "sci.med ");
    expect(&sets, 2, "rec.autos ");
    expect(&sets, 3, "");
    expect(&sets, 4, "");
    expect(&sets, 5, "a b,c ");
    expect(&sets, 6, "");
    syl_label_sets_free(&sets);
    const char *bad[] = {"fine/1", "not\nfine/2"};
    assert_int_equal(syl_label_sets_from_paths(&sets, *state, bad, 2, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "document 2"));
}

/* Sets of up to 9 labels as bits of numbers. */
static void test_relevance(void **state)
{
    enum { N = 60 };
    char text[N * 40], *to = text;
    unsigned set[N];
    float relevance[N];
    uint8_t marks[64] = {0};
    syl_label_sets sets;
    syl_random rng = {.seed = 4};
    for (int i = 0; i < N; i++) {
        set[i] = i ? syl_random_below(&rng, 512) & syl_random_below(&rng, 512) : 0;
        for (int b = 0; b < 9; b++)
            if (set[i] >> b & 1) to += sprintf(to, "%d,", b);
        *to++ = '\n';
    }
    ok(syl_label_sets_parse(&sets, *state, text, (size_t)(to - text), "sets", &err));
    for (int kind = SYL_RELEVANCE_SHARED; kind <= SYL_RELEVANCE_FRACTION; kind++)
        for (int q = 0; q < N; q++) {
            syl_relevance_of(kind, &sets, q, &sets, marks, relevance);
            for (int j = 0; j < N; j++) {
                float both = (float)__builtin_popcount(set[q] & set[j]);
                float any = (float)__builtin_popcount(set[q] | set[j]);
                float own = (float)__builtin_popcount(set[q]), want = both > 0;
                if (kind == SYL_RELEVANCE_GRADED && both > 0) want = both / any;
                if (kind == SYL_RELEVANCE_FRACTION && both > 0) want = both / own;
                assert_true(relevance[j] == want);
            }
        }
    for (size_t i = 0; i < sizeof marks; i++)
        assert_int_equal(marks[i], 0);
    syl_label_sets_free(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, start, finish),
        cmocka_unit_test_setup_teardown(test_file, start, finish),
        cmocka_unit_test_setup_teardown(test_hostile, start, finish),
        cmocka_unit_test_setup_teardown(test_many, start, finish),
        cmocka_unit_test_setup_teardown(test_paths, start, finish),
        cmocka_unit_test_setup_teardown(test_relevance, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
