/* sylkit train: finds the trainer and hands over. */
#include "lib/cli/subcommands.h"
#include "train/cmd.h"

static const syl_subcommand trainers[] = {
    {"sylber", syl_cmd_train_sylber},
};

static const char help[] =
    "Usage: sylkit train TRAINER [OPTIONS]\n"
    "Trains a model from data.\n\n"
    "  sylber     syllabic encoders by self-segmentation distillation\n\n"
    "  sylkit train TRAINER --help: its options\n"
    "Under mpirun -np N the processes share the work: each takes a part of every batch.\n";

int syl_cmd_train(int argc, char **argv)
{
    static const syl_subcommands all = {"train", "trainer", help, trainers,
                                        sizeof trainers / sizeof *trainers};
    return syl_run_subcommand(&all, argc, argv);
}
