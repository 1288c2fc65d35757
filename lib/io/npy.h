/* NumPy's .npy, version 1.0 to 3.0, little endian, C order: f4, f8, f2, i4, i8, i1, u1. */
#ifndef SYL_IO_NPY_H
#define SYL_IO_NPY_H

#include "lib/base/file.h"
#include "lib/io/safetensors.h"

typedef struct syl_npy {
    int ndim;
    int64_t shape[8];
    float *data; /* converted to float32, owned */
    size_t count;
} syl_npy;

/* Reads any of the dtypes as float32. Fortran order, objects, big endian and sizes that do
 * not match the file are errors. */
syl_status syl_npy_read(syl_npy *out, const char *path, syl_error *err);
syl_status syl_npy_parse(syl_npy *out, const void *data, size_t size, const char *name,
                         syl_error *err);
void syl_npy_free(syl_npy *npy);

/* An array that stays in its file, read by ranges: for files larger than memory. */
typedef struct syl_npy_map {
    int ndim;
    int64_t shape[8];
    size_t count;
    /* inside */
    syl_map file;
    const uint8_t *data;
    size_t bytes; /* an element's */
    char descr[16];
} syl_npy_map;
syl_status syl_npy_map_open(syl_npy_map *map, const char *path, syl_error *err);
/* Elements [first, first + n), which must be there, as float32. Safe from several threads. */
void syl_npy_map_read(const syl_npy_map *map, size_t first, size_t n, float *dst);
void syl_npy_map_close(syl_npy_map *map);

/* Atomic. data is `dtype` F32 or I32. */
syl_status syl_npy_write(const char *path, const void *data, syl_dtype dtype, int ndim,
                         const int64_t *shape, syl_error *err);

/* A [rows][cols] file, float32 or (..._bytes) uint8, whose number of rows is not known yet: append,
 * then commit. */
typedef struct syl_npy_writer {
    syl_atomic file;
    int64_t rows, cols;
    const char *descr; /* of the elements */
} syl_npy_writer;
syl_status syl_npy_writer_open(syl_npy_writer *w, const char *path, int64_t cols, syl_error *err);
syl_status syl_npy_writer_append(syl_npy_writer *w, const float *rows, int64_t n, syl_error *err);
syl_status syl_npy_writer_open_bytes(syl_npy_writer *w, const char *path, int64_t cols,
                                     syl_error *err);
syl_status syl_npy_writer_append_bytes(syl_npy_writer *w, const uint8_t *rows, int64_t n,
                                       syl_error *err);
syl_status syl_npy_writer_commit(syl_npy_writer *w, syl_error *err);
void syl_npy_writer_discard(syl_npy_writer *w);

#endif
