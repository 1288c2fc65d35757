/* Any bytes as a GGUF file: they are refused, or all that it lists can be read. The first byte
 * chooses between the bytes behind a sound beginning and a sound file with some bytes changed. */
#include "lib/io/gguf.h"
#include "tests/gguf_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {
    "u8",  "i8",  "u16",  "i16",   "u32",  "i32",    "u64",    "i64",   "f32",
    "f64", "yes", "text", "words", "ints", "floats", "nested", "empty", "general.alignment",
    "",    "a"};

static void read_key(const syl_gguf *file, const char *key)
{
    syl_span *strings;
    int64_t *ints, whole;
    float *floats;
    volatile float sum = 0;
    const char *text;
    double number;
    bool yes;
    size_t n;
    syl_gguf_get_int(file, key, INT64_MIN, INT64_MAX, &whole, NULL);
    syl_gguf_get_number(file, key, &number, NULL);
    syl_gguf_get_bool(file, key, &yes, NULL);
    if (!syl_gguf_get_string(file, key, &text, NULL)) sum += (float)strlen(text);
    if (!syl_gguf_get_strings(file, key, &strings, &n, NULL)) {
        for (size_t i = 0; i < n; i++)
            if (strings[i].size) sum += strings[i].data[strings[i].size - 1];
        free(strings);
    }
    if (!syl_gguf_get_ints(file, key, &ints, &n, NULL)) free(ints);
    if (!syl_gguf_get_floats(file, key, &floats, &n, NULL)) free(floats);
    (void)sum; /* the strings' ends are read: that is all */
}

static void read_file(const uint8_t *data, size_t size)
{
    syl_gguf *file;
    if (syl_gguf_parse(&file, data, size, "input", NULL)) return;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        read_key(file, keys[i]);
    for (size_t i = 0; i < syl_gguf_count(file); i++) {
        const syl_gguf_tensor *t = syl_gguf_at(file, i);
        if (syl_gguf_find(file, t->name) != t) abort();
        /* A tensor of the file's size has a bounded number of values. */
        if (syl_gguf_check(file, t, NULL) || t->cols > 1 << 20) continue;
        float *row = malloc((size_t)t->cols * sizeof *row + 1);
        if (!row) break;
        for (int64_t r = 0; r < t->rows && r < 1 << 12; r++)
            if (syl_gguf_rows(file, t, r, 1, row, NULL)) abort();
        free(row);
    }
    syl_gguf_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf_bytes b = {NULL, 0};
    if (size < 3) return 0;
    if (data[0] & 1) {
        gguf_put_head(&b, 2 + (data[0] >> 1 & 1), data[1], data[2]);
        gguf_put(&b, data + 3, size - 3);
    } else {
        b = gguf_sample();
        for (size_t i = 1; i + 3 <= size; i += 3)
            b.data[(data[i] | data[i + 1] << 8) % b.size] = data[i + 2];
    }
    uint8_t *exact = malloc(b.size); /* the sanitizer sees a read beyond it */
    if (exact) {
        memcpy(exact, b.data, b.size);
        read_file(exact, b.size);
    }
    free(exact);
    free(b.data);
    return 0;
}
