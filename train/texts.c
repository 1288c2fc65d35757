#include "train/texts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/cli/inputs.h"

static bool reads_standard_input(const syl_train_texts *t)
{
    for (size_t i = 0; i < t->num_paths; i++)
        if (!strcmp(t->paths[i], "-")) return true;
    return false;
}

int syl_train_texts_check(const syl_train_texts *t, const char *command, const char *const *outputs,
                          size_t count)
{
    if (!t->num_paths)
        return syl_usage(command, "no texts: name files or folders, or - for standard input");
    const char *files[] = {t->args->vocabulary, t->args->stop_words};
    for (size_t o = 0; o < count; o++) {
        if (!outputs[o]) continue;
        for (size_t other = 0; other < o; other++)
            if (outputs[other] && syl_same_output(outputs[o], outputs[other]))
                return syl_usage(command, "%s would be written twice", outputs[o]);
        for (size_t i = 0; i < 2; i++)
            if (files[i] && syl_same_file(outputs[o], files[i]))
                return syl_usage(command, "%s would overwrite the input", outputs[o]);
        for (size_t i = 0; i < t->num_paths; i++)
            if (syl_same_file(outputs[o], t->paths[i]))
                return syl_usage(command, "%s would overwrite the input", outputs[o]);
    }
    return SYL_EXIT_OK;
}

/* Puts a copy that can be read again in the place of standard input. */
static syl_status keep_standard_input(syl_error *err)
{
    char buffer[1 << 16];
    size_t n;
    FILE *copy;
    if (lseek(STDIN_FILENO, 0, SEEK_CUR) >= 0) return SYL_OK;
    copy = tmpfile();
    if (!copy)
        return syl_fail(err, SYL_EIO, "a temporary copy of standard input: %s", strerror(errno));
    errno = 0;
    while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        if (fwrite(buffer, 1, n, copy) < n) break;
    bool failed = ferror(stdin) || n || fflush(copy) || dup2(fileno(copy), STDIN_FILENO) < 0;
    int why = errno;
    fclose(copy);
    if (failed)
        return syl_fail(err, SYL_EIO,
                        "a temporary copy of standard input: %s; write the text to a file instead",
                        strerror(why));
    return SYL_OK;
}

static syl_status rewind_standard_input(const syl_train_texts *t, syl_error *err)
{
    if (!reads_standard_input(t) || lseek(STDIN_FILENO, 0, SEEK_SET) == 0) return SYL_OK;
    return syl_fail(err, SYL_EIO, "standard input: %s", strerror(errno));
}

static syl_status make_vocabulary(syl_train_texts *t, syl_error *err)
{
    const syl_text_args *a = t->args;
    syl_vocabulary_options v = syl_text_args_vocabulary(a);
    if (a->vocabulary) {
        SYL_TRY(syl_vocabulary_load(&t->vocabulary, a->vocabulary, err));
    } else {
        if (reads_standard_input(t)) SYL_TRY(keep_standard_input(err));
        SYL_TRY(rewind_standard_input(t, err));
        SYL_TRY(syl_corpus_vocabulary(&t->vocabulary, &t->corpus, &v, err));
        SYL_TRY(rewind_standard_input(t, err));
    }
    return a->save_vocabulary && t->ranks->rank == 0
               ? syl_vocabulary_save(t->vocabulary, a->save_vocabulary, err)
               : SYL_OK;
}

syl_status syl_train_texts_read(syl_train_texts *t, syl_error *err)
{
    const char *given = t->args->vocabulary;
    if (t->ranks->count > 1 && reads_standard_input(t))
        return syl_fail(err, SYL_EINVAL,
                        "standard input cannot be shared by %d processes: write the text to a file",
                        t->ranks->count);
    SYL_TRY(syl_text_args_words(t->args, &t->corpus.text, err));
    t->corpus.paths = t->paths;
    t->corpus.num_paths = t->num_paths;
    t->corpus.reader = syl_text_args_reader(t->args);
    t->corpus.progress = syl_terminal_text;
    t->corpus.user = t->terminal;
    SYL_TRY(make_vocabulary(t, err));
    SYL_TRY(syl_corpus_documents(&t->documents, &t->corpus, t->vocabulary, err));
    if (t->documents.begin[t->documents.count] == 0)
        return syl_fail(err, SYL_EINVAL,
                        "no word of the %" PRId64 " documents is in the vocabulary%s%s: there is "
                        "nothing to learn from",
                        t->documents.count, given ? " " : "", given ? given : "");
    return SYL_OK;
}

void syl_train_texts_free(syl_train_texts *t)
{
    syl_documents_free(&t->documents);
    syl_vocabulary_free(t->vocabulary);
    syl_text_options_free(&t->corpus.text);
}

syl_status syl_train_check_output(const char *path, const syl_ranks *ranks, syl_error *err)
{
    syl_atomic file;
    if (!path || ranks->rank) return SYL_OK;
    SYL_TRY(syl_atomic_open(&file, path, err));
    syl_atomic_discard(&file);
    return SYL_OK;
}
