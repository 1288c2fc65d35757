/* Byte-level BPE against Hugging Face's tokenizers (make_bpe.py): the same tokens for each text,
 * and the same classes of characters. */
#include "tests/golden/golden.h"

#include <sys/stat.h>

#include "embed/lm/bpe_inner.h"

static syl_error err;

/* The vocabulary of a name: NAME.json, NAME.gguf or a folder NAME, whichever is there. */
static syl_bpe *open_vocabulary(const char *name)
{
    static const char *const ends[] = {".json", ".gguf", ""};
    char file[64], path[4096];
    struct stat st;
    syl_bpe *bpe = NULL;
    for (int i = 0; i < 3 && !bpe; i++) {
        snprintf(file, sizeof file, "bpe/%s%s", name, ends[i]);
        if (stat(golden_path(path, sizeof path, file), &st)) continue;
        if (syl_bpe_load(&bpe, path, &err)) fail_msg("%s", err.message);
    }
    assert_non_null(bpe);
    return bpe;
}

static const int32_t *integers(const syl_safetensors *file, const char *name, size_t *count)
{
    const syl_st_tensor *t = syl_safetensors_find(file, name);
    if (!t || t->dtype != SYL_I32) fail_msg("fixture has no %s", name);
    assert_int_equal((uintptr_t)t->data % 4, 0);
    *count = t->count;
    return t->data;
}

/* All texts with one vocabulary; also back to text, where every byte has a token. */
static void compare(const syl_safetensors *file, const syl_bpe *bpe, const char *name, bool special)
{
    size_t texts, num_ids, n;
    char key[64];
    const int32_t *ends = integers(file, "ends", &texts), *id_ends, *want;
    const char *text = syl_safetensors_find(file, "texts")->data;
    bool whole = syl_bpe_get_info(bpe).bytes == 256;
    snprintf(key, sizeof key, "%s.%d.ends", name, special);
    id_ends = integers(file, key, &n);
    assert_int_equal(n, texts);
    snprintf(key, sizeof key, "%s.%d.ids", name, special);
    want = integers(file, key, &num_ids);
    for (size_t i = 0, at = 0, id_at = 0; i < texts;
         at = (size_t)ends[i], id_at = (size_t)id_ends[i], i++) {
        size_t length = (size_t)ends[i] - at, count = (size_t)id_ends[i] - id_at, back_length;
        int32_t *ids;
        char *back;
        assert_int_equal(syl_bpe_encode(bpe, text + at, length, special, &ids, &n, &err), SYL_OK);
        if (n != count || memcmp(ids, want + id_at, n * sizeof *ids))
            fail_msg("%s: other tokens for \"%.*s\"", name, (int)length, text + at);
        assert_int_equal(syl_bpe_decode(bpe, ids, n, true, &back, &back_length, &err), SYL_OK);
        if (whole) {
            assert_int_equal(back_length, length);
            if (length) assert_memory_equal(back, text + at, length);
        }
        free(back);
        free(ids);
    }
    print_message("%s, special %d: %zu texts, %zu tokens\n", name, special, texts, num_ids);
}

static void test_tokens(void **state)
{
    static const char *const names[] = {"gpt2", "smollm"};
    syl_safetensors *file = golden_open("bpe/expected.safetensors");
    (void)state;
    for (int i = 0; i < 2; i++) {
        syl_bpe *bpe = open_vocabulary(names[i]);
        assert_int_equal(syl_bpe_get_info(bpe).single_digits, i);
        compare(file, bpe, names[i], false);
        compare(file, bpe, names[i], true);
        syl_bpe_free(bpe);
    }
    syl_safetensors_free(file);
}

static void test_classes(void **state)
{
    syl_safetensors *file = golden_open("bpe/expected.safetensors");
    uint8_t *want = calloc(0x110000, 1);
    syl_pieces *pieces = malloc(sizeof *pieces);
    size_t n;
    const int32_t *ranges = integers(file, "classes", &n);
    (void)state;
    assert_true(want && pieces && n % 3 == 0);
    for (size_t i = 0; i < n; i += 3)
        for (int32_t c = ranges[i]; c <= ranges[i + 1]; c++)
            want[c] = (uint8_t)ranges[i + 2];
    syl_pieces_init(pieces, false);
    for (uint32_t c = 0; c < 0x110000; c++)
        if ((pieces->classes[c / 4] >> 2 * (c % 4) & 3) != want[c])
            fail_msg("U+%04X is not of class %d", c, want[c]);
    free(want);
    free(pieces);
    syl_safetensors_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens),
                                       cmocka_unit_test(test_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
