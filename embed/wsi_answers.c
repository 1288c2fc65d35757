/* Senses that some system gave to the contexts of a data set, as files in the format of the key. */
#include <stdlib.h>

#include "embed/wsi_dataset.h"

/* The answers are read as if they were the key. */
static syl_status take_answers(int32_t *clusters, const syl_wsi_dataset *dataset,
                               const syl_wsi_dataset *answers, const char *path, syl_error *err)
{
    for (size_t t = 0; t < dataset->num_targets; t++) {
        const syl_wsi_target *target = &dataset->targets[t];
        for (size_t i = target->first; i < target->first + target->count; i++) {
            int32_t sense = answers->contexts[i].sense;
            clusters[i] = sense >= 0 ? sense : 0;
            if (sense >= 0 || dataset->contexts[i].sense < 0) continue;
            return syl_fail(err, SYL_EFORMAT, "%s: %s for context %zu of \"%s\"", path,
                            sense == SYL_WSI_SEVERAL ? "several senses" : "no answer",
                            i - target->first + 1, target->name);
        }
    }
    return SYL_OK;
}

syl_status syl_wsi_read_answers(int32_t *clusters, const syl_wsi_dataset *dataset,
                                const char *contexts_path, const char *answers_path, syl_error *err)
{
    syl_wsi_dataset answers;
    SYL_TRY(syl_wsi_read(&answers, contexts_path, answers_path, err));
    syl_status status =
        answers.num_contexts == dataset->num_contexts && answers.num_targets == dataset->num_targets
            ? take_answers(clusters, dataset, &answers, answers_path, err)
            : syl_fail(err, SYL_EFORMAT, "%s has changed", contexts_path);
    syl_wsi_free(&answers);
    return status;
}

syl_status syl_wsi_write_answers(const char *path, const syl_wsi_dataset *dataset,
                                 const int32_t *clusters, syl_error *err)
{
    syl_atomic file;
    SYL_TRY(syl_atomic_open(&file, path, err));
    for (size_t i = 0; i < dataset->num_targets; i++) {
        const syl_wsi_target *t = &dataset->targets[i];
        for (size_t c = 0; c < t->count; c++)
            fprintf(file.stream, "%s %s.%zu %s.%d\n", t->name, t->name, c + 1, t->name,
                    (int)clusters[t->first + c] + 1);
    }
    return syl_atomic_commit(&file, err);
}
