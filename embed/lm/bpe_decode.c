/* Tokens to text, all at once or one by one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/memory.h"
#include "lib/io/utf8.h"

/* The bytes to write for a token. */
static syl_status token_text(const syl_bpe *b, int32_t id, bool special, syl_span *text,
                             syl_error *err)
{
    if (id < 0 || id >= b->info.size || b->kinds[id] == SYL_BPE_NONE)
        return syl_fail(err, SYL_EINVAL, "%" PRId32 " is no token of this vocabulary of %" PRId32,
                        id, b->info.size);
    *text = b->tokens[id];
    if (!special && b->kinds[id] == SYL_BPE_SPECIAL) text->size = 0;
    return SYL_OK;
}

syl_status syl_bpe_decode(const syl_bpe *bpe, const int32_t *ids, size_t count, bool special,
                          char **text, size_t *length, syl_error *err)
{
    size_t bytes = 0;
    syl_span t = {NULL, 0};
    char *to;

    *text = NULL;
    *length = 0;
    for (size_t i = 0; i < count; i++) {
        SYL_TRY(token_text(bpe, ids[i], special, &t, err));
        bytes += t.size;
    }
    *text = to = malloc(bytes + 1);
    if (!to) return syl_fail_memory(err, bytes + 1, "a text");
    for (size_t i = 0; i < count; i++) {
        (void)token_text(bpe, ids[i], special, &t, NULL); /* it was one above */
        memcpy(to, t.data, t.size);
        to += t.size;
    }
    *to = '\0';
    *length = bytes;
    return SYL_OK;
}

/* ---- streams ------------------------------------------------------------------------------- */

syl_bpe_stream syl_bpe_stream_of(const syl_bpe *bpe, bool special)
{
    return (syl_bpe_stream){.bpe = bpe, .special = special};
}

void syl_bpe_stream_free(syl_bpe_stream *stream)
{
    free(stream->text);
    *stream = (syl_bpe_stream){.bpe = stream->bpe};
}

/* Whether bytes could be the beginning of one character: more of them are needed to know. */
static bool may_begin(const char *p, size_t n)
{
    char whole[4] = {0};
    uint32_t c;
    if (n == 0 || n > 3) return false;
    memcpy(whole, p, n);
    /* Some next byte keeps it possible: the second byte's range depends on the first. */
    for (size_t end = n + 1; end <= 4; end++)
        for (int next = 0x80; next < 0xC0; next += 0x10) {
            whole[n] = (char)next;
            for (size_t i = n + 1; i < end; i++)
                whole[i] = (char)0x80;
            if (syl_utf8_decode(whole, end, &c) == end) return true;
        }
    return false;
}

/* stream->text becomes what is whole of the held bytes and `more`; the rest is held. */
static syl_status take(syl_bpe_stream *s, syl_span more, bool finish, size_t *length,
                       syl_error *err)
{
    size_t n = s->num_held + more.size, at = 0, end = n;
    char *bytes;

    SYL_TRY(syl_grow((void **)&s->text, &s->capacity, 4 * n + 1, 1, err));
    bytes = s->text + 3 * n + 1; /* behind what they become */
    memcpy(bytes, s->held, s->num_held);
    if (more.size > 0) memcpy(bytes + s->num_held, more.data, more.size);
    if (!finish) { /* up to 3 bytes at the end may begin a character */
        for (size_t tail = n < 3 ? n : 3; tail > 0; tail--) {
            if (!may_begin(bytes + n - tail, tail)) continue;
            end = n - tail;
            break;
        }
    }
    s->num_held = n - end;
    memcpy(s->held, bytes + end, s->num_held);
    at = syl_utf8_replace(bytes, end, s->text);
    *length = at;
    return SYL_OK;
}

syl_status syl_bpe_stream_push(syl_bpe_stream *stream, int32_t id, const char **text,
                               size_t *length, syl_error *err)
{
    syl_span bytes;
    SYL_TRY(token_text(stream->bpe, id, stream->special, &bytes, err));
    SYL_TRY(take(stream, bytes, false, length, err));
    *text = stream->text;
    return SYL_OK;
}

syl_status syl_bpe_stream_finish(syl_bpe_stream *stream, const char **text, size_t *length,
                                 syl_error *err)
{
    SYL_TRY(take(stream, (syl_span){NULL, 0}, true, length, err));
    *text = stream->text;
    return SYL_OK;
}
