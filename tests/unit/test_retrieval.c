/* Rankings and their scores: by hand, by all orders of ties, and by a plain program. */
#include "tests/golden/golden.h"

#include "embed/rank_scores.h"
#include "embed/retrieval.h"
#include "lib/base/random.h"

static syl_error err;
static syl_random rng = {.seed = 8};
static syl_label_names *names;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static void near(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %.15g in place of %.15g", what, got, want);
}

/* ---- one list ------------------------------------------------------------------------------- */

static void test_by_hand(void **state)
{
    static const float gains[] = {0, 1, 1, 0, 1};
    float graded[] = {0.5f, 0, 1}, top[10];
    double curve[11];
    (void)state;
    near("AP", syl_average_precision(gains, 5), (1 / 2.0 + 2 / 3.0 + 3 / 5.0) / 3, 1e-12);
    near("DCG", syl_dcg(gains, 5, 10), 1 / log2(3) + 0.5 + 1 / log2(6), 1e-12);
    near("DCG@2", syl_dcg(gains, 5, 2), 1 / log2(3), 1e-12);
    near("ideal", syl_ideal_dcg(gains, 5, 10, top), 1 + 1 / log2(3) + 0.5, 1e-12);
    near("ideal@1", syl_ideal_dcg(gains, 5, 1, top), 1, 1e-12);
    /* Precisions 1/2, 2/3, 3/5 at recalls 1/3, 2/3, 1: the best to the right. */
    syl_interpolated_precision(gains, 5, 11, curve);
    for (int p = 0; p < 11; p++)
        near("curve", curve[p], p <= 6 ? 2 / 3.0 : 3 / 5.0, 1e-12);
    near("graded AP", syl_average_precision(graded, 3), (0.5 * 0.5 + 1 * 1.5 / 3) / 1.5, 1e-12);
    near("graded ideal", syl_ideal_dcg(graded, 3, 10, top), 1 + 0.5 / log2(3), 1e-7);
    near("none", syl_average_precision(gains, 1), 0, 0);
    near("nothing", syl_average_precision(gains, 0), 0, 0);
    syl_interpolated_precision(gains, 1, 3, curve);
    near("no curve", curve[0] + curve[1] + curve[2], 0, 0);
}

/* The means over all orders in which each run of ties keeps its place. */
typedef struct means {
    double ap, dcg;
    int orders;
} means;

static void all_orders(float *gains, int n, const int64_t *ends, int64_t run, int64_t at, means *m)
{
    if (at == n) {
        m->ap += syl_average_precision(gains, n);
        m->dcg += syl_dcg(gains, n, 3);
        m->orders++;
        return;
    }
    if (at == ends[run]) {
        all_orders(gains, n, ends, run + 1, at, m);
        return;
    }
    for (int64_t i = at; i < ends[run]; i++) {
        float a = gains[at], b = gains[i];
        gains[at] = b;
        gains[i] = a;
        all_orders(gains, n, ends, run, at + 1, m);
        gains[at] = a;
        gains[i] = b;
    }
}

static void test_expected(void **state)
{
    static const int64_t runs[][3] = {{7, 0, 0}, {1, 7, 0}, {3, 4, 7}, {2, 6, 7}};
    static const int counts[] = {1, 2, 3, 3};
    (void)state;
    for (int k = 0; k < 4; k++)
        for (int trial = 0; trial < 4; trial++) {
            float gains[7];
            means m = {0};
            for (int i = 0; i < 7; i++)
                gains[i] = (float)syl_random_below(&rng, trial < 2 ? 2 : 4) / 2;
            all_orders(gains, 7, runs[k], 0, 0, &m);
            near("expected AP", syl_expected_precision(gains, runs[k], counts[k]), m.ap / m.orders,
                 1e-12);
            near("expected DCG", syl_expected_dcg(gains, runs[k], counts[k], 3), m.dcg / m.orders,
                 1e-12);
        }
}

/* ---- documents made for a test -------------------------------------------------------------- */

typedef struct documents {
    int64_t n;
    int bits, dim;
    uint8_t *codes;
    float *vectors;
    syl_label_sets labels;
} documents;

/* Two labels of six, or one, or none; codes and vectors that know a little of the first. */
static documents make(int64_t n, int bits, int dim)
{
    documents d = {.n = n, .bits = bits, .dim = dim};
    int bytes = (bits + 7) / 8;
    char *text = malloc((size_t)n * 8 + 1), *to = text;
    d.codes = malloc((size_t)(n * bytes) + 1);
    d.vectors = malloc((size_t)(n * dim + 1) * sizeof *d.vectors);
    for (int64_t i = 0; i < n; i++) {
        int label = (int)syl_random_below(&rng, 6), other = (int)syl_random_below(&rng, 10);
        to += other == 9 ? sprintf(to, "-\n") : sprintf(to, "%d,%d\n", label, other % 6);
        for (int j = 0; j < bytes; j++)
            d.codes[i * bytes + j] = (uint8_t)syl_random_below(&rng, 256);
        if (syl_random_below(&rng, 2)) d.codes[i * bytes] = (uint8_t)(label * 37);
        for (int j = 0; j < dim; j++)
            d.vectors[i * dim + j] = syl_random_normal(&rng) + (j == label);
    }
    ok(syl_label_sets_parse(&d.labels, names, text, (size_t)(to - text), "labels", &err));
    free(text);
    return d;
}

static void drop(documents *d)
{
    free(d->codes);
    free(d->vectors);
    syl_label_sets_free(&d->labels);
}

static syl_labelled labelled(const documents *d)
{
    return (syl_labelled){
        {.count = d->n, .codes = d->codes, .bits = d->bits, .vectors = d->vectors, .dim = d->dim},
        &d->labels};
}

static int distance(const documents *a, int64_t i, const documents *b, int64_t j)
{
    int sum = 0, bytes = (a->bits + 7) / 8;
    for (int k = 0; k < a->bits; k++)
        sum += (a->codes[i * bytes + k / 8] >> k % 8 & 1) !=
               (b->codes[j * bytes + k / 8] >> k % 8 & 1);
    return sum;
}

static float relevance_of(syl_relevance kind, const documents *a, int64_t i, const documents *b,
                          int64_t j)
{
    uint8_t marks[64] = {0};
    float all[512];
    assert_true(b->n <= 512);
    syl_relevance_of(kind, &a->labels, i, &b->labels, marks, all);
    return all[j];
}

/* ---- a plain evaluation --------------------------------------------------------------------- */

typedef struct entry {
    double far;
    float gain;
    int code_distance;
} entry;

static int by_distance(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    return (a->far > b->far) - (a->far < b->far);
}

static int by_gain(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    return (a->gain < b->gain) - (a->gain > b->gain);
}

/* The definition, summed over every rank with log2 of it. */
static double plain_dcg(const entry *e, int64_t n)
{
    double sum = 0;
    for (int64_t i = 1; i <= n && i <= 10; i++)
        sum += e[i - 1].gain / log2((double)(i + 1));
    return sum;
}

static double plain_ap(const entry *e, int64_t n, bool any)
{
    double sum = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        double gain = any ? e[i].gain > 0 : e[i].gain, before = 0;
        for (int64_t k = 0; k <= i; k++)
            before += any ? e[k].gain > 0 : e[k].gain;
        sum += gain * before / (double)(i + 1);
        all += gain;
    }
    return sum / all;
}

/* Sorted by cosine; returns the number of entries and the best DCG. */
static int64_t plain_list(syl_relevance kind, const documents *queries, int64_t q,
                          const documents *database, entry *list, double *ideal)
{
    int64_t n = 0;
    for (int64_t j = 0; j < database->n; j++) {
        if (queries == database && j == q) continue;
        list[n++] =
            (entry){-cosine(queries->vectors + q * queries->dim,
                            database->vectors + j * database->dim, (size_t)database->dim),
                    relevance_of(kind, queries, q, database, j), distance(queries, q, database, j)};
    }
    qsort(list, (size_t)n, sizeof *list, by_gain);
    *ideal = plain_dcg(list, n);
    qsort(list, (size_t)n, sizeof *list, by_distance);
    return n;
}

static void compare_cosine(const documents *queries, const documents *database, syl_relevance kind,
                           int threads)
{
    entry list[512];
    double map = 0, any = 0, ndcg = 0, ideal;
    int64_t used = 0;
    syl_retrieval_score score;
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_labelled q = labelled(queries), d = labelled(database);
    for (int64_t i = 0; i < queries->n; i++) {
        int64_t n = plain_list(kind, queries, i, database, list, &ideal);
        if (ideal == 0) continue;
        used++;
        map += plain_ap(list, n, false);
        any += plain_ap(list, n, true);
        ndcg += plain_dcg(list, n) / ideal;
    }
    o.relevance = kind;
    o.threads = threads;
    for (int expected = 0; expected < 2; expected++) { /* there are no ties */
        o.expected_ties = expected;
        ok(syl_retrieval_evaluate(&score, SYL_RANK_COSINE, queries == database ? NULL : &q, &d, &o,
                                  &err));
        assert_int_equal(score.queries, used);
        assert_int_equal(score.left_out, queries->n - used);
        near("MAP", score.map, map / (double)used, 1e-6);
        near("MAP of any", score.map_any, any / (double)used, 1e-6);
        near("NDCG", score.ndcg, ndcg / (double)used, 1e-6);
        assert_true(used > 20 && score.left_out > 0 && score.map < 0.9);
        syl_retrieval_score_free(&score);
    }
}

static void test_cosine(void **state)
{
    documents a = make(131, 5, 13), b = make(47, 5, 13);
    (void)state;
    compare_cosine(&a, &a, SYL_RELEVANCE_SHARED, 1);
    compare_cosine(&b, &a, SYL_RELEVANCE_GRADED, 2);
    compare_cosine(&a, &a, SYL_RELEVANCE_FRACTION, 3);
    drop(&a);
    drop(&b);
}

/* Hamming distance, the whole distribution of ties: expected values against the mean of many seeds,
 * and keys against single bits, for lengths around those of bytes and words. */
static void test_hamming(void **state)
{
    static const int lengths[] = {1, 7, 8, 9, 63, 64, 65, 130};
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        documents d = make(77, lengths[k], 2);
        syl_labelled side = labelled(&d);
        syl_ranking ranking;
        uint64_t query[3];
        syl_ranked list[77], room[77];
        ok(syl_ranking_create(&ranking, SYL_RANK_HAMMING, &side.by, 9, &err));
        for (int64_t q = 0; q < 77; q += 19) {
            uint8_t seen[77] = {0};
            syl_pack_code(d.codes + q * ((d.bits + 7) / 8), d.bits, query);
            assert_int_equal(syl_rank(&ranking, query, q, list, room), 76);
            for (int i = 0; i < 76; i++) {
                assert_int_equal(list[i].key, distance(&d, q, &d, list[i].document));
                assert_true(i == 0 || list[i].key >= list[i - 1].key);
                assert_true(list[i].document != q && !seen[list[i].document]++);
            }
            assert_int_equal(syl_rank(&ranking, query, -1, list, room), 77);
            assert_int_equal(list[0].key, 0);
        }
        syl_ranking_free(&ranking);
        drop(&d);
    }
}

static void test_ties(void **state)
{
    enum { SEEDS = 400 };
    documents d = make(60, 3, 1);
    syl_labelled side = labelled(&d);
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score exact, one, again;
    double map = 0, ndcg = 0;
    (void)state;
    o.relevance = SYL_RELEVANCE_GRADED;
    o.expected_ties = true;
    ok(syl_retrieval_evaluate(&exact, SYL_RANK_HAMMING, NULL, &side, &o, &err));
    o.expected_ties = false;
    for (o.seed = 1; o.seed <= SEEDS; o.seed++) {
        ok(syl_retrieval_evaluate(&one, SYL_RANK_HAMMING, NULL, &side, &o, &err));
        map += one.map / SEEDS;
        ndcg += one.ndcg / SEEDS;
        if (o.seed == 7) { /* again is the same, another seed is not */
            ok(syl_retrieval_evaluate(&again, SYL_RANK_HAMMING, NULL, &side, &o, &err));
            assert_true(again.map == one.map && again.ndcg == one.ndcg && one.map != exact.map);
            syl_retrieval_score_free(&again);
        }
        syl_retrieval_score_free(&one);
    }
    near("MAP over seeds", map, exact.map, 0.002);
    near("NDCG over seeds", ndcg, exact.ndcg, 0.006);
    syl_retrieval_score_free(&exact);
    drop(&d);
}

/* All codes equal, and files sorted by class: any order of the files' own would give another
 * value than chance. Half of the others are relevant, less one. */
static void test_sorted_files(void **state)
{
    enum { N = 400 };
    uint8_t codes[N] = {0};
    char text[2 * N];
    syl_label_sets labels;
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score score;
    (void)state;
    for (int i = 0; i < N; i++) {
        text[2 * i] = i < N / 2 ? 'a' : 'b';
        text[2 * i + 1] = '\n';
    }
    ok(syl_label_sets_parse(&labels, names, text, 2 * N, "sorted", &err));
    syl_labelled side = {{.count = N, .codes = codes, .bits = 8}, &labels};
    ok(syl_retrieval_evaluate(&score, SYL_RANK_HAMMING, NULL, &side, &o, &err));
    near("chance", score.map, 0.5, 0.03);
    near("chance at 10", score.ndcg, 0.5, 0.3); /* one order for all: only ten documents count */
    syl_retrieval_score_free(&score);
    o.expected_ties = true;
    ok(syl_retrieval_evaluate(&score, SYL_RANK_HAMMING, NULL, &side, &o, &err));
    near("expected at 10", score.ndcg, 199.0 / 399, 1e-9);
    syl_retrieval_score_free(&score);
    syl_label_sets_free(&labels);
}

static void test_threads(void **state)
{
    documents a = make(500, 12, 4), b = make(1300, 12, 4);
    syl_labelled database = labelled(&a), queries = labelled(&b);
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score first, other;
    (void)state;
    for (int by = SYL_RANK_HAMMING; by <= SYL_RANK_COSINE; by++) {
        o.threads = 1;
        ok(syl_retrieval_evaluate(&first, by, &queries, &database, &o, &err));
        o.threads = 4;
        ok(syl_retrieval_evaluate(&other, by, &queries, &database, &o, &err));
        assert_true(first.map == other.map && first.map_any == other.map_any);
        assert_true(first.ndcg == other.ndcg && first.queries == other.queries);
        assert_memory_equal(first.precision, other.precision, 11 * sizeof(double));
        for (int p = 1; p < 11; p++)
            assert_true(first.precision[p] <= first.precision[p - 1]);
        syl_retrieval_score_free(&first);
        syl_retrieval_score_free(&other);
    }
    drop(&a);
    drop(&b);
}

/* ---- two stages ----------------------------------------------------------------------------- */

static void test_radius(void **state)
{
    enum { RADIUS = 5 };
    documents a = make(150, 10, 7), b = make(40, 10, 7);
    const documents *sides[][2] = {{&a, &a}, {&b, &a}};
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_radius_score scores[RADIUS + 1], whole[11];
    syl_retrieval_score all;
    entry list[512], kept[512];
    (void)state;
    for (int k = 0; k < 2; k++) {
        const documents *queries = sides[k][0], *database = sides[k][1];
        syl_labelled q = labelled(queries), d = labelled(database);
        double want[RADIUS + 1][3] = {{0}}, ideal, used = 0;
        for (int64_t i = 0; i < queries->n; i++) {
            int64_t n = plain_list(SYL_RELEVANCE_SHARED, queries, i, database, list, &ideal);
            if (ideal == 0) continue;
            used++;
            for (int r = 0; r <= RADIUS; r++) {
                int64_t m = 0;
                for (int64_t j = 0; j < n; j++)
                    if (list[j].code_distance <= r) kept[m++] = list[j];
                want[r][0] += (double)m;
                want[r][1] += m == 0;
                want[r][2] += plain_dcg(kept, m) / ideal;
            }
        }
        o.threads = 1 + k;
        ok(syl_radius_evaluate(scores, RADIUS, k ? &q : NULL, &d, &o, &err));
        for (int r = 0; r <= RADIUS; r++) {
            near("candidates", scores[r].candidates, want[r][0] / used, 1e-9);
            near("empty", scores[r].empty, want[r][1] / used, 1e-9);
            near("NDCG", scores[r].ndcg, want[r][2] / used, 1e-6);
            assert_int_equal(scores[r].queries + scores[r].left_out, queries->n);
        }
        assert_true(scores[0].empty > 0.05 && scores[RADIUS].empty < scores[0].empty);
        /* A radius that takes in everything is the ranking by cosine. */
        ok(syl_radius_evaluate(whole, 10, k ? &q : NULL, &d, &o, &err));
        ok(syl_retrieval_evaluate(&all, SYL_RANK_COSINE, k ? &q : NULL, &d, &o, &err));
        near("everything", whole[10].ndcg, all.ndcg, 1e-12);
        syl_retrieval_score_free(&all);
    }
    syl_labelled last = labelled(&a);
    assert_int_equal(syl_radius_evaluate(whole, 11, NULL, &last, &o, &err), SYL_EINVAL);
    drop(&a);
    drop(&b);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_few(void **state)
{
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score score;
    (void)state;
    o.threads = 2;
    for (int n = 0; n < 2; n++) { /* no document, and one without any other */
        documents d = make(n, 9, 3);
        syl_labelled side = labelled(&d);
        syl_radius_score radius;
        ok(syl_retrieval_evaluate(&score, SYL_RANK_HAMMING, NULL, &side, &o, &err));
        assert_int_equal(score.queries, 0);
        assert_int_equal(score.left_out, n);
        near("nothing", score.map + score.ndcg + score.precision[0], 0, 0);
        syl_retrieval_score_free(&score);
        ok(syl_radius_evaluate(&radius, 0, NULL, &side, &o, &err));
        near("nothing", radius.ndcg + radius.empty, 0, 0);
        drop(&d);
    }
}

/* Vectors whose squares are beyond float32, and one of zeros. */
static void test_large_vectors(void **state)
{
    float x[] = {3e38f, 3e38f, 1e-40f, 1e-40f, 0, 0, -1, -1};
    char text[] = "a\na\nb\nb\n";
    syl_label_sets labels;
    syl_ranking ranking;
    syl_ranked list[4], room[4];
    float unit[2];
    (void)state;
    ok(syl_label_sets_parse(&labels, names, text, 8, "labels", &err));
    syl_labelled side = {{.count = 4, .vectors = x, .dim = 2}, &labels};
    ok(syl_ranking_create(&ranking, SYL_RANK_COSINE, &side.by, 1, &err));
    syl_unit_vector(x, 2, unit);
    assert_int_equal(syl_rank(&ranking, unit, 0, list, room), 3);
    assert_int_equal(list[0].document, 1);
    assert_int_equal(list[1].document, 2);
    assert_int_equal(list[2].document, 3);
    syl_ranking_free(&ranking);
    syl_label_sets_free(&labels);
}

static void refused(const syl_labelled *q, const syl_labelled *d, syl_ranking_by by,
                    const char *message)
{
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score score;
    assert_int_equal(syl_retrieval_evaluate(&score, by, q, d, &o, &err), SYL_EINVAL);
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
    assert_null(score.precision);
}

static void test_refused(void **state)
{
    documents a = make(10, 9, 3), b = make(11, 9, 3);
    syl_labelled d = labelled(&a), q = labelled(&b);
    syl_retrieval_options o = syl_retrieval_defaults();
    syl_retrieval_score score;
    (void)state;
    q.by.count = 10;
    refused(&q, &d, SYL_RANK_HAMMING, "labels of 11 documents for codes or vectors of 10");
    q.by.count = 11;
    q.by.bits = 8;
    refused(&q, &d, SYL_RANK_HAMMING, "8 bits for documents of 9");
    q.by.codes = NULL;
    refused(&q, &d, SYL_RANK_HAMMING, "queries: ");
    q.by.vectors = NULL;
    refused(&q, &d, SYL_RANK_COSINE, "queries: ");
    refused(&d, &q, SYL_RANK_COSINE, "documents to be ranked: ");
    q = labelled(&b);
    q.by.dim = 2;
    refused(&q, &d, SYL_RANK_COSINE, "2 dimensions for documents of 3");
    q = labelled(&b);
    b.vectors[4] = NAN;
    refused(&q, &d, SYL_RANK_COSINE, "queries: value 1 of vector 1");
    refused(&d, &q, SYL_RANK_COSINE, "documents to be ranked: value 1 of vector 1");
    o.points = 1;
    assert_int_equal(syl_retrieval_evaluate(&score, SYL_RANK_HAMMING, NULL, &d, &o, &err),
                     SYL_EINVAL);
    drop(&a);
    drop(&b);
}

static int start(void **state)
{
    (void)state;
    return syl_label_names_create(&names, &err) != SYL_OK;
}

static int finish(void **state)
{
    (void)state;
    syl_label_names_free(names);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_expected),
        cmocka_unit_test(test_cosine),  cmocka_unit_test(test_hamming),
        cmocka_unit_test(test_ties),    cmocka_unit_test(test_sorted_files),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_radius),
        cmocka_unit_test(test_few),     cmocka_unit_test(test_large_vectors),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
