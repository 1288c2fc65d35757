/* The teacher of the small model: a log-mel encoder as Whisper's, with a table of absolute
 * positions and full attention. The small model has the same shape without that table, so one
 * configuration ("sylkit-mel") describes both; egs/sylber_small/local/whisper2safetensors.py
 * makes the file.
 *
 * Tensors: stem.conv1, stem.conv2, layers.N.{ln1,qkv,out,ln2,ff1,ff2}, ln (weight and bias each)
 * and positions [P][dim]. */
#ifndef SYL_SYLBER_TEACHER_H
#define SYL_SYLBER_TEACHER_H

#include "lib/nn/block.h"
#include "sylber/config.h"

typedef struct syl_teacher {
    syl_config config;
    int64_t num_positions;
    float *positions; /* [num_positions][dim] */
    syl_weight *conv1, *conv2;
    syl_norm norm;
    syl_block *block; /* [layers] */
} syl_teacher;

syl_status syl_teacher_load(syl_teacher **out, const char *path, syl_error *err);
void syl_teacher_free(syl_teacher *teacher);

/* Of every frame: what the stem gives (positions included), what each layer gives, and the
 * final layer norm of the last: layers + 2 levels. */
typedef struct syl_hidden {
    int levels, dim;
    int64_t frames;
    float *data; /* [levels][frames][dim], owned */
} syl_hidden;

float *syl_hidden_level(const syl_hidden *hidden, int level); /* [frames][dim] */
void syl_hidden_free(syl_hidden *hidden);

/* Levels of a teacher. */
int syl_teacher_levels(const syl_teacher *teacher);

/* All floor(n / hop) frames of a recording at the teacher's rate, with 0.2 s of silence behind
 * it. A recording that has more frames than there are positions is cut into pieces of at most
 * 14 s, each at the quietest place of its second half, and every piece is encoded by itself:
 * attention does not cross a cut. More than 15 minutes are refused, to bound memory. */
syl_status syl_teacher_encode(const syl_teacher *teacher, syl_ctx *ctx, const float *samples,
                              size_t n, syl_hidden *out, syl_error *err);

#endif
