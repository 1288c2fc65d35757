/* What the subcommands of senses share: which model, which of its senses. */
#ifndef SYL_EMBED_DSG_ARGS_H
#define SYL_EMBED_DSG_ARGS_H

#include <jansson.h>

#include "embed/senses.h"
#include "lib/cli/option_table.h"

typedef struct syl_dsg_model_args {
    int format, preparation; /* of the model's file; of contexts with a file of vectors */
    double prune;
    int threads;
} syl_dsg_model_args;

#define SYL_DSG_MODEL_ARGS_MOST 8 /* entries of the table */

syl_dsg_model_args syl_dsg_model_args_defaults(void);
/* As syl_text_args_table (lib/cli/text_args.h). */
syl_arg *syl_dsg_model_args_table(syl_arg *to, size_t offset);
/* Both are the caller's to free, the senses first; NULL on failure. */
syl_status syl_dsg_model_args_open(const syl_dsg_model_args *args, const char *path,
                                   syl_dsg_model **model, syl_senses **senses, syl_error *err);

/* The id of a word of the command line; -1 of one that is none, which is told on standard error. */
int32_t syl_dsg_look_up(const char *command, const syl_senses *senses, const char *word);

/* "word" or "word#2". */
json_t *syl_sense_name_json(const syl_senses *senses, int32_t word, int32_t sense);

#endif
