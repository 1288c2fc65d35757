/* sylkit lm: finds the command of language models and hands over. */
#include "embed/cmd.h"
#include "lib/cli/subcommands.h"

static const syl_subcommand commands[] = {
    {"generate", syl_cmd_lm_generate},
    {"embed", syl_cmd_lm_embed},
    {"perplexity", syl_cmd_lm_perplexity},
    {"tokenize", syl_cmd_lm_tokenize},
};

static const char help[] =
    "Usage: sylkit lm generate|embed|perplexity|tokenize [OPTIONS] MODEL ...\n"
    "Language models: GPT-2 and Llama, out of GGUF or a folder of Hugging Face's.\n\n"
    "  generate      goes on with a text\n"
    "  embed         a vector for each line of text\n"
    "  perplexity    how well a model predicts a text\n"
    "  tokenize      text to numbers of tokens, and back\n\n"
    "  sylkit lm COMMAND --help: its options\n";

int syl_cmd_lm(int argc, char **argv)
{
    static const syl_subcommands all = {"lm", "command", help, commands,
                                        sizeof commands / sizeof *commands};
    return syl_run_subcommand(&all, argc, argv);
}
