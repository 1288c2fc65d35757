/* Byte-level byte pair encoding: text to numbers of tokens and back, as GPT-2 and SmolLM2 have it.
 * Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2,
 * over bytes (Radford et al. 2019, section 2.2); the same tokens as Hugging Face's `tokenizers`.
 *
 *     syl_bpe *bpe;
 *     int32_t *ids;
 *     size_t count, length;
 *     char *text;
 *     if (syl_bpe_load(&bpe, "tokenizer.json", &err)) ...
 *     if (syl_bpe_encode(bpe, "Hello", 5, false, &ids, &count, &err)) ...
 *     if (syl_bpe_decode(bpe, ids, count, true, &text, &length, &err)) ...
 *
 * A vocabulary is constant once loaded: any number of threads may share it. Encoders and streams
 * belong to one thread at a time.
 * Limits: 2,097,150 tokens and as many merges, 65,535 bytes a token, 256 MiB a JSON file. */
#ifndef SYL_EMBED_LM_BPE_H
#define SYL_EMBED_LM_BPE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/io/gguf.h"

typedef struct syl_bpe syl_bpe;

/* ---- vocabularies -------------------------------------------------------------------------- */

/* By what is there: a GGUF file; Hugging Face's tokenizer.json; GPT-2's encoder.json (vocab.json),
 * with vocab.bpe (merges.txt) beside it; or a folder that holds tokenizer.json or the two. */
syl_status syl_bpe_load(syl_bpe **out, const char *path, syl_error *err);
/* tokenizer.ggml.*: model "gpt2", pre "gpt-2" or "smollm". */
syl_status syl_bpe_from_gguf(syl_bpe **out, const syl_gguf *file, syl_error *err);
/* The content of a tokenizer.json; `name` stands in for its path. Its post-processor is not
 * applied: no token is added before or behind a text. */
syl_status syl_bpe_from_json(syl_bpe **out, const json_t *root, const char *name, syl_error *err);
/* The content of GPT-2's two files. */
syl_status syl_bpe_from_gpt2(syl_bpe **out, const json_t *encoder, const char *merges, size_t size,
                             const char *name, syl_error *err);
void syl_bpe_free(syl_bpe *bpe);

typedef struct syl_bpe_info {
    int32_t size;       /* tokens are 0 to size - 1; some of them may be no token */
    int32_t begin, end; /* of a text, where the file names them (<|endoftext|> does for both); -1 */
    bool add_begin;     /* the file wants `begin` before a text; encode never adds it */
    bool single_digits; /* SmolLM2's rule (embed/lm/pieces.h) */
    int bytes; /* that have tokens, 256 at best: others vanish, or become an unknown token */
} syl_bpe_info;

syl_bpe_info syl_bpe_get_info(const syl_bpe *bpe);
/* The token whose bytes these are (of two the first), special or not; -1: none. */
int32_t syl_bpe_find(const syl_bpe *bpe, const char *text, size_t length);
/* The bytes of a token, not terminated; none for a number that is no token. */
syl_span syl_bpe_token(const syl_bpe *bpe, int32_t id);
/* <|endoftext|>, <|im_start|>, ...: read from text only where that is asked for. */
bool syl_bpe_special(const syl_bpe *bpe, int32_t id);

/* ---- text to tokens ------------------------------------------------------------------------ */

/* *ids [*count] is freed by the caller. special: special tokens in the text are those tokens, not
 * their letters; only for text that one trusts. Any bytes are text. */
syl_status syl_bpe_encode(const syl_bpe *bpe, const char *text, size_t length, bool special,
                          int32_t **ids, size_t *count, syl_error *err);

/* For many or long texts: remembers pieces that it has met (2 MiB). */
typedef struct syl_bpe_encoder syl_bpe_encoder;
syl_status syl_bpe_encoder_create(syl_bpe_encoder **out, const syl_bpe *bpe, syl_error *err);
/* Begins a text, which must stay until its last tokens are out. */
void syl_bpe_encoder_begin(syl_bpe_encoder *encoder, const char *text, size_t length, bool special);
/* The next tokens of the text, some ten thousand at a time, in *ids [*count], which are the
 * encoder's until its next call; *count 0: there are no more. */
syl_status syl_bpe_encoder_next(syl_bpe_encoder *encoder, const int32_t **ids, size_t *count,
                                syl_error *err);
void syl_bpe_encoder_free(syl_bpe_encoder *encoder);

/* ---- tokens to text ------------------------------------------------------------------------ */

/* The bytes of the tokens and a NUL behind them (not counted), freed by the caller. special:
 * special tokens are written, else left out. SYL_EINVAL for a number that is no token. */
syl_status syl_bpe_decode(const syl_bpe *bpe, const int32_t *ids, size_t count, bool special,
                          char **text, size_t *length, syl_error *err);

/* Token by token, for people to read: whole UTF-8 characters as soon as they are there, U+FFFD for
 * bytes that are none. */
typedef struct syl_bpe_stream {
    const syl_bpe *bpe;
    bool special;
    char held[4]; /* the beginning of a character */
    size_t num_held;
    char *text; /* [capacity], owned */
    size_t capacity;
} syl_bpe_stream;

syl_bpe_stream syl_bpe_stream_of(const syl_bpe *bpe, bool special);
/* *text [*length] (terminated) is the stream's until its next call. */
syl_status syl_bpe_stream_push(syl_bpe_stream *stream, int32_t id, const char **text,
                               size_t *length, syl_error *err);
/* What is held at the end, which is no whole character. */
syl_status syl_bpe_stream_finish(syl_bpe_stream *stream, const char **text, size_t *length,
                                 syl_error *err);
void syl_bpe_stream_free(syl_bpe_stream *stream);

#endif
