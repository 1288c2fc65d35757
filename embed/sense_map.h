/* A map of chosen words' senses and their neighbours in two dimensions, as a picture. */
#ifndef SYL_EMBED_SENSE_MAP_H
#define SYL_EMBED_SENSE_MAP_H

#include "embed/senses.h"
#include "embed/tsne.h"

typedef enum syl_map_method { SYL_MAP_PCA, SYL_MAP_TSNE } syl_map_method;

typedef struct syl_sense_map_options {
    syl_map_method method; /* PCA */
    int neighbours;        /* of each sense (10); a chosen word's senses are nobody's neighbours */
    syl_tsne_options tsne; /* its defaults */
} syl_sense_map_options;

syl_sense_map_options syl_sense_map_defaults(void);

typedef struct syl_map_point {
    int32_t word, sense;
    size_t group;   /* which of the chosen words it is a sense or, first of all, neighbour of */
    bool neighbour; /* not a sense of a chosen word */
    double x, y;
} syl_map_point;

typedef struct syl_sense_map {
    syl_map_point *points; /* [count], the chosen words' senses first; each sense once; owned */
    size_t count, num_words;
    double divergence; /* t-SNE's; 0 with PCA */
} syl_sense_map;

/* words [num_words]: different ones of the vocabulary, at least 1. Vectors are scaled to length 1,
 * so that distance goes with cosine. */
syl_status syl_sense_map_make(syl_sense_map *out, const syl_senses *senses, const int32_t *words,
                              size_t num_words, const syl_sense_map_options *options,
                              syl_error *err);
void syl_sense_map_free(syl_sense_map *map);

/* PNG or SVG, by the ending of path, of width x height pixels (points for SVG), 200 x 200 to
 * 16384 x 16384: a colour a word, dots with names (syl_sense_name) beside them. Names of
 * neighbours that would lie on others are left out, those of senses are moved aside as far as
 * there is room. title: UTF-8 or NULL. SYL_EUNSUPPORTED when this build is without cairo. */
syl_status syl_sense_map_draw(const syl_sense_map *map, const syl_senses *senses, const char *path,
                              int width, int height, const char *title, syl_error *err);

#endif
