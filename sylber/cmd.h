/* The subcommands of this module: argv[0] is the subcommand's name; they return an exit
 * status of lib/cli/options.h. */
#ifndef SYL_SYLBER_CMD_H
#define SYL_SYLBER_CMD_H

int syl_cmd_tokenize(int argc, char **argv); /* segment and tokenize */
int syl_cmd_features(int argc, char **argv);
int syl_cmd_plot(int argc, char **argv);
int syl_cmd_convert(int argc, char **argv);
int syl_cmd_info(int argc, char **argv);
int syl_cmd_eval(int argc, char **argv);        /* boundaries, and: */
int syl_cmd_eval_stream(int argc, char **argv); /* argv[0]: "stream" */
int syl_cmd_continuum(int argc, char **argv);

#endif
