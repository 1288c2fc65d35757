#include "lib/cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"

/* The folders between the one named and the one being read: a link back to one of them would
 * never end. */
typedef struct visit {
    const struct visit *parent;
    dev_t device;
    ino_t inode;
} visit;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_audio(const char *name)
{
    static const char *const known[] = {"wav",  "flac", "ogg", "oga", "opus", "mp3",  "aif", "aiff",
                                        "aifc", "au",   "snd", "caf", "w64",  "rf64", NULL};
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && known[i]; i++)
        if (!strcasecmp(dot + 1, known[i])) return true;
    return false;
}

/* Output folders must not be left: no root, no "." and no ".." in the relative path. */
static char *make_relative(const char *path)
{
    char *out = malloc(strlen(path) + 8), *to = out;
    if (!out) return NULL;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        bool dots = n <= 2 && !strncmp(p, "..", n);
        if (n && !dots) {
            if (to != out) *to++ = '/';
            memcpy(to, p, n);
            to += n;
        }
        p += n + (p[n] == '/');
    }
    *to = 0;
    char *dot = strrchr(out, '.');
    if (dot && is_audio(out)) *dot = 0;
    if (!strcmp(out, "-") || !*out) strcpy(out, "stdin");
    return out;
}

static syl_status add_item(syl_inputs *inputs, const char *path, const char *relative,
                           const char *error, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&inputs->items, &inputs->capacity, inputs->count + 1,
                     sizeof *inputs->items, err));
    syl_input item = {strdup(path), make_relative(relative), error ? strdup(error) : NULL};
    inputs->items[inputs->count++] = item;
    if (!item.path || !item.relative || (error && !item.error))
        return syl_fail_memory(err, strlen(path), "the list of inputs");
    return SYL_OK;
}

static char *join(const char *folder, const char *name)
{
    char *path;
    const char *slash = folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
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

static syl_status add_folder(syl_inputs *inputs, const char *folder, size_t root,
                             const visit *parent, syl_error *err);

static syl_status add_entry(syl_inputs *inputs, const char *path, size_t root, const visit *here,
                            syl_error *err)
{
    struct stat st;
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
        for (const visit *v = here; v; v = v->parent)
            if (v->device == st.st_dev && v->inode == st.st_ino) return SYL_OK;
        return add_folder(inputs, path, root, here, err);
    }
    return is_audio(path) ? add_item(inputs, path, path + root, NULL, err) : SYL_OK;
}

static syl_status add_folder(syl_inputs *inputs, const char *folder, size_t root,
                             const visit *parent, syl_error *err)
{
    struct stat st;
    struct dirent **entries;
    int n = stat(folder, &st) ? -1 : scandir(folder, &entries, visible, by_name);
    if (n < 0) return add_item(inputs, folder, folder, strerror(errno), err);
    visit here = {parent, st.st_dev, st.st_ino};
    syl_status status = SYL_OK;
    for (int i = 0; i < n; i++) {
        char *path = join(folder, entries[i]->d_name);
        if (!path) status = syl_fail_memory(err, strlen(folder), "a path");
        if (!status) status = add_entry(inputs, path, root, &here, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

syl_status syl_inputs_add(syl_inputs *inputs, const char *path, syl_error *err)
{
    struct stat st;
    if (!strcmp(path, "-") || stat(path, &st) || !S_ISDIR(st.st_mode))
        return add_item(inputs, path, base_name(path), NULL, err);
    size_t before = inputs->count;
    SYL_TRY(add_folder(inputs, path, strlen(path), NULL, err));
    if (inputs->count == before)
        return add_item(inputs, path, path, "no audio files in this folder", err);
    return SYL_OK;
}

syl_status syl_inputs_add_list(syl_inputs *inputs, const char *list, syl_error *err)
{
    bool standard = !strcmp(list, "-");
    FILE *file = standard ? stdin : fopen(list, "r");
    if (!file) return syl_fail(err, SYL_EIO, "%s: %s", list, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    syl_status status = SYL_OK;
    ssize_t n;
    while (!status && (n = getline(&line, &room, file)) >= 0) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        if (n) status = add_item(inputs, line, line, NULL, err);
    }
    if (!status && ferror(file)) status = syl_fail(err, SYL_EIO, "%s: %s", list, strerror(errno));
    free(line);
    if (!standard) fclose(file);
    return status;
}

static int by_relative(const void *a, const void *b)
{
    const syl_input *const *x = a, *const *y = b;
    return strcmp((*x)->relative, (*y)->relative);
}

syl_status syl_inputs_check_outputs(const syl_inputs *inputs, syl_error *err)
{
    const syl_input **sorted = syl_calloc(inputs->count, sizeof *sorted);
    if (!sorted) return syl_fail_memory(err, inputs->count * sizeof *sorted, "the inputs");
    size_t n = 0;
    for (size_t i = 0; i < inputs->count; i++)
        if (!inputs->items[i].error) sorted[n++] = &inputs->items[i];
    qsort(sorted, n, sizeof *sorted, by_relative);
    syl_status status = SYL_OK;
    for (size_t i = 1; i < n && !status; i++)
        if (!by_relative(&sorted[i - 1], &sorted[i]))
            status = syl_fail(err, SYL_EINVAL,
                              "%s and %s would write the same output '%s'; put them in runs with "
                              "different --out folders",
                              sorted[i - 1]->path, sorted[i]->path, sorted[i]->relative);
    free(sorted);
    return status;
}

void syl_inputs_free(syl_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free(inputs->items[i].path);
        free(inputs->items[i].relative);
        free(inputs->items[i].error);
    }
    free(inputs->items);
    *inputs = (syl_inputs){0};
}

static syl_status make_folder_of(char *path, syl_error *err)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) return SYL_OK;
    *slash = 0;
    syl_status status = syl_make_folder(path, err);
    *slash = '/';
    return status;
}

syl_status syl_output_path(char **out, const char *folder, const syl_input *input,
                           const char *extension, syl_error *err)
{
    if (asprintf(out, "%s/%s.%s", folder, input->relative, extension) < 0) {
        *out = NULL;
        return syl_fail_memory(err, strlen(folder), "a path");
    }
    syl_status status = make_folder_of(*out, err);
    if (status) {
        free(*out);
        *out = NULL;
    }
    return status;
}

bool syl_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Of the folder that the file is in. */
static bool stat_folder(const char *path, struct stat *to)
{
    char folder[PATH_MAX];
    size_t length = (size_t)(base_name(path) - path);
    if (length >= sizeof folder) return false;
    memcpy(folder, path, length);
    folder[length] = '\0';
    return !stat(length ? folder : ".", to);
}

bool syl_same_output(const char *a, const char *b)
{
    struct stat x, y;
    if (!strcmp(a, b) || syl_same_file(a, b)) return true;
    return !strcmp(base_name(a), base_name(b)) && stat_folder(a, &x) && stat_folder(b, &y) &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), n = strlen(end);
    return length >= n && !strcmp(name + length - n, end);
}

static bool is_model_file(const char *name)
{
    static const char *const whole[] = {"config.json", "tokenizer.json", "encoder.json",
                                        "vocab.json",  "merges.txt",     "vocab.bpe"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(name, whole[i])) return true;
    return ends_with(name, ".safetensors") || ends_with(name, ".safetensors.index.json");
}

bool syl_output_is_of_model(const char *output, const char *model)
{
    struct stat st, entry, out;
    char folder[PATH_MAX];
    bool found = false;
    if (stat(model, &st) || stat(output, &out)) return false;
    if (st.st_dev == out.st_dev && st.st_ino == out.st_ino) return true;
    if (!S_ISDIR(st.st_mode) && !ends_with(model, ".safetensors")) return false;
    size_t length = S_ISDIR(st.st_mode) ? strlen(model) : (size_t)(base_name(model) - model);
    if (length >= sizeof folder) return false;
    snprintf(folder, sizeof folder, "%.*s", length ? (int)length : 1, length ? model : ".");
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && !found && (e = readdir(dir));)
        found = is_model_file(e->d_name) && !fstatat(dirfd(dir), e->d_name, &entry, 0) &&
                entry.st_dev == out.st_dev && entry.st_ino == out.st_ino;
    if (dir) closedir(dir);
    return found;
}
