/* sylkit dsg: finds the command of senses of words and hands over. */
#include <stdio.h>
#include <string.h>

#include "embed/cmd.h"
#include "lib/cli/options.h"
#include "train/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"train", syl_cmd_dsg_train},
    {"senses", syl_cmd_dsg_senses},
    {"neighbours", syl_cmd_dsg_neighbours},
    {"disambiguate", syl_cmd_dsg_disambiguate},
    {"eval", syl_cmd_dsg_eval},
    {"export", syl_cmd_dsg_export},
    {"plot", syl_cmd_dsg_plot},
};

static const char help[] =
    "Usage: sylkit dsg train|senses|neighbours|disambiguate|eval|export|plot [OPTIONS] ...\n"
    "A vector for each sense of a word (Disambiguated Skip-gram), and skip-gram.\n\n"
    "  train         a model from texts\n"
    "  senses        which senses words have, and how frequent they are\n"
    "  neighbours    the nearest words of each sense\n"
    "  disambiguate  which sense a word has in a text\n"
    "  eval          word sense induction, similarity of words, analogies\n"
    "  export        to word2vec's formats\n"
    "  plot          a map of words' senses\n\n"
    "  sylkit dsg COMMAND --help: its options\n";

int syl_cmd_dsg(int argc, char **argv)
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
    return syl_usage("dsg", "there is no command '%s'", argv[1]);
}
