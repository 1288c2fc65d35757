/* Text as tokens, for models of sentences: by words with a vocabulary made from data, or by
 * anything else that fills syl_sent_tokenizer.
 *
 * Words are runs of letters (bytes past ASCII count as letters), single digits, other characters
 * one by one but for runs of #, < and > ("###", "<<"), and single blanks that the rule of spacing
 * does not foresee. The rule: one space stands before a word that follows a word, a digit, or one
 * of . , : ; ? ! ) #; before a digit that follows a word or one of : ; ? ! #; and before "(" after
 * a word. A text that lacks such a space holds "<join>" there. So decoding gives back every text
 * exactly, and the tokens of "a\nb" are those of "a", "\n" and those of "b". */
#ifndef SYL_EMBED_SENT_TOKENIZER_H
#define SYL_EMBED_SENT_TOKENIZER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

typedef struct syl_sent_ids {
    int32_t *data; /* owned; a struct of zeros is empty */
    size_t count, room;
} syl_sent_ids;
syl_status syl_sent_ids_add(syl_sent_ids *ids, int32_t id, syl_error *err);
void syl_sent_ids_free(syl_sent_ids *ids);

/* Never changes after its making: safe from several threads. */
typedef struct syl_sent_tokenizer syl_sent_tokenizer;
struct syl_sent_tokenizer {
    int vocab;            /* ids are 0 to vocab - 1 */
    int32_t newline, eos; /* what ends a sentence, and what ends a text */
    /* Appends the tokens of `length` bytes of UTF-8. */
    syl_status (*encode)(const syl_sent_tokenizer *t, const char *text, size_t length,
                         syl_sent_ids *ids, syl_error *err);
    /* *text: the caller's to free, with a NUL; ids that are none are errors, eos is nothing. */
    syl_status (*decode)(const syl_sent_tokenizer *t, const int32_t *ids, size_t count, char **text,
                         syl_error *err);
    /* The member "tokenizer" of a model's metadata, a new reference; NULL: no memory. */
    json_t *(*to_json)(const syl_sent_tokenizer *t);
    void (*free)(syl_sent_tokenizer *t);
};
void syl_sent_tokenizer_free(syl_sent_tokenizer *t); /* NULL is fine */

/* Words, as they are gathered from texts: add, then make a tokenizer. */
typedef struct syl_sent_words syl_sent_words;
syl_status syl_sent_words_create(syl_sent_words **out, syl_error *err);
syl_status syl_sent_words_add(syl_sent_words *words, const char *text, size_t length,
                              syl_error *err);
/* Ids: "\n", "<eos>", then the words in the order of their bytes. */
syl_status syl_sent_words_finish(const syl_sent_words *words, syl_sent_tokenizer **out,
                                 syl_error *err);
void syl_sent_words_free(syl_sent_words *words);

/* {"type": "words", "tokens": [...]}, which "\n" and "<eos>" must be among; or {"type": "bpe",
 * "file": NAME}, a file beside `name`, which is the model's path. */
syl_status syl_sent_tokenizer_from_json(syl_sent_tokenizer **out, const json_t *json,
                                        const char *name, syl_error *err);

/* Byte-level BPE: whatever syl_bpe_load takes. to_json names the file without its folder: it is to
 * lie beside the model. */
syl_status syl_sent_bpe_tokenizer(syl_sent_tokenizer **out, const char *path, syl_error *err);
/* The same of a file in the folder of the file `model`. */
syl_status syl_sent_bpe_beside(syl_sent_tokenizer **out, const char *file, const char *model,
                               syl_error *err);

#endif
