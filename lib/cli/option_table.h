/* Options of a subcommand as a table: parsing, help, files of options and a record of their values
 * all come from it. For subcommands with many numbers. */
#ifndef SYL_CLI_OPTION_TABLE_H
#define SYL_CLI_OPTION_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cli/options.h"

typedef enum syl_arg_kind {
    SYL_ARG_TEXT,   /* const char * */
    SYL_ARG_INT,    /* int */
    SYL_ARG_REAL,   /* double */
    SYL_ARG_RANGE,  /* float[2], written LOW:HIGH or one number for both */
    SYL_ARG_FLAG,   /* bool, takes no value */
    SYL_ARG_CHOICE, /* int, the index in choices */
    SYL_ARG_HEADING /* no option: a line of the help text */
} syl_arg_kind;

typedef struct syl_arg {
    const char *name; /* without "--" */
    syl_arg_kind kind;
    size_t offset; /* of the value in the struct that is filled */
    const char *help;
    double min, max;            /* INT, REAL, RANGE */
    const char *const *choices; /* CHOICE: ended by NULL */
    bool recorded;              /* part of syl_args_record */
} syl_arg;

/* Entries of a table for a struct `type`, none of them recorded. */
#define SYL_OPTION_TEXT(type, name, field, help)                       \
    {                                                                  \
        name, SYL_ARG_TEXT, offsetof(type, field), help, 0, 0, NULL, 0 \
    }
#define SYL_OPTION_INT(type, name, field, low, high, help)                 \
    {                                                                      \
        name, SYL_ARG_INT, offsetof(type, field), help, low, high, NULL, 0 \
    }
#define SYL_OPTION_REAL(type, name, field, low, high, help)                 \
    {                                                                       \
        name, SYL_ARG_REAL, offsetof(type, field), help, low, high, NULL, 0 \
    }
#define SYL_OPTION_FLAG(type, name, field, help)                       \
    {                                                                  \
        name, SYL_ARG_FLAG, offsetof(type, field), help, 0, 0, NULL, 0 \
    }
#define SYL_OPTION_CHOICE(type, name, field, names, help)                 \
    {                                                                     \
        name, SYL_ARG_CHOICE, offsetof(type, field), help, 0, 0, names, 0 \
    }
#define SYL_OPTION_HEADING(text)                      \
    {                                                 \
        NULL, SYL_ARG_HEADING, 0, text, 0, 0, NULL, 0 \
    }

/* Copies `count` entries of a part of a struct that stands at `offset` in the whole one, for a
 * table of several parts; returns the place behind them. */
syl_arg *syl_args_append(syl_arg *to, const syl_arg *part, size_t count, size_t offset);

/* Fills `into`, which holds the defaults already. Two options are always there: --conf FILE, lines
 * of "name value" ("name" for a flag; # begins a comment) that stand in its place, and --help,
 * which sets *help. `text` holds the strings that files of options bring; it is the caller's to
 * json_decref. *first receives the place of the first argument that is no option. An exit
 * status. */
int syl_args_parse(const char *command, const syl_arg *table, size_t count, void *into, int argc,
                   char **argv, json_t *text, bool *help, int *first);
#define SYL_ARGS_MOST 128 /* entries of a table */

/* The options with their defaults, out of a filled struct, on standard output. */
void syl_args_help(const syl_arg *table, size_t count, const void *defaults);

/* A command whose options are a table. What stands below `start` may be left out. */
typedef struct syl_arg_command {
    const char *name;     /* for messages: "bpv eval" */
    const char *usage;    /* --help prints it before the options */
    const syl_arg *table; /* [count] */
    size_t count;
    int (*start)(void *job, int argc, char **argv); /* with the arguments that are no options */
    const char *footer;                             /* --help prints it behind the options */
    /* Replaces values by the defaults of what they ask for. What was given is then set once more,
     * over those. */
    void (*refine)(void *args);
    bool *given; /* [count]: which options stand on the command line itself, not in files */
} syl_arg_command;

/* Fills `args`, which holds the defaults already, and starts the job, or prints the help that was
 * asked for. What files of options bring stays until the job is done. An exit status. */
int syl_args_run(const syl_arg_command *command, void *args, void *job, int argc, char **argv);

/* The recorded options as JSON, owned by the caller; NULL when there is no memory. */
char *syl_args_record(const syl_arg *table, size_t count, const void *values);

#endif
