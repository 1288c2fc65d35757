#include "embed/cmd.h"
#include "lib/cli/options.h"
int syl_cmd_bpv_eval(int argc, char **argv) { (void)argc; (void)argv; return syl_usage("bpv", "eval"); }
