/* sylkit bpv: finds the command of paragraph vectors and hands over. */
#include <stdio.h>
#include <string.h>

#include "embed/cmd.h"
#include "lib/cli/options.h"
#include "train/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
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
    return syl_usage("bpv", "there is no command '%s'", argv[1]);
}
