/* Any bytes as text, and as a vocabulary's file: the text comes back as it was; the file is
 * refused, or text can be encoded with it. The first byte chooses which, the second options. */
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe_inner.h"
#include "lib/io/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good) abort();
}

/* All bytes, some merges of them, and tokens that are looked for in text. */
static syl_bpe *small_vocabulary(bool single_digits)
{
    static const char *const merges[] = {"a a", "aa aa", "a b", "aa b", "\xc4\xa0 a", "1 1", "' s"};
    static const char *const added[] = {"<s>", "<s>a", "<p>"};
    enum { MERGES = 7, ADDED = 3 };
    static char letters[256][3], made[MERGES][8];
    syl_bpe_source s;
    syl_bpe *bpe;
    need(!syl_bpe_source_init(&s, "small", 256 + MERGES + ADDED, MERGES, NULL));
    for (uint32_t b = 0, next = 256; b < 256; b++) {
        bool shown = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        s.tokens[b] = (syl_span){letters[b], syl_utf8_encode(shown ? b : next++, letters[b])};
    }
    for (size_t i = 0; i < MERGES; i++) {
        need(!syl_bpe_source_merge(&s, i, (syl_span){merges[i], strlen(merges[i])}, NULL));
        size_t n = s.left[i].size;
        memcpy(made[i], s.left[i].data, n);
        memcpy(made[i] + n, s.right[i].data, s.right[i].size);
        s.tokens[256 + i] = (syl_span){made[i], n + s.right[i].size};
    }
    memset(s.kinds, SYL_BPE_NORMAL, 256 + MERGES);
    for (size_t i = 0; i < ADDED; i++) {
        s.tokens[256 + MERGES + i] = (syl_span){added[i], strlen(added[i])};
        s.kinds[256 + MERGES + i] = i < 2 ? SYL_BPE_SPECIAL : SYL_BPE_ADDED;
    }
    s.single_digits = single_digits;
    need(!syl_bpe_build(&bpe, &s, NULL));
    syl_bpe_source_free(&s);
    return bpe;
}

static void check_text(const syl_bpe *bpe, const char *text, size_t length, bool special, bool same)
{
    int32_t *ids;
    char *back;
    size_t n, back_length, shown;
    const char *some;
    need(!syl_bpe_encode(bpe, text, length, special, &ids, &n, NULL));
    need(!syl_bpe_decode(bpe, ids, n, true, &back, &back_length, NULL));
    if (same) need(back_length == length && (!length || !memcmp(back, text, length)));
    syl_bpe_stream s = syl_bpe_stream_of(bpe, true);
    for (size_t i = 0; i < n; i++) {
        need(!syl_bpe_stream_push(&s, ids[i], &some, &shown, NULL));
        need(syl_utf8_valid(some, shown) == shown);
    }
    need(!syl_bpe_stream_finish(&s, &some, &shown, NULL));
    syl_bpe_stream_free(&s);
    free(back);
    free(ids);
}

/* A tokenizer.json, or GPT-2's two files, which the first NUL parts. */
static void check_file(const char *text, size_t length, bool gpt2)
{
    const char *middle = gpt2 ? memchr(text, 0, length) : NULL;
    size_t head = middle ? (size_t)(middle - text) : length;
    json_t *root = json_loadb(text, head, JSON_REJECT_DUPLICATES, NULL);
    syl_bpe *bpe = NULL;
    if (!root) return;
    if (!gpt2)
        syl_bpe_from_json(&bpe, root, "input", NULL);
    else if (middle)
        syl_bpe_from_gpt2(&bpe, root, middle + 1, length - head - 1, "input", NULL);
    if (bpe) check_text(bpe, text, length, true, false);
    syl_bpe_free(bpe);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    char *text = malloc(size > 2 ? size - 2 : 1); /* exact: the sanitizer sees a read beyond it */
    if (!text) return 0;
    memcpy(text, data + 2, size - 2);
    if (data[0] % 3) {
        check_file(text, size - 2, data[0] % 3 == 1);
    } else {
        static syl_bpe *small[2];
        int digits = data[1] & 1;
        if (!small[digits]) small[digits] = small_vocabulary(digits);
        check_text(small[digits], text, size - 2, data[1] & 2, true);
    }
    free(text);
    return 0;
}
