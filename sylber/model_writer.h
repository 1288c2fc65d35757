/* A model file out of another: the weights, a configuration, and codebooks old or new. */
#ifndef SYL_SYLBER_MODEL_WRITER_H
#define SYL_SYLBER_MODEL_WRITER_H

#include "lib/io/npy.h"
#include "sylber/config.h"

#define SYL_DTYPE_KEPT (-1) /* each weight as it is in the file, new codebooks in f32 */

typedef struct syl_model_edit {
    int dtype;                          /* syl_dtype of all, or SYL_DTYPE_KEPT */
    const syl_npy *codebook, *residual; /* [K][dim] in place of the file's; NULL: those kept.
                                           A new codebook drops the old one's residuals */
} syl_model_edit;

/* Atomic; `path` may be the file that is read. */
syl_status syl_model_write(const char *path, const syl_safetensors *file, const syl_config *config,
                           const syl_model_edit *edit, syl_error *err);

#endif
