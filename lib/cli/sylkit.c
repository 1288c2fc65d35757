/* The program: finds the subcommand and hands over. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed/cmd.h"
#include "lib/cli/options.h"
#include "stream/cmd.h"
#include "sylber/cmd.h"
#include "train/cmd.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"segment", syl_cmd_tokenize, "recordings to syllables with times and tokens"},
    {"tokenize", syl_cmd_tokenize, "the same under its other name"},
    {"stream", syl_cmd_stream, "syllables of live sound, from a microphone, pipe or file"},
    {"features", syl_cmd_features, "frame or syllable vectors as .npy"},
    {"plot", syl_cmd_plot, "a picture of waveform, spectrogram, syllables and tokens"},
    {"kmeans", syl_cmd_kmeans, "a codebook from vectors"},
    {"convert", syl_cmd_convert, "model checkpoints to sylkit's safetensors"},
    {"info", syl_cmd_info, "what a model or recording is, and what this build can do"},
    {"train", syl_cmd_train, "trains a model from data"},
    {"presegment", syl_cmd_presegment, "segments and targets to begin training with"},
    {"bpv", syl_cmd_bpv, "binary codes of documents: train, infer, search, eval, export"},
    {"dsg", syl_cmd_dsg, "senses of words: train, neighbours, disambiguate, eval, export, plot"},
    {"lm", syl_cmd_lm, "language models: generate, embed, perplexity, tokenize"},
    {"sent", syl_cmd_sent,
     "reasoning in embeddings of sentences: gen, train, eval, predict, lens, flops"},
    {"eval", syl_cmd_eval, "scores of boundaries and tokens against a reference"},
    {"continuum", syl_cmd_continuum, "whether a model hears two words as two"},
};
#define NUM_COMMANDS (sizeof commands / sizeof *commands)

static const command *find(const char *name)
{
    for (size_t i = 0; i < NUM_COMMANDS; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int print_help(FILE *out)
{
    fputs("Usage: sylkit COMMAND [OPTIONS] [INPUTS]\n"
          "Syllables, tokens and representations of speech.\n\n",
          out);
    for (size_t i = 0; i < NUM_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  sylkit help COMMAND, sylkit COMMAND --help: the options of a command\n"
          "  sylkit --version\n\n"
          "Exit status: 0 all done, 1 some inputs or the output failed, 2 wrong usage.\n",
          out);
    return out == stdout ? SYL_EXIT_OK : SYL_EXIT_USAGE;
}

static int unknown(const char *name)
{
    fprintf(stderr, "sylkit: there is no command '%s'\n\n", name);
    return print_help(stderr);
}

static int help(int argc, char **argv)
{
    if (argc < 3) return print_help(stdout);
    const command *c = find(argv[2]);
    if (!c) return unknown(argv[2]);
    char *args[] = {argv[2], "--help", NULL};
    return c->run(2, args);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) return print_help(stderr);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("sylkit %s\n", syl_version());
        return SYL_EXIT_OK;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(argv[1][0] == '-' ? 2 : argc, argv);
    const command *c = find(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : unknown(argv[1]);
}

/* Whether a command has thousands of short parallel regions: training of words and documents, steps
 * of small models, a token at a time of large ones. */
static bool has_short_regions(int argc, char **argv)
{
    if (argc < 3) return false;
    bool texts = !strcmp(argv[1], "dsg") || !strcmp(argv[1], "bpv");
    return (texts && !strcmp(argv[2], "train")) || !strcmp(argv[1], "lm") ||
           !strcmp(argv[1], "sent");
}

/* Between parallel regions OpenMP's threads by GCC's default spin for milliseconds; where other
 * programs want the processors, that takes ten times as long as short regions' work. GCC's library
 * reads its settings before main: the program begins anew with a shorter time, unless there are
 * settings already. */
static void wait_asleep(int argc, char **argv)
{
#ifdef __linux__
    if (!has_short_regions(argc, argv) || getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    char *self = realpath("/proc/self/exe", NULL); /* the link would name the process "exe" */
    if (self && setenv("GOMP_SPINCOUNT", "1000", 1) == 0) execv(self, argv);
    free(self);
#else
    (void)argc, (void)argv;
#endif
}

int main(int argc, char **argv)
{
    wait_asleep(argc, argv);
    syl_reserve_standard_streams();
    /* A reader that goes away, or a file at its limit, shall be an error like a full disk, not a
     * silent death. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return syl_close_stdout(dispatch(argc, argv));
}
