/* Words too common in English to say what a text is about. */
#ifndef SYL_IO_STOP_WORDS_H
#define SYL_IO_STOP_WORDS_H

/* In lower case, each ended by a newline. */
extern const char syl_english_stop_words[];

#endif
