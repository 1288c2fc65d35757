#include "tests/dsg/planted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/partition_scores.h"
#include "lib/base/random.h"

static void *room(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (!p) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return p;
}

planted_rules planted_full(void)
{
    return (planted_rules){1000000, 20, 200, 400, 100, 1};
}

planted_rules planted_small(void)
{
    return (planted_rules){120000, 8, 60, 80, 12, 1};
}

/* ---- making one ----------------------------------------------------------------------------- */

/* Sums of 1 / i^power, to be searched. */
static double *zipf(int n, double power)
{
    double *sum = room((size_t)n, sizeof *sum), all = 0;
    for (int i = 0; i < n; i++)
        sum[i] = all += pow(i + 1, -power);
    for (int i = 0; i < n; i++)
        sum[i] /= all;
    return sum;
}

static int draw(syl_random *r, const double *sum, int n)
{
    double u = (double)syl_random_uniform(r);
    int i = 0;
    while (i + 1 < n && sum[i] <= u)
        i++;
    return i;
}

/* merged [topics][topic_words]: 1 + 2 * pseudo-word + which, or 0. Words of the middle ranks. */
static int *merge_words(const planted_rules *by, syl_random *r)
{
    int *merged = room((size_t)(by->topics * by->topic_words), sizeof *merged);
    int from = 5, to = by->topic_words < 60 ? by->topic_words : 60;
    for (int i = 0; i < by->pseudo;) {
        int a = (int)syl_random_below(r, (uint32_t)by->topics);
        int b = (int)syl_random_below(r, (uint32_t)by->topics);
        int w = from + (int)syl_random_below(r, (uint32_t)(to - from));
        int *x = merged + a * by->topic_words + w, *y = merged + b * by->topic_words + w;
        if (a == b || *x || *y) continue;
        *x = 1 + 2 * i, *y = 2 + 2 * i;
        i++;
    }
    return merged;
}

typedef struct growing {
    int32_t *items;
    int8_t *gold;
    int64_t n;
} growing;

static void add(growing *g, int32_t item, int gold)
{
    g->items[g->n] = item;
    g->gold[g->n++] = (int8_t)gold;
}

static void add_sentence(growing *g, const planted_rules *by, const int *merged,
                         const double *of_topic, const double *common, syl_random *r)
{
    int topic = (int)syl_random_below(r, (uint32_t)by->topics);
    int length = 8 + (int)syl_random_below(r, 22);
    for (int i = 0; i < length; i++) {
        if (syl_random_uniform(r) >= 0.7f) {
            add(g, by->pseudo + draw(r, common, by->common_words), -1);
            continue;
        }
        int w = draw(r, of_topic, by->topic_words), m = merged[topic * by->topic_words + w];
        if (m)
            add(g, (m - 1) / 2, (m - 1) % 2);
        else
            add(g, by->pseudo + by->common_words + topic * by->topic_words + w, -1);
    }
}

static void finish(planted *p, int64_t items, int64_t words)
{
    p->corpus = (syl_dsg_corpus){.items = p->items,
                                 .begin = p->begin,
                                 .sentences = p->corpus.sentences,
                                 .words = words,
                                 .unknown = -1};
    p->counts = room((size_t)words, sizeof *p->counts);
    for (int64_t i = 0; i < items; i++)
        p->counts[p->items[i]]++;
    p->corpus.counts = p->counts;
}

planted planted_make(const planted_rules *by)
{
    planted p = {.pseudo = by->pseudo};
    syl_random r = {.seed = by->seed, .stream = 77};
    double *of_topic = zipf(by->topic_words, 0.8), *common = zipf(by->common_words, 1);
    int *merged = merge_words(by, &r);
    size_t most = (size_t)by->tokens + 64;
    growing g = {.items = room(most, sizeof *g.items), .gold = room(most, 1)};
    p.begin = room(most / 8 + 2, sizeof *p.begin);
    while (g.n < by->tokens) {
        add_sentence(&g, by, merged, of_topic, common, &r);
        p.begin[++p.corpus.sentences] = g.n;
    }
    p.items = g.items;
    p.gold = g.gold;
    finish(&p, g.n, by->pseudo + by->common_words + by->topics * by->topic_words);
    free(of_topic), free(common), free(merged);
    return p;
}

/* ---- reading one ---------------------------------------------------------------------------- */

static void *read_all(const char *folder, const char *name, size_t size, int64_t *count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    long bytes = -1;
    if (f && fseek(f, 0, SEEK_END) == 0) bytes = ftell(f);
    if (bytes < 0 || fseek(f, 0, SEEK_SET) != 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    void *data = room((size_t)bytes / size, size);
    *count = (int64_t)fread(data, size, (size_t)bytes / size, f);
    fclose(f);
    return data;
}

planted planted_read(const char *folder, int pseudo)
{
    planted p = {.pseudo = pseudo};
    int64_t items, ends, words, golds;
    p.items = read_all(folder, "tok", sizeof *p.items, &items);
    p.begin = read_all(folder, "off", sizeof *p.begin, &ends);
    p.counts = read_all(folder, "cnt", sizeof *p.counts, &words);
    p.gold = read_all(folder, "gold", 1, &golds);
    if (golds != items || ends < 2 || p.begin[ends - 1] != items || words < pseudo) {
        fprintf(stderr, "%s: its files do not fit each other\n", folder);
        exit(1);
    }
    free(p.counts);
    p.corpus.sentences = ends - 1;
    finish(&p, items, words);
    return p;
}

void planted_free(planted *p)
{
    free(p->items), free(p->begin), free(p->counts), free(p->gold);
}

/* ---- scores --------------------------------------------------------------------------------- */

/* Occurrences of one pseudo-word: what is said of each. */
typedef struct occurrences {
    int64_t n;
    int32_t *gold, *cosine, *network, *mean;
    float *context; /* [n][stride]: the mean output vector */
} occurrences;

static const float *sense_of(const syl_dsg_result *r, int64_t word, int k)
{
    return r->sense + (word * r->senses + k) * r->stride;
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static bool is_kept(const syl_dsg_result *r, int64_t word, int k, float prune)
{
    return r->priors[word * r->senses + k] >= prune;
}

static int kept_senses(const syl_dsg_result *r, int64_t word, float prune)
{
    int kept = 0;
    for (int k = 0; k < r->senses; k++)
        kept += is_kept(r, word, k, prune);
    return kept;
}

/* means [words][stride]: of each word's senses that are kept. */
static float *mean_senses(const syl_dsg_result *r, float prune)
{
    float *mean = room((size_t)(r->words * r->stride), sizeof *mean);
    for (int64_t w = 0; w < r->words; w++)
        for (int k = 0; k < r->senses; k++)
            for (int j = 0; is_kept(r, w, k, prune) && j < r->dim; j++)
                mean[w * r->stride + j] += sense_of(r, w, k)[j] / (float)kept_senses(r, w, prune);
    return mean;
}

static int best_cosine(const syl_dsg_result *r, int64_t word, const float *context, float prune)
{
    double best = -INFINITY;
    int at = 0;
    for (int k = 0; k < r->senses; k++) {
        const float *e = sense_of(r, word, k);
        double norm = sqrt(dot(e, e, r->dim));
        double cosine = norm > 0 ? dot(e, context, r->dim) / norm : 0;
        if (is_kept(r, word, k, prune) && cosine > best) best = cosine, at = k;
    }
    return at;
}

/* Returns H(p). */
static double best_choice(const syl_dsg_result *r, int64_t word, const float *context, int *best)
{
    double l[SYL_MAX_SENSES], sum = 0, entropy = 0;
    *best = 0;
    for (int k = 0; k < r->senses; k++) {
        int64_t row = word * r->senses + k;
        l[k] = dot(r->choice + row * r->stride, context, r->dim) + (double)r->choice_bias[row];
        if (l[k] > l[*best]) *best = k;
    }
    for (int k = 0; k < r->senses; k++)
        sum += exp(l[k] - l[*best]);
    for (int k = 0; k < r->senses; k++) {
        double p = exp(l[k] - l[*best]) / sum;
        if (p > 0) entropy -= p * log(p);
    }
    return entropy;
}

/* Around item `at` of a sentence. */
static int around(const planted *p, int64_t sentence, int64_t at, int window, int32_t *words)
{
    int n = 0;
    for (int64_t j = at - window; j <= at + window; j++)
        if (j != at && j >= p->begin[sentence] && j < p->begin[sentence + 1])
            words[n++] = p->items[j];
    return n;
}

static void mean_rows(const float *table, int64_t stride, const int32_t *rows, int n, float *mean)
{
    memset(mean, 0, (size_t)stride * sizeof *mean);
    for (int i = 0; i < n; i++)
        for (int64_t j = 0; j < stride; j++)
            mean[j] += table[rows[i] * stride + j] / (float)n;
}

/* Lloyd's iterations from the best of five starts; ids of the n rows. */
static void k_means(const float *x, int64_t n, int64_t stride, int k, int32_t *id)
{
    float *centre = room((size_t)(k * stride), sizeof *centre);
    int32_t *now = room((size_t)n, sizeof *now);
    double best = INFINITY;
    for (uint64_t start = 0; start < 5; start++) {
        syl_random r = {.seed = start, .stream = 5};
        double error = 0;
        for (int c = 0; c < k; c++)
            memcpy(centre + c * stride, x + syl_random_below(&r, (uint32_t)n) * stride,
                   (size_t)stride * sizeof *centre);
        for (int turn = 0; turn < 30; turn++) {
            error = 0;
            for (int64_t i = 0; i < n; i++) {
                double least = INFINITY;
                for (int c = 0; c < k; c++) {
                    const float *m = centre + c * stride, *v = x + i * stride;
                    double d = dot(m, m, stride) - 2 * dot(m, v, stride);
                    if (d < least) least = d, now[i] = c;
                }
                error += least;
            }
            memset(centre, 0, (size_t)(k * stride) * sizeof *centre);
            for (int c = 0; c < k; c++) {
                int64_t members = 0;
                for (int64_t i = 0; i < n; i++)
                    members += now[i] == c;
                for (int64_t i = 0; i < n; i++)
                    for (int64_t j = 0; now[i] == c && j < stride; j++)
                        centre[c * stride + j] += x[i * stride + j] / (float)members;
            }
        }
        if (error < best) {
            best = error;
            memcpy(id, now, (size_t)n * sizeof *id);
        }
    }
    free(centre), free(now);
}

static double ari(const int32_t *gold, const int32_t *found, int64_t n, double *purity)
{
    syl_partition_score s;
    int64_t most = 0;
    if (syl_partition_scores(&s, gold, found, (size_t)n, NULL) != SYL_OK) exit(1);
    for (int k = 0; purity && k < SYL_MAX_SENSES; k++) {
        int64_t of[2] = {0, 0};
        for (int64_t i = 0; i < n; i++)
            if (found[i] == k) of[gold[i]]++;
        most += of[0] > of[1] ? of[0] : of[1];
    }
    if (purity) *purity += (double)most / (double)n;
    return s.ari;
}

typedef struct evaluation {
    const planted *p;
    const syl_dsg_result *r;
    const float *means;
    int window;
    float prune;
    occurrences *of; /* [pseudo] */
    double entropy;
    int64_t all;
} evaluation;

static void look_at(evaluation *e, int64_t sentence, int64_t at, int32_t *words, float *mean)
{
    const syl_dsg_result *r = e->r;
    int32_t word = e->p->items[at];
    occurrences *o = &e->of[word];
    int n = around(e->p, sentence, at, e->window, words), best = 0;
    float *context = o->context + o->n * r->stride;
    if (n == 0) return;
    mean_rows(r->output, r->stride, words, n, context);
    if (r->choice) e->entropy += best_choice(r, word, context, &best);
    mean_rows(e->means, r->stride, words, n, mean);
    o->gold[o->n] = e->p->gold[at];
    o->network[o->n] = best;
    o->cosine[o->n++] = best_cosine(r, word, mean, e->prune);
    e->all++;
}

static void collect(evaluation *e)
{
    const planted *p = e->p;
    size_t stride = (size_t)e->r->stride;
    int32_t *words = room(2 * (size_t)e->window, sizeof *words);
    float *mean = room(stride, sizeof *mean);
    for (int i = 0; i < p->pseudo; i++) {
        size_t n = (size_t)p->counts[i];
        e->of[i] = (occurrences){.gold = room(n, 4),
                                 .cosine = room(n, 4),
                                 .network = room(n, 4),
                                 .mean = room(n, 4),
                                 .context = room(n * stride, sizeof(float))};
    }
    for (int64_t s = 0; s < p->corpus.sentences; s++)
        for (int64_t at = p->begin[s]; at < p->begin[s + 1]; at++)
            if (p->gold[at] >= 0) look_at(e, s, at, words, mean);
    free(words), free(mean);
}

planted_score planted_evaluate(const planted *p, const syl_dsg_result *r, int window, float prune,
                               bool with_k_means)
{
    float *means = mean_senses(r, prune);
    evaluation e = {.p = p, .r = r, .means = means, .window = window, .prune = prune};
    planted_score s = {0};
    e.of = room((size_t)p->pseudo, sizeof *e.of);
    collect(&e);
    for (int i = 0; i < p->pseudo; i++) {
        occurrences *o = &e.of[i];
        s.cosine += ari(o->gold, o->cosine, o->n, &s.purity) / p->pseudo;
        s.network += ari(o->gold, o->network, o->n, NULL) / p->pseudo;
        if (with_k_means && o->n > 0) {
            k_means(o->context, o->n, r->stride, r->senses, o->mean);
            s.k_means += ari(o->gold, o->mean, o->n, NULL) / p->pseudo;
        }
        s.pseudo_senses += (double)kept_senses(r, i, prune) / p->pseudo;
        free(o->gold), free(o->cosine), free(o->network), free(o->mean), free(o->context);
    }
    for (int64_t w = 0; w < r->words; w++)
        s.senses += (double)kept_senses(r, w, prune) / (double)r->words;
    s.purity /= p->pseudo;
    s.entropy = e.all ? e.entropy / (double)e.all : 0;
    free(e.of), free(means);
    return s;
}
