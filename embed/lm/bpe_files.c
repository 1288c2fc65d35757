/* Vocabularies from Hugging Face's, GPT-2's and GGUF's files. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/memory.h"

#define MAX_JSON ((size_t)256 << 20)
#define MAX_VALUES (4 * SYL_BPE_MAX) /* of a JSON file: they take far more memory than its text */

static const char *const rule_remedy =
    "only the byte-level rules of GPT-2 and SmolLM2 are known; use a tokenizer of one of them";

/* ---- the tokens of JSON -------------------------------------------------------------------- */

static syl_span span_of(const json_t *string)
{
    return (syl_span){json_string_value(string), json_string_length(string)};
}

/* A number of a token; few of the numbers below the largest may be nobody's. */
static syl_status check_id(const json_t *id, size_t tokens, const char *name, const char *token,
                           syl_error *err)
{
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
    if (value >= 0 && (size_t)value < 2 * tokens + 1024) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT,
                    "%s: the number of token \"%.60s\" is no number of one of %zu tokens", name,
                    token, tokens);
}

static syl_status count_ids(const json_t *vocabulary, const json_t *added, const char *name,
                            size_t *size, syl_error *err)
{
    size_t tokens = json_object_size(vocabulary) + json_array_size(added), i;
    const char *token;
    json_t *id, *item;

    *size = 0;
    json_object_foreach((json_t *)vocabulary, token, id)
    {
        SYL_TRY(check_id(id, tokens, name, token, err));
        if ((size_t)json_integer_value(id) >= *size) *size = (size_t)json_integer_value(id) + 1;
    }
    json_array_foreach(added, i, item)
    {
        const char *content = json_string_value(json_object_get(item, "content"));
        if (!content)
            return syl_fail(err, SYL_EFORMAT, "%s: added token %zu has no content", name, i);
        id = json_object_get(item, "id");
        SYL_TRY(check_id(id, tokens, name, content, err));
        if ((size_t)json_integer_value(id) >= *size) *size = (size_t)json_integer_value(id) + 1;
    }
    return SYL_OK;
}

static syl_status take_vocabulary(syl_bpe_source *s, const json_t *vocabulary, syl_error *err)
{
    const char *token;
    json_t *id;
    json_object_foreach((json_t *)vocabulary, token, id)
    {
        size_t at = (size_t)json_integer_value(id);
        if (s->kinds[at] != SYL_BPE_NONE)
            return syl_fail(err, SYL_EFORMAT, "%s: \"%.60s\" and \"%.60s\" are both token %zu",
                            s->name, s->tokens[at].data, token, at);
        s->tokens[at] = (syl_span){token, strlen(token)};
        s->kinds[at] = SYL_BPE_NORMAL;
    }
    return SYL_OK;
}

static syl_status take_added(syl_bpe_source *s, const json_t *added, syl_error *err)
{
    static const char *const refused[] = {"single_word", "lstrip", "rstrip"};
    size_t i;
    json_t *item;
    json_array_foreach(added, i, item)
    {
        const json_t *content = json_object_get(item, "content");
        size_t at = (size_t)json_integer_value(json_object_get(item, "id"));
        for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
            if (json_is_true(json_object_get(item, refused[k])))
                return syl_fail(err, SYL_EUNSUPPORTED,
                                "%s: the added token \"%.60s\" has %s, which is not known here",
                                s->name, json_string_value(content), refused[k]);
        s->tokens[at] = span_of(content);
        s->kinds[at] =
            json_is_true(json_object_get(item, "special")) ? SYL_BPE_SPECIAL : SYL_BPE_ADDED;
    }
    return SYL_OK;
}

/* ---- tokenizer.json ------------------------------------------------------------------------ */

static bool is_type(const json_t *object, const char *type)
{
    const char *is = json_string_value(json_object_get(object, "type"));
    return is && !strcmp(is, type);
}

static bool is_byte_level(const json_t *pre)
{
    return is_type(pre, "ByteLevel") && json_is_false(json_object_get(pre, "add_prefix_space")) &&
           !json_is_false(json_object_get(pre, "use_regex"));
}

static bool is_single_digits(const json_t *pre)
{
    return is_type(pre, "Digits") && json_is_true(json_object_get(pre, "individual_digits"));
}

/* ByteLevel alone, or in a Sequence, where Digits may come before it. */
static syl_status check_rule(const json_t *root, const char *name, bool *single_digits,
                             syl_error *err)
{
    const json_t *pre = json_object_get(root, "pre_tokenizer");
    const json_t *list = json_object_get(pre, "pretokenizers");
    size_t n = json_array_size(list);

    *single_digits = false;
    if (json_object_get(root, "normalizer") && !json_is_null(json_object_get(root, "normalizer")))
        return syl_fail(err, SYL_EUNSUPPORTED, "%s normalizes text; %s", name, rule_remedy);
    if (is_byte_level(pre)) return SYL_OK;
    *single_digits = n == 2 && is_single_digits(json_array_get(list, 0));
    if (is_type(pre, "Sequence") && (n == 1 || *single_digits) &&
        is_byte_level(json_array_get(list, n - 1)))
        return SYL_OK;
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "%s: its pre_tokenizer is neither ByteLevel (without add_prefix_space) nor "
                    "individual Digits and ByteLevel; %s",
                    name, rule_remedy);
}

static bool is_unset(const json_t *model, const char *key)
{
    const json_t *value = json_object_get(model, key);
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_number(value) && json_number_value(value) == 0);
}

static syl_status check_model(const json_t *model, const char *name, syl_error *err)
{
    static const char *const unset[] = {"dropout",       "continuing_subword_prefix",
                                        "fuse_unk",      "end_of_word_suffix",
                                        "byte_fallback", "ignore_merges"};
    if (!json_is_object(model) || !json_is_object(json_object_get(model, "vocab")) ||
        !json_is_array(json_object_get(model, "merges")))
        return syl_fail(err, SYL_EFORMAT, "%s has no model with vocab and merges", name);
    if (json_object_get(model, "type") && !is_type(model, "BPE"))
        return syl_fail(err, SYL_EUNSUPPORTED, "%s: its model is not of type BPE", name);
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        if (!is_unset(model, unset[i]))
            return syl_fail(err, SYL_EUNSUPPORTED, "%s: its model sets %s, which is not known here",
                            name, unset[i]);
    return SYL_OK;
}

static syl_status take_merges(syl_bpe_source *s, const json_t *merges, syl_error *err)
{
    size_t i;
    json_t *item;
    json_array_foreach(merges, i, item)
    {
        if (json_is_string(item)) {
            SYL_TRY(syl_bpe_source_merge(s, i, span_of(item), err));
            continue;
        }
        s->left[i] = span_of(json_array_get(item, 0));
        s->right[i] = span_of(json_array_get(item, 1));
        if (json_array_size(item) != 2 || s->left[i].size == 0 || s->right[i].size == 0)
            return syl_fail(err, SYL_EFORMAT, "%s: merge %zu is not two tokens", s->name, i + 1);
    }
    return SYL_OK;
}

/* The unknown token by its text. */
static syl_status take_unknown(syl_bpe_source *s, const json_t *model, syl_error *err)
{
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    const json_t *id = json_object_get(json_object_get(model, "vocab"), unknown ? unknown : "");
    if (is_unset(model, "unk_token")) return SYL_OK;
    if (!unknown || !id)
        return syl_fail(err, SYL_EFORMAT, "%s: its unk_token is no token of the vocabulary",
                        s->name);
    s->unknown = (int32_t)json_integer_value(id);
    return SYL_OK;
}

static syl_status take_json(syl_bpe_source *s, const json_t *root, syl_error *err)
{
    const json_t *model = json_object_get(root, "model");
    SYL_TRY(take_vocabulary(s, json_object_get(model, "vocab"), err));
    SYL_TRY(take_added(s, json_object_get(root, "added_tokens"), err));
    SYL_TRY(take_merges(s, json_object_get(model, "merges"), err));
    return take_unknown(s, model, err);
}

syl_status syl_bpe_from_json(syl_bpe **out, const json_t *root, const char *name, syl_error *err)
{
    const json_t *model = json_object_get(root, "model");
    const json_t *added = json_object_get(root, "added_tokens");
    bool single_digits = false;
    syl_bpe_source s;
    size_t size = 0;

    *out = NULL;
    SYL_TRY(check_model(model, name, err));
    SYL_TRY(check_rule(root, name, &single_digits, err));
    if (added && !json_is_null(added) && !json_is_array(added))
        return syl_fail(err, SYL_EFORMAT, "%s: its added_tokens are no list", name);
    SYL_TRY(count_ids(json_object_get(model, "vocab"), added, name, &size, err));
    syl_status status =
        syl_bpe_source_init(&s, name, size, json_array_size(json_object_get(model, "merges")), err);
    s.single_digits = single_digits;
    if (!status) status = take_json(&s, root, err);
    if (!status) status = syl_bpe_build(out, &s, err);
    syl_bpe_source_free(&s);
    return status;
}

/* ---- encoder.json and vocab.bpe ------------------------------------------------------------ */

/* Lines of two tokens; "#version: 0.2" and empty lines are none. Only counted where s is NULL. */
static syl_status read_merges(syl_bpe_source *s, const char *text, size_t size, size_t *count,
                              syl_error *err)
{
    syl_lines lines = syl_lines_of(text, size);
    syl_span line;
    *count = 0;
    while (syl_next_line(&lines, &line)) {
        if (line.size == 0 || (line.size >= 8 && !memcmp(line.data, "#version", 8))) continue;
        if (s) SYL_TRY(syl_bpe_source_merge(s, *count, line, err));
        ++*count;
    }
    return SYL_OK;
}

syl_status syl_bpe_from_gpt2(syl_bpe **out, const json_t *encoder, const char *merges, size_t size,
                             const char *name, syl_error *err)
{
    syl_bpe_source s;
    size_t tokens = 0, count = 0;

    *out = NULL;
    if (!json_is_object(encoder))
        return syl_fail(err, SYL_EFORMAT, "%s is no JSON object of tokens and their numbers", name);
    SYL_TRY(count_ids(encoder, NULL, name, &tokens, err));
    SYL_TRY(read_merges(NULL, merges, size, &count, err));
    syl_status status = syl_bpe_source_init(&s, name, tokens, count, err);
    if (!status) status = take_vocabulary(&s, encoder, err);
    if (!status) {
        const json_t *end = json_object_get(encoder, "<|endoftext|>");
        if (end) s.kinds[json_integer_value(end)] = SYL_BPE_SPECIAL;
        status = read_merges(&s, merges, size, &count, err);
    }
    if (!status) status = syl_bpe_build(out, &s, err);
    syl_bpe_source_free(&s);
    return status;
}

/* ---- GGUF ---------------------------------------------------------------------------------- */

static syl_status check_gguf(const syl_gguf *f, bool *single_digits, syl_error *err)
{
    const char *model = NULL, *pre = NULL;
    SYL_TRY(syl_gguf_get_string(f, "tokenizer.ggml.model", &model, err));
    SYL_TRY(syl_gguf_get_string(f, "tokenizer.ggml.pre", &pre, err));
    *single_digits = !strcmp(pre, "smollm");
    if (strcmp(model, "gpt2") != 0 || (!*single_digits && strcmp(pre, "gpt-2") != 0))
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: its tokenizer is \"%.40s\" with the rule \"%.40s\"; %s",
                        syl_gguf_path(f), model, pre, rule_remedy);
    return SYL_OK;
}

/* Of a token without a type: it is a normal one. */
static syl_status take_types(syl_bpe_source *s, const syl_gguf *f, syl_error *err)
{
    enum { UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4 };
    int64_t *types;
    size_t n = 0;

    memset(s->kinds, SYL_BPE_NORMAL, s->size);
    if (!syl_gguf_has(f, "tokenizer.ggml.token_type")) return SYL_OK;
    SYL_TRY(syl_gguf_get_ints(f, "tokenizer.ggml.token_type", &types, &n, err));
    for (size_t i = 0; i < n && i < s->size; i++) {
        if (types[i] == UNKNOWN || types[i] == CONTROL) s->kinds[i] = SYL_BPE_SPECIAL;
        if (types[i] == USER_DEFINED) s->kinds[i] = SYL_BPE_ADDED;
    }
    free(types);
    if (n != s->size)
        return syl_fail(err, SYL_EFORMAT, "%s has %zu tokens, but %zu token types", s->name,
                        s->size, n);
    return SYL_OK;
}

static syl_status take_id(const syl_gguf *f, const char *key, size_t size, int32_t *id,
                          syl_error *err)
{
    int64_t value = 0;
    if (!syl_gguf_has(f, key)) return SYL_OK;
    SYL_TRY(syl_gguf_get_int(f, key, 0, (int64_t)size - 1, &value, err));
    *id = (int32_t)value;
    return SYL_OK;
}

static syl_status take_gguf(syl_bpe_source *s, const syl_gguf *f, const syl_span *merges,
                            syl_error *err)
{
    SYL_TRY(take_types(s, f, err));
    for (size_t i = 0; i < s->merge_count; i++)
        SYL_TRY(syl_bpe_source_merge(s, i, merges[i], err));
    SYL_TRY(take_id(f, "tokenizer.ggml.bos_token_id", s->size, &s->begin, err));
    SYL_TRY(take_id(f, "tokenizer.ggml.eos_token_id", s->size, &s->end, err));
    if (!syl_gguf_has(f, "tokenizer.ggml.add_bos_token")) return SYL_OK;
    return syl_gguf_get_bool(f, "tokenizer.ggml.add_bos_token", &s->add_begin, err);
}

syl_status syl_bpe_from_gguf(syl_bpe **out, const syl_gguf *file, syl_error *err)
{
    bool single_digits = false;
    syl_span *tokens = NULL, *merges = NULL;
    size_t size = 0, count = 0;
    syl_bpe_source s;

    *out = NULL;
    SYL_TRY(check_gguf(file, &single_digits, err));
    SYL_TRY(syl_gguf_get_strings(file, "tokenizer.ggml.tokens", &tokens, &size, err));
    syl_status status = syl_gguf_get_strings(file, "tokenizer.ggml.merges", &merges, &count, err);
    if (!status) {
        status = syl_bpe_source_init(&s, syl_gguf_path(file), size, count, err);
        s.single_digits = single_digits;
        if (!status) memcpy(s.tokens, tokens, size * sizeof *tokens);
        if (!status) status = take_gguf(&s, file, merges, err);
        if (!status) status = syl_bpe_build(out, &s, err);
        syl_bpe_source_free(&s);
    }
    free(tokens);
    free(merges);
    return status;
}

/* ---- paths --------------------------------------------------------------------------------- */

static syl_status parse_json(json_t **root, const syl_map *map, const char *path, syl_error *err)
{
    json_error_t json;
    size_t values = 0;

    for (size_t i = 0; i < map->size; i++)
        values += map->data[i] == ',' || map->data[i] == '[' || map->data[i] == '{';
    if (map->size > MAX_JSON || values > MAX_VALUES)
        return syl_fail(err, SYL_EFORMAT, "%s is too large for a tokenizer (%zu bytes, %zu values)",
                        path, map->size, values);
    *root = json_loadb((const char *)map->data, map->size, JSON_REJECT_DUPLICATES, &json);
    if (!*root)
        return syl_fail(err, SYL_EFORMAT, "%s is neither GGUF nor valid JSON (line %d: %s)", path,
                        json.line, json.text);
    return SYL_OK;
}

/* The first of two names that is there beside (or, of a folder, in) `path`. */
static bool find_beside(const char *path, bool folder, const char *const names[2], char **found)
{
    const char *slash = strrchr(path, '/');
    int length = folder ? (int)strlen(path) : slash ? (int)(slash - path) : 0;
    for (int i = 0; i < 2; i++) {
        *found = NULL;
        if (asprintf(found, "%.*s%s%s", length, path, folder || slash ? "/" : "", names[i]) < 0)
            *found = NULL;
        if (*found && access(*found, F_OK) == 0) return true;
        free(*found);
    }
    *found = NULL;
    return false;
}

static syl_status load_gpt2(syl_bpe **out, const json_t *encoder, const char *path, syl_error *err)
{
    static const char *const names[] = {"vocab.bpe", "merges.txt"};
    char *merges;
    syl_map map;

    if (!find_beside(path, false, names, &merges))
        return syl_fail(err, SYL_EIO, "%s has no model, and no vocab.bpe or merges.txt beside it",
                        path);
    syl_status status = syl_map_open(&map, merges, err);
    free(merges);
    SYL_TRY(status);
    status = syl_bpe_from_gpt2(out, encoder, (const char *)map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

static syl_status load_json(syl_bpe **out, const syl_map *map, const char *path, syl_error *err)
{
    json_t *root;
    syl_status status;

    SYL_TRY(parse_json(&root, map, path, err));
    if (json_is_object(json_object_get(root, "model")))
        status = syl_bpe_from_json(out, root, path, err);
    else
        status = load_gpt2(out, root, path, err);
    json_decref(root);
    return status;
}

static syl_status load_file(syl_bpe **out, const char *path, syl_error *err)
{
    syl_gguf *gguf;
    syl_map map;
    syl_status status;

    SYL_TRY(syl_map_open(&map, path, err));
    if (map.size >= 4 && !memcmp(map.data, "GGUF", 4)) {
        status = syl_gguf_parse(&gguf, map.data, map.size, path, err);
        if (!status) {
            status = syl_bpe_from_gguf(out, gguf, err);
            syl_gguf_free(gguf);
        }
    } else {
        status = load_json(out, &map, path, err);
    }
    syl_map_close(&map);
    return status;
}

syl_status syl_bpe_load(syl_bpe **out, const char *path, syl_error *err)
{
    static const char *const whole[] = {"tokenizer.json", "encoder.json"};
    static const char *const parts[] = {"vocab.json", "vocab.json"};
    struct stat st;
    char *found;

    *out = NULL;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) return load_file(out, path, err);
    if (!find_beside(path, true, whole, &found) && !find_beside(path, true, parts, &found))
        return syl_fail(err, SYL_EIO, "%s has no tokenizer.json, encoder.json or vocab.json", path);
    syl_status status = load_file(out, found, err);
    free(found);
    return status;
}
