/* Any bytes as a data set of sentences, whose tokens must be its text again; as a tokenizer; and as
 * a question about blocks with a plan. The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "embed/sent/answer.h"
#include "embed/sent/blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encoding and decoding give the text back. */
static void check_text(const syl_sent_tokenizer *t, const char *text)
{
    syl_sent_ids ids = {0};
    char *back;
    if (t->encode(t, text, strlen(text), &ids, NULL)) abort();
    if (t->decode(t, ids.data, ids.count, &back, NULL)) abort();
    if (strcmp(text, back)) abort();
    free(back);
    syl_sent_ids_free(&ids);
}

static void check_dataset(const uint8_t *data, size_t size)
{
    syl_sent_dataset d;
    syl_sent_words *words;
    syl_sent_tokenizer *t;
    syl_sent_tokens tokens;
    if (syl_sent_dataset_parse(&d, data, size, "data", NULL)) return;
    if (syl_sent_words_create(&words, NULL) || syl_sent_dataset_words(&d, words, NULL) ||
        syl_sent_words_finish(words, &t, NULL))
        abort();
    for (size_t i = 0; i < d.count; i++) {
        const syl_sent_sample *s = &d.samples[i];
        check_text(t, s->question);
        for (int k = 0; k < s->num_sentences; k++)
            check_text(t, s->sentences[k]);
        if (syl_sent_sample_encode(&tokens, s, t, NULL)) abort();
        if (tokens.ids[tokens.starts[s->num_sentences] - 1] != t->newline) abort();
        syl_sent_tokens_free(&tokens);
        syl_sent_score_of(s, d.marker, s->sentences, s->num_sentences);
    }
    syl_sent_tokenizer_free(t);
    syl_sent_words_free(words);
    syl_sent_dataset_free(&d);
}

static void check_tokenizer(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, 0, NULL);
    const char *type = json_string_value(json_object_get(json, "type"));
    syl_sent_tokenizer *t;
    char *text;
    int32_t id = (int32_t)size - 5;
    if (json && !(type && !strcmp(type, "bpe")) && /* which reads files */
        !syl_sent_tokenizer_from_json(&t, json, "data", NULL)) {
        if (!t->decode(t, &id, 1, &text, NULL)) free(text);
        json_decref(t->to_json(t));
        syl_sent_tokenizer_free(t);
    }
    json_decref(json);
}

static void check_blocks(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), again[SYL_BLOCK_MOVE_TEXT];
    syl_blocks a, b;
    syl_block_move m;
    if (!text) return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (syl_blocks_parse_question(&a, &b, text) && !(syl_blocks_valid(&a) && syl_blocks_valid(&b)))
        abort();
    if (syl_block_move_parse(&m, text)) {
        syl_block_move_format(m, again);
        if (strcmp(text, again)) abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    if (data[0] % 3 == 0)
        check_dataset(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        check_tokenizer(data + 1, size - 1);
    else
        check_blocks(data + 1, size - 1);
    return 0;
}
