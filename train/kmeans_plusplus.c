/* Greedy k-means++: of several points drawn by their squared distance from the nearest centroid
 * so far, the one that leaves the least inertia is taken (as scikit-learn does). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "train/kmeans_run.h"

#define BLOCK 1024    /* points whose part of a sum is one thread's */
#define MAX_TRIALS 16 /* 2 + log(size) is 11 for 20,000 */
#define TELL_EVERY 64

typedef struct draw {
    const float *points;   /* [n][dim] */
    const double *weights; /* [n] or NULL */
    int64_t n, blocks;
    int dim, trials, threads;
    float *nearest;     /* [n] squared distance from the nearest chosen point */
    float *trial;       /* [trials][n] the same if that point were chosen too */
    double *cumulative; /* [n] weight * nearest, summed up to each point */
    double *partial;    /* [blocks][trials] */
} draw;

static void draw_free(draw *d)
{
    free(d->nearest);
    free(d->trial);
    free(d->cumulative);
    free(d->partial);
}

static syl_status draw_create(draw *d, int size, syl_error *err)
{
    size_t n = (size_t)d->n;
    d->trials = 2 + (int)log(size);
    if (d->trials > MAX_TRIALS) d->trials = MAX_TRIALS;
    d->blocks = (d->n + BLOCK - 1) / BLOCK;
    d->nearest = syl_calloc(n, sizeof(float));
    d->trial = syl_calloc(syl_mul_size(n, (size_t)d->trials), sizeof(float));
    d->cumulative = syl_calloc(n, sizeof(double));
    d->partial = syl_calloc((size_t)d->blocks * (size_t)d->trials, sizeof(double));
    if (d->nearest && d->trial && d->cumulative && d->partial) return SYL_OK;
    draw_free(d);
    return syl_fail_memory(err, n * (size_t)(d->trials + 3) * sizeof(float), "k-means++");
}

static double weight(const draw *d, int64_t i)
{
    return d->weights ? d->weights[i] : 1;
}

/* The sum of all. */
static double accumulate(draw *d)
{
    double sum = 0;
    for (int64_t i = 0; i < d->n; i++)
        d->cumulative[i] = sum += weight(d, i) * d->nearest[i];
    return sum;
}

/* The first point whose cumulative sum is above `at`, which is below the total. */
static int64_t pick(const draw *d, double at)
{
    int64_t low = 0, high = d->n - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (d->cumulative[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Which of the candidates leaves the least; its row of `trial` is then valid. */
static int best_of(draw *d, const int64_t *candidates, int count)
{
    size_t dim = (size_t)d->dim;
#pragma omp parallel for num_threads(d->threads) schedule(static)
    for (int64_t b = 0; b < d->blocks; b++) {
        double *partial = d->partial + b * count;
        memset(partial, 0, (size_t)count * sizeof *partial);
        int64_t end = (b + 1) * BLOCK < d->n ? (b + 1) * BLOCK : d->n;
        for (int64_t i = b * BLOCK; i < end; i++)
            for (int t = 0; t < count; t++) {
                float far = syl_distance2(d->points + (size_t)i * dim,
                                          d->points + (size_t)candidates[t] * dim, d->dim);
                if (far > d->nearest[i]) far = d->nearest[i];
                d->trial[t * d->n + i] = far;
                partial[t] += weight(d, i) * far;
            }
    }
    int best = 0;
    double least = INFINITY;
    for (int t = 0; t < count; t++) {
        double sum = 0;
        for (int64_t b = 0; b < d->blocks; b++)
            sum += d->partial[b * count + t];
        if (sum < least) {
            least = sum;
            best = t;
        }
    }
    return best;
}

static int64_t choose(draw *d, double total, int trials, syl_random *random)
{
    int64_t candidates[MAX_TRIALS];
    for (int t = 0; t < trials; t++)
        candidates[t] = pick(d, syl_random_double(random) * total);
    int best = best_of(d, candidates, trials);
    memcpy(d->nearest, d->trial + best * d->n, (size_t)d->n * sizeof *d->nearest);
    return candidates[best];
}

syl_status syl_kmeans_plusplus(syl_kmeans_run *run, const float *points, const double *weights,
                               int64_t n, int64_t *chosen, int size, int *found, syl_error *err)
{
    draw d = {.points = points,
              .weights = weights,
              .n = n,
              .dim = run->dim,
              .threads = run->options->threads};
    syl_random random = syl_kmeans_random(run, SYL_KMEANS_DRAW_SEEDS, 0);
    SYL_TRY(draw_create(&d, size, err));
    for (int64_t i = 0; i < n; i++)
        d.nearest[i] = 1; /* the first point is drawn by its weight alone */
    chosen[0] = choose(&d, accumulate(&d), 1, &random);
    for (int64_t i = 0; i < n; i++)
        d.nearest[i] = syl_distance2(points + (size_t)i * (size_t)d.dim,
                                     points + (size_t)chosen[0] * (size_t)d.dim, d.dim);
    for (*found = 1; *found < size; ++*found) {
        double total = accumulate(&d);
        if (total <= 0) break;
        if (*found % TELL_EVERY == 0 && syl_kmeans_tell(run, *found)) break;
        chosen[*found] = choose(&d, total, d.trials, &random);
    }
    draw_free(&d);
    return SYL_OK;
}
