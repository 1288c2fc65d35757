#include "lib/nn/optimizer.h"

#include <math.h>

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
    SYL_TRY(syl_mirror_create(&o->first, set->size, "the optimizer", err));
    return syl_mirror_create(&o->second, set->size, "the optimizer", err);
}

syl_status syl_optimizer_place(syl_optimizer *o, syl_device *device, syl_error *err)
{
    SYL_TRY(syl_mirror_place(&o->first, device, err));
    return syl_mirror_place(&o->second, device, err);
}

void syl_optimizer_free(syl_optimizer *o)
{
    syl_mirror_free(&o->first);
    syl_mirror_free(&o->second);
}

/* Parameters that are not frozen and lie side by side are one pass: from *at on, as a place in the
 * blocks and a size; false at the end. */
static bool next_pass(const syl_param_set *set, int *at, int64_t *offset, int64_t *size)
{
    while (*at < set->count && set->item[*at]->frozen)
        ++*at;
    if (*at == set->count) return false;
    *offset = set->item[*at]->offset;
    *size = 0;
    for (; *at < set->count && !set->item[*at]->frozen; ++*at)
        *size += set->item[*at]->size;
    return true;
}

static double gradient_norm(syl_ctx *ctx, const syl_param_set *set)
{
    double sum = 0;
    int64_t offset, size;
    for (int at = 0; next_pass(set, &at, &offset, &size);)
        sum += syl_sum_squares(ctx, set->grads.data + offset, size);
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
    int64_t offset, size;
    by.lr = (float)(o->adamw.lr * syl_schedule_factor(&o->schedule, o->adamw.step));
    by.step = ++o->adamw.step;
    for (int at = 0; next_pass(set, &at, &offset, &size);)
        syl_adamw_update(ctx, &by, scale, set->grads.data + offset, o->first.data + offset,
                         o->second.data + offset, set->values.data + offset, size);
}
