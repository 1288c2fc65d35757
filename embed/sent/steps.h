/* The steps that inference is made of, for one question or for several at once: those that go
 * through the same weights become one pass or product. */
#ifndef SYL_EMBED_SENT_STEPS_H
#define SYL_EMBED_SENT_STEPS_H

#include "embed/sent/model.h"

typedef enum syl_step_kind {
    SYL_STEP_READ,   /* the next positions of `cache`: tokens ids [count], or one vector x [dim]; y
                        [dim] (or NULL) is the last one's output after the final norm */
    SYL_STEP_CHOOSE, /* *id = the most probable token after x [dim]; of equals the first */
    SYL_STEP_MLP     /* y [last width] of x [first width] */
} syl_step_kind;

typedef struct syl_step {
    syl_step_kind kind;
    const syl_lm *lm; /* READ, CHOOSE */
    syl_lm_cache *cache;
    const int32_t *ids; /* NULL: x */
    int64_t count;
    const syl_reasoner_mlp *mlp;
    const float *x;
    float *y;
    int32_t *id;
    /* What came of it: */
    bool done;
    double flops, seconds; /* its share */
    syl_status status;
    syl_error error;
} syl_step;

/* All of them, on caches of their own. What fails is told in the steps alone. */
void syl_steps_run(syl_ctx *ctx, const syl_reasoner *model, syl_step *const *steps, int count);

#endif
