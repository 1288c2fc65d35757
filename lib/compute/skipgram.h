/* Training of word vectors: a batch of windows at a time.
 *
 * Every gradient of a batch is that of the values which the tables have when it begins; rows then
 * take what they get in the order of the windows. So results do not depend on the number of
 * threads (rows are shared out among them), and a batch should be small beside the number of
 * windows in which a frequent word stands (64 is a good size, on a GPU some more).
 *
 * Arrays of ids and numbers are the host's, tables are memory of the context's device. */
#ifndef SYL_COMPUTE_SKIPGRAM_H
#define SYL_COMPUTE_SKIPGRAM_H

#include "lib/compute/compute.h"

/* Rows of tables begin this many floats apart or a multiple of it, and the floats behind the last
 * column are zeros (slots: what the others are): so vectors of the processor need no rest. */
#define SYL_VECTOR_LANES 16
static inline int64_t syl_vector_stride(int64_t dim)
{
    return (dim + SYL_VECTOR_LANES - 1) / SYL_VECTOR_LANES * SYL_VECTOR_LANES;
}

/* ---- tables -------------------------------------------------------------------------- */

/* With g a window's gradient of a row:
 *   SGD       row -= lr g
 *   momentum  slot = momentum slot + g, row -= lr slot (of the rows that a window names, as in
 *             TensorFlow's sparse updates)
 *   AdaGrad   slot += g^2, row -= lr g / sqrt(slot) (Duchi et al. 2011; slots begin above 0) */
typedef enum syl_row_rule { SYL_ROW_SGD, SYL_ROW_MOMENTUM, SYL_ROW_ADAGRAD } syl_row_rule;

typedef struct syl_row_update {
    syl_row_rule rule;
    float lr, bias_lr, momentum;
} syl_row_update;

typedef struct syl_vector_table {
    syl_mat value;    /* f32 [rows][dim], stride a multiple of SYL_VECTOR_LANES */
    float *slot;      /* [rows][stride of value]; NULL with SGD */
    float *bias;      /* [rows], or NULL: none */
    float *bias_slot; /* [rows]; NULL with SGD or without bias */
} syl_vector_table;

/* ---- skip-gram with negative sampling -------------------------------------------------- */

/* Mikolov et al. 2013 with negatives that a window shares (Ji et al. 2016): with u the context
 * words' vectors of `input` and x the centre's and the negatives' of `output`,
 *   loss = sum over contexts of -log sigmoid(u.x_centre) - sum over negatives log sigmoid(-u.x).
 * A negative that is the centre is left out. SGD. */
typedef struct syl_skipgram_batch {
    int64_t windows;
    int context, negatives;  /* of a window, at most */
    const int32_t *centre;   /* [windows] rows of `output` */
    const int32_t *contexts; /* [windows][context] rows of `input`; -1: none */
    const int32_t *negative; /* [windows][negatives] rows of `output` */
    syl_mat input, output;   /* as syl_vector_table.value */
    float lr;
} syl_skipgram_batch;

/* What a batch comes to. */
typedef struct syl_window_sums {
    double loss;    /* summed over pairs, without the entropy's part */
    double entropy; /* of the senses, summed over items; 0 without senses */
    int64_t bad;    /* first window whose loss is not finite; -1: none */
} syl_window_sums;

/* The batches one after the other, all of the same tables, `context` and `negatives`; sums [count].
 * dim at most 1024 on CUDA. */
syl_status syl_skipgram_steps(syl_ctx *ctx, const syl_skipgram_batch *batches, int count,
                              syl_window_sums *sums, syl_error *err);

/* ---- senses of words ---------------------------------------------------------------------- */

#define SYL_MAX_SENSES 32

typedef enum syl_window_loss { SYL_WINDOW_SOFTMAX, SYL_WINDOW_NEGATIVES } syl_window_loss;

typedef struct syl_window_span {
    int32_t begin, count;
} syl_window_span;

/* Disambiguated Skip-gram (Grzegorczyk and Kurdziel 2018). Of a window with centre w:
 *   c = sum of `output` rows of the context / slots (constant: no gradient goes this way)
 *   l_k = c . choice[w][k] + its bias,  p = softmax(l)
 *   y = softmax((l + g) / temperature), g Gumbel noise or 0
 *   v = sum_k y_k sense[w][k]
 *   loss = sum over targets of the loss of v with that target + entropy H(p) for each target
 * where the loss is
 *   sampled softmax: -log(e^a_t / (e^a_t + sum over negatives e^a_n)), a = v . output + bias.
 *     The correction for what is sampled (Jean et al. 2015) stands in the bias: it begins at
 *     minus the log of the expected count of that row in a sample, and is set right again when
 *     the table is written to a file.
 *   negative sampling: -log sigmoid(a_t) - sum over negatives of log sigmoid(-a_n).
 * A negative that is a target of the window is left out there. With one sense this is plain
 * skip-gram. */
typedef struct syl_sense_batch {
    int64_t items;
    int senses;            /* 1 ... SYL_MAX_SENSES */
    const int32_t *centre; /* [items] */
    const int32_t *words;  /* what spans point into: rows of `output`, -1 (contexts only): none */
    int64_t num_words;
    const syl_window_span *contexts; /* [items] */
    const syl_window_span *targets;  /* [items], of no two items overlapping */
    int slots;               /* what c is divided by; 0: the number of contexts that are there */
    const int32_t *negative; /* [ceil(items / share)][negatives] rows of `output` */
    int negatives;           /* 0 ... */
    int64_t share;           /* items of a batch that share one set of negatives, 1 or more */
    syl_window_loss loss;

    syl_vector_table sense; /* row w * senses + k */
    syl_vector_table output;
    syl_vector_table choice; /* row w * senses + k, or k when shared; unused with one sense */
    bool choice_shared;
    syl_row_update sense_update, output_update, choice_update;

    bool gumbel;
    float temperature;            /* > 0 */
    float entropy;                /* lambda: above 0 fewer senses, below 0 more */
    uint64_t seed, stream, first; /* item i has noise of Philox (seed, stream, first + i) */
} syl_sense_batch;

/* The batches one after the other, all of the same tables; sums [count]. */
syl_status syl_sense_steps(syl_ctx *ctx, const syl_sense_batch *batches, int count,
                           syl_window_sums *sums, syl_error *err);
/* p [items][senses], the host's; of the batch only what p depends on is read. */
syl_status syl_sense_probabilities(syl_ctx *ctx, const syl_sense_batch *batch, float *p,
                                   syl_error *err);

/* -log(-log u) of a random word, u in [2^-24, 1 - 2^-24], so that it is finite. */
#define SYL_GUMBEL_SMALLEST 0x1p-24f

#endif
