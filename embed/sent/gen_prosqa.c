/* Graphs of nonsense words, after ProsQA (Hao et al. 2024, arXiv 2412.06769, section 4.1):
 * sentences and words as in the published set, and its counts of parents, edges and steps nearly.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "embed/sent/gen_draw.h"

#define MOST_SHOWN 38 /* nodes in a question */
#define MOST_NODES 80 /* with those that have neither parents nor children, which it leaves out */
#define MOST_EDGES (MOST_NODES * MOST_NODES / 2)
#define MOST_PARENTS 7
#define MEAN_PARENTS 1.5
#define LONG 64 /* a sentence's text */

static const char *const people[] = {"Alex",    "Bob",  "Carol",  "Davis",  "Eva",   "Fae",
                                     "Gabriel", "Jack", "Max",    "Oliver", "Polly", "Rex",
                                     "Sally",   "Sam",  "Stella", "Tom",    "Wren"};
#define PEOPLE ((int)(sizeof people / sizeof *people))
static const char *const kinds[] = {
    "bompus",  "boompus", "brimpus", "chorpus", "dumpus",  "felpus", "fompus", "gerpus",
    "gorpus",  "grimpus", "gwompus", "hilpus",  "impus",   "jelpus", "jompus", "kerpus",
    "lempus",  "lorpus",  "numpus",  "quimpus", "rempus",  "rompus", "rorpus", "scrompus",
    "shumpus", "sterpus", "storpus", "terpus",  "timpus",  "tumpus", "vumpus", "worpus",
    "wumpus",  "yerpus",  "yimpus",  "yumpus",  "zhorpus", "zumpus"};
#define KINDS ((int)(sizeof kinds / sizeof *kinds))

/* Nodes 0 and 1 are the roots; edges lead to nodes made later. */
typedef struct graph {
    int nodes, edges, shown;
    int from[MOST_EDGES], to[MOST_EDGES];
    int reached[MOST_NODES]; /* bit r: root r reaches it */
    int depth[MOST_NODES];   /* edges of a shortest path from any node without parents */
    bool parent[MOST_NODES]; /* it has children */
    const char *name[MOST_NODES];
    int asked, target, other; /* nodes */
    int path[MOST_NODES], steps;
} graph;

syl_prosqa_options syl_prosqa_defaults(void)
{
    return (syl_prosqa_options){.min_nodes = 20, .max_nodes = 26, .min_steps = 3, .max_steps = 6};
}

syl_prosqa_options syl_prosqa_small(void)
{
    return (syl_prosqa_options){.min_nodes = 8, .max_nodes = 10, .min_steps = 2, .max_steps = 4};
}

/* ---- the graph -------------------------------------------------------------------------- */

/* Poisson's distribution, by products of uniform numbers (Knuth). */
static int draw_parents(syl_random *r)
{
    int n = 0;
    for (double p = syl_random_uniform(r); p > exp(-MEAN_PARENTS) && n < MOST_PARENTS; n++)
        p *= syl_random_uniform(r);
    return n;
}

/* Nodes that only root 0 reaches, only root 1, or all. Returns how many. */
static int find_candidates(const graph *g, int *candidates, syl_random *r)
{
    float u = syl_random_uniform(r);
    int reached = u < 0.35f ? 1 : u < 0.7f ? 2 : 0, n = 0;
    for (int i = 0; i < g->nodes; i++)
        if (!reached || g->reached[i] == reached) candidates[n++] = i;
    return n;
}

/* Takes one of the candidates out, deep ones more often. */
static int take_parent(const graph *g, int *candidates, int n, syl_random *r)
{
    double total = 0;
    for (int i = 0; i < n; i++)
        total += 1.5 * g->depth[candidates[i]] + 1;
    double left = total * syl_random_uniform(r);
    int i = 0;
    for (; i < n - 1; i++) {
        left -= 1.5 * g->depth[candidates[i]] + 1;
        if (left < 0) break;
    }
    int taken = candidates[i];
    candidates[i] = candidates[n - 1];
    return taken;
}

/* Whether the question has to do with a node. */
static bool is_shown(const graph *g, int node)
{
    return g->parent[node] || g->depth[node] > 0;
}

static void add_node(graph *g, syl_random *r)
{
    int candidates[MOST_NODES], node = g->nodes;
    int n = find_candidates(g, candidates, r), parents = draw_parents(r);
    g->reached[node] = g->depth[node] = 0;
    g->parent[node] = false;
    for (int i = 0; i < parents && n > 0; i++, n--) {
        int from = take_parent(g, candidates, n, r);
        g->from[g->edges] = from;
        g->to[g->edges++] = node;
        g->shown += !is_shown(g, from);
        g->parent[from] = true;
        g->reached[node] |= g->reached[from];
        if (i == 0 || g->depth[from] + 1 < g->depth[node]) g->depth[node] = g->depth[from] + 1;
    }
    g->shown += is_shown(g, node);
    g->nodes++;
}

static void grow(graph *g, int nodes, syl_random *r)
{
    *g = (graph){.nodes = 2, .reached = {1, 2}};
    while (g->shown < nodes && g->nodes < MOST_NODES)
        add_node(g, r);
}

/* ---- the question ----------------------------------------------------------------------- */

/* Edges from a root to each node, -1 for none, and the node before it on a shortest path: of
 * several that which was reached first. */
static void distances(const graph *g, int root, int *distance, int *before)
{
    int queue[MOST_NODES], n = 1;
    for (int i = 0; i < g->nodes; i++)
        distance[i] = -1;
    distance[root] = 0;
    queue[0] = root;
    for (int at = 0; at < n; at++)
        for (int e = 0; e < g->edges; e++) {
            if (g->from[e] != queue[at] || distance[g->to[e]] >= 0) continue;
            distance[g->to[e]] = distance[queue[at]] + 1;
            before[g->to[e]] = queue[at];
            queue[n++] = g->to[e];
        }
}

/* One of the nodes without children that only this root reaches, and of those that are the farthest
 * from it within the options' steps; -1: there is none. */
static int draw_target(const graph *g, int root, const int *distance, const syl_prosqa_options *o,
                       syl_random *r)
{
    int best = -1, ties = 0;
    for (int i = 2; i < g->nodes; i++) {
        if (g->parent[i] || g->reached[i] != 1 << root) continue;
        if (distance[i] < o->min_steps || distance[i] > o->max_steps) continue;
        if (best >= 0 && distance[i] < distance[best]) continue;
        if (best >= 0 && distance[i] > distance[best]) ties = 0;
        if (syl_random_below(r, (uint32_t)++ties) == 0) best = i;
    }
    return best;
}

/* One of the nodes without children that only this root reaches; -1: there is none. */
static int draw_other(const graph *g, int root, syl_random *r)
{
    int drawn = -1, seen = 0;
    for (int i = 2; i < g->nodes; i++)
        if (!g->parent[i] && g->reached[i] == 1 << root &&
            syl_random_below(r, (uint32_t)++seen) == 0)
            drawn = i;
    return drawn;
}

/* Who is asked about (the root with the longer path), what, and the path; false: this graph has no
 * such question. */
static bool choose(graph *g, const syl_prosqa_options *o, syl_random *r)
{
    int distance[2][MOST_NODES], before[2][MOST_NODES], target[2], length[2];
    for (int root = 0; root < 2; root++) {
        distances(g, root, distance[root], before[root]);
        target[root] = draw_target(g, root, distance[root], o, r);
        length[root] = target[root] < 0 ? -1 : distance[root][target[root]];
    }
    g->asked = length[0] == length[1] ? (int)syl_random_below(r, 2) : length[1] > length[0];
    g->target = target[g->asked];
    g->other = draw_other(g, 1 - g->asked, r);
    g->steps = length[g->asked];
    if (g->target < 0 || g->other < 0 || g->shown > o->max_nodes) return false;
    for (int i = g->steps, node = g->target; i > 0; i--, node = before[g->asked][node])
        g->path[i] = node;
    g->path[0] = g->asked;
    return true;
}

static void shuffle(const char **names, int count, syl_random *r)
{
    for (int i = count - 1; i > 0; i--) {
        int k = (int)syl_random_below(r, (uint32_t)i + 1);
        const char *name = names[i];
        names[i] = names[k];
        names[k] = name;
    }
}

/* Those without parents are people; false: there are not enough names. */
static bool name_nodes(graph *g, syl_random *r)
{
    const char *persons[PEOPLE], *things[KINDS];
    int p = 0, k = 0;
    memcpy(persons, people, sizeof persons);
    memcpy(things, kinds, sizeof things);
    shuffle(persons, PEOPLE, r);
    shuffle(things, KINDS, r);
    for (int i = 0; i < g->nodes; i++) {
        bool person = g->depth[i] == 0;
        if (!is_shown(g, i)) continue;
        if (person ? p == PEOPLE : k == KINDS) return false;
        g->name[i] = person ? persons[p++] : things[k++];
    }
    return true;
}

static void say(const graph *g, int from, int to, char text[LONG])
{
    snprintf(text, LONG, "%s%s is a %s.", g->depth[from] ? "Every " : "", g->name[from],
             g->name[to]);
}

/* ---- as text ---------------------------------------------------------------------------- */

static void write_question(const graph *g, char *text, size_t size, syl_random *r)
{
    int order[MOST_EDGES];
    size_t n = 0;
    char line[LONG];
    for (int i = 0; i < g->edges; i++) {
        int k = (int)syl_random_below(r, (uint32_t)i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (int i = 0; i < g->edges; i++) {
        say(g, g->from[order[i]], g->to[order[i]], line);
        n += (size_t)snprintf(text + n, size - n, "%s ", line);
    }
    bool first = syl_random_below(r, 2) == 0;
    snprintf(text + n, size - n, "Is %s a %s or %s?", g->name[g->asked],
             g->name[first ? g->target : g->other], g->name[first ? g->other : g->target]);
}

static syl_status add_question(syl_sent_dataset *out, const graph *g, const char *question,
                               syl_error *err)
{
    char texts[MOST_NODES][LONG], answer[LONG];
    const char *steps[MOST_NODES];
    for (int i = 0; i < g->steps; i++) {
        say(g, g->path[i], g->path[i + 1], texts[i]);
        steps[i] = texts[i];
    }
    say(g, g->asked, g->target, answer);
    return syl_sent_dataset_add(out, question, steps, g->steps, answer, err);
}

static syl_status draw_all(syl_sent_dataset *out, syl_gen_seen *seen, const syl_prosqa_options *o,
                           const syl_sent_draw *draw, syl_error *err)
{
    syl_random r = {.seed = draw->seed, .stream = (uint64_t)draw->split};
    char question[MOST_EDGES * LONG];
    graph g;
    for (int tries = 0; out->count < draw->count; tries++) {
        bool take = false;
        if (tries == SYL_GEN_PATIENCE)
            return syl_gen_exhausted(out, draw, "take fewer, more nodes, or shorter paths", err);
        grow(&g, syl_gen_between(&r, o->min_nodes, o->max_nodes), &r);
        if (!choose(&g, o, &r) || !name_nodes(&g, &r)) continue;
        write_question(&g, question, sizeof question, &r);
        SYL_TRY(syl_gen_take(seen, question, draw->split, &take, err));
        if (!take) continue;
        SYL_TRY(add_question(out, &g, question, err));
        tries = -1;
    }
    return SYL_OK;
}

syl_status syl_sent_gen_prosqa(syl_sent_dataset *out, const syl_prosqa_options *options,
                               const syl_sent_draw *draw, syl_error *err)
{
    syl_gen_seen seen = {0};
    *out = (syl_sent_dataset){0};
    if (options->min_nodes < 6 || options->max_nodes > MOST_SHOWN ||
        options->min_nodes > options->max_nodes)
        return syl_fail(err, SYL_EINVAL, "graphs of %d to %d nodes; 6 to %d, the smaller first",
                        options->min_nodes, options->max_nodes, MOST_SHOWN);
    if (options->min_steps < 1 || options->min_steps > options->max_steps)
        return syl_fail(err, SYL_EINVAL, "paths of %d to %d steps; 1 or more, the smaller first",
                        options->min_steps, options->max_steps);
    syl_status status = draw_all(out, &seen, options, draw, err);
    syl_gen_seen_free(&seen);
    if (status) syl_sent_dataset_free(out);
    return status;
}
