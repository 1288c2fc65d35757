#include "lib/cli/option_table.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define FIRST_OPTION 2000
#define OPTION_CONF 1998
#define OPTION_HELP 1999

typedef struct taken {
    const syl_arg *arg;
    const char *value; /* in argv, or in the text of the parse */
} taken;

/* One parse at work. */
typedef struct parse {
    const char *command;
    const syl_arg *table;
    size_t count;
    char *into;
    json_t *text;
    bool *given;
    taken *taken; /* [num_taken], in their order */
    size_t num_taken, room;
} parse;

syl_arg *syl_args_append(syl_arg *to, const syl_arg *part, size_t count, size_t offset)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = part[i];
        to[i].offset += offset;
    }
    return to + count;
}

static int take_range(const parse *p, const syl_arg *a, const char *name, const char *value)
{
    float *to = (float *)(void *)(p->into + a->offset);
    char low[64];
    double from, until;
    const char *colon = strchr(value, ':');
    snprintf(low, sizeof low, "%.*s", colon ? (int)(colon - value) : (int)strlen(value), value);
    int code = syl_option_double(p->command, name, low, a->min, a->max, &from);
    until = from;
    if (code == SYL_EXIT_OK && colon)
        code = syl_option_double(p->command, name, colon + 1, a->min, a->max, &until);
    if (code == SYL_EXIT_OK && until < from)
        return syl_usage(p->command, "%s wants LOW:HIGH, not '%s'", name, value);
    to[0] = (float)from;
    to[1] = (float)until;
    return code;
}

/* name: for messages. */
static int set(const parse *p, const syl_arg *a, const char *name, const char *value)
{
    void *to = p->into + a->offset;
    switch (a->kind) {
    case SYL_ARG_TEXT:
        *(const char **)to = value;
        return SYL_EXIT_OK;
    case SYL_ARG_INT:
        return syl_option_int(p->command, name, value, (long)a->min, (long)a->max, to);
    case SYL_ARG_REAL:
        return syl_option_double(p->command, name, value, a->min, a->max, to);
    case SYL_ARG_RANGE:
        return take_range(p, a, name, value);
    case SYL_ARG_FLAG:
        *(bool *)to = true;
        return SYL_EXIT_OK;
    case SYL_ARG_CHOICE:
        return syl_option_choice(p->command, name, value, a->choices, to);
    case SYL_ARG_HEADING:
        break;
    }
    return SYL_EXIT_USAGE;
}

static int take(parse *p, const syl_arg *a, const char *name, const char *value)
{
    int code = set(p, a, name, value);
    if (code != SYL_EXIT_OK) return code;
    if (syl_grow((void **)&p->taken, &p->room, p->num_taken + 1, sizeof *p->taken, NULL))
        return syl_usage(p->command, "%s: no memory", name);
    p->taken[p->num_taken++] = (taken){a, value};
    return code;
}

/* What was taken once more. Files of options are not read again: one may be a pipe. */
static void repeat(const parse *p)
{
    for (size_t i = 0; i < p->num_taken; i++)
        set(p, p->taken[i].arg, p->taken[i].arg->name, p->taken[i].value);
}

/* The end of the line, and a # at its beginning or behind a blank with what follows. */
static void cut_comment(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (char *c = line; (c = strchr(c, '#')); c++)
        if (c == line || c[-1] == ' ' || c[-1] == '\t') {
            *c = '\0';
            return;
        }
}

/* "name value", either part possibly missing. */
static int take_line(parse *p, char *line, const char *path, int number)
{
    char place[400];
    cut_comment(line);
    char *name = line + strspn(line, " \t"), *value = name + strcspn(name, " \t=");
    if (*value) *value++ = '\0';
    value += strspn(value, " \t=");
    for (size_t n = strlen(value); n && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
        value[n - 1] = '\0';
    if (!*name) return SYL_EXIT_OK;
    for (size_t i = 0; i < p->count; i++) {
        const syl_arg *a = &p->table[i];
        if (a->kind == SYL_ARG_HEADING || strcmp(a->name, name)) continue;
        if ((a->kind == SYL_ARG_FLAG) != !*value)
            return syl_usage(p->command, "%s:%d: %s takes %s", path, number, name,
                             *value ? "no value" : "a value");
        json_t *kept = json_string_nocheck(value);
        if (!kept || json_array_append_new(p->text, kept) < 0)
            return syl_usage(p->command, "%s:%d: no memory", path, number);
        snprintf(place, sizeof place, "%s:%d: %s", path, number, name);
        return take(p, a, place, json_string_value(kept));
    }
    return syl_usage(p->command, "%s:%d: there is no option '%s'", path, number, name);
}

static int take_file(parse *p, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    int code = SYL_EXIT_OK;
    if (!file) return syl_usage(p->command, "--conf %s: %s", path, strerror(errno));
    for (int number = 1; code == SYL_EXIT_OK && getline(&line, &room, file) >= 0; number++)
        code = take_line(p, line, path, number);
    if (code == SYL_EXIT_OK && ferror(file))
        code = syl_usage(p->command, "--conf %s: %s", path, strerror(errno));
    free(line);
    fclose(file);
    return code;
}

static int take_arguments(parse *p, int argc, char **argv, bool *help, int *first)
{
    struct option options[SYL_ARGS_MOST + 3] = {{"conf", required_argument, NULL, OPTION_CONF},
                                                {"help", no_argument, NULL, OPTION_HELP}};
    const syl_arg *table = p->table;
    int n = 2, option, code = SYL_EXIT_OK;
    char name[80];
    for (size_t i = 0; i < p->count && n < SYL_ARGS_MOST; i++)
        if (table[i].kind != SYL_ARG_HEADING)
            options[n++] = (struct option){
                table[i].name, table[i].kind == SYL_ARG_FLAG ? no_argument : required_argument,
                NULL, FIRST_OPTION + (int)i};
    *help = false;
    while (code == SYL_EXIT_OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h')
            *help = true;
        else if (option == OPTION_CONF)
            code = take_file(p, optarg);
        else if (option >= FIRST_OPTION) {
            snprintf(name, sizeof name, "--%s", table[option - FIRST_OPTION].name);
            code = take(p, &table[option - FIRST_OPTION], name, optarg);
            if (p->given) p->given[option - FIRST_OPTION] = true;
        } else
            code = syl_usage_hint(p->command);
    }
    *first = optind;
    return code;
}

int syl_args_parse(const char *command, const syl_arg *table, size_t count, void *into, int argc,
                   char **argv, json_t *text, bool *help, int *first)
{
    parse p = {.command = command, .table = table, .count = count, .into = into, .text = text};
    int code = take_arguments(&p, argc, argv, help, first);
    free(p.taken);
    return code;
}

/* ---- help and record ---------------------------------------------------------------------- */

static void value_text(const syl_arg *a, const void *values, char *out, size_t size)
{
    const void *at = (const char *)values + a->offset;
    const float *range = at;
    const char *text = a->kind == SYL_ARG_TEXT ? *(const char *const *)at : NULL;
    out[0] = '\0';
    if (a->kind == SYL_ARG_TEXT && text) snprintf(out, size, "%s", text);
    if (a->kind == SYL_ARG_INT) snprintf(out, size, "%d", *(const int *)at);
    if (a->kind == SYL_ARG_REAL && !isnan(*(const double *)at)) /* NaN: not given */
        snprintf(out, size, "%g", *(const double *)at);
    if (a->kind == SYL_ARG_RANGE) snprintf(out, size, "%g:%g", range[0], range[1]);
    if (a->kind == SYL_ARG_CHOICE) snprintf(out, size, "%s", a->choices[*(const int *)at]);
}

static const char *placeholder(const syl_arg *a)
{
    static const char *const names[] = {
        [SYL_ARG_TEXT] = " X",         [SYL_ARG_INT] = " N", [SYL_ARG_REAL] = " X",
        [SYL_ARG_RANGE] = " LOW:HIGH", [SYL_ARG_FLAG] = "",  [SYL_ARG_CHOICE] = " ",
        [SYL_ARG_HEADING] = ""};
    return names[a->kind];
}

static void print_choices(const syl_arg *a)
{
    for (int i = 0; a->choices[i]; i++)
        printf("%s%s", i ? "|" : "", a->choices[i]);
}

void syl_args_help(const syl_arg *table, size_t count, const void *defaults)
{
    for (size_t i = 0; i < count; i++) {
        const syl_arg *a = &table[i];
        char value[128];
        if (a->kind == SYL_ARG_HEADING) {
            printf("\n%s\n", a->help);
            continue;
        }
        value_text(a, defaults, value, sizeof value);
        printf("  --%s%s", a->name, placeholder(a));
        if (a->kind == SYL_ARG_CHOICE) print_choices(a);
        printf("\n        %s", a->help);
        printf(*value ? " (%s)\n" : "\n", value);
    }
    printf("  --conf FILE\n        options out of a file: lines of NAME VALUE, # begins a comment\n"
           "  -h, --help\n");
}

char *syl_args_record(const syl_arg *table, size_t count, const void *values)
{
    json_t *all = json_object();
    for (size_t i = 0; i < count; i++) {
        char value[512];
        if (!table[i].recorded) continue;
        value_text(&table[i], values, value, sizeof value);
        if (table[i].kind == SYL_ARG_FLAG)
            strcpy(value, *(const bool *)((const char *)values + table[i].offset) ? "yes" : "no");
        json_object_set_new(all, table[i].name, json_string(value));
    }
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return text;
}

/* ---- a whole command ---------------------------------------------------------------------- */

static void print_help(const syl_arg_command *c, const void *values)
{
    puts(c->usage);
    syl_args_help(c->table, c->count, values);
    if (c->footer) puts(c->footer);
}

int syl_args_run(const syl_arg_command *c, void *args, void *job, int argc, char **argv)
{
    parse p = {.command = c->name,
               .table = c->table,
               .count = c->count,
               .into = args,
               .text = json_array(),
               .given = c->given};
    bool help = false;
    int first, code = take_arguments(&p, argc, argv, &help, &first);
    if (code == SYL_EXIT_OK && c->refine) c->refine(args);
    if (code == SYL_EXIT_OK && c->refine && !help) repeat(&p);
    free(p.taken);
    if (code == SYL_EXIT_OK && help)
        print_help(c, args);
    else if (code == SYL_EXIT_OK)
        code = c->start(job, argc - first, argv + first);
    json_decref(p.text);
    return code;
}
