#include "lib/io/lines.h"

#include <string.h>

bool syl_next_line(syl_lines *lines, syl_span *line)
{
    if (lines->at == lines->end) return false;
    size_t left = (size_t)(lines->end - lines->at);
    const char *stop = memchr(lines->at, '\n', left);
    *line = (syl_span){lines->at, stop ? (size_t)(stop - lines->at) : left};
    lines->at = stop ? stop + 1 : lines->end;
    lines->number++;
    if (line->size && line->data[line->size - 1] == '\r') line->size--;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool syl_next_word(syl_span *rest, syl_span *field)
{
    size_t begin = 0, end;
    while (begin < rest->size && is_space(rest->data[begin]))
        begin++;
    if (begin == rest->size) return false;
    for (end = begin; end < rest->size && !is_space(rest->data[end]);)
        end++;
    *field = (syl_span){rest->data + begin, end - begin};
    *rest = (syl_span){rest->data + end, rest->size - end};
    return true;
}

bool syl_next_field(syl_span *rest, char separator, syl_span *field)
{
    if (!rest->data) return false;
    const char *stop = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
    *field = (syl_span){rest->data, stop ? (size_t)(stop - rest->data) : rest->size};
    *rest = stop ? (syl_span){stop + 1, rest->size - field->size - 1} : (syl_span){NULL, 0};
    return true;
}

syl_span syl_trim(syl_span text)
{
    while (text.size && is_space(text.data[0]))
        text = (syl_span){text.data + 1, text.size - 1};
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

bool syl_span_is(syl_span span, const char *text)
{
    return span.size == strlen(text) && !memcmp(span.data, text, span.size);
}
