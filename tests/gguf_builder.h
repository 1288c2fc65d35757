/* GGUF files made in memory, for tests: pieces are put one behind the other. */
#ifndef SYL_TESTS_GGUF_BUILDER_H
#define SYL_TESTS_GGUF_BUILDER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Types of metadata. */
enum {
    G_U8,
    G_I8,
    G_U16,
    G_I16,
    G_U32,
    G_I32,
    G_F32,
    G_BOOL,
    G_STRING,
    G_ARRAY,
    G_U64,
    G_I64,
    G_F64
};

typedef struct gguf_bytes {
    uint8_t *data; /* freed by the caller */
    size_t size;
} gguf_bytes;

static inline void gguf_put(gguf_bytes *b, const void *data, size_t size)
{
    b->data = realloc(b->data, b->size + size + 1);
    if (!b->data) abort();
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void gguf_put_u32(gguf_bytes *b, uint32_t x)
{
    gguf_put(b, &x, sizeof x);
}

static inline void gguf_put_u64(gguf_bytes *b, uint64_t x)
{
    gguf_put(b, &x, sizeof x);
}

static inline void gguf_put_string(gguf_bytes *b, const char *text)
{
    gguf_put_u64(b, strlen(text));
    gguf_put(b, text, strlen(text));
}

static inline void gguf_put_head(gguf_bytes *b, uint32_t version, uint64_t tensors, uint64_t keys)
{
    gguf_put(b, "GGUF", 4);
    gguf_put_u32(b, version);
    gguf_put_u64(b, tensors);
    gguf_put_u64(b, keys);
}

static inline void gguf_put_value(gguf_bytes *b, const char *key, uint32_t type, const void *value,
                                  size_t size)
{
    gguf_put_string(b, key);
    gguf_put_u32(b, type);
    gguf_put(b, value, size);
}

static inline void gguf_put_int(gguf_bytes *b, const char *key, uint32_t value)
{
    gguf_put_value(b, key, G_U32, &value, sizeof value);
}

static inline void gguf_put_text(gguf_bytes *b, const char *key, const char *text)
{
    gguf_put_value(b, key, G_STRING, NULL, 0);
    gguf_put_string(b, text);
}

/* The head of an array, whose elements follow. */
static inline void gguf_put_array(gguf_bytes *b, const char *key, uint32_t item, uint64_t count)
{
    gguf_put_value(b, key, G_ARRAY, &item, sizeof item);
    gguf_put_u64(b, count);
}

static inline void gguf_put_strings(gguf_bytes *b, const char *key, const char *const *texts,
                                    size_t count)
{
    gguf_put_array(b, key, G_STRING, count);
    for (size_t i = 0; i < count; i++)
        gguf_put_string(b, texts[i]);
}

/* A matrix [rows][cols]. */
static inline void gguf_put_matrix(gguf_bytes *b, const char *name, uint64_t rows, uint64_t cols,
                                   uint32_t type, uint64_t offset)
{
    gguf_put_string(b, name);
    gguf_put_u32(b, 2);
    gguf_put_u64(b, cols);
    gguf_put_u64(b, rows);
    gguf_put_u32(b, type);
    gguf_put_u64(b, offset);
}

static inline void gguf_pad(gguf_bytes *b, size_t alignment)
{
    while (b->size % alignment)
        gguf_put(b, "", 1);
}

/* One of everything: every type of metadata, nested arrays, two tensors. */
static inline gguf_bytes gguf_sample(void)
{
    static const char *const words[] = {"a", "", "bc"};
    static const uint8_t bytes[8] = {200, 0xfe, 0, 0, 0, 0, 0, 0x80};
    const float half = 0.5f, three[3] = {1, -2, 0.25f};
    const double third = 1.0 / 3;
    const int32_t ints[2] = {-7, 9};
    const uint32_t inner = G_U8;
    gguf_bytes b = {NULL, 0};

    gguf_put_head(&b, 3, 2, 18);
    gguf_put_value(&b, "u8", G_U8, bytes, 1);
    gguf_put_value(&b, "i8", G_I8, bytes, 1);
    gguf_put_value(&b, "u16", G_U16, bytes, 2);
    gguf_put_value(&b, "i16", G_I16, bytes, 2);
    gguf_put_value(&b, "u32", G_U32, bytes + 4, 4);
    gguf_put_value(&b, "i32", G_I32, bytes + 4, 4);
    gguf_put_value(&b, "u64", G_U64, bytes, 8);
    gguf_put_value(&b, "i64", G_I64, bytes, 8);
    gguf_put_value(&b, "f32", G_F32, &half, 4);
    gguf_put_value(&b, "f64", G_F64, &third, 8);
    gguf_put_value(&b, "yes", G_BOOL, "\1", 1);
    gguf_put_text(&b, "text", "h\xc3\xa9llo");
    gguf_put_strings(&b, "words", words, 3);
    gguf_put_array(&b, "ints", G_I32, 2);
    gguf_put(&b, ints, sizeof ints);
    gguf_put_array(&b, "floats", G_F32, 3);
    gguf_put(&b, three, sizeof three);
    gguf_put_array(&b, "nested", G_ARRAY, 1);
    gguf_put(&b, &inner, 4);
    gguf_put_u64(&b, 2);
    gguf_put(&b, "xy", 2);
    gguf_put_array(&b, "empty", G_STRING, 0);
    gguf_put_int(&b, "general.alignment", 64);
    gguf_put_matrix(&b, "q", 1, 32, 8, 64);
    gguf_put_matrix(&b, "f", 2, 3, 0, 0);
    gguf_pad(&b, 64);
    for (int i = 0; i < 6; i++) {
        float x = (float)i - 2.5f;
        gguf_put(&b, &x, 4);
    }
    gguf_pad(&b, 64);
    gguf_put(&b, "\0\x38", 2); /* 0.5 as a half */
    for (int i = 0; i < 32; i++)
        gguf_put(&b, &(int8_t){(int8_t)(8 * i - 128)}, 1);
    return b;
}

#endif
