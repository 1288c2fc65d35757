/* sylkit lm tokenize: text to the numbers of its tokens, and back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/lm/bpe.h"
#include "embed/lm_args.h"
#include "lib/base/memory.h"
#include "lib/io/number.h"
#include "lib/io/utf8.h"

#define COMMAND "lm tokenize"

typedef struct arguments {
    bool decode, lines, special, text, counts;
} arguments;

static const syl_arg table[] = {
    SYL_OPTION_FLAG(arguments, "decode", decode, "numbers of tokens in, their text out"),
    SYL_OPTION_FLAG(arguments, "lines", lines,
                    "each line is a text of its own, the numbers of its tokens are one line"),
    SYL_OPTION_FLAG(arguments, "special", special,
                    "<|endoftext|> and the like are tokens, not their letters"),
    SYL_OPTION_FLAG(arguments, "text", text,
                    "a tab and the token's text, as JSON, behind each number"),
    SYL_OPTION_FLAG(arguments, "counts", counts,
                    "how often each token is there, its number, its text; frequent ones first"),
};
#define COUNT (sizeof table / sizeof *table)

typedef struct job {
    arguments args;
    const char *vocabulary, *input;
    syl_bpe *bpe;
    syl_bpe_encoder *encoder;
    char *text;
    size_t length;
    int64_t *counts; /* [tokens], where they are wanted */
} job;

/* A write has failed; sylkit says so when it closes standard output. */
static bool stuck(void)
{
    if (!ferror(stdout)) return false;
    syl_note_stdout_failure();
    return true;
}

/* A token's text as JSON; bytes that are no UTF-8 as U+FFFD. */
static syl_status print_text(const job *j, int32_t id, syl_error *err)
{
    syl_span token = syl_bpe_token(j->bpe, id);
    char *clean = malloc(3 * token.size + 1);
    if (!clean) return syl_fail_memory(err, 3 * token.size + 1, "a token's text");
    json_t *string = json_stringn(clean, syl_utf8_replace(token.data, token.size, clean));
    char *shown = json_dumps(string, JSON_ENCODE_ANY);
    free(clean);
    json_decref(string);
    if (!shown) return syl_fail_memory(err, 6 * token.size, "a token's text");
    printf("\t%s\n", shown);
    free(shown);
    return SYL_OK;
}

static syl_status print_ids(job *j, const int32_t *ids, size_t n, bool first, syl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (j->counts) {
            j->counts[ids[i]]++;
        } else if (j->args.lines) {
            printf("%s%" PRId32, first && i == 0 ? "" : " ", ids[i]);
        } else {
            printf(j->args.text ? "%" PRId32 : "%" PRId32 "\n", ids[i]);
            if (j->args.text) SYL_TRY(print_text(j, ids[i], err));
        }
    }
    return SYL_OK;
}

static syl_status encode_text(job *j, syl_span text, syl_error *err)
{
    const int32_t *ids;
    size_t n;
    bool first = true;
    syl_bpe_encoder_begin(j->encoder, text.data, text.size, j->args.special);
    do {
        SYL_TRY(syl_bpe_encoder_next(j->encoder, &ids, &n, err));
        SYL_TRY(print_ids(j, ids, n, first, err));
        first = false;
    } while (n > 0 && !stuck());
    if (j->args.lines && !j->counts) putchar('\n');
    return SYL_OK;
}

/* Says on standard error when bytes of the text get lost. */
static void warn_of_missing(const job *j)
{
    size_t missing = 0;
    bool none[256];
    for (int i = 0; i < 256; i++)
        none[i] = syl_bpe_find(j->bpe, &(char){(char)i}, 1) < 0;
    for (size_t i = 0; i < j->length; i++)
        missing += none[(unsigned char)j->text[i]];
    if (missing > 0)
        fprintf(stderr, "sylkit: %s: %zu bytes of the text have no token in this vocabulary\n",
                COMMAND, missing);
}

static syl_status encode(job *j, syl_error *err)
{
    syl_lines lines = syl_lines_of(j->text, j->length);
    syl_span line;
    if (syl_bpe_get_info(j->bpe).bytes < 256) warn_of_missing(j);
    SYL_TRY(syl_bpe_encoder_create(&j->encoder, j->bpe, err));
    if (!j->args.lines) return encode_text(j, (syl_span){j->text, j->length}, err);
    while (syl_next_line(&lines, &line) && !stuck())
        SYL_TRY(encode_text(j, line, err));
    return SYL_OK;
}

/* The text of one token that is written out as a number. */
static syl_status decode_word(job *j, syl_span word, int64_t line, syl_error *err)
{
    int64_t id = -1;
    syl_span token;
    if (!syl_parse_count(word, &id) || id >= syl_bpe_get_info(j->bpe).size ||
        !(token = syl_bpe_token(j->bpe, (int32_t)id)).data)
        return syl_fail(err, SYL_EINVAL, "%s, line %" PRId64 ": \"%.*s\" is the number of no token",
                        syl_lm_text_name(j->input), line, (int)(word.size < 40 ? word.size : 40),
                        word.data);
    if (j->args.special || !syl_bpe_special(j->bpe, (int32_t)id))
        fwrite(token.data, 1, token.size, stdout);
    return SYL_OK;
}

static syl_status decode(job *j, syl_error *err)
{
    syl_lines lines = syl_lines_of(j->text, j->length);
    syl_span line, word;
    while (syl_next_line(&lines, &line) && !stuck()) {
        while (syl_next_word(&line, &word))
            SYL_TRY(decode_word(j, word, lines.number, err));
        if (j->args.lines) putchar('\n');
    }
    return SYL_OK;
}

static int by_count(const void *a, const void *b, void *counts)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int64_t m = ((const int64_t *)counts)[x], n = ((const int64_t *)counts)[y];
    return m != n ? (m < n ? 1 : -1) : (x > y) - (x < y);
}

static syl_status print_counts(job *j, syl_error *err)
{
    int32_t size = syl_bpe_get_info(j->bpe).size;
    int32_t *order = syl_calloc((size_t)size, sizeof *order);
    syl_status status = SYL_OK;
    if (!order) return syl_fail_memory(err, (size_t)size * sizeof *order, "counts");
    for (int32_t i = 0; i < size; i++)
        order[i] = i;
    qsort_r(order, (size_t)size, sizeof *order, by_count, j->counts);
    for (int32_t i = 0; i < size && j->counts[order[i]] > 0 && !status && !stuck(); i++) {
        printf("%" PRId64 "\t%" PRId32, j->counts[order[i]], order[i]);
        status = print_text(j, order[i], err);
    }
    free(order);
    return status;
}

static syl_status run(job *j, syl_error *err)
{
    SYL_TRY(syl_bpe_load(&j->bpe, j->vocabulary, err));
    SYL_TRY(syl_lm_read_text(j->input, &j->text, &j->length, err));
    if (j->args.decode) return decode(j, err);
    if (j->args.counts) {
        size_t size = (size_t)syl_bpe_get_info(j->bpe).size;
        j->counts = syl_calloc(size, sizeof *j->counts);
        if (!j->counts) return syl_fail_memory(err, size * sizeof *j->counts, "counts");
    }
    SYL_TRY(encode(j, err));
    return j->counts ? print_counts(j, err) : SYL_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    const arguments *a = &j->args;
    syl_error err;
    if (argc < 1 || argc > 2) return syl_usage(COMMAND, "name one VOCABULARY and at most one TEXT");
    if (a->decode && (a->text || a->counts))
        return syl_usage(COMMAND, "--decode writes text: leave out --text and --counts");
    if (a->text && (a->lines || a->counts))
        return syl_usage(COMMAND,
                         "--text is for one number a line: leave out --lines and --counts");
    j->vocabulary = argv[0];
    j->input = argc == 2 ? argv[1] : "-";
    int code = syl_exit_code(run(j, &err), &err);
    free(j->text), free(j->counts);
    syl_bpe_encoder_free(j->encoder);
    syl_bpe_free(j->bpe);
    return code;
}

static const char usage[] =
    "Usage: sylkit lm tokenize [OPTIONS] VOCABULARY [TEXT]\n"
    "The numbers of the tokens of the file TEXT, or of standard input, one a line. VOCABULARY\n"
    "is a model (GGUF or a folder), a tokenizer.json, or GPT-2's encoder.json with vocab.bpe\n"
    "beside it.";

int syl_cmd_lm_tokenize(int argc, char **argv)
{
    syl_arg_command command = {COMMAND, usage, .table = table, .count = COUNT, .start = start};
    job j = {0};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
