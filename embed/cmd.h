/* The subcommands of documents' codes, senses of words and language models: argv[0] is the
 * subcommand's name; they return an exit status of lib/cli/options.h. */
#ifndef SYL_EMBED_CMD_H
#define SYL_EMBED_CMD_H

int syl_cmd_bpv_infer(int argc, char **argv);
int syl_cmd_bpv_search(int argc, char **argv);
int syl_cmd_bpv_eval(int argc, char **argv);
int syl_cmd_bpv_export(int argc, char **argv);
int syl_cmd_dsg_senses(int argc, char **argv);
int syl_cmd_dsg_neighbours(int argc, char **argv);
int syl_cmd_dsg_disambiguate(int argc, char **argv);
int syl_cmd_dsg_eval(int argc, char **argv);
int syl_cmd_dsg_export(int argc, char **argv);
int syl_cmd_dsg_plot(int argc, char **argv);
int syl_cmd_lm(int argc, char **argv);
int syl_cmd_lm_generate(int argc, char **argv);
int syl_cmd_lm_embed(int argc, char **argv);
int syl_cmd_lm_perplexity(int argc, char **argv);
int syl_cmd_lm_tokenize(int argc, char **argv);
int syl_cmd_sent_gen(int argc, char **argv);
int syl_cmd_sent_eval(int argc, char **argv);
int syl_cmd_sent_predict(int argc, char **argv);
int syl_cmd_sent_lens(int argc, char **argv);
int syl_cmd_sent_flops(int argc, char **argv);

#endif
