/* Files: read-only maps and atomic writes. */
#ifndef SYL_BASE_FILE_H
#define SYL_BASE_FILE_H

#include <stdio.h>

#include "lib/base/status.h"

typedef struct syl_map {
    const uint8_t *data; /* NULL when size is 0 */
    size_t size;
} syl_map;

/* Maps a regular file read-only. Errors name the path. */
syl_status syl_map_open(syl_map *map, const char *path, syl_error *err);
void syl_map_close(syl_map *map);

/* Makes a folder and those above it; one that is there already is fine. */
syl_status syl_make_folder(const char *path, syl_error *err);
/* Removes what a killed process left behind in a folder of ours: temporary files of atomic writes
 * (their names are .syl-*.tmp). */
void syl_remove_temporaries(const char *folder);
/* Waits until no other process holds the folder that `path` lies in, for who reads a file and
 * writes it anew. *lock is -1 where the file system has no locks; close it to let go. */
syl_status syl_folder_lock(int *lock, const char *path, syl_error *err);

/* A file that appears under its name only when complete: written beside it as a temporary
 * file, flushed, fsynced, renamed, folder fsynced. */
typedef struct syl_atomic {
    FILE *stream; /* write here */
    char *path, *temporary;
} syl_atomic;

syl_status syl_atomic_open(syl_atomic *file, const char *path, syl_error *err);
/* Makes the file appear; on any failure (a full disk among them) it removes the temporary
 * file, leaves an older file of that name as it was, and says why. */
syl_status syl_atomic_commit(syl_atomic *file, syl_error *err);
/* Gives up; nothing appears. Harmless after commit. */
void syl_atomic_discard(syl_atomic *file);

#endif
