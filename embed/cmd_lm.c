/* sylkit lm: finds the command of language models and hands over. */
#include <stdio.h>
#include <string.h>

#include "embed/cmd.h"
#include "lib/cli/options.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
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
    return syl_usage("lm", "there is no command '%s'", argv[1]);
}
