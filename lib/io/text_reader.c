#include "lib/io/text_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/io/letters.h"
#include "lib/io/text_walk.h"
#include "lib/io/utf8.h"

#define BUFFER_BYTES ((size_t)1 << 18)
#define TITLE_BYTES 4096 /* of a <doc> line at most */

/* Bytes that grow; a NUL can always be put behind them. */
typedef struct bytes {
    char *data;
    size_t length, room;
} bytes;

struct syl_text_reader {
    syl_text_reader_options options;
    syl_text_walk *walk;
    /* the file that is being read; fd -1: none */
    int fd;
    const char *path, *file_name; /* the walk's */
    bool in_folder;
    int64_t line; /* lines read */
    char *buffer; /* [BUFFER_BYTES], of which [at, end) is to come */
    size_t at, end;
    bool ended;
    int64_t total;
    /* the document */
    bytes raw, text, name;
    bytes in_body;      /* a line of a <doc> */
    int64_t first_line; /* of raw */
    bool cut;           /* raw lacks what is beyond the limit */
};

syl_text_reader_options syl_text_reader_defaults(void)
{
    return (syl_text_reader_options){.max_length = (size_t)64 << 20};
}

syl_status syl_text_reader_open(syl_text_reader **out, const char *const *paths, size_t count,
                                const syl_text_reader_options *options, syl_error *err)
{
    *out = NULL;
    if (options->max_length < 1 || options->max_length > SYL_TEXT_MAX_LENGTH)
        return syl_fail(err, SYL_EINVAL, "documents of at most %zu bytes; needs 1 to %zu",
                        options->max_length, SYL_TEXT_MAX_LENGTH);
    if (options->named && options->format != SYL_TEXT_LINES && options->format != SYL_TEXT_AUTO)
        return syl_fail(err, SYL_EINVAL, "lines have names only where documents are lines");
    syl_text_reader *r = calloc(1, sizeof *r);
    if (r) r->buffer = malloc(BUFFER_BYTES);
    if (!r || !r->buffer) {
        free(r);
        return syl_fail_memory(err, BUFFER_BYTES, "reading text");
    }
    r->options = *options;
    r->fd = -1;
    syl_status status = syl_text_walk_create(&r->walk, paths, count, err);
    if (status)
        syl_text_reader_close(r);
    else
        *out = r;
    return status;
}

static void close_file(syl_text_reader *r)
{
    if (r->fd > STDIN_FILENO) close(r->fd);
    r->fd = -1;
}

void syl_text_reader_close(syl_text_reader *r)
{
    if (!r) return;
    close_file(r);
    syl_text_walk_free(r->walk);
    free(r->buffer);
    free(r->raw.data);
    free(r->text.data);
    free(r->name.data);
    free(r->in_body.data);
    free(r);
}

int64_t syl_text_reader_bytes(const syl_text_reader *r)
{
    return r->total;
}

/* ---- files --------------------------------------------------------------------------- */

static syl_status fill(syl_text_reader *r, syl_error *err)
{
    ssize_t n;
    do
        n = read(r->fd, r->buffer, BUFFER_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0) return syl_fail(err, SYL_EIO, "%s cannot be read: %s", r->path, strerror(errno));
    r->at = 0;
    r->end = (size_t)n;
    r->ended = n == 0;
    r->total += n;
    return SYL_OK;
}

static bool begins(const syl_text_reader *r, const char *magic, size_t n)
{
    return r->end >= n && !memcmp(r->buffer, magic, n);
}

static syl_status check_beginning(syl_text_reader *r, syl_error *err)
{
    const char *program = begins(r, "\x1F\x8B", 2) ? "gzip"
                          : begins(r,
                                   "\xFD"
                                   "7zXZ",
                                   5)
                              ? "xz"
                          : begins(r, "BZh", 3)              ? "bzip2"
                          : begins(r, "\x28\xB5\x2F\xFD", 4) ? "zstd"
                                                             : NULL;
    if (program && memchr(r->buffer, 0, r->end))
        return syl_fail(err, SYL_EFORMAT, "%s is compressed; pipe it in: %s -dc %s | ... -",
                        r->path, program, r->path);
    if (begins(r, "\xEF\xBB\xBF", 3)) r->at = 3;
    return SYL_OK;
}

/* The next file, or fd -1 after the last. */
static syl_status open_next(syl_text_reader *r, syl_error *err)
{
    SYL_TRY(syl_text_walk_next(r->walk, &r->path, &r->file_name, &r->in_folder, err));
    if (!r->path) return SYL_OK;
    bool standard = !strcmp(r->path, "-");
    r->fd = standard ? STDIN_FILENO : open(r->path, O_RDONLY | O_CLOEXEC);
    if (standard) r->path = r->file_name = "standard input";
    if (r->fd < 0)
        return syl_fail(err, SYL_EIO, "%s cannot be opened: %s", r->path, strerror(errno));
    r->line = 0;
    SYL_TRY(fill(r, err));
    return check_beginning(r, err);
}

/* ---- bytes and lines ------------------------------------------------------------------- */

static syl_status append(bytes *to, const char *data, size_t n, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&to->data, &to->room, to->length + n + 1, 1, err));
    if (n) memcpy(to->data + to->length, data, n);
    to->length += n;
    return SYL_OK;
}

/* Appends up to a length of `most`; the rest is passed over. */
static syl_status append_some(syl_text_reader *r, bytes *to, size_t most, const char *data,
                              size_t n, syl_error *err)
{
    size_t left = most - to->length;
    if (n > left) r->cut = true;
    return append(to, data, n < left ? n : left, err);
}

/* A line without its end, at most `most` bytes of it. *any: there was one. */
static syl_status read_line(syl_text_reader *r, bytes *to, size_t most, bool *any, syl_error *err)
{
    *any = false;
    to->length = 0;
    for (;;) {
        if (r->at == r->end) SYL_TRY(fill(r, err));
        if (r->ended) break;
        const char *from = r->buffer + r->at;
        const char *newline = memchr(from, '\n', r->end - r->at);
        size_t n = newline ? (size_t)(newline - from) : r->end - r->at;
        SYL_TRY(append_some(r, to, most, from, n, err));
        *any = true;
        r->at += n + (newline != NULL);
        if (newline) break;
    }
    r->line += *any;
    if (to->length && to->data[to->length - 1] == '\r') to->length--;
    return SYL_OK;
}

static syl_status too_long(const syl_text_reader *r, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT,
                    "%s: line %" PRId64 ": the document that begins here has more than %zu bytes; "
                    "raise the limit, split it, or have it truncated",
                    r->path, r->first_line, r->options.max_length);
}

/* ---- encodings -------------------------------------------------------------------------- */

static syl_status bad_bytes(const syl_text_reader *r, const bytes *from, size_t at, syl_error *err)
{
    int64_t line = r->first_line;
    for (size_t i = 0; i < at; i++)
        line += from->data[i] == '\n';
    const char *what = from->data[at] ? "not UTF-8" : "a NUL byte, which text does not have";
    return syl_fail(err, SYL_EFORMAT,
                    "%s: line %" PRId64 ": byte 0x%02X is %s; convert the file%s, or have such "
                    "bytes replaced",
                    r->path, line, (unsigned char)from->data[at], what,
                    from->data[at] ? ", or read it as latin1" : "");
}

static syl_status from_latin1(const bytes *from, bytes *to, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&to->data, &to->room, 3 * from->length + 1, 1, err));
    for (size_t i = 0; i < from->length; i++)
        to->length += syl_utf8_encode((unsigned char)from->data[i], to->data + to->length);
    return SYL_OK;
}

/* NUL bytes become U+FFFD; `to` has room for three bytes in place of each byte of text. */
static void replace_nuls(bytes *to)
{
    const size_t mark = strlen(SYL_UTF8_REPLACEMENT);
    size_t nuls = 0;
    for (size_t i = 0; i < to->length; i++)
        nuls += !to->data[i];
    size_t at = to->length + nuls * (mark - 1);
    for (size_t i = to->length; nuls; i--) {
        if (to->data[i - 1]) {
            to->data[--at] = to->data[i - 1];
            continue;
        }
        at -= mark;
        memcpy(to->data + at, SYL_UTF8_REPLACEMENT, mark);
        to->length += mark - 1;
        nuls--;
    }
}

/* Checked UTF-8 without NUL bytes, at most `most` bytes of it, and a NUL behind. */
static syl_status decode(syl_text_reader *r, const bytes *from, size_t most, bytes *to,
                         syl_error *err)
{
    const syl_text_reader_options *o = &r->options;
    to->length = 0;
    if (o->latin1) {
        SYL_TRY(from_latin1(from, to, err));
    } else if (o->replace) {
        SYL_TRY(syl_grow((void **)&to->data, &to->room, 3 * from->length + 1, 1, err));
        if (from->length) to->length = syl_utf8_replace(from->data, from->length, to->data);
    } else {
        size_t good = from->length ? syl_utf8_valid(from->data, from->length) : 0;
        if (good < from->length) return bad_bytes(r, from, good, err);
        SYL_TRY(append(to, from->data, from->length, err));
    }
    const char *nul = from->length ? memchr(from->data, 0, from->length) : NULL;
    if (nul && !o->replace) return bad_bytes(r, from, (size_t)(nul - from->data), err);
    if (nul) replace_nuls(to);
    if (to->length > most && !o->truncate) return too_long(r, err);
    if (to->length > most) {
        to->length = most;
        while (to->length && ((unsigned char)to->data[to->length] & 0xC0) == 0x80)
            to->length--;
    }
    to->data[to->length] = 0;
    return SYL_OK;
}

/* A limit may have cut a character of UTF-8 in two. */
static void drop_partial(bytes *raw)
{
    for (size_t back = 1; back <= 3 && back <= raw->length; back++) {
        unsigned char c = (unsigned char)raw->data[raw->length - back];
        if (c < 0x80) return;
        if (c < 0xC0) continue;
        if (back < (c < 0xE0 ? 2u : c < 0xF0 ? 3u : 4u)) raw->length -= back;
        return;
    }
}

/* raw as text. */
static syl_status finish(syl_text_reader *r, syl_error *err)
{
    if (r->cut && !r->options.truncate) return too_long(r, err);
    if (r->cut && !r->options.latin1) drop_partial(&r->raw);
    return decode(r, &r->raw, r->options.max_length, &r->text, err);
}

/* ---- formats: *any is false where the file has no further document ------------------------ */

static syl_status set_name(syl_text_reader *r, const char *name, size_t n, syl_error *err)
{
    r->name.length = 0;
    SYL_TRY(append(&r->name, name, n, err));
    r->name.data[n] = 0;
    return SYL_OK;
}

static syl_status next_line(syl_text_reader *r, bool *any, const char **text, syl_error *err)
{
    char number[24];
    r->first_line = r->line + 1;
    SYL_TRY(read_line(r, &r->raw, r->options.max_length, any, err));
    if (!*any) return SYL_OK;
    SYL_TRY(finish(r, err));
    *text = r->text.data;
    if (r->options.named) {
        const char *tab = memchr(r->text.data, '\t', r->text.length);
        if (!tab)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: line %" PRId64 " has no TAB between a name and a text", r->path,
                            r->line);
        *text = tab + 1;
        return set_name(r, r->text.data, (size_t)(tab - r->text.data), err);
    }
    int n = snprintf(number, sizeof number, ":%" PRId64, r->line);
    SYL_TRY(set_name(r, r->file_name, strlen(r->file_name), err));
    SYL_TRY(append(&r->name, number, (size_t)n, err));
    r->name.data[r->name.length] = 0;
    return SYL_OK;
}

static syl_status next_whole(syl_text_reader *r, bool *any, syl_error *err)
{
    *any = r->line == 0; /* a file is one document, even an empty one */
    if (!*any) return SYL_OK;
    r->first_line = r->line = 1;
    while (!r->ended) {
        SYL_TRY(
            append_some(r, &r->raw, r->options.max_length, r->buffer + r->at, r->end - r->at, err));
        SYL_TRY(fill(r, err));
    }
    SYL_TRY(set_name(r, r->file_name, strlen(r->file_name), err));
    return finish(r, err);
}

/* The title of a <doc> line as it is between the quotes, its entities decoded: &quot; &amp; &lt;
 * &gt; and no others, as the extractor of these files writes them. */
static syl_status set_title(syl_text_reader *r, syl_error *err)
{
    static const char *const entities[][2] = {
        {"&quot;", "\""}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}};
    const char *p = strstr(r->text.data, " title=\"");
    if (!p)
        return syl_fail(err, SYL_EFORMAT, "%s: line %" PRId64 ": <doc> has no title=\"...\"",
                        r->path, r->line);
    p += strlen(" title=\"");
    const char *end = strrchr(p, '"');
    if (!end) end = p + strlen(p);
    SYL_TRY(set_name(r, "", 0, err));
    while (p < end) {
        const char *from = p++;
        size_t n = 1;
        for (int i = 0; i < 4 && *from == '&'; i++) {
            if (strncmp(from, entities[i][0], strlen(entities[i][0]))) continue;
            p = from + strlen(entities[i][0]);
            from = entities[i][1];
        }
        SYL_TRY(append(&r->name, from, n, err));
    }
    r->name.data[r->name.length] = 0;
    return SYL_OK;
}

static bool is_blank(const bytes *b, size_t from)
{
    for (size_t i = from; i < b->length; i++)
        if (!syl_is_blank(b->data[i])) return false;
    return true;
}

static bool starts(const bytes *b, const char *word)
{
    size_t n = strlen(word);
    return b->length >= n && !memcmp(b->data, word, n);
}

/* The <doc> line, and the title out of it. */
static syl_status read_head(syl_text_reader *r, bool *any, syl_error *err)
{
    do
        SYL_TRY(read_line(r, &r->raw, TITLE_BYTES + 1, any, err));
    while (*any && is_blank(&r->raw, 0));
    if (!*any) return SYL_OK;
    r->first_line = r->line;
    if (!starts(&r->raw, "<doc "))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: line %" PRId64 " is outside of <doc ...> and </doc>; is the file of "
                        "another format?",
                        r->path, r->line);
    if (r->raw.length > TITLE_BYTES)
        return syl_fail(err, SYL_EFORMAT, "%s: line %" PRId64 ": this <doc> has over %d bytes",
                        r->path, r->line, TITLE_BYTES);
    SYL_TRY(decode(r, &r->raw, SIZE_MAX, &r->text, err));
    return set_title(r, err);
}

static syl_status next_wikipedia(syl_text_reader *r, bool *any, syl_error *err)
{
    SYL_TRY(read_head(r, any, err));
    if (!*any) return SYL_OK;
    const size_t most = r->options.max_length;
    int64_t head = r->line;
    r->first_line = head + 1;
    r->raw.length = 0;
    r->cut = false;
    for (;;) {
        bytes *line = &r->in_body;
        bool more;
        SYL_TRY(read_line(r, line, most > TITLE_BYTES ? most : TITLE_BYTES, &more, err));
        if (!more || starts(line, "<doc "))
            return syl_fail(err, SYL_EFORMAT,
                            "%s: the <doc> of line %" PRId64 " has no </doc>; is the file cut off?",
                            r->path, head);
        if (starts(line, "</doc>") && is_blank(line, strlen("</doc>"))) return finish(r, err);
        SYL_TRY(append_some(r, &r->raw, most, line->data, line->length, err));
        SYL_TRY(append_some(r, &r->raw, most, "\n", 1, err));
    }
}

/* ---- documents ---------------------------------------------------------------------------- */

static syl_status next_of_file(syl_text_reader *r, bool *any, const char **text, syl_error *err)
{
    syl_text_format format = r->options.format;
    if (format == SYL_TEXT_AUTO) format = r->in_folder ? SYL_TEXT_WHOLE : SYL_TEXT_LINES;
    r->raw.length = 0;
    r->cut = false;
    if (format == SYL_TEXT_LINES) return next_line(r, any, text, err);
    if (format == SYL_TEXT_WHOLE) SYL_TRY(next_whole(r, any, err));
    if (format == SYL_TEXT_WIKIPEDIA) SYL_TRY(next_wikipedia(r, any, err));
    *text = r->text.data;
    return SYL_OK;
}

syl_status syl_text_reader_next(syl_text_reader *r, syl_text_document *document, syl_error *err)
{
    *document = (syl_text_document){0};
    for (;;) {
        if (r->fd < 0) SYL_TRY(open_next(r, err));
        if (r->fd < 0) return SYL_OK;
        bool any = false;
        const char *text = NULL;
        SYL_TRY(next_of_file(r, &any, &text, err));
        if (any) {
            size_t skipped = (size_t)(text - r->text.data);
            *document = (syl_text_document){r->name.data, text, r->text.length - skipped};
            return SYL_OK;
        }
        close_file(r);
    }
}
