/* sylkit dsg: finds the command of senses of words and hands over. */
#include "embed/cmd.h"
#include "lib/cli/subcommands.h"
#include "train/cmd.h"

static const syl_subcommand commands[] = {
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
    static const syl_subcommands all = {"dsg", "command", help, commands,
                                        sizeof commands / sizeof *commands};
    return syl_run_subcommand(&all, argc, argv);
}
