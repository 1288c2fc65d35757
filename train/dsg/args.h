/* Options of the trainer on the command line. */
#ifndef SYL_TRAIN_DSG_ARGS_H
#define SYL_TRAIN_DSG_ARGS_H

#include "lib/cli/option_table.h"
#include "train/dsg/trainer.h"

typedef enum syl_dsg_schedule { SYL_DSG_SCHEDULE_OWN, SYL_DSG_SCHEDULE_PUBLIC } syl_dsg_schedule;

typedef struct syl_dsg_args {
    int senses, schedule;
    int dim, window, shrink, shuffle, loss, negative, sampler, share, pad; /* yes: 1 */
    int gumbel;                                                            /* none, window, pair */
    int epochs, pretrain_epochs, rule, batch, threads, seed, exchange_every;
    double sample, alpha, last_rate, choice_alpha, choice_bias, pretrain_choice_alpha;
    double temperature, last_temperature, anneal_epochs, entropy, pretrain_entropy, prune;
    const char *epoch_alpha, *momentum; /* numbers with commas, or NULL: the schedule's */
    const char *state;
    double state_seconds;
    bool resume;
} syl_dsg_args;

#define SYL_DSG_ARGS_MOST 48 /* entries of the table */

syl_dsg_args syl_dsg_args_defaults(int senses, syl_dsg_schedule schedule);
/* As syl_text_args_table (lib/cli/text_args.h). */
syl_arg *syl_dsg_args_table(syl_arg *to, size_t offset);
/* An exit status: SYL_EXIT_USAGE with a message of `command` where they make no sense. */
int syl_dsg_args_options(const syl_dsg_args *args, const char *command, syl_dsg_options *out);
/* What the model was trained with, for its file: an object of names and values. NULL: no memory. */
json_t *syl_dsg_args_record(const syl_dsg_args *args);

#endif
