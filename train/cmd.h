/* The subcommands of training: argv[0] is the subcommand's name; they return an exit status of
 * lib/cli/options.h. */
#ifndef SYL_TRAIN_CMD_H
#define SYL_TRAIN_CMD_H

int syl_cmd_presegment(int argc, char **argv);
int syl_cmd_train(int argc, char **argv);
int syl_cmd_train_sylber(int argc, char **argv);
int syl_cmd_kmeans(int argc, char **argv);
int syl_cmd_bpv(int argc, char **argv);
int syl_cmd_bpv_train(int argc, char **argv);
int syl_cmd_dsg(int argc, char **argv);
int syl_cmd_dsg_train(int argc, char **argv);
int syl_cmd_sent(int argc, char **argv);
int syl_cmd_sent_train(int argc, char **argv);

#endif
