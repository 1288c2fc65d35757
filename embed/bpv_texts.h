/* Texts to codes and vectors, a batch at a time: what the subcommands infer, search and eval
 * share. */
#ifndef SYL_EMBED_BPV_TEXTS_H
#define SYL_EMBED_BPV_TEXTS_H

#include "embed/bpv.h"
#include "lib/cli/text_args.h"

typedef struct syl_infer_args {
    syl_text_args text; /* only its part about reading */
    int passes;         /* -1: the model's */
    double lr, dropout; /* NaN: the model's */
    int forward;        /* 0: the model's, 1: sigmoid, 2: rounded */
    int batch;          /* 0: 1 for standard input, otherwise 1024 */
    int threads, seed;
    const char *device;
    bool quiet;
} syl_infer_args;

#define SYL_INFER_ARGS_MOST (SYL_TEXT_ARGS_MOST + 16)

syl_infer_args syl_infer_args_defaults(void);
/* As syl_text_args_table. */
syl_arg *syl_infer_args_table(syl_arg *to, size_t offset);
/* Over the model's own. */
syl_bpv_infer_options syl_infer_args_options(const syl_infer_args *args, const syl_bpv *model);

/* Documents in a row; valid during the call that brings them. */
typedef struct syl_inferred {
    int64_t count;
    char **names;         /* [count] */
    const uint8_t *codes; /* [count][(bits + 7) / 8] */
    const float *vectors; /* [count][dim] */
    const uint8_t *empty; /* [count] 1: the model knows none of its words; zeros */
    const int64_t *items; /* [count] those that it knows */
} syl_inferred;

typedef syl_status (*syl_inferred_sink)(void *user, const syl_inferred *batch, syl_error *err);

/* Brings the documents of the texts to `sink` in their order. */
syl_status syl_infer_texts(const syl_bpv *model, const char *const *paths, size_t num_paths,
                           const syl_infer_args *args, syl_inferred_sink sink, void *user,
                           syl_error *err);
/* The same of one text that is in memory. */
syl_status syl_infer_text(const syl_bpv *model, const char *name, const char *text,
                          const syl_infer_args *args, syl_inferred_sink sink, void *user,
                          syl_error *err);

#endif
