/* sylkit sent: finds the command of models that predict sentences' embeddings and hands over. */
#include "embed/cmd.h"
#include "lib/cli/subcommands.h"
#include "train/cmd.h"

static const syl_subcommand commands[] = {
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
    static const syl_subcommands all = {"sent", "command", help, commands,
                                        sizeof commands / sizeof *commands};
    return syl_run_subcommand(&all, argc, argv);
}
