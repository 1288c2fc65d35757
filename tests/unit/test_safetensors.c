/* safetensors: round trips of each dtype, conversions, and every limit of the header. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/io/safetensors.h"

static char folder[64];
static syl_error err;

static char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Parses a copy of exactly this size, so that the sanitizer sees a read beyond it. */
static syl_status parse_bytes(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    syl_safetensors *file;
    syl_status status;

    assert_non_null(copy);
    if (size) memcpy(copy, data, size);
    status = syl_safetensors_parse(&file, copy, size, "test.st", &err);
    if (status) assert_null(file);
    syl_safetensors_free(file);
    free(copy);
    return status;
}

static size_t build(uint8_t *file, const char *header, size_t bytes)
{
    uint64_t n = strlen(header);

    memcpy(file, &n, 8);
    memcpy(file + 8, header, n);
    memset(file + 8 + n, 0, bytes);
    return 8 + (size_t)n + bytes;
}

static syl_status parse(const char *header, size_t bytes)
{
    uint8_t *file = malloc(8 + strlen(header) + bytes);
    syl_status status = parse_bytes(file, build(file, header, bytes));

    free(file);
    return status;
}

static void test_round_trip(void **state)
{
    float f32[6] = {0, -1.5f, 3.25f, 1e-30f, FLT_MAX, 7};
    uint16_t bf16[3] = {0x3f80, 0xc000, 0x7f80}, f16[2] = {0x3c00, 0xfbff};
    int8_t s8[3] = {-128, 0, 127};
    int32_t i32[1] = {-123456};
    syl_st_tensor t[] = {
        {.name = "s", .dtype = SYL_S8, .ndim = 1, .shape = {3}, .data = s8, .count = 3},
        {.name = "b", .dtype = SYL_BF16, .ndim = 3, .shape = {1, 3, 1}, .data = bf16, .count = 3},
        {.name = "f\"\xc3\xa9",
         .dtype = SYL_F32,
         .ndim = 2,
         .shape = {2, 3},
         .data = f32,
         .count = 6},
        {.name = "h", .dtype = SYL_F16, .ndim = 1, .shape = {2}, .data = f16, .count = 2},
        {.name = "i", .dtype = SYL_I32, .ndim = 0, .data = i32, .count = 1},
        {.name = "e", .dtype = SYL_F32, .ndim = 2, .shape = {0, 4}, .data = NULL, .count = 0},
    };
    json_t *metadata = json_pack("{s:s, s:s}", "format", "pt", "rate", "16000");
    syl_safetensors *file;
    float values[6];

    (void)state;
    assert_int_equal(syl_safetensors_write(in_folder("m"), t, 6, metadata, &err), SYL_OK);
    json_decref(metadata);
    assert_int_equal(syl_safetensors_open(&file, in_folder("m"), &err), SYL_OK);
    assert_int_equal(syl_safetensors_count(file), 6);
    assert_string_equal(syl_safetensors_path(file), in_folder("m"));
    assert_string_equal(syl_safetensors_metadata(file, "rate"), "16000");
    assert_null(syl_safetensors_metadata(file, "none"));
    assert_null(syl_safetensors_find(file, "none"));
    assert_null(syl_safetensors_find(file, "__metadata__"));
    assert_null(syl_safetensors_at(file, 6));
    for (int i = 0; i < 6; i++) {
        const syl_st_tensor *r = syl_safetensors_find(file, t[i].name);
        size_t size = syl_dtype_size(t[i].dtype);
        assert_non_null(r);
        assert_int_equal(r->dtype, t[i].dtype);
        assert_int_equal(r->ndim, t[i].ndim);
        assert_memory_equal(r->shape, t[i].shape, (size_t)t[i].ndim * 8 + 1);
        assert_int_equal(r->count, t[i].count);
        assert_int_equal((uintptr_t)r->data % size, 0);
        if (r->count) assert_memory_equal(r->data, t[i].data, r->count * size);
    }
    syl_st_to_f32(syl_safetensors_find(file, "i"), values);
    assert_true(values[0] == -123456);
    syl_st_to_f32(syl_safetensors_find(file, "s"), values);
    assert_true(values[0] == -128 && values[1] == 0 && values[2] == 127);
    syl_st_to_f32(syl_safetensors_find(file, "b"), values);
    assert_true(values[0] == 1 && values[1] == -2 && isinf(values[2]));
    syl_st_to_f32(syl_safetensors_find(file, "h"), values);
    assert_true(values[0] == 1 && values[1] == -65504);
    syl_safetensors_free(file);
    syl_safetensors_free(NULL);
    unlink(in_folder("m"));
}

/* Every half goes to float and back, and what lies between two neighbours goes to the nearer
 * one, ties to the even one. */
static void test_half(void **state)
{
    syl_st_tensor t = {.dtype = SYL_F16, .count = 1};

    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t in = (uint16_t)h, next = (uint16_t)(h + 1), back;
        float a, b, middle, above;
        t.data = &in;
        syl_st_to_f32(&t, &a);
        syl_st_from_f32(&a, 1, SYL_F16, &back);
        if (isnan(a)) {
            assert_true((back & 0x7fff) > 0x7c00);
            continue;
        }
        assert_int_equal(back, in);
        if ((h & 0x7fff) >= 0x7bff) continue;
        t.data = &next;
        syl_st_to_f32(&t, &b);
        middle = (a + b) / 2;
        above = nextafterf(middle, b);
        syl_st_from_f32(&middle, 1, SYL_F16, &back);
        assert_int_equal(back, h & 1 ? next : in);
        syl_st_from_f32(&above, 1, SYL_F16, &back);
        assert_int_equal(back, next);
    }
}

static void test_conversions(void **state)
{
    /* 65519.996 is the largest float below the tie that rounds to infinity. */
    float wide[] = {65519.996f, 65520, -1e9f, 0x1p-25f, 0x1.8p-25f, 1.00390625f, 1.01171875f, NAN};
    float whole[] = {0.5f, 1.5f, -2.5f, 1e20f, -1e20f, NAN, 127.4f, -129};
    int8_t s8[8], want8[] = {0, 2, -2, 127, -128, 0, 127, -128};
    int32_t i32[8], want32[] = {0, 2, -2, INT32_MAX, INT32_MIN, 0, 127, -129};
    uint16_t half[8], bf16[8];
    float same[8];

    (void)state;
    syl_st_from_f32(wide, 8, SYL_F16, half);
    assert_int_equal(half[0], 0x7bff);
    assert_int_equal(half[1], 0x7c00);
    assert_int_equal(half[2], 0xfc00);
    assert_int_equal(half[3], 0);
    assert_int_equal(half[4], 1);
    syl_st_from_f32(wide, 8, SYL_BF16, bf16);
    assert_int_equal(bf16[5], 0x3f80); /* 1 + 2^-8: a tie, to the even 1 */
    assert_int_equal(bf16[6], 0x3f82); /* 1 + 3 * 2^-8: a tie, to the even 1 + 2^-6 */
    assert_true((bf16[7] & 0x7fff) > 0x7f80);
    syl_st_from_f32(whole, 8, SYL_S8, s8);
    assert_memory_equal(s8, want8, sizeof s8);
    syl_st_from_f32(whole, 8, SYL_I32, i32);
    assert_memory_equal(i32, want32, sizeof i32);
    syl_st_from_f32(wide, 8, SYL_F32, same);
    assert_memory_equal(same, wide, sizeof same);
    assert_string_equal(syl_dtype_name(SYL_S8), "I8");
    assert_string_equal(syl_dtype_name(SYL_BF16), "BF16");
}

static void test_accepted(void **state)
{
    (void)state;
    assert_int_equal(parse("{}", 0), SYL_OK);
    assert_int_equal(parse("{}      ", 3), SYL_OK);
    assert_int_equal(parse("{\"__metadata__\":{}}", 0), SYL_OK);
    assert_int_equal(parse("{\"a\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                           "\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},"
                           "\"c\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[18,20]}}",
                           20),
                     SYL_OK);
}

static void test_refused(void **state)
{
    static const struct {
        const char *header, *word;
    } bad[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"{", "JSON"},
        {"{}x", "JSON"},
        {"{\"a\":1}", "made of"},
        {"{\"a\":{}}", "made of"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "made of"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", "made of"},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", "F33"},
        {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", "made of"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}", "need 2"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "dimension 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", "dimension 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
         "8 dim"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
         "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", "cut off"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}",
         "JSON"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         "overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[3,7]}}",
         "overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "duplicate"},
        {"{\"__metadata__\":{\"a\":1}}", "not a string"},
        {"{\"__metadata__\":[]}", "not an object"},
        {"{\"a\":{\"b\":{\"c\":{}}}}", "levels"},
        {"{\"\xff\":1}", "JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i].header, 8), SYL_EFORMAT);
        assert_non_null(strstr(err.message, bad[i].word));
        assert_non_null(strstr(err.message, "test.st"));
    }
}

static void test_sizes(void **state)
{
    const char *header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    uint64_t lengths[] = {100000001, UINT64_MAX, 1000};
    size_t size, n = 3000000;
    uint8_t file[256];
    char *many = malloc(n + 1);

    (void)state;
    size = build(file, header, 4);
    assert_int_equal(parse_bytes(file, size), SYL_OK);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(parse_bytes(file, i), SYL_EFORMAT);
    for (int i = 0; i < 3; i++) {
        memcpy(file, &lengths[i], 8);
        assert_int_equal(parse_bytes(file, size), SYL_EFORMAT);
    }
    /* Deep or countless values are refused before memory is spent on them. */
    memset(many, '[', n);
    many[n] = '\0';
    assert_int_equal(parse(many, 0), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "levels"));
    memcpy(many, "{\"a\":[", 6);
    memset(many + 6, ',', n - 6);
    assert_int_equal(parse(many, 0), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "values"));
    free(many);
}

static void test_too_many_tensors(void **state)
{
    size_t n = 100002, at = 1;
    char *header = malloc(n * 70);

    (void)state;
    if (!header) fail();
    header[0] = '{';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(header + at, 70,
                               "\"%zu\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}%c",
                               i, i + 1 < n ? ',' : '}');
    assert_int_equal(parse(header, 0), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "100000"));
    free(header);
}

static void test_write_refused(void **state)
{
    float x[2] = {1, 2};
    syl_st_tensor two[2] = {
        {.name = "a", .dtype = SYL_F32, .ndim = 1, .shape = {2}, .data = x, .count = 2},
        {.name = "a", .dtype = SYL_F32, .ndim = 1, .shape = {2}, .data = x, .count = 2},
    };
    json_t *metadata = json_pack("{s:i}", "a", 1);
    syl_safetensors *file;

    (void)state;
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 2, NULL, &err), SYL_EINVAL);
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 1, metadata, &err), SYL_EINVAL);
    json_decref(metadata);
    two[0].name = "__metadata__";
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 1, NULL, &err), SYL_EINVAL);
    two[0].name = "\xff";
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 1, NULL, &err), SYL_EINVAL);
    two[0].name = "b";
    two[0].count = 3;
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 1, NULL, &err), SYL_EINVAL);
    two[0].ndim = 9;
    assert_int_equal(syl_safetensors_write(in_folder("x"), two, 1, NULL, &err), SYL_EINVAL);
    assert_int_equal(access(in_folder("x"), F_OK), -1);
    assert_int_equal(syl_safetensors_write(in_folder("x"), NULL, 0, NULL, &err), SYL_OK);
    assert_int_equal(syl_safetensors_open(&file, in_folder("x"), &err), SYL_OK);
    assert_int_equal(syl_safetensors_count(file), 0);
    assert_null(syl_safetensors_find(file, "a"));
    syl_safetensors_free(file);
    assert_int_equal(syl_safetensors_open(&file, in_folder("missing"), &err), SYL_EIO);
    unlink(in_folder("x"));
}

static void test_full_disk(void **state)
{
    static float x[10000];
    syl_st_tensor t = {
        .name = "a", .dtype = SYL_F32, .ndim = 1, .shape = {10000}, .data = x, .count = 10000};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, small;
    syl_status status;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = syl_safetensors_write(in_folder("f"), &t, 1, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, SYL_EIO);
    assert_non_null(strstr(err.message, "full"));
    assert_int_equal(access(in_folder("f"), F_OK), -1);
}

/* ---- shards -------------------------------------------------------------------------- */

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Tensors of one name each, letter by letter, of value 1, 2, ... */
static void write_shard(const char *file, const char *names)
{
    float x[4];
    char name[4][2];
    syl_st_tensor t[4];
    size_t n = strlen(names);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(names[i] - 'a' + 1);
        name[i][0] = names[i], name[i][1] = 0;
        t[i] = (syl_st_tensor){
            .name = name[i], .dtype = SYL_F32, .ndim = 1, .shape = {1}, .data = &x[i], .count = 1};
    }
    assert_int_equal(syl_safetensors_write(in_folder(file), t, n, NULL, &err), SYL_OK);
}

#define INDEX "model.safetensors.index.json"
static syl_status open_index(const char *text)
{
    syl_safetensors *file;
    write_text(INDEX, text);
    syl_status status = syl_safetensors_open_folder(&file, folder, &err);
    if (status) assert_null(file);
    syl_safetensors_free(file);
    return status;
}

static void test_shards(void **state)
{
    syl_safetensors *file;
    (void)state;
    write_shard("one.safetensors", "ad");
    write_shard("two.safetensors", "cb");
    write_text(INDEX, "{\"metadata\": {\"total_size\": 16}, \"weight_map\": {\"a\": "
                      "\"one.safetensors\", \"b\": \"two.safetensors\", \"c\": "
                      "\"two.safetensors\", \"d\": \"one.safetensors\"}}");
    assert_int_equal(syl_safetensors_open_folder(&file, folder, &err), SYL_OK);
    assert_int_equal(syl_safetensors_count(file), 4);
    assert_string_equal(syl_safetensors_path(file), in_folder(INDEX));
    assert_null(syl_safetensors_metadata(file, "format"));
    for (size_t i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), 0};
        float value;
        const syl_st_tensor *t = syl_safetensors_at(file, i);
        assert_string_equal(t->name, name);
        assert_ptr_equal(syl_safetensors_find(file, name), t);
        syl_st_values(file, t, &value);
        assert_true(value == (float)(i + 1));
        assert_string_equal(syl_safetensors_path_of(file, t),
                            in_folder(i == 0 || i == 3 ? "one.safetensors" : "two.safetensors"));
    }
    assert_null(syl_safetensors_find(file, "e"));
    syl_safetensors_free(file);

    /* One file is taken before an index. */
    write_shard("model.safetensors", "e");
    assert_int_equal(syl_safetensors_open_folder(&file, folder, &err), SYL_OK);
    assert_non_null(syl_safetensors_find(file, "e"));
    assert_int_equal(syl_safetensors_count(file), 1);
    syl_safetensors_free(file);
    unlink(in_folder("model.safetensors"));
}

static void test_shards_refused(void **state)
{
#define MAP(entries) "{\"weight_map\": {" entries "}}"
#define AD "\"a\": \"one.safetensors\", \"d\": \"one.safetensors\""
#define BC "\"b\": \"two.safetensors\", \"c\": \"two.safetensors\""
    static const struct {
        const char *index, *message;
    } cases[] = {
        {"", "is empty"},
        {"[]", "weight_map"},
        {"{}", "weight_map"},
        {"{\"weight_map\": []}", "weight_map"},
        {MAP(""), "weight_map"},
        {MAP(AD ", \"a\": \"two.safetensors\""), "duplicate"},
        {MAP("\"a\": 1"), "\"a\" is in"},
        {MAP("\"a\": \"\""), "beside the index"},
        {MAP("\"a\": \"../one.safetensors\""), "../one.safetensors\", which is no"},
        {MAP("\"a\": \"/etc/one.safetensors\""), "beside the index"},
        {MAP("\"a\": \"deep/one.safetensors\""), "beside the index"},
        {MAP("\"a\": \".safetensors\""), "beside the index"},
        {MAP("\"a\": \"one.bin\""), "beside the index"},
        {MAP("\"a\": \"one.safetensors\\u0000\""), "line"},
        {MAP(AD ", \"b\": \"three.safetensors\""), "three.safetensors"},
        {MAP(AD ", \"c\": \"two.safetensors\""), "\"b\" that"},
        {MAP(AD ", " BC ", \"e\": \"two.safetensors\""), "\"e\" is not in"},
        {MAP(AD ", " BC ", \"__metadata__\": \"two.safetensors\""), "__metadata__\" is not in"},
        {MAP(AD ", " BC ", \"f\": \"cut.safetensors\""), "cut.safetensors"},
        {MAP(AD ", " BC ", \"f\": \"again.safetensors\""), "\"a\" that is in one.safetensors"},
        {"{\"x\": [[[[1]]]], \"weight_map\": {}}", "too many levels"},
    };
    (void)state;
    write_shard("one.safetensors", "ad");
    write_shard("two.safetensors", "cb");
    write_shard("again.safetensors", "fa");
    write_text("cut.safetensors", "abc");
    assert_int_equal(open_index(MAP(AD ", " BC)), SYL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        syl_status status = open_index(cases[i].index);
        if (!status || !strstr(err.message, cases[i].message))
            fail_msg("index %zu gives %d: %s", i, status, status ? err.message : "");
    }
    static const char *const files[] = {"one.safetensors", "two.safetensors", "again.safetensors",
                                        "cut.safetensors", INDEX};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(in_folder(files[i]));
    syl_safetensors *file;
    assert_int_equal(syl_safetensors_open_folder(&file, folder, &err), SYL_EIO);
    assert_non_null(strstr(err.message, "model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_half),
        cmocka_unit_test(test_conversions),      cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_too_many_tensors), cmocka_unit_test(test_write_refused),
        cmocka_unit_test(test_full_disk),        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_shards_refused),
    };
    int failed;

    strcpy(folder, "/tmp/syl-st-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
