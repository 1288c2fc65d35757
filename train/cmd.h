/* The subcommands of this module, as those of sylber/cmd.h. */
#ifndef SYL_TRAIN_CMD_H
#define SYL_TRAIN_CMD_H

int syl_cmd_kmeans(int argc, char **argv);

#endif
