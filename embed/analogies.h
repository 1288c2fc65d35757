/* Analogies, "a is to b as c is to d": Mikolov et al. 2013, Levy and Goldberg 2014.
 * Files as questions-words.txt: lines ": section" and "a b c d"; empty lines are passed over. */
#ifndef SYL_EMBED_ANALOGIES_H
#define SYL_EMBED_ANALOGIES_H

#include "embed/senses.h"
#include "lib/io/lines.h"

typedef struct syl_analogy {
    syl_span word[4];
} syl_analogy;

typedef struct syl_analogy_section {
    const char *name; /* "" of questions before the first ": section" */
    size_t first, count;
} syl_analogy_section;

typedef struct syl_analogies {
    syl_analogy *questions;        /* [count] */
    syl_analogy_section *sections; /* [num_sections] */
    size_t count, num_sections;
    char *text; /* what all of it points into */
} syl_analogies;

syl_status syl_analogies_read(syl_analogies *out, const char *path, syl_error *err);
/* The same from memory, which may go away afterwards; `name` stands in for the path. */
syl_status syl_analogies_parse(syl_analogies *out, const void *data, size_t size, const char *name,
                               syl_error *err);
void syl_analogies_free(syl_analogies *analogies);

typedef struct syl_analogy_score {
    size_t questions, covered; /* covered: all four words are among the candidates */
    size_t add;                /* answered: d is nearest by cos(b) - cos(a) + cos(c) (3CosAdd) */
    size_t multiply;           /* by cos(b) cos(c) / (cos(a) + 0.001), cosines moved to 0 to 1
                                  (3CosMul) */
} syl_analogy_score;

typedef struct syl_analogies_result {
    syl_analogy_score total;
    syl_analogy_score *sections; /* [num_sections], owned */
} syl_analogies_result;

/* By the words' global vectors; a, b and c are no answers to their own question. candidates: the
 * most frequent words that answers are looked for among, 0: all. */
syl_status syl_analogies_evaluate(syl_analogies_result *out, const syl_senses *senses,
                                  const syl_analogies *analogies, int64_t candidates, int threads,
                                  syl_error *err);
void syl_analogies_result_free(syl_analogies_result *result);

#endif
