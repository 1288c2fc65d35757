/* A corpus from files to ids: both passes, texts on the fly, and poor input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "lib/io/documents.h"
#include "tests/unit/text_files.h"

static syl_error err;

static syl_corpus corpus_of(const char **path)
{
    return (syl_corpus){.paths = (const char *const *)path,
                        .num_paths = 1,
                        .reader = syl_text_reader_defaults(),
                        .text = syl_text_defaults()};
}

/* The items of a document, joined by "|". */
static const char *joined(const syl_documents *d, const syl_vocabulary *v, int64_t document)
{
    static char text[1024];
    char *to = text;
    *to = 0;
    for (int64_t i = d->begin[document]; i < d->begin[document + 1]; i++) {
        if (i > d->begin[document]) *to++ = '|';
        to = stpcpy(to, syl_vocabulary_word(v, d->items[i]));
    }
    return text;
}

static void test_documents(void **state)
{
    const char *path = write_text("c", "Fox and hen. Fox!\n\nthe of and\nHen dog fox\nrare fox\n");
    syl_corpus c = corpus_of(&path);
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v;
    syl_documents d;

    (void)state;
    o.min_count = 2;
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_OK);
    assert_int_equal(syl_vocabulary_size(v), 2);
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_OK);
    assert_int_equal(d.count, 5);
    assert_string_equal(joined(&d, v, 0), "fox|hen|fox");
    assert_string_equal(joined(&d, v, 1), "");
    assert_string_equal(joined(&d, v, 2), "");
    assert_string_equal(joined(&d, v, 3), "hen|fox");
    assert_string_equal(joined(&d, v, 4), "fox");
    assert_int_equal(d.begin[0], 0);
    assert_int_equal(d.dropped, 2); /* dog, rare */
    assert_string_equal(strrchr(d.names[3], ':'), ":4");
    syl_documents_free(&d);
    assert_null(d.items);
    syl_vocabulary_free(v);
    unlink(path);
}

static void test_bigrams(void **state)
{
    const char *path = write_text("c", "fox hen dog\nfox hen\n");
    syl_corpus c = corpus_of(&path);
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v;
    syl_documents d;

    (void)state;
    c.text.bigrams = true;
    o.min_bigram_count = 2;
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_OK);
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_OK);
    assert_string_equal(joined(&d, v, 0), "fox|fox hen|hen|dog");
    assert_string_equal(joined(&d, v, 1), "fox|fox hen|hen");
    assert_int_equal(d.dropped, 1);
    syl_documents_free(&d);
    syl_vocabulary_free(v);
    unlink(path);
}

/* Sentences as documents, with UNKNOWN for what the vocabulary lacks. */
static void test_sentences(void **state)
{
    const char *path = write_text(
        "c", "The fox saw 42 hens. No. Foxes saw the fox caf\xC3\xA9.\nfox saw saws now\n");
    syl_corpus c = corpus_of(&path);
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v;
    syl_documents d;

    (void)state;
    c.text = syl_text_disambiguated();
    o.min_count = 2;
    o.unknown = true;
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_OK);
    assert_string_equal(syl_vocabulary_word(v, 0), "UNKNOWN");
    assert_int_equal(syl_vocabulary_counts(v)[0], 5); /* NUMBER hens foxes cafe saws */
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_OK);
    assert_int_equal(d.count, 3);
    assert_null(d.names);
    assert_string_equal(joined(&d, v, 0), "fox|saw|UNKNOWN|UNKNOWN");
    assert_string_equal(joined(&d, v, 1), "UNKNOWN|saw|fox|UNKNOWN");
    assert_string_equal(joined(&d, v, 2), "fox|saw|UNKNOWN");
    assert_int_equal(d.dropped, 4); /* not cafe, which was UNKNOWN before */
    syl_documents_free(&d);
    syl_vocabulary_free(v);
    unlink(path);
}

static void test_encoder(void **state)
{
    static const char words[] = "fox\t3\nhen\t2\nfox hen\t1\n";
    static const int32_t first[] = {0, 2, 1, 0}, second[] = {1};
    syl_text_options o = syl_text_defaults();
    syl_text_encoder *e;
    syl_vocabulary *v;
    syl_encoded out;

    (void)state;
    assert_int_equal(syl_vocabulary_parse(&v, words, strlen(words), "v", &err), SYL_OK);
    o.bigrams = o.sentences = true;
    assert_int_equal(syl_text_encoder_create(&e, &o, v, &err), SYL_OK);
    assert_int_equal(syl_text_encode(e, "Fox, hen fox dog. Hen", 21, &out, &err), SYL_OK);
    assert_int_equal(out.count, 5);
    assert_int_equal(out.sentences, 2);
    assert_int_equal(out.sentence_end[0], 4);
    assert_int_equal(out.sentence_end[1], 5);
    assert_memory_equal(out.items, first, sizeof first);
    assert_memory_equal(out.items + 4, second, sizeof second);
    assert_int_equal(out.dropped, 3); /* hen fox, fox dog, dog */
    assert_int_equal(syl_text_encode(e, "", 0, &out, &err), SYL_OK);
    assert_int_equal(out.count, 0);
    assert_int_equal(syl_text_encode(e, "cat pig", 7, &out, &err), SYL_OK);
    assert_int_equal(out.count, 0);
    assert_int_equal(out.dropped, 3);
    syl_text_encoder_free(e);
    o = syl_text_disambiguated();
    assert_int_equal(syl_text_encoder_create(&e, &o, v, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "UNKNOWN"));
    syl_vocabulary_free(v);
}

/* A corpus with nothing in it, with one document, and with words that nobody knows. */
static void test_poor(void **state)
{
    static const char *const empty[] = {"", "\n\n", "12 34\n", "the\n"};
    const char *path = NULL;
    syl_corpus c = corpus_of(&path);
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v, *other;
    syl_documents d;

    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        path = write_text("p", empty[i]);
        assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_EINVAL);
        assert_null(v);
        assert_non_null(strstr(err.message, i ? "empty" : "no document"));
    }
    path = write_text("p", "fox");
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_OK);
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_OK);
    assert_int_equal(d.count, 1);
    assert_int_equal(d.begin[1], 1);
    syl_documents_free(&d);
    assert_int_equal(syl_vocabulary_parse(&other, "hen\t1\n", 6, "v", &err), SYL_OK);
    assert_int_equal(syl_corpus_documents(&d, &c, other, &err), SYL_OK);
    assert_int_equal(d.count, 1);
    assert_int_equal(d.begin[1], 0);
    assert_int_equal(d.dropped, 1);
    assert_non_null(d.items);
    syl_documents_free(&d);
    path = write_text("p", "");
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_EINVAL);
    assert_null(d.begin);
    path = write_text("p", "fox\nh\xFF\n"); /* nothing is left of what came before */
    assert_int_equal(syl_corpus_documents(&d, &c, v, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "line 2"));
    assert_null(d.names);
    syl_vocabulary_free(v);
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_EFORMAT);
    assert_null(v);
    unlink(path);
    syl_vocabulary_free(other);
}

typedef struct seen {
    int calls;
    int64_t documents, bytes;
    int stop_after;
} seen;

static bool note(void *user, int64_t documents, int64_t bytes)
{
    seen *s = user;
    s->calls++;
    assert_true(documents >= s->documents && bytes >= s->bytes);
    s->documents = documents;
    s->bytes = bytes;
    return s->calls != s->stop_after;
}

static void test_progress(void **state)
{
    const char *path = in_folder("g");
    syl_corpus c = corpus_of(&path);
    syl_vocabulary_options o = syl_vocabulary_defaults();
    FILE *file = fopen(path, "w");
    syl_vocabulary *v;
    seen s = {0}, stopped = {.stop_after = 2};

    (void)state;
    for (int i = 0; i < 2500; i++)
        fputs("fox\n", file);
    fclose(file);
    c.progress = note;
    c.user = &s;
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_OK);
    assert_int_equal(s.calls, 3);
    assert_int_equal(s.documents, 2500);
    assert_int_equal(s.bytes, 10000);
    syl_vocabulary_free(v);
    c.user = &stopped;
    assert_int_equal(syl_corpus_vocabulary(&v, &c, &o, &err), SYL_ECANCELLED);
    assert_null(v);
    assert_int_equal(stopped.documents, 2000);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents), cmocka_unit_test(test_bigrams),
        cmocka_unit_test(test_sentences), cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_poor),      cmocka_unit_test(test_progress),
    };
    if (make_test_folder("documents")) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
