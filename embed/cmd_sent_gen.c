/* sylkit sent gen: questions with their reasoning, made by rule. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/sent/generate.h"
#include "lib/cli/option_table.h"

#define COMMAND "sent gen"

typedef enum task { ARITH, PROSQA, BLOCKSWORLD } task;
static const char *const tasks[] = {"arith", "prosqa", "blocksworld", NULL};
static const char *const sizes[] = {"full", "small", NULL};
static const char *const wordings[] = {"full", "short", NULL};

typedef struct arguments {
    int count, seed, split, size, blocks, wording;
    float operations[2], nodes[2], steps[2]; /* 0: by the size */
    const char *output;
} arguments;

static const syl_arg table[] = {
    SYL_OPTION_INT(arguments, "count", count, 1, 100000000, "questions"),
    SYL_OPTION_INT(arguments, "seed", seed, 0, INT32_MAX, "of the draw"),
    SYL_OPTION_CHOICE(arguments, "split", split, syl_sent_split_names,
                      "which part of all questions: never the same in two"),
    SYL_OPTION_TEXT(arguments, "out", output, "file; - is standard output"),
    SYL_OPTION_HEADING("arith: chains modulo 10 such as 3+4*5, from left to right:"),
    {"operations", SYL_ARG_RANGE, offsetof(arguments, operations), "in a question", 1, 20, NULL,
     false},
    SYL_OPTION_HEADING("prosqa: which of two things somebody is, by a path in a graph:"),
    SYL_OPTION_CHOICE(arguments, "size", size, sizes,
                      "full: as published; small: 8:10 nodes, 2:4 steps"),
    {"nodes", SYL_ARG_RANGE, offsetof(arguments, nodes), "of the graph; 0: by --size", 0, 38, NULL,
     false},
    {"steps", SYL_ARG_RANGE, offsetof(arguments, steps), "of the path; 0: by --size", 0, 36, NULL,
     false},
    SYL_OPTION_HEADING("blocksworld: the fewest moves from one configuration to another:"),
    SYL_OPTION_INT(arguments, "blocks", blocks, 3, 7, "on the table"),
    SYL_OPTION_CHOICE(arguments, "wording", wording, wordings,
                      "full: with the rules, as published; short: the two states"),
};
#define NUM_OPTIONS (sizeof table / sizeof *table)

static syl_status gen_arith(syl_sent_dataset *set, const arguments *a, const syl_sent_draw *draw,
                            syl_error *err)
{
    syl_arith_options o = {(int)a->operations[0], (int)a->operations[1]};
    return syl_sent_gen_arith(set, &o, draw, err);
}

static syl_status gen_prosqa(syl_sent_dataset *set, const arguments *a, const syl_sent_draw *draw,
                             syl_error *err)
{
    syl_prosqa_options o = a->size ? syl_prosqa_small() : syl_prosqa_defaults();
    if (a->nodes[1] > 0) {
        o.min_nodes = (int)a->nodes[0];
        o.max_nodes = (int)a->nodes[1];
    }
    if (a->steps[1] > 0) {
        o.min_steps = (int)a->steps[0];
        o.max_steps = (int)a->steps[1];
    }
    return syl_sent_gen_prosqa(set, &o, draw, err);
}

static syl_status gen_blocksworld(syl_sent_dataset *set, const arguments *a,
                                  const syl_sent_draw *draw, syl_error *err)
{
    syl_blocksworld_options o = {a->blocks, a->wording == 1};
    return syl_sent_gen_blocksworld(set, &o, draw, err);
}

static syl_status run(task which, const arguments *a, syl_error *err)
{
    syl_sent_dataset set;
    syl_sent_draw draw = {(size_t)a->count, (uint64_t)a->seed, (syl_sent_split)a->split};
    if (which == ARITH)
        SYL_TRY(gen_arith(&set, a, &draw, err));
    else if (which == PROSQA)
        SYL_TRY(gen_prosqa(&set, a, &draw, err));
    else
        SYL_TRY(gen_blocksworld(&set, a, &draw, err));
    syl_status status = strcmp(a->output, "-") ? syl_sent_dataset_write(&set, a->output, err)
                                               : syl_sent_dataset_print(&set, stdout, err);
    syl_sent_dataset_free(&set);
    return status;
}

static arguments defaults(void)
{
    return (arguments){.count = 1000,
                       .seed = 1,
                       .blocks = syl_blocksworld_defaults().blocks,
                       .operations = {2, 4},
                       .output = "-"};
}

static bool differ(const float a[2], const float b[2])
{
    return a[0] != b[0] || a[1] != b[1];
}

static bool is_whole(const float range[2])
{
    return range[0] == floorf(range[0]) && range[1] == floorf(range[1]);
}

/* Options of another task would have no effect. */
static int check(task which, const arguments *a)
{
    arguments d = defaults();
    if (!is_whole(a->operations) || !is_whole(a->nodes) || !is_whole(a->steps))
        return syl_usage(COMMAND, "--operations, --nodes and --steps are whole numbers");
    bool prosqa = a->size != d.size || differ(a->nodes, d.nodes) || differ(a->steps, d.steps);
    if (which != ARITH && differ(a->operations, d.operations))
        return syl_usage(COMMAND, "--operations is for arith");
    if (which != PROSQA && prosqa)
        return syl_usage(COMMAND, "--size, --nodes and --steps are for prosqa");
    if (which != BLOCKSWORLD && (a->blocks != d.blocks || a->wording != d.wording))
        return syl_usage(COMMAND, "--blocks and --wording are for blocksworld");
    return SYL_EXIT_OK;
}

static int start(void *args, int argc, char **argv)
{
    const arguments *a = args;
    syl_error err;
    int which;
    if (argc != 1) return syl_usage(COMMAND, "name one task: arith, prosqa or blocksworld");
    int code = syl_option_choice(COMMAND, "the task", argv[0], tasks, &which);
    if (code == SYL_EXIT_OK) code = check((task)which, a);
    if (code != SYL_EXIT_OK) return code;
    return syl_exit_code(run((task)which, a, &err), &err);
}

static const char usage[] =
    "Usage: sylkit sent gen [OPTIONS] arith|prosqa|blocksworld\n"
    "Questions with their reasoning, sentence by sentence, as a JSON list.\n";

int syl_cmd_sent_gen(int argc, char **argv)
{
    syl_arg_command command = {COMMAND, usage, .table = table, .count = NUM_OPTIONS,
                               .start = start};
    arguments a = defaults();
    return syl_args_run(&command, &a, &a, argc, argv);
}
