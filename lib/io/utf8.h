/* File names are bytes; JSON and pictures need UTF-8. */
#ifndef SYL_IO_UTF8_H
#define SYL_IO_UTF8_H

/* A copy whose bytes that are not UTF-8 have become U+FFFD, owned by the caller; NULL: no
 * memory. */
char *syl_utf8_clean(const char *text);

#endif
