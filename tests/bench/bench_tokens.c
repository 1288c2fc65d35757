/* How fast byte-level BPE turns text into tokens, on one thread.
 *
 *   bench_tokens VOCABULARY FILE ROUNDS
 *
 * VOCABULARY is what syl_bpe_load takes. FILE's texts end behind each "</doc>" and are encoded one
 * by one. A line of JSON for each round, with a new encoder: seconds of the processor, and what
 * tells whether another program made the same tokens: how many, and their hash (h = (h xor id)
 * times the prime of FNV-1a, in 64 bits). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "embed/lm/bpe.h"
#include "lib/base/hash.h"

typedef struct result {
    size_t texts, tokens;
    uint64_t hash;
} result;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(syl_status status, const syl_error *err)
{
    if (!status) return;
    fprintf(stderr, "bench_tokens: %s\n", err->message);
    exit(1);
}

/* The text at `at` ends behind the next "</doc>" or where the file does. */
static size_t text_length(const syl_map *file, size_t at)
{
    static const char mark[] = "</doc>";
    const uint8_t *end = memmem(file->data + at, file->size - at, mark, sizeof mark - 1);
    return end ? (size_t)(end - (file->data + at)) + sizeof mark - 1 : file->size - at;
}

static result encode(syl_bpe_encoder *e, const syl_map *file)
{
    result r = {0, 0, SYL_HASH_START};
    syl_error err;
    const int32_t *ids;
    size_t n;
    for (size_t at = 0, length; at < file->size; at += length, r.texts++) {
        length = text_length(file, at);
        syl_bpe_encoder_begin(e, (const char *)file->data + at, length, false);
        do {
            need(syl_bpe_encoder_next(e, &ids, &n, &err), &err);
            for (size_t i = 0; i < n; i++)
                r.hash = (r.hash ^ (uint64_t)ids[i]) * 0x100000001b3;
            r.tokens += n;
        } while (n > 0);
    }
    return r;
}

int main(int argc, char **argv)
{
    syl_bpe_encoder *e;
    syl_error err;
    syl_bpe *bpe;
    syl_map file;

    if (argc != 4) {
        fprintf(stderr, "usage: bench_tokens VOCABULARY FILE ROUNDS\n");
        return 2;
    }
    double began = cpu_seconds();
    need(syl_bpe_load(&bpe, argv[1], &err), &err);
    double loaded = cpu_seconds() - began;
    need(syl_map_open(&file, argv[2], &err), &err);
    for (int round = 0; round < atoi(argv[3]); round++) {
        need(syl_bpe_encoder_create(&e, bpe, &err), &err);
        began = cpu_seconds();
        result r = encode(e, &file);
        printf(
            "{\"cpu_s\": %.6f, \"load_s\": %.4f, \"bytes\": %zu, \"texts\": %zu, \"tokens\": %zu, "
            "\"hash\": %" PRIu64 "}\n",
            cpu_seconds() - began, loaded, file.size, r.texts, r.tokens, r.hash);
        fflush(stdout);
        syl_bpe_encoder_free(e);
    }
    syl_map_close(&file);
    syl_bpe_free(bpe);
    return 0;
}
