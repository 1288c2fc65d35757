/* Words a second of skip-gram and of senses of words.
 * Usage: bench_dsg FOLDER SENSES DIM WINDOW NEGATIVES SAMPLE EPOCHS THREADS [VECTORS]
 * FOLDER has tok, off, cnt and gold as tests/dsg/planted.h reads them. VECTORS receives the input
 * vectors as text, in the order of ids. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "tests/dsg/planted.h"

static int save(const syl_dsg_result *r, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) return fprintf(stderr, "%s cannot be written\n", path), 1;
    for (int64_t w = 0; w < r->words; w++)
        for (int j = 0; j < r->dim; j++)
            fprintf(f, "%g%c", (double)r->sense[w * r->senses * r->stride + j],
                    j + 1 < r->dim ? ' ' : '\n');
    return fclose(f) != 0;
}

int main(int argc, char **argv)
{
    if (argc < 9) return fprintf(stderr, "see bench_dsg.c for how to use it\n"), 2;
    planted p = planted_read(argv[1], 0);
    syl_dsg_options o = syl_dsg_defaults(atoi(argv[2]));
    o.dim = atoi(argv[3]);
    o.window = atoi(argv[4]);
    o.negative = atoi(argv[5]);
    o.sample = strtod(argv[6], NULL);
    o.epochs = atoi(argv[7]);
    o.threads = atoi(argv[8]);
    o.shrink = true; /* as word2vec, whatever the number of senses */
    syl_ranks ranks = {.count = 1};
    syl_dsg_trainer *t;
    syl_error err;
    if (syl_dsg_trainer_create(&t, &p.corpus, &o, &ranks, &err) != SYL_OK)
        return fprintf(stderr, "%s\n", err.message), 1;
    double began = syl_clock_seconds();
    if (syl_dsg_trainer_run(t, NULL, &err) != SYL_OK)
        return fprintf(stderr, "%s\n", err.message), 1;
    double seconds = syl_clock_seconds() - began;
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) == 0)
        fprintf(stderr, "predicted %.1f MB, resident %.1f MB with the corpus\n",
                (double)syl_dsg_bytes(&o, p.corpus.words, p.corpus.sentences, 64) / 1e6,
                (double)use.ru_maxrss * 1024 / 1e6);
    printf("%.0f\n", (double)p.begin[p.corpus.sentences] * o.epochs / seconds);
    syl_dsg_result r = syl_dsg_trainer_result(t);
    int status = argc > 9 ? save(&r, argv[9]) : 0;
    syl_dsg_trainer_free(t);
    planted_free(&p);
    return status;
}
