/* Named weights out of a safetensors file: present, of the right shape, finite. */
#ifndef SYL_NN_PARAMS_H
#define SYL_NN_PARAMS_H

#include "lib/compute/compute.h"

typedef struct syl_params {
    const syl_safetensors *file;
    char prefix[128];   /* put before every name */
    syl_dtype compute;  /* dtype that products are computed in */
    syl_device *device; /* where weights and norms go; NULL: the CPU */
    int64_t count;      /* elements taken so far */
} syl_params;

/* Formats "prefix" + name and looks it up; NULL when it is not there. */
const syl_st_tensor *syl_params_find(const syl_params *p, const char *name);

/* The tensor as float32, owned by the caller (free). Dimensions end with 0. A missing tensor,
 * another shape or a value that is not finite is an error that names it. */
syl_status syl_params_take(syl_params *p, const char *name, const int64_t *shape, float **out,
                           syl_error *err);

/* A vector of n under "<base>.<leaf>". */
syl_status syl_params_vector(syl_params *p, const char *base, const char *leaf, int64_t n,
                             float **out, syl_error *err);

/* "<base>.weight" [n_out][n_in] and "<base>.bias" [n_out] as one packed weight. */
syl_status syl_params_linear(syl_params *p, const char *base, int n_out, int n_in, syl_weight **out,
                             syl_error *err);

/* "<base>.weight" [c_out][c_in/groups][kernel] and, when asked for, "<base>.bias". */
syl_status syl_params_conv(syl_params *p, const char *base, syl_conv_shape shape, bool bias,
                           syl_weight **out, syl_error *err);

/* Moves an array of n floats, taken before, to the parameters' device, where syl_device_release
 * frees it. */
syl_status syl_params_place(const syl_params *p, float **data, int64_t n, syl_error *err);

/* Layer norm: "<base>.weight" and "<base>.bias" [n], on the parameters' device. */
typedef struct syl_norm {
    float *gamma, *beta;
    syl_device *device;
} syl_norm;
syl_status syl_params_norm(syl_params *p, const char *base, int64_t n, syl_norm *out,
                           syl_error *err);
void syl_norm_free(syl_norm *norm);

#endif
