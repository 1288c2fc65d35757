/* Training of paragraph vectors, timed without reading and encoding the corpus.
 *
 *   bench_bpv KIND BITS NEGATIVES EPOCHS THREADS CORPUS...
 *
 * A document a line; KIND as 0 for dbow to 4 for real-binary; NEGATIVES 0: the default. Prints one
 * JSON object: words of all epochs, seconds, and those of the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "train/bpv/trainer.h"

static void need(syl_status status, const syl_error *err)
{
    if (!status) return;
    fprintf(stderr, "bench_bpv: %s\n", err->message);
    exit(1);
}

static double processor_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    syl_error err;
    if (argc < 7) {
        fprintf(stderr, "usage: bench_bpv KIND BITS NEGATIVES EPOCHS THREADS CORPUS...\n");
        return 2;
    }
    syl_corpus corpus = {.paths = (const char *const *)argv + 6,
                         .num_paths = (size_t)argc - 6,
                         .reader = syl_text_reader_defaults(),
                         .text = syl_text_defaults()};
    syl_vocabulary_options counting = syl_vocabulary_defaults();
    syl_vocabulary *vocabulary;
    syl_documents documents;
    corpus.text.stop = SYL_STOP_NONE;
    need(syl_corpus_vocabulary(&vocabulary, &corpus, &counting, &err), &err);
    need(syl_corpus_documents(&documents, &corpus, vocabulary, &err), &err);
    syl_bpv_train_options o = syl_bpv_train_defaults((syl_bpv_kind)atoi(argv[1]), atoi(argv[2]));
    if (atoi(argv[3])) o.shape.negatives = atoi(argv[3]);
    o.epochs = atoi(argv[4]);
    o.threads = atoi(argv[5]);
    syl_bpv *model;
    double began = syl_clock_seconds(), processor = processor_seconds();
    need(syl_bpv_train(&model, &documents, vocabulary, &corpus.text, &o, &err), &err);
    printf("{\"words\": %.0f, \"seconds\": %.3f, \"processor\": %.3f}\n",
           (double)documents.begin[documents.count] * o.epochs, syl_clock_seconds() - began,
           processor_seconds() - processor);
    syl_bpv_free(model);
    syl_documents_free(&documents);
    return 0;
}
