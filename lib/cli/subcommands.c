#include "lib/cli/subcommands.h"

#include <stdio.h>
#include <string.h>

#include "lib/cli/options.h"

int syl_run_subcommand(const syl_subcommands *commands, int argc, char **argv)
{
    if (argc < 2) {
        fputs(commands->help, stderr);
        return SYL_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(commands->help, stdout);
        return SYL_EXIT_OK;
    }
    for (size_t i = 0; i < commands->count; i++)
        if (!strcmp(argv[1], commands->all[i].name))
            return commands->all[i].run(argc - 1, argv + 1);
    return syl_usage(commands->name, "there is no %s '%s'", commands->noun, argv[1]);
}
