/* Files: read-only maps and atomic writes. */
#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ATTEMPTS 100 /* names tried for a temporary file */

/* ---- maps --------------------------------------------------------------------------- */

static syl_status map_descriptor(syl_map *map, int fd, const char *path, syl_error *err)
{
    struct stat st;
    void *data;

    if (fstat(fd, &st)) return syl_fail(err, SYL_EIO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return syl_fail(err, SYL_EIO, "%s is a folder; name a file in it", path);
    if (!S_ISREG(st.st_mode))
        return syl_fail(err, SYL_EIO,
                        "%s is not a regular file; save its content to a file and name that", path);
    if (st.st_size == 0) return SYL_OK;
    if ((uintmax_t)st.st_size > PTRDIFF_MAX)
        return syl_fail(err, SYL_EIO, "%s is too large for this machine (%jd bytes)", path,
                        (intmax_t)st.st_size);
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return syl_fail(err, SYL_EIO, "%s cannot be mapped: %s", path, strerror(errno));
    map->data = data;
    map->size = (size_t)st.st_size;
    return SYL_OK;
}

syl_status syl_map_open(syl_map *map, const char *path, syl_error *err)
{
    syl_status status;
    int fd;

    *map = (syl_map){NULL, 0};
    /* O_NONBLOCK: a FIFO without a writer is refused below instead of waited for. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return syl_fail(err, SYL_EIO, "%s cannot be opened: %s", path, strerror(errno));
    status = map_descriptor(map, fd, path, err);
    close(fd);
    return status;
}

void syl_map_close(syl_map *map)
{
    if (map->data) munmap((void *)map->data, map->size);
    *map = (syl_map){NULL, 0};
}

/* ---- folders ------------------------------------------------------------------------ */

/* Length of the folder's part, the last slash included; 0: the current folder. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

static syl_status make_one(const char *path, syl_error *err)
{
    struct stat st;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return SYL_OK;
    return syl_fail(err, SYL_EIO, "%s: cannot create: %s", path, strerror(errno));
}

syl_status syl_make_folder(const char *path, syl_error *err)
{
    char *copy = strdup(path);
    if (!copy) return syl_fail_memory(err, strlen(path) + 1, "a path");
    syl_status status = SYL_OK;
    for (char *p = copy + 1; *copy && status == SYL_OK && (p = strchr(p, '/')); p++) {
        *p = '\0';
        status = make_one(copy, err);
        *p = '/';
    }
    if (status == SYL_OK) status = make_one(copy, err);
    free(copy);
    return status;
}

void syl_remove_temporaries(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        size_t n = strlen(e->d_name);
        if (n > 9 && !strncmp(e->d_name, ".syl-", 5) && !strcmp(e->d_name + n - 4, ".tmp"))
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
}

syl_status syl_folder_lock(int *lock, const char *path, syl_error *err)
{
    size_t n = folder_length(path);
    char *folder = n ? strndup(path, n) : strdup(".");
    int locked = -1;
    if (!folder) return syl_fail_memory(err, n + 2, "a path");
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    syl_status status =
        *lock < 0 ? syl_fail(err, SYL_EIO, "%s: %s", folder, strerror(errno)) : SYL_OK;
    free(folder);
    if (status != SYL_OK) return status;
    while ((locked = flock(*lock, LOCK_EX)) && errno == EINTR)
        ;
    if (locked) {
        close(*lock);
        *lock = -1;
    }
    return SYL_OK;
}

/* ---- atomic writes ------------------------------------------------------------------ */

static void forget(syl_atomic *file)
{
    free(file->path);
    free(file->temporary);
    *file = (syl_atomic){NULL, NULL, NULL};
}

/* Where the file will really be: a link is followed, so that it stays a link. *mode receives
 * the permissions of the file that is there, or -1. */
static syl_status find_target(char **out, const char *path, int *mode, syl_error *err)
{
    struct stat st;

    *mode = -1;
    *out = NULL;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return syl_fail(err, SYL_EIO, "%s is a folder; name a file in it", path);
        if (!S_ISREG(st.st_mode))
            return syl_fail(err, SYL_EIO, "%s is not a regular file; choose another name", path);
        if (access(path, W_OK))
            return syl_fail(err, SYL_EIO, "%s cannot be replaced: %s", path, strerror(errno));
        *mode = st.st_mode & 07777;
        *out = realpath(path, NULL);
        if (!*out) return syl_fail(err, SYL_EIO, "%s: %s", path, strerror(errno));
        return SYL_OK;
    }
    *out = strdup(path);
    return *out ? SYL_OK : syl_fail_memory(err, strlen(path) + 1, "a file name");
}

/* A new file with a name of its own. The kernel applies the umask, which cannot be asked for
 * without setting it for all threads (the reason not to use mkstemp). */
static int create_temporary(char *name, size_t room, const char *path)
{
    struct timespec now;
    int fd = -1;

    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        snprintf(name, room, "%.*s.syl-%ld-%ld-%d.tmp", (int)folder_length(path), path,
                 (long)getpid(), now.tv_nsec, i);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) break;
    }
    return fd;
}

syl_status syl_atomic_open(syl_atomic *file, const char *path, syl_error *err)
{
    size_t room;
    int mode, fd;

    *file = (syl_atomic){NULL, NULL, NULL};
    if (!*path) return syl_fail(err, SYL_EINVAL, "the name of the file to write is empty");
    if (!strcmp(path, "-"))
        return syl_fail(err, SYL_EINVAL,
                        "-: this output cannot go to standard output; name a file (./- is one)");
    SYL_TRY(find_target(&file->path, path, &mode, err));
    room = folder_length(file->path) + 96; /* three numbers and the fixed letters */
    file->temporary = malloc(room);
    if (!file->temporary) {
        forget(file);
        return syl_fail_memory(err, room, "a file name");
    }
    fd = create_temporary(file->temporary, room, file->path);
    if (fd < 0) {
        int reason = errno;
        forget(file);
        return syl_fail(err, SYL_EIO, "%s cannot be created: %s", path, strerror(reason));
    }
    /* Only a wish: another owner's file cannot always be imitated. */
    if (mode >= 0 && fchmod(fd, (mode_t)mode)) errno = 0;
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        close(fd);
        unlink(file->temporary);
        forget(file);
        return syl_fail(err, SYL_ENOMEM, "%s: no memory for a stream", path);
    }
    return SYL_OK;
}

/* Best effort: the file is complete and in its place already, and some file systems refuse. */
static void sync_folder(const char *path)
{
    size_t length = folder_length(path);
    char *folder = length ? strndup(path, length) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    free(folder);
}

/* Everything on the disk; 0 or the reason why not. */
static int flush(FILE *stream)
{
    if (ferror(stream)) return fflush(stream) && errno ? errno : EIO;
    if (fflush(stream)) return errno;
    /* EINVAL: the file system has no fsync, and so nothing left to wait for. */
    if (fsync(fileno(stream)) && errno != EINVAL && errno != EROFS && errno != ENOSYS) return errno;
    return 0;
}

syl_status syl_atomic_commit(syl_atomic *file, syl_error *err)
{
    int reason;

    if (!file->stream) return syl_fail(err, SYL_EINVAL, "a file is committed that is not open");
    errno = 0;
    reason = flush(file->stream);
    if (fclose(file->stream) && !reason) reason = errno;
    file->stream = NULL;
    if (!reason && rename(file->temporary, file->path)) reason = errno;
    if (reason) {
        syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", file->path,
                 strerror(reason));
        unlink(file->temporary);
        forget(file);
        return SYL_EIO;
    }
    sync_folder(file->path);
    forget(file);
    return SYL_OK;
}

void syl_atomic_discard(syl_atomic *file)
{
    if (file->stream) {
        fclose(file->stream);
        unlink(file->temporary);
    }
    forget(file);
}
