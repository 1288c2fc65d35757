#include "lib/io/documents.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define PROGRESS_EVERY 1000 /* documents */

/* ---- one text -------------------------------------------------------------------------- */

struct syl_text_encoder {
    const syl_vocabulary *vocabulary;
    syl_words *words;
    int32_t unknown; /* -1: dropped */
    int32_t *ids;
    size_t room;
    int64_t *ends;
    size_t ends_room;
};

syl_status syl_text_encoder_create(syl_text_encoder **out, const syl_text_options *options,
                                   const syl_vocabulary *vocabulary, syl_error *err)
{
    *out = NULL;
    syl_text_encoder *e = calloc(1, sizeof *e);
    if (!e) return syl_fail_memory(err, sizeof *e, "encoding text");
    e->vocabulary = vocabulary;
    e->unknown = -1;
    if (options->unknown)
        e->unknown = syl_vocabulary_find(vocabulary, SYL_WORD_UNKNOWN, strlen(SYL_WORD_UNKNOWN));
    syl_status status = SYL_OK;
    if (options->unknown && e->unknown < 0)
        status =
            syl_fail(err, SYL_EINVAL,
                     "the vocabulary has no " SYL_WORD_UNKNOWN ", which the text options ask for");
    if (!status) status = syl_words_create(&e->words, options, err);
    if (status)
        syl_text_encoder_free(e);
    else
        *out = e;
    return status;
}

void syl_text_encoder_free(syl_text_encoder *e)
{
    if (!e) return;
    syl_words_free(e->words);
    free(e->ids);
    free(e->ends);
    free(e);
}

/* Takes the missing ids out, or makes UNKNOWN of those that are words, and moves the ends of
 * sentences with them. Returns what is left. */
static int64_t settle_missing(syl_text_encoder *e, const syl_items *items, int64_t *dropped)
{
    int64_t to = 0;
    size_t i = 0;
    for (size_t s = 0; s < items->sentences; s++) {
        for (; i < items->sentence_end[s]; i++) {
            int32_t id = e->ids[i];
            if (id < 0) {
                const syl_item *item = &items->items[i];
                ++*dropped;
                if (e->unknown < 0 || memchr(items->letters + item->begin, ' ', item->length))
                    continue;
                id = e->unknown;
            }
            e->ids[to++] = id;
        }
        e->ends[s] = to;
    }
    return to;
}

syl_status syl_text_encode(syl_text_encoder *e, const char *text, size_t length, syl_encoded *out,
                           syl_error *err)
{
    syl_items items;
    *out = (syl_encoded){0};
    SYL_TRY(syl_words_split(e->words, text, length, &items, err));
    SYL_TRY(syl_grow((void **)&e->ids, &e->room, items.count, sizeof *e->ids, err));
    SYL_TRY(syl_grow((void **)&e->ends, &e->ends_room, items.sentences, sizeof *e->ends, err));
    syl_vocabulary_find_all(e->vocabulary, &items, e->ids);
    out->items = e->ids;
    out->count = settle_missing(e, &items, &out->dropped);
    out->sentence_end = e->ends;
    out->sentences = (int64_t)items.sentences;
    return SYL_OK;
}

/* ---- passes over a corpus ----------------------------------------------------------------- */

typedef syl_status (*take_document)(void *user, const syl_text_document *document, syl_error *err);

static syl_status report(const syl_corpus *c, const syl_text_reader *reader, int64_t count,
                         syl_error *err)
{
    if (!c->progress || c->progress(c->user, count, syl_text_reader_bytes(reader))) return SYL_OK;
    return syl_fail(err, SYL_ECANCELLED, "reading text was stopped");
}

static syl_status pass(const syl_corpus *c, take_document take, void *user, syl_error *err)
{
    syl_text_reader *reader;
    syl_text_document document;
    int64_t count = 0;
    SYL_TRY(syl_text_reader_open(&reader, c->paths, c->num_paths, &c->reader, err));
    syl_status status;
    while (!(status = syl_text_reader_next(reader, &document, err)) && document.text) {
        status = take(user, &document, err);
        if (!status && ++count % PROGRESS_EVERY == 0) status = report(c, reader, count, err);
        if (status) break;
    }
    if (!status) status = report(c, reader, count, err);
    if (!status && count == 0)
        status = syl_fail(err, SYL_EINVAL, "%s: there is no document", c->paths[0]);
    syl_text_reader_close(reader);
    return status;
}

typedef struct counting {
    syl_words *words;
    syl_counter *counter;
} counting;

static syl_status count_document(void *user, const syl_text_document *d, syl_error *err)
{
    counting *c = user;
    syl_items items;
    SYL_TRY(syl_words_split(c->words, d->text, d->length, &items, err));
    return syl_counter_add(c->counter, &items, err);
}

syl_status syl_corpus_vocabulary(syl_vocabulary **out, const syl_corpus *corpus,
                                 const syl_vocabulary_options *options, syl_error *err)
{
    counting c = {0};
    *out = NULL;
    syl_status status = syl_words_create(&c.words, &corpus->text, err);
    if (!status) status = syl_counter_create(&c.counter, options, err);
    if (!status) status = pass(corpus, count_document, &c, err);
    if (!status) status = syl_counter_finish(c.counter, out, err);
    syl_counter_free(c.counter);
    syl_words_free(c.words);
    return status;
}

typedef struct encoding {
    syl_text_encoder *encoder;
    bool sentences;
    syl_documents *to;
    size_t items_room, begin_room, names_room;
} encoding;

static syl_status add_document(encoding *e, const int32_t *items, int64_t n, const char *name,
                               syl_error *err)
{
    syl_documents *to = e->to;
    size_t count = (size_t)to->count, used = (size_t)to->begin[count];
    SYL_TRY(
        syl_grow((void **)&to->items, &e->items_room, used + (size_t)n, sizeof *to->items, err));
    SYL_TRY(syl_grow((void **)&to->begin, &e->begin_room, count + 2, sizeof *to->begin, err));
    if (name) {
        SYL_TRY(syl_grow((void **)&to->names, &e->names_room, count + 1, sizeof *to->names, err));
        to->names[count] = strdup(name);
        if (!to->names[count]) return syl_fail_memory(err, strlen(name), "names of documents");
    }
    if (n) memcpy(to->items + used, items, (size_t)n * sizeof *items);
    to->begin[count + 1] = (int64_t)used + n;
    to->count++;
    return SYL_OK;
}

static syl_status encode_document(void *user, const syl_text_document *d, syl_error *err)
{
    encoding *e = user;
    syl_encoded text;
    SYL_TRY(syl_text_encode(e->encoder, d->text, d->length, &text, err));
    e->to->dropped += text.dropped;
    if (!e->sentences) return add_document(e, text.items, text.count, d->name, err);
    int64_t begin = 0;
    for (int64_t s = 0; s < text.sentences; s++) {
        int64_t end = text.sentence_end[s];
        SYL_TRY(add_document(e, text.items + begin, end - begin, NULL, err));
        begin = end;
    }
    return SYL_OK;
}

syl_status syl_corpus_documents(syl_documents *out, const syl_corpus *corpus,
                                const syl_vocabulary *vocabulary, syl_error *err)
{
    encoding e = {.sentences = corpus->text.sentences, .to = out};
    *out = (syl_documents){0};
    SYL_TRY(syl_text_encoder_create(&e.encoder, &corpus->text, vocabulary, err));
    syl_status status = syl_grow((void **)&out->begin, &e.begin_room, 1, sizeof *out->begin, err);
    if (!status) {
        out->begin[0] = 0;
        status = pass(corpus, encode_document, &e, err);
    }
    if (!status) /* so that items is never NULL */
        status = syl_grow((void **)&out->items, &e.items_room, 1, sizeof *out->items, err);
    syl_text_encoder_free(e.encoder);
    if (status) syl_documents_free(out);
    return status;
}

void syl_documents_free(syl_documents *d)
{
    for (int64_t i = 0; d->names && i < d->count; i++)
        free(d->names[i]);
    free(d->names);
    free(d->begin);
    free(d->items);
    *d = (syl_documents){0};
}
