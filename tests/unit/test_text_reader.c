/* Documents out of files: formats, encodings, limits, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io/letters.h"
#include "lib/io/text_reader.h"
#include "lib/io/utf8.h"
#include "tests/unit/text_files.h"

static syl_error err;

/* ---- UTF-8 and letters --------------------------------------------------------------- */

static void test_utf8(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xC3\x28",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xE2\x82",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xFF",
                                      "\xF0\x80\x80\x80",
                                      "\xF0\x9F\x98",
                                      "\xFE",
                                      "\xF4\x90\x80\x80",
                                      "\xF8\x88\x80\x80\x80"};
    char bytes[5];
    uint32_t c;

    (void)state;
    for (uint32_t i = 0; i < 0x110000; i += i < 0x20000 ? 1 : 97) {
        if (i >= 0xD800 && i < 0xE000) continue;
        size_t n = syl_utf8_encode(i, bytes);
        assert_int_equal(n, i < 0x80 ? 1 : i < 0x800 ? 2 : i < 0x10000 ? 3 : 4);
        assert_int_equal(syl_utf8_decode(bytes, n, &c), n);
        assert_int_equal(c, i);
        if (n > 1) assert_int_equal(syl_utf8_decode(bytes, n - 1, &c), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(syl_utf8_decode(bad[i], strlen(bad[i]), &c), 0);
        /* at any distance from the end of the eight bytes that are looked at together */
        for (size_t before = 0; before < 20; before++) {
            char text[64];
            memset(text, 'x', sizeof text);
            memcpy(text + before, bad[i], strlen(bad[i]));
            assert_int_equal(syl_utf8_valid(text, before + strlen(bad[i])), before);
            assert_int_equal(syl_utf8_valid(text, before), before);
        }
    }
    char *clean = syl_utf8_clean("a\xC3\xA9\xFF\xE2\x82z");
    assert_string_equal(clean, "a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
    free(clean);
}

static void test_letters(void **state)
{
    static const uint32_t pairs[][2] = {
        {'A', 'a'},     {'z', 'z'},       {'[', '['},       {0xC9, 0xE9},     {0xD7, 0xD7},
        {0xDF, 0xDF},   {0x100, 0x101},   {0x101, 0x101},   {0x139, 0x13A},   {0x178, 0xFF},
        {0x17D, 0x17E}, {0x386, 0x3AC},   {0x38A, 0x3AF},   {0x38C, 0x3CC},   {0x38E, 0x3CD},
        {0x391, 0x3B1}, {0x3A9, 0x3C9},   {0x401, 0x451},   {0x416, 0x436},   {0x4C1, 0x4C2},
        {0x531, 0x561}, {0x1E00, 0x1E01}, {0x1EF9, 0x1EF9}, {0x4E2D, 0x4E2D}, {0x1F600, 0x1F600}};
    static const uint32_t letters[] = {'a',   'Z',   0xE9,   0x142,  0x3B1,  0x436,  0x5D0,
                                       0x627, 0x301, 0x4E2D, 0x3042, 0xAC00, 0x20000};
    static const uint32_t others[] = {'0',    '_',    '\'',   0xA0,   0xAB,    0xD7,   0x2013,
                                      0x2019, 0x20AC, 0x3001, 0xFFFD, 0x1F600, 0xE000, 0x10FFFF};
    char upper[4], lower[4];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(syl_lower(pairs[i][0]), pairs[i][1]);
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        assert_true(syl_is_letter(letters[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(syl_is_letter(others[i]));
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint32_t small = syl_lower(c);
        assert_int_equal(syl_lower(small), small);
        if (small != c) assert_true(syl_utf8_encode(small, lower) <= syl_utf8_encode(c, upper));
        assert_false(syl_is_letter(c) && syl_is_space(c));
    }
}

/* ---- reading --------------------------------------------------------------------------- */

typedef struct expected {
    const char *name, *text;
} expected;

/* The documents are these, a NULL name after the last, names of files in the test's folder coming
 * without it. */
static void check(const char *path, const syl_text_reader_options *o, const expected *e)
{
    syl_text_reader *reader;
    syl_text_document d;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, o, &err), SYL_OK);
    for (;; e++) {
        assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
        if (!d.text || !e->name) break;
        const char *name = d.name;
        if (!strncmp(name, folder, strlen(folder))) name += strlen(folder) + 1;
        assert_string_equal(name, e->name);
        assert_string_equal(d.text, e->text);
        assert_int_equal(d.length, strlen(e->text));
    }
    assert_null(d.text);
    assert_null(e->name);
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK); /* still the end */
    assert_null(d.text);
    syl_text_reader_close(reader);
}

/* After `good` documents comes an error with these words in it. */
static void check_error(const char *path, const syl_text_reader_options *o, int good,
                        syl_status status, const char *word, const char *other)
{
    syl_text_reader *reader;
    syl_text_document d;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, o, &err), SYL_OK);
    for (int i = 0; i < good; i++) {
        assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
        assert_non_null(d.text);
    }
    assert_int_equal(syl_text_reader_next(reader, &d, &err), status);
    assert_null(d.text);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, word));
    assert_non_null(strstr(err.message, other));
    syl_text_reader_close(reader);
}

static void test_lines(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();

    (void)state;
    check(write_text("l", "one\ntwo words\r\n\nlast"), &o,
          (expected[]){{"l:1", "one"}, {"l:2", "two words"}, {"l:3", ""}, {"l:4", "last"}, {0}});
    check(write_text("l", "\xEF\xBB\xBFmark\n\n"), &o,
          (expected[]){{"l:1", "mark"}, {"l:2", ""}, {0}});
    check(write_text("l", ""), &o, (expected[]){{0}});
    o.named = true;
    check(write_text("l", "a b\tfirst\tsecond\nc\t\n"), &o,
          (expected[]){{"a b", "first\tsecond"}, {"c", ""}, {0}});
    check_error(write_text("l", "a\tb\nnothing\n"), &o, 1, SYL_EFORMAT, "line 2", "TAB");
    unlink(in_folder("l"));
}

/* Lines of many lengths, among them some around the reader's buffer, come out whole. */
static void test_lengths(void **state)
{
    static const size_t lengths[] = {0,      1,      262143, 262144, 262145, 31,
                                     524287, 524288, 3,      786432, 100000};
    enum { N = sizeof lengths / sizeof *lengths };
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *path = in_folder("n");
    FILE *file = fopen(path, "w");
    syl_text_reader *reader;
    syl_text_document d;
    int64_t bytes = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < lengths[i]; k++)
            fputc((int)('a' + (k + i) % 23), file);
        fputc('\n', file);
        bytes += (int64_t)lengths[i] + 1;
    }
    fclose(file);
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, &o, &err), SYL_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
        assert_int_equal(d.length, lengths[i]);
        for (size_t k = 0; k < d.length; k++)
            if (d.text[k] != (char)('a' + (k + i) % 23)) fail();
    }
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_null(d.text);
    assert_int_equal(syl_text_reader_bytes(reader), bytes);
    syl_text_reader_close(reader);
    unlink(path);
}

static void test_folder(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    char link[256];

    (void)state;
    mkdir(in_folder("f"), 0755);
    mkdir(in_folder("f/b"), 0755);
    mkdir(in_folder("f/empty"), 0755);
    write_text("f/c", "third\nof two lines\n");
    write_text("f/a", "");
    write_text("f/b/2", "second");
    write_text("f/b/10", "first");
    write_text("f/.hidden", "no");
    snprintf(link, sizeof link, "%s", in_folder("f/b/round"));
    assert_int_equal(symlink("..", link), 0);
    check(
        in_folder("f"), &o,
        (expected[]){
            {"a", ""}, {"b/10", "first"}, {"b/2", "second"}, {"c", "third\nof two lines\n"}, {0}});
    check(
        in_folder("f/"), &o,
        (expected[]){
            {"a", ""}, {"b/10", "first"}, {"b/2", "second"}, {"c", "third\nof two lines\n"}, {0}});
    o.format = SYL_TEXT_LINES;
    check(in_folder("f"), &o,
          (expected[]){{"b/10:1", "first"},
                       {"b/2:1", "second"},
                       {"c:1", "third"},
                       {"c:2", "of two lines"},
                       {0}});
    o.format = SYL_TEXT_WHOLE;
    check(in_folder("f/c"), &o, (expected[]){{"f/c", "third\nof two lines\n"}, {0}});
    check(in_folder("f/empty"), &o, (expected[]){{0}});
    unlink(link);
    assert_int_equal(symlink("nowhere", link), 0);
    check_error(in_folder("f/b"), &o, 2, SYL_EIO, "round", "cannot be opened");
    unlink(link);
    unlink(in_folder("f/c"));
    unlink(in_folder("f/a"));
    unlink(in_folder("f/.hidden"));
    unlink(in_folder("f/b/2"));
    unlink(in_folder("f/b/10"));
    rmdir(in_folder("f/b"));
    rmdir(in_folder("f/empty"));
    rmdir(in_folder("f"));
}

static void test_wikipedia(void **state)
{
    static const char good[] = "<doc id=\"1\" url=\"u\" title=\"Tom &amp; Jerry &lt;&quot;&gt;\">\n"
                               "Tom & Jerry\n\nA <doc in a line.\n</doc>\n\n"
                               "<doc id=\"2\" title=\"Empty\">\n</doc>\r\n"
                               "<doc id=\"3\" title=\"a \"b\" c\">\r\nx\r\n</doc>";
    static const struct {
        const char *text, *word, *other;
        int good;
    } bad[] = {
        {"<doc title=\"a\">\nb\n", "line 1", "</doc>", 0},
        {"\n<doc title=\"a\">\nb\n<doc title=\"c\">\n</doc>\n", "line 2", "</doc>", 0},
        {"<doc title=\"a\">\n</doc>\nwords\n", "line 3", "outside", 1},
        {"<doc id=\"a\">\n</doc>\n", "line 1", "title", 0},
        {"<doc title=\"\xFF\">\n</doc>\n", "line 1", "0xFF", 0},
        {"<doc title=\"a\">\n</doc>\n<doc title=\"a\">\n\nb\xFE\n</doc>\n", "line 5", "0xFE", 1},
    };
    syl_text_reader_options o = syl_text_reader_defaults();
    char *head;

    (void)state;
    o.format = SYL_TEXT_WIKIPEDIA;
    check(write_text("w", good), &o,
          (expected[]){{"Tom & Jerry <\">", "Tom & Jerry\n\nA <doc in a line.\n"},
                       {"Empty", ""},
                       {"a \"b\" c", "x\n"},
                       {0}});
    check(write_text("w", "\n\n"), &o, (expected[]){{0}});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_error(write_text("w", bad[i].text), &o, bad[i].good, SYL_EFORMAT, bad[i].word,
                    bad[i].other);
    assert_true(asprintf(&head, "<doc title=\"%05000d\">\n</doc>\n", 1) > 0);
    check_error(write_text("w", head), &o, 0, SYL_EFORMAT, "line 1", "4096");
    free(head);
    /* what is beyond the limit is passed over, up to the end of the document */
    o.max_length = 3;
    check_error(write_text("w", "<doc title=\"a\">\nabc\n</doc>\n"), &o, 0, SYL_EFORMAT, "line 2",
                "3 bytes");
    o.truncate = true;
    check(write_text("w", "<doc title=\"a\">\nabcd\nefg\n</doc>\n<doc title=\"b\">\nc\n</doc>\n"),
          &o, (expected[]){{"a", "abc"}, {"b", "c\n"}, {0}});
    unlink(in_folder("w"));
}

/* ---- encodings and limits ------------------------------------------------------------------ */

static void test_encodings(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *path;

    (void)state;
    path = write_text("e", "good\nh\xC3\xA9t\xE9\n");
    check_error(path, &o, 1, SYL_EFORMAT, "line 2", "0xE9 is not UTF-8");
    o.format = SYL_TEXT_WHOLE;
    check_error(path, &o, 0, SYL_EFORMAT, "line 2", "0xE9 is not UTF-8");
    o.replace = true;
    check(path, &o, (expected[]){{"e", "good\nh\xC3\xA9t\xEF\xBF\xBD\n"}, {0}});
    o.replace = false;
    o.latin1 = true;
    check(path, &o, (expected[]){{"e", "good\nh\xC3\x83\xC2\xA9t\xC3\xA9\n"}, {0}});

    o = syl_text_reader_defaults();
    path = write_bytes("e", "a\nb\0c\0\nd\n", 9);
    check_error(path, &o, 1, SYL_EFORMAT, "line 2", "NUL");
    o.latin1 = true;
    check_error(path, &o, 1, SYL_EFORMAT, "line 2", "NUL");
    for (int latin1 = 0; latin1 < 2; latin1++) {
        o.latin1 = latin1;
        o.replace = true;
        check(path, &o,
              (expected[]){{"e:1", "a"},
                           {"e:2", "b\xEF\xBF\xBD"
                                   "c\xEF\xBF\xBD"},
                           {"e:3", "d"},
                           {0}});
    }
    o = syl_text_reader_defaults();
    check_error(write_bytes("e", "\x1F\x8B\x08\0\0\0", 6), &o, 0, SYL_EFORMAT, "compressed",
                "gzip");
    check_error(write_bytes("e",
                            "\xFD"
                            "7zXZ\0\0",
                            7),
                &o, 0, SYL_EFORMAT, "compressed", "xz");
    unlink(in_folder("e"));
}

static void test_limits(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *path = write_text("t", "ab\xC3\xA9\nfour\n\xC3\xA9\xC3\xA9\n");
    syl_text_reader *reader;

    (void)state;
    o.max_length = 4;
    check(path, &o,
          (expected[]){{"t:1", "ab\xC3\xA9"}, {"t:2", "four"}, {"t:3", "\xC3\xA9\xC3\xA9"}, {0}});
    o.max_length = 3;
    check_error(path, &o, 0, SYL_EFORMAT, "line 1", "3 bytes");
    o.truncate = true; /* never within a character */
    check(path, &o, (expected[]){{"t:1", "ab"}, {"t:2", "fou"}, {"t:3", "\xC3\xA9"}, {0}});
    o.max_length = 1;
    check(path, &o, (expected[]){{"t:1", "a"}, {"t:2", "f"}, {"t:3", ""}, {0}});
    o.latin1 = true; /* the limit is of UTF-8 */
    o.max_length = 3;
    check(path, &o, (expected[]){{"t:1", "ab"}, {"t:2", "fou"}, {"t:3", "\xC3\x83"}, {0}});
    o.truncate = false;
    check_error(path, &o, 0, SYL_EFORMAT, "line 1", "3 bytes");
    o.max_length = 0;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, &o, &err), SYL_EINVAL);
    o.max_length = SYL_TEXT_MAX_LENGTH + 1;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, &o, &err), SYL_EINVAL);
    o = syl_text_reader_defaults();
    o.named = true;
    o.format = SYL_TEXT_WIKIPEDIA;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, &o, &err), SYL_EINVAL);
    o = syl_text_reader_defaults();
    assert_int_equal(syl_text_reader_open(&reader, &path, 0, &o, &err), SYL_EINVAL);
    unlink(path);
    check_error(in_folder("t"), &o, 0, SYL_EIO, "cannot be opened", "");
}

/* A line of 100 MB: an error at first, its beginning where that is asked for. */
static void test_long_line(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *path = in_folder("long");
    FILE *file = fopen(path, "w");
    char *part = malloc(1000000);
    syl_text_reader *reader;
    syl_text_document d;

    (void)state;
    memset(part, 'x', 1000000);
    fputs("short\n", file);
    for (int i = 0; i < 100; i++)
        fwrite(part, 1, 1000000, file);
    fputs("\nafter\n", file);
    assert_int_equal(fclose(file), 0);
    free(part);
    check_error(path, &o, 1, SYL_EFORMAT, "line 2", "67108864");
    o.truncate = true;
    assert_int_equal(syl_text_reader_open(&reader, &path, 1, &o, &err), SYL_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_int_equal(d.length, 67108864);
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_string_equal(d.text, "after");
    syl_text_reader_close(reader);
    unlink(path);
}

static void test_standard_input(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *path = write_text("s", "one\ntwo\n");
    int kept = dup(0), fd = open(path, O_RDONLY);

    (void)state;
    assert_true(kept >= 0 && fd >= 0);
    dup2(fd, 0);
    close(fd);
    check("-", &o, (expected[]){{"standard input:1", "one"}, {"standard input:2", "two"}, {0}});
    assert_int_equal(lseek(0, 0, SEEK_CUR), 8); /* read, and not closed */
    dup2(kept, 0);
    close(kept);
    unlink(path);
}

static void test_several(void **state)
{
    syl_text_reader_options o = syl_text_reader_defaults();
    const char *paths[] = {write_text("y", "one"), write_text("x", ""), write_text("z", "two\n")};
    syl_text_reader *reader;
    syl_text_document d;

    (void)state;
    assert_int_equal(syl_text_reader_open(&reader, paths, 3, &o, &err), SYL_OK);
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_string_equal(d.text, "one");
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_string_equal(d.text, "two");
    assert_non_null(strstr(d.name, "/z:1"));
    assert_int_equal(syl_text_reader_next(reader, &d, &err), SYL_OK);
    assert_null(d.text);
    syl_text_reader_close(reader);
    for (int i = 0; i < 3; i++)
        unlink(paths[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),      cmocka_unit_test(test_letters),
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_folder),    cmocka_unit_test(test_wikipedia),
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_line), cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_several),
    };
    if (make_test_folder("reader")) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
