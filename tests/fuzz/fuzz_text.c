/* Any bytes as a file of text and as a vocabulary: they are refused, or what comes out keeps the
 * promises of the headers. The first two bytes choose options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/io/documents.h"
#include "lib/io/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good) abort();
}

static void check_reader(const syl_corpus *c)
{
    syl_text_reader *reader;
    syl_text_document d;
    if (syl_text_reader_open(&reader, c->paths, 1, &c->reader, NULL)) return;
    while (!syl_text_reader_next(reader, &d, NULL) && d.text) {
        need(d.length <= c->reader.max_length);
        need(strlen(d.text) == d.length);
        need(syl_utf8_valid(d.text, d.length) == d.length);
    }
    syl_text_reader_close(reader);
}

static void check_items(const syl_text_options *o, const char *text, size_t length)
{
    syl_words *words;
    syl_items items;
    if (syl_words_create(&words, o, NULL)) return;
    need(!syl_words_split(words, text, length, &items, NULL));
    size_t end = 0;
    for (size_t s = 0; s < items.sentences; s++) {
        need(items.sentence_end[s] >= end);
        end = items.sentence_end[s];
    }
    need(end == items.count);
    for (size_t i = 0; i < items.count; i++) {
        const char *item = items.letters + items.items[i].begin;
        uint32_t n = items.items[i].length;
        need(n > 0 && syl_utf8_valid(item, n) == n && !memchr(item, '\n', n));
    }
    syl_words_free(words);
}

static void check_corpus(const syl_corpus *c)
{
    syl_vocabulary_options o = syl_vocabulary_defaults();
    syl_vocabulary *v, *back;
    syl_documents d;
    char *text;
    size_t size;
    o.unknown = c->text.unknown;
    if (syl_corpus_vocabulary(&v, c, &o, NULL)) return;
    need(!syl_corpus_documents(&d, c, v, NULL));
    need(d.dropped == 0 && d.begin[0] == 0);
    for (int64_t i = 0; i < d.count; i++)
        need(d.begin[i] <= d.begin[i + 1]);
    for (int64_t i = 0; i < d.begin[d.count]; i++)
        need(d.items[i] >= 0 && d.items[i] < syl_vocabulary_size(v));
    need(!syl_vocabulary_write(v, &text, &size, NULL));
    need(!syl_vocabulary_parse(&back, text, size, "written", NULL));
    need(syl_vocabulary_total(back) == syl_vocabulary_total(v));
    free(text);
    syl_vocabulary_free(back);
    syl_vocabulary_free(v);
    syl_documents_free(&d);
}

static void check_vocabulary(const char *data, size_t size)
{
    syl_vocabulary *v;
    if (syl_vocabulary_parse(&v, data, size, "input", NULL)) return;
    for (int64_t i = 0; i < syl_vocabulary_size(v); i++) {
        const char *word = syl_vocabulary_word(v, i);
        need(syl_vocabulary_find(v, word, strlen(word)) == i);
    }
    syl_vocabulary_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    uint8_t reading = data[0], splitting = data[1];
    const char *text = (const char *)data + 2;
    char path[64];
    const char *paths[] = {path};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    need(fd >= 0 && write(fd, text, size - 2) == (ssize_t)(size - 2));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    syl_corpus c = {.paths = paths, .num_paths = 1, .reader = syl_text_reader_defaults()};
    c.reader.format = (syl_text_format)(reading % 4);
    c.reader.named = reading & 4 && reading % 4 < 2;
    c.reader.latin1 = reading & 8;
    c.reader.replace = reading & 16;
    c.reader.truncate = reading & 32;
    if (reading & 64) c.reader.max_length = 7;
    c.text = splitting & 1 ? syl_text_disambiguated() : syl_text_defaults();
    if (!(splitting & 1)) c.text.pattern = (syl_word_pattern)(splitting >> 1 & 3);
    c.text.lowercase = splitting & 8;
    c.text.bigrams = splitting & 16;
    if (splitting & 32) c.text.min_length = 1;
    if (splitting & 64 && splitting & 1) c.text.split_hyphens = false;
    check_reader(&c);
    check_items(&c.text, text, size - 2);
    check_corpus(&c);
    check_vocabulary(text, size - 2);
    close(fd);
    return 0;
}
