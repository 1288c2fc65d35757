/* Small models of senses for tests. */
#ifndef SYL_TESTS_DSG_FIXTURE_H
#define SYL_TESTS_DSG_FIXTURE_H

#include "tests/golden/golden.h"

#include "embed/dsg_model.h"
#include "lib/base/random.h"

/* A model of the words of `names` (white space between them; the first UNKNOWN, if it is there),
 * all arrays drawn from a normal distribution, priors from a few values with some below 0.05. */
static inline syl_dsg_model *dsg_fixture(const char *names, int senses, int dim, bool network)
{
    syl_random rng = {.seed = (uint64_t)(senses * 1000 + dim)};
    syl_text_options text = syl_text_disambiguated();
    syl_error err;
    syl_vocabulary *vocabulary;
    syl_dsg_model *m;
    size_t room = 16 * strlen(names) + 64, used = 0, count = 100000;
    char *lines = calloc(room, 1), *copy = strdup(names), *at;
    assert_true(lines && copy);
    for (char *name = strtok_r(copy, " \n", &at); name; name = strtok_r(NULL, " \n", &at))
        used += (size_t)snprintf(lines + used, room - used, "%s\t%zu\n", name, count--);
    if (syl_vocabulary_parse(&vocabulary, lines, used, "fixture", &err))
        fail_msg("%s", err.message);
    if (syl_dsg_model_create(&m, vocabulary, &text, senses, dim, network, &err))
        fail_msg("%s", err.message);
    float *arrays[] = {m->sense_vectors, m->output_vectors, m->output_bias, m->network,
                       m->network_bias};
    size_t v = (size_t)m->words, k = (size_t)senses, d = (size_t)dim;
    size_t counts[] = {v * k * d, v * d, v, v * d * k, v * k};
    for (int a = 0; a < 5; a++)
        for (size_t i = 0; arrays[a] && i < counts[a]; i++)
            arrays[a][i] = syl_random_normal(&rng);
    for (size_t w = 0; w < v; w++) {
        float sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += m->priors[w * k + i] =
                syl_random_below(&rng, 3) ? syl_random_uniform(&rng) : 0.01f;
        for (size_t i = 0; i < k; i++)
            m->priors[w * k + i] /= sum;
    }
    free(lines);
    free(copy);
    return m;
}

/* "UNKNOWN wa wb ... " of `words` words. */
static inline syl_dsg_model *dsg_fixture_of_size(int words, int senses, int dim, bool network)
{
    char *names = calloc((size_t)words + 1, 16);
    size_t used = (size_t)sprintf(names, "UNKNOWN");
    for (int w = 1; w < words; w++) {
        names[used++] = ' ';
        names[used++] = 'w';
        for (int rest = w; rest; rest /= 26)
            names[used++] = (char)('a' + rest % 26);
    }
    syl_dsg_model *m = dsg_fixture(names, senses, dim, network);
    free(names);
    return m;
}

#endif
