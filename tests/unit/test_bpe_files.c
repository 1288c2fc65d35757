/* The files that vocabularies of byte-level BPE come from, and bad ones. */
#include "tests/gguf_builder.h"
#include "tests/golden/golden.h"
#include "tests/unit/text_files.h"

#include <unistd.h>

#include "embed/lm/bpe.h"

static syl_error err;

static int32_t *encode(const syl_bpe *bpe, const char *text, size_t length, bool special, size_t *n)
{
    int32_t *ids;
    if (syl_bpe_encode(bpe, text, length, special, &ids, n, &err)) fail_msg("%s", err.message);
    return ids;
}

/* ---- files --------------------------------------------------------------------------------- */

#define RULE "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define MODEL(vocab, merges) "\"model\":{\"vocab\":" vocab ",\"merges\":" merges "}"
#define AB MODEL("{\"a\":0,\"b\":1,\"ab\":2}", "[\"a b\"]")

static void test_json_accepted(void **state)
{
    static const char *const good[] = {
        "{" RULE "," AB "}",
        "{" RULE "," AB ",\"normalizer\":null,\"added_tokens\":null,\"post_processor\":{}}",
        "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\","
        "\"add_prefix_space\":false,\"use_regex\":true}]}," AB "}",
        "{" RULE ",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"\","
        "\"continuing_subword_prefix\":\"\",\"end_of_word_suffix\":null,\"fuse_unk\":false,"
        "\"vocab\":{\"a\":7,\"b\":1,\"ab\":2},\"merges\":[[\"a\",\"b\"]]}}",
        "{" RULE "," MODEL("{\"a\":0}", "[]") "}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        syl_bpe *bpe;
        if (syl_bpe_load(&bpe, write_text("tokenizer.json", good[i]), &err))
            fail_msg("%zu: %s", i, err.message);
        assert_int_equal(syl_bpe_get_info(bpe).end, -1);
        syl_bpe_free(bpe);
    }
}

/* Bytes without a token vanish; with an unknown token they become it. */
static void test_missing_bytes(void **state)
{
    syl_bpe *bpe;
    int32_t *ids;
    size_t n;
    (void)state;
    assert_int_equal(syl_bpe_load(&bpe, write_text("tokenizer.json", "{" RULE "," AB "}"), &err),
                     SYL_OK);
    assert_int_equal(syl_bpe_get_info(bpe).bytes, 2);
    ids = encode(bpe, "azb", 3, false, &n); /* as if it had never been there */
    assert_true(n == 1 && ids[0] == 2);
    free(ids);
    ids = encode(bpe, "zzzz", 4, false, &n);
    assert_int_equal(n, 0);
    free(ids);
    syl_bpe_free(bpe);
    assert_int_equal(
        syl_bpe_load(&bpe,
                     write_text("tokenizer.json",
                                "{" RULE ",\"model\":{\"unk_token\":\"?\",\"vocab\":"
                                "{\"a\":0,\"b\":1,\"ab\":2,\"?\":3},\"merges\":[\"a b\"]}}"),
                     &err),
        SYL_OK);
    ids = encode(bpe, "azb", 3, false, &n);
    assert_true(n == 3 && ids[0] == 0 && ids[1] == 3 && ids[2] == 1);
    free(ids);
    syl_bpe_free(bpe);
}

static void test_json_refused(void **state)
{
    static const struct {
        const char *text, *word;
        syl_status status;
    } bad[] = {
        {"", "valid JSON", SYL_EFORMAT},
        {"{\"model\":{}", "valid JSON", SYL_EFORMAT},
        {"{\"model\":{}}", "vocab and merges", SYL_EFORMAT},
        {"{" AB "}", "pre_tokenizer", SYL_EUNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true}," AB "}",
         "add_prefix_space", SYL_EUNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Whitespace\"}," AB "}", "pre_tokenizer", SYL_EUNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[]}," AB "}", "pre_tokenizer",
         SYL_EUNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
         "\"individual_digits\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}," AB
         "}",
         "pre_tokenizer", SYL_EUNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"NFC\"}," RULE "," AB "}", "normalizes", SYL_EUNSUPPORTED},
        {"{" RULE ",\"model\":{\"type\":\"Unigram\",\"vocab\":{},\"merges\":[]}}", "BPE",
         SYL_EUNSUPPORTED},
        {"{" RULE ",\"model\":{\"byte_fallback\":true,\"vocab\":{\"a\":0},\"merges\":[]}}",
         "byte_fallback", SYL_EUNSUPPORTED},
        {"{" RULE ",\"model\":{\"unk_token\":\"x\",\"vocab\":{\"a\":0},\"merges\":[]}}",
         "unk_token", SYL_EFORMAT},
        {"{" RULE "," MODEL("{}", "[]") "}", "0 tokens", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":-1}", "[]") "}", "\"a\"", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":2000000}", "[]") "}", "\"a\"", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":\"0\"}", "[]") "}", "\"a\"", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":0}", "[]") "}", "both token 0", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"a\":1}", "[]") "}", "valid JSON", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":1}", "[\"a b\"]") "}", "merge 1", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"ab\":1}", "[\"a b\"]") "}", "merge 1", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":1,\"ab\":2}", "[\"a b c\"]") "}", "merge 1",
         SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":1,\"ab\":2}", "[\"ab\"]") "}", "merge 1", SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":1,\"ab\":2}", "[\"a b\",[\"a\"]]") "}", "merge 2",
         SYL_EFORMAT},
        {"{" RULE "," MODEL("{\"a\":0,\"b\":1,\"ab\":2}", "[[\"a\",\"\"]]") "}", "merge 1",
         SYL_EFORMAT},
        {"{" RULE "," AB ",\"added_tokens\":{}}", "added_tokens", SYL_EFORMAT},
        {"{" RULE "," AB ",\"added_tokens\":[{\"id\":3}]}", "content", SYL_EFORMAT},
        {"{" RULE "," AB ",\"added_tokens\":[{\"id\":3,\"content\":\"\"}]}", "empty", SYL_EFORMAT},
        {"{" RULE "," AB ",\"added_tokens\":[{\"content\":\"x\"}]}", "\"x\"", SYL_EFORMAT},
        {"{" RULE "," AB ",\"added_tokens\":[{\"id\":3,\"content\":\"x\",\"lstrip\":true}]}",
         "lstrip", SYL_EUNSUPPORTED},
        {"{\"a\":0,\"b\":1}", "vocab.bpe", SYL_EIO},
        {"[]", "vocab.bpe", SYL_EIO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        syl_bpe *bpe;
        syl_status status = syl_bpe_load(&bpe, write_text("tokenizer.json", bad[i].text), &err);
        if (status != bad[i].status || !strstr(err.message, bad[i].word))
            fail_msg("%zu: status %d, \"%s\", not \"%s\"", i, status, err.message, bad[i].word);
        assert_non_null(strstr(err.message, "tokenizer.json"));
        assert_null(bpe);
    }
}

static void test_gpt2_files(void **state)
{
    syl_bpe *bpe;
    int32_t *ids;
    size_t n;
    (void)state;
    unlink(in_folder("tokenizer.json"));
    assert_int_equal(syl_bpe_load(&bpe, folder, &err), SYL_EIO);
    write_text("encoder.json", "{\"a\":0,\"b\":1,\"\xc4\xa0\":2,\"ab\":3,\"\xc4\xa0"
                               "ab\":4,\"<|endoftext|>\":5}");
    assert_int_equal(syl_bpe_load(&bpe, folder, &err), SYL_EIO);
    assert_non_null(strstr(err.message, "merges.txt"));
    write_text("vocab.bpe", "#version: 0.2\na b\n\xc4\xa0 ab\n");
    if (syl_bpe_load(&bpe, folder, &err)) fail_msg("%s", err.message);
    ids = encode(bpe, "ab ab<|endoftext|>", 18, true, &n);
    assert_true(n == 3 && ids[0] == 3 && ids[1] == 4 && ids[2] == 5);
    assert_int_equal(syl_bpe_find(bpe, " ab", 3), 4);
    assert_int_equal(syl_bpe_get_info(bpe).end, 5);
    free(ids);
    syl_bpe_free(bpe);
    write_text("vocab.bpe", "#version: 0.2\na\n");
    assert_int_equal(syl_bpe_load(&bpe, in_folder("encoder.json"), &err), SYL_EFORMAT);
    unlink(in_folder("vocab.bpe"));
    unlink(in_folder("encoder.json"));
}

static const char *const gguf_tokens[] = {"<s>", "a", "b", "ab", "\xc4\xa0", "1", "<u>"};
static const char *const gguf_merges[] = {"a b"};

/* A GGUF file with a tokenizer; `last` is one more key, of that value. */
static gguf_bytes gguf_tokenizer(const char *model, const char *pre, uint64_t types,
                                 const char *last, uint32_t value)
{
    static const int32_t type[8] = {3, 1, 1, 1, 1, 1, 4, 1};
    gguf_bytes b = {NULL, 0};
    gguf_put_head(&b, 3, 0, 6);
    gguf_put_text(&b, "tokenizer.ggml.model", model);
    gguf_put_text(&b, "tokenizer.ggml.pre", pre);
    gguf_put_strings(&b, "tokenizer.ggml.tokens", gguf_tokens, 7);
    gguf_put_strings(&b, "tokenizer.ggml.merges", gguf_merges, 1);
    gguf_put_array(&b, "tokenizer.ggml.token_type", G_I32, types);
    gguf_put(&b, type, types * sizeof *type);
    gguf_put_int(&b, last, value);
    return b;
}

static syl_status load_gguf(syl_bpe **bpe, gguf_bytes b)
{
    syl_status status = syl_bpe_load(bpe, write_bytes("model.gguf", b.data, b.size), &err);
    free(b.data);
    return status;
}

static void test_gguf(void **state)
{
    syl_bpe *bpe;
    int32_t *ids;
    size_t n;
    (void)state;
    for (int digits = 0; digits < 2; digits++) {
        if (load_gguf(&bpe, gguf_tokenizer("gpt2", digits ? "smollm" : "gpt-2", 7,
                                           "tokenizer.ggml.eos_token_id", 3)))
            fail_msg("%s", err.message);
        syl_bpe_info info = syl_bpe_get_info(bpe);
        assert_true(info.size == 7 && info.end == 3 && info.begin == -1 && !info.add_begin);
        assert_int_equal(info.single_digits, digits);
        ids = encode(bpe, "<s>ab 1<u>", 10, true, &n);
        assert_true(n == 5 && ids[0] == 0 && ids[1] == 3 && ids[2] == 4 && ids[3] == 5 &&
                    ids[4] == 6);
        free(ids);
        ids = encode(bpe, "<s>ab<u>", 8, false, &n); /* no tokens for <, s, > */
        assert_true(n == 2 && ids[0] == 3 && ids[1] == 6);
        free(ids);
        syl_bpe_free(bpe);
    }
    assert_int_equal(load_gguf(&bpe, gguf_tokenizer("llama", "gpt-2", 7, "x", 0)),
                     SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "\"llama\""));
    assert_int_equal(load_gguf(&bpe, gguf_tokenizer("gpt2", "llama-bpe", 7, "x", 0)),
                     SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "\"llama-bpe\""));
    assert_int_equal(load_gguf(&bpe, gguf_tokenizer("gpt2", "gpt-2", 6, "x", 0)), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "6 token types"));
    assert_int_equal(
        load_gguf(&bpe, gguf_tokenizer("gpt2", "gpt-2", 7, "tokenizer.ggml.eos_token_id", 7)),
        SYL_EFORMAT);
    assert_non_null(strstr(err.message, "eos_token_id"));
    assert_int_equal(
        load_gguf(&bpe, gguf_tokenizer("gpt2", "gpt-2", 7, "tokenizer.ggml.add_bos_token", 1)),
        SYL_EFORMAT);
    assert_int_equal(load_gguf(&bpe, gguf_sample()), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "tokenizer.ggml.model"));
    assert_int_equal(syl_bpe_load(&bpe, in_folder("none"), &err), SYL_EIO);
    unlink(in_folder("model.gguf"));
}

static int set_up(void **state)
{
    (void)state;
    return make_test_folder("bpe");
}

static int clean_up(void **state)
{
    (void)state;
    unlink(in_folder("tokenizer.json"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_accepted), cmocka_unit_test(test_missing_bytes),
        cmocka_unit_test(test_json_refused),  cmocka_unit_test(test_gpt2_files),
        cmocka_unit_test(test_gguf),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
