/* Purities and mutual information, computed by hand and by their definitions. */
#include "tests/golden/golden.h"

#include "lib/base/random.h"
#include "sylber/clustering_metrics.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) < 1e-12)) fail_msg("%.15g in place of %.15g", got, want);
}

/* Token 0: a a b; token 1: b b; token 2: a. Commonest: 2 + 2 + 1 of 6. Syllable a: two of token
 * 0, one of 2; b: one of 0, two of 1: 2 + 2 of 6. H(token) = 1/2 + log2(3)/3 + log2(6)/6,
 * H(syllable) = 1, H(both) = 2/3 log2(3) + 1/3 log2(6). */
static void test_by_hand(void **state)
{
    syl_token_pair pairs[] = {{7, 0}, {9, 1}, {7, 2}, {9, 0}, {7, 0}, {9, 1}};
    syl_clustering_score s;
    (void)state;
    syl_clustering_score_pairs(&s, pairs, 6);
    assert_int_equal(s.syllables, 2);
    assert_int_equal(s.tokens, 3);
    near(s.syllable_purity, 5 / 6.0);
    near(s.cluster_purity, 4 / 6.0);
    double token = 0.5 + log2(3) / 3 + log2(6) / 6, both = 2 * log2(3) / 3 + log2(6) / 3;
    near(s.mutual_information, token + 1 - both);
    near(s.normalised, (token + 1 - both) / ((token + 1) / 2));
}

static void test_limits(void **state)
{
    syl_token_pair same[] = {{3, 5}, {3, 5}}, apart[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    syl_clustering_score s;
    (void)state;
    syl_clustering_score_pairs(&s, same, 2);
    near(s.syllable_purity, 1);
    near(s.mutual_information, 0);
    near(s.normalised, 1);
    syl_clustering_score_pairs(&s, apart, 4); /* independent */
    near(s.syllable_purity, 0.5);
    near(s.cluster_purity, 0.5);
    near(s.mutual_information, 0);
    near(s.normalised, 0);
    syl_clustering_score_pairs(&s, NULL, 0);
    near(s.syllable_purity + s.cluster_purity + s.normalised, 0);
}

/* The sum of p(s, t) log2(p(s, t) / p(s) p(t)) over a table of counts. */
static void test_definition(void **state)
{
    enum { N = 5000, SYLLABLES = 13, TOKENS = 29 };
    static syl_token_pair pairs[N];
    double table[SYLLABLES][TOKENS] = {{0}}, by_syllable[SYLLABLES] = {0}, by_token[TOKENS] = {0};
    double information = 0, sp = 0, cp = 0;
    syl_random rng = {.seed = 2};
    syl_clustering_score s;
    (void)state;
    for (int i = 0; i < N; i++) {
        int a = (int)syl_random_below(&rng, SYLLABLES);
        int t = (a + (int)syl_random_below(&rng, 5) * (int)syl_random_below(&rng, 5)) % TOKENS;
        pairs[i] = (syl_token_pair){a, t};
        table[a][t] += 1.0 / N;
        by_syllable[a] += 1.0 / N;
        by_token[t] += 1.0 / N;
    }
    for (int a = 0; a < SYLLABLES; a++) {
        double top = 0;
        for (int t = 0; t < TOKENS; t++) {
            top = fmax(top, table[a][t]);
            if (table[a][t] > 0)
                information += table[a][t] * log2(table[a][t] / (by_syllable[a] * by_token[t]));
        }
        cp += top;
    }
    for (int t = 0; t < TOKENS; t++) {
        double top = 0;
        for (int a = 0; a < SYLLABLES; a++)
            top = fmax(top, table[a][t]);
        sp += top;
    }
    syl_clustering_score_pairs(&s, pairs, N);
    assert_true(fabs(s.mutual_information - information) < 1e-9);
    assert_true(fabs(s.syllable_purity - sp) < 1e-9);
    assert_true(fabs(s.cluster_purity - cp) < 1e-9);
    assert_true(sp < 0.9 && cp < 0.9 && sp != cp);
}

static void test_overlap(void **state)
{
    static const double spans[][2] = {{0, 1}, {1, 2}, {2.5, 4}};
    (void)state;
    assert_int_equal(syl_longest_overlap(0.2, 1.5, spans, 3), 0);
    assert_int_equal(syl_longest_overlap(0.8, 1.5, spans, 3), 1);
    assert_int_equal(syl_longest_overlap(0.5, 1.5, spans, 3), 0); /* the first of equals */
    assert_int_equal(syl_longest_overlap(1.9, 9, spans, 3), 2);
    assert_int_equal(syl_longest_overlap(2, 2.5, spans, 3), -1); /* touching is no overlap */
    assert_int_equal(syl_longest_overlap(0, 1, spans, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
