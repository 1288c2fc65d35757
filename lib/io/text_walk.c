#include "lib/io/text_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"

/* A folder that is being read. */
typedef struct level {
    char *folder;
    struct dirent **entries;
    int count, next;
    dev_t device;
    ino_t inode;
} level;

struct syl_text_walk {
    char **paths;
    size_t count, next;
    level *levels; /* the folder of the list, one in it, ... */
    size_t depth, room;
    char *path; /* of the last file below a folder */
};

syl_status syl_text_walk_create(syl_text_walk **out, const char *const *paths, size_t count,
                                syl_error *err)
{
    *out = NULL;
    if (count == 0) return syl_fail(err, SYL_EINVAL, "no text is given; name files or folders");
    syl_text_walk *w = calloc(1, sizeof *w);
    bool good = w && (w->paths = calloc(count, sizeof *w->paths));
    for (size_t i = 0; good && i < count; i++, w->count++)
        good = (w->paths[i] = strdup(paths[i])) != NULL;
    if (!good) {
        syl_text_walk_free(w);
        return syl_fail_memory(err, count * sizeof *paths, "a list of files");
    }
    *out = w;
    return SYL_OK;
}

static void leave(syl_text_walk *w)
{
    level *l = &w->levels[--w->depth];
    for (int i = 0; i < l->count; i++)
        free(l->entries[i]);
    free(l->entries);
    free(l->folder);
}

void syl_text_walk_free(syl_text_walk *w)
{
    if (!w) return;
    while (w->depth)
        leave(w);
    for (size_t i = 0; i < w->count; i++)
        free(w->paths[i]);
    free(w->paths);
    free(w->levels);
    free(w->path);
    free(w);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Byte order, unlike alphasort, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A link back to a folder that is being read would never end, and is passed over. */
static syl_status enter(syl_text_walk *w, const char *folder, const struct stat *st, syl_error *err)
{
    for (size_t i = 0; i < w->depth; i++)
        if (w->levels[i].device == st->st_dev && w->levels[i].inode == st->st_ino) return SYL_OK;
    SYL_TRY(syl_grow((void **)&w->levels, &w->room, w->depth + 1, sizeof *w->levels, err));
    level l = {.device = st->st_dev, .inode = st->st_ino};
    l.count = scandir(folder, &l.entries, visible, by_name);
    if (l.count < 0)
        return syl_fail(err, SYL_EIO, "%s cannot be read: %s", folder, strerror(errno));
    l.folder = strdup(folder);
    w->levels[w->depth++] = l;
    return l.folder ? SYL_OK : syl_fail_memory(err, strlen(folder), "a path");
}

/* Sets w->path to the next file below the folder that is being read, NULL after the last. */
static syl_status next_below(syl_text_walk *w, syl_error *err)
{
    struct stat st;
    free(w->path);
    w->path = NULL;
    while (w->depth) {
        level *l = &w->levels[w->depth - 1];
        if (l->next == l->count) {
            leave(w);
            continue;
        }
        const char *entry = l->entries[l->next++]->d_name;
        const char *slash = l->folder[strlen(l->folder) - 1] == '/' ? "" : "/";
        free(w->path);
        if (asprintf(&w->path, "%s%s%s", l->folder, slash, entry) < 0) {
            w->path = NULL;
            return syl_fail_memory(err, strlen(l->folder), "a path");
        }
        if (stat(w->path, &st)) /* the reader says why it cannot be opened */
            return SYL_OK;
        if (!S_ISDIR(st.st_mode)) return SYL_OK;
        SYL_TRY(enter(w, w->path, &st, err));
    }
    free(w->path);
    w->path = NULL;
    return SYL_OK;
}

syl_status syl_text_walk_next(syl_text_walk *w, const char **path, const char **name,
                              bool *in_folder, syl_error *err)
{
    struct stat st;
    for (;;) {
        *path = *name = NULL;
        *in_folder = w->depth > 0;
        if (w->depth) {
            SYL_TRY(next_below(w, err));
            if (!w->path) continue;
            *path = w->path;
            *name = w->path + strlen(w->paths[w->next - 1]);
            *name += strspn(*name, "/");
            return SYL_OK;
        }
        if (w->next == w->count) return SYL_OK;
        const char *given = w->paths[w->next++];
        if (!strcmp(given, "-") || stat(given, &st) || !S_ISDIR(st.st_mode)) {
            *path = *name = given;
            return SYL_OK;
        }
        SYL_TRY(enter(w, given, &st, err));
    }
}
