/* GGUF: metadata and tensors of files made here, values against the Python package gguf's, and
 * what damaged or hostile files meet. */
#include "tests/gguf_builder.h"
#include "tests/golden/golden.h"

#include "lib/io/gguf.h"

static syl_error err;

/* Parses a copy of exactly this size, so that the sanitizer sees a read beyond it. */
static syl_status parse_bytes(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    syl_gguf *file;
    assert_non_null(copy);
    if (size) memcpy(copy, data, size);
    syl_status status = syl_gguf_parse(&file, copy, size, "test.gguf", &err);
    if (status) assert_null(file);
    syl_gguf_free(file);
    free(copy);
    return status;
}

/* Parses b, frees it, and wants a refusal whose message names the file and holds `word`. */
static void refuse(gguf_bytes *b, syl_status status, const char *word)
{
    syl_status got = parse_bytes(b->data, b->size);
    free(b->data);
    *b = (gguf_bytes){NULL, 0};
    if (got != status) fail_msg("status %d, not %d (%s)", got, status, word);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
    assert_non_null(strstr(err.message, "test.gguf"));
}

static syl_gguf *open_sample(gguf_bytes *b)
{
    syl_gguf *file;
    *b = gguf_sample();
    if (syl_gguf_parse(&file, b->data, b->size, "test.gguf", &err)) fail_msg("%s", err.message);
    return file;
}

static void test_integers(void **state)
{
    static const struct {
        const char *key;
        int64_t value;
    } want[] = {{"u8", 200},
                {"i8", -56},
                {"u16", 0xfec8},
                {"i16", -312},
                {"u32", 2147483648},
                {"i32", -2147483648},
                {"i64", INT64_MIN + 0xfec8}};
    gguf_bytes b;
    syl_gguf *file = open_sample(&b);
    int64_t x;
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(syl_gguf_get_int(file, want[i].key, INT64_MIN, INT64_MAX, &x, &err),
                         SYL_OK);
        assert_int_equal(x, want[i].value);
    }
    assert_int_equal(syl_gguf_get_int(file, "u64", 0, INT64_MAX, &x, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "63 bits"));
    assert_int_equal(syl_gguf_get_int(file, "u8", 0, 199, &x, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "\"u8\" is 200"));
    assert_int_equal(syl_gguf_get_int(file, "yes", 0, 9, &x, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_int(file, "text", 0, 9, &x, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "string"));
    assert_int_equal(syl_gguf_get_int(file, "none", 0, 9, &x, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "\"none\""));
    assert_true(syl_gguf_has(file, "u8") && !syl_gguf_has(file, "none"));
    syl_gguf_free(file);
    free(b.data);
}

static void test_values(void **state)
{
    gguf_bytes b;
    syl_gguf *file = open_sample(&b);
    const char *text;
    double x;
    bool yes;
    (void)state;
    assert_int_equal(syl_gguf_get_number(file, "f32", &x, &err), SYL_OK);
    assert_true(x == 0.5);
    assert_int_equal(syl_gguf_get_number(file, "f64", &x, &err), SYL_OK);
    assert_true(x == 1.0 / 3);
    assert_int_equal(syl_gguf_get_number(file, "i16", &x, &err), SYL_OK);
    assert_true(x == -312);
    assert_int_equal(syl_gguf_get_number(file, "yes", &x, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_bool(file, "yes", &yes, &err), SYL_OK);
    assert_true(yes);
    assert_int_equal(syl_gguf_get_bool(file, "u8", &yes, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_string(file, "text", &text, &err), SYL_OK);
    assert_string_equal(text, "h\xc3\xa9llo");
    assert_int_equal(syl_gguf_get_string(file, "words", &text, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "array of string"));
    assert_string_equal(syl_gguf_path(file), "test.gguf");
    syl_gguf_free(file);
    free(b.data);
}

static void test_arrays(void **state)
{
    gguf_bytes b;
    syl_gguf *file = open_sample(&b);
    syl_span *words;
    int64_t *ints;
    float *floats;
    size_t n = 0;
    (void)state;
    assert_int_equal(syl_gguf_get_strings(file, "words", &words, &n, &err), SYL_OK);
    assert_int_equal(n, 3);
    assert_true(words[0].size == 1 && words[0].data[0] == 'a' && words[1].size == 0);
    assert_true(words[2].size == 2 && !memcmp(words[2].data, "bc", 2));
    free(words);
    assert_int_equal(syl_gguf_get_strings(file, "empty", &words, &n, &err), SYL_OK);
    assert_int_equal(n, 0);
    free(words);
    assert_int_equal(syl_gguf_get_ints(file, "ints", &ints, &n, &err), SYL_OK);
    assert_true(n == 2 && ints[0] == -7 && ints[1] == 9);
    free(ints);
    assert_int_equal(syl_gguf_get_floats(file, "floats", &floats, &n, &err), SYL_OK);
    assert_true(n == 3 && floats[0] == 1 && floats[1] == -2 && floats[2] == 0.25f);
    free(floats);
    assert_int_equal(syl_gguf_get_strings(file, "ints", &words, &n, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_ints(file, "floats", &ints, &n, &err), SYL_EFORMAT);
    assert_null(ints);
    assert_int_equal(syl_gguf_get_ints(file, "nested", &ints, &n, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_ints(file, "words", &ints, &n, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_floats(file, "ints", &floats, &n, &err), SYL_EFORMAT);
    assert_null(floats);
    assert_int_equal(syl_gguf_get_floats(file, "u8", &floats, &n, &err), SYL_EFORMAT);
    assert_int_equal(syl_gguf_get_strings(file, "none", &words, &n, &err), SYL_EFORMAT);
    syl_gguf_free(file);
    free(b.data);
}

static void test_tensors(void **state)
{
    gguf_bytes b;
    syl_gguf *file = open_sample(&b);
    const syl_gguf_tensor *f = syl_gguf_find(file, "f"), *q = syl_gguf_find(file, "q");
    float x[32];
    (void)state;
    assert_int_equal(syl_gguf_count(file), 2);
    assert_true(syl_gguf_at(file, 0) == f && syl_gguf_at(file, 1) == q && f && q);
    assert_null(syl_gguf_at(file, 2));
    assert_null(syl_gguf_find(file, "g"));
    assert_true(f->ndim == 2 && f->shape[0] == 2 && f->shape[1] == 3);
    assert_true(f->rows == 2 && f->cols == 3 && f->row_bytes == 12 && f->type == SYL_GGUF_F32);
    assert_int_equal(syl_gguf_rows(file, f, 1, 1, x, &err), SYL_OK);
    assert_true(x[0] == 0.5f && x[1] == 1.5f && x[2] == 2.5f);
    assert_int_equal(syl_gguf_rows(file, f, 2, 0, x, &err), SYL_OK);
    assert_int_equal(syl_gguf_rows(file, f, 1, 2, x, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "\"f\" has 2 rows"));
    assert_int_equal(syl_gguf_rows(file, f, -1, 1, x, &err), SYL_EINVAL);
    assert_int_equal(syl_gguf_rows(file, q, 0, 1, x, &err), SYL_OK);
    for (int i = 0; i < 32; i++)
        assert_true(x[i] == 0.5f * (float)(8 * i - 128));
    syl_gguf_free(file);
    syl_gguf_free(NULL);
    free(b.data);
}

static void test_golden(void **state)
{
    char path[4096];
    syl_safetensors *expected = golden_open("gguf.safetensors");
    syl_gguf *file;
    const char *note;
    (void)state;
    if (syl_gguf_open(&file, golden_path(path, sizeof path, "tiny.gguf"), &err))
        fail_msg("%s", err.message);
    assert_int_equal(syl_gguf_count(file), 8);
    assert_int_equal(syl_safetensors_count(expected), 8);
    for (size_t i = 0; i < 8; i++) {
        const syl_gguf_tensor *t = syl_gguf_at(file, i);
        float *want = golden_floats(expected, t->name, NULL), got[3 * 512];
        assert_string_equal(syl_gguf_type_name(t->type), t->name);
        assert_true(t->rows == 3 && t->cols == 512);
        assert_int_equal(syl_gguf_rows(file, t, 0, 3, got, &err), SYL_OK);
        assert_memory_equal(got, want, sizeof got);
        free(want);
    }
    assert_int_equal(syl_gguf_get_string(file, "tiny.note", &note, &err), SYL_OK);
    assert_string_equal(note, "na\xc3\xafve");
    syl_gguf_free(file);
    syl_safetensors_free(expected);
}

/* Every beginning of a file but the whole is refused. */
static void test_cut_off(void **state)
{
    gguf_bytes b = gguf_sample();
    (void)state;
    assert_int_equal(parse_bytes(b.data, b.size), SYL_OK);
    for (size_t size = 0; size < b.size; size++)
        assert_int_equal(parse_bytes(b.data, size), SYL_EFORMAT);
    b.data[4] = 2;
    assert_int_equal(parse_bytes(b.data, b.size), SYL_OK);
    free(b.data);
    assert_int_equal(syl_gguf_open(&(syl_gguf *){NULL}, "no/such/file", &err), SYL_EIO);
}

static gguf_bytes head(uint32_t version, uint64_t tensors, uint64_t keys)
{
    gguf_bytes b = {NULL, 0};
    gguf_put_head(&b, version, tensors, keys);
    return b;
}

static void test_bad_heads(void **state)
{
    gguf_bytes b = head(1, 0, 0);
    (void)state;
    refuse(&b, SYL_EUNSUPPORTED, "version 1");
    b = head(0, 0, 0);
    refuse(&b, SYL_EUNSUPPORTED, "version 0");
    b = head(3u << 24, 0, 0);
    refuse(&b, SYL_EUNSUPPORTED, "big endian");
    b = head(3, 0, 0);
    b.data[0] = 'H';
    refuse(&b, SYL_EFORMAT, "no GGUF");
    b = head(3, 100001, 0);
    refuse(&b, SYL_EFORMAT, "at most 100000");
    b = head(3, 0, UINT64_MAX);
    refuse(&b, SYL_EFORMAT, "at most 100000");
    b = head(3, 0, 100000); /* no memory is spent on what cannot be there */
    refuse(&b, SYL_EFORMAT, "cut off");
    b = head(3, 100000, 0);
    refuse(&b, SYL_EFORMAT, "cut off");
    b = head(3, 0, 0);
    assert_int_equal(parse_bytes(b.data, b.size), SYL_OK);
    free(b.data);
}

static void test_bad_keys(void **state)
{
    const uint64_t huge[] = {UINT64_MAX, UINT64_MAX / 4 + 1, (uint64_t)1 << 40};
    gguf_bytes b;
    (void)state;
    for (int i = 0; i < 3; i++) {
        b = head(3, 0, 1);
        gguf_put_u64(&b, huge[i]); /* a name */
        gguf_put(&b, "12345678", 8);
        refuse(&b, SYL_EFORMAT, "a name of");
        b = head(3, 0, 1);
        gguf_put_value(&b, "a", G_STRING, &huge[i], 8);
        refuse(&b, SYL_EFORMAT, "cut off");
        for (uint32_t item = 0; item <= G_F64; item++) {
            b = head(3, 0, 1);
            gguf_put_array(&b, "a", item, huge[i]);
            refuse(&b, SYL_EFORMAT, "cut off");
        }
    }
    b = head(3, 0, 1);
    gguf_put_value(&b, "a", 13, "12345678", 8);
    refuse(&b, SYL_EFORMAT, "type 13");
    b = head(3, 0, 1);
    gguf_put_array(&b, "a", 99, 1);
    gguf_put_u64(&b, 0);
    refuse(&b, SYL_EFORMAT, "type 99");
    b = head(3, 0, 2);
    gguf_put_int(&b, "a", 1);
    gguf_put_int(&b, "a", 1);
    refuse(&b, SYL_EFORMAT, "\"a\" twice");
    b = head(3, 0, 1);
    gguf_put_u64(&b, 2);
    gguf_put(&b, "a\0\4\0\0\0\0\0\0\0", 10);
    refuse(&b, SYL_EFORMAT, "NUL");
    b = head(3, 0, 1);
    gguf_put_array(&b, "a", G_ARRAY, 1);
    for (int i = 0; i < 1000; i++) {
        gguf_put_u32(&b, G_ARRAY);
        gguf_put_u64(&b, 1);
    }
    refuse(&b, SYL_EFORMAT, "deep");
    for (uint32_t alignment = 0; alignment < 50; alignment += 12) {
        b = head(3, 0, 1);
        gguf_put_int(&b, "general.alignment", alignment);
        refuse(&b, SYL_EFORMAT, "general.alignment");
    }
}

static void test_nul_in_string(void **state)
{
    gguf_bytes b = head(3, 0, 1);
    syl_gguf *file;
    const char *text;
    (void)state;
    gguf_put_value(&b, "a", G_STRING, "\2\0\0\0\0\0\0\0x", 10);
    assert_int_equal(syl_gguf_parse(&file, b.data, b.size, "test.gguf", &err), SYL_OK);
    assert_int_equal(syl_gguf_get_string(file, "a", &text, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "NUL"));
    syl_gguf_free(file);
    free(b.data);
}

/* One tensor "w" with 64 bytes of data, then maybe more. */
static gguf_bytes with_matrix(uint64_t tensors, uint64_t rows, uint64_t cols, uint32_t type,
                              uint64_t offset)
{
    gguf_bytes b = head(3, tensors, 0);
    gguf_put_matrix(&b, "w", rows, cols, type, offset);
    return b;
}

static void finish(gguf_bytes *b, size_t bytes)
{
    gguf_pad(b, 32);
    for (size_t i = 0; i < bytes; i++)
        gguf_put(b, "", 1);
}

static void test_bad_tensors(void **state)
{
    static const struct {
        uint64_t rows, cols, offset;
        uint32_t type;
        const char *word;
    } bad[] = {{4, 4, 32, SYL_GGUF_F32, "cut off"},
               {1, 17, 0, SYL_GGUF_F32, "cut off"},
               {1, 1, 96, SYL_GGUF_F32, "cut off"},
               {1, 1, UINT64_MAX - 31, SYL_GGUF_F32, "cut off"},
               {1, 1, 4, SYL_GGUF_F32, "alignment"},
               {1, 33, 0, SYL_GGUF_Q8_0, "blocks of 32"},
               {1, 32, 0, SYL_GGUF_Q4_K, "blocks of 256"},
               {(uint64_t)1 << 62, 4, 0, SYL_GGUF_F32, "too large"},
               {1, UINT64_MAX, 0, SYL_GGUF_F32, "too large"},
               {(uint64_t)1 << 61, 2, 0, SYL_GGUF_F32, "cut off"},
               {(uint64_t)1 << 62, 1, 0, SYL_GGUF_F32, "cut off"},
               {1, 1, 128, 77, "cut off"}};
    gguf_bytes b;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        b = with_matrix(1, bad[i].rows, bad[i].cols, bad[i].type, bad[i].offset);
        finish(&b, 64);
        refuse(&b, SYL_EFORMAT, bad[i].word);
    }
    b = with_matrix(2, 1, 9, SYL_GGUF_F32, 0);
    gguf_put_matrix(&b, "v", 1, 1, SYL_GGUF_F32, 32);
    finish(&b, 64);
    refuse(&b, SYL_EFORMAT, "overlap");
    b = with_matrix(2, 1, 1, SYL_GGUF_F32, 0);
    gguf_put_matrix(&b, "w", 1, 1, SYL_GGUF_F32, 32);
    finish(&b, 64);
    refuse(&b, SYL_EFORMAT, "\"w\" twice");
    b = head(3, 1, 0);
    gguf_put_string(&b, "w");
    gguf_put_u32(&b, 5);
    for (int i = 0; i < 8; i++)
        gguf_put_u64(&b, 1);
    refuse(&b, SYL_EFORMAT, "5 dimensions");
}

/* Types that are known by size alone, and unknown ones, are listed and refused when asked for. */
static void test_unread_types(void **state)
{
    gguf_bytes b = with_matrix(2, 1, 16, 26, 0); /* I32 */
    float x[16];
    syl_gguf *file;
    (void)state;
    gguf_put_matrix(&b, "x", 1, 16, 77, 32);
    finish(&b, 64);
    assert_int_equal(syl_gguf_parse(&file, b.data, b.size, "test.gguf", &err), SYL_OK);
    assert_int_equal(syl_gguf_find(file, "w")->row_bytes, 64);
    assert_null(syl_gguf_find(file, "x")->data);
    assert_int_equal(syl_gguf_rows(file, syl_gguf_find(file, "w"), 0, 1, x, &err),
                     SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "\"w\" has type 26 (I32)"));
    assert_int_equal(syl_gguf_check(file, syl_gguf_find(file, "x"), &err), SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "\"x\" has type 77 (unknown)"));
    syl_gguf_free(file);
    free(b.data);
}

/* No dimension, and dimensions of 0. */
static void test_small_shapes(void **state)
{
    gguf_bytes b = head(3, 2, 0);
    float one = 3, x = 0;
    syl_gguf *file;
    (void)state;
    gguf_put_string(&b, "scalar");
    gguf_put_u32(&b, 0);
    gguf_put_u32(&b, 0);
    gguf_put_u64(&b, 0);
    gguf_put_matrix(&b, "none", (uint64_t)1 << 40, 0, SYL_GGUF_F32, 0);
    gguf_pad(&b, 32);
    gguf_put(&b, &one, 4);
    assert_int_equal(syl_gguf_parse(&file, b.data, b.size, "test.gguf", &err), SYL_OK);
    assert_int_equal(syl_gguf_find(file, "scalar")->ndim, 0);
    assert_int_equal(syl_gguf_rows(file, syl_gguf_find(file, "scalar"), 0, 1, &x, &err), SYL_OK);
    assert_true(x == 3);
    assert_int_equal(syl_gguf_find(file, "none")->cols, 0);
    syl_gguf_free(file);
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),      cmocka_unit_test(test_values),
        cmocka_unit_test(test_arrays),        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_bad_heads),     cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_nul_in_string), cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_unread_types),  cmocka_unit_test(test_small_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
