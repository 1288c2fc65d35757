#include "embed/sense_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/number.h"

/* ---- writing ---------------------------------------------------------------------------- */

static syl_status write_all(const syl_senses *senses, syl_vector_writer *w, syl_error *err)
{
    const syl_dsg_model *m = syl_senses_model(senses);
    int64_t count;
    const syl_sense *all = syl_senses_all(senses, &count);
    char name[SYL_SENSE_NAME];
    for (int64_t i = 0; i < count; i++) {
        if (all[i].word == m->unknown) continue;
        syl_sense_name(senses, all[i].word, all[i].sense, name);
        SYL_TRY(syl_vector_writer_add(w, name, syl_dsg_sense_vector(m, all[i].word, all[i].sense),
                                      err));
    }
    return SYL_OK;
}

syl_status syl_sense_vectors_write(const syl_senses *senses, const char *path,
                                   syl_vector_format format, syl_error *err)
{
    const syl_dsg_model *m = syl_senses_model(senses);
    syl_vector_writer w;
    int64_t count;
    int unknown = 0;
    syl_senses_all(senses, &count);
    if (m->unknown >= 0) syl_senses_of(senses, m->unknown, &unknown);
    SYL_TRY(syl_vector_writer_open(&w, path, format, count - unknown, m->dim, err));
    syl_status status = write_all(senses, &w, err);
    if (!status) return syl_vector_writer_commit(&w, err);
    syl_vector_writer_discard(&w);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A name taken apart. */
typedef struct entry {
    syl_span word;
    int sense;
    int64_t row;   /* in the file */
    int64_t first; /* row of the word's first name: what the words are ordered by */
} entry;

static entry split_name(const char *name, int64_t row, bool numbered)
{
    entry e = {.word = {name, strlen(name)}, .row = row};
    const char *mark = numbered ? strrchr(name, '#') : NULL;
    int64_t number;
    if (!mark || mark == name ||
        !syl_parse_count((syl_span){mark + 1, strlen(mark + 1)}, &number) || number < 1 ||
        number > SYL_DSG_MAX_SENSES)
        return e;
    e.word.size = (size_t)(mark - name);
    e.sense = (int)number - 1;
    return e;
}

static int compare_words(syl_span a, syl_span b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_word(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = compare_words(x->word, y->word);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int by_first(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Entries word by word, in the order of their first appearance; *words and *senses of the model. */
static entry *list_entries(const syl_word_vectors *v, bool numbered, int64_t *words, int *senses)
{
    entry *all = syl_calloc((size_t)v->count, sizeof *all);
    *words = 0;
    *senses = 1;
    if (!all || !v->count) return all;
    for (int64_t i = 0; i < v->count; i++)
        all[i] = split_name(v->words[i], i, numbered);
    qsort(all, (size_t)v->count, sizeof *all, by_word);
    for (int64_t i = 0; i < v->count; i++) {
        bool new = i == 0 || compare_words(all[i - 1].word, all[i].word);
        all[i].first = new ? all[i].row : all[i - 1].first;
        *words += new;
        if (all[i].sense >= *senses) *senses = all[i].sense + 1;
    }
    qsort(all, (size_t)v->count, sizeof *all, by_first);
    return all;
}

static syl_status make_vocabulary(syl_vocabulary **out, const entry *all, int64_t count,
                                  int64_t words, syl_error *err)
{
    size_t room = 1, used = 0;
    for (int64_t i = 0; i < count; i++)
        room += all[i].word.size + 24;
    char *text = malloc(room);
    if (!text) return syl_fail_memory(err, room, "a vocabulary");
    for (int64_t i = 0; i < count; i++) {
        if (i && all[i].first == all[i - 1].first) continue;
        memcpy(text + used, all[i].word.data, all[i].word.size);
        used += all[i].word.size;
        used += (size_t)snprintf(text + used, 24, "\t%lld\n", (long long)words--);
    }
    syl_status status = syl_vocabulary_parse(out, text, used, "word vectors", err);
    free(text);
    return status;
}

static void fill_model(syl_dsg_model *m, const syl_word_vectors *v, const entry *all)
{
    size_t dim = (size_t)m->dim, word = 0;
    memset(m->priors, 0, (size_t)(m->words * m->senses) * sizeof *m->priors);
    for (int64_t i = 0; i < v->count; i++) {
        word += i && all[i].first != all[i - 1].first;
        size_t to = word * (size_t)m->senses + (size_t)all[i].sense;
        if (m->priors[to] > 0) continue;
        m->priors[to] = 1;
        memcpy(m->sense_vectors + to * dim, v->vectors + (size_t)all[i].row * dim,
               dim * sizeof *v->vectors);
    }
    for (int64_t w = 0; w < m->words; w++) {
        float *prior = m->priors + w * m->senses, sum = 0;
        for (int k = 0; k < m->senses; k++)
            sum += prior[k];
        for (int k = 0; k < m->senses; k++)
            prior[k] /= sum;
    }
}

syl_status syl_sense_vectors_model(syl_dsg_model **out, const syl_word_vectors *vectors,
                                   bool numbered, const syl_text_options *text, syl_error *err)
{
    syl_vocabulary *vocabulary = NULL;
    int64_t words;
    int senses;
    *out = NULL;
    entry *all = list_entries(vectors, numbered, &words, &senses);
    if (!all)
        return syl_fail_memory(err, (size_t)vectors->count * sizeof *all, "names of word vectors");
    syl_status status = make_vocabulary(&vocabulary, all, vectors->count, words, err);
    if (!status)
        status = syl_dsg_model_create(out, vocabulary, text, senses, vectors->dim, false, err);
    if (!status) fill_model(*out, vectors, all);
    free(all);
    return status;
}
