#include "embed/lm_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed/sent/decoder.h"
#include "lib/base/memory.h"

#define MAX_TEXT ((size_t)1 << 30)

enum { AUTO, BLOCKS, F32, BF16 };
static const char *const precisions[] = {"auto", "blocks", "f32", "bf16", NULL};

static const syl_arg table[] = {
    SYL_OPTION_HEADING("The model:"),
    SYL_OPTION_CHOICE(syl_lm_args, "precision", precision, precisions,
                      "of products; auto: blocks of few bits as the file has them, else f32"),
    SYL_OPTION_TEXT(syl_lm_args, "device", device, "cpu, cuda, cuda:N or auto"),
    SYL_OPTION_INT(syl_lm_args, "threads", threads, 1, 1024, "of computation"),
};
#define COUNT (sizeof table / sizeof *table)
_Static_assert(COUNT <= SYL_LM_ARGS_MOST, "room for all of them");

syl_lm_args syl_lm_args_defaults(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return (syl_lm_args){.threads = n < 1 ? 1 : n > 1024 ? 1024 : (int)n, .device = "cpu"};
}

syl_arg *syl_lm_args_table(syl_arg *to, size_t offset)
{
    return syl_args_append(to, table, COUNT, offset);
}

syl_status syl_lm_session_open(syl_lm_session *s, const syl_lm_args *args, const char *path,
                               syl_error *err)
{
    *s = (syl_lm_session){0};
    SYL_TRY(syl_device_open(&s->device, args->device, err));
    syl_lm_open_options o = {.keep_blocks = args->precision == AUTO || args->precision == BLOCKS,
                             .dtype = args->precision == BF16 ? SYL_BF16 : SYL_F32,
                             .device = s->device};
    SYL_TRY(syl_ctx_create_on(&s->ctx, s->device, args->threads, err));
    if (syl_sent_is_saved(path)) return syl_sent_decoder_open(&s->lm, &s->bpe, path, &o, err);
    return syl_lm_open_path(&s->lm, &s->bpe, path, &o, err);
}

void syl_lm_session_close(syl_lm_session *s)
{
    syl_bpe_free(s->bpe);
    syl_lm_free(s->lm);
    syl_ctx_free(s->ctx);
    syl_device_close(s->device);
}

syl_status syl_lm_session_feed_batch(syl_lm_session *s, syl_lm_cache *const *caches,
                                     syl_ragged sequences, const int32_t *ids, syl_mat hidden,
                                     syl_error *err)
{
    syl_mat x;
    size_t mark = syl_ctx_mark(s->ctx);
    int64_t rows = sequences.begin[sequences.count], dim = syl_lm_shape_of(s->lm)->dim;
    syl_status status = syl_ctx_mat(s->ctx, SYL_F32, rows, dim, &x, err);
    if (status == SYL_OK) status = syl_lm_embed(s->ctx, s->lm, ids, x, err);
    if (status == SYL_OK)
        status = syl_lm_forward_batch(s->ctx, s->lm, caches, sequences, x, hidden, NULL, err);
    syl_ctx_release(s->ctx, mark);
    return status;
}

syl_status syl_lm_session_feed(syl_lm_session *s, syl_lm_cache *cache, const int32_t *ids,
                               int64_t count, syl_mat hidden, syl_error *err)
{
    const int64_t begin[] = {0, count};
    return syl_lm_session_feed_batch(s, &cache, (syl_ragged){1, begin}, ids, hidden, err);
}

static syl_status read_all(FILE *in, const char *path, char **text, size_t *size, syl_error *err)
{
    void *data = NULL;
    size_t room = 0, n = 0, got;
    do {
        if (syl_grow(&data, &room, n + 65536, 1, err) != SYL_OK || n > MAX_TEXT) {
            free(data);
            return n > MAX_TEXT ? syl_fail(err, SYL_EINVAL, "%s: more than %zu bytes of text; give it in parts", path,
                                           MAX_TEXT)
                                : SYL_ENOMEM;
        }
        got = fread((char *)data + n, 1, 65536, in);
        n += got;
    } while (got > 0);
    if (ferror(in)) {
        free(data);
        return syl_fail(err, SYL_EIO, "%s: %s", path, strerror(errno));
    }
    *text = data;
    *size = n;
    return SYL_OK;
}

const char *syl_lm_text_name(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

syl_status syl_lm_read_text(const char *path, char **text, size_t *size, syl_error *err)
{
    *text = NULL;
    if (!strcmp(path, "-")) return read_all(stdin, syl_lm_text_name(path), text, size, err);
    FILE *in = fopen(path, "rb");
    if (!in) return syl_fail(err, SYL_EIO, "%s: %s", path, strerror(errno));
    syl_status status = read_all(in, path, text, size, err);
    fclose(in);
    return status;
}
