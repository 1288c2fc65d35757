/* Reading questions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/analogies.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"

typedef struct reader {
    syl_analogies *out;
    size_t room_questions, room_sections;
    const char *name;
    syl_lines lines;
} reader;

/* `name` is terminated in the text, in place of what followed it on its line. */
static syl_status add_section(reader *r, const char *name, syl_error *err)
{
    void *sections = r->out->sections;
    SYL_TRY(syl_grow(&sections, &r->room_sections, r->out->num_sections + 1,
                     sizeof *r->out->sections, err));
    r->out->sections = sections;
    r->out->sections[r->out->num_sections++] =
        (syl_analogy_section){.name = name, .first = r->out->count};
    return SYL_OK;
}

static syl_status add_question(reader *r, syl_span line, syl_error *err)
{
    syl_analogy question;
    syl_span more;
    void *questions = r->out->questions;
    for (int i = 0; i < 4; i++)
        if (!syl_next_word(&line, &question.word[i]))
            return syl_fail(err, SYL_EFORMAT, "%s, line %" PRId64 ": not four words", r->name,
                            r->lines.number);
    if (syl_next_word(&line, &more))
        return syl_fail(err, SYL_EFORMAT, "%s, line %" PRId64 ": more than four words", r->name,
                        r->lines.number);
    if (!r->out->num_sections) SYL_TRY(add_section(r, "", err));
    SYL_TRY(syl_grow(&questions, &r->room_questions, r->out->count + 1, sizeof question, err));
    r->out->questions = questions;
    r->out->questions[r->out->count++] = question;
    r->out->sections[r->out->num_sections - 1].count++;
    return SYL_OK;
}

static syl_status read_lines(reader *r, syl_error *err)
{
    syl_span line;
    while (syl_next_line(&r->lines, &line)) {
        line = syl_trim(line);
        if (!line.size) continue;
        if (line.data[0] != ':') {
            SYL_TRY(add_question(r, line, err));
            continue;
        }
        syl_span name = syl_trim((syl_span){line.data + 1, line.size - 1});
        r->out->text[name.data - r->out->text + (ptrdiff_t)name.size] = '\0';
        SYL_TRY(add_section(r, name.data, err));
    }
    return SYL_OK;
}

syl_status syl_analogies_parse(syl_analogies *out, const void *data, size_t size, const char *name,
                               syl_error *err)
{
    reader r = {.out = out, .name = name};
    /* One more byte ends a section's name in the last line. */
    *out = (syl_analogies){.text = syl_calloc(size + 1, 1)};
    if (!out->text) return syl_fail_memory(err, size + 1, "analogies");
    if (size) memcpy(out->text, data, size);
    r.lines = syl_lines_of(out->text, size);
    syl_status status = read_lines(&r, err);
    if (status) syl_analogies_free(out);
    return status;
}

syl_status syl_analogies_read(syl_analogies *out, const char *path, syl_error *err)
{
    syl_map map;
    *out = (syl_analogies){0};
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_analogies_parse(out, map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

void syl_analogies_free(syl_analogies *analogies)
{
    free(analogies->questions);
    free(analogies->sections);
    free(analogies->text);
    *analogies = (syl_analogies){0};
}
