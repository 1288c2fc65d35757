/* The subcommands of this module: see sylber/cmd.h. */
#ifndef SYL_STREAM_CMD_H
#define SYL_STREAM_CMD_H

int syl_cmd_stream(int argc, char **argv);

#endif
