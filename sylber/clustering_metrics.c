#include "sylber/clustering_metrics.h"

#include <math.h>
#include <stdlib.h>

static int by_token(const void *x, const void *y)
{
    const syl_token_pair *a = x, *b = y;
    if (a->token != b->token) return a->token < b->token ? -1 : 1;
    return (a->syllable > b->syllable) - (a->syllable < b->syllable);
}

static int by_syllable(const void *x, const void *y)
{
    const syl_token_pair *a = x, *b = y;
    if (a->syllable != b->syllable) return a->syllable < b->syllable ? -1 : 1;
    return (a->token > b->token) - (a->token < b->token);
}

typedef struct side {
    size_t groups;  /* different first keys */
    size_t largest; /* sum of the largest run inside each group */
    double entropy; /* bits, of the groups */
    double joint;   /* bits, of the pairs */
} side;

static double surprise(size_t count, size_t n)
{
    double p = (double)count / (double)n;
    return -p * log2(p);
}

/* pairs are sorted: equal ones are runs, and runs of one first key are a group. */
static side walk(const syl_token_pair *pairs, size_t n, int (*compare)(const void *, const void *),
                 int tokens_first)
{
    side s = {0};
    size_t group = 0, run = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        int last = i + 1 == n;
        const syl_token_pair *a = &pairs[i], *b = last ? NULL : &pairs[i + 1];
        int run_ends = last || compare(a, b) != 0;
        int group_ends = last || (tokens_first ? a->token != b->token : a->syllable != b->syllable);
        group++;
        run++;
        if (run_ends) {
            s.joint += surprise(run, n);
            if (run > largest) largest = run;
            run = 0;
        }
        if (group_ends) {
            s.groups++;
            s.largest += largest;
            s.entropy += surprise(group, n);
            group = largest = 0;
        }
    }
    return s;
}

void syl_clustering_score_pairs(syl_clustering_score *out, syl_token_pair *pairs, size_t n)
{
    *out = (syl_clustering_score){0};
    if (!n) return;
    qsort(pairs, n, sizeof *pairs, by_token);
    side tokens = walk(pairs, n, by_token, 1);
    qsort(pairs, n, sizeof *pairs, by_syllable);
    side syllables = walk(pairs, n, by_syllable, 0);
    double mean = (tokens.entropy + syllables.entropy) / 2;
    double shared = tokens.entropy + syllables.entropy - tokens.joint;
    if (shared < 0) shared = 0; /* by rounding */
    *out = (syl_clustering_score){.syllables = syllables.groups,
                                  .tokens = tokens.groups,
                                  .syllable_purity = (double)tokens.largest / (double)n,
                                  .cluster_purity = (double)syllables.largest / (double)n,
                                  .mutual_information = shared,
                                  .normalised = mean > 0 ? shared / mean : 1};
}

ptrdiff_t syl_longest_overlap(double start, double end, const double (*spans)[2], size_t n)
{
    ptrdiff_t best = -1;
    double longest = 0;
    for (size_t i = 0; i < n; i++) {
        double overlap = fmin(end, spans[i][1]) - fmax(start, spans[i][0]);
        if (overlap <= longest) continue;
        longest = overlap;
        best = (ptrdiff_t)i;
    }
    return best;
}
