/* Text to words: patterns, each option, sentences, and the options as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "lib/io/sentences.h"
#include "lib/io/text_words.h"
#include "tests/unit/text_files.h"

static syl_error err;

/* Items joined by "|", sentences by " || ". */
static const char *split_bytes(const syl_text_options *o, const char *text, size_t length)
{
    static char joined[4096];
    syl_words *words;
    syl_items items;
    size_t n = 0, s = 0, count = 0;
    assert_int_equal(syl_words_create(&words, o, &err), SYL_OK);
    assert_int_equal(syl_words_split(words, "left over from before", 21, &items, &err), SYL_OK);
    assert_int_equal(syl_words_split(words, text, length, &items, &err), SYL_OK);
    joined[0] = 0;
    for (size_t i = 0; i < items.count; i++) {
        while (s < items.sentences && items.sentence_end[s] == i && i) {
            n += (size_t)sprintf(joined + n, " |");
            s++;
        }
        n += (size_t)sprintf(joined + n, "%s%.*s", i ? "|" : "", (int)items.items[i].length,
                             items.letters + items.items[i].begin);
        count += !memchr(items.letters + items.items[i].begin, ' ', items.items[i].length);
        assert_true(n < 4000);
    }
    assert_int_equal(items.words, count);
    if (items.sentences) assert_int_equal(items.sentence_end[items.sentences - 1], items.count);
    if (!o->sentences) assert_int_equal(items.sentences, 1);
    syl_words_free(words);
    return joined;
}

static const char *split(const syl_text_options *o, const char *text)
{
    return split_bytes(o, text, strlen(text));
}

/* ---- patterns ------------------------------------------------------------------------ */

static void test_ascii(void **state)
{
    syl_text_options o = syl_text_defaults();
    static char text[100001];

    (void)state;
    assert_string_equal(split(&o, ""), "");
    assert_string_equal(split(&o, " 12, ?"), "");
    assert_string_equal(split(&o, "The quick brown-Fox's x 2nd jump!"), "quick|brown|fox|nd|jump");
    assert_string_equal(split(&o, "fifteen_letters abcdefghijklmno abcdefghijklmnop"),
                        "fifteen|letters|abcdefghijklmno");
    assert_string_equal(split(&o, "caf\xC3\xA9 na\xFFve"), "caf|na"); /* "ve" is a stop word */
    o.stop = SYL_STOP_NONE;
    assert_string_equal(split(&o, "The fox is at it"), "the|fox|is|at|it");
    o.lowercase = false;
    assert_string_equal(split(&o, "The FOX"), "The|FOX");
    o.min_length = 1;
    o.max_length = 3;
    assert_string_equal(split(&o, "a bc def ghij k"), "a|bc|def|k");
    o.max_length = SYL_WORD_MAX;
    memset(text, 'q', sizeof text - 1);
    assert_string_equal(split(&o, text), "");
    text[255] = ' ';
    text[600] = 0;
    assert_int_equal(strlen(split(&o, text)), 255);
    assert_string_equal(split_bytes(&o, "a\0b", 3), "a|b");
}

static void test_letters(void **state)
{
    syl_text_options o = syl_text_defaults();

    (void)state;
    o.pattern = SYL_WORDS_LETTERS;
    assert_string_equal(split(&o, "\xC3\x89"
                                  "cole \xE2\x80\x9CNa\xC3\xAFve\xE2\x80\x9D, \xC3\xA9 3D"),
                        "\xC3\xA9"
                        "cole|na\xC3\xAFve");
    assert_string_equal(split(&o, "\xD0\x9C\xD0\xBE\xD1\x81\xFF\xD0\xB2\xD0\x90"),
                        "\xD0\xBC\xD0\xBE\xD1\x81|\xD0\xB2\xD0\xB0");
    o.max_length = 2; /* characters, not bytes */
    assert_string_equal(split(&o, "\xD0\x9C\xD0\xBE \xD0\x9C\xD0\xBE\xD0\xBE"), "\xD0\xBC\xD0\xBE");
    o.lowercase = false;
    assert_string_equal(split(&o, "\xD0\x9C\xD0\xBE"), "\xD0\x9C\xD0\xBE");
}

static void test_spaces(void **state)
{
    syl_text_options o = syl_text_defaults();

    (void)state;
    o.pattern = SYL_WORDS_SPACES;
    assert_string_equal(split(&o, "Don't  panic_42!\tx\xC2\xA0\xC3\x89t\xC3\xA9\n the"),
                        "don't|panic_42!|\xC3\xA9t\xC3\xA9");
}

static void test_stop_words(void **state)
{
    syl_text_options o = syl_text_defaults(), copy;
    const char *path = write_text("stop", "fox\n\n  dog\tb\xC3\xA9t\xC3\xA9\r\n");

    (void)state;
    assert_int_equal(syl_text_read_stop_words(&o, path, &err), SYL_OK);
    assert_int_equal(o.stop, SYL_STOP_LIST);
    assert_string_equal(o.stop_list, "fox\ndog\nb\xC3\xA9t\xC3\xA9\n");
    assert_string_equal(split(&o, "The fox, a Dog and the foxes"), "the|and|the|foxes");
    assert_int_equal(syl_text_options_copy(&copy, &o, &err), SYL_OK);
    syl_text_options_free(&o);
    assert_string_equal(split(&copy, "fox hen"), "hen");
    write_text("stop", "");
    assert_int_equal(syl_text_read_stop_words(&copy, path, &err), SYL_OK);
    assert_string_equal(split(&copy, "the fox"), "the|fox");
    write_text("stop", "a\xFF");
    assert_int_equal(syl_text_read_stop_words(&copy, path, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, path));
    unlink(path);
    assert_int_equal(syl_text_read_stop_words(&copy, path, &err), SYL_EIO);
    assert_string_equal(split(&copy, "the fox"), "the|fox"); /* as it was */
    syl_text_options_free(&copy);
}

static void test_bigrams(void **state)
{
    syl_text_options o = syl_text_defaults();

    (void)state;
    o.bigrams = true;
    assert_string_equal(split(&o, "fox"), "fox");
    assert_string_equal(split(&o, "Fox of the hen. Dog"), "fox|fox hen|hen|hen dog|dog");
    o.sentences = true;
    assert_string_equal(split(&o, "Fox of the hen. Dog cat"), "fox|fox hen|hen ||dog|dog cat|cat");
}

/* ---- tokens ---------------------------------------------------------------------------- */

static void test_tokens(void **state)
{
    syl_text_options o = syl_text_disambiguated();

    (void)state;
    o.sentences = false;
    o.min_line = o.min_sentence = o.min_sentence_words = 0;
    assert_string_equal(split(&o, "The well-known fox/hen jumped."), "known|fox|hen|jumped");
    assert_string_equal(split(&o, "In 1984, 3,000.50 of 7 men; +12 10:30"),
                        "NUMBER|NUMBER|men|NUMBER|NUMBER");
    assert_string_equal(split(&o, "caf\xC3\xA9 3rd U.S. o'clock x"),
                        "UNKNOWN|UNKNOWN|UNKNOWN|UNKNOWN");
    assert_string_equal(split(&o, "IT firms like it; It IT's BIT"),
                        "information|technology|firms|bit");
    assert_string_equal(
        split(&o, "fox's wouldn't dogs' \"hen\" 'pig' they\xE2\x80\x99ll (cow),goat..."),
        "fox|dogs|hen|pig|cow|goat");
    assert_string_equal(split(&o, "fox--hen ... end.Dog"), "fox|hen|UNKNOWN");
    o.split_hyphens = false;
    assert_string_equal(split(&o, "well-known fox/hen -dog a--b2"), "UNKNOWN|UNKNOWN|dog|UNKNOWN");
    o.numbers = false;
    assert_string_equal(split(&o, "year 1984"), "year|UNKNOWN");
    o.unknown = false;
    assert_string_equal(split(&o, "year 1984 2nd"), "year");
    o.expand_it = false;
    assert_string_equal(split(&o, "IT firms"), "firms");
    o.unknown = true;
    o.max_length = 4;
    assert_string_equal(split(&o, "some lengthy text"), "UNKNOWN|text"); /* some: a stop word */
    o.lowercase = false;
    assert_string_equal(split(&o, "Fox"), "Fox");
}

static void test_long_tokens(void **state)
{
    syl_text_options o = syl_text_disambiguated();
    static char text[5000];

    (void)state;
    o.sentences = false;
    o.min_line = o.min_sentence = o.min_sentence_words = 0;
    memset(text, 'q', 4999);
    assert_string_equal(split(&o, text), "UNKNOWN");
    text[255] = 0;
    assert_int_equal(strlen(split(&o, text)), 255);
    memset(text, '1', 4999);
    assert_string_equal(split(&o, text), "NUMBER");
    for (size_t i = 0; i + 2 < 4999; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[4998] = 0;
    assert_string_equal(split(&o, text), "UNKNOWN");
}

/* ---- sentences ------------------------------------------------------------------------- */

static void test_sentences(void **state)
{
    static const struct {
        const char *first, *rest;
    } cases[] = {
        {"One.", " Two."},
        {"Really?!", " Yes."},
        {"He said \"no.\"", " Then he left."},
        {"(Nobody came.)", "  We left."},
        {"Mr. Fox met Dr. Hen.", " They spoke."},
        {"J. S. Bach wrote it.", " It is good."},
        {"In the U.S. Senate, e.g. there.", " Next."},
        {"It cost 3.50 dollars.", " 7 of them."},
        {"no. 5 is approx. half.", " \xC3\x89t\xC3\xA9."},
        {"Wait... and see.", " Go"},
        {"What? she asked!", " No."}, /* a small letter goes on */
        {"\xE2\x80\x9CStop.\xE2\x80\x9D", " He stopped."},
        {"no end", ""},
        {"trailing.  ", ""},
        {".", " A"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s%s", cases[i].first, cases[i].rest);
        assert_int_equal(syl_first_sentence(line, strlen(line)), strlen(cases[i].first));
    }
}

static void test_sentence_options(void **state)
{
    syl_text_options o = syl_text_defaults();
    static const char text[] = "Fox hen. Dog? Of the.\nCat.\n\nPig cow goat. Sheep";

    (void)state;
    o.sentences = true; /* sentences without words are never kept */
    assert_string_equal(split(&o, text), "fox|hen ||dog ||cat ||pig|cow|goat ||sheep");
    o.min_line = 5;
    assert_string_equal(split(&o, text), "fox|hen ||dog ||pig|cow|goat ||sheep");
    o.min_line = 0;
    o.min_sentence_words = 2;
    assert_string_equal(split(&o, text), "fox|hen ||pig|cow|goat");
    o.min_sentence_words = 0;
    o.min_sentence = 5; /* sheep; fox hen; pig cow goat */
    assert_string_equal(split(&o, text), "fox|hen ||pig|cow|goat ||sheep");
    o.min_sentence = 13;
    assert_string_equal(split(&o, text), "");
    o.min_sentence = 12;
    assert_string_equal(split(&o, text), "pig|cow|goat");
}

/* ---- options ------------------------------------------------------------------------------ */

static void test_refused(void **state)
{
    syl_text_options o;
    syl_words *words;

    (void)state;
#define REFUSED(start, change, word)                                      \
    do {                                                                  \
        o = start;                                                        \
        change;                                                           \
        assert_int_equal(syl_words_create(&words, &o, &err), SYL_EINVAL); \
        assert_null(words);                                               \
        assert_non_null(strstr(err.message, word));                       \
    } while (0)
    REFUSED(syl_text_defaults(), o.min_length = 0, "0 to 15");
    REFUSED(syl_text_defaults(), o.min_length = 16, "16 to 15");
    REFUSED(syl_text_defaults(), o.max_length = 256, "2 to 256");
    REFUSED(syl_text_defaults(), o.numbers = true, "tokens");
    REFUSED(syl_text_defaults(), o.unknown = true, "tokens");
    REFUSED(syl_text_defaults(), o.min_line = 1, "sentences");
    REFUSED(syl_text_disambiguated(), o.min_sentence = -1, "negative");
    REFUSED(syl_text_defaults(), o.stop = SYL_STOP_LIST, "stop words");
}

static void check_same(const syl_text_options *a, const syl_text_options *b)
{
    assert_int_equal(a->pattern, b->pattern);
    assert_int_equal(a->lowercase, b->lowercase);
    assert_int_equal(a->min_length, b->min_length);
    assert_int_equal(a->max_length, b->max_length);
    assert_int_equal(a->bigrams, b->bigrams);
    assert_int_equal(a->sentences, b->sentences);
    assert_int_equal(a->min_line, b->min_line);
    assert_int_equal(a->min_sentence_words, b->min_sentence_words);
    assert_int_equal(a->min_sentence, b->min_sentence);
    assert_int_equal(a->split_hyphens, b->split_hyphens);
    assert_int_equal(a->numbers, b->numbers);
    assert_int_equal(a->unknown, b->unknown);
    assert_int_equal(a->expand_it, b->expand_it);
}

static void test_json(void **state)
{
    syl_text_options start[] = {syl_text_defaults(), syl_text_disambiguated(), syl_text_defaults()};
    syl_text_options back;

    (void)state;
    start[2].stop = SYL_STOP_NONE;
    start[2].bigrams = true;
    start[2].lowercase = false;
    start[2].pattern = SYL_WORDS_SPACES;
    for (int i = 0; i < 3; i++) {
        json_t *object = syl_text_options_write(&start[i]);
        assert_non_null(object);
        assert_int_equal(syl_text_options_read(&back, object, "model", &err), SYL_OK);
        check_same(&start[i], &back);
        assert_int_equal(back.stop, i < 2 ? SYL_STOP_LIST : SYL_STOP_NONE);
        assert_string_equal(
            split(&start[i], "The lazy dogs jumped over 12 of those well-known foxes."),
            split(&back, "The lazy dogs jumped over 12 of those well-known foxes."));
        json_t *again = syl_text_options_write(&back);
        assert_true(json_equal(object, again));
        json_decref(again);
        /* each key is needed, and has a type */
        const char *key;
        json_t *value, *copy = json_deep_copy(object);
        json_object_foreach(copy, key, value)
        {
            json_t *broken = json_deep_copy(object);
            syl_text_options none;
            json_object_del(broken, key);
            assert_int_equal(syl_text_options_read(&none, broken, "model", &err), SYL_EFORMAT);
            assert_non_null(strstr(err.message, "model"));
            assert_non_null(strstr(err.message, key));
            json_object_set_new(broken, key, json_real(0.5));
            assert_int_equal(syl_text_options_read(&none, broken, "model", &err), SYL_EFORMAT);
            json_decref(broken);
        }
        json_decref(copy);
        json_decref(object);
        syl_text_options_free(&back);
    }
}

static void test_hostile_json(void **state)
{
    static const struct {
        const char *key, *value;
    } bad[] = {
        {"pattern", "\"words\""},     {"min_length", "0"},           {"min_length", "-1"},
        {"max_length", "256"},        {"max_length", "99999999999"}, {"numbers", "true"},
        {"stop_words", "[\"a\", 1]"}, {"stop_words", "[\"\"]"},      {"stop_words", "[\"a b\"]"},
        {"min_sentence", "3"},        {"stop_words", "{}"},
    };
    syl_text_options o = syl_text_defaults(), back;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *object = syl_text_options_write(&o);
        json_object_set_new(object, bad[i].key, json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
        assert_int_equal(syl_text_options_read(&back, object, "model", &err), SYL_EFORMAT);
        assert_null(back.stop_list);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_stop_words),
        cmocka_unit_test(test_bigrams),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_long_tokens),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_sentence_options),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_hostile_json),
    };
    if (make_test_folder("words")) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
