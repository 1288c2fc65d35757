/* sylkit sent: finds the command of models that predict sentences' embeddings and hands over. */
#include <stdio.h>
#include <string.h>

#include "embed/cmd.h"
#include "lib/cli/options.h"
#include "train/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"gen", syl_cmd_sent_gen},         {"train", syl_cmd_sent_train}, {"eval", syl_cmd_sent_eval},
    {"predict", syl_cmd_sent_predict}, {"lens", syl_cmd_sent_lens},   {"flops", syl_cmd_sent_flops},
};

static const char help[] = "Usage: sylkit sent gen|train|eval|predict|lens|flops [OPTIONS] ...\n"
                           "Language models that reason in embeddings of sentences.\n\n"
                           "  gen      questions with their reasoning, made by rule\n"
                           "  train    one stage of a model\n"
                           "  eval     how often a model is right, and what that costs\n"
                           "  predict  what it says to questions\n"
                           "  lens     what it has in mind, latent by latent and layer by layer\n"
                           "  flops    what answers would cost\n\n"
                           "  sylkit sent COMMAND --help: its options\n";

int syl_cmd_sent(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return SYL_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(help, stdout);
        return SYL_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    return syl_usage("sent", "there is no command '%s'", argv[1]);
}
