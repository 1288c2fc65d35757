#include "embed/sense_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/pca.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"

syl_sense_map_options syl_sense_map_defaults(void)
{
    return (syl_sense_map_options){
        .method = SYL_MAP_PCA, .neighbours = 10, .tsne = syl_tsne_defaults()};
}

typedef struct maker {
    syl_sense_map *map;
    const syl_senses *senses;
    const int32_t *words;
    size_t num_words, room;
    int dim;
    float *vectors; /* [points][dim], of length 1 */
    double *places; /* [points][2] */
} maker;

static syl_status check(const maker *m, int neighbours, syl_error *err)
{
    int64_t size = syl_senses_model(m->senses)->words;
    if (m->num_words < 1 || neighbours < 0)
        return syl_fail(err, SYL_EINVAL,
                        "a map of %zu words with %d neighbours each; name at least one word",
                        m->num_words, neighbours);
    for (size_t i = 0; i < m->num_words; i++) {
        if (m->words[i] < 0 || m->words[i] >= size)
            return syl_fail(err, SYL_EINVAL, "word %zu of the map is not in the vocabulary", i + 1);
        for (size_t j = 0; j < i; j++)
            if (m->words[i] == m->words[j])
                return syl_fail(err, SYL_EINVAL, "word %zu of the map is word %zu again", i + 1,
                                j + 1);
    }
    return SYL_OK;
}

static syl_status add_point(maker *m, syl_map_point point, syl_error *err)
{
    void *points = m->map->points;
    SYL_TRY(syl_grow(&points, &m->room, m->map->count + 1, sizeof point, err));
    m->map->points = points;
    m->map->points[m->map->count++] = point;
    return SYL_OK;
}

static syl_status add_senses(maker *m, syl_error *err)
{
    for (size_t i = 0; i < m->num_words; i++) {
        int count;
        const syl_sense *own = syl_senses_of(m->senses, m->words[i], &count);
        for (int k = 0; k < count; k++)
            SYL_TRY(add_point(
                m, (syl_map_point){.word = own[k].word, .sense = own[k].sense, .group = i}, err));
    }
    return SYL_OK;
}

/* The unit vectors of points [0, count). */
static syl_status gather(maker *m, syl_error *err)
{
    free(m->vectors);
    m->vectors = syl_calloc(m->map->count, syl_mul_size((size_t)m->dim, sizeof *m->vectors));
    if (!m->vectors)
        return syl_fail_memory(err, m->map->count * (size_t)m->dim * sizeof *m->vectors, "a map");
    for (size_t i = 0; i < m->map->count; i++) {
        const syl_map_point *p = &m->map->points[i];
        float *to = m->vectors + i * (size_t)m->dim;
        memcpy(to, syl_dsg_sense_vector(syl_senses_model(m->senses), p->word, p->sense),
               (size_t)m->dim * sizeof *to);
        syl_scale_to(to, m->dim, 1);
    }
    return SYL_OK;
}

static bool is_there(const maker *m, syl_neighbour n)
{
    for (size_t i = 0; i < m->num_words; i++)
        if (m->words[i] == n.word) return true;
    for (size_t i = 0; i < m->map->count; i++)
        if (m->map->points[i].word == n.word && m->map->points[i].sense == n.sense) return true;
    return false;
}

/* One more neighbour for each of the senses in turn, so that one sense's do not all take the first
 * places, and with them the names. */
static syl_status add_found(maker *m, const syl_neighbour *found, size_t senses, int top,
                            syl_error *err)
{
    for (int t = 0; t < top; t++)
        for (size_t s = 0; s < senses; s++) {
            syl_neighbour n = found[s * (size_t)top + (size_t)t];
            if (n.word < 0 || is_there(m, n)) continue;
            SYL_TRY(add_point(m,
                              (syl_map_point){.word = n.word,
                                              .sense = n.sense,
                                              .group = m->map->points[s].group,
                                              .neighbour = true},
                              err));
        }
    return SYL_OK;
}

static syl_status add_neighbours(maker *m, int top, syl_error *err)
{
    size_t senses = m->map->count;
    if (top == 0) return SYL_OK;
    SYL_TRY(gather(m, err));
    syl_neighbour *found = syl_calloc(senses, syl_mul_size((size_t)top, sizeof *found));
    int32_t *without = syl_calloc(senses, sizeof *without);
    syl_status status = SYL_OK;
    if (!found || !without) {
        status =
            syl_fail_memory(err, syl_mul_size(senses, (size_t)top) * sizeof *found, "neighbours");
    } else {
        for (size_t i = 0; i < senses; i++)
            without[i] = m->map->points[i].word;
        status = syl_senses_nearest(m->senses, m->vectors, senses, without, top, found, err);
    }
    if (!status) status = add_found(m, found, senses, top, err);
    free(found);
    free(without);
    return status;
}

static syl_status place(maker *m, const syl_sense_map_options *options, syl_error *err)
{
    size_t n = m->map->count;
    SYL_TRY(gather(m, err));
    m->places = syl_calloc(n, 2 * sizeof *m->places);
    if (!m->places) return syl_fail_memory(err, n * 2 * sizeof *m->places, "a map");
    if (options->method == SYL_MAP_TSNE)
        SYL_TRY(
            syl_tsne(m->places, &m->map->divergence, m->vectors, n, m->dim, &options->tsne, err));
    else
        SYL_TRY(syl_pca_2d(m->places, m->vectors, n, m->dim, err));
    for (size_t i = 0; i < n; i++) {
        m->map->points[i].x = m->places[2 * i];
        m->map->points[i].y = m->places[2 * i + 1];
    }
    return SYL_OK;
}

syl_status syl_sense_map_make(syl_sense_map *out, const syl_senses *senses, const int32_t *words,
                              size_t num_words, const syl_sense_map_options *options,
                              syl_error *err)
{
    maker m = {.map = out,
               .senses = senses,
               .words = words,
               .num_words = num_words,
               .dim = syl_senses_model(senses)->dim};
    *out = (syl_sense_map){.num_words = num_words};
    SYL_TRY(check(&m, options->neighbours, err));
    syl_status status = add_senses(&m, err);
    if (!status) status = add_neighbours(&m, options->neighbours, err);
    if (!status) status = place(&m, options, err);
    free(m.vectors);
    free(m.places);
    if (status) syl_sense_map_free(out);
    return status;
}

void syl_sense_map_free(syl_sense_map *map)
{
    free(map->points);
    *map = (syl_sense_map){0};
}
