/* sylkit train: finds the trainer and hands over. */
#include <stdio.h>
#include <string.h>

#include "lib/cli/options.h"
#include "train/cmd.h"

static const char help[] =
    "Usage: sylkit train TRAINER [OPTIONS]\n"
    "Trains a model from data.\n\n"
    "  sylber     syllabic encoders by self-segmentation distillation\n\n"
    "  sylkit train TRAINER --help: its options\n"
    "Under mpirun -np N the processes share the work: each takes a part of every batch.\n";

int syl_cmd_train(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return SYL_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(help, stdout);
        return SYL_EXIT_OK;
    }
    if (!strcmp(argv[1], "sylber")) return syl_cmd_train_sylber(argc - 1, argv + 1);
    return syl_usage("train", "there is no trainer '%s'", argv[1]);
}
