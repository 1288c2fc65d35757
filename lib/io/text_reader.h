/* Documents out of text files, one at a time: memory is bounded by the longest document. */
#ifndef SYL_IO_TEXT_READER_H
#define SYL_IO_TEXT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

#define SYL_TEXT_MAX_LENGTH ((size_t)1 << 30) /* the greatest max_length, in bytes */

typedef enum syl_text_format {
    SYL_TEXT_AUTO,     /* files below a folder: WHOLE; other files and "-": LINES */
    SYL_TEXT_LINES,    /* a document a line, empty lines too; named FILE:LINE */
    SYL_TEXT_WHOLE,    /* a document a file */
    SYL_TEXT_WIKIPEDIA /* lines between <doc ... title="NAME"> and </doc>; between documents
                        * only empty lines. The title that heads most bodies stays in them. */
} syl_text_format;

typedef struct syl_text_reader_options {
    syl_text_format format; /* AUTO */
    bool named;             /* LINES: a line is NAME<TAB>TEXT (false) */
    bool latin1;            /* bytes are ISO 8859-1; they come out as UTF-8 (false: UTF-8) */
    bool replace;           /* bytes that are not UTF-8, and NUL, become U+FFFD (false: an error) */
    bool truncate;          /* documents longer than max_length are cut (false: an error) */
    size_t max_length;      /* bytes of UTF-8 (64 MiB), 1 to SYL_TEXT_MAX_LENGTH */
} syl_text_reader_options;

syl_text_reader_options syl_text_reader_defaults(void);

typedef struct syl_text_document {
    const char *name; /* UTF-8 unless it is a file's name, which is as the file system has it */
    const char *text; /* UTF-8, `length` bytes and a NUL behind them, none inside */
    size_t length;
} syl_text_document;

typedef struct syl_text_reader syl_text_reader;

/* Paths are files, folders or "-" (standard input), read in this order; of a folder, every file
 * below it, sorted by the bytes of names within each folder, links followed, hidden files left
 * out, names relative to the folder. A byte-order mark is skipped. The paths are copied. */
syl_status syl_text_reader_open(syl_text_reader **out, const char *const *paths, size_t count,
                                const syl_text_reader_options *options, syl_error *err);
/* The next document, valid until the next call; text is NULL after the last. Errors name file
 * and line; after one the reader can only be closed. */
syl_status syl_text_reader_next(syl_text_reader *reader, syl_text_document *document,
                                syl_error *err);
int64_t syl_text_reader_bytes(const syl_text_reader *reader); /* read from files so far */
void syl_text_reader_close(syl_text_reader *reader);

#endif
