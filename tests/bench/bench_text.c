/* How fast text becomes ids: reading alone, reading and splitting, counting, encoding.
 *
 *   bench_text [--wikipedia] [--latin1] [--bigrams] [--disambiguated] [--stop-words FILE]
 *              [--min-count N] PATH...
 *
 * One thread. Each line tells the seconds of a pass, of the processor and passed; the counts let
 * the result be compared with other programs'. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/io/documents.h"

static double cpu, passed;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void begin(void)
{
    cpu = cpu_seconds();
    passed = syl_clock_seconds();
}

static void end(const char *what)
{
    printf("%s: %.2f s of processor, %.2f s\n", what, cpu_seconds() - cpu,
           syl_clock_seconds() - passed);
}

static void need(syl_status status, const syl_error *err)
{
    if (!status) return;
    fprintf(stderr, "bench_text: %s\n", err->message);
    exit(1);
}

/* Reads all documents and, where `words` is given, splits them. */
static void read_all(const syl_corpus *c, syl_words *words, int64_t *documents, int64_t *count)
{
    syl_text_reader *reader;
    syl_text_document d;
    syl_items items;
    syl_error err;
    *documents = *count = 0;
    need(syl_text_reader_open(&reader, c->paths, c->num_paths, &c->reader, &err), &err);
    for (;; ++*documents) {
        need(syl_text_reader_next(reader, &d, &err), &err);
        if (!d.text) break;
        if (words) {
            need(syl_words_split(words, d.text, d.length, &items, &err), &err);
            *count += (int64_t)items.words;
        }
    }
    printf("%" PRId64 " bytes, ", syl_text_reader_bytes(reader));
    syl_text_reader_close(reader);
}

static void parse(syl_corpus *c, syl_vocabulary_options *v, int argc, char **argv)
{
    syl_error err;
    int i = 1;
    c->reader = syl_text_reader_defaults();
    c->text = syl_text_defaults();
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--wikipedia"))
            c->reader.format = SYL_TEXT_WIKIPEDIA;
        else if (!strcmp(argv[i], "--latin1"))
            c->reader.latin1 = c->reader.replace = true;
        else if (!strcmp(argv[i], "--bigrams"))
            c->text.bigrams = true;
        else if (!strcmp(argv[i], "--disambiguated"))
            c->text = syl_text_disambiguated();
        else if (!strcmp(argv[i], "--stop-words") && more)
            need(syl_text_read_stop_words(&c->text, argv[++i], &err), &err);
        else if (!strcmp(argv[i], "--min-count") && more)
            v->min_count = atoll(argv[++i]);
        else
            fprintf(stderr, "bench_text: %s is unknown\n", argv[i]);
    }
    v->unknown = c->text.unknown;
    c->paths = (const char *const *)argv + i;
    c->num_paths = (size_t)(argc - i);
}

int main(int argc, char **argv)
{
    syl_vocabulary_options options = syl_vocabulary_defaults();
    syl_corpus corpus = {0};
    syl_vocabulary *vocabulary;
    syl_documents documents;
    syl_words *words;
    struct rusage usage;
    int64_t n, count;
    syl_error err;
    parse(&corpus, &options, argc, argv);
    begin();
    read_all(&corpus, NULL, &n, &count);
    printf("%" PRId64 " documents\n", n);
    end("reading");
    need(syl_words_create(&words, &corpus.text, &err), &err);
    begin();
    read_all(&corpus, words, &n, &count);
    printf("%" PRId64 " words\n", count);
    end("reading and splitting");
    syl_words_free(words);
    begin();
    need(syl_corpus_vocabulary(&vocabulary, &corpus, &options, &err), &err);
    end("reading, splitting and counting");
    printf("%" PRId64 " items, counted %" PRId64 " times\n", syl_vocabulary_size(vocabulary),
           syl_vocabulary_total(vocabulary));
    begin();
    need(syl_corpus_documents(&documents, &corpus, vocabulary, &err), &err);
    end("encoding");
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRId64 " documents, %" PRId64 " ids, %" PRId64 " dropped; %ld MB at most\n",
           documents.count, documents.begin[documents.count], documents.dropped,
           usage.ru_maxrss / 1024);
    syl_documents_free(&documents);
    syl_vocabulary_free(vocabulary);
    syl_text_options_free(&corpus.text);
    return 0;
}
