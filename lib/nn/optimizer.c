#include "lib/nn/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"

#define CLIP_EPS 1e-6 /* torch.nn.utils.clip_grad_norm_ */
#define PI 3.14159265358979323846

double syl_schedule_factor(const syl_schedule *s, int64_t step)
{
    if (step < s->warmup) return (double)(step + 1) / (double)s->warmup;
    if (s->kind == SYL_CONSTANT || s->total_steps <= s->warmup) return 1;
    double way = (double)(step - s->warmup) / (double)(s->total_steps - s->warmup);
    if (way > 1) way = 1;
    double down = s->kind == SYL_COSINE ? 0.5 * (1 + cos(PI * way)) : 1 - way;
    return s->min_factor + (1 - s->min_factor) * down;
}

syl_status syl_optimizer_start(syl_optimizer *o, const syl_param_set *set, syl_error *err)
{
    o->first = syl_calloc((size_t)set->size, sizeof(float));
    o->second = syl_calloc((size_t)set->size, sizeof(float));
    if (!o->first || !o->second)
        return syl_fail_memory(err, 2 * (size_t)set->size * sizeof(float), "the optimizer");
    return SYL_OK;
}

void syl_optimizer_free(syl_optimizer *o)
{
    free(o->first);
    free(o->second);
    o->first = o->second = NULL;
}

static double gradient_norm(syl_ctx *ctx, const syl_param_set *set)
{
    double sum = 0;
    for (int i = 0; i < set->count; i++) {
        const syl_param *p = set->item[i];
        if (!p->frozen) sum += syl_sum_squares(ctx, p->grad.data, p->size);
    }
    return sqrt(sum);
}

void syl_optimizer_update(syl_ctx *ctx, syl_optimizer *o, syl_param_set *set, double weight,
                          double *grad_norm)
{
    double norm = *grad_norm = gradient_norm(ctx, set) * weight;
    if (!isfinite(norm)) return;
    double clip = o->clip > 0 ? o->clip / (norm + CLIP_EPS) : 1;
    float scale = (float)(clip < 1 ? clip * weight : weight);
    syl_adamw by = o->adamw;
    by.lr = (float)(o->adamw.lr * syl_schedule_factor(&o->schedule, o->adamw.step));
    by.step = ++o->adamw.step;
    for (int i = 0; i < set->count; i++) {
        const syl_param *p = set->item[i];
        if (!p->frozen)
            syl_adamw_update(ctx, &by, scale, p->grad.data, o->first + p->offset,
                             o->second + p->offset, p->value.data, p->size);
    }
}
