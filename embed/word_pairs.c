#include "embed/word_pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/marked_text.h"
#include "lib/base/memory.h"
#include "lib/io/number.h"

#define SCWS_FIELDS 8 /* up to the mean score */

typedef struct reader {
    syl_word_pairs *out;
    size_t room;
    const char *name;
    syl_lines lines;
} reader;

static syl_status bad_line(const reader *r, const char *why, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s, line %" PRId64 ": %s", r->name, r->lines.number, why);
}

static bool has_fields(syl_span line, int count)
{
    syl_span field;
    while (count > 0 && syl_next_field(&line, '\t', &field))
        count--;
    return count == 0;
}

static syl_status read_scws(const reader *r, syl_span line, syl_word_pair *p, syl_error *err)
{
    syl_span field[SCWS_FIELDS];
    for (int i = 0; i < SCWS_FIELDS; i++)
        syl_next_field(&line, '\t', &field[i]);
    for (int i = 0; i < 2; i++) {
        p->word[i] = syl_trim(field[1 + 2 * i]);
        if (!syl_split_marked(field[5 + i], &p->left[i], &p->right[i]))
            return bad_line(r, "a context without its word between <b> and </b>", err);
    }
    if (!p->word[0].size || !p->word[1].size || !syl_parse_number(syl_trim(field[7]), &p->score))
        return bad_line(r, "no two words and a number as their mean score", err);
    return SYL_OK;
}

static syl_status read_plain(const reader *r, syl_span line, syl_word_pair *p, syl_error *err)
{
    syl_span score = {0}, more;
    if (!syl_next_word(&line, &p->word[0]) || !syl_next_word(&line, &p->word[1]) ||
        !syl_next_word(&line, &score) || syl_next_word(&line, &more) ||
        !syl_parse_number(score, &p->score))
        return bad_line(r, "not two words and a number", err);
    return SYL_OK;
}

static syl_status add_pair(reader *r, syl_word_pair pair, syl_error *err)
{
    void *pairs = r->out->pairs;
    SYL_TRY(syl_grow(&pairs, &r->room, r->out->count + 1, sizeof pair, err));
    r->out->pairs = pairs;
    r->out->pairs[r->out->count++] = pair;
    return SYL_OK;
}

static syl_status read_pairs(reader *r, syl_error *err)
{
    syl_span line;
    while (syl_next_line(&r->lines, &line)) {
        if (!syl_trim(line).size || line.data[0] == '#') continue;
        syl_word_pair pair = {0};
        if (!r->out->count) r->out->contexts = has_fields(line, SCWS_FIELDS);
        if (r->out->contexts != has_fields(line, SCWS_FIELDS))
            return bad_line(r, "some pairs have contexts, others have none", err);
        SYL_TRY(r->out->contexts ? read_scws(r, line, &pair, err)
                                 : read_plain(r, line, &pair, err));
        SYL_TRY(add_pair(r, pair, err));
    }
    return SYL_OK;
}

syl_status syl_word_pairs_parse(syl_word_pairs *out, const void *data, size_t size,
                                const char *name, syl_error *err)
{
    reader r = {.out = out, .name = name};
    *out = (syl_word_pairs){.text = syl_calloc(size, 1)};
    if (!out->text) return syl_fail_memory(err, size, "pairs of words");
    if (size) memcpy(out->text, data, size);
    r.lines = syl_lines_of(out->text, size);
    syl_status status = read_pairs(&r, err);
    if (status) syl_word_pairs_free(out);
    return status;
}

syl_status syl_word_pairs_read(syl_word_pairs *out, const char *path, syl_error *err)
{
    syl_map map;
    *out = (syl_word_pairs){0};
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_word_pairs_parse(out, map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

void syl_word_pairs_free(syl_word_pairs *pairs)
{
    free(pairs->pairs);
    free(pairs->text);
    *pairs = (syl_word_pairs){0};
}
