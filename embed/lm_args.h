/* What the subcommands of language models share: which model, where and how it computes. */
#ifndef SYL_EMBED_LM_ARGS_H
#define SYL_EMBED_LM_ARGS_H

#include "embed/lm/lm.h"
#include "lib/cli/option_table.h"

typedef struct syl_lm_args {
    int precision, threads;
    const char *device;
} syl_lm_args;

#define SYL_LM_ARGS_MOST 4 /* entries of the table */

syl_lm_args syl_lm_args_defaults(void);
/* As syl_text_args_table (lib/cli/text_args.h). */
syl_arg *syl_lm_args_table(syl_arg *to, size_t offset);

/* A model that is open, and a context to compute in. */
typedef struct syl_lm_session {
    syl_device *device;
    syl_ctx *ctx;
    syl_lm *lm;
    syl_bpe *bpe;
} syl_lm_session;

/* To be closed also when it fails. */
syl_status syl_lm_session_open(syl_lm_session *session, const syl_lm_args *args, const char *path,
                               syl_error *err);
void syl_lm_session_close(syl_lm_session *session);

/* So many positions at a time keep scratch memory small and products large. */
#define SYL_LM_CHUNK 512

/* The next `count` positions of a conversation from ids: hidden [m][dim] (0: none) of the last m of
 * them. */
syl_status syl_lm_session_feed(syl_lm_session *session, syl_lm_cache *cache, const int32_t *ids,
                               int64_t count, syl_mat hidden, syl_error *err);

/* The same for several conversations at once, rows begin[i] to begin[i + 1] of ids for caches[i];
 * hidden as syl_lm_forward_batch has it. */
syl_status syl_lm_session_feed_batch(syl_lm_session *session, syl_lm_cache *const *caches,
                                     syl_ragged sequences, const int32_t *ids, syl_mat hidden,
                                     syl_error *err);

/* What messages call a text. */
const char *syl_lm_text_name(const char *path);

/* All bytes of a file, "-": of standard input; *text [*size] is freed by the caller. */
syl_status syl_lm_read_text(const char *path, char **text, size_t *size, syl_error *err);

#endif
