/* What the subcommands that run a sentence model share: the model, the device, the way to run. */
#ifndef SYL_EMBED_SENT_ARGS_H
#define SYL_EMBED_SENT_ARGS_H

#include "embed/sent/infer.h"
#include "lib/cli/option_table.h"

typedef struct syl_sent_run_args {
    int regime, stop, max_sentences, max_tokens;
    int latent_norm; /* 0: the model's; else a syl_latent_norm + 1 */
    double latent_scale;
    int noise, seed;
    double noise_sigma, noise_probability;
    int precision, threads, batch, limit;
    const char *device; /* NULL: the CPU */
    bool verbalise, quiet;
} syl_sent_run_args;

/* Parts of the table; a command takes those that it needs. */
enum { SYL_SENT_ARGS_MODEL = 1, SYL_SENT_ARGS_RUN = 2, SYL_SENT_ARGS_REGIME = 4 };
#define SYL_SENT_ARGS_MOST 24 /* entries of all parts */

syl_sent_run_args syl_sent_run_args_defaults(void);
/* As syl_text_args_table (lib/cli/text_args.h). */
syl_arg *syl_sent_run_args_table(syl_arg *to, unsigned parts, size_t offset);
syl_infer_options syl_sent_run_args_infer(const syl_sent_run_args *args);
/* Both are the caller's to free, the model first; the device may be NULL. */
syl_status syl_sent_run_args_open(const syl_sent_run_args *args, const char *path,
                                  syl_device **device, syl_reasoner **model, syl_error *err);

/* Reads samples, at most --limit of them. */
syl_status syl_sent_run_args_read(const syl_sent_run_args *args, const char *path,
                                  syl_sent_dataset *dataset, syl_error *err);

#endif
