/* Small text files in a folder of their own, for the tests of text. */
#ifndef TESTS_UNIT_TEXT_FILES_H
#define TESTS_UNIT_TEXT_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

/* A path in the folder, good until the fourth call after this one. */
static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_bytes(const char *name, const void *data, size_t size)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

static int make_test_folder(const char *kind)
{
    snprintf(folder, sizeof folder, "/tmp/syl-%s-XXXXXX", kind);
    return mkdtemp(folder) == NULL;
}

#endif
