/* Data of sentence models: the JSON lists and their errors, words and exact decoding. */
#include "tests/golden/golden.h"

#include "embed/sent/dataset.h"
#include "lib/base/random.h"

static const char three[] =
    "[{\"question\": \"2+3*4\", \"steps\": [\"2+3=5\", \"5*4=0\"], \"answer\": \"0\"},\n"
    " {\"question\": \"1-2+3\", \"steps\": [\"1-2=9\", \"9+3=2\", \"### 2\"], \"answer\": \"2\"},\n"
    " {\"question\": \"7\", \"steps\": [], \"answer\": \"7\", \"more\": [1, {}]}]";

static syl_sent_dataset parse(const char *json)
{
    syl_sent_dataset d;
    syl_error err;
    syl_status status = syl_sent_dataset_parse(&d, json, strlen(json), "t.json", &err);
    if (status) fail_msg("%s", err.message);
    return d;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void test_answers_sentence(void **state)
{
    syl_sent_dataset d = parse(three);
    (void)state;
    assert_int_equal(d.count, 3);
    assert_int_equal(d.marker, SYL_SENT_HASHES);
    assert_int_equal(d.samples[0].num_sentences, 3);
    assert_string_equal(d.samples[0].sentences[2], "### 0");
    assert_int_equal(d.samples[1].num_sentences, 3);
    assert_string_equal(d.samples[1].sentences[2], "### 2");
    assert_int_equal(d.samples[2].num_sentences, 1);
    assert_string_equal(d.samples[2].sentences[0], "### 7");
    syl_sent_dataset_free(&d);

    d = parse("[{\"question\": \"q\", \"steps\": [\"<<4-2=2>>\", \"2\"], \"answer\": \"2\"},"
              " {\"question\": \"r\", \"steps\": [\"<<1+2=3>>\"], \"answer\": \"3\"}]");
    assert_int_equal(d.marker, SYL_SENT_BARE);
    assert_int_equal(d.samples[0].num_sentences, 2);
    assert_int_equal(d.samples[1].num_sentences, 2);
    assert_string_equal(d.samples[1].sentences[1], "3");
    syl_sent_dataset_free(&d);
}

static void test_bad_json(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"", "t.json, line 1: not JSON"},
        {"[{\"question\"", "not JSON"},
        {"{}", "t.json: not a list of samples"},
        {"[]", "t.json: not a list of samples"},
        {"[3]", "t.json, sample 0: not an object"},
        {"[{\"steps\": [], \"answer\": \"1\"}]", "sample 0: there is no question"},
        {"[{\"question\": \"a\", \"steps\": [\"s\"]}]", "sample 0: there is no answer"},
        {"[{\"question\": 5, \"steps\": [], \"answer\": \"1\"}]", "the question is not a string"},
        {"[{\"question\": \"a\", \"steps\": [], \"answer\": 1}]", "the answer is not a string"},
        {"[{\"question\": \"a\", \"answer\": \"1\"}]", "\"steps\" is not a list"},
        {"[{\"question\": \"a\", \"steps\": \"s\", \"answer\": \"1\"}]", "\"steps\" is not a list"},
        {"[{\"question\": \"a\", \"steps\": [\"s\", \"\"], \"answer\": \"1\"}]", "step 1 is empty"},
        {"[{\"question\": \"a\", \"steps\": [null], \"answer\": \"1\"}]", "step 0 is not a string"},
        {"[{\"question\": \"a\", \"steps\": [\"b\\nc\"], \"answer\": \"1\"}]", "holds a newline"},
        {"[{\"question\": \"a\", \"steps\": [], \"answer\": \"\"}]", "the answer is empty"},
        {"[{\"question\": \"a\", \"steps\": [\"### 4\"], \"answer\": \"1\"}]",
         "the last step says \"4\", the answer is \"1\""},
        {"[{\"question\": \"a\\u0000\", \"steps\": [], \"answer\": \"1\"}]", "not JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        syl_sent_dataset d;
        syl_error err;
        assert_int_equal(
            syl_sent_dataset_parse(&d, cases[i].json, strlen(cases[i].json), "t.json", &err),
            SYL_EFORMAT);
        if (!strstr(err.message, cases[i].message))
            fail_msg("\"%s\" in place of \"%s\"", err.message, cases[i].message);
        syl_sent_dataset_free(&d);
    }
}

static void test_written_and_read(void **state)
{
    syl_sent_dataset d = parse(three), again;
    syl_error err;
    (void)state;
    assert_int_equal(syl_sent_dataset_write(&d, "test_sent_data.json", &err), SYL_OK);
    assert_int_equal(syl_sent_dataset_read(&again, "test_sent_data.json", &err), SYL_OK);
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(again.samples[i].question, d.samples[i].question);
        assert_int_equal(again.samples[i].num_sentences, d.samples[i].num_sentences);
        for (int k = 0; k < d.samples[i].num_sentences; k++)
            assert_string_equal(again.samples[i].sentences[k], d.samples[i].sentences[k]);
    }
    syl_sent_dataset_free(&again);
    syl_sent_dataset_free(&d);
}

/* ---- words ------------------------------------------------------------------------------ */

static syl_sent_tokenizer *tokenizer_of(const char *text, size_t length)
{
    syl_sent_words *words;
    syl_sent_tokenizer *t;
    syl_error err;
    assert_int_equal(syl_sent_words_create(&words, &err), SYL_OK);
    assert_int_equal(syl_sent_words_add(words, text, length, &err), SYL_OK);
    assert_int_equal(syl_sent_words_finish(words, &t, &err), SYL_OK);
    syl_sent_words_free(words);
    return t;
}

/* Decoding gives the text back; returns how many tokens there were. */
static size_t round_trip(const char *text)
{
    syl_sent_tokenizer *t = tokenizer_of(text, strlen(text));
    syl_sent_ids ids = {0};
    char *back;
    syl_error err;
    assert_int_equal(t->encode(t, text, strlen(text), &ids, &err), SYL_OK);
    assert_int_equal(t->decode(t, ids.data, ids.count, &back, &err), SYL_OK);
    assert_string_equal(back, text);
    free(back);
    size_t count = ids.count;
    syl_sent_ids_free(&ids);
    syl_sent_tokenizer_free(t);
    return count;
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(round_trip("3+4*5"), 5);
    assert_int_equal(round_trip("12+345=357"), 10);
    assert_int_equal(round_trip("### 5"), 2);
    assert_int_equal(round_trip("###5"), 3); /* joined */
    assert_int_equal(round_trip("Every shumpus is a rempus. Is Tom a lempus or scrompus?"), 13);
    assert_int_equal(round_trip("### Tom is a lempus."), 6);
    assert_int_equal(round_trip("<<Move C from G to the table>>"), 9);
    assert_int_equal(round_trip("A is on D, B is on the table."), 11);
    assert_int_equal(round_trip("only clear (unblocked) blocks"), 6);
    assert_int_equal(round_trip("The answer is: 12"), 6);
    assert_int_equal(round_trip("two  spaces"), 3);
    assert_int_equal(round_trip(" a "), 3);
    assert_int_equal(round_trip("a ."), 3);
    assert_int_equal(round_trip("x.5 costs 0.25"), 8);
    assert_int_equal(round_trip("what?\tA: bank\tB: library"), 10);
    assert_int_equal(round_trip("na\xC3\xAFve \xE2\x82\xAC"), 2);
    assert_int_equal(round_trip("<join> <eos>"), 7);
    assert_int_equal(round_trip(""), 0);
}

/* Any text of a small alphabet, and long runs, which are cut. */
static void test_random_texts(void **state)
{
    static const char *const pieces[] = {"a",    "B",  "7",    " ",  ".",  "#", "(",
                                         ")",    "<",  ">",    "\n", "\t", ":", "\xC3\xA9",
                                         "\x01", "  ", "word", "42", "?"};
    syl_random r = {1, 2, 0};
    char text[4000];
    (void)state;
    for (int i = 0; i < 2000; i++) {
        size_t n = 0, pick = syl_random_below(&r, 30);
        for (size_t k = 0; k < pick; k++) {
            const char *piece = pieces[syl_random_below(&r, sizeof pieces / sizeof *pieces)];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        text[n] = '\0';
        round_trip(text);
    }
    for (int length = 253; length < 260; length++) {
        for (int i = 0; i < 3 * length; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 3);
        text[3 * length] = '\0';
        round_trip(text);
        memset(text, '-', 3 * (size_t)length);
        round_trip(text);
    }
}

static void test_sample_tokens(void **state)
{
    syl_sent_dataset d = parse(three);
    syl_sent_words *words;
    syl_sent_tokenizer *t;
    syl_sent_tokens tokens;
    syl_error err;
    (void)state;
    assert_int_equal(syl_sent_words_create(&words, &err), SYL_OK);
    assert_int_equal(syl_sent_dataset_words(&d, words, &err), SYL_OK);
    assert_int_equal(syl_sent_words_finish(words, &t, &err), SYL_OK);
    assert_int_equal(t->vocab, 2 + 5 + 8); /* + - * = ###, and digits but 6 and 8 */
    assert_int_equal(syl_sent_sample_encode(&tokens, &d.samples[0], t, &err), SYL_OK);
    static const int starts[] = {6, 12, 18, 21};
    assert_int_equal(tokens.num_sentences, 3);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tokens.starts[i], starts[i]);
        assert_int_equal(tokens.ids[starts[i] - 1], t->newline);
    }
    char *text;
    assert_int_equal(t->decode(t, tokens.ids, 21, &text, &err), SYL_OK);
    assert_string_equal(text, "2+3*4\n2+3=5\n5*4=0\n### 0\n");
    free(text);
    syl_sent_tokens_free(&tokens);
    syl_sent_ids ids = {0};
    assert_int_equal(t->encode(t, "1+8", 3, &ids, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "\"8\" is not among"));
    syl_sent_ids_free(&ids);
    syl_sent_tokenizer_free(t);
    syl_sent_words_free(words);
    syl_sent_dataset_free(&d);
}

/* ---- a tokenizer in a file -------------------------------------------------------------- */

static void test_tokenizer_json(void **state)
{
    static const char text[] = "Every yumpus is a 42.\n### b";
    syl_sent_tokenizer *t = tokenizer_of(text, strlen(text)), *again;
    syl_sent_ids a = {0}, b = {0};
    syl_error err;
    (void)state;
    json_t *json = t->to_json(t);
    assert_int_equal(syl_sent_tokenizer_from_json(&again, json, "m", &err), SYL_OK);
    json_decref(json);
    assert_int_equal(again->vocab, t->vocab);
    assert_int_equal(again->newline, t->newline);
    assert_int_equal(again->eos, t->eos);
    assert_int_equal(t->encode(t, text, strlen(text), &a, &err), SYL_OK);
    assert_int_equal(again->encode(again, text, strlen(text), &b, &err), SYL_OK);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.data, b.data, a.count * sizeof *a.data);
    char *back;
    const int32_t bad = t->vocab;
    assert_int_equal(t->decode(t, &bad, 1, &back, &err), SYL_EINVAL);
    assert_null(back);
    syl_sent_ids_free(&a);
    syl_sent_ids_free(&b);
    syl_sent_tokenizer_free(t);
    syl_sent_tokenizer_free(again);
}

/* The fixture's BPE, by its file and as a model's metadata name it. */
static void test_bpe(void **state)
{
    static const char text[] = "the cat sat, na\xC3\xAFve 42  <<";
    char path[4096], model[4096];
    syl_sent_tokenizer *t, *again;
    syl_sent_ids ids = {0};
    syl_error err;
    char *back;
    (void)state;
    golden_path(path, sizeof path, "lm-gpt2/tokenizer.json");
    golden_path(model, sizeof model, "lm-gpt2/model.safetensors");
    if (syl_sent_bpe_tokenizer(&t, path, &err)) fail_msg("%s", err.message);
    json_t *json = t->to_json(t);
    if (syl_sent_tokenizer_from_json(&again, json, model, &err)) fail_msg("%s", err.message);
    json_decref(json);
    assert_int_equal(again->vocab, 300);
    assert_int_equal(again->newline, t->newline);
    assert_int_equal(again->encode(again, text, strlen(text), &ids, &err), SYL_OK);
    assert_int_equal(syl_sent_ids_add(&ids, again->newline, &err), SYL_OK);
    assert_int_equal(syl_sent_ids_add(&ids, again->eos, &err), SYL_OK);
    assert_int_equal(again->decode(again, ids.data, ids.count, &back, &err), SYL_OK);
    assert_memory_equal(back, text, strlen(text));
    assert_string_equal(back + strlen(text), "\n");
    free(back);
    syl_sent_ids_free(&ids);
    syl_sent_tokenizer_free(t);
    syl_sent_tokenizer_free(again);
    assert_int_equal(syl_sent_bpe_beside(&t, "../x", model, &err), SYL_EFORMAT);
    assert_int_equal(syl_sent_bpe_beside(&t, "nothing.json", model, &err), SYL_EIO);
}

static void test_bad_tokenizers(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{}", "of type \"\""},
        {"{\"type\": \"bpx\"}", "of type \"bpx\""},
        {"{\"type\": \"words\"}", "no list of words"},
        {"{\"type\": \"words\", \"tokens\": []}", "no list of words"},
        {"{\"type\": \"words\", \"tokens\": [\"\\n\", 3]}", "word 1 of the tokenizer"},
        {"{\"type\": \"words\", \"tokens\": [\"\\n\", \"\"]}", "word 1 of the tokenizer"},
        {"{\"type\": \"words\", \"tokens\": [\"a\", \"<eos>\"]}", "lack the newline"},
        {"{\"type\": \"words\", \"tokens\": [\"\\n\", \"a\"]}", "lack <eos>"},
        {"{\"type\": \"words\", \"tokens\": [\"\\n\", \"a\", \"<eos>\", \"a\"]}", "is also 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        syl_sent_tokenizer *t;
        syl_error err;
        json_t *json = json_loads(cases[i].json, 0, NULL);
        assert_non_null(json);
        assert_int_equal(syl_sent_tokenizer_from_json(&t, json, "m", &err), SYL_EFORMAT);
        if (!strstr(err.message, cases[i].message))
            fail_msg("\"%s\" in place of \"%s\"", err.message, cases[i].message);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_sentence), cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_words),
        cmocka_unit_test(test_random_texts),     cmocka_unit_test(test_sample_tokens),
        cmocka_unit_test(test_tokenizer_json),   cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_bad_tokenizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
