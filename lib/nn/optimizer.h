/* AdamW over a set of parameters, clipping of the gradient, learning-rate schedules. */
#ifndef SYL_NN_OPTIMIZER_H
#define SYL_NN_OPTIMIZER_H

#include "lib/compute/training.h"
#include "lib/nn/param_set.h"

typedef enum syl_schedule_kind { SYL_CONSTANT, SYL_COSINE, SYL_LINEAR } syl_schedule_kind;

/* Linear warm-up from 0, then constant, or down to min_factor of the rate at total_steps. */
typedef struct syl_schedule {
    syl_schedule_kind kind;
    int64_t warmup, total_steps;
    double min_factor;
} syl_schedule;
/* The factor of the learning rate at `step` (0 at the first update). */
double syl_schedule_factor(const syl_schedule *schedule, int64_t step);

typedef struct syl_optimizer {
    syl_adamw adamw; /* lr: at factor 1; step: updates done */
    double clip;     /* largest norm of the gradient; 0: any */
    syl_schedule schedule;
    syl_mirror first, second; /* [size of the set] moments */
} syl_optimizer;

/* Allocates the moments, all zero. */
syl_status syl_optimizer_start(syl_optimizer *optimizer, const syl_param_set *set, syl_error *err);
syl_status syl_optimizer_place(syl_optimizer *optimizer, syl_device *device, syl_error *err);
void syl_optimizer_free(syl_optimizer *optimizer);
/* One update from the gradients times `weight` (they stay as they are); grad_norm receives the norm
 * of that before clipping, of parameters that are not frozen. A norm that is not finite updates
 * nothing. */
void syl_optimizer_update(syl_ctx *ctx, syl_optimizer *optimizer, syl_param_set *set, double weight,
                          double *grad_norm);

#endif
