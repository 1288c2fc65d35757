/* The index of binary codes against a plain search: every distance computed bit by bit, then
 * sorted. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed/index.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

static syl_error err;
static char folder[] = "test_index.XXXXXX";
static char path[64];

static void ok(syl_status status)
{
    if (status) fail_msg("%s", err.message);
}

static void refused(syl_status status, syl_status wanted, const char *text)
{
    assert_int_equal(status, wanted);
    if (!strstr(err.message, text)) fail_msg("\"%s\" is not in \"%s\"", text, err.message);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/index", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* ---- data --------------------------------------------------------------------------------- */

/* Codes around a few centres, a quarter of them twice, so that there are distances of all kinds and
 * many ties; bits past the length are 0. */
static uint8_t *random_codes(int64_t n, int bits, uint64_t seed)
{
    int bytes = (bits + 7) / 8;
    uint8_t *codes = calloc((size_t)n + 1, (size_t)bytes);
    syl_random r = {seed, 0, 0};
    assert_non_null(codes);
    for (int64_t i = 0; i < n; i++) {
        syl_random centre = {7, syl_random_below(&r, 5), 0};
        uint32_t noise = 1u << 28 << syl_random_below(&r, 4);
        for (int j = 0; j < bits; j++) {
            int bit = syl_random_u32(&centre) & 1;
            if (syl_random_u32(&r) < noise) bit ^= syl_random_u32(&r) & 1;
            codes[i * bytes + j / 8] |= (uint8_t)(bit << j % 8);
        }
        if (i % 4 == 3) memcpy(codes + i * bytes, codes + (i / 2) * bytes, (size_t)bytes);
    }
    return codes;
}

static float *random_vectors(int64_t n, int dim, uint64_t seed)
{
    float *x = calloc((size_t)(n * dim) + 1, sizeof *x);
    syl_random r = {seed, 1, 0};
    assert_non_null(x);
    for (int64_t i = 0; i < n * dim; i++)
        x[i] = syl_random_normal(&r);
    for (int j = 0; n > 2 && j < dim; j++)
        x[2 * dim + j] = 0;
    return x;
}

/* ---- the plain search --------------------------------------------------------------------- */

static int plain_distance(const uint8_t *a, const uint8_t *b, int bits)
{
    int sum = 0;
    for (int j = 0; j < bits; j++)
        sum += (a[j / 8] >> j % 8 & 1) != (b[j / 8] >> j % 8 & 1);
    return sum;
}

typedef struct plain_hit {
    int64_t id;
    int distance;
    double cosine;
} plain_hit;

static int by_distance(const void *a, const void *b)
{
    const plain_hit *x = a, *y = b;
    if (x->distance != y->distance) return x->distance - y->distance;
    return x->id < y->id ? -1 : 1;
}

/* hits [n]; how many. */
static int64_t plain_search(const uint8_t *codes, int64_t n, int bits, const uint8_t *query,
                            int64_t k, int radius, plain_hit *hits)
{
    int bytes = (bits + 7) / 8;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        int d = plain_distance(codes + i * bytes, query, bits);
        if (radius < 0 || d <= radius) hits[count++] = (plain_hit){i, d, 0};
    }
    qsort(hits, (size_t)count, sizeof *hits, by_distance);
    return k && count > k ? k : count;
}

typedef struct data {
    int bits;
    int64_t n, num_queries;
    uint8_t *codes, *queries;
    syl_index *index;
} data;

static data make(int bits, int64_t n, int64_t num_queries)
{
    data d = {bits, n, num_queries, random_codes(n, bits, 1), random_codes(num_queries, bits, 2),
              NULL};
    ok(syl_index_create(&d.index, bits, 0, &err));
    for (int64_t at = 0, size = 1; at < n; at += size, size = 2 * size + 1) {
        if (size > n - at) size = n - at;
        ok(syl_index_add(d.index, d.codes + at * ((bits + 7) / 8), NULL, size, &err));
    }
    return d;
}

static void discard(data *d)
{
    syl_index_free(d->index);
    free(d->codes);
    free(d->queries);
}

static void check(const data *d, const syl_search_options *o)
{
    int bytes = (d->bits + 7) / 8;
    plain_hit *want = calloc((size_t)d->n + 1, sizeof *want);
    syl_hits hits;
    assert_non_null(want);
    ok(syl_index_search(d->index, d->queries, d->num_queries, o, &hits, &err));
    assert_int_equal(hits.num_queries, d->num_queries);
    assert_int_equal(hits.offsets[0], 0);
    for (int64_t q = 0; q < d->num_queries; q++) {
        int64_t at = hits.offsets[q],
                count = plain_search(d->codes, d->n, d->bits, d->queries + q * bytes, o->k,
                                     o->radius, want);
        if (hits.offsets[q + 1] - at != count)
            fail_msg("bits %d n %d k %d radius %d method %d query %d: %d hits, not %d", d->bits,
                     (int)d->n, (int)o->k, o->radius, o->method, (int)q,
                     (int)(hits.offsets[q + 1] - at), (int)count);
        for (int64_t i = 0; i < count; i++)
            if (hits.ids[at + i] != want[i].id || hits.distances[at + i] != want[i].distance)
                fail_msg("bits %d n %d k %d radius %d method %d query %d hit %d: %d at %d, not %d "
                         "at %d",
                         d->bits, (int)d->n, (int)o->k, o->radius, o->method, (int)q, (int)i,
                         (int)hits.ids[at + i], hits.distances[at + i], (int)want[i].id,
                         want[i].distance);
    }
    assert_null(hits.cosines);
    syl_hits_free(&hits);
    free(want);
}

static const int lengths[] = {1,   7,   8,   31,  32,  33,  63,   64,  65,
                              100, 128, 129, 191, 192, 256, 1000, 1024};
#define LENGTHS (int)(sizeof lengths / sizeof *lengths)

/* ---- scans -------------------------------------------------------------------------------- */

static void test_scan(void **state)
{
    static const int64_t sizes[] = {0, 1, 7, 8, 31, 33, 500};
    static const int64_t ks[] = {1, 10, 33, 1000, 0};
    (void)state;
    for (int b = 0; b < LENGTHS; b++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            data d = make(lengths[b], sizes[s], s % 2 ? 5 : 2);
            for (size_t k = 0; k < sizeof ks / sizeof *ks; k++) {
                syl_search_options o = syl_search_options_defaults();
                o.k = ks[k];
                check(&d, &o);
                o.radius = lengths[b] / 4;
                check(&d, &o);
            }
            discard(&d);
        }
}

static void test_radius(void **state)
{
    (void)state;
    for (int b = 0; b < LENGTHS; b++) {
        data d = make(lengths[b], 300, 3);
        int radii[] = {0, 1, lengths[b] - 1, lengths[b], lengths[b] + 1, 5000};
        for (size_t r = 0; r < sizeof radii / sizeof *radii; r++) {
            syl_search_options o = syl_search_options_defaults();
            o.radius = radii[r];
            o.k = 0;
            check(&d, &o);
        }
        discard(&d);
    }
}

/* Many codes and queries: tiles, batches, threads that share out either. */
static void test_threads(void **state)
{
    static const int64_t queries[] = {0, 1, 3, 70};
    (void)state;
    for (int bits = 64; bits <= 192; bits += 64)
        for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
            data d = make(bits - 1, 9001, queries[q]);
            for (int threads = 1; threads <= 4; threads += 1) {
                syl_search_options o = syl_search_options_defaults();
                o.threads = threads;
                check(&d, &o);
                o.k = 0;
                o.radius = 20;
                check(&d, &o);
            }
            discard(&d);
        }
}

static void test_kernels(void **state)
{
    int kernels;
    const syl_hamming_kernel *const *kernel = syl_hamming_kernels(&kernels);
    (void)state;
    assert_string_equal(kernel[kernels - 1]->name, "plain");
    for (int k = 0; k < kernels; k++)
        for (int b = 0; b < LENGTHS; b++)
            for (int64_t num = 1; num <= 5; num += 4) {
                data d = make(lengths[b], 777, num);
                int words = (d.bits + 63) / 64, bytes = (d.bits + 7) / 8;
                uint64_t *queries = syl_calloc((size_t)(num * words), 8);
                syl_code_list lists[5];
                syl_codes codes = syl_index_codes(d.index);
                plain_hit want[777];
                syl_index_unpack(d.index, d.queries, num, queries);
                for (int q = 0; q < num; q++)
                    ok(syl_code_list_create(&lists[q], words, 21, -1, true, &err));
                ok(syl_hamming_scan(&codes, queries, num, lists, kernel[k], 1, &err));
                for (int q = 0; q < num; q++) {
                    ok(syl_code_list_finish(&lists[q], &err));
                    plain_search(d.codes, d.n, d.bits, d.queries + q * bytes, 21, -1, want);
                    assert_int_equal(lists[q].size, 21);
                    for (int i = 0; i < 21; i++)
                        if (lists[q].items[i] !=
                            ((uint64_t)want[i].distance << 32 | (uint64_t)want[i].id))
                            fail_msg("%s, %d bits, hit %d", kernel[k]->name, d.bits, i);
                    syl_code_list_free(&lists[q]);
                }
                free(queries);
                discard(&d);
            }
}

/* Codes that come nearer and nearer: every one enters the list and leaves it again. */
static void test_lists(void **state)
{
    (void)state;
    for (int ordered = 0; ordered < 2; ordered++)
        for (int64_t k = 1; k <= 130; k += 43) {
            syl_code_list list;
            ok(syl_code_list_create(&list, 16, k, -1, ordered, &err));
            for (int d = 1024; d >= 0; d--)
                for (int i = 0; i < 3; i++) /* unordered: the wrong way round */
                    syl_code_list_offer(&list, d,
                                        (uint32_t)((1024 - d) * 3 + (ordered ? i : 2 - i)));
            ok(syl_code_list_finish(&list, &err));
            assert_int_equal(list.size, k);
            for (int64_t i = 0; i < k; i++)
                assert_true(list.items[i] ==
                            ((uint64_t)(i / 3) << 32 | (uint64_t)((1024 - i / 3) * 3 + i % 3)));
            assert_true(list.capacity < 1000);
            syl_code_list_free(&list);
        }
}

/* ---- tables ------------------------------------------------------------------------------- */

/* The oracle: scan == plain == tables of any number of substrings, for every k and radius. */
static void test_tables(void **state)
{
    (void)state;
    for (int b = 0; b < LENGTHS; b++) {
        data d = make(lengths[b], 400, 4);
        int counts[] = {0, 1, 2, 3, 8, lengths[b]};
        for (size_t m = 0; m < sizeof counts / sizeof *counts; m++) {
            syl_index_info info;
            int bits = counts[m] ? lengths[b] / counts[m] : 1;
            if (bits < 1) continue;
            /* a wide table is slow to clear and wide balls are slow to walk */
            if (counts[m] && bits > 16 && (m > 2 || b % 4)) continue;
            ok(syl_index_build(d.index, counts[m], 2, &err));
            syl_index_get_info(d.index, &info);
            assert_true(counts[m] == 0 || info.tables == counts[m]);
            for (int radius = -1; radius <= 12; radius++) {
                syl_search_options o = syl_search_options_defaults();
                if (info.table_bits > 16 && (radius < 0 || radius > 3)) continue;
                o.method = SYL_INDEX_TABLES;
                o.radius = radius;
                for (o.k = 0; o.k < 60; o.k = 3 * o.k + 1)
                    if (radius >= 0 || o.k) check(&d, &o);
            }
        }
        discard(&d);
    }
}

/* Searches that are given up half-way by tables are done by the scan. */
static void test_auto(void **state)
{
    data d = make(96, 3000, 50);
    (void)state;
    ok(syl_index_build(d.index, 6, 1, &err));
    for (int radius = -1; radius < 60; radius = 2 * radius + 2) {
        syl_search_options o = syl_search_options_defaults();
        o.radius = radius;
        o.threads = 2;
        check(&d, &o);
    }
    /* tables do not know what was added behind them */
    ok(syl_index_add(d.index, d.queries, NULL, 1, &err));
    syl_search_options o = syl_search_options_defaults();
    syl_hits hits;
    o.k = 1;
    o.radius = 0;
    o.method = SYL_INDEX_TABLES;
    refused(syl_index_search(d.index, d.queries, 1, &o, &hits, &err), SYL_EINVAL, "no tables");
    o.method = SYL_INDEX_AUTO;
    ok(syl_index_search(d.index, d.queries, 1, &o, &hits, &err));
    assert_int_equal(hits.offsets[1], 1);
    syl_hits_free(&hits);
    discard(&d);
}

/* ---- two stages --------------------------------------------------------------------------- */

static int by_cosine(const void *a, const void *b)
{
    const plain_hit *x = a, *y = b;
    return x->cosine != y->cosine ? (x->cosine > y->cosine ? -1 : 1) : by_distance(a, b);
}

static double plain_cosine(const float *a, const float *b, int dim)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < dim; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static void check_ranked(syl_index *index, const uint8_t *codes, const float *vectors, int64_t n,
                         int bits, int dim, syl_search_options o)
{
    enum { QUERIES = 6 };
    int bytes = (bits + 7) / 8;
    uint8_t *queries = random_codes(QUERIES, bits, 2);
    float *query_vectors = random_vectors(QUERIES, dim, 4);
    plain_hit *want = calloc((size_t)n + 1, sizeof *want);
    syl_hits hits;
    assert_non_null(want);
    ok(syl_index_rank(index, queries, query_vectors, QUERIES, &o, &hits, &err));
    for (int q = 0; q < QUERIES; q++) {
        int64_t at = hits.offsets[q], count = plain_search(codes, n, bits, queries + q * bytes,
                                                           o.candidates, o.radius, want);
        assert_int_equal(hits.candidates[q], count);
        for (int64_t i = 0; i < count; i++)
            want[i].cosine = plain_cosine(query_vectors + q * dim, vectors + want[i].id * dim, dim);
        qsort(want, (size_t)count, sizeof *want, by_cosine);
        if (o.k && count > o.k) count = o.k;
        assert_int_equal(hits.offsets[q + 1] - at, count);
        for (int64_t i = 0; i < count; i++) {
            assert_int_equal(hits.ids[at + i], want[i].id);
            assert_int_equal(hits.distances[at + i], want[i].distance);
            assert_true(fabs((double)hits.cosines[at + i] - want[i].cosine) < 1e-5);
        }
    }
    syl_hits_free(&hits);
    free(want);
    free(queries);
    free(query_vectors);
}

static void test_rank(void **state)
{
    static const int64_t sizes[] = {0, 1, 33, 600};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int dim = 1; dim <= 33; dim += 16) {
            int64_t n = sizes[s];
            uint8_t *codes = random_codes(n, 28, 1);
            float *vectors = random_vectors(n, dim, 3);
            syl_index *index;
            syl_search_options o = syl_search_options_defaults();
            if (dim == 1) /* ties of cosines are then as they are in double */
                for (int64_t i = 0; i < n; i++)
                    vectors[i] = i == 2 ? 0 : vectors[i] > 0 ? 1 : -1;
            ok(syl_index_create(&index, 28, dim, &err));
            ok(syl_index_add(index, codes, vectors, n / 3, &err));
            ok(syl_index_add(index, codes + n / 3 * 4, vectors + n / 3 * dim, n - n / 3, &err));
            for (o.radius = -1; o.radius < 8; o.radius += 3)
                for (o.candidates = 0; o.candidates < 50; o.candidates += 24)
                    for (o.k = 0; o.k < 20; o.k += 7) {
                        o.threads = (int)o.k % 3 + 1;
                        check_ranked(index, codes, vectors, n, 28, dim, o);
                    }
            syl_index_free(index);
            free(codes);
            free(vectors);
        }
}

/* ---- the file ----------------------------------------------------------------------------- */

static void check_same(const syl_index *a, const syl_index *b)
{
    syl_index_info i, j;
    syl_index_get_info(a, &i);
    syl_index_get_info(b, &j);
    assert_int_equal(i.bits, j.bits);
    assert_int_equal(i.dim, j.dim);
    assert_int_equal(i.count, j.count);
    size_t codes = (size_t)i.count * (size_t)((i.bits + 7) / 8);
    size_t vectors = (size_t)i.count * (size_t)i.dim;
    uint8_t *x = calloc(codes + 1, 2);
    float *v = calloc(2 * vectors + 1, sizeof *v);
    assert_non_null(x);
    assert_non_null(v);
    ok(syl_index_get(a, 0, i.count, x, i.dim ? v : NULL, &err));
    ok(syl_index_get(b, 0, i.count, x + codes, i.dim ? v + vectors : NULL, &err));
    assert_memory_equal(x, x + codes, codes);
    assert_memory_equal(v, v + vectors, vectors * sizeof *v);
    free(x);
    free(v);
}

/* Save, load, add, save over the file that is mapped, load, search. */
static void test_file(void **state)
{
    (void)state;
    for (int dim = 0; dim < 8; dim += 7)
        for (int b = 0; b < LENGTHS; b += 2)
            for (int64_t n = 0; n < 100; n = 3 * n + 2) {
                int bits = lengths[b], bytes = (bits + 7) / 8;
                uint8_t *codes = random_codes(n + 50, bits, 1);
                float *vectors = dim ? random_vectors(n + 50, dim, 3) : NULL;
                syl_index *whole, *loaded, *again;
                syl_index_info info;
                ok(syl_index_create(&whole, bits, dim, &err));
                ok(syl_index_add(whole, codes, vectors, n, &err));
                ok(syl_index_save(whole, path, &err));
                ok(syl_index_load(&loaded, path, 1, &err));
                check_same(whole, loaded);
                syl_index_get_info(loaded, &info);
                assert_int_equal(info.in_file, n);
                const float *more = dim ? vectors + n * dim : NULL;
                ok(syl_index_add(whole, codes + n * bytes, more, 50, &err));
                ok(syl_index_add(loaded, codes + n * bytes, more, 50, &err));
                check_same(whole, loaded);
                ok(syl_index_save(loaded, path, &err));
                ok(syl_index_load(&again, path, 1, &err));
                check_same(whole, again);
                check_same(whole, loaded);
                for (int m = 0; m < 2; m++) { /* the two parts of `loaded` searched */
                    data d = {bits, n + 50, 5, codes, random_codes(5, bits, 2), loaded};
                    syl_search_options o = syl_search_options_defaults();
                    check(&d, &o);
                    free(d.queries);
                    ok(syl_index_build(loaded, 0, 1, &err));
                }
                syl_index_free(again);
                syl_index_free(loaded);
                syl_index_free(whole);
                free(codes);
                free(vectors);
            }
}

static size_t read_file(uint8_t **out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    *out = syl_calloc(size + 1, 1);
    assert_int_equal(fread(*out, 1, size, f), size);
    fclose(f);
    return size;
}

static void test_bad_files(void **state)
{
    uint8_t *codes = random_codes(40, 100, 1), *file;
    float *vectors = random_vectors(40, 3, 3);
    syl_index *index, *bad;
    (void)state;
    ok(syl_index_create(&index, 100, 3, &err));
    ok(syl_index_add(index, codes, vectors, 40, &err));
    ok(syl_index_save(index, path, &err));
    size_t size = read_file(&file);
    for (size_t n = 0; n < size; n++) { /* cut off anywhere */
        assert_int_equal(syl_index_parse(&bad, file, n, "bad", n % 2, &err), SYL_EFORMAT);
        assert_null(bad);
    }
    assert_int_equal(syl_index_parse(&bad, file, size + 1, "bad", true, &err), SYL_EFORMAT);
    for (size_t i = 0; i < size; i++) { /* any byte another */
        file[i] ^= (uint8_t)(1 + i % 255);
        assert_true(syl_index_parse(&bad, file, size, "bad", true, &err) != SYL_OK);
        assert_non_null(strstr(err.message, "bad"));
        file[i] ^= (uint8_t)(1 + i % 255);
    }
    ok(syl_index_parse(&bad, file, size, "good", true, &err));
    syl_index_free(bad);
    refused(syl_index_load(&bad, "nowhere/index", 1, &err), SYL_EIO, "nowhere/index");
    refused(syl_index_load(&bad, folder, 1, &err), SYL_EIO, "folder");
    refused(syl_index_save(index, "nowhere/index", &err), SYL_EIO, "nowhere/index");
    syl_index_free(index);
    free(file);
    free(codes);
    free(vectors);
}

/* ---- exports ------------------------------------------------------------------------------ */

static void test_exports(void **state)
{
    static const char npy[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, "
                              "'shape': (5000, 4), }";
    uint8_t *codes = random_codes(5000, 32, 1), *file;
    const uint8_t faiss[] = {'I', 'B', 'x', 'F', 32, 0, 0, 0, 4,    0,    0, 0, 0x88, 0x13, 0, 0, 0,
                             0,   0,   0,   1,   1,  0, 0, 0, 0x20, 0x4e, 0, 0, 0,    0,    0, 0};
    syl_index *index;
    (void)state;
    ok(syl_index_create(&index, 32, 0, &err));
    ok(syl_index_add(index, codes, NULL, 5000, &err));
    ok(syl_index_export_npy(index, path, &err));
    assert_int_equal(read_file(&file), 128 + 5000 * 4);
    assert_memory_equal(file, npy, sizeof npy - 1);
    assert_memory_equal(file + 128, codes, 5000 * 4);
    free(file);
    ok(syl_index_export_faiss(index, path, &err));
    assert_int_equal(read_file(&file), sizeof faiss + 5000 * 4);
    assert_memory_equal(file, faiss, sizeof faiss);
    assert_memory_equal(file + sizeof faiss, codes, 5000 * 4);
    free(file);
    syl_index_free(index);
    ok(syl_index_create(&index, 31, 0, &err));
    refused(syl_index_export_faiss(index, path, &err), SYL_EUNSUPPORTED, "31 bits");
    ok(syl_index_export_npy(index, path, &err));
    syl_index_free(index);
    free(codes);
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void test_refused(void **state)
{
    uint8_t code[2] = {0xff, 0x0f}, bad[4] = {0, 0, 0xff, 0x1f};
    float vector[4] = {1, 2, 3, NAN};
    syl_search_options o = syl_search_options_defaults();
    syl_index *index;
    syl_hits hits;
    (void)state;
    refused(syl_index_create(&index, 0, 0, &err), SYL_EINVAL, "0 bits");
    refused(syl_index_create(&index, SYL_INDEX_BITS + 1, 0, &err), SYL_EINVAL, "1025 bits");
    refused(syl_index_create(&index, 8, -1, &err), SYL_EINVAL, "-1 dimensions");
    assert_null(index);
    ok(syl_index_create(&index, 12, 2, &err));
    refused(syl_index_add(index, bad, vector, 2, &err), SYL_EINVAL,
            "code 1 has bits beyond the 12");
    refused(syl_index_add(index, code, vector + 2, 1, &err), SYL_EINVAL, "vector 0");
    refused(syl_index_add(index, code, NULL, 1, &err), SYL_EINVAL, "2 dimensions");
    refused(syl_index_add(index, code, vector, -1, &err), SYL_EINVAL, "-1 codes");
    refused(syl_index_add(index, code, vector, (int64_t)1 << 31, &err), SYL_EINVAL, "2147483648");
    ok(syl_index_add(index, code, vector, 1, &err));
    syl_index_info info;
    syl_index_get_info(index, &info);
    assert_int_equal(info.count, 1);
    refused(syl_index_get(index, 0, 2, code, NULL, &err), SYL_EINVAL, "there are 1");
    refused(syl_index_search(index, bad, 2, &o, &hits, &err), SYL_EINVAL, "query 1");
    refused(syl_index_rank(index, code, vector + 2, 1, &o, &hits, &err), SYL_EINVAL, "nan");
    refused(syl_index_build(index, 13, 1, &err), SYL_EINVAL, "13 tables");
    o.k = -1;
    refused(syl_index_search(index, code, 1, &o, &hits, &err), SYL_EINVAL, "k is -1");
    o.k = 1;
    o.threads = 0;
    refused(syl_index_search(index, code, 1, &o, &hits, &err), SYL_EINVAL, "0 threads");
    o.threads = 1;
    o.candidates = -2;
    refused(syl_index_search(index, code, 1, &o, &hits, &err), SYL_EINVAL, "candidates is -2");
    syl_index_free(index);
    ok(syl_index_create(&index, 12, 0, &err));
    refused(syl_index_add(index, code, vector, 1, &err), SYL_EINVAL, "no vectors");
    refused(syl_index_rank(index, code, vector, 1, NULL, &hits, &err), SYL_EINVAL, "no vectors");
    ok(syl_index_search(index, code, 1, NULL, &hits, &err));
    assert_int_equal(hits.offsets[1], 0);
    syl_hits_free(&hits);
    syl_index_free(index);
    syl_index_free(NULL);
    syl_hits_free(NULL);
}

/* Several threads search one index at a time. */
static void *search_in_turns(void *arg)
{
    const data *d = arg;
    for (int t = 0; t < 6; t++) {
        syl_search_options o = syl_search_options_defaults();
        syl_hits hits, want;
        syl_error own;
        o.k = 5;
        o.method = t % 3;
        if (syl_index_search(d->index, d->queries, d->num_queries, &o, &hits, &own)) abort();
        o.k = 0; /* never by tables or on a device */
        o.method = SYL_INDEX_SCAN;
        if (syl_index_search(d->index, d->queries, d->num_queries, &o, &want, &own)) abort();
        for (int64_t q = 0; q < d->num_queries; q++)
            if (memcmp(hits.ids + hits.offsets[q], want.ids + want.offsets[q],
                       5 * sizeof *want.ids))
                abort();
        syl_hits_free(&hits);
        syl_hits_free(&want);
    }
    return NULL;
}

static void search_together(data *d)
{
    pthread_t thread[4];
    ok(syl_index_build(d->index, 8, 1, &err));
    for (int t = 0; t < 4; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, search_in_turns, d), 0);
    for (int t = 0; t < 4; t++)
        assert_int_equal(pthread_join(thread[t], NULL), 0);
}

static void test_concurrent(void **state)
{
    data d = make(128, 3000, 9);
    (void)state;
    search_together(&d);
    discard(&d);
}

/* On a device, executed on the host where its module was built; several threads take turns. */
static void test_device(void **state)
{
    char module[4096];
    const char *modules = getenv("CUDAHOST_MODULES");
    data d = make(100, 700, 9);
    (void)state;
    refused(syl_index_set_device(d.index, "abacus", &err), SYL_EINVAL, "abacus");
    ok(syl_index_set_device(d.index, "cpu", &err));
    snprintf(module, sizeof module, "%s/libsylkit-cuda.so", modules ? modules : "");
    if (access(module, R_OK)) {
        discard(&d);
        skip();
    }
    setenv("SYLKIT_MODULES", modules, 1);
    d.n = 600; /* the rest is added behind the device's back */
    syl_index_free(d.index);
    ok(syl_index_create(&d.index, 100, 0, &err));
    ok(syl_index_add(d.index, d.codes, NULL, 600, &err));
    ok(syl_index_set_device(d.index, "cuda", &err));
    for (int more = 0; more < 2; more++) {
        syl_search_options o = syl_search_options_defaults();
        for (o.k = 0; o.k < 200; o.k = 2 * o.k + 1)
            for (o.radius = -1; o.radius < 50; o.radius += 25)
                check(&d, &o);
        search_together(&d);
        if (!more) ok(syl_index_add(d.index, d.codes + 600 * 13, NULL, 100, &err));
        d.n = 700;
    }
    ok(syl_index_set_device(d.index, NULL, &err));
    discard(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),       cmocka_unit_test(test_radius),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_lists),      cmocka_unit_test(test_tables),
        cmocka_unit_test(test_auto),       cmocka_unit_test(test_rank),
        cmocka_unit_test(test_file),       cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_exports),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_concurrent), cmocka_unit_test(test_device),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
