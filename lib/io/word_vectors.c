#include "lib/io/word_vectors.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/number.h"
#include "lib/io/utf8.h"

/* ---- reading ---------------------------------------------------------------------------- */

typedef struct reader {
    syl_word_vectors *out;
    const char *name;
    const char *at, *end;
    size_t names, used; /* bytes of out->text: for all names, and of those so far */
} reader;

/* "COUNT DIM" */
static syl_status read_header(reader *r, syl_error *err)
{
    syl_lines lines = syl_lines_of(r->at, (size_t)(r->end - r->at));
    syl_span line = {0}, count = {0}, dim = {0}, more;
    int64_t d = 0;
    if (!syl_next_line(&lines, &line) || !syl_next_word(&line, &count) ||
        !syl_next_word(&line, &dim) || syl_next_word(&line, &more) ||
        !syl_parse_count(count, &r->out->count) || !syl_parse_count(dim, &d))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: its first line is not \"COUNT DIM\", as in files of word2vec",
                        r->name);
    if (r->out->count > INT32_MAX || d < 1 || d > SYL_MAX_VECTOR_DIM)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: %" PRId64 " vectors of %" PRId64 " dimensions are announced; at most "
                        "%d of 1 to %d can be read",
                        r->name, r->out->count, d, INT32_MAX, SYL_MAX_VECTOR_DIM);
    r->out->dim = (int)d;
    r->at = lines.at;
    return SYL_OK;
}

static bool is_text(const reader *r)
{
    syl_lines lines = syl_lines_of(r->at, (size_t)(r->end - r->at));
    syl_span line = {0}, field;
    double value;
    int numbers = 0;
    if (!syl_next_line(&lines, &line) || !syl_next_word(&line, &field)) return true;
    while (syl_next_word(&line, &field)) {
        if (!syl_parse_number(field, &value)) return false;
        numbers++;
    }
    return numbers == r->out->dim;
}

/* What the announced vectors need at least must be there: a hostile header asks for no memory. What
 * is left is for names, each with the space or line's end behind it. */
static syl_status check_size(reader *r, bool text, syl_error *err)
{
    size_t values = (text ? 2 : 4) * (size_t)r->out->dim, count = (size_t)r->out->count;
    size_t least = syl_mul_size(count, values + 2), left = (size_t)(r->end - r->at);
    /* The last line of text may lack its end. */
    if (least > left + text)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is cut off, or its first line is wrong: as %s, %" PRId64
                        " vectors of %d dimensions need at least %zu bytes, %zu are there; copy it "
                        "again",
                        r->name, text ? "text" : "binary", r->out->count, r->out->dim, least, left);
    r->names = left + text - count * values;
    return SYL_OK;
}

static syl_status allocate(syl_word_vectors *out, size_t names, syl_error *err)
{
    size_t count = (size_t)out->count;
    out->words = syl_calloc(count, sizeof *out->words);
    out->vectors = syl_calloc(syl_mul_size(count, (size_t)out->dim), sizeof *out->vectors);
    out->text = syl_calloc(names, 1);
    if (!out->words || !out->vectors || !out->text)
        return syl_fail_memory(err, syl_mul_size(count, 4 * (size_t)out->dim) + names,
                               "word vectors");
    return SYL_OK;
}

static bool is_name(syl_span word)
{
    for (size_t i = 0; i < word.size; i++)
        if (!word.data[i] || strchr(" \t\r\n", word.data[i])) return false;
    return word.size > 0 && word.size <= SYL_MAX_WORD;
}

static syl_status keep_word(reader *r, int64_t i, syl_span word, syl_error *err)
{
    if (!is_name(word))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: vector %" PRId64 " has no name of 1 to %d bytes without white space "
                        "and zero bytes",
                        r->name, i + 1, SYL_MAX_WORD);
    if (syl_utf8_valid(word.data, word.size) != word.size)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: the name of vector %" PRId64 " is not UTF-8; convert the names",
                        r->name, i + 1);
    if (word.size >= r->names - r->used)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: what is behind the name of vector %" PRId64 " is too short for the "
                        "%" PRId64 " vectors that are announced; copy it again",
                        r->name, i + 1, r->out->count);
    char *to = r->out->text + r->used;
    memcpy(to, word.data, word.size);
    to[word.size] = '\0';
    r->used += word.size + 1;
    r->out->words[i] = to;
    return SYL_OK;
}

static syl_status bad_number(const reader *r, int64_t i, int j, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s: value %d of \"%.100s\" (vector %" PRId64 ") is %s",
                    r->name, j + 1, r->out->words[i], i + 1, "no finite number");
}

static syl_status read_text_entry(reader *r, int64_t i, syl_lines *lines, syl_error *err)
{
    float *vector = r->out->vectors + (size_t)i * (size_t)r->out->dim;
    syl_span line = {0}, field = {0};
    if (!syl_next_line(lines, &line) || !syl_next_word(&line, &field))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: vector %" PRId64 " of %" PRId64 " is missing; copy it again", r->name,
                        i + 1, r->out->count);
    SYL_TRY(keep_word(r, i, field, err));
    for (int j = 0; j < r->out->dim; j++) {
        double value;
        if (!syl_next_word(&line, &field))
            return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" has %d values, not %d", r->name,
                            r->out->words[i], j, r->out->dim);
        if (!syl_parse_number(field, &value) || !isfinite((float)value))
            return bad_number(r, i, j, err);
        vector[j] = (float)value;
    }
    if (syl_next_word(&line, &field))
        return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" has more than %d values", r->name,
                        r->out->words[i], r->out->dim);
    return SYL_OK;
}

static syl_status read_text(reader *r, syl_error *err)
{
    syl_lines lines = syl_lines_of(r->at, (size_t)(r->end - r->at));
    for (int64_t i = 0; i < r->out->count; i++)
        SYL_TRY(read_text_entry(r, i, &lines, err));
    r->at = lines.at;
    return SYL_OK;
}

static syl_status read_binary_entry(reader *r, int64_t i, syl_error *err)
{
    size_t bytes = 4 * (size_t)r->out->dim;
    while (r->at < r->end && (*r->at == '\n' || *r->at == '\r'))
        r->at++;
    size_t left = (size_t)(r->end - r->at);
    const char *space = left ? memchr(r->at, ' ', left) : NULL;
    if (!space || (size_t)(r->end - space - 1) < bytes)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is cut off in vector %" PRId64 " of %" PRId64
                        ", or is no binary file of word2vec",
                        r->name, i + 1, r->out->count);
    SYL_TRY(keep_word(r, i, (syl_span){r->at, (size_t)(space - r->at)}, err));
    float *vector = r->out->vectors + (size_t)i * (size_t)r->out->dim;
    memcpy(vector, space + 1, bytes);
    for (int j = 0; j < r->out->dim; j++)
        if (!isfinite(vector[j])) return bad_number(r, i, j, err);
    r->at = space + 1 + bytes;
    return SYL_OK;
}

static syl_status read_all(reader *r, syl_vector_format format, syl_error *err)
{
    SYL_TRY(read_header(r, err));
    bool text = format == SYL_VECTORS_TEXT || (format == SYL_VECTORS_DETECT && is_text(r));
    SYL_TRY(check_size(r, text, err));
    SYL_TRY(allocate(r->out, r->names, err));
    if (text)
        SYL_TRY(read_text(r, err));
    else
        for (int64_t i = 0; i < r->out->count; i++)
            SYL_TRY(read_binary_entry(r, i, err));
    for (; r->at < r->end; r->at++)
        if (*r->at != '\n' && *r->at != '\r')
            return syl_fail(err, SYL_EFORMAT,
                            "%s goes on after the %" PRId64 " vectors that it announces", r->name,
                            r->out->count);
    return SYL_OK;
}

syl_status syl_word_vectors_parse(syl_word_vectors *out, const void *data, size_t size,
                                  const char *name, syl_vector_format format, syl_error *err)
{
    syl_lines all = syl_lines_of(data, size);
    reader r = {.out = out, .name = name, .at = all.at, .end = all.end};
    *out = (syl_word_vectors){0};
    syl_status status = read_all(&r, format, err);
    if (status) syl_word_vectors_free(out);
    return status;
}

syl_status syl_word_vectors_read(syl_word_vectors *out, const char *path, syl_vector_format format,
                                 syl_error *err)
{
    syl_map map;
    *out = (syl_word_vectors){0};
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_word_vectors_parse(out, map.data, map.size, path, format, err);
    syl_map_close(&map);
    return status;
}

void syl_word_vectors_free(syl_word_vectors *vectors)
{
    free(vectors->words);
    free(vectors->vectors);
    free(vectors->text);
    *vectors = (syl_word_vectors){0};
}

/* ---- writing ---------------------------------------------------------------------------- */

syl_status syl_vector_writer_open(syl_vector_writer *w, const char *path, syl_vector_format format,
                                  int64_t count, int dim, syl_error *err)
{
    *w = (syl_vector_writer){.format = format, .count = count, .dim = dim};
    if (format == SYL_VECTORS_DETECT)
        return syl_fail(err, SYL_EINVAL, "%s: word vectors are written as text or binary", path);
    if (count < 0 || count > INT32_MAX || dim < 1 || dim > SYL_MAX_VECTOR_DIM)
        return syl_fail(err, SYL_EINVAL,
                        "%s: %" PRId64 " vectors of %d dimensions; a file holds at most %d of 1 to "
                        "%d",
                        path, count, dim, INT32_MAX, SYL_MAX_VECTOR_DIM);
    SYL_TRY(syl_atomic_open(&w->file, path, err));
    fprintf(w->file.stream, "%" PRId64 " %d\n", count, dim);
    return SYL_OK;
}

static void write_numbers(FILE *stream, const float *vector, int dim)
{
    char number[SYL_NUMBER_ROOM];
    for (int j = 0; j < dim; j++) {
        int length = syl_format_float(number, vector[j]);
        if (j) fputc(' ', stream);
        fwrite(number, 1, (size_t)length, stream);
    }
}

syl_status syl_vector_writer_add(syl_vector_writer *w, const char *word, const float *vector,
                                 syl_error *err)
{
    if (!is_name((syl_span){word, strlen(word)}))
        return syl_fail(err, SYL_EINVAL,
                        "%s: \"%.100s\" cannot be a name there: 1 to %d bytes without white space",
                        w->file.path, word, SYL_MAX_WORD);
    if (w->written == w->count)
        return syl_fail(err, SYL_EINVAL, "%s: more vectors than the %" PRId64 " announced",
                        w->file.path, w->count);
    for (int j = 0; j < w->dim; j++)
        if (!isfinite(vector[j]))
            return syl_fail(err, SYL_EINVAL, "%s: value %d of \"%.100s\" is not finite",
                            w->file.path, j + 1, word);
    fputs(word, w->file.stream);
    fputc(' ', w->file.stream);
    if (w->format == SYL_VECTORS_TEXT)
        write_numbers(w->file.stream, vector, w->dim);
    else
        fwrite(vector, sizeof *vector, (size_t)w->dim, w->file.stream);
    fputc('\n', w->file.stream);
    w->written++;
    return SYL_OK;
}

syl_status syl_vector_writer_commit(syl_vector_writer *w, syl_error *err)
{
    if (w->written != w->count) {
        syl_fail(err, SYL_EINVAL, "%s: %" PRId64 " vectors were announced, %" PRId64 " written",
                 w->file.path, w->count, w->written);
        syl_atomic_discard(&w->file);
        return SYL_EINVAL;
    }
    return syl_atomic_commit(&w->file, err);
}

void syl_vector_writer_discard(syl_vector_writer *w)
{
    syl_atomic_discard(&w->file);
}
