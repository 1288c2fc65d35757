/* Nearest centres and Hamming search against plain loops. */
#include "tests/cuda/memory.h"

#include "lib/compute/cuda/kernels.h"

/* ---- nearest ------------------------------------------------------------------------------- */

static double squared_distance(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum;
}

typedef struct nearest_case {
    int64_t rows, centres, dim;
    int64_t x_gap, centre_gap; /* floats between rows */
    int64_t distinct;          /* centres repeat after so many: the first of equals has to win */
} nearest_case;

static float *repeat_rows(float *c, const nearest_case *n, int64_t stride)
{
    for (int64_t k = n->distinct; k < n->centres; k++)
        memcpy(c + k * stride, c + (k % n->distinct) * stride, (size_t)stride * sizeof *c);
    return c;
}

/* Near ties may go either way: the distance says whether the choice was right. */
static void check_rows(const nearest_case *n, const float *x, const float *c, const int32_t *id,
                       const float *distance)
{
    int64_t xs = n->dim + n->x_gap, cs = n->dim + n->centre_gap;
    double worst = 0;
    for (int64_t i = 0; i < n->rows; i++) {
        double best = INFINITY, tolerance = 1e-5 * (1 + (double)n->dim);
        for (int64_t k = 0; k < n->centres; k++)
            best = fmin(best, squared_distance(x + i * xs, c + k * cs, n->dim));
        assert_in_range(id[i], 0, n->centres - 1);
        assert_true(id[i] < n->distinct);
        double chosen = squared_distance(x + i * xs, c + id[i] * cs, n->dim);
        assert_true(chosen <= best + tolerance);
        assert_true(distance[i] >= 0 && fabs(distance[i] - chosen) <= tolerance);
        worst = fmax(worst, fabs(distance[i] - chosen) / (1 + chosen));
    }
    if (getenv("TEST_ERRORS")) print_message("  distance: %.2g\n", worst);
}

static void check_nearest(nearest_case n)
{
    int64_t xs = n.dim + n.x_gap, cs = n.dim + n.centre_gap;
    float *x = random_floats(1, (size_t)(n.rows * xs));
    float *c = repeat_rows(random_floats(2, (size_t)(n.centres * cs)), &n, cs);
    float *squares = host_bytes((size_t)n.centres * sizeof *squares);
    float *distance = host_bytes((size_t)n.rows * sizeof *distance);
    int32_t *id = host_bytes((size_t)n.rows * sizeof *id);
    for (int64_t k = 0; k < n.centres; k++)
        for (int64_t i = 0; i < n.dim; i++)
            squares[k] += c[k * cs + i] * c[k * cs + i];
    float *dx = device_floats(x, (size_t)(n.rows * xs)),
          *dsq = device_floats(squares, (size_t)n.centres);
    float *dc = device_floats(c, (size_t)(n.centres * cs));
    float *dd = device_floats(NULL, (size_t)n.rows);
    int32_t *di = device_bytes(NULL, (size_t)n.rows * sizeof *di);
    syl_mat mx = syl_mat_of(dx, SYL_F32, n.rows, n.dim),
            mc = syl_mat_of(dc, SYL_F32, n.centres, n.dim);
    mx.stride = xs, mc.stride = cs;
    ok(syl_cuda_nearest(0, mx, mc, dsq, di, dd));
    fetch(id, di, (size_t)n.rows * sizeof *id);
    fetch(distance, dd, (size_t)n.rows * sizeof *distance);
    check_rows(&n, x, c, id, distance);
    release(dx), release(dsq), release(dc), release(dd), release(di);
    free(x), free(c), free(squares), free(distance), free(id);
}

static void nearest(void **state)
{
    static const nearest_case cases[] = {
        {1, 1, 1, 0, 0, 1},       {2, 3, 4, 0, 0, 3},      {31, 65, 33, 0, 0, 65},
        {70, 130, 24, 4, 8, 130}, {129, 70, 17, 0, 3, 70}, {65, 64, 16, 1, 0, 64},
        {3, 200, 8, 0, 0, 5},     {130, 2, 40, 0, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_nearest(cases[i]);
}

/* A row that is a centre has distance 0 or little above, never below. */
static void nearest_of_centres(void **state)
{
    enum { N = 70, DIM = 20 };
    float *x = random_floats(3, N * DIM), squares[N] = {0}, distance[N];
    int32_t id[N];
    (void)state;
    for (int i = 0; i < N * DIM; i++)
        squares[i / DIM] += x[i] * x[i];
    float *dx = device_floats(x, N * DIM), *dsq = device_floats(squares, N);
    float *dd = device_floats(NULL, N);
    int32_t *di = device_bytes(NULL, sizeof id);
    syl_mat m = syl_mat_of(dx, SYL_F32, N, DIM);
    ok(syl_cuda_nearest(0, m, m, dsq, di, dd));
    fetch(id, di, sizeof id);
    fetch(distance, dd, sizeof distance);
    for (int i = 0; i < N; i++) {
        assert_int_equal(id[i], i);
        assert_true(distance[i] >= 0 && distance[i] < 1e-4f);
    }
    m.rows = 0;
    ok(syl_cuda_nearest(0, m, m, dsq, di, dd));
    release(dx), release(dsq), release(dd), release(di);
    free(x);
}

/* ---- Hamming ------------------------------------------------------------------------------- */

static uint64_t *random_words(uint64_t seed, size_t n, uint64_t mask)
{
    uint64_t *w = host_bytes(n * sizeof *w);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        w[i] = (seed ^ seed >> 29) & mask;
    }
    return w;
}

static int compare_items(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

typedef struct hamming_case {
    int64_t n, queries;
    int words, k;
    uint64_t mask; /* few bits: many equal distances */
} hamming_case;

static void check_query(const hamming_case *h, const uint64_t *codes, const uint64_t *query,
                        const int32_t *distance, const int32_t *id)
{
    uint64_t *item = host_bytes((size_t)h->n * sizeof *item);
    for (int64_t i = 0; i < h->n; i++) {
        int d = 0;
        for (int w = 0; w < h->words; w++)
            d += __builtin_popcountll(codes[i * h->words + w] ^ query[w]);
        item[i] = (uint64_t)d << 32 | (uint64_t)i;
    }
    qsort(item, (size_t)h->n, sizeof *item, compare_items);
    for (int i = 0; i < h->k; i++) {
        assert_int_equal(distance[i], i < h->n ? (int32_t)(item[i] >> 32) : -1);
        assert_int_equal(id[i], i < h->n ? (int32_t)(uint32_t)item[i] : -1);
    }
    free(item);
}

static void check_hamming(hamming_case h)
{
    size_t nc = (size_t)(h.n * h.words), nq = (size_t)(h.queries * h.words);
    size_t found = (size_t)(h.queries * h.k) * sizeof(int32_t);
    uint64_t *codes = random_words(1, nc, h.mask), *queries = random_words(2, nq, h.mask);
    void *dc = device_bytes(codes, nc * sizeof *codes);
    void *dq = device_bytes(queries, nq * sizeof *queries);
    void *dd = device_bytes(NULL, found), *di = device_bytes(NULL, found);
    void *work = device_bytes(NULL, syl_cuda_hamming_work(h.queries, h.n, h.k));
    int32_t *distance = host_bytes(found), *id = host_bytes(found);
    ok(syl_cuda_hamming_search(0, dc, h.n, dq, h.queries, h.words, h.k, dd, di, work));
    fetch(distance, dd, found);
    fetch(id, di, found);
    for (int64_t q = 0; q < h.queries; q++)
        check_query(&h, codes, queries + q * h.words, distance + q * h.k, id + q * h.k);
    release(dc), release(dq), release(dd), release(di), release(work);
    free(codes), free(queries), free(distance), free(id);
}

static void hamming(void **state)
{
    static const hamming_case cases[] = {
        {1, 1, 1, 1, UINT64_MAX},   {0, 2, 1, 3, UINT64_MAX},     {31, 3, 2, 5, UINT64_MAX},
        {70, 9, 3, 70, UINT64_MAX}, {65, 8, 1, 128, 3},           {700, 2, 1, 100, 0xF},
        {300, 1, 8, 33, 0x1001},    {100, 2, 40, 64, UINT64_MAX}, {33, 1, 70, 2, 1},
        {1100, 1, 1, 1, 0xFF},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_hamming(cases[i]);
}

/* More than one block shares out the codes. */
static void hamming_in_chunks(void **state)
{
    hamming_case h = {8200, 2, 1, 65, 0xFFF};
    (void)state;
    assert_true(syl_cuda_hamming_work(2, 8200, 65) > (size_t)2 * 65 * sizeof(uint64_t));
    check_hamming(h);
}

/* The nearest come last: every code is a candidate. */
static void hamming_from_far_to_near(void **state)
{
    enum { N = 500, K = 128 };
    uint64_t codes[N * 8], query[8] = {0};
    hamming_case h = {N, 1, 8, K, 0};
    int32_t distance[K], id[K];
    (void)state;
    for (int i = 0; i < N * 8; i++) { /* code i has N - i bits */
        int bits = N - i / 8 - i % 8 * 64;
        codes[i] = bits >= 64 ? UINT64_MAX : bits > 0 ? UINT64_MAX >> (64 - bits) : 0;
    }
    void *dc = device_bytes(codes, sizeof codes), *dq = device_bytes(query, sizeof query);
    void *dd = device_bytes(NULL, sizeof distance), *di = device_bytes(NULL, sizeof id);
    void *work = device_bytes(NULL, syl_cuda_hamming_work(1, N, K));
    ok(syl_cuda_hamming_search(0, dc, N, dq, 1, 8, K, dd, di, work));
    fetch(distance, dd, sizeof distance);
    fetch(id, di, sizeof id);
    assert_int_equal(distance[0], 1);
    check_query(&h, codes, query, distance, id);
    ok(syl_cuda_hamming_search(0, dc, N, dq, 0, 8, K, dd, di, work));
    assert_int_equal(syl_cuda_hamming_search(0, dc, N, dq, 1, 8, K + 1, dd, di, work),
                     cudaErrorInvalidValue);
    release(dc), release(dq), release(dd), release(di), release(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest),
        cmocka_unit_test(nearest_of_centres),
        cmocka_unit_test(hamming),
        cmocka_unit_test(hamming_in_chunks),
        cmocka_unit_test(hamming_from_far_to_near),
    };
    if (no_device()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
