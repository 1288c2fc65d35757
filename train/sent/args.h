/* Options of `sylkit sent train`: the table and each stage's defaults. */
#ifndef SYL_TRAIN_SENT_ARGS_H
#define SYL_TRAIN_SENT_ARGS_H

#include "lib/cli/option_table.h"

/* Stages as the command names them: those of embed/sent/config.h, then the classifier. */
enum { SYL_SENT_ARGS_STOP = 6 };

typedef struct syl_sent_args {
    const char *data, *valid, *out, *from, *semantic, *encoder_from, *latent_from, *device;
    int stage, precision, schedule, latent_norm, loss_on;
    int architecture;                          /* syl_lm_kind */
    int dim, layers, heads, kv_heads, context; /* kv_heads 0: as many as heads */
    int sentence_tokens, sentences, valid_count;
    int steps, batch, accumulate, warmup, self_feed_ramp;
    int threads, seed, log_every, checkpoint_every, validate_every;
    int lora;                        /* rank; 0: none */
    double lora_alpha, lora_dropout; /* alpha 0: 4 times the rank */
    const char *lora_targets;        /* NULL: of attention */
    double lr, min_factor, beta1, beta2, eps, weight_decay, clip;
    double dropout, prefix_dropout, latent_dropout, contrast, lambda, temperature, self_feed;
    bool resume, quiet;
} syl_sent_args;

extern const syl_arg syl_sent_args_table[];
extern const size_t syl_sent_args_count;

/* The published settings of a stage (spec/sentence.md 1.3), in steps in place of epochs. */
syl_sent_args syl_sent_args_defaults(int stage);

/* What options cannot be together; an exit status. given [syl_sent_args_count]: which stand on the
 * command line itself, where those of other stages are refused; files of options may have them, as
 * several stages share one, and what is of others is forgotten. */
int syl_sent_args_check(syl_sent_args *args, const bool *given);

#endif
