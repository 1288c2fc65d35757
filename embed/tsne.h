/* Exact t-SNE in two dimensions: van der Maaten and Hinton 2008. Time and memory grow with the
 * square of the number of points; a few thousand are fine. */
#ifndef SYL_EMBED_TSNE_H
#define SYL_EMBED_TSNE_H

#include <stdbool.h>

#include "lib/base/status.h"

#define SYL_TSNE_MAX_POINTS 20000

typedef struct syl_tsne_options {
    double perplexity;    /* neighbours that count (30), at least 1; with few points no more than a
                             third of the others */
    int iterations;       /* (1000) */
    int exaggerated;      /* iterations with exaggeration and little momentum, at first (250) */
    double exaggeration;  /* of the attraction (12) */
    double learning_rate; /* 0: points / exaggeration, at least 50 (0) */
    uint64_t seed;        /* of the places at first (1) */
    int threads;          /* which do not change the result (1) */
    /* Called after each iteration; false stops with SYL_ECANCELLED. May be NULL. */
    bool (*progress)(void *user, int iteration);
    void *user;
} syl_tsne_options;

syl_tsne_options syl_tsne_defaults(void);

/* y [n][2] from x [n][dim], finite, compared by Euclidean distance; *divergence (or NULL) receives
 * the Kullback-Leibler divergence that is left. */
syl_status syl_tsne(double *y, double *divergence, const float *x, size_t n, int dim,
                    const syl_tsne_options *options, syl_error *err);

/* ---- its parts, for tests ------------------------------------------------------------------ */

/* p [n]: the conditional probabilities of point i (equation 1) from the squared distances
 * distance2 [n], with the width that gives the perplexity; p[i] = 0. */
void syl_tsne_row(double *p, const double *distance2, size_t n, size_t i, double perplexity);
/* gradient [n][2] of the divergence of p [n][n] (symmetric, sum 1) with the attraction
 * exaggerated (equation 5). rows [3 n] is room. */
void syl_tsne_gradient(double *gradient, const float *p, const double *y, size_t n,
                       double exaggeration, int threads, double *rows);
double syl_tsne_divergence(const float *p, const double *y, size_t n);

#endif
