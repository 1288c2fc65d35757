/* Counting, ranking, looking up, files; and the two ways of drawing items. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/io/sampler.h"
#include "lib/io/subsample.h"
#include "lib/io/vocabulary.h"
#include "tests/unit/text_files.h"

static syl_error err;

/* ---- counting ------------------------------------------------------------------------ */

static void count(syl_counter *c, const char *text, bool bigrams)
{
    syl_text_options o = syl_text_defaults();
    syl_words *words;
    syl_items items;
    o.stop = SYL_STOP_NONE;
    o.min_length = 1;
    o.bigrams = bigrams;
    assert_int_equal(syl_words_create(&words, &o, &err), SYL_OK);
    assert_int_equal(syl_words_split(words, text, strlen(text), &items, &err), SYL_OK);
    assert_int_equal(syl_counter_add(c, &items, &err), SYL_OK);
    syl_words_free(words);
}

static syl_vocabulary *vocabulary_of(const char *text, bool bigrams,
                                     const syl_vocabulary_options *o)
{
    syl_counter *c;
    syl_vocabulary *v = NULL;
    assert_int_equal(syl_counter_create(&c, o, &err), SYL_OK);
    count(c, text, bigrams);
    if (syl_counter_finish(c, &v, &err)) assert_null(v);
    syl_counter_free(c);
    return v;
}

static void check_text(const syl_vocabulary *v, const char *text)
{
    char *data;
    size_t size;
    assert_int_equal(syl_vocabulary_write(v, &data, &size, &err), SYL_OK);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, size);
    free(data);
}

static void check_items(const char *text, bool bigrams, const syl_vocabulary_options *o,
                        const char *want)
{
    syl_vocabulary *v = vocabulary_of(text, bigrams, o);
    assert_non_null(v);
    check_text(v, want);
    syl_vocabulary_free(v);
}

static void test_ranking(void **state)
{
    static const char text[] = "b a c a abcdefghij b abcdefghia d a abcdefgh";
    syl_vocabulary_options o = syl_vocabulary_defaults();

    (void)state;
    check_items(text, false, &o,
                "a\t3\nb\t2\nabcdefgh\t1\nabcdefghia\t1\nabcdefghij\t1\nc\t1\nd\t1\n");
    o.max_size = 3;
    check_items(text, false, &o, "a\t3\nb\t2\nabcdefgh\t1\n");
    o.max_size = 0;
    o.min_count = 2;
    check_items(text, false, &o, "a\t3\nb\t2\n");
    o.unknown = true;
    check_items(text, false, &o, "UNKNOWN\t5\na\t3\nb\t2\n");
    o.max_size = 2;
    check_items(text, false, &o, "UNKNOWN\t7\na\t3\n");
    o.unknown = false;
    o.max_size = 0;
    o.min_count = 4;
    assert_null(vocabulary_of(text, false, &o));
    assert_non_null(strstr(err.message, "of 10 words none comes 4 times"));
    assert_null(vocabulary_of("", false, &o));
}

static void test_bigrams(void **state)
{
    syl_vocabulary_options o = syl_vocabulary_defaults();

    (void)state;
    check_items("a b a b c", true, &o, "a\t2\na b\t2\nb\t2\nb a\t1\nb c\t1\nc\t1\n");
    o.min_bigram_count = 2;
    check_items("a b a b c", true, &o, "a\t2\na b\t2\nb\t2\nc\t1\n");
    o.min_count = 2;
    o.unknown = true; /* bigrams that are left out are not words that are left out */
    check_items("a b a b c", true, &o, "UNKNOWN\t1\na\t2\na b\t2\nb\t2\n");
}

/* A word for each number: 1000 of them 3 letters long, the others longer. */
static int word_of(uint32_t n, char *out)
{
    int length = 0;
    do
        out[length++] = (char)('a' + n % 10);
    while ((n /= 10) || length < 3);
    out[length] = 0;
    return length;
}

/* Thousands of words against an array of counters, through several growths of the table. */
static void test_many(void **state)
{
    enum { WORDS = 20000, DRAWS = 300000 };
    static int64_t plain[WORDS];
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_random r = {.seed = 1};
    syl_counter *c;
    syl_vocabulary *v;
    char *text = malloc(DRAWS * 8), word[16];

    (void)state;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_OK);
    for (int piece = 0; piece < 3; piece++) {
        char *to = text;
        for (int i = 0; i < DRAWS / 3; i++) {
            uint32_t n = syl_random_below(&r, 1 + syl_random_below(&r, WORDS));
            plain[n]++;
            to += word_of(n, to);
            *to++ = ' ';
        }
        *to = 0;
        count(c, text, false);
    }
    assert_int_equal(syl_counter_finish(c, &v, &err), SYL_OK);
    syl_counter_free(c);
    int64_t size = 0;
    for (uint32_t n = 0; n < WORDS; n++) {
        int length = word_of(n, word);
        int32_t id = syl_vocabulary_find(v, word, (size_t)length);
        assert_int_equal(id >= 0, plain[n] > 0);
        if (id < 0) continue;
        size++;
        assert_int_equal(syl_vocabulary_counts(v)[id], plain[n]);
        assert_string_equal(syl_vocabulary_word(v, id), word);
    }
    assert_int_equal(syl_vocabulary_size(v), size);
    assert_int_equal(syl_vocabulary_total(v), DRAWS);
    for (int64_t i = 1; i < size; i++) {
        int64_t before = syl_vocabulary_counts(v)[i - 1], now = syl_vocabulary_counts(v)[i];
        assert_true(before > now || (before == now && strcmp(syl_vocabulary_word(v, i - 1),
                                                             syl_vocabulary_word(v, i)) < 0));
    }
    assert_int_equal(syl_vocabulary_find(v, "", 0), -1);
    assert_int_equal(syl_vocabulary_find(v, "aaaaaaaaaaaaaaaaaaaaa", 21), -1);
    syl_vocabulary_free(v);
    free(text);
}

/* More words than may be counted at a time: frequent ones keep their counts. */
static void test_forgetting(void **state)
{
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_counter *c;
    syl_vocabulary *v;
    char text[4096];

    (void)state;
    o.max_counted = 1000;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_OK);
    for (uint32_t i = 0; i < 200; i++) {
        char *to = text;
        for (uint32_t k = 0; k < 100; k++) {
            to += word_of(1000 + 100 * i + k, to);
            to = stpcpy(to, " x y x ");
        }
        count(c, text, false);
    }
    assert_int_equal(syl_counter_finish(c, &v, &err), SYL_OK);
    syl_counter_free(c);
    assert_string_equal(syl_vocabulary_word(v, 0), "x");
    assert_int_equal(syl_vocabulary_counts(v)[0], 40000);
    assert_string_equal(syl_vocabulary_word(v, 1), "y");
    assert_int_equal(syl_vocabulary_counts(v)[1], 20000);
    assert_true(syl_vocabulary_size(v) <= 1002);
    syl_vocabulary_free(v);
}

static void test_options(void **state)
{
    syl_vocabulary_options start = syl_vocabulary_defaults(), o;
    syl_counter *c;

    (void)state;
    o = start;
    o.min_count = 0;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_EINVAL);
    o = start;
    o.min_bigram_count = -1;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_EINVAL);
    o = start;
    o.max_size = -1;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_EINVAL);
    o = start;
    o.max_counted = 999;
    assert_int_equal(syl_counter_create(&c, &o, &err), SYL_EINVAL);
}

/* ---- files --------------------------------------------------------------------------- */

static void test_files(void **state)
{
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v = vocabulary_of("a b a b c", true, &o), *back;
    const char *path = in_folder("v");
    char *data;
    size_t size;

    (void)state;
    assert_int_equal(syl_vocabulary_save(v, path, &err), SYL_OK);
    assert_int_equal(syl_vocabulary_load(&back, path, &err), SYL_OK);
    check_text(back, "a\t2\na b\t2\nb\t2\nb a\t1\nb c\t1\nc\t1\n");
    assert_int_equal(syl_vocabulary_total(back), 9);
    assert_int_equal(syl_vocabulary_find(back, "b a", 3), 3);
    syl_vocabulary_free(back);
    write_text("v", "a\t1\na\t2\n");
    assert_int_equal(syl_vocabulary_load(&back, path, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, path));
    unlink(path);
    assert_int_equal(syl_vocabulary_load(&back, path, &err), SYL_EIO);
    assert_int_equal(syl_vocabulary_save(v, in_folder("no/v"), &err), SYL_EIO);
    /* every part of a file is refused, or is a shorter vocabulary */
    assert_int_equal(syl_vocabulary_write(v, &data, &size, &err), SYL_OK);
    for (size_t n = 0; n < size; n++) {
        char *part = malloc(n ? n : 1);
        memcpy(part, data, n);
        syl_status status = syl_vocabulary_parse(&back, part, n, "part", &err);
        assert_int_equal(status, n && part[n - 1] == '\n' ? SYL_OK : SYL_EFORMAT);
        syl_vocabulary_free(back);
        free(part);
    }
    free(data);
    syl_vocabulary_free(v);
}

static void test_hostile(void **state)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "empty"},
        {"a\t1\nb 1\n", "line 2 has no TAB"},
        {"\t1\n", "line 1 has no word"},
        {"a\t\n", "no count"},
        {"a\t-1\n", "no count"},
        {"a\t1.5\n", "no count"},
        {"a\t1 \n", "no count"},
        {"a\t1234567890123456789\n", "no count"},
        {"a\t1\nb\t2\na\t3\n", "line 3 has a word that an earlier line has"},
        {"a\xFF\t1\n", "not UTF-8"},
        {"a\t1\nb\t1", "line 2 does not end"},
    };
    char *text, *to;
    syl_vocabulary *v;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(syl_vocabulary_parse(&v, bad[i].text, strlen(bad[i].text), "v.txt", &err),
                         SYL_EFORMAT);
        assert_null(v);
        assert_non_null(strstr(err.message, "v.txt"));
        assert_non_null(strstr(err.message, bad[i].word));
    }
    assert_int_equal(syl_vocabulary_parse(&v, "a\0b\t1\n", 6, "v.txt", &err), SYL_EFORMAT);
    assert_true(asprintf(&text, "%05000d\t1\n", 1) > 0);
    assert_int_equal(syl_vocabulary_parse(&v, text, strlen(text), "v.txt", &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "too long"));
    free(text);
    to = text = malloc(16 * 24);
    for (int i = 0; i < 12; i++)
        to += sprintf(to, "%c\t999999999999999999\n", 'a' + i);
    assert_int_equal(syl_vocabulary_parse(&v, text, strlen(text), "v.txt", &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "line 10 makes the sum"));
    free(text);
}

/* ---- subsampling ----------------------------------------------------------------------- */

static void test_subsample(void **state)
{
    enum { N = 200000 };
    static const int64_t counts[] = {900000, 90000, 9000, 990, 10, 0};
    static int32_t items[N], kept[N], again[N];
    int64_t left[6] = {0};
    syl_subsample s;

    (void)state;
    assert_int_equal(syl_subsample_create(&s, counts, 6, 1e-3, &err), SYL_OK);
    for (int i = 0; i < 6; i++) {
        double f = (double)counts[i] / 1e6, p = counts[i] ? (sqrt(f / 1e-3) + 1) * 1e-3 / f : 1;
        assert_true(fabs(syl_subsample_probability(&s, i) - (p < 1 ? p : 1)) < 1e-9);
    }
    for (int i = 0; i < N; i++)
        items[i] = i % 3;
    int64_t n = syl_subsample_items(&s, items, N, 7, 2, 12345, kept);
    for (int64_t i = 0; i < n; i++)
        left[kept[i]]++;
    for (int i = 0; i < 3; i++) {
        double p = syl_subsample_probability(&s, i), draws = N / 3.0;
        assert_true(fabs((double)left[i] - p * draws) < 5 * sqrt(draws * p * (1 - p)) + 2);
    }
    /* the same again, in place; and a beginning is what it is in the whole */
    memcpy(again, items, sizeof items);
    assert_int_equal(syl_subsample_items(&s, again, N, 7, 2, 12345, again), n);
    assert_memory_equal(again, kept, (size_t)n * sizeof *kept);
    for (int64_t some = 0; some < 35; some++) {
        int64_t m = syl_subsample_items(&s, items, some, 7, 2, 12345, again);
        assert_memory_equal(again, kept, (size_t)m * sizeof *kept);
    }
    /* each part of the key matters */
    const struct {
        uint64_t seed;
        uint32_t epoch;
        int64_t document;
    } keys[] = {{8, 2, 12345}, {7, 3, 12345}, {7, 2, 12346}};
    for (int i = 0; i < 3; i++) {
        int64_t m =
            syl_subsample_items(&s, items, N, keys[i].seed, keys[i].epoch, keys[i].document, again);
        assert_true(m != n || memcmp(again, kept, (size_t)n * sizeof *kept));
    }
    syl_subsample_free(&s);
    assert_int_equal(syl_subsample_create(&s, counts, 6, 0, &err), SYL_OK);
    assert_int_equal(syl_subsample_items(&s, items, N, 7, 2, 1, kept), N);
    assert_memory_equal(items, kept, sizeof items);
    syl_subsample_free(&s);
    assert_int_equal(syl_subsample_create(&s, counts, 6, -1, &err), SYL_EINVAL);
    assert_int_equal(syl_subsample_create(&s, counts, 6, NAN, &err), SYL_EINVAL);
    assert_int_equal(syl_subsample_create(&s, counts, 6, 1.5, &err), SYL_EINVAL);
}

/* ---- negatives ------------------------------------------------------------------------- */

/* What the table draws, summed over its columns, is Q. */
static void check_table(const syl_sampler *s, const double *q)
{
    double *p = calloc((size_t)s->size, sizeof *p);
    for (int64_t i = 0; i < s->size; i++) {
        uint32_t threshold = s->columns[i].threshold;
        double own = threshold == UINT32_MAX ? 1 : threshold * 0x1p-32;
        assert_in_range(s->columns[i].other, 0, s->size - 1);
        p[i] += own / (double)s->size;
        p[s->columns[i].other] += (1 - own) / (double)s->size;
    }
    for (int64_t i = 0; i < s->size; i++) {
        assert_true(fabs(p[i] - q[i]) < 1e-9);
        if (q[i] == 0) {
            assert_true(p[i] == 0);
            assert_true(isinf(s->log_q[i]) && s->log_q[i] < 0);
        } else {
            assert_true(fabs(s->log_q[i] - log(q[i])) < 1e-5);
        }
    }
    free(p);
}

static void test_sampler(void **state)
{
    static const int64_t sizes[] = {1, 2, 3, 31, 32, 33, 1000, 4099};
    static int64_t counts[4099];
    static double q[4099];
    syl_random r = {.seed = 3};
    syl_sampler s;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (int power = 0; power < 3; power++) {
            double sum = 0;
            for (int64_t i = 0; i < sizes[k]; i++) {
                counts[i] = syl_random_below(&r, 4) && i ? syl_random_below(&r, 1000000) : i == 0;
                q[i] = counts[i] ? pow((double)counts[i], power * 0.75) : 0;
                sum += q[i];
            }
            for (int64_t i = 0; i < sizes[k]; i++)
                q[i] /= sum;
            assert_int_equal(syl_sampler_power(&s, counts, sizes[k], power * 0.75, &err), SYL_OK);
            check_table(&s, q);
            syl_sampler_free(&s);
        }
        for (int64_t i = 0; i < sizes[k]; i++)
            q[i] = log((double)(i + 2) / (double)(i + 1)) / log((double)sizes[k] + 1);
        assert_int_equal(syl_sampler_log_uniform(&s, sizes[k], &err), SYL_OK);
        check_table(&s, q);
        syl_sampler_free(&s);
    }
}

static void test_draws(void **state)
{
    enum { N = 33, DRAWS = 1000000 };
    int64_t counts[N], drawn[N] = {0};
    double sum = 0, chi = 0;
    syl_random r = {.seed = 4};
    syl_sampler s;

    (void)state;
    for (int i = 0; i < N; i++)
        sum += (double)(counts[i] = i == 5 ? 0 : 1 + 7 * (i % 11));
    assert_int_equal(syl_sampler_power(&s, counts, N, 1, &err), SYL_OK);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t a = syl_random_u32(&r), b = syl_random_u32(&r);
        drawn[syl_sampler_draw(&s, a, b)]++;
    }
    for (int i = 0; i < N; i++) {
        double want = (double)counts[i] / sum * DRAWS;
        if (want > 0) chi += ((double)drawn[i] - want) * ((double)drawn[i] - want) / want;
    }
    assert_int_equal(drawn[5], 0);
    assert_true(chi < 60); /* 31 degrees of freedom: above it once in 700 seeds */
    assert_in_range(syl_sampler_draw(&s, UINT32_MAX, UINT32_MAX), 0, N - 1);
    syl_sampler_free(&s);
}

static void test_sampler_refused(void **state)
{
    static const int64_t none[] = {0, 0}, negative[] = {1, -1}, good[] = {1, 2};
    syl_sampler s;

    (void)state;
    assert_int_equal(syl_sampler_power(&s, none, 2, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_power(&s, negative, 2, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_power(&s, good, 2, NAN, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_power(&s, good, 2, -1, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_power(&s, good, 0, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_log_uniform(&s, 0, &err), SYL_EINVAL);
    assert_int_equal(syl_sampler_log_uniform(&s, (int64_t)INT32_MAX + 1, &err), SYL_EINVAL);
    assert_null(s.columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_bigrams),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_forgetting),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_subsample),
        cmocka_unit_test(test_sampler),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_sampler_refused),
    };
    if (make_test_folder("vocabulary")) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
