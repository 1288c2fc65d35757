#include "embed/sent/dataset.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/io/utf8.h"

#define HASHES "### "
#define MAX_STEPS 10000

const char *const syl_sent_marker_names[] = {"hashes", "bare", NULL};

/* ---- samples ---------------------------------------------------------------------------- */

static void free_sample(syl_sent_sample *s)
{
    for (int i = 0; s->sentences && i < s->num_sentences; i++)
        free(s->sentences[i]);
    free(s->sentences);
    free(s->question);
    free(s->answer);
}

void syl_sent_dataset_truncate(syl_sent_dataset *dataset, size_t count)
{
    while (dataset->count > count)
        free_sample(&dataset->samples[--dataset->count]);
}

void syl_sent_dataset_free(syl_sent_dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        free_sample(&dataset->samples[i]);
    free(dataset->samples);
    *dataset = (syl_sent_dataset){0};
}

/* Whether the last sentence is the answer's. */
static bool is_answer(syl_sent_marker marker, const char *sentence, const char *answer)
{
    if (marker == SYL_SENT_BARE) return !strcmp(sentence, answer);
    return !strncmp(sentence, "###", 3);
}

/* The answer's sentence is the last, or is added. */
static syl_status fill_sample(syl_sent_sample *s, const char *question, const char *const *steps,
                              int num_steps, const char *answer, syl_sent_marker marker,
                              syl_error *err)
{
    bool there = num_steps > 0 && is_answer(marker, steps[num_steps - 1], answer);
    *s = (syl_sent_sample){.question = strdup(question), .answer = strdup(answer)};
    s->sentences = syl_calloc((size_t)num_steps + 1, sizeof *s->sentences);
    bool made = s->question && s->answer && s->sentences;
    for (int i = 0; made && i < num_steps; i++)
        made = (s->sentences[s->num_sentences++] = strdup(steps[i])) != NULL;
    if (made && !there) {
        char *sentence = NULL;
        if (asprintf(&sentence, "%s%s", marker == SYL_SENT_HASHES ? HASHES : "", answer) < 0)
            sentence = NULL;
        made = (s->sentences[s->num_sentences++] = sentence) != NULL;
    }
    if (made) return SYL_OK;
    free_sample(s);
    return syl_fail_memory(err, strlen(question), "a question");
}

syl_status syl_sent_dataset_add(syl_sent_dataset *dataset, const char *question,
                                const char *const *steps, int num_steps, const char *answer,
                                syl_error *err)
{
    void *samples = dataset->samples;
    SYL_TRY(syl_grow(&samples, &dataset->room, dataset->count + 1, sizeof *dataset->samples, err));
    dataset->samples = samples;
    SYL_TRY(fill_sample(&dataset->samples[dataset->count], question, steps, num_steps, answer,
                        dataset->marker, err));
    dataset->count++;
    return SYL_OK;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A string of a sample: neither empty nor of several lines. */
static syl_status get_text(const char **out, const json_t *value, const char *file, size_t index,
                           const char *what, syl_error *err)
{
    *out = json_string_value(value);
    if (!value)
        return syl_fail(err, SYL_EFORMAT, "%s, sample %zu: there is no %s", file, index, what);
    if (!*out)
        return syl_fail(err, SYL_EFORMAT, "%s, sample %zu: the %s is not a string", file, index,
                        what);
    if (!**out)
        return syl_fail(err, SYL_EFORMAT, "%s, sample %zu: the %s is empty", file, index, what);
    if (strchr(*out, '\n'))
        return syl_fail(err, SYL_EFORMAT,
                        "%s, sample %zu: the %s holds a newline, which ends a sentence; make it "
                        "several steps, or a space",
                        file, index, what);
    return SYL_OK;
}

/* A last step "### X" and another answer would never be scored as right. */
static syl_status check_answer(const char *step, const char *answer, const char *file, size_t index,
                               syl_error *err)
{
    if (strncmp(step, "###", 3)) return SYL_OK;
    step += 3 + strspn(step + 3, " ");
    if (!strcmp(step, answer)) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT,
                    "%s, sample %zu: the last step says \"%.80s\", the answer is \"%.80s\"", file,
                    index, step, answer);
}

static syl_status add_sample(syl_sent_dataset *out, const json_t *item, const char *file,
                             size_t index, syl_error *err)
{
    const json_t *steps = json_object_get(item, "steps");
    const char *question, *answer;
    if (!json_is_object(item))
        return syl_fail(err, SYL_EFORMAT, "%s, sample %zu: not an object", file, index);
    SYL_TRY(get_text(&question, json_object_get(item, "question"), file, index, "question", err));
    SYL_TRY(get_text(&answer, json_object_get(item, "answer"), file, index, "answer", err));
    if (!json_is_array(steps) || json_array_size(steps) > MAX_STEPS)
        return syl_fail(err, SYL_EFORMAT,
                        "%s, sample %zu: \"steps\" is not a list of at most %d strings", file,
                        index, MAX_STEPS);
    int count = (int)json_array_size(steps);
    const char **texts = syl_calloc((size_t)count, sizeof *texts);
    if (!texts) return syl_fail_memory(err, (size_t)count * sizeof *texts, "steps");
    syl_status status = SYL_OK;
    for (int i = 0; i < count && !status; i++) {
        char what[32];
        snprintf(what, sizeof what, "step %d", i);
        status = get_text(&texts[i], json_array_get(steps, (size_t)i), file, index, what, err);
    }
    if (!status && count) status = check_answer(texts[count - 1], answer, file, index, err);
    if (!status) status = syl_sent_dataset_add(out, question, texts, count, answer, err);
    free(texts);
    return status;
}

/* Of the first sample that has steps. */
static syl_sent_marker find_marker(const json_t *root)
{
    const json_t *item;
    size_t i;
    json_array_foreach(root, i, item)
    {
        const json_t *steps = json_object_get(item, "steps");
        const char *answer = json_string_value(json_object_get(item, "answer"));
        const char *last =
            json_array_size(steps)
                ? json_string_value(json_array_get(steps, json_array_size(steps) - 1))
                : NULL;
        if (last) return answer && !strcmp(last, answer) ? SYL_SENT_BARE : SYL_SENT_HASHES;
    }
    return SYL_SENT_HASHES;
}

static syl_status add_all(syl_sent_dataset *out, const json_t *root, const char *name,
                          syl_error *err)
{
    if (!json_is_array(root) || !json_array_size(root))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: not a list of samples, [{\"question\": ..., \"steps\": [...], "
                        "\"answer\": ...}, ...]",
                        name);
    out->marker = find_marker(root);
    for (size_t i = 0; i < json_array_size(root); i++)
        SYL_TRY(add_sample(out, json_array_get(root, i), name, i, err));
    return SYL_OK;
}

syl_status syl_sent_dataset_ask(syl_sent_dataset *dataset, const char *question, syl_error *err)
{
    if (!*question || strchr(question, '\n'))
        return syl_fail(err, SYL_EINVAL, "the question %s",
                        *question ? "holds a newline, which ends it" : "is empty");
    if (syl_utf8_valid(question, strlen(question)) != strlen(question))
        return syl_fail(err, SYL_EINVAL, "the question is not UTF-8");
    return syl_sent_dataset_add(dataset, question, NULL, 0, "", err);
}

syl_status syl_sent_dataset_parse(syl_sent_dataset *out, const void *data, size_t size,
                                  const char *name, syl_error *err)
{
    json_error_t where;
    *out = (syl_sent_dataset){0};
    json_t *root = json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return syl_fail(err, SYL_EFORMAT, "%s, line %d: not JSON: %s", name, where.line,
                        where.text);
    syl_status status = add_all(out, root, name, err);
    json_decref(root);
    out->name = name;
    if (status) syl_sent_dataset_free(out);
    return status;
}

syl_status syl_sent_dataset_read(syl_sent_dataset *out, const char *path, syl_error *err)
{
    syl_map map;
    *out = (syl_sent_dataset){0};
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_sent_dataset_parse(out, map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

void syl_sent_dataset_blame(const syl_sent_dataset *dataset, size_t sample, syl_error *err)
{
    syl_error why = *err;
    if (dataset->name)
        syl_fail(err, why.status, "%s, sample %zu: %s", dataset->name, sample, why.message);
    else if (dataset->count > 1)
        syl_fail(err, why.status, "sample %zu: %s", sample, why.message);
}

/* ---- writing ---------------------------------------------------------------------------- */

static json_t *sample_to_json(const syl_sent_sample *s)
{
    json_t *steps = json_array();
    for (int i = 0; steps && i < s->num_sentences; i++)
        if (json_array_append_new(steps, json_string(s->sentences[i]))) {
            json_decref(steps);
            return NULL;
        }
    return steps ? json_pack("{s:s, s:o, s:s}", "question", s->question, "steps", steps, "answer",
                             s->answer)
                 : NULL;
}

syl_status syl_sent_dataset_print(const syl_sent_dataset *dataset, FILE *stream, syl_error *err)
{
    fputs("[", stream);
    for (size_t i = 0; i < dataset->count; i++) {
        json_t *sample = sample_to_json(&dataset->samples[i]);
        char *text = sample ? json_dumps(sample, JSON_COMPACT) : NULL;
        json_decref(sample);
        if (!text) return syl_fail_memory(err, 0, "a sample");
        fprintf(stream, "%s\n%s", i ? "," : "", text);
        free(text);
    }
    fputs("\n]\n", stream);
    return SYL_OK;
}

syl_status syl_sent_dataset_write(const syl_sent_dataset *dataset, const char *path, syl_error *err)
{
    syl_atomic file;
    SYL_TRY(syl_atomic_open(&file, path, err));
    syl_status status = syl_sent_dataset_print(dataset, file.stream, err);
    if (status)
        syl_atomic_discard(&file);
    else
        status = syl_atomic_commit(&file, err);
    return status;
}

/* ---- tokens ----------------------------------------------------------------------------- */

static syl_status encode_line(syl_sent_ids *ids, const char *text, const syl_sent_tokenizer *t,
                              syl_error *err)
{
    SYL_TRY(t->encode(t, text, strlen(text), ids, err));
    if (ids->count >= INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "a sample of %zu tokens", ids->count);
    return syl_sent_ids_add(ids, t->newline, err);
}

syl_status syl_sent_sample_encode(syl_sent_tokens *out, const syl_sent_sample *sample,
                                  const syl_sent_tokenizer *tokenizer, syl_error *err)
{
    int n = sample->num_sentences;
    syl_sent_ids ids = {0};
    *out = (syl_sent_tokens){.starts = syl_calloc((size_t)n + 1, sizeof(int)), .num_sentences = n};
    if (!out->starts) return syl_fail_memory(err, (size_t)n * sizeof(int), "a sample");
    syl_status status = encode_line(&ids, sample->question, tokenizer, err);
    out->starts[0] = (int)ids.count;
    for (int i = 0; i < n && !status; i++) {
        status = encode_line(&ids, sample->sentences[i], tokenizer, err);
        out->starts[i + 1] = (int)ids.count;
    }
    out->ids = ids.data;
    if (status) syl_sent_tokens_free(out);
    return status;
}

void syl_sent_tokens_free(syl_sent_tokens *tokens)
{
    free(tokens->ids);
    free(tokens->starts);
    *tokens = (syl_sent_tokens){0};
}

syl_status syl_sent_dataset_words(const syl_sent_dataset *dataset, syl_sent_words *words,
                                  syl_error *err)
{
    for (size_t i = 0; i < dataset->count; i++) {
        const syl_sent_sample *s = &dataset->samples[i];
        SYL_TRY(syl_sent_words_add(words, s->question, strlen(s->question), err));
        for (int k = 0; k < s->num_sentences; k++)
            SYL_TRY(syl_sent_words_add(words, s->sentences[k], strlen(s->sentences[k]), err));
    }
    return SYL_OK;
}
