/* safetensors: read by mmap, written atomically. https://huggingface.co/docs/safetensors
 * Limits: header at most 100 MB and inside the file; at most 100,000 tensors; at most 8
 * dimensions; ranges inside the data, matching dtype * shape, and not overlapping. Tensors of
 * the format's other dtypes (F64, I64, BOOL, ...) are checked alike but not listed. */
#ifndef SYL_IO_SAFETENSORS_H
#define SYL_IO_SAFETENSORS_H

#include <jansson.h>

#include "lib/base/file.h"

typedef enum syl_dtype { SYL_F32, SYL_BF16, SYL_F16, SYL_S8, SYL_I32 } syl_dtype;

size_t syl_dtype_size(syl_dtype dtype);
const char *syl_dtype_name(syl_dtype dtype); /* "F32", ... as in the format */

typedef struct syl_st_tensor {
    const char *name; /* owned by the file */
    syl_dtype dtype;
    int ndim;
    int64_t shape[8];
    const void *data; /* unaligned, into the map */
    size_t count;     /* elements */
} syl_st_tensor;

typedef struct syl_safetensors syl_safetensors;

syl_status syl_safetensors_open(syl_safetensors **out, const char *path, syl_error *err);
/* The same over memory that outlives the object; `name` stands in for the path. */
syl_status syl_safetensors_parse(syl_safetensors **out, const void *data, size_t size,
                                 const char *name, syl_error *err);
/* Tensors in several files: an index {"weight_map": {"tensor": "NAME.safetensors", ...}} of files
 * beside it, as Hugging Face's model.safetensors.index.json, stands for all of them. It names
 * exactly the tensors that its files have. Limits: 64 MB, 100,000 tensors, 1,000 files. */
syl_status syl_safetensors_open_index(syl_safetensors **out, const char *path, syl_error *err);
/* model.safetensors of a folder or, where there is none, its model.safetensors.index.json. */
syl_status syl_safetensors_open_folder(syl_safetensors **out, const char *folder, syl_error *err);
void syl_safetensors_free(syl_safetensors *file);

const char *syl_safetensors_path(const syl_safetensors *file);
/* Of the file that has this tensor, where there are several. */
const char *syl_safetensors_path_of(const syl_safetensors *file, const syl_st_tensor *tensor);
size_t syl_safetensors_count(const syl_safetensors *file);
const syl_st_tensor *syl_safetensors_at(const syl_safetensors *file, size_t i);
const syl_st_tensor *syl_safetensors_find(const syl_safetensors *file, const char *name);
/* A string of __metadata__, or NULL. */
const char *syl_safetensors_metadata(const syl_safetensors *file, const char *key);

/* Converts to float32 (any dtype of the list; s8 and i32 by value). dst holds count floats. */
void syl_st_to_f32(const syl_st_tensor *tensor, float *dst);
/* Weights of 8 bits: an S8 tensor NAME of two or more dimensions with a tensor NAME.scale of one
 * value a row (first dimension) stands for integer * scale of its row. The scale, or NULL. */
const syl_st_tensor *syl_st_scale_of(const syl_safetensors *file, const syl_st_tensor *tensor);
/* What a tensor of the file stands for: as syl_st_to_f32, then times its scale where it has one. */
void syl_st_values(const syl_safetensors *file, const syl_st_tensor *tensor, float *dst);
/* Rows [rows][cols] as integers of -127 to 127 and the scale of each. */
void syl_st_quantise(const float *src, size_t rows, size_t cols, int8_t *dst, float *scale);
/* float32 to dtype, round to nearest even; s8 and i32 saturate. */
void syl_st_from_f32(const float *src, size_t count, syl_dtype dtype, void *dst);

/* Writes tensors (data in the host's byte order) with `metadata` (JSON object of strings, may
 * be NULL). The data begins at a multiple of 8 bytes; wide dtypes come first, so that each
 * tensor is aligned to its elements without the gaps that other readers refuse. */
syl_status syl_safetensors_write(const char *path, const syl_st_tensor *tensors, size_t count,
                                 const json_t *metadata, syl_error *err);

#endif
