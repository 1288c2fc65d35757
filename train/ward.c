#include "train/ward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"

typedef struct merge {
    int a, b; /* a point of each cluster */
    float cost;
    int order; /* in which it was found */
} merge;

typedef struct forest {
    int n, num_active, num_merges, chain_length;
    float *cost;    /* [n (n - 1) / 2] of joining two clusters; a cluster is known by a point */
    double *weight; /* [n] */
    int *active;    /* ascending */
    int *chain;     /* each the nearest neighbour of the one before */
    merge *merges;  /* [n - 1] */
} forest;

static void forest_free(forest *f)
{
    free(f->cost);
    free(f->weight);
    free(f->active);
    free(f->chain);
    free(f->merges);
}

static float *cost_of(const forest *f, int i, int j)
{
    size_t low = (size_t)(i < j ? i : j), high = (size_t)(i < j ? j : i), n = (size_t)f->n;
    return f->cost + low * (2 * n - low - 1) / 2 + (high - low - 1);
}

static syl_status forest_create(forest *f, const double *weights, int n, syl_error *err)
{
    size_t pairs = (size_t)n * (size_t)(n - 1) / 2;
    *f = (forest){.n = n, .num_active = n};
    f->cost = syl_calloc(pairs, sizeof *f->cost);
    f->weight = syl_calloc((size_t)n, sizeof *f->weight);
    f->active = syl_calloc((size_t)n, sizeof *f->active);
    f->chain = syl_calloc((size_t)n, sizeof *f->chain);
    f->merges = syl_calloc((size_t)n, sizeof *f->merges);
    if (!f->cost || !f->weight || !f->active || !f->chain || !f->merges) {
        forest_free(f);
        return syl_fail_memory(err, pairs * sizeof *f->cost, "Ward's agglomeration");
    }
    for (int i = 0; i < n; i++) {
        f->weight[i] = weights ? weights[i] : 1;
        f->active[i] = i;
    }
    return SYL_OK;
}

static void measure(forest *f, const float *points, int dim, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(dynamic, 16)
    for (int i = 0; i < f->n - 1; i++)
        for (int j = i + 1; j < f->n; j++) {
            float far = syl_distance2(points + (size_t)i * (size_t)dim,
                                      points + (size_t)j * (size_t)dim, dim);
            double w = f->weight[i] * f->weight[j] / (f->weight[i] + f->weight[j]);
            *cost_of(f, i, j) = (float)(w * far);
        }
}

/* The cluster that is cheapest to join with i; `before`, of the chain, if none is cheaper. */
static int nearest(const forest *f, int i, int before)
{
    int best = before;
    float least = before < 0 ? INFINITY : *cost_of(f, i, before);
    for (int k = 0; k < f->num_active; k++) {
        int j = f->active[k];
        if (j == i || *cost_of(f, i, j) >= least) continue;
        least = *cost_of(f, i, j);
        best = j;
    }
    return best;
}

/* b joins a; the costs of the union follow from those of its parts (Lance and Williams). */
static void join(forest *f, int a, int b)
{
    double wa = f->weight[a], wb = f->weight[b], own = *cost_of(f, a, b);
    f->merges[f->num_merges] = (merge){a, b, (float)own, f->num_merges};
    f->num_merges++;
    int kept = 0;
    for (int k = 0; k < f->num_active; k++) {
        int j = f->active[k];
        if (j == b) continue;
        f->active[kept++] = j;
        if (j == a) continue;
        double w = f->weight[j];
        double cost = (w + wa) * *cost_of(f, a, j) + (w + wb) * *cost_of(f, b, j) - w * own;
        *cost_of(f, a, j) = (float)(cost / (w + wa + wb));
    }
    f->num_active = kept;
    f->weight[a] += wb;
}

/* Follows nearest neighbours until two are each other's, which no later merge could change. */
static void join_next(forest *f)
{
    if (!f->chain_length) f->chain[f->chain_length++] = f->active[0];
    for (;;) {
        int last = f->chain[f->chain_length - 1];
        int before = f->chain_length > 1 ? f->chain[f->chain_length - 2] : -1;
        int next = nearest(f, last, before);
        if (next == before) {
            f->chain_length -= 2;
            join(f, before < last ? before : last, before < last ? last : before);
            return;
        }
        f->chain[f->chain_length++] = next;
    }
}

static int by_cost(const void *x, const void *y)
{
    const merge *a = x, *b = y;
    if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
    return a->order - b->order;
}

static int root(int *parent, int i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* The tree cut where `groups` clusters are left. chain's memory serves as parents, active's as
 * numbers of roots. */
static void cut(forest *f, int groups, int32_t *labels)
{
    int *parent = f->chain, *number = f->active, count = 0;
    qsort(f->merges, (size_t)f->num_merges, sizeof *f->merges, by_cost);
    for (int i = 0; i < f->n; i++) {
        parent[i] = i;
        number[i] = -1;
    }
    for (int m = 0; m < f->n - groups; m++)
        parent[root(parent, f->merges[m].b)] = root(parent, f->merges[m].a);
    for (int i = 0; i < f->n; i++) {
        int r = root(parent, i);
        if (number[r] < 0) number[r] = count++;
        labels[i] = number[r];
    }
}

syl_status syl_ward(const float *points, const double *weights, int n, int dim, int groups,
                    int threads, int32_t *labels, syl_error *err)
{
    forest f;
    if (groups < 1 || groups > n)
        return syl_fail(err, SYL_EINVAL, "%d groups of %d centroids; ask for 1 to %d", groups, n,
                        n);
    SYL_TRY(forest_create(&f, weights, n, err));
    measure(&f, points, dim, threads);
    while (f.num_active > 1)
        join_next(&f);
    cut(&f, groups, labels);
    forest_free(&f);
    return SYL_OK;
}
