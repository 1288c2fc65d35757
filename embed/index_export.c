/* An index's codes for other programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "embed/index.h"
#include "lib/base/memory.h"
#include "lib/io/npy.h"

#define CHUNK 4096 /* codes at a time */

typedef syl_status put_codes(void *to, const uint8_t *codes, int64_t n, syl_error *err);

static syl_status each_chunk(const syl_index *index, put_codes *put, void *to, syl_error *err)
{
    int64_t count = index->in_file + index->added;
    uint8_t *packed = syl_calloc(CHUNK, (size_t)index->bytes);
    syl_status status = SYL_OK;
    if (!packed) return syl_fail_memory(err, CHUNK * (size_t)index->bytes, "codes");
    for (int64_t i = 0; i < count && status == SYL_OK; i += CHUNK) {
        int64_t n = count - i < CHUNK ? count - i : CHUNK;
        syl_index_pack(index, i, n, packed);
        status = put(to, packed, n, err);
    }
    free(packed);
    return status;
}

/* ---- Faiss -------------------------------------------------------------------------------- */

/* What Faiss's index_write.cpp writes before the codes of an IndexBinaryFlat, without gaps. */
typedef struct __attribute__((packed)) faiss_header {
    char kind[4];
    int32_t bits, bytes;
    int64_t count;
    uint8_t is_trained;
    int32_t metric; /* 1: what it is for binary indexes, unused */
    uint64_t size;  /* bytes that follow */
} faiss_header;

typedef struct faiss_file {
    syl_atomic file;
    int bytes;
} faiss_file;

static syl_status put(faiss_file *f, const void *data, size_t bytes, syl_error *err)
{
    if (fwrite(data, 1, bytes, f->file.stream) == bytes) return SYL_OK;
    return syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", f->file.path,
                    strerror(errno));
}

static syl_status put_faiss(void *to, const uint8_t *codes, int64_t n, syl_error *err)
{
    faiss_file *f = to;
    return put(f, codes, (size_t)n * (size_t)f->bytes, err);
}

syl_status syl_index_export_faiss(const syl_index *index, const char *path, syl_error *err)
{
    int64_t count = index->in_file + index->added;
    faiss_header h = {.kind = {'I', 'B', 'x', 'F'},
                      .bits = index->bits,
                      .bytes = index->bytes,
                      .count = count,
                      .is_trained = 1,
                      .metric = 1,
                      .size = (uint64_t)count * (uint64_t)index->bytes};
    faiss_file f = {.bytes = index->bytes};
    if (index->bits % 8)
        return syl_fail(
            err, SYL_EUNSUPPORTED,
            "%s: Faiss has codes of whole bytes, and these have %d bits; export them as "
            ".npy",
            path, index->bits);
    SYL_TRY(syl_atomic_open(&f.file, path, err));
    syl_status status = put(&f, &h, sizeof h, err);
    if (status == SYL_OK) status = each_chunk(index, put_faiss, &f, err);
    if (status == SYL_OK) return syl_atomic_commit(&f.file, err);
    syl_atomic_discard(&f.file);
    return status;
}

/* ---- NumPy -------------------------------------------------------------------------------- */

static syl_status put_npy(void *to, const uint8_t *codes, int64_t n, syl_error *err)
{
    return syl_npy_writer_append_bytes(to, codes, n, err);
}

syl_status syl_index_export_npy(const syl_index *index, const char *path, syl_error *err)
{
    syl_npy_writer w;
    SYL_TRY(syl_npy_writer_open_bytes(&w, path, index->bytes, err));
    syl_status status = each_chunk(index, put_npy, &w, err);
    if (status == SYL_OK) return syl_npy_writer_commit(&w, err);
    syl_npy_writer_discard(&w);
    return status;
}
