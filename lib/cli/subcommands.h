/* Subcommands of a subcommand, as `sylkit lm generate`: finds the one that was named and hands
 * over. */
#ifndef SYL_CLI_SUBCOMMANDS_H
#define SYL_CLI_SUBCOMMANDS_H

#include <stddef.h>

typedef struct syl_subcommand {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0]: its name; returns an exit status */
} syl_subcommand;

typedef struct syl_subcommands {
    const char *name; /* of the command that they belong to */
    const char *noun; /* what a message calls one of them */
    const char *help;
    const syl_subcommand *all; /* [count] */
    size_t count;
} syl_subcommands;

/* argv[1] names the subcommand, or asks for help. An exit status. */
int syl_run_subcommand(const syl_subcommands *commands, int argc, char **argv);

#endif
