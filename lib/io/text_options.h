/* What the splitting of text needs of its options. */
#ifndef SYL_IO_TEXT_OPTIONS_H
#define SYL_IO_TEXT_OPTIONS_H

#include "lib/io/text_words.h"

/* SYL_EINVAL where values are out of range or contradict each other. */
syl_status syl_text_check_options(const syl_text_options *options, syl_error *err);
/* Stop words, each ended by a newline; owned by the options or the library. */
const char *syl_text_stop_list(const syl_text_options *options);

#endif
