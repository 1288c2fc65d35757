/* sylkit bpv: finds the command of paragraph vectors and hands over. */
#include "embed/cmd.h"
#include "lib/cli/subcommands.h"
#include "train/cmd.h"

static const syl_subcommand commands[] = {
    {"train", syl_cmd_bpv_train}, {"infer", syl_cmd_bpv_infer},   {"search", syl_cmd_bpv_search},
    {"eval", syl_cmd_bpv_eval},   {"export", syl_cmd_bpv_export},
};

static const char help[] =
    "Usage: sylkit bpv train|infer|search|eval|export [OPTIONS] ...\n"
    "Binary codes and vectors of documents (paragraph vectors, Binary Paragraph Vector).\n\n"
    "  train    a model from texts\n"
    "  infer    codes and vectors of new texts\n"
    "  search   makes an index of codes, adds to it, searches it\n"
    "  eval     how well codes and vectors find documents with the same labels\n"
    "  export   to Faiss, NumPy and word2vec's formats\n\n"
    "  sylkit bpv COMMAND --help: its options\n";

int syl_cmd_bpv(int argc, char **argv)
{
    static const syl_subcommands all = {"bpv", "command", help, commands,
                                        sizeof commands / sizeof *commands};
    return syl_run_subcommand(&all, argc, argv);
}
