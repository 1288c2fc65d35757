/* The parameters of a network in training: one block of values and one of gradients, cut into
 * named pieces in the order of their declaration, so that updating, averaging, exchanging and
 * saving are each one pass. */
#ifndef SYL_NN_PARAM_SET_H
#define SYL_NN_PARAM_SET_H

#include "lib/compute/mirror.h"

#define SYL_PARAM_NAME 128
#define SYL_PARAM_DIMS 4

typedef struct syl_param {
    char name[SYL_PARAM_NAME];    /* as in the file */
    int64_t dims[SYL_PARAM_DIMS]; /* shape in the file, ended by 0 */
    bool taps_first;      /* the file's [out][in][kernel] stands here as [out][kernel][in] */
    bool frozen;          /* has no gradient and is not updated */
    int64_t offset, size; /* place in the blocks */
    syl_mat value, grad;  /* [dims[0]][all others]; set by syl_param_set_finish */
} syl_param;

typedef struct syl_param_set {
    syl_param **item; /* [count], each at an address that stays */
    int count, capacity;
    int64_t size;             /* of all parameters */
    syl_mirror values, grads; /* [size]; grads: nothing in a fixed set */
} syl_param_set;

/* Declares a parameter of this shape (ended by 0). With taps_first the shape is
 * [out][in][kernel]. */
syl_status syl_param_add(syl_param_set *set, const char *name, const int64_t *dims, bool taps_first,
                         syl_param **out, syl_error *err);
/* Makes the blocks, all zero, once everything is declared. */
syl_status syl_param_set_finish(syl_param_set *set, syl_error *err);
/* The same for parameters that are only used: all are frozen, and there are no gradients. */
syl_status syl_param_set_finish_fixed(syl_param_set *set, syl_error *err);
/* Moves them to a device (NULL: they stay on the CPU). Values are read from files and written to
 * them on the host: push or pull the mirror then. */
syl_status syl_param_set_place(syl_param_set *set, syl_device *device, syl_error *err);
void syl_param_set_free(syl_param_set *set);

/* The value out of a file, under prefix + name; one that is missing, misshapen or not finite is an
 * error that names it. */
syl_status syl_param_load(syl_param *param, const syl_safetensors *file, const char *prefix,
                          const char *name, syl_error *err);
/* All of them, under their own names. */
syl_status syl_param_set_load(syl_param_set *set, const syl_safetensors *file, const char *prefix,
                              syl_error *err);
/* One parameter as it is in the file, from the host's block `from` (values, or an average of them);
 * freed by the caller. */
float *syl_param_export(const syl_param *param, const float *from);

void syl_param_set_zero_grads(syl_ctx *ctx, syl_param_set *set);

#endif
