/* The options of subcommands that handle many recordings. */
#ifndef SYL_CLI_BATCH_ARGS_H
#define SYL_CLI_BATCH_ARGS_H

#include <getopt.h>
#include <stdbool.h>

#include "lib/cli/batch.h"

typedef struct syl_batch_args {
    const char *command; /* for messages */
    const char *out;     /* folder, or NULL */
    int jobs;
    bool resume, verbose, quiet, help;
    bool listed; /* a --list was given, even an empty one */
    syl_inputs inputs;
} syl_batch_args;

enum { SYL_OPT_JOBS = 1100, SYL_OPT_OUT, SYL_OPT_LIST, SYL_OPT_RESUME, SYL_OPT_HELP };

/* Entries for getopt_long's table, and its short options. */
#define SYL_BATCH_LONG_OPTIONS                                                              \
    {"jobs", required_argument, NULL, SYL_OPT_JOBS},                                        \
        {"out", required_argument, NULL, SYL_OPT_OUT},                                      \
        {"list", required_argument, NULL, SYL_OPT_LIST},                                    \
        {"resume", no_argument, NULL, SYL_OPT_RESUME}, {"verbose", no_argument, NULL, 'v'}, \
        {"quiet", no_argument, NULL, 'q'},                                                  \
    {                                                                                       \
        "help", no_argument, NULL, SYL_OPT_HELP                                             \
    }
#define SYL_BATCH_SHORT_OPTIONS "vqh"

extern const char syl_batch_help[]; /* their part of a --help text */

syl_batch_args syl_batch_args_defaults(const char *command);
void syl_batch_args_free(syl_batch_args *args);

/* 1 when `option` is one of these. *code receives an exit status. */
int syl_batch_args_take(syl_batch_args *args, int option, const char *value, int *code);

/* Adds what stands after the options, and checks that it all makes sense. An exit status. */
int syl_batch_args_finish(syl_batch_args *args, int argc, char **argv, int first);

/* The file that this input's result goes to, its folders made: *path is owned by the caller;
 * NULL when --resume finds it done already. */
syl_status syl_batch_args_output(const syl_batch_args *args, const syl_input *input,
                                 const char *extension, char **path, syl_error *err);

/* Runs the batch with these jobs and a progress bar. `progress` receives the bar before `work`
 * is called for the first time. An exit status. */
int syl_batch_args_run(const syl_batch_args *args, syl_batch_work work, void *user,
                       syl_progress **progress);

#endif
