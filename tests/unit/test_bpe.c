/* Byte-level BPE: pieces, merges against a plain version, any bytes, added tokens, streams. */
#include "tests/golden/golden.h"

#include <pthread.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/random.h"
#include "lib/io/utf8.h"

static syl_error err;

/* The vocabulary of GPT-2's rule (i 0) or SmolLM2's (1) that the golden tests have. */
static syl_bpe *open_bpe(int i)
{
    char path[4096];
    syl_bpe *bpe;
    golden_path(path, sizeof path, i ? "bpe/smollm.json" : "bpe/gpt2.json");
    if (syl_bpe_load(&bpe, path, &err)) fail_msg("%s", err.message);
    return bpe;
}

static int32_t *encode(const syl_bpe *bpe, const char *text, size_t length, bool special, size_t *n)
{
    int32_t *ids;
    if (syl_bpe_encode(bpe, text, length, special, &ids, n, &err)) fail_msg("%s", err.message);
    return ids;
}

/* Encodes and decodes; the bytes must be the same. */
static void round_trip(const syl_bpe *bpe, const char *text, size_t length)
{
    size_t n, back_length;
    int32_t *ids = encode(bpe, text, length, false, &n);
    char *back;
    assert_int_equal(syl_bpe_decode(bpe, ids, n, true, &back, &back_length, &err), SYL_OK);
    assert_int_equal(back_length, length);
    if (length) assert_memory_equal(back, text, length);
    assert_int_equal(back[length], 0);
    free(back);
    free(ids);
}

/* ---- pieces -------------------------------------------------------------------------------- */

/* The pieces of a text with bars between them. */
static const char *split(const syl_pieces *p, const char *text)
{
    static char out[256];
    size_t at = 0, to = 0, length = strlen(text);
    while (at < length) {
        char *copy = malloc(length - at); /* of this size: the sanitizer sees a read beyond it */
        memcpy(copy, text + at, length - at);
        size_t n = syl_pieces_next(p, copy, length - at);
        free(copy);
        assert_true(n > 0 && n <= length - at);
        if (at) out[to++] = '|';
        memcpy(out + to, text + at, n);
        to += n;
        at += n;
    }
    out[to] = '\0';
    return out;
}

static void test_pieces(void **state)
{
    static const char *const want[][3] = {
        /* text, GPT-2, SmolLM2 (NULL: the same) */
        {"", "", NULL},
        {"Hello world", "Hello| world", NULL},
        {"a  b", "a| | b", NULL},
        {"a\n b", "a|\n| b", NULL},
        {"a \nb", "a| |\n|b", NULL},
        {"a  ", "a|  ", NULL},
        {" ", " ", NULL},
        {"\n\n", "\n\n", NULL},
        {"it's they'll I'd we're", "it|'s| they|'ll| I|'d| we|'re", NULL},
        {"IT'S 'twas", "IT|'|S| '|twas", NULL},
        {"'x 'lx 'l '", "'|x| '|lx| '|l| '", NULL},
        {"x 12.5", "x| 12|.|5", "x| |1|2|.|5"},
        {"x  12", "x| | 12", "x|  |1|2"},
        {"x12y", "x|12|y", "x|1|2|y"},
        {"!?a", "!?|a", NULL},
        {" !? a", " !?| a", NULL},
        {"\xc3\xa9t\xc3\xa9 \xe6\x97\xa5", "\xc3\xa9t\xc3\xa9| \xe6\x97\xa5", NULL},
        {"e\xcc\x81", "e|\xcc\x81", NULL}, /* a mark is no letter */
        {"a\xc2\xa0"
         "b",
         "a|\xc2\xa0|b", NULL}, /* no-break space */
        {"a\xe3\x80\x80\xe3\x80\x80"
         "b",
         "a|\xe3\x80\x80|\xe3\x80\x80|b", NULL},                       /* wide spaces */
        {"\xc2\xbd\xd9\xa1", "\xc2\xbd\xd9\xa1", "\xc2\xbd|\xd9\xa1"}, /* a half, an Arabic 1 */
        {"a\xff\xc3"
         "b",
         "a|\xff\xc3|b", NULL}, /* invalid bytes are no letters */
        {" \xff!", " \xff!", NULL},
        {"\xed\xa0\x80", "\xed\xa0\x80", NULL}, /* a surrogate is three of them */
    };
    syl_pieces *p = malloc(sizeof *p);
    (void)state;
    assert_non_null(p);
    for (int digits = 0; digits < 2; digits++) {
        syl_pieces_init(p, digits);
        for (size_t i = 0; i < sizeof want / sizeof *want; i++)
            assert_string_equal(split(p, want[i][0]),
                                digits && want[i][2] ? want[i][2] : want[i][1]);
    }
    free(p);
}

/* ---- merges -------------------------------------------------------------------------------- */

/* The rank of a merge in the file's list. */
static size_t plain_rank(const json_t *merges, const char *left, const char *right)
{
    char text[512];
    size_t i;
    json_t *merge;
    snprintf(text, sizeof text, "%s %s", left, right);
    json_array_foreach(merges, i, merge) if (!strcmp(json_string_value(merge), text)) return i;
    return SIZE_MAX;
}

/* Merges strings of letters, looking through the file's list for each pair again and again; the
 * tokens that are left by their numbers in the file. */
static size_t plain_merge(const json_t *model, const char *piece, size_t length, int32_t *ids)
{
    const json_t *merges = json_object_get(model, "merges"),
                 *vocab = json_object_get(model, "vocab");
    char(*part)[256] = calloc(length, sizeof *part);
    size_t n = length;
    assert_non_null(part);
    for (size_t i = 0; i < n; i++)
        part[i][0] = piece[i]; /* only of bytes that stand for themselves */
    for (;;) {
        size_t best = SIZE_MAX, where = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            size_t rank = plain_rank(merges, part[i], part[i + 1]);
            if (rank < best) {
                best = rank;
                where = i;
            }
        }
        if (best == SIZE_MAX) break;
        char *end = part[where] + strlen(part[where]);
        memmove(end, part[where + 1], strlen(part[where + 1]) + 1);
        memmove(part + where + 1, part + where + 2, (n - where - 2) * sizeof *part);
        n--;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_object_get(vocab, part[i]));
    free(part);
    return n;
}

static void test_merges(void **state)
{
    static const size_t lengths[] = {1, 2, 3, 7, 20, 47, 48, 49, 64, 90};
    syl_random rng = {.seed = 4};
    syl_bpe_room room = {NULL, NULL, 0, 0};
    char path[4096], piece[128];
    json_t *root = json_load_file(golden_path(path, sizeof path, "bpe/gpt2.json"), 0, NULL);
    syl_bpe *bpe = open_bpe(0);
    (void)state;
    assert_non_null(root);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int32_t got[128], want[128];
        size_t n = 0, count = lengths[i];
        for (size_t k = 0; k < count; k++)
            piece[k] = "theaisn"[syl_random_u32(&rng) % 7];
        assert_int_equal(syl_bpe_merge(bpe, piece, count, &room, got, &n, &err), SYL_OK);
        assert_int_equal(n, plain_merge(json_object_get(root, "model"), piece, count, want));
        assert_memory_equal(got, want, n * sizeof *got);
    }
    syl_bpe_room_free(&room);
    syl_bpe_free(bpe);
    json_decref(root);
}

/* ---- any bytes ----------------------------------------------------------------------------- */

static void test_any_bytes(void **state)
{
    syl_random rng = {.seed = 5};
    (void)state;
    for (int digits = 0; digits < 2; digits++) {
        syl_bpe *bpe = open_bpe(digits);
        assert_int_equal(syl_bpe_get_info(bpe).bytes, 256);
        for (int i = 0; i < 2000; i++) {
            size_t length = syl_random_u32(&rng) % 80;
            unsigned kinds = syl_random_u32(&rng) % 3;
            char *text = malloc(length + 1);
            assert_non_null(text);
            for (size_t k = 0; k < length; k++) {
                uint32_t r = syl_random_u32(&rng);
                text[k] = kinds == 0   ? (char)r
                          : kinds == 1 ? "\xf0\x9f\x98\x80\xe2 a1'"[r % 9]
                                       : (char)(r % 128);
            }
            round_trip(bpe, text, length);
            free(text);
        }
        syl_bpe_free(bpe);
    }
}

/* Long pieces, which would take minutes were the work quadratic. */
static void test_long_pieces(void **state)
{
    const size_t length = 1000000;
    char *text = malloc(length);
    syl_bpe *bpe = open_bpe(0);
    (void)state;
    assert_non_null(text);
    for (int c = 0; c < 4; c++) {
        memset(text, "a -\xe2"[c], length);
        round_trip(bpe, text, length);
    }
    for (size_t i = 0; i < length; i++)
        text[i] = "the"[i % 3];
    round_trip(bpe, text, length);
    syl_bpe_free(bpe);
    free(text);
}

/* ---- encoders ------------------------------------------------------------------------------ */

/* All that an encoder gives for a text. */
static size_t drain(syl_bpe_encoder *e, int32_t *ids)
{
    size_t n, count = 0;
    const int32_t *some;
    do {
        assert_int_equal(syl_bpe_encoder_next(e, &some, &n, &err), SYL_OK);
        if (n) memcpy(ids + count, some, n * sizeof *some);
        count += n;
    } while (n > 0);
    assert_int_equal(syl_bpe_encoder_next(e, &some, &n, &err), SYL_OK);
    assert_int_equal(n, 0);
    return count;
}

/* One encoder for many texts gives what a new one gives for each, in whatever portions. */
static void test_encoder(void **state)
{
    const size_t length = 300000;
    syl_random rng = {.seed = 6};
    char *text = malloc(length);
    int32_t *got = malloc((length + 64) * sizeof *got);
    syl_bpe *bpe = open_bpe(1);
    syl_bpe_encoder *e;
    (void)state;
    assert_true(text && got);
    for (size_t i = 0; i < length; i++)
        text[i] = "ab1 .<|endoftx>'s\n"[syl_random_u32(&rng) % 18];
    assert_int_equal(syl_bpe_encoder_create(&e, bpe, &err), SYL_OK);
    assert_int_equal(drain(e, got), 0);
    for (size_t begin = 0; begin < length; begin = 2 * begin + 1) {
        size_t n, count;
        int32_t *want = encode(bpe, text + begin, length - begin, true, &n);
        syl_bpe_encoder_begin(e, text + begin, length - begin, true);
        count = drain(e, got);
        assert_int_equal(count, n);
        assert_memory_equal(got, want, n * sizeof *got);
        free(want);
    }
    syl_bpe_encoder_free(e);
    syl_bpe_encoder_free(NULL);
    syl_bpe_free(bpe);
    free(got);
    free(text);
}

static void *encode_many(void *shared)
{
    const syl_bpe *bpe = shared;
    static const char text[] = "The quick brown fox, 12 times over the lazy dog's back.";
    for (int i = 0; i < 50; i++) {
        int32_t *ids;
        size_t n;
        if (syl_bpe_encode(bpe, text, sizeof text - 1, false, &ids, &n, NULL)) return shared;
        free(ids);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[3];
    syl_bpe *bpe = open_bpe(0);
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_many, bpe), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    syl_bpe_free(bpe);
}

/* ---- added tokens -------------------------------------------------------------------------- */

static void test_added(void **state)
{
    static const char text[] = "<|im_start|>user<|im_end|><plain>x";
    syl_bpe *bpe = open_bpe(0);
    int32_t user = syl_bpe_find(bpe, "<|im_start|>user", 16),
            end = syl_bpe_find(bpe, "<|im_end|>", 10);
    int32_t plain = syl_bpe_find(bpe, "<plain>", 7), x = syl_bpe_find(bpe, "x", 1);
    size_t n, length;
    int32_t *ids = encode(bpe, text, sizeof text - 1, true, &n);
    char *back;
    (void)state;
    assert_true(user >= 0 && end >= 0 && plain >= 0 && x >= 0);
    assert_true(syl_bpe_special(bpe, user) && !syl_bpe_special(bpe, plain) &&
                !syl_bpe_special(bpe, -1));
    assert_int_equal(n, 4); /* the longest that fits, then the others */
    assert_true(ids[0] == user && ids[1] == end && ids[2] == plain && ids[3] == x);
    assert_int_equal(syl_bpe_decode(bpe, ids, n, false, &back, &length, &err), SYL_OK);
    assert_string_equal(back, "<plain>x");
    free(back);
    free(ids);
    ids = encode(bpe, text, sizeof text - 1, false, &n);
    assert_true(n > 4 && ids[n - 2] == plain && ids[0] != user);
    for (size_t i = 0; i < n; i++)
        assert_false(syl_bpe_special(bpe, ids[i]));
    free(ids);
    assert_int_equal(syl_bpe_get_info(bpe).end, syl_bpe_find(bpe, "<|endoftext|>", 13));
    assert_int_equal(syl_bpe_get_info(bpe).begin, syl_bpe_get_info(bpe).end);
    assert_int_equal(syl_bpe_find(bpe, "no such token", 13), -1);
    assert_int_equal(syl_bpe_token(bpe, x).size, 1);
    assert_int_equal(syl_bpe_token(bpe, 1 << 30).size, 0);
    assert_int_equal(syl_bpe_token(bpe, -1).size, 0);
    syl_bpe_free(bpe);
    syl_bpe_free(NULL);
}

/* ---- to text ------------------------------------------------------------------------------- */

static void test_decode_refused(void **state)
{
    syl_bpe *bpe = open_bpe(0);
    int32_t bad[] = {-1, 1 << 20, INT32_MIN};
    const char *text;
    char *back;
    size_t length;
    syl_bpe_stream s = syl_bpe_stream_of(bpe, true);
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(syl_bpe_decode(bpe, &bad[i], 1, true, &back, &length, &err), SYL_EINVAL);
        assert_null(back);
        assert_int_equal(syl_bpe_stream_push(&s, bad[i], &text, &length, &err), SYL_EINVAL);
    }
    assert_int_equal(syl_bpe_decode(bpe, bad, 0, true, &back, &length, &err), SYL_OK);
    assert_string_equal(back, "");
    free(back);
    syl_bpe_stream_free(&s);
    syl_bpe_free(bpe);
}

/* Bytes one token each: what comes out is whole characters, as early as can be, and in the end the
 * text with U+FFFD for what is no UTF-8. */
static void stream_bytes(const syl_bpe *bpe, const char *bytes, size_t n)
{
    char want[512], got[512];
    size_t length, at = 0;
    const char *text;
    syl_bpe_stream s = syl_bpe_stream_of(bpe, true);
    syl_utf8_replace(bytes, n, want);
    for (size_t i = 0; i <= n; i++) {
        if (i < n)
            assert_int_equal(
                syl_bpe_stream_push(&s, syl_bpe_find(bpe, bytes + i, 1), &text, &length, &err),
                SYL_OK);
        else
            assert_int_equal(syl_bpe_stream_finish(&s, &text, &length, &err), SYL_OK);
        assert_int_equal(strlen(text), length);
        assert_int_equal(syl_utf8_valid(text, length), length);
        memcpy(got + at, text, length);
        at += length;
        if (i < n) assert_true(s.num_held < 4 && s.num_held <= i + 1);
    }
    got[at] = '\0';
    assert_string_equal(got, want);
    syl_bpe_stream_free(&s);
}

static void test_stream(void **state)
{
    static const char alphabet[] = "a\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9\xff\xed\xa0\xf4\x90";
    syl_random rng = {.seed = 7};
    syl_bpe *bpe = open_bpe(0);
    const char *text;
    size_t length;
    syl_bpe_stream s = syl_bpe_stream_of(bpe, true);
    (void)state;
    for (int i = 0; i < 3; i++) { /* the euro sign: nothing before its last byte */
        int32_t id = syl_bpe_find(bpe, &"\xe2\x82\xac"[i], 1);
        assert_int_equal(syl_bpe_stream_push(&s, id, &text, &length, &err), SYL_OK);
        assert_string_equal(text, i < 2 ? "" : "\xe2\x82\xac");
    }
    syl_bpe_stream_free(&s);
    for (int i = 0; i < 3000; i++) {
        char bytes[40];
        size_t n = syl_random_u32(&rng) % sizeof bytes;
        for (size_t k = 0; k < n; k++)
            bytes[k] = alphabet[syl_random_u32(&rng) % (sizeof alphabet - 1)];
        stream_bytes(bpe, bytes, n);
    }
    syl_bpe_free(bpe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),    cmocka_unit_test(test_merges),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_long_pieces),
        cmocka_unit_test(test_encoder),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_added),     cmocka_unit_test(test_decode_refused),
        cmocka_unit_test(test_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
