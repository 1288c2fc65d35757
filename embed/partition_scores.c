#include "embed/partition_scores.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"

typedef struct item {
    int32_t class, cluster;
} item;

/* Over the groups of equal items: how many, the sum of pairs in them, and the entropy in nats. */
typedef struct groups {
    int count;
    double pairs, entropy;
} groups;

static int by_both(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void add_group(groups *g, size_t members, size_t n)
{
    double part = (double)members / (double)n;
    g->count++;
    g->pairs += 0.5 * (double)members * ((double)members - 1);
    g->entropy -= part * log(part);
}

/* Sorts the labels. */
static groups count_labels(int32_t *labels, size_t n)
{
    groups g = {0};
    if (n) qsort(labels, n, sizeof *labels, by_number);
    for (size_t i = 0, begin = 0; i < n; i++) {
        if (i + 1 < n && labels[i + 1] == labels[i]) continue;
        add_group(&g, i + 1 - begin, n);
        begin = i + 1;
    }
    return g;
}

static groups count_items(item *items, size_t n)
{
    groups g = {0};
    if (n) qsort(items, n, sizeof *items, by_both);
    for (size_t i = 0, begin = 0; i < n; i++) {
        if (i + 1 < n && !by_both(&items[i + 1], &items[i])) continue;
        add_group(&g, i + 1 - begin, n);
        begin = i + 1;
    }
    return g;
}

static double harmonic_mean(double a, double b)
{
    return a + b > 0 ? 2 * a * b / (a + b) : 0;
}

/* Chance's part is n (pairs of classes) (pairs of clusters) / (all pairs). */
static double adjusted_rand(groups both, groups classes, groups clusters, size_t n)
{
    double all = 0.5 * (double)n * ((double)n - 1);
    if (both.pairs == classes.pairs && both.pairs == clusters.pairs) return 1;
    double expected = classes.pairs * clusters.pairs / all;
    return (both.pairs - expected) / ((classes.pairs + clusters.pairs) / 2 - expected);
}

static double part_of_pairs(double shared, double own, double other)
{
    return own > 0 ? shared / own : other > 0 ? 0 : 1;
}

static void fill(syl_partition_score *s, groups both, groups classes, groups clusters, size_t n)
{
    double shared = fmax(0, classes.entropy + clusters.entropy - both.entropy);
    s->classes = classes.count;
    s->clusters = clusters.count;
    s->ari = adjusted_rand(both, classes, clusters, n);
    /* Of one group the entropy is 0 exactly. */
    s->homogeneity = classes.count > 1 ? shared / classes.entropy : 1;
    s->completeness = clusters.count > 1 ? shared / clusters.entropy : 1;
    s->v_measure = harmonic_mean(s->homogeneity, s->completeness);
    s->precision = part_of_pairs(both.pairs, clusters.pairs, classes.pairs);
    s->recall = part_of_pairs(both.pairs, classes.pairs, clusters.pairs);
    s->f_score = harmonic_mean(s->precision, s->recall);
}

syl_status syl_partition_scores(syl_partition_score *out, const int32_t *classes,
                                const int32_t *clusters, size_t n, syl_error *err)
{
    item *items = syl_calloc(n, sizeof *items);
    int32_t *labels = syl_calloc(n, sizeof *labels);
    if (!items || !labels) {
        free(items);
        free(labels);
        return syl_fail_memory(err, syl_mul_size(n, sizeof *items + sizeof *labels), "scores");
    }
    for (size_t i = 0; i < n; i++)
        items[i] = (item){classes[i], clusters[i]};
    for (size_t i = 0; i < n; i++)
        labels[i] = classes[i];
    groups by_class = count_labels(labels, n);
    for (size_t i = 0; i < n; i++)
        labels[i] = clusters[i];
    groups by_cluster = count_labels(labels, n);
    fill(out, count_items(items, n), by_class, by_cluster, n);
    free(items);
    free(labels);
    return SYL_OK;
}
