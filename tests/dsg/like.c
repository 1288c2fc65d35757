#include "tests/dsg/like.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void like_stop(const syl_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

void *like_room(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (!p) {
        fprintf(stderr, "no memory for %zu times %zu bytes\n", count, size);
        exit(1);
    }
    return p;
}

syl_documents like_read(const syl_dsg_model *like, const char *path, const char *format)
{
    syl_error err;
    syl_documents d;
    syl_corpus c = {
        .paths = &path, .num_paths = 1, .reader = syl_text_reader_defaults(), .text = like->text};
    c.reader.format = strcmp(format, "wikipedia") == 0 ? SYL_TEXT_WIKIPEDIA : SYL_TEXT_LINES;
    if (syl_corpus_documents(&d, &c, like->vocabulary, &err) != SYL_OK) like_stop(&err);
    return d;
}
