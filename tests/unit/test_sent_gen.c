/* Generated questions: every answer, path and plan checked from the text alone, by other means than
 * the generators'; splits and seeds. */
#include "tests/golden/golden.h"

#include "embed/sent/blocks.h"
#include "embed/sent/generate.h"

#define OK(call)                                              \
    do {                                                      \
        syl_error ok_err;                                     \
        ok_err.message[0] = 0;                                \
        syl_error *err = &ok_err;                             \
        if ((call) != SYL_OK) fail_msg("%s", ok_err.message); \
    } while (0)

static syl_sent_draw draw_of(size_t count, uint64_t seed, syl_sent_split split)
{
    return (syl_sent_draw){count, seed, split};
}

static bool has(const syl_sent_dataset *d, const char *question)
{
    for (size_t i = 0; i < d->count; i++)
        if (!strcmp(d->samples[i].question, question)) return true;
    return false;
}

/* No question of a is in b, nor twice in a. */
static void check_apart(const syl_sent_dataset *a, const syl_sent_dataset *b)
{
    for (size_t i = 0; i < a->count; i++) {
        assert_false(has(b, a->samples[i].question));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(a->samples[i].question, a->samples[k].question);
    }
}

static void check_same(const syl_sent_dataset *a, const syl_sent_dataset *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_string_equal(a->samples[i].question, b->samples[i].question);
}

/* ---- arithmetic ------------------------------------------------------------------------- */

static void check_chain(const syl_sent_sample *s, int *lengths)
{
    const char *q = s->question;
    int operations = (int)strlen(q) / 2, value = q[0] - '0';
    assert_int_equal(strlen(q), 2 * operations + 1);
    assert_int_equal(s->num_sentences, operations + 1);
    for (int i = 0; i < operations; i++) {
        int d = q[2 * i + 2] - '0', next;
        char want[16];
        switch (q[2 * i + 1]) {
        case '+':
            next = value + d;
            break;
        case '-':
            next = value - d;
            break;
        default:
            assert_int_equal(q[2 * i + 1], '*');
            next = value * d;
        }
        next = ((next % 10) + 10) % 10;
        snprintf(want, sizeof want, "%d%c%d=%d", value, q[2 * i + 1], d, next);
        assert_string_equal(s->sentences[i], want);
        value = next;
    }
    assert_int_equal(s->answer[0] - '0', value);
    assert_int_equal(strlen(s->answer), 1);
    lengths[operations]++;
}

static void test_arith(void **state)
{
    syl_arith_options o = syl_arith_defaults();
    syl_sent_dataset sets[3], again;
    int lengths[8] = {0};
    (void)state;
    for (int split = 0; split < 3; split++) {
        syl_sent_draw d = draw_of(600, 7, (syl_sent_split)split);
        OK(syl_sent_gen_arith(&sets[split], &o, &d, err));
        assert_int_equal(sets[split].count, 600);
        for (size_t i = 0; i < 600; i++)
            check_chain(&sets[split].samples[i], lengths);
    }
    for (int k = 2; k <= 4; k++)
        assert_true(lengths[k] > 500 && lengths[k] < 700);
    for (int a = 0; a < 3; a++)
        check_apart(&sets[a], &sets[(a + 1) % 3]);
    syl_sent_draw d = draw_of(600, 7, SYL_SENT_VALID);
    OK(syl_sent_gen_arith(&again, &o, &d, err));
    check_same(&again, &sets[SYL_SENT_VALID]);
    syl_sent_dataset_free(&again);
    d.seed = 8; /* another draw of the same split is still apart from the others */
    OK(syl_sent_gen_arith(&again, &o, &d, err));
    check_apart(&again, &sets[SYL_SENT_TRAIN]);
    assert_string_not_equal(again.samples[0].question, sets[SYL_SENT_VALID].samples[0].question);
    syl_sent_dataset_free(&again);
    for (int split = 0; split < 3; split++)
        syl_sent_dataset_free(&sets[split]);
}

/* One operation has 300 questions, about 30 of them valid's: never more. */
static void test_exhausted(void **state)
{
    syl_arith_options o = {1, 1};
    syl_sent_draw d = draw_of(301, 1, SYL_SENT_TRAIN);
    syl_sent_dataset set;
    syl_error err;
    (void)state;
    assert_int_equal(syl_sent_gen_arith(&set, &o, &d, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "no new ones were found"));
    d.split = SYL_SENT_TEST;
    d.count = 15;
    OK(syl_sent_gen_arith(&set, &o, &d, err));
    syl_sent_dataset_free(&set);
    o.max_operations = 21;
    assert_int_equal(syl_sent_gen_arith(&set, &o, &d, &err), SYL_EINVAL);
}

/* ---- ProsQA ----------------------------------------------------------------------------- */

#define WORDS 64

typedef struct facts {
    char words[WORDS][16];
    int count;
    bool edge[WORDS][WORDS];
    int edges;
} facts;

static int word_of(facts *f, const char *word)
{
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->words[i], word)) return i;
    assert_true(f->count < WORDS);
    snprintf(f->words[f->count], sizeof f->words[0], "%s", word);
    return f->count++;
}

/* "Every x is a y." or "Tom is a y.", at p; true where it is one. */
static bool read_fact(facts *f, const char *p, int *from, int *to, int *length)
{
    char a[16], b[16];
    *length = 0;
    if (sscanf(p, "Every %15[a-z] is a %15[a-z].%n", a, b, length) < 2 || !*length) {
        *length = 0;
        if (sscanf(p, "%15[A-Za-z] is a %15[a-z].%n", a, b, length) < 2 || !*length) return false;
    }
    *from = word_of(f, a);
    *to = word_of(f, b);
    return true;
}

/* Floyd and Warshall's lengths, -1 where there is no way. */
static void all_lengths(const facts *f, int length[WORDS][WORDS])
{
    for (int i = 0; i < f->count; i++)
        for (int j = 0; j < f->count; j++)
            length[i][j] = i == j ? 0 : f->edge[i][j] ? 1 : 1000;
    for (int k = 0; k < f->count; k++)
        for (int i = 0; i < f->count; i++)
            for (int j = 0; j < f->count; j++)
                if (length[i][k] + length[k][j] < length[i][j])
                    length[i][j] = length[i][k] + length[k][j];
}

typedef struct tally {
    double nodes, edges, steps;
    int first; /* the right choice stands first */
} tally;

static void check_path(const syl_sent_sample *s, const syl_prosqa_options *o, tally *t)
{
    static int length[WORDS][WORDS];
    facts f = {.count = 0};
    const char *p = s->question;
    char who[16], a[16], b[16], answer[64];
    int from = 0, to = 0, n = 0;
    while (read_fact(&f, p, &from, &to, &n)) {
        assert_false(f.edge[from][to]);
        f.edge[from][to] = true;
        f.edges++;
        p += n + 1;
    }
    assert_int_equal(sscanf(p, "Is %15[A-Za-z] a %15[a-z] or %15[a-z]?%n", who, a, b, &n), 3);
    assert_int_equal(p[n], 0);
    all_lengths(&f, length);
    for (int i = 0; i < f.count; i++)
        for (int j = 0; j < f.count; j++)
            assert_true(i == j || length[i][j] >= 1000 || length[j][i] >= 1000); /* no circle */
    int root = word_of(&f, who), yes = word_of(&f, a), no = word_of(&f, b);
    bool first = length[root][yes] < 1000;
    if (!first) {
        int swap = yes;
        yes = no;
        no = swap;
    }
    assert_true(length[root][yes] < 1000 && length[root][no] >= 1000);
    snprintf(answer, sizeof answer, "%s is a %s.", who, f.words[yes]);
    assert_string_equal(s->answer, answer);
    assert_int_equal(s->num_sentences, length[root][yes] + 1);
    assert_in_range(length[root][yes], o->min_steps, o->max_steps);
    for (int i = 0, at = root; i < s->num_sentences - 1; i++, at = to) {
        assert_true(read_fact(&f, s->sentences[i], &from, &to, &n));
        assert_true(from == at && f.edge[from][to]);
        if (i == s->num_sentences - 2) assert_int_equal(to, yes);
    }
    t->nodes += f.count;
    t->edges += f.edges;
    t->steps += s->num_sentences - 1;
    t->first += first;
}

static void check_prosqa(syl_prosqa_options o, tally *t)
{
    syl_sent_dataset sets[3];
    *t = (tally){0};
    for (int split = 0; split < 3; split++) {
        syl_sent_draw d = draw_of(200, 3, (syl_sent_split)split);
        OK(syl_sent_gen_prosqa(&sets[split], &o, &d, err));
        for (size_t i = 0; i < 200; i++)
            check_path(&sets[split].samples[i], &o, t);
    }
    for (int a = 0; a < 3; a++)
        check_apart(&sets[a], &sets[(a + 1) % 3]);
    for (int split = 0; split < 3; split++)
        syl_sent_dataset_free(&sets[split]);
    t->nodes /= 600;
    t->edges /= 600;
    t->steps /= 600;
}

/* The published valid set's means: 23.0 nodes, 36.3 edges, 3.8 steps. */
static void test_prosqa(void **state)
{
    tally t;
    (void)state;
    check_prosqa(syl_prosqa_defaults(), &t);
    print_message("full: %.2f nodes, %.2f edges, %.2f steps\n", t.nodes, t.edges, t.steps);
    assert_true(t.nodes > 22 && t.nodes < 24);
    assert_true(t.edges > 33 && t.edges < 40);
    assert_true(t.steps > 3.5 && t.steps < 4.1);
    assert_true(t.first > 230 && t.first < 370);
    check_prosqa(syl_prosqa_small(), &t);
    print_message("small: %.2f nodes, %.2f edges, %.2f steps\n", t.nodes, t.edges, t.steps);
    assert_true(t.nodes >= 8 && t.nodes <= 10);
    assert_true(t.edges > 9 && t.edges < 15);
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* Stacks of letters from below, sorted: "AC|B" is C on A, and B. */
typedef struct stacks {
    char text[64];
} stacks;

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static stacks join(char parts[8][16], int count)
{
    stacks s = {""};
    qsort(parts, (size_t)count, sizeof parts[0], by_text);
    for (int i = 0; i < count; i++)
        if (*parts[i]) {
            if (*s.text) strcat(s.text, "|");
            strcat(s.text, parts[i]);
        }
    return s;
}

static int split(const stacks *s, char parts[8][16])
{
    int count = 0;
    char copy[64];
    strcpy(copy, s->text);
    for (char *p = strtok(copy, "|"); p; p = strtok(NULL, "|"))
        strcpy(parts[count++], p);
    return count;
}

/* From "A is on the table, B is on A." */
static stacks read_stacks(const char *p)
{
    char below[26], parts[8][16] = {""};
    int blocks = 0, count = 0, n;
    memset(below, 0, sizeof below);
    for (;; blocks++) {
        char block, on[16];
        if (sscanf(p, "%c is on %15[^,.]%n", &block, on, &n) != 2) fail_msg("%s", p);
        assert_int_equal(block, 'A' + blocks);
        below[blocks] = strcmp(on, "the table") ? on[0] : '-';
        p += n;
        if (*p++ == '.') break;
        p++;
    }
    blocks++;
    for (int i = 0; i < blocks; i++) {
        if (below[i] != '-') continue;
        char *part = parts[count++], top = (char)('A' + i);
        for (int at = 0; top; at++) {
            part[at] = top;
            char *above = memchr(below, top, (size_t)blocks);
            top = above ? (char)('A' + (above - below)) : 0;
        }
    }
    return join(parts, count);
}

static bool known(const stacks *list, int count, const stacks *s)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(list[i].text, s->text)) return true;
    return false;
}

/* All that one move of a top makes of s. */
static int successors(const stacks *s, stacks *out)
{
    char parts[8][16], copy[8][16];
    int count = split(s, parts), n = 0;
    for (int i = 0; i < count; i++)
        for (int to = 0; to <= count; to++) {
            size_t height = strlen(parts[i]);
            if (to == i || (to == count && height == 1)) continue;
            memcpy(copy, parts, sizeof copy);
            if (to == count) *copy[to] = '\0';
            strncat(copy[to], &copy[i][height - 1], 1);
            copy[i][height - 1] = '\0';
            out[n++] = join(copy, count + (to == count));
        }
    return n;
}

static int fewest_moves(const stacks *from, const stacks *to)
{
    static stacks seen[600];
    stacks next[64];
    int distance[600], count = 1;
    seen[0] = *from;
    distance[0] = 0;
    for (int at = 0; at < count; at++) {
        if (!strcmp(seen[at].text, to->text)) return distance[at];
        int n = successors(&seen[at], next);
        for (int i = 0; i < n; i++) {
            if (known(seen, count, &next[i])) continue;
            assert_true(count < 600);
            distance[count] = distance[at] + 1;
            seen[count++] = next[i];
        }
    }
    fail();
    return -1;
}

/* Moves the named block on stacks; it must be where the sentence says. */
static void follow(stacks *s, const char *sentence)
{
    char block, from[16], to[16], parts[8][16] = {""};
    int n = 0, count = split(s, parts), source = -1, target = count;
    assert_int_equal(sscanf(sentence, "<<Move %c from %15[^ ]%n", &block, from, &n), 2);
    if (!strcmp(from, "the")) n += (int)strlen(" table");
    assert_int_equal(sscanf(sentence + n, " to %15[^>]>>", to), 1);
    for (int i = 0; i < count; i++) {
        size_t h = strlen(parts[i]);
        if (parts[i][h - 1] == block) {
            source = i;
            if (strcmp(from, "the"))
                assert_true(h > 1 && parts[i][h - 2] == from[0]);
            else
                assert_int_equal(h, 1);
        }
        if (parts[i][h - 1] == to[0] && !to[1]) target = i;
    }
    assert_true(source >= 0 && target != source);
    if (target == count) assert_string_equal(to, "the table");
    if (target == count) *parts[count] = '\0';
    parts[source][strlen(parts[source]) - 1] = '\0';
    strncat(parts[target], &block, 1);
    *s = join(parts, count + (target == count));
}

static void check_plan(const syl_sent_sample *s, bool optimal)
{
    const char *a = strstr(s->question, "Initial state: "),
               *b = strstr(s->question, "Goal state: ");
    assert_true(a && b);
    stacks at = read_stacks(a + 15), goal = read_stacks(b + 12);
    int moves = atoi(s->answer);
    char text[32];
    assert_int_equal(s->num_sentences, moves + 2);
    if (optimal) assert_int_equal(fewest_moves(&at, &goal), moves);
    for (int i = 0; i < moves; i++)
        follow(&at, s->sentences[i]);
    assert_string_equal(at.text, goal.text);
    snprintf(text, sizeof text, "The answer is: %d", moves);
    assert_string_equal(s->sentences[moves], text);
    snprintf(text, sizeof text, "### %d", moves);
    assert_string_equal(s->sentences[moves + 1], text);
}

/* A state as text is in no question of another split. */
static void check_states_apart(const syl_sent_dataset *a, const syl_sent_dataset *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const char *p = strstr(a->samples[i].question, "Initial state: ") + 15;
        const char *q = strstr(a->samples[i].question, "Goal state: ") + 12;
        stacks one = read_stacks(p), two = read_stacks(q);
        for (size_t k = 0; k < b->count; k++) {
            p = strstr(b->samples[k].question, "Initial state: ") + 15;
            q = strstr(b->samples[k].question, "Goal state: ") + 12;
            stacks three = read_stacks(p), four = read_stacks(q);
            assert_string_not_equal(one.text, three.text);
            assert_string_not_equal(one.text, four.text);
            assert_string_not_equal(two.text, three.text);
            assert_string_not_equal(two.text, four.text);
        }
    }
}

static void test_blocksworld(void **state)
{
    static const size_t counts[][3] = {{40, 2, 2}, {150, 50, 50}, {60, 60, 60}};
    (void)state;
    for (int blocks = 3; blocks <= 5; blocks++) {
        syl_blocksworld_options o = {blocks, blocks == 4};
        syl_sent_dataset sets[3];
        for (int part = 0; part < 3; part++) {
            syl_sent_draw d = draw_of(counts[blocks - 3][part], 5, (syl_sent_split)part);
            OK(syl_sent_gen_blocksworld(&sets[part], &o, &d, err));
            for (size_t i = 0; i < sets[part].count; i++)
                check_plan(&sets[part].samples[i], true);
        }
        for (int part = 0; part < 3; part++) {
            check_apart(&sets[part], &sets[(part + 1) % 3]);
            check_states_apart(&sets[part], &sets[(part + 1) % 3]);
        }
        for (int part = 0; part < 3; part++)
            syl_sent_dataset_free(&sets[part]);
    }
    syl_blocksworld_options o = syl_blocksworld_defaults();
    syl_sent_draw d = draw_of(20, 5, SYL_SENT_TRAIN);
    syl_sent_dataset set;
    syl_error err;
    OK(syl_sent_gen_blocksworld(&set, &o, &d, err));
    for (size_t i = 0; i < set.count; i++)
        check_plan(&set.samples[i], false);
    assert_memory_equal(set.samples[0].question, "In the Blocksworld domain,", 26);
    syl_sent_dataset_free(&set);
    o.blocks = 3; /* 13 states, of which test's are 2: two questions */
    d = draw_of(3, 5, SYL_SENT_TEST);
    assert_int_equal(syl_sent_gen_blocksworld(&set, &o, &d, &err), SYL_EINVAL);
    o.blocks = 8;
    assert_int_equal(syl_sent_gen_blocksworld(&set, &o, &d, &err), SYL_EINVAL);
}

/* ---- sentences about blocks ------------------------------------------------------------- */

static void test_block_sentences(void **state)
{
    static const char *const bad[] = {"",
                                      "<<Move C from G to the table>",
                                      "Move C from G to D",
                                      "<<Move C from G to the table>> ",
                                      "<<Move c from G to D>>",
                                      "<<Move C from the to D>>"};
    static const char *const none[] = {
        "Initial state: A is on B, B is on A. Goal state: A is on B, B is on the table.",
        "Initial state: A is on B, C is on B, B is on the table. Goal state: A is on B, B is on C.",
        "Initial state: A is on the table. Goal state: A is on the table, B is on A.",
        "Initial state: A is on D, B is on the table. Goal state: A is on B, B is on the table.",
        "Initial state: A is on the table, A is on the table. Goal state: A is on the table.",
        "Initial state: B is on the table. Goal state: B is on the table.",
        "A is on B."};
    syl_block_move m;
    syl_blocks a, b;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(syl_block_move_parse(&m, bad[i]));
    assert_true(syl_block_move_parse(&m, "<<Move C from the table to A>>"));
    assert_true(m.block == 2 && m.from == -1 && m.to == 0);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(syl_blocks_parse_question(&a, &b, none[i]));
    assert_true(syl_blocks_parse_question(
        &a, &b,
        "Initial state: A is on the table, B is on A. Goal state: B is on the table, A is "
        "on B."));
    assert_true(a.on[0] == -1 && a.on[1] == 0 && b.on[0] == 1 && b.on[1] == -1);
    assert_false(syl_blocks_may_move(&a, (syl_block_move){0, -1, 1})); /* B is on it */
    assert_false(syl_blocks_may_move(&a, (syl_block_move){1, -1, 0})); /* it stands on A */
    assert_false(syl_blocks_may_move(&a, (syl_block_move){1, 0, 0}));
    assert_false(syl_blocks_may_move(&a, (syl_block_move){2, -1, 0}));
    assert_true(syl_blocks_may_move(&a, (syl_block_move){1, 0, -1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arith),           cmocka_unit_test(test_exhausted),
        cmocka_unit_test(test_prosqa),          cmocka_unit_test(test_blocksworld),
        cmocka_unit_test(test_block_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
