#include "embed/dsg_args.h"

#include <stdio.h>
#include <string.h>

#include "embed/sense_vectors.h"
#include "lib/cli/text_args.h"

enum { FORMAT_MODEL, FORMAT_WORDS, FORMAT_SENSES };
static const char *const formats[] = {"model", "words", "senses", NULL};

static const syl_arg table[] = {
    SYL_OPTION_HEADING("The model:"),
    SYL_OPTION_CHOICE(syl_dsg_model_args, "model-format", format, formats,
                      "of sylkit dsg train, or word2vec's: names are words, or word#k"),
    SYL_OPTION_CHOICE(syl_dsg_model_args, "preparation", preparation, syl_preparation_names,
                      "of contexts for word2vec's formats; a model knows its own"),
    SYL_OPTION_REAL(syl_dsg_model_args, "prune", prune, 0, 1,
                    "senses of a lower prior are left out"),
    SYL_OPTION_INT(syl_dsg_model_args, "threads", threads, 1, 1024, "at work"),
};
#define COUNT (sizeof table / sizeof *table)
_Static_assert(COUNT <= SYL_DSG_MODEL_ARGS_MOST, "room for all of them");

syl_dsg_model_args syl_dsg_model_args_defaults(void)
{
    return (syl_dsg_model_args){.prune = SYL_PRUNE_PRIOR, .threads = 1};
}

syl_arg *syl_dsg_model_args_table(syl_arg *to, size_t offset)
{
    return syl_args_append(to, table, COUNT, offset);
}

/* Such a vocabulary has the words of its file alone, no UNKNOWN for others. */
static syl_status read_vectors(const syl_dsg_model_args *a, const char *path, syl_dsg_model **model,
                               syl_error *err)
{
    syl_word_vectors vectors;
    syl_text_options text = syl_prepare_text((syl_preparation)a->preparation);
    text.unknown = false;
    SYL_TRY(syl_word_vectors_read(&vectors, path, SYL_VECTORS_DETECT, err));
    syl_status status =
        vectors.count
            ? syl_sense_vectors_model(model, &vectors, a->format == FORMAT_SENSES, &text, err)
            : syl_fail(err, SYL_EFORMAT, "%s has no vectors", path);
    syl_word_vectors_free(&vectors);
    return status;
}

syl_status syl_dsg_model_args_open(const syl_dsg_model_args *a, const char *path,
                                   syl_dsg_model **model, syl_senses **senses, syl_error *err)
{
    *model = NULL;
    *senses = NULL;
    if (a->format == FORMAT_MODEL && a->preparation)
        return syl_fail(err, SYL_EINVAL,
                        "--preparation is for word2vec's formats: %s knows how its texts were "
                        "prepared (see --model-format)",
                        path);
    if (a->format == FORMAT_MODEL)
        SYL_TRY(syl_dsg_model_load(model, path, err));
    else
        SYL_TRY(read_vectors(a, path, model, err));
    syl_status status = syl_senses_create(senses, *model, a->prune, a->threads, err);
    if (status != SYL_OK) {
        syl_dsg_model_free(*model);
        *model = NULL;
    }
    return status;
}

int32_t syl_dsg_look_up(const char *command, const syl_senses *senses, const char *word)
{
    int32_t id = syl_dsg_find_word(syl_senses_model(senses), word, strlen(word));
    if (id < 0)
        fprintf(stderr, "sylkit %s: '%s' is not in the model's vocabulary\n", command, word);
    return id;
}

json_t *syl_sense_name_json(const syl_senses *senses, int32_t word, int32_t sense)
{
    char name[SYL_SENSE_NAME];
    syl_sense_name(senses, word, sense, name);
    return json_string(name);
}
